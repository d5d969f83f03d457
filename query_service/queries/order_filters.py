"""What a list of orders may be asked for: each parameter, what it means, and how it is written."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from common.contract.operations import Parameter, Schema
from common.errors import BadRequest
from common.read_models.order_shapes import STATUSES
from common.values import DEFAULT_CURRENCY, Instant, Money, parse_money
from query_service.parameters import AMOUNT, CURRENCY_CODE, INSTANT, NUMBER

Filters = Mapping[str, Any]
"""Name → value, of those that were given. `number` stands in place of a `q` that is a whole order number."""

MOST_CHARACTERS = 254  # of a text that is looked for
_WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_ORDER_NUMBER = re.compile(r"ORD-[0-9]{4}-[1-9][0-9]{0,18}", re.ASCII | re.IGNORECASE)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


class Filter(NamedTuple):
    """`kind` is what filters are combined by: both ends of a range are one kind. The rest is for the contract."""

    kind: str
    read: Callable[[str], Any]  # ValueError says how it is written
    schema: Schema
    means: str


def read_filters(query: Mapping[str, str]) -> Filters:
    """Raise BadRequest for a value that is none; orders that are not deleted are no filter."""
    filters = {name: _read(name, query[name]) for name in PARAMETERS if name in query}
    if kinds_of(filters) & {"amount"}:
        filters |= _in_minor_units(filters)
    if not filters.get("deleted", True):
        del filters["deleted"]
    if number := order_number_in(filters.get("q", "")):
        filters["number"] = number
        del filters["q"]
    _require_ranges(filters)
    return filters


def kinds_of(filters: Filters) -> frozenset[str]:
    return frozenset(PARAMETERS[name].kind if name in PARAMETERS else name for name in filters)


def order_number_in(text: str) -> str | None:
    """The number as it is stored, if the text is one."""
    return text.strip().upper() if _ORDER_NUMBER.fullmatch(text.strip()) else None


def _read(name: str, text: str) -> Any:
    try:
        return PARAMETERS[name].read(text)
    except ValueError as error:
        raise BadRequest("invalid_filter", f"{name}: {_sentence(error)}.") from error


def _sentence(error: ValueError) -> str:
    """What pydantic wraps our own sentences in is left out."""
    errors = getattr(error, "errors", None)
    return str(errors()[0]["msg"]).removeprefix("Value error, ") if errors else str(error)


def _in_minor_units(filters: Filters) -> dict[str, Any]:
    """The amounts in the currency that stands beside them."""
    currency = filters.get("currency", DEFAULT_CURRENCY)
    try:
        parse_money({"amount": "0", "currency": currency})
        amounts = {name: _minor_units(filters[name], currency) for name in _AMOUNTS if name in filters}
    except ValueError as error:
        raise BadRequest("invalid_filter", f"{', '.join(_AMOUNTS)}, currency: {_sentence(error)}.") from error
    return {"currency": currency, **amounts}


def _minor_units(text: str, currency: str) -> int:
    money: Money = parse_money({"amount": text, "currency": currency})
    return money.amount


def _require_ranges(filters: Filters) -> None:
    if "placed_from" in filters and "placed_to" in filters and filters["placed_from"] >= filters["placed_to"]:
        raise BadRequest("invalid_filter", "placed_from must be before placed_to, which is not part of the range.")
    if "min_amount" in filters and "max_amount" in filters and filters["min_amount"] > filters["max_amount"]:
        raise BadRequest("invalid_filter", "min_amount must not be above max_amount.")


def _status(text: str) -> str:
    if text not in STATUSES:
        raise ValueError(f"a status is one of {', '.join(STATUSES)}")
    return text


def _whole_number(text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) >= 2**53:
        raise ValueError("write a whole number above 0")
    return int(text)


def _text(text: str) -> str:
    if not text.strip() or len(text) > MOST_CHARACTERS:
        raise ValueError(f"write 1 to {MOST_CHARACTERS} characters")
    return text


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("write true or false")
    return text == "true"


_TEXT = {"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS}
PARAMETERS: Mapping[str, Filter] = {
    "status": Filter("status", _status, {"enum": list(STATUSES)}, "Orders of this status."),
    "user_id": Filter("user_id", _whole_number, NUMBER, "Orders of this user."),
    "user_email": Filter("user_email", _text, _TEXT, "Orders placed with exactly this address; capitals count."),
    "user_username": Filter("user_username", _text, _TEXT, "Orders placed under exactly this name; capitals count."),
    "placed_from": Filter("placed", _INSTANT.validate_python, INSTANT, "Orders placed at this instant or later."),
    "placed_to": Filter("placed", _INSTANT.validate_python, INSTANT, "Orders placed before this instant."),
    "min_amount": Filter("amount", _text, AMOUNT, "Orders whose total is this or more."),
    "max_amount": Filter("amount", _text, AMOUNT, "Orders whose total is this or less."),
    "currency": Filter("amount", _text, CURRENCY_CODE, "The currency of the amounts."),
    "product_id": Filter("product_id", _whole_number, NUMBER, "Orders with this product."),
    "deleted": Filter(
        "deleted", _truth, {"type": "boolean"}, "`true`: orders that were deleted; else those that were not."
    ),
    "q": Filter(
        "q", _text, _TEXT, "Orders with all of these words; the last one may be a beginning. Or an order number."
    ),
}
_AMOUNTS = ("min_amount", "max_amount")
FILTERS = tuple(Parameter(name, told.schema, told.means) for name, told in PARAMETERS.items())
"""The same to the contract."""
