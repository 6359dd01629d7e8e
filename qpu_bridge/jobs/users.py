"""Users: what each may do, and in which instances they work."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Select, delete, insert, select, update

from qpu_bridge.errors import BadRequest, NotFound, WrongState
from qpu_bridge.jobs.audit import BRIDGE, record
from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.job import from_microseconds, now, to_microseconds
from qpu_bridge.jobs.tables import members, users

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
"""Names of users and instances: they appear in a CRN, where a colon or a slash would be a separator."""

DEFAULT_INSTANCE = "lab"


class Role(StrEnum):
    """What a user may do. Everybody's own jobs are their own in every role."""

    USER = "user"
    """Submit jobs, and see their own."""
    ADMINISTRATOR = "administrator"
    """Also: see everybody's jobs but for parameters and results, cancel and reorder them, and keep people, limits and devices."""
    MONITOR = "monitor"
    """See what an administrator sees; change nothing and submit nothing."""


@dataclass(frozen=True, slots=True)
class User:
    """A user.

    Attributes:
        name: Their name.
        role: What they may do.
        instances: Where they work, in the order in which they joined.
        created: Since when, UTC.
        disabled: When they were shut out, if they are.
    """

    name: str
    role: Role
    instances: tuple[str, ...]
    created: datetime
    disabled: datetime | None


class Users:
    """Keeps users. Nobody is ever removed, for jobs and the audit log name them; who goes is disabled.

    Args:
        database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, name: str, role: Role = Role.USER, instances: tuple[str, ...] = (DEFAULT_INSTANCE,), *, actor: str = BRIDGE
    ) -> User:
        """Make a user.

        Raises:
            BadRequest: If a name cannot be used.
            WrongState: If there is one of this name.
        """
        with self._database.write() as connection:
            if find(connection, name) is not None:
                raise WrongState("a user's name must be new", given=name)
            made(connection, name, role, actor)
            for instance in dict.fromkeys(instances):
                joined(connection, name, instance, actor)
            return existing(connection, name)

    def user(self, name: str) -> User:
        """A user.

        Raises:
            NotFound: If there is none of this name.
        """
        with self._database.read() as connection:
            return existing(connection, name)

    def all(self) -> tuple[User, ...]:
        """All users, by name."""
        with self._database.read() as connection:
            return _users(connection, select(users).order_by(users.c.name))

    def require_member(self, instance: str, name: str | None = None) -> None:
        """Check that somebody, or this user, works in an instance: what is set for nobody would do nothing.

        Raises:
            NotFound: If not.
        """
        conditions = [members.c.instance == instance, *(() if name is None else (members.c.user == name,))]
        with self._database.read() as connection:
            if connection.execute(select(members.c.user).where(*conditions).limit(1)).first() is None:
                who = "somebody" if name is None else f"the user {name[:64]}"
                raise NotFound(
                    f"{who} must work in the instance",
                    given=instance[:64],
                    remedy="Look at the users, or let them join it first.",
                )

    def set_role(self, name: str, role: Role, *, actor: str = BRIDGE) -> User:
        """Let a user do more, or less; from their next request on.

        Raises:
            NotFound: If there is none of this name.
        """
        with self._database.write() as connection:
            old = existing(connection, name)
            connection.execute(update(users).where(users.c.name == name).values(role=role))
            record(connection, actor, "user.role", name, f"{old.role} to {role}")
            return existing(connection, name)

    def disable(self, name: str, *, actor: str = BRIDGE) -> User:
        """Shut a user out at once, with all their tokens and whatever these were exchanged for. Their jobs stay.

        Raises:
            NotFound: If there is none of this name.
            WrongState: If they are shut out already.
        """
        with self._database.write() as connection:
            if existing(connection, name).disabled is not None:
                raise WrongState("a user can be disabled only once", given=name)
            connection.execute(update(users).where(users.c.name == name).values(disabled=to_microseconds(now())))
            record(connection, actor, "user.disable", name)
            return existing(connection, name)

    def enable(self, name: str, *, actor: str = BRIDGE) -> User:
        """Let a user in again, with the tokens that they had.

        Raises:
            NotFound: If there is none of this name.
            WrongState: If they are not shut out.
        """
        with self._database.write() as connection:
            if existing(connection, name).disabled is None:
                raise WrongState("only a disabled user can be enabled", given=name)
            connection.execute(update(users).where(users.c.name == name).values(disabled=None))
            record(connection, actor, "user.enable", name)
            return existing(connection, name)

    def join(self, name: str, instance: str, *, actor: str = BRIDGE) -> User:
        """Let a user work in an instance too.

        Raises:
            BadRequest: If the name of the instance cannot be used.
            NotFound: If there is no such user.
            WrongState: If they work there already.
        """
        with self._database.write() as connection:
            if instance in existing(connection, name).instances:
                raise WrongState("a user can join an instance only once", given=instance, where=name)
            joined(connection, name, instance, actor)
            return existing(connection, name)

    def leave(self, name: str, instance: str, *, actor: str = BRIDGE) -> User:
        """Let a user no longer work in an instance; their jobs there go on, and are seen again by who joins again.

        Raises:
            NotFound: If there is no such user, or they do not work there.
        """
        with self._database.write() as connection:
            if instance not in existing(connection, name).instances:
                raise NotFound("the user must work in the instance", given=instance, where=name)
            connection.execute(delete(members).where(members.c.user == name, members.c.instance == instance))
            record(connection, actor, "user.leave", name, instance)
            return existing(connection, name)


def find(connection: Connection, name: str) -> User | None:
    """A user, if there is one of this name."""
    found = _users(connection, select(users).where(users.c.name == name))
    return found[0] if found else None


def existing(connection: Connection, name: str) -> User:
    """A user.

    Raises:
        NotFound: If there is none of this name.
    """
    user = find(connection, name)
    if user is None:
        raise NotFound("the user must exist", given=name[:128])
    return user


def made(connection: Connection, name: str, role: Role, actor: str) -> None:
    """Make a user within a transaction."""
    check_name("user", name)
    connection.execute(insert(users).values(name=name, role=role, created=to_microseconds(now())))
    record(connection, actor, "user.add", name, role)


def joined(connection: Connection, name: str, instance: str, actor: str) -> None:
    """Let a user work in an instance, within a transaction."""
    check_name("instance", instance)
    connection.execute(insert(members).values(user=name, instance=instance, joined=to_microseconds(now())))
    record(connection, actor, "user.join", name, instance)


def check_name(field: str, name: str) -> None:
    """Refuse names that would not fit into a CRN.

    Raises:
        BadRequest: If the name cannot be used.
    """
    if not NAME.fullmatch(name):
        raise BadRequest("a name must be 1 to 128 of A-Z a-z 0-9 . _ @ + -", given=name[:128], where=field)


def _users(connection: Connection, query: Select[tuple[str]]) -> tuple[User, ...]:
    rows = connection.execute(query).all()
    places: dict[str, list[str]] = {row.name: [] for row in rows}
    order = (members.c.joined, members.c.instance)
    where = members.c.user.in_(places)
    for user, instance in connection.execute(select(members.c.user, members.c.instance).where(where).order_by(*order)):
        places[user].append(instance)
    return tuple(
        User(
            row.name,
            Role(row.role),
            tuple(places[row.name]),
            from_microseconds(row.created),
            None if row.disabled is None else from_microseconds(row.disabled),
        )
        for row in rows
    )
