"""A generation says by which rules it was folded: other documents have another number of rules (PROTOCOL Q3)."""

from typing import Any

import orjson
import pytest

from common.read_models import READ_MODELS
from common.read_models.shapes import ReadModel
from tests.contract.read_models import file_of, made_of, recorded_commits

HOW = (
    "the rules of {name} make other documents or sums of the same commits than those with the number {rules} do: raise "
    "`rules` of {name} in common/read_models, then run `.venv/bin/python -m tests.contract.read_models`"
)


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.collection)
def test_Q3_rules_of_one_number_always_make_the_same(model: ReadModel[Any]) -> None:
    how, file = HOW.format(name=model.collection, rules=model.rules), file_of(model)
    assert file.exists(), how
    assert made_of(model, recorded_commits()) == orjson.loads(file.read_bytes()), how


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.collection)
def test_the_recorded_commits_tell_of_every_read_model(model: ReadModel[Any]) -> None:
    made = made_of(model, recorded_commits())
    assert len(made["documents"]) > 3
    assert not [document for document in made["documents"].values() if "parked" in document]
    assert bool(made["sums"]) == bool(model.summaries)
