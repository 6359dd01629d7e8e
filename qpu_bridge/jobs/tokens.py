"""Tokens: who may come in. Only hashes are stored."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from qpu_bridge.errors import BadRequest, NotFound
from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.job import Owner, from_microseconds, now, to_microseconds
from qpu_bridge.jobs.tables import tokens

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
"""Names of users and instances: they appear in a CRN, where a colon or a slash would be a separator."""

DEFAULT_INSTANCE = "lab"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the store knows it, without its secret.

    Attributes:
        id: Its public first part.
        owner: Who comes in with it.
        created: When it was made, UTC.
        revoked: When it was taken back, if it was.
    """

    id: str
    owner: Owner
    created: datetime
    revoked: datetime | None


class Tokens:
    """Makes, checks and takes back tokens.

    A token is ``qb-ID-SECRET``; the secret is 256 random bits. One SHA-256 is therefore enough: slow hashes protect secrets
    that people choose, and nobody can guess or list 2**256 values.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, user: str, instance: str = DEFAULT_INSTANCE) -> str:
        """Make a token and return it: the only time that it can be seen.

        Raises:
            BadRequest: If a name cannot be used.
        """
        for field, name in (("user", user), ("instance", instance)):
            if not NAME.fullmatch(name):
                raise BadRequest("a name must be 1 to 128 of A-Z a-z 0-9 . _ @ + -", given=name, where=field)
        identifier = secrets.token_hex(6)
        token = f"qb-{identifier}-{secrets.token_urlsafe(32)}"
        with self._database.write() as connection:
            connection.execute(
                insert(tokens).values(
                    id=identifier, hash=_hash(token), user=user, instance=instance, created=to_microseconds(now())
                )
            )
        return token

    def check(self, token: str) -> Token | None:
        """Who comes in with a token; None for nobody. Takes the same steps for a known and an unknown token."""
        parts = token.split("-", 2)
        identifier = parts[1] if len(parts) == 3 else ""
        with self._database.read() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == identifier)).one_or_none()
        stored = row.hash if row is not None else bytes(32)
        same = hmac.compare_digest(_hash(token), stored)
        if row is None or not same or row.revoked is not None:
            return None
        return Token(row.id, Owner(row.user, row.instance), from_microseconds(row.created), None)

    def valid(self, identifier: str) -> Token | None:
        """The token of this id, if it has not been taken back; for those who have already shown its secret."""
        with self._database.read() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == identifier)).one_or_none()
        if row is None or row.revoked is not None:
            return None
        return Token(row.id, Owner(row.user, row.instance), from_microseconds(row.created), None)

    def revoke(self, identifier: str) -> None:
        """Take a token back; what it was exchanged for ends at once too.

        Raises:
            NotFound: If there is no such token.
        """
        query = update(tokens).where(tokens.c.id == identifier, tokens.c.revoked.is_(None))
        with self._database.write() as connection:
            if connection.execute(query.values(revoked=to_microseconds(now()))).rowcount == 0:
                raise NotFound("the token must exist and not be revoked yet", given=identifier)

    def all(self) -> tuple[Token, ...]:
        """All tokens, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(tokens).order_by(tokens.c.created)).all()
        return tuple(
            Token(
                row.id,
                Owner(row.user, row.instance),
                from_microseconds(row.created),
                None if row.revoked is None else from_microseconds(row.revoked),
            )
            for row in rows
        )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
