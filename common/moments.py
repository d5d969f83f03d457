"""A time becomes a position of the log (PROTOCOL Q4)."""

from datetime import datetime

from common.log import Log


async def position_at(log: Log, moment: datetime) -> int:
    """Return the last commit recorded at or before the moment; 0 when there is none.

    By bisection, a dozen or two of small reads. Where the clocks of two writers differ, one commit near the moment is
    as good as another.
    """
    before, last = 0, await log.head()
    while before < last:
        middle = (before + last + 1) // 2
        commit = await log.at(middle)
        if commit is not None and commit.recorded_at <= moment:
            before = middle
        else:
            last = middle - 1
    return before
