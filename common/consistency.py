"""The consistency token: how far the partitions must be before a read shows what a client has seen (PROTOCOL Q1)."""

import base64
import binascii
from collections.abc import Mapping

import orjson

from common.errors import BadRequest

MAX_TOKEN_CHARACTERS = 4096
_MAX_POSITION = 2**63 - 1
_MAX_PARTITIONS = 256


def write_token(positions: Mapping[int, int]) -> str:
    """Return the opaque text of partition → position."""
    plain = orjson.dumps(dict(sorted(positions.items())), option=orjson.OPT_NON_STR_KEYS)
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def read_token(token: str | None, partitions: int | None = None) -> dict[int, int]:
    """Return the positions of a token that was written here; BadRequest for anything else."""
    if token is None:
        return {}
    try:
        positions = _parse(token)
    except (ValueError, AttributeError, binascii.Error) as error:
        raise _garbage() from error
    if partitions is not None and any(partition >= partitions for partition in positions):
        raise _garbage()
    return positions


def merge(*tokens: Mapping[int, int]) -> dict[int, int]:
    """The later position of each partition."""
    merged: dict[int, int] = {}
    for positions in tokens:
        for partition, position in positions.items():
            merged[partition] = max(position, merged.get(partition, 0))
    return merged


def _parse(token: str) -> dict[int, int]:
    if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
        raise ValueError("too long")
    plain = orjson.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    positions = {int(partition): position for partition, position in plain.items()}
    if [str(partition) for partition in positions] != list(plain):
        raise ValueError("not as they are written here")
    if not all(0 <= p < _MAX_PARTITIONS and type(n) is int and 0 <= n <= _MAX_POSITION for p, n in positions.items()):
        raise ValueError("out of range")
    return positions


def _garbage() -> BadRequest:
    return BadRequest("invalid_consistency_token", "The Consistency-Token is not one that this system has given out.")
