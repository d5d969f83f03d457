"""Pages of commits are whole whatever is looked for, and a page looks at so many commits and no more."""

from collections.abc import Sequence
from random import Random

import pytest
from msgspec.structs import replace

from common import log_search
from common.envelope import Commit, RecordedEvent
from common.log import MongoLog
from common.log_search import Wanted, search
from tests.support.commits import a_commit
from tests.support.real_log import a_real_log

COMMITS = 90
LOOKED_AT = 10
TYPES = ("OrderPaid", "OrderShipped", "OrderInitiated")


async def some_commits(log: MongoLog) -> list[Commit]:
    chance, versions, commits = Random(1), dict.fromkeys(range(4), 0), []
    for position in range(1, COMMITS + 1):
        stream = chance.choice((0, 0, 0, 1, 2, 3))
        versions[stream] += 1
        events = tuple(RecordedEvent(type=chance.choice(TYPES), schema=1, data={}) for _ in range(chance.randint(1, 2)))
        commit = a_commit(position, f"order-{stream}", versions[stream], events=events)
        commits.append(replace(commit, correlation_id=chance.choice((None, "a", "b"))))
    assert (await log.insert(commits)).count == COMMITS
    return commits


def is_wanted(commit: Commit, wanted: Wanted) -> bool:
    return (
        wanted.first <= commit.position <= wanted.last
        and wanted.stream in (None, commit.stream)
        and wanted.correlation_id in (None, commit.correlation_id)
        and (wanted.event_type is None or wanted.event_type in [event.type for event in commit.events])
    )


async def all_pages(log: MongoLog, wanted: Wanted, *, newest_first: bool, limit: int) -> tuple[list[int], int]:
    """Positions, and how many pages there were."""
    positions: list[int] = []
    start, pages = None, 0
    while pages == 0 or start is not None:
        found = await search(log.database, wanted, start=start, newest_first=newest_first, limit_commits=limit)
        assert len(found.commits) <= limit
        positions += [commit.position for commit in found.commits]
        start, pages = found.following, pages + 1
        assert pages < 3 * COMMITS, "it goes in circles"
    return positions, pages


WANTED: Sequence[Wanted] = (
    Wanted(first=1, last=COMMITS),
    Wanted(first=13, last=57),
    Wanted(first=50, last=49),
    Wanted(event_type="OrderPaid", first=1, last=COMMITS),
    Wanted(correlation_id="b", first=1, last=COMMITS),
    Wanted(correlation_id="nobody's", first=1, last=COMMITS),
    Wanted(stream="order-0", first=1, last=COMMITS),
    Wanted(stream="order-0", event_type="OrderShipped", correlation_id="a", first=20, last=80),
    Wanted(stream="order-9", first=1, last=COMMITS),
)


@pytest.mark.parametrize("newest_first", [True, False])
async def test_pages_make_the_whole_list_however_little_a_page_looks_at(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch, *, newest_first: bool
) -> None:
    monkeypatch.setattr(log_search, "LOOKED_AT", LOOKED_AT)
    async with a_real_log(mongodb_url) as log:
        commits = await some_commits(log)
        for wanted in WANTED:
            expected = [commit.position for commit in commits if is_wanted(commit, wanted)]
            for limit in (1, 4, 100):
                found, _ = await all_pages(log, wanted, newest_first=newest_first, limit=limit)
                assert found == (expected[::-1] if newest_first else expected), (wanted, limit)


async def test_a_page_that_finds_nothing_ends_and_goes_on_where_it_ended(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_search, "LOOKED_AT", LOOKED_AT)
    async with a_real_log(mongodb_url) as log:
        await some_commits(log)
        wanted = Wanted(correlation_id="nobody's", first=1, last=COMMITS)
        found, pages = await all_pages(log, wanted, newest_first=True, limit=50)
        assert (found, pages) == ([], COMMITS // LOOKED_AT)
