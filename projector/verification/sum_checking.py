"""Whether sums are those of the documents that stand beside them, at one moment of the views' database (V4)."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

import msgspec
from bson import decode
from bson.raw_bson import RawBSONDocument

from common.mongo import PLAIN
from common.read_models import ORDERS, READ_MODELS
from common.read_models.shapes import Contribution, ReadModel, SummaryKey
from common.read_models.storage import STANDING, SUMS, all_of, summary_id, to_view
from common.read_models.users import USER_PRODUCTS, USERS
from projector.generations.comparing import flat, told_of_sum
from projector.verification.differing import Finding
from projector.verification.moment import Moment
from projector.verification.sum_fingerprints import Buckets, Fingerprints, bucket_of
from projector.verification.verifying import Checked
from projector.views import reaching_views

PAGE_DOCUMENTS = 1_000
FINDING_MILLISECONDS = 200  # for the orders of one user; no index finds those of them that are deleted
OF_A_USER = (USERS, USER_PRODUCTS)
Sums = dict[str, dict[str, Any]]
"""Id → dotted name → number, and the names that stand beside the numbers."""


class Unreadable(Exception):
    """A stored document is none of its read model, so that nobody can say what it adds: it differs itself."""


def contribution_of_stored(model: ReadModel[Any], stored: Mapping[str, Any]) -> Contribution:
    """What a document as it stands adds to the sums; Unreadable."""
    if not stored.keys() - STANDING:
        return {}
    try:
        return model.contribute(to_view(model.view, stored))
    except msgspec.ValidationError as error:
        raise Unreadable from error


def add_to(
    sums: Sums, contribution: Contribution, partition: int, counts: Callable[[str], bool] = lambda _: True
) -> None:
    for key, numbers in contribution.items():
        if counts(key_id := summary_id(key, partition)):
            total = sums.setdefault(key_id, _names(key, partition))
            for name, number in numbers.items():
                total[name] = total.get(name, 0) + number


def differing_sums(
    moment: Moment, expected: Mapping[str, Mapping[str, Any]], stored: Mapping[str, RawBSONDocument]
) -> Checked:
    """All of which there is anything on either side; a sum that came back to nothing is as good as none."""
    checked = Checked()
    for key in sorted(expected.keys() | stored.keys(), key=str):
        wanted, found = told_of_sum(expected.get(key, {})), told_of_sum(flat(stored.get(key)))
        if (wanted or found).get("partition", 0) in moment.emptied:
            continue
        checked.count += bool(wanted or found)
        if fields := sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)):
            checked.findings.append(_finding(moment, key, wanted, found, fields))
    return checked


async def sums_of_orders(moment: Moment, user_id: int, *, but: str | None = None) -> Sums:
    """What a user's sums should be by the orders that stand there, without one of them; Unreadable."""
    sums: Sums = {}
    for is_deleted in (False, True):
        async for page in pages(
            moment, ORDERS.collection, {"user_id": user_id, "is_deleted": is_deleted}, quickly=True
        ):
            for order in page:
                if order["_id"] != but:
                    add_to(sums, contribution_of_stored(ORDERS, order), order.get("partition", 0), is_of_a_user)
    return sums


async def stored_sums_of(moment: Moment, user_id: int) -> dict[str, RawBSONDocument]:
    wanted = {"$or": [{"_id": f"{USERS.of}/{user_id}"}, all_of(USER_PRODUCTS, user_id)]}
    with reaching_views():
        found = moment.collection(SUMS).find(wanted, session=moment.session)
        return {document["_id"]: document async for document in found}


async def verify_user(moment: Moment, user_id: int) -> Checked:
    """Their sums are the sums of their orders; nothing is said while one of these cannot be read."""
    try:
        expected = await sums_of_orders(moment, user_id)
    except Unreadable:
        return Checked()
    return differing_sums(moment, expected, await stored_sums_of(moment, user_id))


async def fingerprints_of(moment: Moment, model: ReadModel[Any]) -> Fingerprints:
    """Of all sums and all documents at this moment; Unreadable."""
    fingerprints = Fingerprints(model.summaries)
    async for page in pages(moment, model.collection):
        for document in page:
            fingerprints.add(contribution_of_stored(model, document), document.get("partition", 0))
    async for raw_page in raw_pages(moment, SUMS):
        for document in raw_page:
            fingerprints.subtract(document["_id"], told_of_sum(flat(document)))
    return fingerprints


async def verify_sums(moment: Moment, model: ReadModel[Any], buckets: Buckets) -> Checked:
    """Of all sums those in these buckets, so that only they are in memory; Unreadable."""

    def counts(key_id: str) -> bool:
        return bucket_of(key_id) in buckets

    expected: Sums = {}
    async for page in pages(moment, model.collection):
        for document in page:
            add_to(expected, contribution_of_stored(model, document), document.get("partition", 0), counts)
    checked = Checked()
    async for raw_page in raw_pages(moment, SUMS):
        stored = {document["_id"]: document for document in raw_page if counts(document["_id"])}
        checked.add(differing_sums(moment, {key: expected.pop(key, {}) for key in stored}, stored))
    checked.add(differing_sums(moment, expected, {}))
    return checked


async def pages(
    moment: Moment, name: str, wanted: Mapping[str, Any] | None = None, *, quickly: bool = False
) -> AsyncIterator[list[Mapping[str, Any]]]:
    async for page in raw_pages(moment, name, wanted, quickly=quickly):
        yield [decode(document.raw, PLAIN) for document in page]


async def raw_pages(
    moment: Moment, name: str, wanted: Mapping[str, Any] | None = None, *, quickly: bool = False
) -> AsyncIterator[list[RawBSONDocument]]:
    found = moment.collection(name).find(wanted or {}, session=moment.session, batch_size=PAGE_DOCUMENTS)
    if quickly:
        found.max_time_ms(FINDING_MILLISECONDS)
    with reaching_views():
        while page := await found.to_list(PAGE_DOCUMENTS):
            yield page


def is_of_a_user(key_id: str) -> bool:
    return key_id.partition("/")[0] in {summary.of for summary in OF_A_USER}


def _names(key: SummaryKey, partition: int) -> dict[str, Any]:
    return dict(zip(key.summary.fields, key.parts, strict=True)) | {"of": key.summary.of, "partition": partition}


def _finding(
    moment: Moment, key: str, wanted: Mapping[str, Any], found: Mapping[str, Any], fields: Iterable[str]
) -> Finding:
    told = (wanted or found).get("partition", 0)
    partition = told if isinstance(told, int) else 0  # what is stored may be anything
    return Finding(
        projection=model_with_sums().collection,
        collection=SUMS,
        key=key,
        what="changed" if wanted and found else "missing" if wanted else "extra",
        fields=tuple(fields),
        partition=partition,
        position=moment.upto.get(partition, 0),
    )


def model_with_sums() -> ReadModel[Any]:
    return next(model for model in READ_MODELS if model.summaries)
