"""Every process and both servers are killed once under load; `tests/long/test_many_kills.py` goes on longer."""

from pathlib import Path

import pytest

from tests.support.kills import EACH_ONCE, require_nothing_lost_or_doubled


@pytest.mark.timeout(400)
async def test_nothing_is_lost_or_doubled_when_every_process_and_both_servers_are_killed(tmp_path: Path) -> None:
    await require_nothing_lost_or_doubled(tmp_path, kills=EACH_ONCE)
