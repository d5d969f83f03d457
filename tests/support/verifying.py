"""A verifier on a bench: what it finds at one look, and at all documents and users there are."""

from typing import Any

from common.config import Settings
from common.read_models import READ_MODELS
from projector.verification.full import FullVerification, Verdict
from projector.verification.moment import moment_of
from projector.verification.sum_checking import verify_user
from projector.verification.verifier import Verifier
from projector.verification.verifying import MOST_COMMITS, Checked, verify_documents
from tests.support.view_bench import ViewBench

USERS = range(1, 6)


def verifier_of(bench: ViewBench, **settings: Any) -> Verifier:
    """Of a process that holds every partition."""
    partitions = bench.log.info.partitions
    return Verifier(bench.log.database, bench.views, lambda: bench.all_partitions, partitions, Settings(**settings))


async def all_keys(bench: ViewBench, name: str) -> list[Any]:
    """Of what is stored, and of what the log tells."""
    (model,) = (model for model in READ_MODELS if model.collection == name)
    streams = await bench.log.database["commits"].distinct("stream")
    told = [stream.partition("-") for stream in streams]
    keys = {model.key(subject) for context, _, subject in told if context in model.contexts}
    return [*keys | set(await bench.views[name].distinct("_id"))]


async def found_everywhere(bench: ViewBench) -> Checked:
    """What a verifier finds that looks at every document of the first generation, and every user."""
    checked = Checked()
    for model in READ_MODELS:
        keys = await all_keys(bench, model.collection)
        checked.add(await verify_documents(bench.log.database, bench.views, model, keys, MOST_COMMITS))
    for user_id in USERS:
        async with moment_of(bench.views) as moment:
            checked.add(await verify_user(moment, user_id))
    return checked


async def fully_verified(bench: ViewBench, name: str = "orders") -> Verdict:
    (model,) = (model for model in READ_MODELS if model.collection == name)
    return await FullVerification(bench.log.database, bench.views, model).run()
