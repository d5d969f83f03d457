"""Run the payment provider: a sandbox that moves no real money and forgets nothing."""

from common.access.door import may_be_off
from common.config import Settings
from common.process import run_process
from common.web import serve
from payments.app import Conduct, make_payments_app
from payments.books import open_books


async def run(settings: Settings) -> None:
    may_be_off(settings)  # a sandbox: it asks nobody who they are
    conduct = Conduct(hold_seconds=settings.payments_hold_seconds, failures=settings.payments_failures)
    async with open_books(settings.payments_data) as books:
        await serve(make_payments_app(books, conduct), settings.bind_host, settings.payments_port)


if __name__ == "__main__":
    run_process("payments", run)
