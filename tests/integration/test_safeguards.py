"""Each safeguard is needed: on one schedule the judge finds nothing, and without the safeguard a broken rule."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest

from tests.chaos.oracle import judge
from tests.support import close_calls
from tests.support import taking_out as without
from tests.support.scene import Scene, a_scene
from tests.support.taking_out import TakeOut

Schedule = Callable[[Scene], Awaitable[None]]


class Case(NamedTuple):
    take_out: TakeOut
    schedule: Schedule
    broken: set[str]


ALONE = {
    "V1 the checkpoints' revisions": Case(
        without.checkpoint_revisions, close_calls.a_writer_wakes_when_another_has_emptied_the_partition, {"O3"}
    ),
    "V3 clearing the cache": Case(without.cache_clearing, close_calls.a_writer_goes_on_after_a_rebuild, {"O3"}),
    "V3 passing over old commits": Case(
        without.old_commits_passed_over, close_calls.a_checkpoint_is_older_than_the_documents, {"O3"}
    ),
    "F3 the comparison with the log": Case(without.log_check, close_calls.an_older_log_stands_under_the_views, {"O3"}),
    "F4 the gap read": Case(without.gap_read, close_calls.a_message_is_lost_before_another, {"O3"}),
    "F4 the mac": Case(without.mac_check, close_calls.a_message_is_doctored, {"O3"}),
    "F6 the tail check": Case(without.tail_check, close_calls.the_last_message_is_lost, {"O3", "O9"}),
    "F7 whole commits": Case(without.whole_commits, close_calls.half_of_a_commit_is_lost, {"O3"}),
    "L1 one command id": Case(
        without.index("command_id"), close_calls.a_command_comes_again_because_its_answer_was_lost, {"O1"}
    ),
    "L1 one version": Case(without.index("stream_version"), close_calls.two_services_write_the_same_version, {"O2"}),
    "L3 forgetting the head": Case(
        without.forgetting_of_the_head, close_calls.an_older_log_stands_under_a_running_service, {"O2", "O9"}
    ),
    "L4 unknown is unknown": Case(without.unknown_is_unknown, close_calls.an_insert_is_broken_off, {"O1"}),
    "L6 superseding": Case(without.superseding, close_calls.two_services_reserve_the_last_pieces, {"O4"}),
    "L9 the look for the command": Case(
        without.look_for_the_command, close_calls.a_command_comes_again_when_there_is_nothing_left_to_do, {"O1"}
    ),
}


TRIES = 3  # on a busy machine a look into the log may come before what the schedule does to a message


@pytest.mark.parametrize("name", ALONE)
async def test_the_judge_cries_without(mongodb_url: str, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    case = ALONE[name]
    assert await broken_rules(mongodb_url, case.schedule) == set()
    case.take_out(monkeypatch)
    for _ in range(TRIES):
        if (found := await broken_rules(mongodb_url, case.schedule)) == case.broken:
            break
    assert found == case.broken


async def test_V1_V3_a_revision_or_a_position_stops_a_batch_that_was_done_already(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stand behind each other here, and either is enough; alone, the revision is needed after a rebuild."""
    pair = (without.checkpoint_revisions, without.document_positions)
    schedule = close_calls.a_writer_wakes_when_another_has_done_its_batch
    for take_out in pair:
        with monkeypatch.context() as patch:
            take_out(patch)
            assert await broken_rules(mongodb_url, schedule) == set()
    for take_out in pair:
        take_out(monkeypatch)
    assert await broken_rules(mongodb_url, schedule) == {"O3", "O6"}


async def test_F4_V3_an_old_message_sets_the_checkpoint_back_and_without_the_documents_care_the_views(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the views, either is enough: the inbox drops the message, or the document has seen its commit."""
    schedule = close_calls.a_message_comes_again
    assert await broken_rules(mongodb_url, schedule) == set()
    with monkeypatch.context() as patch:
        without.old_commits_passed_over(patch)
        assert await broken_rules(mongodb_url, schedule) == set()
    without.duplicate_check(monkeypatch)
    assert await broken_rules(mongodb_url, schedule) == {"O9"}
    without.old_commits_passed_over(monkeypatch)
    assert await broken_rules(mongodb_url, schedule) == {"O3", "O9"}


async def test_V3_a_stale_cache_makes_the_views_stand_still_and_without_the_positions_wrong(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the cache is cleared, nothing needs the positions; else they turn a wrong view into a late one."""
    schedule = close_calls.a_writer_comes_back_after_another
    assert await broken_rules(mongodb_url, schedule) == set()
    with monkeypatch.context() as patch:
        without.document_positions(patch)
        assert await broken_rules(mongodb_url, schedule) == set()
    without.cache_clearing(monkeypatch)
    assert await broken_rules(mongodb_url, schedule) == {"O3", "O9"}
    without.document_positions(monkeypatch)
    assert await broken_rules(mongodb_url, schedule) == {"O3", "O6"}


async def broken_rules(url: str, schedule: Schedule) -> set[str]:
    async with a_scene(url) as scene:
        await schedule(scene)
        violations = judge(await scene.facts())
        print(*violations, sep="\n")
        return {violation.rule for violation in violations}
