"""Tokens: who may come in. Only hashes are stored."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, insert, or_, select, update

from qpu_bridge.errors import BadRequest, NotFound, StoreFault, WrongState
from qpu_bridge.jobs.audit import BRIDGE, record
from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.job import from_microseconds, now, to_microseconds
from qpu_bridge.jobs.tables import members, tokens, users
from qpu_bridge.jobs.users import DEFAULT_INSTANCE, Role, existing, find, joined, made

LONGEST_DAYS = 36_500

ID = re.compile("[0-9a-f]{12}")

NOTED = timedelta(minutes=1)
"""The last use of a token is written down at most this often."""

# Made once: every request asks, and to write the query down in Python takes longer than to answer it.
_OPENS = and_(members.c.user == tokens.c.user, or_(tokens.c.instance.is_(None), tokens.c.instance == members.c.instance))
_WITH_USER = (
    select(tokens, users.c.role, users.c.disabled, members.c.instance.label("opens"))
    .join(users, users.c.name == tokens.c.user)
    .outerjoin(members, _OPENS)
    .where(tokens.c.id == bindparam("id"))
    .order_by(members.c.joined, members.c.instance)
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the store knows it, without its secret.

    Attributes:
        id: Its public first part.
        user: Who comes in with it.
        instance: The one instance that it opens; None for all of its user's, also those that they join later.
        created: When it was made, UTC.
        expires: When it ends by itself, if it does.
        revoked: When it was taken back, if it was.
        last_used: When somebody last came in with it, to the minute.
    """

    id: str
    user: str
    instance: str | None
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who has come in.

    Attributes:
        token: Id of the token.
        user: The user.
        role: What they may do.
        instances: The instances that the token opens now, in the order in which the user joined them.
        expires: When the token ends by itself, if it does.
    """

    token: str
    user: str
    role: Role
    instances: tuple[str, ...]
    expires: datetime | None


class Tokens:
    """Makes, checks and takes back tokens.

    A token is ``qb-ID-SECRET``; the secret is 256 random bits. One SHA-256 is therefore enough: slow hashes protect secrets
    that people choose, and nobody can guess or list 2**256 values.

    Args:
        database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, user: str, instance: str | None = None, *, days: float | None = None, actor: str = BRIDGE) -> str:
        """Make a token and return it: the only time that it can be seen.

        A user who is not there yet is made, an ordinary one; and joins the instance, or the default one.

        Args:
            user: Who will come in with it.
            instance: The one instance that it opens; None for all of its user's.
            days: After how many days it ends by itself; None for never.
            actor: Who makes it.

        Raises:
            BadRequest: If a name or the number of days cannot be used.
            WrongState: If the user is disabled.
        """
        if days is not None and not 0 < days <= LONGEST_DAYS:
            raise BadRequest(f"a token must last more than 0 and at most {LONGEST_DAYS} days", given=days, where="days")
        identifier = secrets.token_hex(6)
        token = f"qb-{identifier}-{secrets.token_urlsafe(32)}"
        moment = now()
        expires = None if days is None else to_microseconds(moment + timedelta(days=days))
        with self._database.write() as connection:
            if find(connection, user) is None:
                made(connection, user, Role.USER, actor)
                joined(connection, user, instance or DEFAULT_INSTANCE, actor)
            known = existing(connection, user)
            if known.disabled is not None:
                raise WrongState("a token can be made only for a user who is not disabled", given=user)
            if instance is not None and instance not in known.instances:
                joined(connection, user, instance, actor)
            connection.execute(
                insert(tokens).values(
                    id=identifier,
                    hash=_hash(token),
                    user=user,
                    instance=instance,
                    created=to_microseconds(moment),
                    expires=expires,
                )
            )
            details = f"{identifier} for {instance or 'all instances'}" + ("" if days is None else f", {days:g} days")
            record(connection, actor, "token.create", user, details)
        return token

    def check(self, token: str) -> Caller | None:
        """Who comes in with a token; None for nobody. Takes the same steps for a known and an unknown token."""
        parts = token.split("-", 2)
        rows = self._rows(parts[1] if len(parts) == 3 and ID.fullmatch(parts[1]) else "")
        same = hmac.compare_digest(_hash(token), rows[0].hash if rows else bytes(32))
        return self._let_in(rows) if same else None

    def valid(self, identifier: str) -> Caller | None:
        """Who comes in with the token of this id, if it is still good; for those who have already shown its secret."""
        return self._let_in(self._rows(identifier))

    def token(self, identifier: str) -> Token:
        """A token by its id.

        Raises:
            NotFound: If there is none.
        """
        found = self._tokens(tokens.c.id == identifier)
        if not found:
            raise NotFound("the token must exist", given=identifier[:64])
        return found[0]

    def revoke(self, identifier: str, *, actor: str = BRIDGE) -> None:
        """Take a token back; what it was exchanged for ends at once too.

        Raises:
            NotFound: If there is no such token.
        """
        query = update(tokens).where(tokens.c.id == identifier, tokens.c.revoked.is_(None))
        with self._database.write() as connection:
            user = connection.execute(query.values(revoked=to_microseconds(now())).returning(tokens.c.user)).scalar_one_or_none()
            if user is None:
                raise NotFound("the token must exist and not be revoked yet", given=identifier[:64])
            record(connection, actor, "token.revoke", user, identifier)

    def all(self, user: str | None = None) -> tuple[Token, ...]:
        """All tokens, or all of a user, oldest first."""
        return self._tokens(*(() if user is None else (tokens.c.user == user,)))

    def _tokens(self, *conditions: ColumnElement[bool]) -> tuple[Token, ...]:
        with self._database.read() as connection:
            rows = connection.execute(select(tokens).where(*conditions).order_by(tokens.c.created, tokens.c.id)).all()
        return tuple(
            Token(
                row.id,
                row.user,
                row.instance,
                from_microseconds(row.created),
                _moment(row.expires),
                _moment(row.revoked),
                _moment(row.last_used),
            )
            for row in rows
        )

    def _rows(self, identifier: str) -> Sequence[Row[Any]]:
        """The token with its user, once for each instance that it opens; without any, once with none."""
        with self._database.read() as connection:
            return connection.execute(_WITH_USER, {"id": identifier}).all()

    def _let_in(self, rows: Sequence[Row[Any]]) -> Caller | None:
        if not rows:
            return None
        row, moment = rows[0], to_microseconds(now())
        if row.revoked is not None or row.disabled is not None or (row.expires is not None and row.expires <= moment):
            return None
        latest = moment - round(NOTED.total_seconds() * 1e6)
        if row.last_used is None or not latest <= row.last_used <= moment:
            self._used(row.id, moment)
        instances = tuple(row.opens for row in rows if row.opens is not None)
        return Caller(row.id, row.user, Role(row.role), instances, _moment(row.expires))

    def _used(self, identifier: str, moment: int) -> None:
        try:
            with self._database.note() as connection:
                connection.execute(update(tokens).where(tokens.c.id == identifier).values(last_used=moment))
        except StoreFault:
            # A full disk is no reason to keep people from their results.
            logger.exception("the use of token %s could not be noted", identifier)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _moment(number: int | None) -> datetime | None:
    return None if number is None else from_microseconds(number)
