"""The pages of the console, each with an address at which it has something to show."""

from tests.browser.shop import Shop

LISTED = ("", "orders", "inventory", "products", "customers", "statistics", "events", "projections", "sagas", "queues")
"""Those that stand in the list of pages on every stack."""


async def addresses(shop: Shop) -> dict[str, str]:
    """By a name that is good for a file."""
    order = (await shop.get("queries/orders?status=COMPLETED&limit=1"))["data"][0]["order_id"]
    looks = {f"order_{look}": f"orders/{order}?show={look}" for look in ("events", "saga", "causes")}
    return {
        **{path or "overview": path for path in LISTED},
        "order": f"orders/{order}",
        **looks,
        "product": "products/501",
        "customer": "customers/101",
        "saga": f"sagas/order_fulfilment/{order}",
    }
