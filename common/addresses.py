"""Where a service is: one address, or those of several processes with commas between, any of which will do."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def each_address(addresses: str) -> tuple[str, ...]:
    """Those named in a setting; a comma that belongs to an address is written `%2C`."""
    return tuple(address.strip() for address in addresses.split(","))


def in_any_order(items: Sequence[T]) -> list[T]:
    """By chance, so that those who ask spread over those who answer."""
    return random.sample(items, len(items)) if len(items) > 1 else list(items)
