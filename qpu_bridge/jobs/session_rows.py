"""Sessions within a transaction: made, joined by jobs, moved, reviewed.

Limits of time need no clock of their own: whoever looks at a session first does to it what time has done (`review`).
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from qpu_bridge.errors import BadRequest, NotFound, WrongState
from qpu_bridge.jobs import account, interim
from qpu_bridge.jobs.job import Owner, Reason, Request
from qpu_bridge.jobs.opening import Mode, Opening
from qpu_bridge.jobs.private import forget_inputs
from qpu_bridge.jobs.session_life import (
    HOLDING,
    SECOND,
    Load,
    Session,
    SessionMove,
    SessionState,
    coming,
    session_after,
)
from qpu_bridge.jobs.states import Move, State, sources, target
from qpu_bridge.jobs.tables import jobs, session_moments, sessions

SESSION_CLOSED = 2001
"""Code of the reason of jobs that were cancelled with their session."""

# Made once: to write a query down in Python takes longer than to answer it.
_TURN_OVER = update(sessions).where(sessions.c.backend == bindparam("device"), sessions.c.turn.is_not(None)).values(turn=None)
_OVERDUE = (
    select(sessions.c.id)
    .where(sessions.c.backend == bindparam("device"), sessions.c.due <= bindparam("at"))
    .order_by(sessions.c.due)
)


def open_session(connection: Connection, owner: Owner, opening: Opening, at: int) -> Session:
    """Make a session within a transaction."""
    idle_only = SessionState.OPEN
    fields = asdict(opening) | {"user": owner.user, "instance": owner.instance, "state": idle_only, "created": at}
    row = connection.execute(insert(sessions).values(id=secrets.token_hex(12), **fields).returning(sessions)).one()
    connection.execute(insert(session_moments).values(session=row.number, at=at, status=idle_only))
    return review(connection, row.id, at)


def joined(connection: Connection, owner: Owner, request: Request, at: int) -> Request:
    """The request of a job as a session takes it: on its device, and for a batch with the calibration that it began with.

    Raises:
        BadRequest: If the owner has no such session, or it is on another device or calibration.
        WrongState: If it takes no more jobs.
    """
    if request.session_id is None:
        return request
    # not 404, which the client reads as: the program does not exist
    try:
        existing_session(connection, request.session_id, owner)
    except NotFound as error:
        raise BadRequest(error.must, given=error.given, where="session_id") from None
    session = review(connection, request.session_id, at)
    if not session.accepting_jobs:
        what = "batch" if session.mode is Mode.BATCH else "session"
        said = "closed" if session.state is SessionState.CLOSED else "about to close"
        raise WrongState(
            f"a {what} must be open to take a job; this one is {said}: {session.state_reason or 'closed by its user'}",
            given=session.id,
            where="session_id",
            remedy=f"Open a new {what}.",
        )
    if session.backend != request.backend:
        raise BadRequest(
            "a job must name the backend of its session",
            given=request.backend,
            where="backend",
            remedy=f"Use {session.backend}.",
        )
    if session.mode is not Mode.BATCH:
        return request
    if request.calibration_id not in (None, session.calibration_id):
        raise BadRequest(
            "a batch must finish on the calibration that it began with",
            given=request.calibration_id,
            where="calibration_id",
            remedy=f"Use {session.calibration_id}, or open a new batch.",
        )
    return replace(request, calibration_id=session.calibration_id)


def started(connection: Connection, session_id: str | None, backend: str, at: int, turn_s: int) -> None:
    """A job starts on a device: its session becomes active, and the turn goes to its batch, if it is of one."""
    if session_id is None:
        connection.execute(_TURN_OVER, {"device": backend})
        return
    connection.execute(_TURN_OVER.where(sessions.c.id != session_id), {"device": backend})
    known = _known(connection, session_id)
    fresh = moved(connection, known, SessionMove.START, at, at, None)
    turn = None
    if known.mode is Mode.BATCH:
        turn = known.turn if known.turn is not None and at - known.turn < turn_s * SECOND else at
    put_session(connection, known, replace(fresh, last_job_started=at, idle_since=None, turn=turn))
    review(connection, session_id, at)


def stopped(connection: Connection, session_id: str | None, at: int, used_s: float, *, ended: bool = True) -> None:
    """A job of a session ended, or was put back into the queue."""
    if session_id is None:
        return
    known = _known(connection, session_id)
    done = at if ended else known.last_job_completed
    put_session(connection, known, replace(known, idle_since=at, last_job_completed=done, used_s=known.used_s + used_s))
    review(connection, session_id, at)


def cancelled(connection: Connection, session_id: str | None, at: int, used_s: float) -> None:
    """A job of a session was cancelled, or will be; one that waited had perhaps used device time before it was put back, s."""
    if session_id is None:
        return
    known = _known(connection, session_id)
    put_session(connection, known, replace(known, used_s=known.used_s + used_s))
    review(connection, session_id, at)


def overdue(connection: Connection, backend: str, at: int) -> tuple[str, ...]:
    """Sessions of a device that time has caught up with."""
    return tuple(connection.execute(_OVERDUE, {"device": backend, "at": at}).scalars())


def review(connection: Connection, session_id: str, at: int) -> Session:
    """Do to a session what its jobs and the time have done to it.

    Args:
        connection: Of `Database.write` or `Database.note`.
        session_id: Which.
        at: Now, µs since 1970.

    Returns:
        The session as it is then.
    """
    stored = session = _known(connection, session_id)
    load = load_of(connection, session_id)
    while (what := coming(session, load)) is not None and (what.at is None or what.at <= at):
        session = moved(connection, session, what.move, at if what.at is None else what.at, at, what.reason)
        load = load_of(connection, session_id)
    session = replace(session, due=what.at if what is not None else None)
    put_session(connection, stored, session)
    return session


def moved(connection: Connection, session: Session, move: SessionMove, moment: int, at: int, reason: str | None) -> Session:
    """The session after a move that happened at a moment and is seen now, with all that the move brings about."""
    state = session_after(session.state, move)
    fresh = replace(session, state=state, state_reason=reason)
    if state is SessionState.ACTIVE and session.state is not SessionState.ACTIVE:
        fresh = replace(fresh, started=moment if session.started is None else session.started, activated=moment)
    if move in (SessionMove.DRAIN, SessionMove.CLOSE):
        used_s = fresh.used_s + _cancel_waiting(connection, session, at, reason)
        fresh = replace(fresh, accepting_jobs=False, closed=moment if move is SessionMove.CLOSE else None, used_s=used_s)
    if state not in HOLDING and session.state in HOLDING:
        fresh = _rested(connection, fresh, moment)
    if state is not session.state:
        connection.execute(insert(session_moments).values(session=session.number, at=moment, status=state))
    return fresh


def _rested(connection: Connection, session: Session, moment: int) -> Session:
    """A session that lets go of the device: the time that it had it without using it goes on its owner's account."""
    activated = moment if session.activated is None else session.activated
    elapsed_s = session.elapsed_s + max(0, moment - activated) / SECOND
    session = replace(session, elapsed_s=elapsed_s, turn=None)
    # jobs that were put back pay for what they used when they end
    begun = select(func.coalesce(func.sum(jobs.c.usage_s), 0.0)).where(
        jobs.c.session_id == session.id, jobs.c.state == State.QUEUED
    )
    unused_s = elapsed_s - session.used_s - session.held_s - connection.execute(begun).scalar_one()
    if session.mode is Mode.BATCH or unused_s <= 0:
        return session
    account.charge(connection, session.owner, session.id, session.backend, moment, unused_s)
    return replace(session, held_s=session.held_s + unused_s)


