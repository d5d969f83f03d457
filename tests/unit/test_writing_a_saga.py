"""The saga that docs/writing-a-saga.md shows: what it wants, and that the document shows this very file."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from command_service.sagas.commands import COMMANDS
from command_service.sagas.folding import begins
from command_service.sagas.shapes import Want
from common.bodies import parse_body
from common.codec import encode_event
from common.events import Event
from common.events.attributes import AttributesCreated, AttributesRolledBack
from common.events.inventory import InventoryRolledBack, InventoryUpdated, LowStockDetected
from common.product_values import Attribute
from docs.examples.few_left import FewLeft, few_left
from tests.support.commits import a_commit
from tests.support.rules import NOW
from tests.support.saga_story import Story

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = DOCS / "writing-a-saga.md"
MOST_LINES = 120

SECONDS = 60.0
TIME_IS_UP = NOW + timedelta(seconds=SECONDS)
LOW = LowStockDetected(product_id=456, available=3, threshold=5)
SHOWN = AttributesCreated(product_id=456, attributes=(Attribute(key="stock", value="few left"),))
HIDDEN = AttributesRolledBack(product_id=456, keys=("stock",))


def on_hand(quantity: int) -> InventoryUpdated:
    return InventoryUpdated(product_id=456, quantity=quantity)


def low() -> Story:
    return Story(few_left(notice_seconds=SECONDS), "456", 456).happens(LOW)


def shown() -> Story:
    return low().accepts(SHOWN)


# the saga


def test_of_a_stock_that_runs_low_the_product_tells_until_it_is_filled_up() -> None:
    story = low()
    assert (story.wants, story.body()) == ("show", {"key": "stock", "value": "few left"})
    assert story.accepts(SHOWN).wants is None
    assert not story.is_over
    assert (story.happens(on_hand(50)).wants, story.body()) == ("hide", {"keys": ["stock"]})
    assert story.accepts(HIDDEN).is_over


@pytest.mark.parametrize(("events", "is_one"), [((LOW,), True), ((on_hand(3), LOW), True), ((on_hand(3),), False)])
def test_it_begins_wherever_in_a_commit_the_stock_runs_low(events: tuple[Event, ...], is_one: bool) -> None:
    commit = a_commit(1, "inventory-456", events=tuple(map(encode_event, events)))
    assert begins(few_left(notice_seconds=SECONDS), commit) is is_one


def test_too_few_more_change_nothing() -> None:
    assert shown().happens(on_hand(5)).wants is None


def test_what_nobody_fills_up_is_told_until_the_time_is_up() -> None:
    story = shown().time_is(TIME_IS_UP - timedelta(seconds=1))
    assert story.wants is None
    assert story.time_is(TIME_IS_UP).wants == "hide"
    assert story.accepts(HIDDEN).is_over
    assert story.time_is(TIME_IS_UP).is_over


def test_without_an_inventory_there_is_nothing_to_tell() -> None:
    assert shown().happens(InventoryRolledBack(product_id=456)).wants == "hide"


def test_S4_what_is_on_its_way_is_taken_back_after_its_outcome() -> None:
    story = low().happens(on_hand(50))
    assert story.all_wants == ["show"]
    assert story.accepts(SHOWN).all_wants == ["hide"]


def test_what_somebody_else_said_is_not_taken_back() -> None:
    assert low().accepts().happens(on_hand(50)).is_over


def test_S2_what_was_refused_is_asked_for_again_when_the_stock_runs_low_again_under_another_id() -> None:
    story = low().refuses("unknown_product")
    assert (story.wants, story.is_over) == (None, False)
    assert story.happens(on_hand(50)).is_over
    assert story.happens(LOW).wants == "show"
    assert len({step.command_id for step in story.doc.steps}) == 2


def test_a_notice_that_is_being_hidden_comes_again_with_the_next_low() -> None:
    story = shown().happens(on_hand(50), LOW)
    assert story.all_wants == ["hide"]
    assert story.accepts(HIDDEN).wants == "show"
    assert story.steps == ["show", "hide", "show"]


def test_what_cannot_be_taken_back_is_for_a_person_to_look_at() -> None:
    story = shown().happens(on_hand(50)).refuses("surprise")
    assert story.doc.trouble == "hide: surprise: It cannot be."
    assert not story.is_over


@pytest.mark.parametrize("state", [{"until": NOW, "round": 1}, {"is_shown": True}], ids=["show", "hide"])
def test_what_it_wants_is_a_command(state: dict[str, object]) -> None:
    wants = few_left(notice_seconds=SECONDS).plan(FewLeft(product_id="456", seconds=SECONDS, **state))  # type: ignore[arg-type]
    assert [type(command_of(want)).__name__ for want in wants] == [want.command for want in wants]
    assert wants


def command_of(want: Want) -> object:
    return parse_body(COMMANDS[want.command][0], orjson.dumps(want.body))


# the document


def quoted() -> Iterator[tuple[str, str]]:
    """Each file that the document shows, by the link above its code, and the code."""
    shown = r"\]\(([\w/.]+\.py)\)[^\n]*\n\n```python\n(.*?)```"
    yield from re.findall(shown, DOCUMENT.read_text(), re.DOTALL)


def test_the_document_shows_the_file_as_it_is() -> None:
    shown = dict(quoted())
    assert list(shown) == ["examples/few_left.py"]
    assert [name for name, code in shown.items() if code != (DOCS / name).read_text()] == []


def test_the_document_is_short() -> None:
    assert DOCUMENT.read_text().count("\n") <= MOST_LINES
