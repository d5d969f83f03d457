"""What a user ordered, in sums: how many, how much, how they stand, and of what."""

from common.read_models.shapes import Index, Summary

USERS = Summary(
    of="users",
    fields=("user_id",),
    indexes=(
        Index(fields=(("spent.$**", 1),)),
        Index(fields=(("of", 1), ("total_orders", -1), ("user_id", 1))),
    ),
)
"""`total_orders`, `paid_orders`, `spent.<currency>` and `refunded.<currency>` in minor units, `statuses.<status>`."""

USER_PRODUCTS = Summary(
    of="user_products",
    fields=("user_id", "product_id"),
    indexes=(Index(fields=(("user_id", 1), ("quantity", -1), ("product_id", 1))),),
)
"""`orders` and `quantity` of a product that a user ordered."""
