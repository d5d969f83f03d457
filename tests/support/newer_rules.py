"""A projector of a later release: the rules of its orders have the next number."""

from msgspec.structs import replace

import common.read_models
from common.read_models.orders import ORDERS

common.read_models.READ_MODELS = tuple(
    replace(model, rules=model.rules + 1) if model is ORDERS else model for model in common.read_models.READ_MODELS
)

if __name__ == "__main__":
    from common.process import run_process
    from projector.__main__ import run

    run_process("projector", run)
