"""Which build a process runs, as its contract and its metrics tell."""

import platform

from prometheus_client import Gauge

from common.version import VERSION

BUILD = Gauge("leveret_build_info", "1, with what runs here as labels", ["service", "version", "python"])


def tell_build(service: str) -> None:
    BUILD.labels(service, VERSION, platform.python_version()).set(1)
