"""Money as it is shown: exact text with its currency, and the plain number the first clients know."""

from collections.abc import Mapping
from typing import Any

from common.errors import BadRequest
from common.values import DEFAULT_CURRENCY, Money, decimal_text, is_currency
from query_service.shown.values import Amount


def show(money: Money | None) -> Amount | None:
    return None if money is None else show_amount(money.amount, money.currency)


def show_amount(minor_units: int, currency: str) -> Amount:
    return {"amount": decimal_text(minor_units, currency), "currency": currency}


def number(minor_units: int, currency: str) -> float:
    return float(decimal_text(minor_units, currency))


def show_sums(sums: Mapping[str, int]) -> list[Amount]:
    return [show_amount(amount, currency) for currency, amount in sorted(sums.items()) if amount]


def total_number(sums: Mapping[str, int], *, parts: int = 1) -> float | None:
    """The sum, or its even share, as a number; None where more than one currency is involved."""
    involved = {currency: amount for currency, amount in sums.items() if amount}
    if len(involved) > 1:
        return None
    if not involved or not parts:
        return 0.0
    ((currency, amount),) = involved.items()
    return number(average(amount, parts), currency)


def average(minor_units: int, parts: int) -> int:
    return round(minor_units / parts)


def read_currency(query: Mapping[str, str]) -> str:
    """DEFAULT_CURRENCY where none is given."""
    currency = query.get("currency", DEFAULT_CURRENCY)
    if not is_currency(currency):
        raise BadRequest("invalid_filter", "currency is one of ISO 4217's, in capitals.")
    return currency


def known_numbers(document: Mapping[str, Any], name: str) -> dict[str, int]:
    """The sums of one field by key, without those that are zero again."""
    return {key: count for key, count in sorted(document.get(name, {}).items()) if count}
