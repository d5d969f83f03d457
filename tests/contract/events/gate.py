"""Whether an event is still stored as its schema says, and what to do where it is not."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from pydantic import BaseModel

from tests.contract.events.shapes import Models, committed, differences, shape_of

COMMAND = ".venv/bin/python -m tests.contract.events"
_NO_FILES = """{name} has no files yet. Run

    {command}

and look at what it writes into tests/contract/events (docs/events.md)."""
_CHANGED = """{event} is not any more what it was when {file} was written:

{differences}

What is stored stays as it was, and must be read for ever. Either take the change back, or make it the next schema:

 1. copy the class as it was into common/events/earlier.py, as {event}{schema}, and add it to EARLIER there;
 2. let {event} in {module} say schema_version = {next};
 3. add ("{event}", {schema}) to UPCASTERS in common/upcasting.py: a pure function from the old data to the new;
 4. run {command}
    and look at the files it writes; none of the old ones may change.

docs/events.md says more."""
_EARLIER_CHANGED = """{event} of schema {schema} was changed in common/events/earlier.py: {differences}
It must stay as it was when {file} was written."""


def complaint(name: str, models: Models) -> str | None:
    """What is wrong with `OrderCancelled.2`; None where nothing is."""
    model, was = models[name], committed(name)
    if was is None:
        return _NO_FILES.format(name=name, command=COMMAND)
    found = list(differences(was, shape_of(model)))
    return _told(name, model, found, is_earlier=_following(name) in models) if found else None


def _told(name: str, model: type[BaseModel], found: list[str], *, is_earlier: bool) -> str:
    event, _, schema = name.rpartition(".")
    listed = ", ".join(found) if is_earlier else "\n".join(f"    {each}" for each in found)
    return (_EARLIER_CHANGED if is_earlier else _CHANGED).format(
        event=event,
        schema=schema,
        next=int(schema) + 1,
        file=f"tests/contract/events/schemas/{name}.json",
        module=_file_of(model),
        differences=listed,
        command=COMMAND,
    )


def _following(name: str) -> str:
    event, _, schema = name.rpartition(".")
    return f"{event}.{int(schema) + 1}"


def _file_of(model: type[BaseModel]) -> str:
    path = Path(import_module(model.__module__).__file__ or "")
    return "/".join(path.parts[-3:])


def unread(models: Models, upcasters: frozenset[tuple[str, int]]) -> Iterator[str]:
    """Earlier schemas from which no upcaster leads on, and upcasters that lead nowhere."""
    earlier = {name for name in models if _following(name) in models}
    there = {f"{event}.{schema}" for event, schema in upcasters}
    yield from (f"common/upcasting.py has no upcaster for {name}" for name in sorted(earlier - there))
    yield from (
        f"common/upcasting.py makes something of {name}, which nothing follows" for name in sorted(there - earlier)
    )
