"""How it goes with a saga, as it is shown."""

from typing import Annotated, TypedDict

from msgspec import Meta

from query_service.shown.values import Instant


class SagaStep(TypedDict):
    """One thing that the saga wants: by which command, and what came of it."""

    step: str
    round: int
    command: str
    command_id: str
    outcome: str | None
    attempts: int
    last_error: str | None
    asked_at: Instant
    done_at: Instant | None


class Saga(TypedDict):
    saga_id: str
    saga: Annotated[str, Meta(examples=["order_fulfilment"])]
    state: Annotated[str, Meta(examples=["running"])]
    trouble: str | None
    status: str | None
    order_status: str | None
    waits_for: str | None
    waits_until: Instant | None
    steps: list[SagaStep]
    started_at: Instant
    updated_at: Instant
