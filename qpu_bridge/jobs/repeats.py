"""Requests that come again: known by the key that their user gave them, or by their body if the first answer was lost."""

from __future__ import annotations

from sqlalchemy import Connection, Table, bindparam, select, update

from qpu_bridge.errors import BadRequest
from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.job import Owner

LONGEST_KEY = 255


class Repeats:
    """The requests that made the rows of a table.

    Args:
        database: Where they are kept.
        table: Jobs, or sessions.
    """

    def __init__(self, database: Database, table: Table) -> None:
        column = table.c
        mine = (column.user == bindparam("user"), column.instance == bindparam("instance"))
        self._database = database
        self._named = select(column.id, column.digest).where(*mine, column.request_key == bindparam("key"))
        self._answered = update(table).where(column.id == bindparam("named")).values(answered=True)
        self._unanswered = select(column.user, column.instance, column.digest, column.id).where(column.answered.is_(False))

    def made(self, owner: Owner, key: str | None, digest: bytes) -> str | None:
        """What a request of this key already made, whatever became of it since; None without a key.

        Args:
            owner: Whose request.
            key: Their name for it.
            digest: Hash of its body.

        Raises:
            BadRequest: If the key stands for another request, or is too long.
        """
        if key is None:
            return None
        with self._database.read() as connection:
            return self.made_in(connection, owner, key, digest)

    def made_in(self, connection: Connection, owner: Owner, key: str | None, digest: bytes) -> str | None:
        """The same within a transaction."""
        if key is None:
            return None
        if not 1 <= len(key) <= LONGEST_KEY:
            raise BadRequest(f"the key must have 1 to {LONGEST_KEY} characters", given=len(key), where="Idempotency-Key")
        told = {"user": owner.user, "instance": owner.instance, "key": key}
        row = connection.execute(self._named, told).one_or_none()
        if row is None:
            return None
        if row.digest != digest:
            raise BadRequest(
                "a key must stand for one request", given=key, where="Idempotency-Key", remedy=f"It made {row.id}; use a new one."
            )
        return str(row.id)

    def answered(self, identifier: str) -> None:
        """The caller has been told what was made."""
        with self._database.note() as connection:
            connection.execute(self._answered, {"named": identifier})

    def unanswered(self) -> dict[tuple[Owner, bytes], str]:
        """What nobody was told of, because the process died: owner and digest of the body -> id."""
        with self._database.read() as connection:
            rows = connection.execute(self._unanswered)
            return {(Owner(user, instance), digest): identifier for user, instance, digest, identifier in rows}
