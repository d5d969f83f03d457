"""Source files as their syntax trees."""

import ast
import functools
import gc
from pathlib import Path


@functools.cache
def syntax_of(path: Path) -> ast.Module:
    """Parse; without the collector, whose finalizers make CPython 3.11 lose count of its recursion while it parses."""
    gc.disable()
    try:
        return ast.parse(path.read_text())
    finally:
        gc.enable()
