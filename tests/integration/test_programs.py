"""Programs that we start: what they say, and that they never wait for us to hear it."""

import sys
import time
from pathlib import Path

from stack.process import LAST_LINES, spawn

MORE_THAN_A_PIPE_HOLDS = 400_000  # bytes; Linux: 65,536
DEADLINE_SECONDS = 20.0


async def test_a_program_does_not_stand_still_while_our_loop_is_busy(tmp_path: Path) -> None:
    end = tmp_path / "end"
    script = f"[print('x' * 99) for _ in range({MORE_THAN_A_PIPE_HOLDS // 100})]"
    script += f"; open({str(end)!r}, 'w')"
    program = await spawn([sys.executable, "-c", script])
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not end.exists() and time.monotonic() < deadline:
        time.sleep(0.01)  # noqa: ASYNC251 - nothing else runs in this loop meanwhile: that is the case
    was_there = end.exists()
    await program.kill()
    assert was_there


async def test_all_lines_arrive_in_order_and_the_last_ones_are_kept() -> None:
    lines: list[str] = []
    script = "import sys; [print(n) for n in range(1000)]; print('last', file=sys.stderr)"
    program = await spawn([sys.executable, "-u", "-c", script], on_line=lines.append)
    assert await program.exited() == 0
    assert lines == [*map(str, range(1000)), "last"]
    assert list(program.last_lines) == lines[-LAST_LINES:]


async def test_a_line_without_an_end_is_told_in_pieces() -> None:
    lines: list[str] = []
    script = "print('y' * 3_000_000)"
    program = await spawn([sys.executable, "-u", "-c", script], on_line=lines.append)
    assert await program.exited() == 0
    assert "".join(lines) == "y" * 3_000_000
