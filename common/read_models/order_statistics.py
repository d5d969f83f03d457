"""What happened on a UTC day, in sums per day and partition, added up when they are read."""

from common.read_models.shapes import Summary

DAYS = Summary(of="days", fields=("day",), is_shared=True)
"""`total_orders`, `paid_orders`, `total_items`, `spent.<currency>` in minor units, `statuses.<status>`."""
