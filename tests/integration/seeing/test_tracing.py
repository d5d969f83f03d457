"""One order is one trace: gateway, command, log, relay, projector and sagas, with the parents that caused them."""

import secrets
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.broker import Broker, virtual_host
from tests.support.collector import Collector, Told, collecting
from tests.support.shop_front import Shop
from tests.support.system import SERVICES, running_system, until

SOON_SECONDS = 20.0
SERVER, PRODUCER, CONSUMER = 2, 4, 5


@pytest.fixture(scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as made:
        yield made


@pytest.fixture(scope="module")
async def shop(
    mongodb_url: str, rabbitmq: Broker, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100", "LOG_FORMAT": "json"}
    async with (
        virtual_host(rabbitmq) as host,
        running_system(mongodb_url, host.url, tmp_path_factory.mktemp("traced"), services=SERVICES, **traced) as system,
        aiohttp.ClientSession() as http,
    ):
        yield Shop(system, http)


@pytest.fixture(scope="module")
async def trace(shop: Shop, collector: Collector) -> list[Told]:
    """Of an order that was placed and validated; the client's own span is its root."""
    product_id = await shop.stocked(5)
    trace_id, root = secrets.token_hex(16), secrets.token_hex(8)
    body = {"user_id": 7, "items": [{"product_id": product_id, "quantity": 1}]}
    url = f"{shop.system.gateway}/cqrs/commands/orders"
    headers = {"traceparent": f"00-{trace_id}-{root}-01"}
    async with aiohttp.ClientSession() as http, http.post(url, json=body, headers=headers) as answer:
        order_id = (await answer.json())["order_id"]
    await shop.becomes(order_id, "VALIDATED")

    async def is_whole() -> bool:
        spans = collector.of_trace(trace_id)
        known = {span.span_id for span in spans} | {root}
        names = [span.name for span in spans]
        return (
            names.count("process views") >= 3
            and names.count("send domain.events") >= 3
            and {span.parent_id for span in spans} <= known
        )

    await until(is_whole, seconds=SOON_SECONDS, what=f"the trace is whole: {collector.of_trace(trace_id)}")
    return collector.of_trace(trace_id)


def the(trace: list[Told], service: str, name: str, *, parent: Told | None = None) -> Told:
    """The one span of this service and name, under this parent if one is given."""
    found = [s for s in trace if (s.service, s.name) == (f"leveret-{service}", name)]
    found = [s for s in found if parent is None or s.parent_id == parent.span_id]
    assert len(found) == 1, (name, found)
    return found[0]


async def test_all_services_stand_in_one_trace(trace: list[Told]) -> None:
    services = {span.service for span in trace}
    assert {f"leveret-{name}" for name in ("gateway", "command", "projector", "sagas")} <= services


async def test_each_span_has_the_parent_that_caused_it(trace: list[Told]) -> None:
    door = the(trace, "gateway", "POST /cqrs/commands/{path}")
    served = the(trace, "command", "POST /commands/orders", parent=door)
    command = the(trace, "command", "CreateOrder", parent=served)
    sent = the(trace, "command", "send domain.events", parent=command)
    viewed = the(trace, "projector", "process views", parent=command)
    the(trace, "sagas", "process sagas", parent=command)
    step = the(trace, "sagas", "step ReserveStock", parent=command)
    reserved = the(trace, "command", "ReserveStock", parent=step)
    the(trace, "projector", "process views", parent=reserved)
    assert [span.kind for span in (door, served, sent, viewed)] == [SERVER, SERVER, PRODUCER, CONSUMER]
    assert viewed.attributes["leveret.stream"] == command.attributes["leveret.stream"]
    assert door.attributes["http.response.status_code"] == 201


async def test_what_is_done_for_many_links_to_each(collector: Collector, trace: list[Told]) -> None:
    command = the(trace, "command", "CreateOrder")
    linked = {span.name for span in collector.spans if (command.trace_id, command.span_id) in span.links}
    assert {"insert commits", "batch views", "batch sagas"} <= linked


async def test_what_is_asked_all_the_time_is_not_traced(collector: Collector, trace: list[Told]) -> None:
    assert trace
    assert not [span.name for span in collector.spans if "readyz" in span.name or "errands" in span.name]
