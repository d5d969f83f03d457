"""The view of a product is the fold of four streams, and only what shows is written."""

from collections import Counter
from random import Random
from typing import Any

import msgspec
import orjson
import pytest
from msgspec.structs import replace

from common.codec import encode_event
from common.envelope import Commit
from common.events import EVENT_TYPES
from common.events.inventory import (
    InventoryRolledBack,
    InventoryUpdated,
    LowStockDetected,
    StockCommitted,
    StockReleased,
    StockReserved,
)
from common.read_models import READ_MODELS
from common.read_models.inventory import INVENTORY, InventoryView
from common.read_models.products import PRODUCTS, ProductView
from common.read_models.shapes import Told
from common.read_models.storage import to_fields, to_view
from common.read_models.words import MAX_WORD_CHARACTERS, MAX_WORDS, asked_words, beginnings_of, words_of
from projector.batch import Doc, DocumentId, applied, fold
from projector.statements import document_statements
from query_service.queries.products import show_product
from tests.support import naive
from tests.support.commits import RECORDED_AT, a_commit
from tests.support.imagined_catalogue import ImaginedCatalogue
from tests.support.product_facts import (
    ACTIVATED,
    CREATED,
    FRONT,
    IN_STOCK,
    PRICE,
    REPRICED,
    ROLLED_BACK,
    SHELF,
    UPDATED,
    WITH_ATTRIBUTES,
    WITH_INVENTORY_MEDIA,
    WITH_MEDIA,
)
from tests.support.rules import SUBJECT

KEY: DocumentId = ("products", 456)
ABOUT: dict[str, Any] = {"product_id": 456, "order_id": SUBJECT, "reservation_id": SUBJECT, "quantity": 3}
RESERVED, RELEASED, SOLD = StockReserved(**ABOUT, unit_price=PRICE), StockReleased(**ABOUT), StockCommitted(**ABOUT)
LOW = LowStockDetected(product_id=456, available=1, threshold=5)
COMPLETE = (CREATED, IN_STOCK, WITH_MEDIA, WITH_INVENTORY_MEDIA, WITH_ATTRIBUTES, ACTIVATED)
CONTEXTS = {"Product": "product", "Price": "product", "Media": "media", "Attributes": "attributes"}


def context_of(event: Any) -> str:
    name = type(event).__name__
    return next((context for word, context in CONTEXTS.items() if name.startswith(word)), "inventory")


def commits_of(*events: Any) -> list[Commit]:
    """One commit each, at positions 1, 2, 3 …"""
    versions: Counter[str] = Counter()
    commits = []
    for position, event in enumerate(events, 1):
        stream = f"{context_of(event)}-456"
        versions[stream] += 1
        commits.append(a_commit(position, stream, versions[stream], events=(encode_event(event),)))
    return commits


def doc_of(*events: Any) -> Doc:
    doc = Doc(partition=0)
    for commit in commits_of(*events):
        doc = applied(PRODUCTS, doc, commit)
    assert doc.parked is None, doc.parked
    return doc


def shown(*events: Any) -> dict[str, Any]:
    doc = doc_of(*events)
    return show_product({**to_fields(doc.view), "version": doc.version})


def test_a_product_shows_all_that_belongs_to_it() -> None:
    product = shown(*COMPLETE)
    front, shelf = FRONT.model_dump(), SHELF.model_dump()
    assert product == {
        "product_id": 456,
        "name": "Keyboard",
        "price": {"amount": "49.99", "currency": "EUR"},
        "sku": "KB-456",
        "category": "Input devices",
        "description": "A loud one.",
        "status": "ACTIVE",
        "attributes": [{"key": "colour", "value": "black"}],
        "media": [front],
        "inventory": {
            "product_name": "Keyboard",
            "sku": "KB-456",
            "status": "ACTIVE",
            "quantity": 100,
            "low_stock_threshold": 5,
        },
        "inventory_media": [shelf],
        "counts": {"attributes": 1, "media": 1, "inventory_media": 1},
        "rollback_code": None,
        "rollback_reason": None,
        "created_at": RECORDED_AT,
        "activated_at": RECORDED_AT,
        "updated_at": RECORDED_AT,
        "version": 2,
    }


