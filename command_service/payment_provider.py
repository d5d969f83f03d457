"""The payment provider as this service sees it: a port, and its client over HTTP."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, TypeVar

import aiohttp
import orjson
import structlog
from pydantic import TypeAdapter
from yarl import URL

from common.errors import CommandRejected, Unavailable
from common.values import Money

TIMEOUT_SECONDS = 2.0
T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """`reference` is the provider's own, of an approved charge; `code` and `reason` are those of a declined one."""

    status: Literal["approved", "declined", "voided"]
    reference: str | None = None
    code: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        needed = {"approved": self.reference, "declined": self.code, "voided": "nothing"}
        if not needed[self.status]:
            raise ValueError(f"{self.status} lacks its reference or code")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    status: Literal["refunded"]
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Of what was captured; it goes back once under its id."""

    refund_id: str
    amount: Money


_CHARGE = TypeAdapter(Charge)
_REFUND = TypeAdapter(Refund)


class PaymentProvider(Protocol):
    """Keyed by payment id: the same call again moves no more money and has the same answer.

    Each raises Unavailable when nothing can be said about the outcome, and CommandRejected, with the provider's code,
    when the provider refuses for good.
    """

    async def charge(self, payment_id: str, amount: Money, card_token: str) -> Charge:
        """Take the money. Voided when `void` came first."""
        ...

    async def void(self, payment_id: str) -> Charge:
        """Return voided, and nothing can be captured under this id any more; or how the charge was settled before."""
        ...

    async def refund(self, payment_id: str, part: Part | None = None) -> Refund:
        """Give all of it back, or a part. CommandRejected when so much was not captured, or went back before."""
        ...


class HttpPaymentProvider:
    """Use it with `async with`, in the event loop that makes it."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._url = URL(url)
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout_seconds))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def charge(self, payment_id: str, amount: Money, card_token: str) -> Charge:
        body = {"payment_id": payment_id, "amount": amount.model_dump(), "card_token": card_token}
        return await self._post("charges", _CHARGE, body)

    async def void(self, payment_id: str) -> Charge:
        return await self._post(f"charges/{payment_id}/void", _CHARGE, {})

    async def refund(self, payment_id: str, part: Part | None = None) -> Refund:
        body: dict[str, Any] = {"payment_id": payment_id}
        if part:
            body |= {"refund_id": part.refund_id, "amount": part.amount.model_dump()}
        return await self._post("refunds", _REFUND, body)

    async def _post(self, path: str, kind: TypeAdapter[T], body: dict[str, Any]) -> T:
        try:
            async with self._http.post(self._url / path, json=body, allow_redirects=False) as answer:
                return _understand(kind, answer.status, await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unavailable("does not answer") from error


def _understand(kind: TypeAdapter[T], status: int, body: bytes) -> T:
    if status >= 500:
        raise _unavailable(f"answers {status}")
    try:
        if status == 409:
            refused = orjson.loads(body)
            raise CommandRejected(str(refused["code"]), str(refused["detail"]))
        if status == 200:
            return kind.validate_json(body)
    except (ValueError, TypeError, KeyError) as error:  # ValidationError is a ValueError; it quotes the answer
        log.warning("provider_not_understood", status=status, error=type(error).__name__)
        raise _unavailable("cannot be understood") from error
    log.warning("provider_not_understood", status=status)
    raise _unavailable(f"answers {status}")


def _unavailable(what: str) -> Unavailable:
    return Unavailable(f"The payment provider {what}.", code="payment_provider_unavailable")
