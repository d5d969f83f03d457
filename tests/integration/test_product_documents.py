"""A product's document is made of four streams, and every list of products is served by an index."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from common.codec import encode_event
from common.envelope import Commit
from common.paging import write_cursor
from common.read_models.inventory import INVENTORY
from common.read_models.orders import ORDERS
from common.read_models.products import PRODUCTS, SHOWN, ProductView, StockView
from common.read_models.storage import to_fields
from common.read_models.words import beginnings_of, words_of
from common.values import Money
from projector import writer as writer_module
from projector.views import make_indexes
from query_service.queries.products import listing
from tests.support.imagined_catalogue import ImaginedCatalogue
from tests.support.ledger import a_price, event
from tests.support.product_facts import ACTIVATED, CREATED, IN_STOCK, WITH_ATTRIBUTES, WITH_INVENTORY_MEDIA, WITH_MEDIA
from tests.support.view_bench import ViewBench, a_view_bench

Document = dict[str, Any]
KEY = 456


@pytest.fixture
async def bench(mongodb_url: str) -> AsyncIterator[ViewBench]:
    async with a_view_bench(mongodb_url) as made:
        yield made


async def write(bench: ViewBench, commits: Iterable[Commit]) -> None:
    """The same events in the same streams and order, in a real log."""
    for commit in commits:
        await bench.ledger.append(bench.ledger.draft(commit.stream, commit.partition_key, *commit.events))


async def a_catalogue(bench: ViewBench, seed: int, times: int = 250) -> None:
    catalogue = ImaginedCatalogue(seed)
    catalogue.change(times)
    await write(bench, catalogue.commits)


async def a_product(bench: ViewBench) -> None:
    of = {"product": (CREATED, ACTIVATED), "inventory": (IN_STOCK, WITH_INVENTORY_MEDIA)}
    of |= {"media": (WITH_MEDIA,), "attributes": (WITH_ATTRIBUTES,)}
    ledger = bench.ledger
    for number in range(2):
        for context, events in of.items():
            if number < len(events):
                await ledger.append(ledger.draft(f"{context}-{KEY}", KEY, encode_event(events[number])))


async def documents(bench: ViewBench) -> list[Document]:
    return await bench.views["products"].find(sort=[("_id", 1)]).to_list()


async def the_product(bench: ViewBench) -> Document:
    found = await bench.views["products"].find_one({"_id": KEY})
    assert found
    return found


async def serve(bench: ViewBench, *requests: Document) -> None:
    """The holder does what it is asked for, and goes on from its checkpoints."""
    for request in requests:
        await bench.ask(request)
    writer = bench.writer()
    await writer.begin(bench.all_partitions)
    await writer.serve_requests(bench.all_partitions)
    await bench.catch_up(bench.writer())


def a_retry(document: Document) -> Document:
    about = {"collection": "products", "key": document["_id"], "partition": document["partition"]}
    return {"_id": f"retry/{document['_id']}", "kind": "retry", **about}


async def test_the_events_of_four_streams_make_one_document(bench: ViewBench) -> None:
    await a_product(bench)
    await bench.catch_up(bench.writer())
    product = await the_product(bench)
    assert (product["version"], product["status"], product["inventory"]["quantity"]) == (2, "ACTIVE", 100)
    assert product["counts"] == {"attributes": 1, "media": 1, "inventory_media": 1}
    assert product["position"] == await bench.log.head()
    await bench.check()


@pytest.mark.parametrize("seed", range(3))
async def test_interleaved_streams_make_what_a_naive_program_makes_of_them(bench: ViewBench, seed: int) -> None:
    """In batches of any size: the documents are read from the database, cached, and found there again."""
    chance, writer, catalogue = Random(seed), bench.writer(), ImaginedCatalogue(seed)
    catalogue.change(250)
    commits = list(catalogue.commits)
    while commits:
        size = chance.randint(1, 60)
        await write(bench, commits[:size])
        del commits[:size]
        await bench.catch_up(chance.choice((writer, bench.writer())))
    await bench.check()


async def test_a_rebuild_makes_the_same_documents(bench: ViewBench) -> None:
    await a_catalogue(bench, seed=7)
    await bench.catch_up(bench.writer())
    before = await documents(bench)
    everywhere = ({"_id": f"rebuild/{p}", "kind": "rebuild", "partition": p} for p in bench.all_partitions)
    await serve(bench, *everywhere)
    assert await documents(bench) == before
    await bench.check()


async def test_a_retry_makes_the_same_documents(bench: ViewBench) -> None:
    await a_catalogue(bench, seed=8)
    await bench.catch_up(bench.writer())
    before = await documents(bench)
    await bench.views["products"].update_many({}, {"$set": {"name": "?", "counts": None}})
    await serve(bench, *map(a_retry, before))
    assert await documents(bench) == before
    await bench.check()


async def test_a_product_that_a_bug_has_parked_is_folded_from_all_its_streams(
    bench: ViewBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(view: ProductView | None, told_event: Any, told: Any) -> ProductView | None:
        if told.event_type == "MediaCreated":
            raise RuntimeError("a bug")
        return PRODUCTS.project(view, told_event, told)

    with monkeypatch.context() as patch:
        patch.setattr(writer_module, "READ_MODELS", (replace(PRODUCTS, project=broken), INVENTORY, ORDERS))
        await a_product(bench)
        await bench.catch_up(bench.writer())
    parked = await the_product(bench)
    assert (parked["parked"]["code"], parked["counts"]["media"]) == ("projection_failed", 0)
    await serve(bench, a_retry(parked))
    assert (await the_product(bench))["counts"]["media"] == 1
    await bench.check()


async def test_what_orders_do_with_stock_does_not_rewrite_the_product(bench: ViewBench) -> None:
    await a_product(bench)
    writer = bench.writer()
    await bench.catch_up(writer)
    before = await the_product(bench)
    about = {"product_id": KEY, "order_id": "o", "reservation_id": "r", "quantity": 3}
    await bench.views.command("collMod", "products", validator={"_id": {"$lt": 0}})  # who writes it now fails
    for told in (event("StockReserved", **about, unit_price=a_price(1)), event("StockReleased", **about)):
        await bench.ledger.append(bench.ledger.draft(f"inventory-{KEY}", KEY, told))
        await bench.catch_up(writer)
        await bench.catch_up(bench.writer())
    assert await the_product(bench) == before
    stock = await bench.views["inventory"].find_one({"_id": KEY})
    assert stock
    assert stock["position"] == await bench.log.head()
    await bench.check()


async def test_an_inventory_that_cannot_be_written_parks_nothing_else(bench: ViewBench) -> None:
    await a_product(bench)
    writer = bench.writer()
    await bench.catch_up(writer)
    unreserved = {"$or": [{"parked": {"$exists": True}}, {"reserved_quantity": 0}]}
    await bench.views.command("collMod", "inventory", validator=unreserved)
    told = event("StockReserved", product_id=KEY, order_id="o", reservation_id="r", quantity=3, unit_price=a_price(1))
    await bench.ledger.append(bench.ledger.draft(f"inventory-{KEY}", KEY, told))
    await bench.catch_up(writer)
    stock = await bench.views["inventory"].find_one({"_id": KEY})
    assert stock
    assert stock["parked"]["code"] == "unwritable"
    assert "parked" not in await the_product(bench)


async def test_a_product_known_only_by_its_inventory_is_not_shown(bench: ViewBench) -> None:
    await bench.ledger.stock(1, 5)
    await bench.catch_up(bench.writer())
    (found,) = await documents(bench)
    assert (found["version"], found["inventory"]["quantity"]) == (0, 5)
    assert await bench.views["products"].count_documents(SHOWN) == 0
    await bench.check()


# Every list is served by an index

PAGE = 20
MANY = 3000
CATEGORIES = ("Lamps", "Chairs", "Tables")
QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"category": "Lamps"},
    {"category": "Nothing"},
    {"sku": "SKU-7"},
    {"status": "ACTIVE"},
    {"status": "ROLLED_BACK"},
    {"min_price": "3", "max_price": "7"},
    {"min_price": "9.50"},
    {"max_price": "1.50", "currency": "USD"},
    {"currency": "USD"},
    {"category": "Chairs", "status": "PENDING"},
    {"category": "Chairs", "min_price": "2", "max_price": "8"},
    {"q": "thing"},
    {"q": "thi"},
    {"q": "thing 12"},
    {"q": "extraordinari"},
)


def a_stored_product(product_id: int) -> Document:
    """Every second one is known only by its inventory."""
    stand = {"_id": product_id, "partition": 0, "position": product_id, "version": product_id % 2}
    now = datetime(2026, 3, 1, tzinfo=UTC)
    if not product_id % 2:
        view = ProductView(product_id=product_id, inventory=StockView(product_name="x"), updated_at=now)
        return to_fields(view) | stand
    name = f"Thing {product_id % 200} {'extraordinarily' if product_id % 10 == 1 else 'extraordinary'}"
    words = words_of(name)
    view = ProductView(
        product_id=product_id,
        name=name,
        price=Money(amount=product_id % 11 * 100, currency="USD" if product_id % 3 else "EUR"),
        sku=f"SKU-{product_id % 50}",
        category=CATEGORIES[product_id % 3],
        status=("PENDING", "ACTIVE", "ROLLED_BACK")[product_id % 7 % 3],
        created_at=now,
        updated_at=now,
        words=words,
        beginnings=beginnings_of(words),
    )
    return to_fields(view) | stand


@pytest.fixture(scope="module")
async def many(mongodb_url: str) -> AsyncIterator[Any]:
    async with a_view_bench(mongodb_url) as made:
        await make_indexes(made.views)
        await made.views["products"].insert_many([a_stored_product(number) for number in range(1, MANY + 1)])
        yield made.views


async def explained(views: Any, asked: Any) -> tuple[Document, set[str]]:
    command = {"find": "products", "filter": asked.wanted, "sort": dict(asked.sort), "limit": PAGE + 1}
    command |= {"hint": dict(asked.hint)} if asked.hint else {}
    told = await views.command("explain", command, verbosity="executionStats")
    return told["executionStats"], set(_stages(told["queryPlanner"]["winningPlan"]))


def _stages(plan: Document) -> Iterable[str]:
    yield plan["stage"]
    for inner in (*plan.get("inputStages", ()), *([plan["inputStage"]] if "inputStage" in plan else ())):
        yield from _stages(inner)


@pytest.mark.parametrize("query", QUERIES, ids=repr)
async def test_every_page_of_a_list_is_served_by_an_index(many: Any, query: dict[str, str]) -> None:
    found: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        asked = listing(query | cursor)
        stats, stages = await explained(many, asked)
        assert stats["totalKeysExamined"] <= 3 * PAGE + 100, stats["totalKeysExamined"]
        assert stats["totalDocsExamined"] <= 3 * PAGE + 100
        assert not stages & {"COLLSCAN", "SORT"}, stages
        page = await many["products"].find(asked.wanted, sort=asked.sort, limit=PAGE + 1, hint=asked.hint).to_list()
        found += [document["_id"] for document in page[:PAGE]]
        if len(page) <= PAGE:
            break
        cursor = {"cursor": write_cursor(asked.place_of(page[PAGE - 1]))}
    assert found == await expected(many, query)


async def expected(many: Any, query: dict[str, str]) -> list[int]:
    """As a reader would filter all that is shown, in memory."""
    shown = await many["products"].find(SHOWN, sort=[("_id", 1)]).to_list()
    rows = [row for row in shown if all(row[name] == query[name] for name in EXACT if name in query)]
    if "q" in query:
        *whole, last = query["q"].split()
        rows = [r for r in rows if set(whole) <= set(r["words"]) and any(w.startswith(last) for w in r["words"])]
    if PRICED & query.keys():
        low, high = (float(query.get(name, default)) * 100 for name, default in (("min_price", 0), ("max_price", 99)))
        rows = [r for r in rows if r["price"]["currency"] == query.get("currency", "EUR")]
        rows = sorted((r for r in rows if low <= r["price"]["amount"] <= high), key=lambda r: r["price"]["amount"])
    return [row["_id"] for row in rows]


EXACT = ("category", "sku", "status")
PRICED = {"min_price", "max_price", "currency"}
