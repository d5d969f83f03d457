"""The demo script tells the truth about a running system, and says so when there is none."""

import asyncio
import sys

from tests.support.system import ROOT, System

DEMO_SECONDS = 120.0


async def run_demo(*arguments: str) -> tuple[int | None, str, str]:
    """Return the exit code and what was printed on stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "demo_cqrs.py",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(DEMO_SECONDS):
        printed, said = await process.communicate()
    return process.returncode, printed.decode(), said.decode()


async def test_the_demo_sees_every_claim_hold_and_can_be_run_again(system: System) -> None:
    for _ in range(2):
        code, printed, said = await run_demo("--gateway", system.gateway, "--control", "none")
        assert (code, said) == (0, ""), printed + said
        assert "[FAIL]" not in printed
        assert "[skip] A killed projector loses nothing and doubles nothing" in printed
        assert printed.isascii(), "where it is no terminal, there is plain text only"
        assert "\x1b" not in printed


async def test_without_a_gateway_the_demo_says_so_in_one_sentence() -> None:
    code, printed, said = await run_demo("--gateway", "http://127.0.0.1:1")
    assert code == 1
    assert printed == ""
    assert said.startswith("No gateway answers at http://127.0.0.1:1")
    assert said.count("\n") == 1