def _cancel_waiting(connection: Connection, session: Session, at: int, reason: str | None) -> float:
    """Cancel its jobs that wait; device time that they had used before they were put back, s."""
    what = "batch" if session.mode is Mode.BATCH else "session"
    said = Reason(f"its {what} was closed before it started: {reason}", SESSION_CLOSED, f"Run it again in a new {what}.")
    used_s = interim.dismiss(connection, at, jobs.c.session_id == session.id)
    connection.execute(
        update(jobs)
        .where(jobs.c.session_id == session.id, jobs.c.state == State.QUEUED, jobs.c.state.in_(sources(Move.CANCEL)))
        .values(
            state=target(Move.CANCEL),
            finished=at,
            reason=said.text,
            reason_code=said.code,
            solution=said.solution,
            cancel_requested=True,
        )
    )
    forget_inputs(connection, jobs.c.session_id == session.id)
    return used_s


def load_of(connection: Connection, session_id: str) -> Load:
    """What a session's jobs do."""

    def some(state: State) -> bool:
        query = select(jobs.c.number).where(jobs.c.session_id == session_id, jobs.c.state == state).limit(1)
        return connection.execute(query).one_or_none() is not None

    return Load(some(State.RUNNING), some(State.QUEUED))


def put_session(connection: Connection, before: Session, after: Session) -> None:
    """Store what has changed."""
    changed = {name: value for name, value in _fields(after).items() if value != _fields(before)[name]}
    if changed:
        connection.execute(update(sessions).where(sessions.c.number == after.number).values(**changed))


def _fields(session: Session) -> dict[str, Any]:
    return {name: getattr(session, name) for name in Session.__slots__ if name != "owner"}


def _known(connection: Connection, session_id: str) -> Session:
    return to_session(connection.execute(select(sessions).where(sessions.c.id == session_id)).one())


def existing_session(connection: Connection, session_id: str, owner: Owner | None) -> Session:
    """A session; with an owner, only if it is theirs.

    Raises:
        NotFound: If there is none, or it belongs to somebody else.
    """
    row = connection.execute(select(sessions).where(sessions.c.id == session_id)).one_or_none()
    if row is None or (owner is not None and owner != Owner(row.user, row.instance)):
        raise NotFound("the session must exist", given=session_id[:64])
    return to_session(row)


def to_session(row: Row[Any]) -> Session:
    """A session from its row."""
    fields = {name: row._mapping[name] for name in Session.__slots__ if name != "owner"}
    typed = {"mode": Mode(fields["mode"]), "state": SessionState(fields["state"]), "owner": Owner(row.user, row.instance)}
    return Session(**fields | typed)
