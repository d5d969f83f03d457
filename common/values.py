"""The small values that every message is made of, each refusing what it cannot mean."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from iso4217 import Currency
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

DEFAULT_CURRENCY = "EUR"  # what an amount without a currency means
MAX_MINOR_UNITS = 10**15  # of one amount; a thousand lines of a million pieces still fit an int64
MAX_QUANTITY = 1_000_000  # of one line
_CURRENCY_DIGITS = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
_AMOUNT = re.compile(r"(\d{1,13})(?:\.(\d{1,4}))?", re.ASCII)
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_ZERO_WIDTH_JOINER = "\u200d"
_BLACK_FLAG = "\U0001f3f4"  # begins the flags of regions, which are spelt in invisible tags
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")  # letters that show nothing


class Message(BaseModel):
    """What commands, events and their parts have in common: frozen, strict, closed."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


def with_example(**fields: Any) -> ConfigDict:
    """The configuration of a model that shows how it is written."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


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


def is_currency(code: str) -> bool:
    return code in _CURRENCY_DIGITS


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
    """Return the text in NFC; refuse blanks alone, and characters that are there but cannot be seen."""
    if not text.isascii() or not text.isprintable():
        for place, character in enumerate(text):
            if _is_hidden(text, place):
                raise ValueError(f"the text has an invisible character (U+{ord(character):04X})")
    if not text.strip():
        raise ValueError("the text is blank")
    return unicodedata.normalize("NFC", text)


def _is_hidden(text: str, place: int) -> bool:
    character = text[place]
    if character == _ZERO_WIDTH_JOINER:
        return not _joins_symbols(text, place)
    if "\U000e0020" <= character <= "\U000e007f":
        return not text[:place].rstrip("".join(map(chr, range(0xE0020, 0xE0080)))).endswith(_BLACK_FLAG)
    is_control = unicodedata.category(character) in ("Cc", "Cf", "Cs")
    return character in _FILLERS or (is_control and character not in "\t\r\n")


def _joins_symbols(text: str, place: int) -> bool:
    """A joiner is fine inside an emoji sequence, and nowhere else."""
    before, after = text[:place].rstrip("\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"), text[place + 1 :]
    return bool(before and after) and unicodedata.category(before[-1]) == unicodedata.category(after[0]) == "So"


def _spelt_as_rfc_3339(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        return datetime.fromisoformat(value)
    raise ValueError("write an instant with its zone, like 2026-01-31T08:30:00Z")


def _in_utc_milliseconds(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant needs its zone")
    try:
        utc = instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the instant is beyond the years 1 to 9999") from error
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


_SPOKEN_AMOUNT = {"type": "string", "pattern": r"^[0-9]{1,13}(\.[0-9]{1,4})?$", "examples": ["49.99"]}
_SPOKEN_MONEY = {
    "anyOf": [
        {**_SPOKEN_AMOUNT, "description": f"In {DEFAULT_CURRENCY}."},
        {
            "type": "object",
            "properties": {"amount": _SPOKEN_AMOUNT, "currency": {"type": "string", "pattern": "^[A-Z]{3}$"}},
            "required": ["amount", "currency"],
            "additionalProperties": False,
        },
    ]
}
Price = Annotated[Money, BeforeValidator(parse_money), WithJsonSchema(_SPOKEN_MONEY, mode="validation")]
"""Money as a client writes it."""
Instant = Annotated[datetime, BeforeValidator(_spelt_as_rfc_3339), AfterValidator(_in_utc_milliseconds)]
"""An aware UTC instant in whole milliseconds, spelt as RFC 3339 says."""
UserId = Annotated[int, Field(ge=1, le=2**53 - 1)]
ProductId = Annotated[int, Field(ge=1, le=2**53 - 1)]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
Name = Annotated[str, AfterValidator(clean_text), Field(max_length=200)]
"""Lengths are of the text in NFC, as it is stored."""
Username = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Notes = Annotated[str, AfterValidator(clean_text), Field(max_length=2000)]
"""What people write beside an order, for people."""
Reason = Annotated[str, AfterValidator(clean_text), Field(max_length=500)]
Code = Annotated[str, AfterValidator(clean_text), Field(min_length=1, max_length=100)]
"""A stable word for machines, like `insufficient_stock`."""
Uuid = Annotated[str, Field(pattern=f"^{_UUID}$")]
Url = Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s<>\"'`\\]+$"), AfterValidator(clean_text)]
CardToken = Annotated[str, AfterValidator(clean_text), Field(max_length=200)]
"""What the payment provider knows a card by; never a card's number."""
PaymentKind = Literal["card", "wallet", "bank_transfer"]
Email = Annotated[
    str, Field(max_length=254, pattern=r"^[^@\s<>\"',;:\\()\[\]]+@[^@\s.]+(\.[^@\s.]+)+$"), AfterValidator(clean_text)
]


def is_uuid(text: str) -> bool:
    """In lower case, as all of ours are."""
    return re.fullmatch(_UUID, text) is not None


def is_number_id(text: str) -> bool:
    """The id of a user or product, spelt as we spell it."""
    return re.fullmatch(r"[1-9][0-9]{0,15}", text, re.ASCII) is not None and int(text) < 2**53


class CardPersonal(Message):
    """What points at a person's card, kept apart so that it can be erased alone: then there is none."""

    card_token: CardToken | None = None


class PaymentMethod(Message):
    """How somebody pays: the kind, and by which token the payment provider knows it; never the number itself."""

    kind: PaymentKind
    token: CardToken
