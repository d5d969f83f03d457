"""O4: the stock of every product, event by event."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.oracle.facts import Document, Facts, Finding, subject_of


@dataclass(slots=True)
class Stock:
    """Pieces of one product; `stock` is all that ever came in, `open` the reservations by their id."""

    stock: int = 0
    reserved: int = 0
    sold: int = 0
    open: dict[str, int] = field(default_factory=dict)

    def tell(self, event_type: str, data: Document) -> str | None:
        """Take an event in; return what is wrong with it by itself."""
        match event_type:
            case "InventoryCreated" | "InventoryUpdated" if data.get("quantity") is not None:
                self.stock = data["quantity"] + self.sold  # what is told is the number on hand
            case "InventoryRolledBack":
                wrong = f"it is rolled back with {self.reserved} reserved and {self.sold} sold"
                self.stock = 0
                return wrong if self.reserved or self.sold else None
            case "StockReserved":
                return self._reserve(data["reservation_id"], data["quantity"])
            case "StockReleased":
                return self._release(data["reservation_id"], data["quantity"])
            case "StockCommitted":
                self.sold += data["quantity"]
                return self._close(data["reservation_id"], data["quantity"])
        return None

    def _reserve(self, reservation_id: str, quantity: int) -> str | None:
        is_open = reservation_id in self.open
        self.open[reservation_id] = quantity
        self.reserved += quantity
        return f"reservation {reservation_id} is made while it is open" if is_open else None

    def _release(self, reservation_id: str, quantity: int) -> str | None:
        """All of it, or a part: then the rest stays open."""
        left = self.open.get(reservation_id, 0) - quantity
        if left <= 0:
            return self._close(reservation_id, quantity)
        self.reserved -= quantity
        self.open[reservation_id] = left
        return None

    def _close(self, reservation_id: str, quantity: int) -> str | None:
        self.reserved -= quantity
        reserved = self.open.pop(reservation_id, None)
        if reserved is None:
            return f"reservation {reservation_id} is closed and was not open"
        return None if reserved == quantity else f"reservation {reservation_id} of {reserved} is closed with {quantity}"

    def imbalance(self) -> str | None:
        if 0 <= self.reserved <= self.stock - self.sold:
            return None
        return f"{self.reserved} are reserved and {self.sold} sold of {self.stock}"


def o4_stock_is_never_oversold(facts: Facts) -> Iterator[Finding]:
    """For every product at every prefix of the log: 0 ≤ reserved, reserved + sold ≤ stock.

    A reservation is made before it is closed, and closed once, with as many pieces as were left of it.
    """
    stocks: dict[str, Stock] = {}
    for commit in facts.commits:
        if not commit["stream"].startswith("inventory-"):
            continue
        stock = stocks.setdefault(subject_of(commit), Stock())
        about = f"inventory/{subject_of(commit)}"
        for event in commit["events"]:
            if wrong := stock.tell(event["type"], event["data"]):
                yield about, f"at position {commit['_id']}: {wrong}"
        if wrong := stock.imbalance():
            yield about, f"at position {commit['_id']}: {wrong}"
