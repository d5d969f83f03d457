"""Say in a few lines what pip-audit found, and what it could not look up; exit code 1 where something is known.

`vulnerabilities.py requirements.lock build/audit-requirements.json`, the report in pip-audit's JSON format.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def told(lock: str, packages: list[dict[str, Any]]) -> Iterator[str]:
    """A package that is skipped was looked at by nobody: that is no good news."""
    looked_at = [package for package in packages if "skip_reason" not in package]
    known = [(package, one) for package in looked_at for one in package["vulns"]]
    yield f"{lock}: {len(looked_at)} of {len(packages)} packages could be looked up, {len(known)} vulnerabilities known"
    for package, one in known:
        fixed = ", ".join(one["fix_versions"]) or "no version yet"
        yield f"  {package['name']} {package['version']}: {one['id']}, fixed in {fixed}"


def main(lock: str, report: Path) -> int:
    if not report.is_file():
        lines = [f"{lock}: not looked at, nobody could be asked ({report}.log)"]
    else:
        lines = list(told(lock, json.loads(report.read_text())["dependencies"]))
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if len(lines) > 1 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