def test_a_product_shows_how_it_changed() -> None:
    product = shown(*COMPLETE, UPDATED, REPRICED, InventoryUpdated(product_id=456, quantity=7, status="INACTIVE"))
    assert (product["name"], product["price"]["amount"]) == ("Quiet keyboard", "39.99")
    assert (product["inventory"]["quantity"], product["inventory"]["status"]) == (7, "INACTIVE")


def test_a_product_shows_why_it_was_rolled_back() -> None:
    product = shown(CREATED, IN_STOCK, WITH_INVENTORY_MEDIA, InventoryRolledBack(product_id=456), ROLLED_BACK)
    assert (product["status"], product["rollback_code"]) == ("ROLLED_BACK", "onboarding_failed")
    assert (product["inventory"], product["inventory_media"]) == (None, [])
    assert product["counts"] == {"attributes": 0, "media": 0, "inventory_media": 0}


def test_the_version_is_that_of_the_products_own_stream() -> None:
    doc = doc_of(IN_STOCK, CREATED, WITH_MEDIA, UPDATED, WITH_ATTRIBUTES)
    assert (doc.version, doc.position) == (2, 5)


def test_a_product_known_only_by_its_inventory_has_version_0() -> None:
    doc = doc_of(IN_STOCK, WITH_INVENTORY_MEDIA)
    assert (doc.version, doc.position, doc.view.status) == (0, 2, None)
    assert doc_of(IN_STOCK, WITH_INVENTORY_MEDIA, CREATED).view.counts.inventory_media == 1


@pytest.mark.parametrize("event", [RESERVED, RELEASED, LOW], ids=lambda event: type(event).__name__)
def test_what_does_not_show_leaves_the_document_unwritten(event: Any) -> None:
    before = doc_of(*COMPLETE)
    commit = commits_of(*COMPLETE, event)[-1]
    changes = fold({0: [commit]}, {KEY: before, ("inventory", 456): _inventory_doc()})
    assert changes.documents[KEY].after is before
    written = [statement.statement for statement in document_statements(changes)]
    assert [statement["update"] for statement in written] == ["inventory"]


def test_what_is_sold_shows_and_what_is_reserved_does_not() -> None:
    assert shown(CREATED, IN_STOCK, RESERVED)["inventory"]["quantity"] == 100
    assert shown(CREATED, IN_STOCK, RESERVED, SOLD)["inventory"]["quantity"] == 97


def test_what_nobody_can_read_parks_the_product_too() -> None:
    commit = a_commit(2, "inventory-456", 2, events=(replace(encode_event(IN_STOCK), schema=99),))
    doc = applied(PRODUCTS, doc_of(CREATED), commit)
    assert doc.parked
    assert (doc.parked.code, doc.parked.position) == ("unknown_schema", 2)


def _inventory_doc() -> Doc:
    view = None
    for event in (IN_STOCK, RESERVED):
        view = INVENTORY.project(view, event, _told(event))
    return Doc(partition=0, position=3, version=2, view=view)


def _told(event: Any) -> Told:
    return Told(event_type=type(event).__name__, subject="456", position=1, version=1, recorded_at=RECORDED_AT)


def stock_after(*events: Any) -> InventoryView:
    view = None
    for event in events:
        view = INVENTORY.project(view, event, _told(event))
    assert view
    return view


def test_an_inventory_shows_its_sku_its_status_and_how_many_files_it_has() -> None:
    view = stock_after(IN_STOCK, WITH_INVENTORY_MEDIA)
    assert (view.sku, view.status, view.media_count) == ("KB-456", "ACTIVE", 1)


def test_an_inventory_that_was_rolled_back_says_so_until_it_begins_again() -> None:
    gone = (IN_STOCK, WITH_INVENTORY_MEDIA, InventoryRolledBack(product_id=456))
    assert (stock_after(*gone).status, stock_after(*gone).total_quantity, stock_after(*gone).media_count) == (
        "ROLLED_BACK",
        0,
        0,
    )
    again = stock_after(*gone, InventoryUpdated(product_id=456, product_name="Keyboard", quantity=1))
    assert (again.status, again.total_quantity, again.sku) == ("ACTIVE", 1, None)


