"""The demo's story where everybody has to say who they are."""

from pathlib import Path

from stack.folder import DataFolder
from stack.tokens import public_keys
from tests.support.broker import Broker, virtual_host
from tests.support.demo import PATIENT, PAYMENT_SECONDS, run_demo
from tests.support.system import SERVICES, running_system


async def test_the_demo_sees_every_claim_hold_with_tokens(mongodb_url: str, rabbitmq: Broker, tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    data.create()
    settings = {"AUTH": "on", "AUTH_KEYS": str(public_keys(data)), "PAYMENT_SECONDS": str(PAYMENT_SECONDS)}
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, tmp_path, services=SERVICES, **settings) as system,
    ):
        where = ("--gateway", system.gateway, "--data", str(data.path))
        code, printed, said = await run_demo(*where, "--auth", "--fast", *PATIENT)
        assert (code, said) == (0, ""), printed + said
        assert "[FAIL]" not in printed
        assert "[ok]   An order is there for its customer only" in printed
        code, printed, _ = await run_demo(*where, "--fast")
        assert (code, "missing_token" in printed) == (1, True)
