"""The indexes of the orders: lists are served by these and by nothing else.

Each one costs every command that changes what it holds. So orders that a list never shows are in none of its indexes,
and one index serves several lists: who asks for no status asks for each of them, and the database merges the few ends.
"""

from common.read_models.shapes import Index

_NEWEST_FIRST = (("placed_at", -1), ("_id", 1))
_COUNTED = (("is_deleted", 1),)
"""Always false where it stands: so that counting need not look at the documents."""


def _shown(*also: str) -> dict[str, object]:
    """Orders that are not deleted and have these fields."""
    return {"is_deleted": False, **{field: {"$exists": True} for field in also}}


BY_NUMBER = Index(fields=(("order_number", 1),))
BY_STATUS = Index(fields=(("status", 1), *_NEWEST_FIRST, *_COUNTED), where=_shown())
BY_USER = Index(fields=(("user_id", 1), ("status", 1), *_NEWEST_FIRST, *_COUNTED), where=_shown())
BY_PRODUCT = Index(fields=(("items.product_id", 1), ("status", 1), *_NEWEST_FIRST, *_COUNTED), where=_shown())
BY_WORD = Index(fields=(("words", 1), ("status", 1), *_NEWEST_FIRST, *_COUNTED), where=_shown("words"))
BY_EMAIL = Index(fields=(("user_email", 1), *_NEWEST_FIRST), where=_shown("user_email"))
BY_USERNAME = Index(fields=(("user_username", 1), *_NEWEST_FIRST), where=_shown("user_username"))
BY_TOTAL = Index(
    fields=(("total.currency", 1), ("total.amount", -1), ("_id", 1), *_COUNTED), where=_shown("total.currency")
)
DELETED = Index(fields=(("is_deleted", 1), *_NEWEST_FIRST), where={"is_deleted": True})

ORDER_INDEXES = (BY_NUMBER, BY_STATUS, BY_USER, BY_PRODUCT, BY_WORD, BY_EMAIL, BY_USERNAME, BY_TOTAL, DELETED)