def test_an_inventory_that_was_stored_before_it_had_a_sku_can_be_read() -> None:
    stored = to_fields(stock_after(InventoryUpdated(product_id=456, product_name="Keyboard", quantity=1)))
    for name in ("sku", "status", "media_count"):
        del stored[name]
    assert to_view(InventoryView, stored).status == "ACTIVE"


def test_a_view_is_read_as_it_was_stored() -> None:
    for view in (doc_of(*COMPLETE).view, doc_of(IN_STOCK).view, doc_of(CREATED, ROLLED_BACK).view):
        assert to_view(ProductView, to_fields(view)) == view


@pytest.mark.parametrize("seed", range(12))
def test_the_views_are_the_naive_fold_of_what_a_catalogue_did(seed: int) -> None:
    catalogue = ImaginedCatalogue(seed)
    catalogue.change(400)
    expected = naive.expected_views([_as_stored(commit) for commit in catalogue.commits])
    documents = _folded(catalogue.commits, Random(seed))
    for collection in ("inventory", "products"):
        assert _plain(documents[collection]) == _plain(expected[collection])


def test_the_imagined_catalogue_does_everything_that_can_be_done() -> None:
    done: Counter[str] = Counter()
    for seed in range(12):
        catalogue = ImaginedCatalogue(seed)
        catalogue.change(400)
        done.update(event.type for commit in catalogue.commits for event in commit.events)
    told = {f"common.events.{module}" for module in ("products", "media", "attributes", "inventory")}
    assert {name for name, event_type in EVENT_TYPES.items() if event_type.__module__ in told} <= set(done)


def _folded(commits: list[Commit], chance: Random) -> dict[str, dict[Any, Any]]:
    """What the projector makes of the commits, in batches of any size."""
    known: dict[DocumentId, Doc] = {}
    rest = list(commits)
    while rest:
        size = chance.randint(1, 20)
        batch: dict[int, list[Commit]] = {}
        for commit in rest[:size]:
            batch.setdefault(commit.partition, []).append(commit)
        del rest[:size]
        known |= {document_id: change.after for document_id, change in fold(batch, known).documents.items()}
    assert not [doc for doc in known.values() if doc.parked]
    documents: dict[str, dict[Any, Any]] = {model.collection: {} for model in READ_MODELS}
    for (collection, key), doc in known.items():
        stand = {"_id": key, "partition": doc.partition, "position": doc.position, "version": doc.version}
        documents[collection][key] = stand | to_fields(doc.view)
    return documents


def _as_stored(commit: Commit) -> dict[str, Any]:
    stored = msgspec.to_builtins(commit, builtin_types=(type(commit.recorded_at),))
    return {**stored, "_id": commit.position}


def _plain(documents: dict[Any, Any]) -> Any:
    return orjson.loads(orjson.dumps(documents, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS))


# Words


def test_words_are_found_whole_and_by_their_parts_whatever_their_case() -> None:
    assert words_of("A Quiet, quiet Straße", None, "KB-456.a") == ("a", "quiet", "strasse", "kb-456.a", "kb", "456")


@pytest.mark.parametrize("word", ["JD0000000017", "keyboard", "4711", "x" * (MAX_WORD_CHARACTERS + 1)])
def test_a_plain_word_alone_is_what_it_is_among_others(word: str) -> None:
    assert words_of(word) == words_of(f"{word}!")


def test_a_document_has_a_limit_of_words() -> None:
    assert words_of(" ".join(map(str, range(100)))) == tuple(map(str, range(MAX_WORDS)))


def test_a_word_begins_in_every_way_up_to_a_length() -> None:
    assert beginnings_of(("abc", "abd")) == ("a", "ab", "abc", "abd")
    assert beginnings_of(("keyboards",))[-1] == "keyboard"


def test_what_is_asked_is_taken_as_it_is_written() -> None:
    assert asked_words(" KB-456.A  quiet KB-456.A") == ("kb-456.a", "quiet")
    assert asked_words("- .") == ()
