"""The monitor on a running system: samples, stages, alerts and queues, through the gateway."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.contract import merge
from gateway.operations import make_own_contract
from monitor.contract import make_contract
from tests.support.broker import Broker, virtual_host
from tests.support.conformance import Contract
from tests.support.system import System, running_system, until

SOON_SECONDS = 30.0
CONTRACT = Contract(dict(merge(make_own_contract(), make_contract())))
NOT_HERE = {"SAGA_URL": "", "PAYMENTS_URL": ""}  # so the monitor does not miss them


@dataclass(frozen=True, slots=True)
class Watched:
    """A system with a monitor."""

    system: System
    http: aiohttp.ClientSession

    async def ask(self, path: str) -> tuple[int, Any]:
        """Every answer is held to the contract."""
        async with self.http.get(f"{self.system.gateway}/cqrs/ops/{path}") as answer:
            body = await answer.read()
            CONTRACT.check("GET", f"/cqrs/ops/{path.partition('?')[0]}", answer.status, answer.headers, body)
            return answer.status, orjson.loads(body)

    async def samples(self) -> list[dict[str, Any]]:
        status, content = await self.ask("samples")
        assert status == 200
        return content["data"]

    async def states(self) -> dict[str, str]:
        _, content = await self.ask("pipeline")
        return {stage["name"]: stage["state"] for stage in content["stages"]}

    async def alerts(self) -> set[str]:
        _, content = await self.ask("alerts")
        return {alert["name"] for alert in content["data"]}

    async def place_orders(self, count: int) -> None:
        stock = {"product_id": 456, "product_name": "Keyboard", "quantity": 100, "unit_price": "49.99"}
        for what, body in (
            ("inventory", stock),
            *[("orders", {"user_id": 7, "product_id": 456, "quantity": 1})] * count,
        ):
            async with self.http.post(f"{self.system.gateway}/cqrs/commands/{what}", json=body) as answer:
                assert answer.status in (200, 201), await answer.text()

    async def have_samples(self, key: str) -> bool:
        return any(sample[key] for sample in await self.samples())


@pytest.fixture(scope="module")
async def watched(
    mongodb_url: str, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Watched]:
    settings = {"SAMPLE_SECONDS": "0.5", "MANAGEMENT_URL": rabbitmq.management_url}
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, tmp_path_factory.mktemp("monitor"), **settings) as system,
        system.http() as http,
    ):
        system.environment_of["monitor"] = NOT_HERE
        await system.start("monitor")
        yield Watched(system, http)


async def test_what_orders_cause_is_in_the_samples(watched: Watched) -> None:
    await watched.place_orders(5)
    for key in ("accepted", "stored", "published", "projected", "write_to_read_p95_ms"):
        await until(lambda key=key: watched.have_samples(key), seconds=SOON_SECONDS, what=f"a sample has {key}")
    assert await watched.alerts() <= {"server_errors"}  # of other tests, for a minute


async def test_every_stage_that_runs_is_ok(watched: Watched) -> None:
    async def are_ok() -> bool:
        states = await watched.states()
        return {name for name, state in states.items() if state != "ok"} == {"sagas"}

    await until(are_ok, seconds=SOON_SECONDS, what="all but the sagas, which do not run here, are ok")


async def test_queues_are_those_of_our_virtual_host(watched: Watched) -> None:
    async def are_told() -> bool:
        _, content = await watched.ask("queues")
        by_name = {queue["name"]: queue for queue in content["data"]}
        consumed = [by_name.get(f"views.p{n}", {}).get("consumers") for n in range(8)]
        return content["is_available"] and consumed == [1] * 8 and by_name["views.p0"]["type"] == "quorum"

    await until(are_told, seconds=SOON_SECONDS, what="every queue of the views has its consumer")


async def test_a_killed_projector_is_down_until_it_is_back(watched: Watched) -> None:
    async def is_told(*, is_down: bool) -> bool:
        is_missed = "projector_down" in await watched.alerts()
        return is_missed == is_down == ((await watched.states())["projector"] == "down")

    await watched.system.kill("projector")
    await until(lambda: is_told(is_down=True), seconds=SOON_SECONDS, what="the projector is missed")
    await watched.system.start("projector")
    await until(lambda: is_told(is_down=False), seconds=SOON_SECONDS, what="the projector is back")


async def test_history_survives_the_monitor(watched: Watched) -> None:
    await until(lambda: watched.have_samples("at"), seconds=SOON_SECONDS, what="there is a sample")
    before = await watched.samples()
    await watched.system.kill("monitor")
    status, _ = await watched.ask("samples")
    assert status == 503
    await watched.system.start("monitor")
    after = await watched.samples()
    assert {sample["at"] for sample in before} <= {sample["at"] for sample in after}


async def test_the_gateway_has_a_contract_and_is_ready_without_the_monitor(watched: Watched) -> None:
    await watched.system.end("monitor")
    await watched.system.restart("gateway")
    async with watched.http.get(f"{watched.system.gateway}/cqrs/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    assert "/cqrs/commands/orders" in paths
    assert "/cqrs/ops/pipeline" not in paths
    await watched.system.start("monitor")


@pytest.mark.parametrize(
    "query", ["step=4", "step=x", "step=86401", "from=yesterday", "to=2026-01-31T08:30:00", "step=5&step=5", "x=1"]
)
async def test_what_makes_no_sense_is_refused(watched: Watched, query: str) -> None:
    assert (await watched.ask(f"samples?{query}"))[0] == 400


async def test_a_long_time_has_a_long_step(watched: Watched) -> None:
    status, content = await watched.ask("samples?from=0001-01-01T00:00:00Z&to=9999-12-31T00:00:00Z")
    assert (status, content["step_seconds"]) == (200, 174)
    assert len(content["data"]) <= 500


async def test_no_time_has_no_samples(watched: Watched) -> None:
    status, content = await watched.ask("samples?from=2026-01-31T09:00:00Z&to=2026-01-31T08:00:00Z")
    assert (status, content["data"]) == (200, [])
