"""`python -m bench.index_cost`: what the indexes of the lists cost the projector, on the same commits."""

import asyncio
import os
import shutil
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated, NamedTuple

import typer
from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from rich.console import Console

from bench.__main__ import ON_DISK
from bench.filling import INFO
from bench.meter import metered
from bench.seeding import an_order
from bench.stories import STEP, Story, a_story
from common.codec import encode_event
from common.envelope import Commit
from common.log import MongoLog
from common.mongo import open_client
from common.read_models.orders import ORDERS
from common.read_models.storage import SUMS
from projector.writer import ViewWriter
from stack.servers import private_mongod

COMMITS = 20_000
TIMES = 5
BATCH_COMMITS = 400
STEP_ORDERS = 300  # so many orders begin between two facts of one
FEWEST = {  # what a user's orders and a product's pending ones need, and no list
    ORDERS.collection: (
        IndexModel([("user_id", 1), ("placed_at", -1), ("_id", 1)]),
        IndexModel([("items.product_id", 1), ("placed_at", -1)], partialFilterExpression={"is_pending": True}),
    ),
    SUMS: (
        IndexModel([("spent.$**", 1)], partialFilterExpression={"of": "users"}),
        IndexModel(
            [("user_id", 1), ("quantity", -1), ("product_id", 1)], partialFilterExpression={"of": "user_products"}
        ),
    ),
}


class Cost(NamedTuple):
    """The last two in µs of processor time per commit."""

    per_second: float
    mongod: float
    projector: float


def main(
    commits: Annotated[int, typer.Option(min=1_000, help="To project.")] = COMMITS,
    times: Annotated[int, typer.Option(min=1, help="With each set of indexes.")] = TIMES,
    orders_alone: Annotated[bool, typer.Option(help="Orders that nobody goes on with, as the bench's.")] = False,
) -> None:
    """Project the commits with few indexes and with all, in turn."""
    folder = Path(tempfile.mkdtemp(prefix="leveret-bench-", dir=ON_DISK if ON_DISK.is_dir() else None))
    now = datetime.now(UTC)
    told = [an_order(n + 1, INFO, now) for n in range(commits)] if orders_alone else _in_order(commits)
    try:
        runs = asyncio.run(_measure(folder, told, times))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    console = Console(highlight=False)
    for name, each in runs.items():
        console.print(
            f"{name}: " + "; ".join(f"{r.per_second:,.0f}/s, {r.mongod:.0f} + {r.projector:.0f} µs" for r in each)
        )
    for what in Cost._fields:
        few, all_ = (statistics.median(getattr(run, what) for run in runs[name]) for name in ("few", "all"))
        console.print(f"{what}: {few:,.0f} with few, {all_:,.0f} with all: × {all_ / few:.3f}")


async def _measure(folder: Path, commits: list[Commit], times: int) -> dict[str, list[Cost]]:
    runs: dict[str, list[Cost]] = {"few": [], "all": []}
    async with private_mongod(folder / "mongodb", test_commands=False) as mongod:
        for number in range(2 * times):
            name = ("few", "all", "all", "few")[number % 4]
            async with open_client(mongod.url, name="bench") as client:
                views = client[f"views_{number}"]
                runs[name].append(await _project(views, commits, mongod.pid or 0, few=name == "few"))
                await client.drop_database(f"views_{number}")
    return runs


async def _project(views: AsyncDatabase, commits: list[Commit], pid: int, *, few: bool) -> Cost:
    writer = ViewWriter(views, MongoLog(views, INFO))
    await writer.begin(frozenset(range(INFO.partitions)))
    if few:
        for collection, indexes in FEWEST.items():
            await views[collection].drop_indexes()
            await views[collection].create_indexes(list(indexes))
    began = perf_counter()
    async with metered({"mongod": pid, "projector": os.getpid()}) as meter:
        for start in range(0, len(commits), BATCH_COMMITS):
            batch: dict[int, list[Commit]] = {}
            for commit in commits[start : start + BATCH_COMMITS]:
                batch.setdefault(commit.partition, []).append(commit)
            await writer.apply(batch)
    spent = {name: 1e6 * use.cpu_seconds / len(commits) for name, use in meter.uses.items()}
    return Cost(len(commits) / (perf_counter() - began), spent["mongod"], spent["projector"])


def _in_order(commits: int) -> list[Commit]:
    """As many orders go on at a time as begin between two facts of one; cut where there are enough commits."""
    facts = sorted(
        (number + STEP_ORDERS * step, number, step)
        for number in range(commits)
        for step in range(12)
        if number + STEP_ORDERS * step < commits
    )
    stories: dict[int, Story] = {}
    told: list[Commit] = []
    for _, number, step in facts:
        story = stories.get(number) or stories.setdefault(number, a_story(number, commits))
        if step < len(story.facts):
            told.append(_commit(story, step, position=len(told) + 1))
        if len(told) == commits:
            break
    return told


def _commit(story: Story, step: int, *, position: int) -> Commit:
    return Commit(
        position=position,
        stream=f"order-{story.order_id}",
        version=step + 1,
        partition_key=story.user_id,
        partition=INFO.partition_of(story.user_id),
        events=(encode_event(story.facts[step]),),
        command_id=f"command-{position}",
        fingerprint="fingerprint",
        recorded_at=story.begun_at + STEP * step,
    )


if __name__ == "__main__":
    typer.run(main)
