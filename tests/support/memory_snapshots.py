"""Snapshots in memory, whole or spoilt."""

from typing import Any

import msgspec

from command_service.snapshots import Snapshot
from common.errors import Unavailable


class MemorySnapshots:
    """Implements `SnapshotStore`. With `is_cut` nothing gets an answer."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.is_cut = False
        self.asked = 0

    async def find(self, stream: str) -> dict[str, Any] | None:
        self._ask()
        return self.documents.get(stream)

    async def put(self, snapshot: Snapshot) -> bool:
        self._ask()
        before = self.documents.get(snapshot.stream, {})
        is_ours = (before.get("log_id"), before.get("schema_hash")) == (snapshot.log_id, snapshot.schema_hash)
        if is_ours and before["version"] >= snapshot.version:
            return False
        self.documents[snapshot.stream] = msgspec.structs.asdict(snapshot)
        return True

    def _ask(self) -> None:
        self.asked += 1
        if self.is_cut:
            raise Unavailable("The test cut the connection.")
