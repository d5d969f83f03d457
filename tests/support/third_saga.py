"""The sagas' process with one row more: the example of docs/writing-a-saga.md."""

import os
from functools import partial
from typing import Any

from command_service.sagas.__main__ import run
from command_service.sagas.shapes import Saga
from command_service.sagas.table import all_sagas
from common.config import Settings
from common.process import run_process
from docs.examples.few_left import few_left

NOTICE_SECONDS = "NOTICE_SECONDS"


def three_sagas(settings: Settings) -> tuple[Saga[Any], ...]:
    return (*all_sagas(settings), few_left(notice_seconds=float(os.environ[NOTICE_SECONDS])))


if __name__ == "__main__":
    run_process("sagas", partial(run, sagas=three_sagas))
