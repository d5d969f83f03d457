"""The lab of `cqrs up`: what it breaks is broken, and what it mends is whole; nobody else has one."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.contract import merge
from gateway.operations import make_own_contract
from stack.lab.app import make_contract
from tests.support.conformance import Contract
from tests.support.cqrs import Cqrs, until
from tests.support.system import System

WITHOUT_BROKER = {"AMQP_URL": "", "SAMPLE_SECONDS": "1"}
CONTRACT = Contract(dict(merge(make_own_contract(), make_contract())))


@dataclass(frozen=True, slots=True)
class Bench:
    """A stack of our own, and its gateway."""

    cqrs: Cqrs
    gateway: str

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Every answer about the lab is held to the contract."""
        data = None if body is None else json.dumps(body).encode()
        wish = urllib.request.Request(
            f"{self.gateway}{path}", data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(wish, timeout=20) as answer:
                status, headers, content = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refusal:
            status, headers, content = refusal.code, refusal.headers, refusal.read()
        if path.startswith("/cqrs/ops/lab"):
            CONTRACT.check(method, path, status, dict(headers), content)
        return status, json.loads(content)

    def lab(self, method: str, path: str = "", body: Any = None) -> Any:
        status, content = self.ask(method, f"/cqrs/ops/lab{path}", body)
        assert status == 200, content
        return content

    def head(self) -> int:
        return self.ask("GET", "/cqrs/ops/positions")[1]["head"] or 0

    def state_of(self, name: str) -> str:
        return next(row["state"] for row in self.lab("GET")["processes"] if row["name"] == name)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    cqrs = Cqrs(data=tmp_path_factory.mktemp("lab"), env=WITHOUT_BROKER)
    cqrs.does("up", "--detach", "--no-sample")
    yield Bench(cqrs, cqrs.status()["gateway"])
    cqrs.does("down")


def test_orders_are_sent_until_nobody_wants_them_any_more(bench: Bench) -> None:
    assert bench.lab("PUT", "/load", {"per_second": 20})["load_per_second"] == 20
    before = bench.head()
    until(lambda: bench.head() > before + 60)
    assert bench.lab("PUT", "/load", {"per_second": 0})["load_per_second"] == 0


@pytest.mark.parametrize("body", [{"per_second": 501}, {"per_second": -1}, {"per_second": 1.5}, {}, {"x": 1}])
def test_a_load_beyond_reason_is_refused(bench: Bench, body: Any) -> None:
    assert bench.ask("PUT", "/cqrs/ops/lab/load", body)[0] == 422
    assert bench.lab("GET")["load_per_second"] == 0


def test_a_slow_projector_stands_still_for_most_of_the_time(bench: Bench) -> None:
    def is_stopped() -> bool:
        return process_state(bench.cqrs.process("projector")["pid"]) == "T"

    assert bench.lab("PUT", "/slow", {"is_slow": True})["is_slow"]
    until(is_stopped)
    until(lambda: not is_stopped())
    assert not bench.lab("PUT", "/slow", {"is_slow": False})["is_slow"]
    assert not is_stopped()


def test_a_killed_process_stays_down_until_it_is_started(bench: Bench) -> None:
    assert bench.lab("POST", "/processes/query/kill") == {"name": "query", "state": "killed", "pid": None}
    bench.lab("POST", "/processes/query/start")
    until(lambda: bench.state_of("query") == "ready")


def test_there_are_no_other_processes(bench: Bench) -> None:
    status, content = bench.ask("POST", "/cqrs/ops/lab/processes/nobody/kill")
    assert (status, content["code"]) == (404, "unknown_process")


def test_a_page_of_another_site_breaks_nothing(bench: Bench) -> None:
    wish = urllib.request.Request(f"{bench.gateway}/cqrs/ops/lab/processes/query/kill", method="POST")
    wish.add_header("Sec-Fetch-Site", "cross-site")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(wish, timeout=20)
    assert bench.state_of("query") == "ready"


def test_poison_parks_one_order_and_what_is_mended_moves_again(bench: Bench) -> None:
    planted = bench.lab("POST", "/poison")
    order_id = planted["stream"].removeprefix("order-")

    def is_parked() -> bool:
        return bench.ask("GET", f"/cqrs/ops/parked/orders/{order_id}")[0] == 200

    until(is_parked)
    assert bench.ask("GET", f"/cqrs/ops/events/{planted['position']}")[1]["actor"] == "lab"
    assert "is not what was written" in bench.cqrs("log", "verify").stdout
    assert bench.lab("POST", "/mend") == {"commits": 1}
    assert bench.lab("POST", "/mend") == {"commits": 0}
    bench.ask("POST", "/cqrs/ops/parked/retry", {"projection": "orders", "key": order_id})
    until(lambda: not is_parked())
    bench.cqrs.does("log", "verify")


def test_the_contract_of_a_stack_has_the_lab_and_the_monitor(bench: Bench) -> None:
    paths = bench.ask("GET", "/cqrs/openapi.json")[1]["paths"]
    assert {"/cqrs/ops/lab", "/cqrs/ops/pipeline"} <= paths.keys()


async def test_without_a_lab_there_is_no_such_path(system: System) -> None:
    async with system.http() as http:
        for method, path in (("GET", ""), ("POST", "/poison"), ("PUT", "/load")):
            async with http.request(method, f"{system.gateway}/cqrs/ops/lab{path}") as answer:
                assert answer.status == 404


def process_state(pid: int) -> str:
    """As /proc has it: T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
