"""Exit with 0 when a service on this machine answers with 200: `probe.py 8010/readyz`. The image's health checks."""

import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT_SECONDS = 3.0


def answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False


if __name__ == "__main__":
    port_text, _, route = sys.argv[1].partition("/")
    sys.exit(0 if answers(int(port_text), f"/{route}") else 1)
