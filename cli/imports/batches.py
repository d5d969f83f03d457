"""Orders on their way to the command service: what fits in one request."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cli.imports.order_files import Order, Rejected

MAX_BYTES = 60_000  # of one request; the service takes 64 KiB
MAX_LINES = 500  # of one request; the service takes 1000


@dataclass(frozen=True, slots=True)
class Batch:
    """NDJSON, and the line of the file that each of its lines came from."""

    body: bytes
    line_numbers: tuple[int, ...]

    def halves(self) -> tuple["Batch", "Batch"]:
        lines, middle = self.body.splitlines(keepends=True), len(self.line_numbers) // 2
        return (
            Batch(b"".join(lines[:middle]), self.line_numbers[:middle]),
            Batch(b"".join(lines[middle:]), self.line_numbers[middle:]),
        )


def in_batches(lines: Iterable[Order | Rejected], on_rejected: Callable[[Rejected], None]) -> Iterator[Batch]:
    """Yield the orders in their order; what is none goes to `on_rejected`."""
    orders: list[Order] = []
    size_bytes = 0
    for line in lines:
        if isinstance(line, Rejected):
            on_rejected(line)
            continue
        if orders and (size_bytes + len(line.body) >= MAX_BYTES or len(orders) == MAX_LINES):
            yield _batch(orders)
            orders, size_bytes = [], 0
        orders.append(line)
        size_bytes += len(line.body) + 1
    if orders:
        yield _batch(orders)


def _batch(orders: list[Order]) -> Batch:
    return Batch(b"\n".join(order.body for order in orders) + b"\n", tuple(order.line_number for order in orders))
