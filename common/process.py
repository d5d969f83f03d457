"""How every service's process begins and ends: settings, logging, one event loop, an exit code, never a traceback."""

import gc
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
import uvloop
from pydantic import ValidationError

from common.build import tell_build
from common.config import Settings
from common.errors import ForeignLog, LeveretError
from common.logs import configure
from common.secret_files import SecretUnreadable
from common.spans import begin_spans, end_spans

GARBAGE_THRESHOLDS = (50_000, 20, 50)  # by default the collector takes a seventh of the time of a busy service
FAILED = 1
REFUSED = 3  # the checkpoints belong to another log

log = structlog.get_logger(__name__)


def run_process(service: str, run: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Run until it ends, then end the process; what stops it is said in one line."""
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        sys.exit(f"{service}: the environment's {str(wrong['loc'][0]).upper()} is wrong: {wrong['msg']}")
    except SecretUnreadable as error:
        sys.exit(f"{service}: {error.detail}")
    configure(settings, service)
    tell_build(service)
    begin_spans(settings, service)
    gc.freeze()  # what was imported stays
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        uvloop.run(run(settings))
    except LeveretError as error:
        log.critical("stopped", reason=error.detail)
        sys.exit(REFUSED if isinstance(error, ForeignLog) else FAILED)
    finally:
        end_spans()
