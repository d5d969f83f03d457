"""What metrics the services register: each service is imported in a process of its own, as it would start."""

import subprocess
import sys
from functools import cache
from typing import Any

import msgspec

from tests.support.system import MODULES, ROOT

_TELL = """
import importlib, json, sys
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
importlib.import_module(sys.argv[1])
told = [c for c in REGISTRY._collector_to_names if isinstance(c, MetricWrapperBase)]
names = [c.describe()[0].name + "_total" * (c._type == "counter") for c in told]
print(json.dumps([{"name": n, "type": c._type, "labels": c._labelnames} for n, c in zip(names, told)]))
"""


class Metric(msgspec.Struct, frozen=True):
    name: str
    type: str
    labels: tuple[str, ...]

    @property
    def series(self) -> tuple[str, ...]:
        """As queries name them."""
        return (
            tuple(self.name + end for end in ("_bucket", "_sum", "_count"))
            if self.type == "histogram"
            else (self.name,)
        )


@cache
def metrics_of(service: str) -> frozenset[Metric]:
    module = MODULES[service]
    where = module if service == "relay" else f"{module}.__main__"
    told: Any = subprocess.check_output([sys.executable, "-c", _TELL, where], cwd=ROOT)
    return frozenset(msgspec.json.decode(told, type=list[Metric]))


@cache
def all_metrics() -> dict[str, Metric]:
    """By name; services that share one share its code."""
    return {metric.name: metric for service in MODULES for metric in metrics_of(service)}


def all_series() -> frozenset[str]:
    return frozenset(series for metric in all_metrics().values() for series in metric.series)
