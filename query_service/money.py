"""Money as it is shown: exact text with its currency, and the plain number the first clients know."""

from collections.abc import Mapping
from typing import Any

from common.values import Money, decimal_text


def show(money: Money | None) -> dict[str, str] | None:
    return None if money is None else show_amount(money.amount, money.currency)


def show_amount(minor_units: int, currency: str) -> dict[str, str]:
    return {"amount": decimal_text(minor_units, currency), "currency": currency}


def number(minor_units: int, currency: str) -> float:
    return float(decimal_text(minor_units, currency))


def show_sums(sums: Mapping[str, int]) -> list[dict[str, str]]:
    return [show_amount(amount, currency) for currency, amount in sorted(sums.items()) if amount]


def total_number(sums: Mapping[str, int], *, parts: int = 1) -> float | None:
    """The sum, or its even share, as a number; None where more than one currency is involved."""
    involved = {currency: amount for currency, amount in sums.items() if amount}
    if len(involved) > 1:
        return None
    if not involved or not parts:
        return 0.0
    ((currency, amount),) = involved.items()
    return number(round(amount / parts), currency)


def known_numbers(document: Mapping[str, Any], name: str) -> dict[str, int]:
    """The sums of one field by key, without those that are zero again."""
    return {key: count for key, count in sorted(document.get(name, {}).items()) if count}
