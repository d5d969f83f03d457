"""An issuer of tokens: its keys, the JWKS it shows, and tokens as they should be and as they should not."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

ISSUER = AUDIENCE = "leveret"
DAY_SECONDS = 24 * 3600


class Issuer:
    """Each key has an id; `publishes` says which of them stand in the JWKS."""

    def __init__(self, *key_ids: str) -> None:
        self._keys = {key_id: rsa.generate_private_key(65537, 2048) for key_id in key_ids or ("first",)}
        self.publishes = list(self._keys)
        self.fetched = 0
        self.is_down = False

    def jwks(self) -> bytes:
        listed = []
        for key_id in self.publishes:
            public = RSAAlgorithm.to_jwk(self._keys[key_id].public_key(), as_dict=True)
            listed.append(public | {"kid": key_id, "use": "sig", "alg": "RS256"})
        return json.dumps({"keys": listed}).encode()

    async def fetch(self) -> bytes:
        self.fetched += 1
        if self.is_down:
            raise OSError("the issuer is down")
        return self.jwks()

    def write_to(self, folder: Path) -> Path:
        path = folder / "jwks.json"
        path.write_bytes(self.jwks())
        return path

    def public_pem(self, key_id: str = "first") -> bytes:
        return self._keys[key_id].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def token(
        self,
        role: str = "admin",
        user_id: int | None = None,
        *,
        key_id: str = "first",
        headers: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Claims that are None are left out."""
        now = int(time.time())
        said: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"{role}:{user_id}" if user_id else role,
            "role": role,
            "user_id": user_id,
            "iat": now,
            "exp": now + DAY_SECONDS,  # some are made when the tests are collected, and used at their end
        }
        said = {name: value for name, value in (said | claims).items() if value is not None}
        return jwt.encode(said, self._keys[key_id], algorithm="RS256", headers={"kid": key_id} | (headers or {}))


def encoded(of: object) -> bytes:
    """As in a part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(of).encode()).rstrip(b"=")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def signed_with_the_public_key(issuer: Issuer, **claims: Any) -> str:
    """HS256, with what everybody knows as the secret: the library refuses to sign so, an attacker does not."""

    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "mallory", "role": "admin", "exp": now + DAY_SECONDS} | claims
    head = encoded({"alg": "HS256", "typ": "JWT", "kid": "first"}) + b"." + encoded(said)
    mac = hmac.new(issuer.public_pem(), head, hashlib.sha256).digest()
    return (head + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def signed_by_nobody(**claims: Any) -> str:
    """`alg` is none."""
    good_until = int(time.time()) + DAY_SECONDS
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "mallory", "role": "admin", "exp": good_until} | claims
    return jwt.encode(said, None, algorithm="none", headers={"kid": "first"})
