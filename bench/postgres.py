"""A private PostgreSQL cluster with default settings (fsync on), for the peer; thrown away afterwards."""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stack.ports import free_port

USER = "leveret_bench"
START_SECONDS = 60
INSTALL_SECONDS = 300


class NotInstalled(Exception):
    """What a peer needs cannot be had here; the text says why."""


@asynccontextmanager
async def private_postgres(parent: Path) -> AsyncIterator[int]:
    """Start a fresh cluster below `parent` and yield its port on loopback."""
    binaries = await asyncio.to_thread(find_binaries)
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=parent))
    owner = _owner()
    if owner:
        _open_the_way(folder)
        shutil.chown(folder, owner)
    cluster, port = folder / "cluster", free_port()
    await _run(owner, binaries / "initdb", "-D", cluster, "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
    control = binaries / "pg_ctl", "-D", cluster
    try:
        await _run(owner, *control, "-w", "-t", str(START_SECONDS), "-l", folder / "log", "-o", options, "start")
        yield port
    finally:
        await _run(owner, *control, "-w", "-m", "fast", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def find_binaries() -> Path:
    """The folder of initdb and pg_ctl: from PATH, from Debian's place, or freshly installed."""
    found = _installed()
    if found is None:
        _install()
        found = _installed()
    if found is None:
        raise NotInstalled("apt-get installed no PostgreSQL server")
    return found


def _installed() -> Path | None:
    on_path = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    candidates = [Path(on_path).resolve().parent] if on_path else []
    for folder in (*candidates, *versions):
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return folder
    return None


def _version(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdecimal() else 0


def _install() -> None:
    """Install the distribution's server, where that needs no password."""
    if not shutil.which("apt-get"):
        raise NotInstalled("no initdb on PATH, and no apt-get to install it with")
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if sudo and not (shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], check=False).returncode == 0):
        raise NotInstalled("no initdb on PATH, and neither root nor passwordless sudo to install it")
    # Debian's package would otherwise start a cluster of its own.
    environment = ["env", "DEBIAN_FRONTEND=noninteractive", "PG_CREATE_MAIN_CLUSTER=false"]
    command = [*sudo, *environment, "apt-get", "install", "-y", "--no-install-recommends", "postgresql"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        raise NotInstalled("apt-get install postgresql failed") from error


def _owner() -> str | None:
    """PostgreSQL refuses to run as root: the user it runs as, None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NotInstalled("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


def _open_the_way(folder: Path) -> None:
    """Let another user walk to the folder: our own temporary parents are closed to others."""
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)


async def _run(owner: str | None, *command: str | Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        user=owner,
        group=pwd.getpwnam(owner).pw_gid if owner else None,
        extra_groups=[] if owner else None,
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), START_SECONDS * 2)
    if process.returncode:
        raise NotInstalled(f"{Path(command[0]).name} failed: {output.decode(errors='replace').strip()[-300:]}")
