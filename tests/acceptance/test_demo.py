"""The demo script tells the truth about a running system, and says so when there is none."""

import json

from tests.support.demo import PATIENT, run_demo
from tests.support.system import System


async def test_the_demo_sees_every_claim_hold_and_can_be_run_again(fulfilling: System) -> None:
    for _ in range(2):
        code, printed, said = await run_demo("--gateway", fulfilling.gateway, "--control", "none", "--fast", *PATIENT)
        assert (code, said) == (0, ""), printed + said
        assert "[FAIL]" not in printed
        assert "[skip] A killed projector loses nothing and doubles nothing" in printed
        assert printed.isascii(), "where it is no terminal, there is plain text only"
        assert "\x1b" not in printed


async def test_for_programs_the_result_is_on_stdout_and_the_story_on_stderr(fulfilling: System) -> None:
    code, printed, told = await run_demo("--gateway", fulfilling.gateway, "--fast", "--no-faults", "--json")
    result = json.loads(printed)
    assert (code, result["is_kept"]) == (0, True), told
    skipped = [one["guarantee"] for one in result["guarantees"] if one["outcome"] == "skipped"]
    assert skipped == [
        "Who does not pay in time gives the stock back",
        "A killed projector loses nothing and doubles nothing",
        "A wiped RabbitMQ loses nothing and doubles nothing",
    ]
    assert "What was promised, and what happened" in told


async def test_a_promise_that_is_not_kept_is_told_and_the_exit_code_is_1(system: System) -> None:
    """Without sagas nobody reserves stock; the demo's patience is what this test waits for."""
    code, printed, _ = await run_demo("--gateway", system.gateway, "--fast")
    assert code == 1
    assert "[FAIL]" in printed
    assert "do the sagas run?" in printed.replace("\n", " ")


async def test_without_a_gateway_the_demo_says_so_in_one_sentence() -> None:
    code, printed, said = await run_demo("--gateway", "http://127.0.0.1:1")
    assert code == 1
    assert printed == ""
    assert said.startswith("No gateway answers at http://127.0.0.1:1")
    assert said.count("\n") == 1
