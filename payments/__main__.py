"""Run the payment provider: a sandbox that moves no real money and forgets nothing."""

from common.config import Settings
from common.process import run_process
from common.web import serve
from payments.app import Conduct, make_payments_app
from payments.books import Books


async def run(settings: Settings) -> None:
    books = Books(settings.payments_data)
    await books.open()
    conduct = Conduct(hold_seconds=settings.payments_hold_seconds, failures=settings.payments_failures)
    try:
        await serve(make_payments_app(books, conduct), settings.bind_host, settings.payments_port)
    finally:
        await books.close()


if __name__ == "__main__":
    run_process("payments", run)
