"""Prometheus's own tool for rules, of the machine or installed now where that is possible."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.system import ROOT

INSTALL = ROOT / "scripts/install_promtool.sh"
INSTALL_SECONDS = 600


def find_promtool() -> str:
    """Skips the test where there is none and we are not root on Debian or Ubuntu."""
    if not shutil.which("promtool") and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run([INSTALL], capture_output=True, timeout=INSTALL_SECONDS, check=False)
    return shutil.which("promtool") or pytest.skip(
        "promtool is missing: scripts/install_promtool.sh installs it as root"
    )


def promtool(*words: str, cwd: Path) -> str:
    """What it says; fails the test when it refuses."""
    done = subprocess.run([find_promtool(), *words], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
