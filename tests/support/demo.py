"""Running the demo script as a user does."""

import asyncio
import sys

from tests.support.system import ROOT

PAYMENT_SECONDS = 8
DEMO_SECONDS = 120.0
PATIENT = ("--payment-seconds", str(PAYMENT_SECONDS))


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
