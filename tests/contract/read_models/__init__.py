"""Commits that were once recorded, and what the rules of each read model make of them.

`commits.json` stays as it is. `orders.2.json` is what the rules with this number make of them: documents and sums.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson

from common.envelope import Commit
from common.read_models.folding import folded
from common.read_models.shapes import ReadModel
from projector.batch import Change, Changes, Doc, add_sums
from projector.statements import stored_document, summary_statements

HERE = Path(__file__).parent
COMMITS = HERE / "commits.json"


def recorded_commits() -> list[Commit]:
    return msgspec.json.decode(COMMITS.read_bytes(), type=list[Commit])


def made_of(model: ReadModel[Any], commits: Sequence[Commit]) -> dict[str, Any]:
    """Documents by their keys, and what the sums were told to add."""
    by_subject: dict[str, list[Commit]] = {}
    for commit in commits:
        if commit.context in model.contexts:
            by_subject.setdefault(commit.subject, []).append(commit)
    changes, documents = Changes(), dict[str, Any]()
    for subject, told in sorted(by_subject.items()):
        doc = folded(model, told, partition=told[0].partition)
        documents[subject] = stored_document((model.collection, model.key(subject)), doc)
        add_sums(changes, model, Change(Doc(partition=doc.partition), doc))
    added = [
        {"sum": update["q"]["_id"], **update["u"]}
        for guarded in summary_statements(changes.sums)
        for update in guarded.statement["updates"]
    ]
    return orjson.loads(as_text({"documents": documents, "sums": sorted(added, key=lambda each: each["sum"])}))


def as_text(made: Any) -> bytes:
    return orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z) + b"\n"


def file_of(model: ReadModel[Any]) -> Path:
    return HERE / f"{model.collection}.{model.rules}.json"
