"""`python -m tests.contract.events`: write the files that new schemas lack. What is there is never written again."""

import sys
from pathlib import Path
from typing import Any

import orjson

from common.codec import decode_event, encode_event
from common.envelope import RecordedEvent
from common.errors import Undecodable
from tests.contract.events.gate import complaint
from tests.contract.events.shapes import FOLDER, SCHEMAS, models_of, shape_of

_PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


def main() -> int:
    models = models_of()
    for name, model in models.items():
        _write(SCHEMAS / f"{name}.json", shape_of(model))
        if not (FOLDER / f"{name}.json").exists() and not _write_example(name):
            print(f"write {_shown(FOLDER / f'{name}.json')} by hand: an example of the data, every field filled")
    changed = [name for name in models if complaint(name, models)]
    for name in changed:
        print(f"{name} is not what its files say; they are left as they are")
    return 1 if changed else 0


def _write_example(name: str) -> bool:
    """What the upcasters make of the example of the schema before; False where there is none, or it cannot be read."""
    event, _, schema = name.rpartition(".")
    before = FOLDER / f"{event}.{int(schema) - 1}.json"
    if not before.exists():
        return False
    record = RecordedEvent(type=event, schema=int(schema) - 1, data=orjson.loads(before.read_bytes()))
    try:
        _write(FOLDER / f"{name}.json", encode_event(decode_event(record)).data)
    except Undecodable as error:
        print(f"{event}: {error}: its upcaster is missing, or wrong")
        return False
    return True


def _write(path: Path, content: Any) -> None:
    if not path.exists():
        path.write_bytes(orjson.dumps(content, option=_PRETTY))
        print(f"wrote {_shown(path)}")


def _shown(path: Path) -> str:
    return path.relative_to(FOLDER.parents[2]).as_posix()


if __name__ == "__main__":
    sys.exit(main())
