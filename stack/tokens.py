"""Tokens of a stack of one's own: a key pair in its folder, and what is signed with it."""

import json
import time
from pathlib import Path
from typing import Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import RSAAlgorithm

from common.access.actors import Role
from common.access.keys import ALGORITHM
from common.config import Settings
from stack.folder import write_secret

KEY_BITS = 2048
KEY_ID = "development"
PUBLIC_EXPONENT = 65537


class HasKeys(Protocol):
    """The data folder of a stack, or the folder of secrets: `auth` is where the key pair lies."""

    auth: Path


def issue(folder: HasKeys, settings: Settings, *, role: Role, name: str, user_id: int | None, seconds: float) -> str:
    """Sign a token that a stack on this folder takes while it runs with AUTH=on."""
    issued_at = int(time.time())
    claims: dict[str, str | int] = {
        "iss": settings.auth_issuer,
        "aud": settings.auth_audience,
        "sub": name,
        "role": str(role),
        "iat": issued_at,
        "exp": issued_at + int(seconds),
    }
    if user_id is not None:
        claims["user_id"] = user_id
    return jwt.encode(claims, _private_key(folder), algorithm=ALGORITHM, headers={"kid": KEY_ID})


def public_keys(folder: HasKeys) -> Path:
    """Return the JWKS of this folder, made when first asked for."""
    _private_key(folder)
    return _jwks(folder)


def _private_key(folder: HasKeys) -> rsa.RSAPrivateKey:
    path = folder.auth / "private.pem"
    if not path.exists() or not _jwks(folder).exists():
        _make_keys(folder, path)
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _make_keys(folder: HasKeys, path: Path) -> None:
    """Readable by us alone. A crash in between leaves a file that the next call replaces."""
    folder.auth.mkdir(mode=0o700, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=KEY_BITS)
    path.unlink(missing_ok=True)
    write_secret(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    listed = {"keys": [public | {"kid": KEY_ID, "use": "sig", "alg": ALGORITHM}]}
    _jwks(folder).write_text(json.dumps(listed, indent=2) + "\n")


def _jwks(folder: HasKeys) -> Path:
    return folder.auth / "jwks.json"
