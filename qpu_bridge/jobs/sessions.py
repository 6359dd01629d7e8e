"""Sessions and batches, as the service and the command line see them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from qpu_bridge.errors import WrongState
from qpu_bridge.jobs.audit import BRIDGE, record
from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.job import Owner, Request, from_microseconds
from qpu_bridge.jobs.opening import Opening
from qpu_bridge.jobs.repeats import Repeats
from qpu_bridge.jobs.session_life import Session, SessionMove, SessionState
from qpu_bridge.jobs.session_rows import existing_session, joined, load_of, moved, open_session, put_session, review, to_session
from qpu_bridge.jobs.tables import session_moments, sessions


class Sessions:
    """Sessions and batches, as the service and the command line see them.

    Args:
        database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.repeats = Repeats(database, sessions)

    def create(self, owner: Owner, opening: Opening) -> Session:
        """Make a session. The same request key gives the same session again, as it is by then.

        Args:
            owner: Whose it is.
            opening: What is asked for.

        Raises:
            BadRequest: If its key stands for another request.
        """
        at = self._database.at()
        with self._database.write() as connection:
            known = self.repeats.made_in(connection, owner, opening.request_key, opening.digest)
            return open_session(connection, owner, opening, at) if known is None else review(connection, known, at)

    def session(self, session_id: str, owner: Owner | None = None) -> Session:
        """A session as it is now.

        Raises:
            NotFound: If there is none, or it belongs to somebody else.
        """
        at = self._database.at()
        with self._database.read() as connection:
            known = existing_session(connection, session_id, owner)
        if known.due is None or known.due > at:
            return known
        with self._database.write() as connection:
            return review(connection, session_id, at)

    def moments(self, session: Session) -> tuple[tuple[datetime, SessionState], ...]:
        """When it came into which state."""
        query = select(session_moments.c.at, session_moments.c.status).where(session_moments.c.session == session.number)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(session_moments.c.entry))
            return tuple((from_microseconds(at), SessionState(status)) for at, status in rows)

    def usage_s(self, session: Session) -> float:
        """What it has used by now, s."""
        return session.usage_s(self._database.at())

    def joined(self, owner: Owner, request: Request) -> Request:
        """The request of a job as its session takes it; see `joined`. Asked before much work is done for a job."""
        if request.session_id is None:
            return request
        with self._database.write() as connection:
            return joined(connection, owner, request, self._database.at())

    def accept_jobs(self, session_id: str, accepting: bool, owner: Owner | None = None) -> Session:
        """Take no more jobs, and close when those that are there have ended; or take jobs again, as long as it is not closed.

        Raises:
            NotFound: If there is none, or it belongs to somebody else.
            WrongState: If it is closed, or will be when its job ends, and should take jobs again.
        """
        at = self._database.at()
        with self._database.write() as connection:
            existing_session(connection, session_id, owner)
            known = review(connection, session_id, at)
            if accepting and known.state in (SessionState.CLOSED, SessionState.PENDING_CLOSED):
                raise WrongState("a session that is closed cannot take jobs again", given=session_id, remedy="Open a new one.")
            if known.accepting_jobs is not accepting:
                put_session(connection, known, replace(known, accepting_jobs=accepting))
            return review(connection, session_id, at)

    def open_ones(self, backend: str | None = None) -> tuple[Session, ...]:
        """Everybody's sessions and batches that are not closed, on one device or on all, the oldest first."""
        query = select(sessions).where(sessions.c.state != SessionState.CLOSED).order_by(sessions.c.number)
        if backend is not None:
            query = query.where(sessions.c.backend == backend)
        with self._database.read() as connection:
            return tuple(to_session(row) for row in connection.execute(query))

    def cancel(self, session_id: str, owner: Owner | None = None, *, actor: str = BRIDGE) -> Session:
        """Close it: its queued jobs are cancelled, a running one finishes. A closed one stays closed.

        Args:
            session_id: Which.
            owner: Whose it must be; None for anybody's, which is an administrative act.
            actor: Who does this, if it is one.

        Raises:
            NotFound: If there is none, or it belongs to somebody else.
        """
        at = self._database.at()
        with self._database.write() as connection:
            existing_session(connection, session_id, owner)
            known = review(connection, session_id, at)
            if known.state in (SessionState.CLOSED, SessionState.PENDING_CLOSED):
                return known
            move = SessionMove.DRAIN if load_of(connection, session_id).running else SessionMove.CLOSE
            why = "closed by its user" if owner is not None else "closed by an administrator"
            put_session(connection, known, moved(connection, known, move, at, at, why))
            if owner is None:
                record(connection, actor, "session.close", session_id, f"of {known.owner.user}@{known.owner.instance}")
            return review(connection, session_id, at)
