"""What an answer costs: one order by its id from the query service, again as 304, through the gateway, and bare."""

import statistics
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

import orjson
from aiohttp import web
from pymongo import AsyncMongoClient

from bench.alone import alone, beside, until_set
from bench.http_client import get_request
from bench.load import Load, Outcome, offer
from bench.meter import metered
from bench.orders import ORDERS_PATH, PRODUCT_ID, stock
from bench.servers import Servers
from bench.system import System, running
from common.read_models.orders import ORDERS
from stack.ports import LOOPBACK, free_port

DATABASE = "bench_answers"
TURNS = 3
CONNECTIONS = 32
WARM_UP_SECONDS = 1.0
VISIBLE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Requests per second, one kind at a time: medians of the turns. Processor time in µs per request."""

    bare: float  # an aiohttp handler with one find_one
    by_id: float
    unchanged: float  # 304 to who has the newest version
    through_gateway: float
    query_us: float
    gateway_us: float


async def measure_answers(servers: Servers, folder: Path, seconds: float) -> Answers:
    """`seconds` for each of 4 × TURNS loads."""
    names = ("command", "projector", "query", "gateway")
    async with running(names, servers=servers, database=DATABASE, relay=True, folder=folder) as system:
        await stock(system)
        order_id, etag = await _visible_order(system)
        port = free_port()
        async with beside(serve_bare, servers.mongodb_url, f"{DATABASE}_views", port):
            turns = [await _turn(system, port, order_id, etag, seconds) for _ in range(TURNS)]
    return Answers(**{name: statistics.median(turn[name] for turn in turns) for name in turns[0]})


async def _visible_order(system: System) -> tuple[str, str]:
    """Place an order; return its id and the ETag of its view."""
    placed = await system.post(ORDERS_PATH, {"user_id": 1, "product_id": PRODUCT_ID, "quantity": 1})
    url = f"http://{LOOPBACK}:{system.ports['query']}/queries/orders/{placed['order_id']}"
    for _ in range(int(VISIBLE_SECONDS)):
        async with system.http.get(url, headers={"Consistency-Token": placed["token"]}) as answer:
            if answer.status == 200:
                return placed["order_id"], answer.headers["ETag"]
    raise TimeoutError("the order does not become visible")


async def _turn(system: System, bare_port: int, order_id: str, etag: str, seconds: float) -> dict[str, float]:
    path = f"/queries/orders/{order_id}"
    query, gateway = system.ports["query"], system.ports["gateway"]
    bare = await _asked(get_request(bare_port, path), bare_port, seconds)
    async with metered(system.pids) as alone_meter:
        by_id = await _asked(get_request(query, path), query, seconds)
    unchanged = await _asked(get_request(query, path, etag=etag), query, seconds)
    async with metered(system.pids) as meter:
        through = await _asked(get_request(gateway, f"/cqrs{path}"), gateway, seconds)
    return {
        "bare": bare.rate,
        "by_id": by_id.rate,
        "unchanged": unchanged.rate,
        "through_gateway": through.rate,
        "query_us": 1e6 * alone_meter.uses["query"].cpu_seconds / by_id.statuses.total(),
        "gateway_us": 1e6 * meter.uses["gateway"].cpu_seconds / through.statuses.total(),
    }


async def _asked(request: bytes, port: int, seconds: float) -> Outcome:
    load = Load(
        port=port, requests=(request,), seconds=seconds, warm_up_seconds=WARM_UP_SECONDS, connections=CONNECTIONS
    )
    return (await alone(offer, load)).sound()


async def serve_bare(mongodb_url: str, database: str, port: int, ready: Event, stop: Event) -> None:
    """The least that answers the same question: the stored document, found by its id."""
    async with AsyncMongoClient(mongodb_url) as client:
        orders = client[database][ORDERS.collection]

        async def handle(http: web.Request) -> web.Response:
            found = await orders.find_one({"_id": http.match_info["order_id"]})
            return web.Response(body=orjson.dumps(found), content_type="application/json")

        app = web.Application()
        app.router.add_get("/queries/orders/{order_id}", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, port).start()
        ready.set()
        await until_set(stop)
        await runner.cleanup()
