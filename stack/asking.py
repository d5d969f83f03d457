"""How the other `cqrs` commands talk to the stack that runs.

The standard library's client does: these commands are over sooner than a larger one is imported.
"""

import asyncio
import http.client
import json
import socket
from typing import Any

from stack.errors import NotRunning, StackError
from stack.folder import StackState

REQUEST_SECONDS = 150.0  # `start` answers when the process is ready


async def ask_processes(state: StackState) -> list[dict[str, Any]]:
    """Rows of `{name, pid, port, state}`."""
    return await _request(state, "GET", "/processes")


async def kill_process(state: StackState, name: str) -> None:
    """SIGKILL; it stays down until started."""
    await _request(state, "POST", f"/processes/{name}/kill")


async def start_process(state: StackState, name: str) -> None:
    """Return when it is ready; raise StackError when it cannot be started."""
    await _request(state, "POST", f"/processes/{name}/start")


async def _request(state: StackState, method: str, path: str) -> Any:
    try:
        body = await asyncio.to_thread(_asked, state.control_socket, method, path)
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise NotRunning(f"the stack does not answer: {error or 'no answer in time'}") from error
    if "error" in body:
        raise StackError(body["error"])
    return body["result"]


def _asked(path_of_socket: str, method: str, path: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("stack", timeout=REQUEST_SECONDS)
    with socket.socket(socket.AF_UNIX) as connection.sock:
        connection.sock.settimeout(REQUEST_SECONDS)
        connection.sock.connect(path_of_socket)
        connection.request(method, path)
        return json.loads(connection.getresponse().read())
