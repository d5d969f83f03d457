"""Sagas as those who operate the system are shown them."""

from datetime import datetime
from typing import Annotated, TypedDict

from msgspec import Meta


class OperatedSaga(TypedDict):
    """How it stands: `step` is what it asks for, or asked for last, `attempts` how often it has tried that.

    `waits_for` is what must come from outside, `trouble` why it stands still or why a step is not done yet.
    """

    saga: Annotated[str, Meta(examples=["order_fulfilment"])]
    id: Annotated[str, Meta(examples=["product_onboarding:456"])]
    subject: Annotated[str, Meta(description="The id of the order or the product.")]
    state: Annotated[str, Meta(description="stuck, running or over", examples=["running"])]
    is_stuck: bool
    step: str | None
    attempts: int
    waits_for: str | None
    started_at: datetime
    updated_at: datetime
    age_seconds: Annotated[int, Meta(description="Since it began; of one that is over, until it was.")]
    trouble: str | None


class OperatedStep(TypedDict):
    """A command that the saga wanted; `code` is a refusal's, `detail` says why it was refused, or is not done yet."""

    command: str
    command_id: str
    outcome: Annotated[str, Meta(description="accepted, refused, or open while there is none")]
    attempts: int
    code: str | None
    detail: str | None
    at: Annotated[datetime, Meta(description="Of the outcome; until then, of the wish.")]
    is_compensation: Annotated[bool, Meta(description="It takes back what was done before.")]


class InspectedSaga(OperatedSaga):
    """With every step, the oldest first; of more than 100 the newest."""

    steps: list[OperatedStep]
