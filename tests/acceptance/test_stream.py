"""The stream of events over HTTP: in order, whole, resumed exactly, and nobody else's."""

import asyncio
from uuid import uuid4

import pytest

from tests.support.door import Door, require_problem, spell
from tests.support.following import Event, following
from tests.support.system import until


def some_user() -> int:
    return uuid4().int % 10**12 + 10**6


def stream_of(door: Door) -> str:
    return f"{door.system.gateway}/cqrs/queries/stream"


def positions(events: list[Event]) -> list[int]:
    return [int(event.id) for event in events]


async def test_what_happens_arrives_in_order_with_its_position_and_a_token_to_read_it_by(door: Door) -> None:
    user_id = some_user()
    async with following(door.http, stream_of(door), user_id=user_id) as reader:
        placed = await door.place(user_id=user_id)
        (event,) = await reader.take(1)
        assert reader.answer.headers["Content-Type"] == "text/event-stream"
        assert (int(event.id), event.content["position"]) == (placed["position"], placed["position"])
        assert event.content["stream"] == f"order-{placed['order_id']}"
        assert [told["event"] for told in event.content["events"]] == ["OrderInitiated"]
        shown = await door.seen(f"orders/{placed['order_id']}", event.content["token"])
        assert shown["user_id"] == user_id
        later = [(await door.place(user_id=user_id))["position"] for _ in range(3)]
        assert positions(await reader.take(3)) == later


async def test_who_comes_again_is_given_exactly_what_was_missed(door: Door) -> None:
    user_id = some_user()
    placed = [(await door.place(user_id=user_id))["position"]]
    async with following(door.http, stream_of(door), user_id=user_id, after=placed[0] - 1) as reader:
        seen = await reader.take(1)
    placed += [(await door.place(user_id=user_id))["position"] for _ in range(5)]
    async with following(door.http, stream_of(door), {"Last-Event-ID": seen[-1].id}, user_id=user_id) as reader:
        seen += await reader.take(2)
    async with following(
        door.http, stream_of(door), {"Last-Event-ID": seen[-1].id}, user_id=user_id, after=0
    ) as reader:
        placed.append((await door.place(user_id=user_id))["position"])
        seen += await reader.take(4)
    assert positions(seen) == placed


async def test_from_the_beginning_every_position_is_there(door: Door) -> None:
    head = await door.head()
    async with following(door.http, stream_of(door), after=0) as reader:
        assert positions(await reader.take(min(head, 1000))) == list(range(1, min(head, 1000) + 1))


async def test_filters_narrow_it_to_an_order_or_to_types_of_events(door: Door) -> None:
    user_id = some_user()
    first, second = await door.place(user_id=user_id), await door.place(user_id=user_id)
    for placed in (first, second):
        assert (await door.post(f"orders/{placed['order_id']}/cancel", {"reason": "no"})).status == 200
    after = first["position"] - 1
    async with following(door.http, stream_of(door), order_id=second["order_id"], after=after) as reader:
        events = await reader.take(2)
        assert {event.content["stream"] for event in events} == {f"order-{second['order_id']}"}
    kinds = "OrderCancelled,OrderShipped"
    async with following(door.http, stream_of(door), user_id=user_id, type=kinds, after=after) as reader:
        events = await reader.take(2)
        assert [told["event"] for event in events for told in event.content["events"]] == ["OrderCancelled"] * 2


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("after=-1", "unknown_position"),
        ("after=abc", "unknown_position"),
        ("after=999999999999", "unknown_position"),
        ("after=1&after=2", "unknown_parameter"),
        ("type=Nonsense", "invalid_type"),
        ("type=", "invalid_type"),
        ("user_id=me", "invalid_id"),
        ("order_id=7", "invalid_id"),
        ("colour=red", "unknown_parameter"),
    ],
)
async def test_what_cannot_be_followed_is_told_at_once(door: Door, query: str, code: str) -> None:
    require_problem(await door.get(f"stream?{query}"), 400, code=code)


async def test_a_resume_from_nowhere_is_refused_and_a_head_has_no_end(door: Door) -> None:
    for given in ("x", "-1", "99999999999999"):
        require_problem(await door.get("stream", {"Last-Event-ID": given}), 400, code="unknown_position")
    answer = await door.send(spell("HEAD", "/cqrs/queries/stream"))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
    require_problem(await door.send(spell("POST", "/cqrs/queries/stream", b"{}")), 405)


async def all_are(ready: list[int], count: int) -> bool:
    return len(ready) == count


async def test_many_follow_at_once_and_who_leaves_disturbs_nobody(door: Door) -> None:
    user_id = some_user()

    async def follow(*, stay: bool) -> list[int]:
        async with following(door.http, stream_of(door), user_id=user_id) as reader:
            ready.append(1)
            return positions(await reader.take(5 if stay else 1))

    ready: list[int] = []
    tasks = [asyncio.create_task(follow(stay=number % 3 > 0)) for number in range(30)]
    await until(lambda: all_are(ready, len(tasks)), seconds=10, what="all of them follow")
    placed = [(await door.place(user_id=user_id))["position"] for _ in range(5)]
    seen = await asyncio.gather(*tasks)
    assert all(found == placed[: len(found)] for found in seen)
    assert {len(found) for found in seen} == {1, 5}
