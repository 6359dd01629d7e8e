"""The life of a session: what its table allows, and what time does to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qpu_bridge.errors import WrongState
from qpu_bridge.jobs import Mode, Owner, Session, SessionState
from qpu_bridge.jobs.session_life import SECOND, SESSION_LIFE, Coming, Load, SessionMove, coming, session_after

IDLE, WAITING, RUNNING = Load(False, False), Load(False, True), Load(True, True)
S, M = SessionState, SessionMove


def session(state: SessionState = S.OPEN, **fields: object) -> Session:
    made = Session(
        number=1,
        id="s",
        owner=Owner("alice", "lab"),
        backend="lab_two",
        mode=Mode.DEDICATED,
        state=state,
        state_reason=None,
        accepting_jobs=True,
        max_ttl=1000,
        active_ttl=None,
        interactive_ttl=60,
        calibration_id=None,
        created=0,
        started=None,
        activated=None,
        closed=None,
        last_job_started=None,
        last_job_completed=None,
        idle_since=None,
        elapsed_s=0.0,
        used_s=0.0,
        held_s=0.0,
        turn=None,
        due=None,
    )
    if state is not S.OPEN:
        made = replace(made, started=10 * SECOND, activated=10 * SECOND, idle_since=20 * SECOND)
    return replace(made, **fields)  # type: ignore[arg-type]


def test_every_state_can_be_left_and_closed_cannot() -> None:
    reached = {state for moves in SESSION_LIFE.values() for state in moves.values()}
    assert reached == set(S) - {S.OPEN}
    assert [state for state, moves in SESSION_LIFE.items() if not moves] == [S.CLOSED]


def test_what_the_table_does_not_allow_is_said() -> None:
    with pytest.raises(WrongState, match="can start a job only while it is open or active or inactive; it is closed"):
        session_after(S.CLOSED, M.START)


@pytest.mark.parametrize(
    ("one", "load", "at_s", "move"),
    [
        # nobody uses it; somebody waits for it
        (session(), IDLE, 1000, M.CLOSE),
        (session(), WAITING, None, None),
        # active: idle, at work, for too long, for too long in one go
        (session(S.ACTIVE), IDLE, 80, M.REST),
        (session(S.ACTIVE), WAITING, 80, M.REST),
        (session(S.ACTIVE, idle_since=None), IDLE, 70, M.REST),
        (session(S.ACTIVE, idle_since=None), RUNNING, 1010, M.DRAIN),
        (session(S.ACTIVE, interactive_ttl=1000), IDLE, 1010, M.CLOSE),
        (session(S.ACTIVE, active_ttl=30), RUNNING, 40, M.YIELD),
        (session(S.ACTIVE, active_ttl=30), IDLE, 40, M.REST),
        # on its way
        (session(S.PENDING_INACTIVE), RUNNING, 1010, M.DRAIN),
        (session(S.PENDING_INACTIVE), WAITING, "at once", M.REST),
        (session(S.PENDING_CLOSED), RUNNING, None, None),
        (session(S.PENDING_CLOSED), WAITING, "at once", M.CLOSE),
        # inactive: only its longest time
        (session(S.INACTIVE), IDLE, 1010, M.CLOSE),
        (session(S.INACTIVE), WAITING, 1010, M.CLOSE),
        # takes no more jobs
        *[(session(state, accepting_jobs=False), IDLE, "at once", M.CLOSE) for state in (S.OPEN, S.ACTIVE, S.INACTIVE)],
        (session(S.PENDING_INACTIVE, accepting_jobs=False), IDLE, "at once", M.CLOSE),
        (session(S.ACTIVE, accepting_jobs=False, idle_since=None), RUNNING, 1010, M.DRAIN),
        (session(S.CLOSED, accepting_jobs=False), IDLE, None, None),
    ],
)
def test_what_comes_next(one: Session, load: Load, at_s: float | str | None, move: SessionMove | None) -> None:
    found = coming(one, load)
    if move is None:
        assert found is None
    else:
        assert found is not None
        assert (found.at, found.move) == (None if at_s == "at once" else int(float(at_s or 0) * SECOND), move)
        assert move in SESSION_LIFE[one.state]


def test_what_comes_next_is_allowed_in_every_state() -> None:
    for state in S:
        for load in (IDLE, WAITING, Load(True, False), RUNNING):
            for accepting in (True, False):
                found: Coming | None = coming(session(state, accepting_jobs=accepting, active_ttl=5), load)
                if found is not None and not (load.running and state in (S.OPEN, S.INACTIVE)):
                    assert found.move in SESSION_LIFE[state], (state, load, accepting)


def test_usage() -> None:
    running = session(S.ACTIVE, elapsed_s=5.0, used_s=3.0)
    assert running.usage_s(40 * SECOND) == 35.0
    assert running.usage_s(0) == 5.0  # a clock that went back takes nothing away
    assert replace(running, state=S.INACTIVE).usage_s(40 * SECOND) == 5.0
    assert replace(running, mode=Mode.BATCH).usage_s(40 * SECOND) == 3.0
    assert replace(running, used_s=50.0).usage_s(40 * SECOND) == 50.0  # a device with a clock of its own
