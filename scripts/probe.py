"""Exit with 0 when a service on this machine answers with 200; the image's health checks.

`probe.py 8010/readyz`, and over HTTPS with the CA that its certificate must be of: `probe.py 8000/livez ca.crt`.
"""

import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection

TIMEOUT_SECONDS = 3.0


def answers(connection: HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False


def connection_to(port: int, ca: str | None) -> HTTPConnection:
    if ca is None:
        return HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    context = ssl.create_default_context(cafile=ca)
    return HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS, context=context)


if __name__ == "__main__":
    port_text, _, route = sys.argv[1].partition("/")
    ca_file = sys.argv[2] if len(sys.argv) > 2 else None
    sys.exit(0 if answers(connection_to(int(port_text), ca_file), f"/{route}") else 1)
