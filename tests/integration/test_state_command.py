"""`cqrs state` shows what a stream has come to, and refuses in a sentence."""

import asyncio
import json
from pathlib import Path

from common.log import open_log
from tests.support.cqrs import Cqrs
from tests.support.ledger import Ledger
from tests.support.real_log import a_database


async def test_the_state_of_an_order_after_each_commit_is_shown_and_what_is_not_there_refused(
    mongodb_url: str, tmp_path: Path
) -> None:
    async with a_database(mongodb_url) as (client, name):
        ledger = Ledger(await open_log(client[name], partitions=4))
        order = await ledger.order(7, (456, 2))
        await ledger.cancel(order)
        cqrs = Cqrs(data=tmp_path, env={"EVENTS_MONGODB_URL": mongodb_url, "EVENTS_DATABASE": name})
        shown = json.loads(await asyncio.to_thread(cqrs.does, "state", order.stream, "--version", "1", "--json"))
        assert (shown["version"], shown["state"]["status"]) == (1, "PENDING")
        table = await asyncio.to_thread(cqrs.does, "state", order.stream)
        assert table.startswith(f"{order.stream}, version 2: position 2, ")
        assert "CANCELLED" in table
        for words, sentence in (
            ((order.stream, "--version", "3"), "has 2 commits so far"),
            (("inventory-1",), "There is no stream inventory-1"),
            (("nonsense",), "A stream is one of"),
        ):
            assert sentence in await asyncio.to_thread(cqrs.refuses, "state", *words)
