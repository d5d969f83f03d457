"""Which filters go together, and which index serves them: nothing is ever read that no index leads to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.errors import BadRequest
from common.read_models import order_indexes as indexes
from common.read_models.order_shapes import STATUSES
from common.read_models.shapes import Index
from query_service.queries.order_filters import PARAMETERS, Filters, kinds_of

Condition = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """A list in which filters of the kind `begins` are given (None: there are none such), and `beside` may be."""

    begins: str | None
    beside: tuple[str, ...]
    index: Index
    sorts_by: str = "placed_at"


PLANS = (
    Plan(None, ("status", "placed"), indexes.BY_STATUS),
    Plan("user_id", ("status", "placed"), indexes.BY_USER),
    Plan("product_id", ("status", "placed"), indexes.BY_PRODUCT),
    Plan("q", ("status", "placed"), indexes.BY_WORD),
    Plan("number", ("status", "placed"), indexes.BY_NUMBER),
    Plan("user_email", ("placed",), indexes.BY_EMAIL),
    Plan("user_username", ("placed",), indexes.BY_USERNAME),
    Plan("amount", (), indexes.BY_TOTAL, sorts_by="total"),
    Plan("deleted", ("placed",), indexes.DELETED),
)


@dataclass(frozen=True, slots=True)
class Sort:
    """In the order of an index, or in its reverse; orders at the same place stand in the order of their ids."""

    field: str
    kind: type  # of its values
    descending: bool

    @property
    def text(self) -> str:
        return f"-{self.field}" if self.descending else self.field

    @property
    def fields(self) -> list[tuple[str, int]]:
        return [(self.field, -1), ("_id", 1)] if self.descending else [(self.field, 1), ("_id", -1)]

    @property
    def fields_level(self) -> list[tuple[str, int]]:
        """The same among orders at one place: said so, or the database sorts them all."""
        return self.fields[1:]

    def beyond(self, place: Any) -> Condition:
        return {self.field: {"$lt" if self.descending else "$gt": place}}

    def level(self, place: Any, order_id: str) -> Condition:
        """At the same place, and later in the list."""
        return {self.field: place, "_id": {"$gt" if self.descending else "$lt": order_id}}


SORTS = {"placed_at": ("placed_at", datetime), "total": ("total.amount", int)}
FIELDS = {
    "status": ("status", "$eq"),
    "user_id": ("user_id", "$eq"),
    "user_email": ("user_email", "$eq"),
    "user_username": ("user_username", "$eq"),
    "placed_from": ("placed_at", "$gte"),
    "placed_to": ("placed_at", "$lt"),
    "min_amount": ("total.amount", "$gte"),
    "max_amount": ("total.amount", "$lte"),
    "currency": ("total.currency", "$eq"),
    "product_id": ("items.product_id", "$eq"),
    "number": ("order_number", "$eq"),
}


def plan_for(filters: Filters) -> Plan:
    """Raise BadRequest when these filters do not go together."""
    kinds = kinds_of(filters)
    for plan in PLANS:
        begins = {plan.begins} - {None}
        if begins <= kinds and kinds - begins <= set(plan.beside):
            return plan
    raise BadRequest("unsupported_filters", f"These filters go together: {_combinations()}.")


def conditions_of(filters: Filters, plan: Plan) -> list[Condition]:
    """What an order must fulfil; `q` is not in it. A status that does not matter is any: so the index's order holds."""
    conditions: list[Condition] = [{"is_deleted": "deleted" in filters}]
    conditions += [{field: {how: filters[name]}} for name, (field, how) in FIELDS.items() if name in filters]
    if plan.index.fields != indexes.BY_NUMBER.fields and "status" in plan.beside and "status" not in filters:
        conditions.append({"status": {"$in": list(STATUSES)}})
    return conditions


def sort_for(plan: Plan, text: str | None) -> Sort:
    """The highest or newest first, unless said otherwise."""
    wanted = f"-{plan.sorts_by}" if text is None else text
    if wanted.removeprefix("-") != plan.sorts_by:
        raise BadRequest(
            "unsupported_sort",
            f"With these filters sort is {plan.sorts_by} or -{plan.sorts_by}. "
            "By total: with min_amount, max_amount or currency, and with nothing else.",
        )
    field, kind = SORTS[plan.sorts_by]
    return Sort(field, kind, descending=wanted.startswith("-"))


def _combinations() -> str:
    """`user_id and any of status, placed_from, placed_to; …`."""
    return "; ".join(" and ".join(_parts(plan)) for plan in PLANS if plan.begins != "number")


def _parts(plan: Plan) -> list[str]:
    first = [_named(plan.begins)] if plan.begins else []
    return [*first, f"any of {_named(*plan.beside)}"] if plan.beside else first


def _named(*kinds: str) -> str:
    return ", ".join(name for kind in kinds for name, parameter in PARAMETERS.items() if parameter.kind == kind)
