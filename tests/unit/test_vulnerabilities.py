"""What nobody could look up is not called safe."""

import json
from pathlib import Path

import pytest

from scripts.vulnerabilities import main, told

SKIPPED = {"name": "left", "version": "1.0", "skip_reason": "not found"}
SOUND = {"name": "sound", "version": "2.0", "vulns": []}
HURT = {"name": "hurt", "version": "3.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1"]}]}


def test_what_was_skipped_was_not_looked_up() -> None:
    assert list(told("a.lock", [SKIPPED, SOUND])) == [
        "a.lock: 1 of 2 packages could be looked up, 0 vulnerabilities known"
    ]


def test_what_is_known_is_named_with_the_version_that_is_safe() -> None:
    assert list(told("a.lock", [SOUND, HURT])) == [
        "a.lock: 2 of 2 packages could be looked up, 1 vulnerabilities known",
        "  hurt 3.0: PYSEC-1, fixed in 3.1",
    ]


def test_only_what_is_known_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.json"
    assert main("a.lock", report) == 0
    assert "nobody could be asked" in capsys.readouterr().out
    for package, code in ((SKIPPED, 0), (SOUND, 0), (HURT, 1)):
        report.write_text(json.dumps({"dependencies": [package]}))
        assert main("a.lock", report) == code
