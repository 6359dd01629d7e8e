"""Access tokens: what an API key is exchanged for, signed with a secret that never leaves the data folder."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import jwt

from qpu_bridge.errors import SettingsError
from qpu_bridge.jobs import Caller

LIFETIME_S = 3600
"""How long an access token is good, s. The client asks for a new one after 80 % of this."""

ALGORITHM = "HS256"
AUDIENCE = "qpu-bridge"


@dataclass(frozen=True, slots=True)
class Access:
    """An access token and when it ends, in seconds since 1970."""

    text: str
    issued: int
    expires: int


class Signer:
    """Makes and reads access tokens (JWT, HMAC-SHA-256)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, caller: Caller) -> Access:
        """An access token that stands for an API key; it names the key, so that what ends the one ends both."""
        issued = int(time.time())
        expires = issued + LIFETIME_S
        if caller.expires is not None:
            # later the key would be looked at and refused all the same; so the client is told the truth
            expires = max(issued + 1, min(expires, int(caller.expires.timestamp())))
        claims = {"sub": caller.user, "jti": caller.token, "aud": AUDIENCE, "iat": issued, "exp": expires}
        return Access(jwt.encode(claims, self._secret, algorithm=ALGORITHM), issued, expires)

    def read(self, text: str) -> str | None:
        """The id of the API key behind an access token; None if we did not sign it or it has ended."""
        try:
            claims = jwt.decode(
                text,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                leeway=60,
                options={"require": ["exp", "iat", "jti", "aud"]},
            )
        except jwt.InvalidTokenError:
            return None
        return str(claims["jti"])


def read_secret(path: Path) -> bytes:
    """The secret of this bridge; made at the first call, for its owner's eyes only.

    Raises:
        SettingsError: If others may read it, or it is damaged.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written aside and linked: a second process sees a whole secret or none.
        aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
        mode = path.stat().st_mode & 0o777
        secret = path.read_bytes()
    except OSError as error:
        raise SettingsError("the secret must be readable", given=error.strerror, where=str(path)) from None
    if mode & 0o077:
        raise SettingsError("the secret must be readable by its owner only", given=oct(mode), where=str(path), remedy="chmod 600")
    if len(secret) != 32:
        raise SettingsError("the secret must have 32 bytes", given=len(secret), where=str(path), remedy="Delete it to make one.")
    return secret
