"""Exit with 0 when the service on this port of this machine says that it is ready: `ready.py 8010`."""

import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT_SECONDS = 3.0


def is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(sys.argv[1])) else 1)
