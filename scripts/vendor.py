"""Fetch what a manifest of vendored files lists, with npm, and change it as the manifest says; check the hashes.

python scripts/vendor.py gateway/console/vendor            # the hashes must be those of the manifest
python scripts/vendor.py gateway/console/vendor --renew    # after a new version in it: writes the hashes
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def unpack(row: Row, into: Path) -> Path:
    """Where the package's files are."""
    said = subprocess.run(
        ["npm", "pack", "--silent", f"{row['name']}@{row['version']}"],
        cwd=into,
        check=True,
        capture_output=True,
        text=True,
    )
    with tarfile.open(into / said.stdout.split()[-1]) as archive:
        archive.extractall(into, filter="data")
    return into / "package"


def changed(text: str, row: Row) -> str:
    for before, after in row.get("changes", ()):
        if before not in text:
            raise SystemExit(f"{row['file']}: what is to be changed is not there: {before}")
        text = text.replace(before, after)
    return text


def bring(row: Row, folder: Path) -> str:
    """Write the file and its licence; return the file's hash."""
    with tempfile.TemporaryDirectory() as scratch:
        package = unpack(row, Path(scratch))
        written = changed((package / row["source"]).read_text(), row).encode()
        (folder / row["file"]).write_bytes(written)
        (folder / row["licence_file"]).write_text((package / "LICENSE").read_text())
    return hashlib.sha256(written).hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--renew", action="store_true", help="write the hashes instead of checking them")
    options = parser.parse_args()
    manifest = options.folder / "manifest.json"
    rows: list[Row] = json.loads(manifest.read_text())["files"]
    hashes = {row["file"]: bring(row, options.folder) for row in rows}
    wrong = [row["file"] for row in rows if row.get("sha256") != hashes[row["file"]]]
    if options.renew:
        told = {"files": [row | {"sha256": hashes[row["file"]]} for row in rows]}
        manifest.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        return 0
    sys.stderr.writelines(f"{name} is not what the manifest says\n" for name in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
