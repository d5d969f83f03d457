"""The payment provider as its clients meet it: charges, voids, refunds, and the books to look into."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from aiohttp import web
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from common.access.policies import OPEN
from common.access.routes import Handler, add_route
from common.bodies import parse_body, read_body
from common.errors import BadRequest, NotFound, Unavailable
from common.values import Message, Money, clean_text
from common.web import add_operations, json_response, make_app, problem
from payments import charges
from payments.books import Books, Entry
from payments.charges import Charge, Decision, Manner, Status

SILENT_SECONDS = 600.0  # nobody waits longer for an answer that never comes
LOOK_SECONDS = 0.2  # how often a held answer looks whether its client has left
DEFAULT_LIMIT = 100
MOST_LIMIT = 1000
MOST_DIGITS = 15
DECLINED = {"code": "insufficient_funds", "reason": "There is not enough money behind this card."}

PaymentId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
CardToken = Annotated[str, AfterValidator(clean_text), Field(max_length=200)]
_PAYMENT_ID: TypeAdapter[str] = TypeAdapter(PaymentId)


class ChargeBody(Message):
    payment_id: PaymentId
    amount: Money
    card_token: CardToken


class RefundBody(Message):
    """`amount` of a part, under an id of its own; without them all that is left goes back."""

    payment_id: PaymentId
    refund_id: PaymentId | None = None
    amount: Money | None = None

    @model_validator(mode="after")
    def _a_part_has_a_name(self) -> "RefundBody":
        if (self.refund_id is None) != (self.amount is None):
            raise ValueError("give both refund_id and amount, or neither")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How the sandbox behaves for the cards that are not plain."""

    hold_seconds: float  # the first answer for a slow card
    failures: int  # of a flaky card, before it is approved


class Provider:
    """Answers what the books say; a void needs no body, and whatever it has is not read."""

    def __init__(self, books: Books, conduct: Conduct) -> None:
        self._books = books
        self._conduct = conduct
        self._stopping = asyncio.Event()

    async def stop_holding(self, _: web.Application) -> None:
        self._stopping.set()

    async def charge(self, http: web.Request) -> web.Response:
        body = parse_body(ChargeBody, await read_body(http))
        card = charges.card_of(body.card_token)

        def ask(charge: Charge) -> Decision:
            return charges.ask(charge, body.amount, card, failures=self._conduct.failures)

        charge = await self._books.change(body.payment_id, ask)
        match charges.manner_of(charge):
            case Manner.AT_ONCE:
                return json_response(answer_of(charge))
            case Manner.FAILED:
                return problem(http, 500, "card_network_failed", "The card's network has failed; ask again.")
            case Manner.HELD:
                await self._hold(http, self._conduct.hold_seconds)
                return json_response(answer_of(charge))
            case Manner.SILENT:
                await self._hold(http, SILENT_SECONDS)
                raise Unavailable("The card's network has never answered.", code="card_network_silent")

    async def void(self, http: web.Request) -> web.Response:
        return json_response(answer_of(await self._books.change(_payment_id(http), charges.void)))

    async def refund(self, http: web.Request) -> web.Response:
        body = parse_body(RefundBody, await read_body(http))
        charge = await self._books.change(
            body.payment_id, lambda charge: charges.refund(charge, body.refund_id, body.amount)
        )
        reference = charges.refund_reference(charge.payment_id, body.refund_id)
        return json_response({"payment_id": charge.payment_id, "status": "refunded", "reference": reference})

    async def one_charge(self, http: web.Request) -> web.Response:
        entry = await self._books.entry(_payment_id(http))
        if entry is None:
            raise NotFound("unknown_charge", "No charge has this payment_id.")
        return json_response(_shown(entry))

    async def books(self, http: web.Request) -> web.Response:
        """Oldest first; `next` is what `after` must be for the next page, null when there is none yet."""
        after = _number(http.query, "after", 0, range(10**MOST_DIGITS))
        limit = _number(http.query, "limit", DEFAULT_LIMIT, range(1, MOST_LIMIT + 1))
        entries = await self._books.page(after=after, limit=limit + 1)
        following = entries[limit - 1].number if len(entries) > limit else None
        return json_response({"charges": [_shown(entry) for entry in entries[:limit]], "next": following})

    async def ready(self) -> Mapping[str, bool]:
        try:
            await self._books.page(after=0, limit=1)
        except Unavailable:
            return {"books": False}
        return {"books": True}

    async def _hold(self, http: web.Request, seconds: float) -> None:
        """Wait so long, or until the client has left; Unavailable when the process is stopped meanwhile."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (left_seconds := deadline - loop.time()) > 0 and http.transport is not None:
            try:
                async with asyncio.timeout(min(LOOK_SECONDS, left_seconds)):
                    await self._stopping.wait()
            except TimeoutError:
                continue
            raise Unavailable("The provider is being stopped; ask again.")


def make_payments_app(books: Books, conduct: Conduct) -> web.Application:
    app = make_app(name="payments")
    provider = Provider(books, conduct)
    routes: tuple[tuple[str, str, Handler], ...] = (
        ("POST", "/charges", provider.charge),
        ("POST", "/charges/{payment_id}/void", provider.void),
        ("GET", "/charges/{payment_id}", provider.one_charge),
        ("POST", "/refunds", provider.refund),
        ("GET", "/books", provider.books),
    )
    for method, path, handle in routes:
        add_route(app, method, path, handle, OPEN)
    add_operations(app, provider.ready)
    app.on_shutdown.append(provider.stop_holding)
    return app


def answer_of(charge: Charge) -> dict[str, Any]:
    """What a client is told of a charge; a refund does not change that it was approved."""
    answer = {"payment_id": charge.payment_id, "status": charge.status.value, "reference": charge.capture_reference}
    return answer | DECLINED if charge.status is Status.DECLINED else answer


def _shown(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in asdict(entry).items() if name != "number"}


def _payment_id(http: web.Request) -> str:
    try:
        return _PAYMENT_ID.validate_python(http.match_info["payment_id"])
    except ValidationError as error:
        raise NotFound("unknown_charge", "A payment_id has 1 to 64 letters, digits, - and _.") from error


def _number(query: Mapping[str, str], name: str, default: int, allowed: range) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and int(text) in allowed):
        raise BadRequest(f"invalid_{name}", f"{name} is a number from {allowed.start} to {allowed.stop - 1}.")
    return int(text)
