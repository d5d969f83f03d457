"""Every process and both servers are killed again and again under load."""

from pathlib import Path

import pytest

from tests.support.kills import require_nothing_lost_or_doubled

KILLS = 22


@pytest.mark.timeout(600)
async def test_nothing_is_lost_or_doubled_however_often_everything_is_killed(tmp_path: Path) -> None:
    await require_nothing_lost_or_doubled(tmp_path, kills=KILLS)
