"""The small values that every message is made of, each refusing what it cannot mean."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any

from iso4217 import Currency
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

DEFAULT_CURRENCY = "EUR"  # what an amount without a currency means
MAX_MINOR_UNITS = 10**15  # of one amount; a thousand lines of a million pieces still fit an int64
_CURRENCY_DIGITS = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
_AMOUNT = re.compile(r"(\d{1,13})(?:\.(\d{1,4}))?", re.ASCII)
_ZERO_WIDTH_JOINER = "\u200d"
_INVISIBLE = frozenset(
    "\u0000\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)


class Message(BaseModel):
    """What commands, events and their parts have in common: frozen, strict, closed."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Money(Message):
    """An amount in minor units (cents) of one ISO 4217 currency."""

    amount: Annotated[int, Field(ge=0, le=MAX_MINOR_UNITS)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    def times(self, quantity: int) -> "Money":
        return Money(amount=self.amount * quantity, currency=self.currency)

    def decimal_text(self) -> str:
        """The amount as people write it: `9998` EUR is `99.98`."""
        return decimal_text(self.amount, self.currency)


def decimal_text(minor_units: int, currency: str) -> str:
    digits = _CURRENCY_DIGITS[currency]
    if digits == 0:
        return str(minor_units)
    sign, minor_units = ("-", -minor_units) if minor_units < 0 else ("", minor_units)
    whole, fraction = divmod(minor_units, 10**digits)
    return f"{sign}{whole}.{fraction:0{digits}d}"


def parse_money(spoken: object) -> Money:
    """Read `"49.99"` (in DEFAULT_CURRENCY) or `{"amount": "49.99", "currency": "USD"}`; ValueError says what is wrong.

    JSON numbers are refused: they pass through binary floating point on their way here.
    """
    match spoken:
        case Money():
            return spoken
        case str():
            return _from_text(spoken, DEFAULT_CURRENCY)
        case {"amount": str(text), "currency": str(currency), **rest} if not rest:
            return _from_text(text, currency)
    raise ValueError('write an amount as text, like "49.99", or as {"amount": "49.99", "currency": "EUR"}')


def _from_text(text: str, currency: str) -> Money:
    digits = _CURRENCY_DIGITS.get(currency)
    if digits is None:
        raise ValueError("the currency is not one of ISO 4217's, in capitals")
    found = _AMOUNT.fullmatch(text)
    if found is None or len(found[2] or "") > digits:
        raise ValueError(f"an amount in {currency} is digits with at most {digits} decimals")
    return Money(amount=int(found[1] + (found[2] or "").ljust(digits, "0")), currency=currency)


def clean_text(text: str) -> str:
    """Return the text in NFC; refuse characters that are there but cannot be seen."""
    for place, character in enumerate(text):
        if character in _INVISIBLE or (character == _ZERO_WIDTH_JOINER and not _joins_symbols(text, place)):
            raise ValueError(f"the text has an invisible character (U+{ord(character):04X})")
    return unicodedata.normalize("NFC", text)


def _joins_symbols(text: str, place: int) -> bool:
    """A joiner is fine inside an emoji sequence, and nowhere else."""
    before, after = text[:place].rstrip("\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"), text[place + 1 :]
    return bool(before and after) and unicodedata.category(before[-1]) == unicodedata.category(after[0]) == "So"


def _instant(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(microsecond=value.microsecond // 1000 * 1000)
    return value


Price = Annotated[Money, BeforeValidator(parse_money)]
"""Money as a client writes it."""
Instant = Annotated[
    datetime,
    AfterValidator(_instant),
    Field(json_schema_extra={"format": "date-time"}),
    PlainSerializer(lambda instant: instant, return_type=datetime, when_used="unless-none"),
]
"""An aware UTC instant in whole milliseconds."""
UserId = Annotated[int, Field(ge=1, le=2**53 - 1)]
ProductId = Annotated[int, Field(ge=1, le=2**53 - 1)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(clean_text)]
Reason = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(clean_text)]
Email = Annotated[
    str, Field(max_length=254, pattern=r"^[^@\s<>\"',;:\\()\[\]]+@[^@\s.]+(\.[^@\s.]+)+$"), AfterValidator(clean_text)
]
