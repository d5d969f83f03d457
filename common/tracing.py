"""W3C Trace Context: by which id a request is found in every log."""

import re
import secrets

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def known_traceparent(given: object) -> str | None:
    """Return it if it is one; what is none is left out, as the standard says."""
    return given if isinstance(given, str) and _TRACEPARENT.fullmatch(given) else None


def trace_id_of(given: object) -> str:
    """The sender's, or a new one."""
    found = _TRACEPARENT.fullmatch(given) if isinstance(given, str) else None
    return found[1] if found else secrets.token_hex(16)
