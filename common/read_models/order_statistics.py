"""What happened on a UTC day, and why orders were cancelled, in sums per partition, added up when they are read."""

from common.read_models.shapes import Index, Summary

DAYS = Summary(of="days", fields=("day",), is_shared=True)
"""`total_orders`, `paid_orders`, `total_items`, `statuses.<status>`; in minor units `spent.<currency>` (what was paid
and not given back) and `refunded.<currency>`; `paid.<currency>` orders; how many were `imported`, were placed here and
ever paid (`converted`), and were ever `cancelled`, whatever became of them later."""

CANCELLATIONS = Summary(
    of="cancellations",
    fields=("reason",),
    indexes=(Index(fields=(("orders", -1),)),),
    is_shared=True,
)
"""`orders` that were cancelled, per reason as `reason_key` writes it."""
