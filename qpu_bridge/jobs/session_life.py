"""The life of a session or batch: a table, and what time does to it as a function of the row and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from qpu_bridge.errors import WrongState
from qpu_bridge.jobs.job import Owner
from qpu_bridge.jobs.opening import Mode

SECOND = 1_000_000
"""A second in the unit of stored times."""


class SessionState(StrEnum):
    """Where a session is; a state's name is what the client reads."""

    OPEN = "open"
    ACTIVE = "active"
    PENDING_INACTIVE = "pending_inactive"
    INACTIVE = "inactive"
    PENDING_CLOSED = "pending_closed"
    CLOSED = "closed"


class SessionMove(StrEnum):
    """What can happen to a session."""

    START = "start a job"
    YIELD = "be made inactive when its job ends"
    REST = "be inactive"
    DRAIN = "be closed when its job ends"
    CLOSE = "be closed"


SESSION_LIFE: Mapping[SessionState, Mapping[SessionMove, SessionState]] = {
    SessionState.OPEN: {
        SessionMove.START: SessionState.ACTIVE,
        SessionMove.CLOSE: SessionState.CLOSED,
    },
    SessionState.ACTIVE: {
        SessionMove.START: SessionState.ACTIVE,
        SessionMove.YIELD: SessionState.PENDING_INACTIVE,
        SessionMove.REST: SessionState.INACTIVE,
        SessionMove.DRAIN: SessionState.PENDING_CLOSED,
        SessionMove.CLOSE: SessionState.CLOSED,
    },
    SessionState.PENDING_INACTIVE: {
        SessionMove.REST: SessionState.INACTIVE,
        SessionMove.DRAIN: SessionState.PENDING_CLOSED,
        SessionMove.CLOSE: SessionState.CLOSED,
    },
    SessionState.INACTIVE: {
        SessionMove.START: SessionState.ACTIVE,
        SessionMove.CLOSE: SessionState.CLOSED,
    },
    SessionState.PENDING_CLOSED: {
        SessionMove.CLOSE: SessionState.CLOSED,
    },
    SessionState.CLOSED: {},
}
"""State -> what can happen -> next state."""

HOLDING = frozenset({SessionState.ACTIVE, SessionState.PENDING_INACTIVE, SessionState.PENDING_CLOSED})
"""States in which a dedicated session has the device."""


def session_after(state: SessionState, move: SessionMove) -> SessionState:
    """The state that follows.

    Raises:
        WrongState: If the table does not allow the move.
    """
    if move not in SESSION_LIFE[state]:
        allowed = " or ".join(known for known, moves in SESSION_LIFE.items() if move in moves)
        raise WrongState(f"a session can {move} only while it is {allowed}; it is {state}")
    return SESSION_LIFE[state][move]


@dataclass(frozen=True, slots=True)
class Session:
    """A session or batch as the store knows it. Times are µs since 1970, as stored; limits are s.

    Attributes:
        number: Order of creation.
        id: Its public name.
        owner: Whose it is.
        backend: The one device that its jobs run on.
        mode: Dedicated, or a batch.
        state: Where it is.
        state_reason: Why it came there.
        accepting_jobs: Whether jobs may still be added.
        max_ttl: Longest time from its first start to its end.
        active_ttl: Longest time that it may stay active in one go, if limited.
        interactive_ttl: Longest time that it stays active while none of its jobs runs.
        calibration_id: The calibration that it began with.
        created: When it was made.
        started: When its first job started.
        activated: When it became active for the last time.
        closed: When it was closed.
        last_job_started: When a job of it started for the last time.
        last_job_completed: When a job of it ended for the last time.
        idle_since: Since when none of its jobs runs.
        elapsed_s: How long it was active before the present time that it is.
        used_s: Device time of its jobs.
        held_s: Time that was put on its owner's account because it had the device without using it.
        turn: Since when the device takes this batch's jobs one after the other.
        due: When time alone will change it.
    """

    number: int
    id: str
    owner: Owner
    backend: str
    mode: Mode
    state: SessionState
    state_reason: str | None
    accepting_jobs: bool
    max_ttl: int
    active_ttl: int | None
    interactive_ttl: int
    calibration_id: str | None
    created: int
    started: int | None
    activated: int | None
    closed: int | None
    last_job_started: int | None
    last_job_completed: int | None
    idle_since: int | None
    elapsed_s: float
    used_s: float
    held_s: float
    turn: int | None
    due: int | None

    def usage_s(self, at: int) -> float:
        """What it has used by a moment: a batch its jobs' device time, a session the time that it was active, s.

        A device with a clock of its own (an emulator) may give more device time than goes by here: that counts too.
        """
        if self.mode is Mode.BATCH:
            return self.used_s
        running = at - self.activated if self.state in HOLDING and self.activated is not None else 0
        return max(self.elapsed_s + max(0, running) / SECOND, self.used_s)


@dataclass(frozen=True, slots=True)
class Load:
    """What a session's jobs do: whether one runs, whether one waits."""

    running: bool
    waiting: bool


class Coming(NamedTuple):
    """What happens to a session without anybody's doing: when (None: at once), and why."""

    at: int | None
    move: SessionMove
    reason: str


def coming(session: Session, load: Load) -> Coming | None:
    """The next thing that happens to a session if nobody does anything; a moment that has passed means: it has happened."""
    state = session.state
    if state is SessionState.CLOSED:
        return None
    if state is SessionState.PENDING_CLOSED:
        return None if load.running else Coming(None, SessionMove.CLOSE, session.state_reason or "")
    if not session.accepting_jobs and not load.running and not load.waiting:
        return Coming(None, SessionMove.CLOSE, "closed by its user, and no job was left")
    if state is SessionState.PENDING_INACTIVE and not load.running:
        return Coming(None, SessionMove.REST, session.state_reason or "")
    # time that was over while a job ran, and nobody looked: that job was waited for
    last = 0 if load.running or session.idle_since is None else session.idle_since
    found = []
    # before the first job starts, only a session that nobody uses grows old
    start = session.started if session.started is not None or load.waiting else session.created
    if start is not None:
        end = SessionMove.DRAIN if load.running else SessionMove.CLOSE
        found.append(
            Coming(max(last, start + session.max_ttl * SECOND), end, f"its longest time of {session.max_ttl} s was over")
        )
    if state is SessionState.ACTIVE and session.activated is not None:
        if session.active_ttl is not None:
            rest = SessionMove.YIELD if load.running else SessionMove.REST
            reason = f"it had been active for {session.active_ttl} s"
            found.append(Coming(max(last, session.activated + session.active_ttl * SECOND), rest, reason))
        if not load.running:
            idle = session.activated if session.idle_since is None else session.idle_since
            reason = f"none of its jobs ran for {session.interactive_ttl} s"
            found.append(Coming(idle + session.interactive_ttl * SECOND, SessionMove.REST, reason))
    return min(found, key=lambda one: one.at or 0, default=None)
