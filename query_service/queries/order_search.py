"""Text search over the orders' words: whole words, the last one also as the beginning of words.

Every word of an order stands in one index. The rarest of the words that are looked for leads to the orders; the others
are looked up in those. Where even the rarest leads to too many, or the beginning to too many words, the search is
refused: what an answer costs never grows with the number of orders.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from common.errors import BadRequest
from common.read_models.order_indexes import BY_WORD
from common.read_models.order_shapes import STATUSES
from common.read_models.orders import ORDERS
from common.read_models.words import words_of
from query_service.queries.order_plans import Condition
from query_service.views import Views

MOST_WORDS = 8  # in one search
MOST_ENDINGS = 20  # words that begin so; times the statuses, the database merges at most 200 ends of an index
FEW_CANDIDATES = 100
MOST_CANDIDATES = 5_000  # orders with the rarest of several words
_AFTER_ALL = "\U0010ffff"

Choice = Sequence[str]
"""Words one of which an order must have."""


async def search_conditions(views: Views, q: str) -> list[Condition] | None:
    """What the index is asked for, then what is asked of its orders; None when no order can have these words."""
    *whole, beginning = _words_in(q)
    endings = await _words_beginning(views, beginning)
    if not endings:
        return None
    choices: list[Choice] = [*([word] for word in whole), endings]
    leading = choices.pop(await _rarest(views, choices) if whole else 0)
    return [_leads(leading), *(_also(choice) for choice in choices)]


def _words_in(q: str) -> tuple[str, ...]:
    words = words_of(q)
    if not words or len(words) > MOST_WORDS:
        raise BadRequest("invalid_filter", f"q: write 1 to {MOST_WORDS} words of letters or digits.")
    return words


async def _words_beginning(views: Views, beginning: str) -> list[str]:
    """Step through the index from word to word."""
    found: list[str] = []
    wanted: dict[str, str] = {"$gte": beginning}
    while word := await _first_word(views, wanted | {"$lt": beginning + _AFTER_ALL}):
        found.append(word)
        wanted = {"$gt": word}
        if len(found) > MOST_ENDINGS:
            raise BadRequest("search_too_broad", f"More than {MOST_ENDINGS} words begin with {beginning}: write more.")
    return found


async def _first_word(views: Views, within: dict[str, str]) -> str | None:
    """The first of the index in this range."""
    wanted = {"is_deleted": False, "words": {"$elemMatch": within}}
    order = await views[ORDERS.collection].find_one(wanted, {"words": 1, "_id": 0}, hint=list(BY_WORD.fields))
    low, high = within.get("$gte", within.get("$gt", "")), within["$lt"]
    words = order["words"] if order else ()
    return min((w for w in words if low <= w < high and (w != low or "$gte" in within)), default=None)


async def _rarest(views: Views, choices: Sequence[Choice]) -> int:
    """Counted a little way first: mostly one of the words is rare."""
    for limit in (FEW_CANDIDATES, MOST_CANDIDATES):
        counts = await asyncio.gather(*(_count(views, choice, limit + 1) for choice in choices))
        if min(counts) <= limit:
            return counts.index(min(counts))
    raise BadRequest("search_too_broad", f"Each of these words is in more than {MOST_CANDIDATES} orders: add one.")


async def _count(views: Views, choice: Choice, limit: int) -> int:
    wanted = {"is_deleted": False, "status": {"$in": list(STATUSES)}, **_leads(choice)}
    orders = views[ORDERS.collection]
    return await orders.count_documents(wanted, limit=limit, hint=list(BY_WORD.fields))


def _leads(choice: Choice) -> Condition:
    return {"words": {"$in": list(choice)}}


def _also(choice: Choice) -> Condition:
    """Written so that the database does not take it for what leads."""
    either: Any = {"$setIntersection": ["$words", list(choice)]}
    return {"$expr": {"$ne": [either, []]}}
