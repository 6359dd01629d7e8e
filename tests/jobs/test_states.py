"""The table of a job's life proves itself."""

from __future__ import annotations

import pytest

from qpu_bridge.errors import WrongState
from qpu_bridge.jobs import FINAL, LIFE, PENDING, Move, State, after
from qpu_bridge.jobs.states import CAN, sources, target


def test_every_state_has_a_row_and_every_move_a_place() -> None:
    assert set(LIFE) == set(State)
    assert {move for moves in LIFE.values() for move in moves} == set(Move)


def test_every_pending_state_can_end() -> None:
    for state in PENDING:
        assert any(following in FINAL for following in LIFE[state].values())


def test_every_state_is_reached_from_the_first() -> None:
    reached, fresh = set(), {State.QUEUED}
    while fresh:
        reached |= fresh
        fresh = {following for state in fresh for following in LIFE[state].values()} - reached
    assert reached == set(State)


def test_a_move_leads_to_one_state() -> None:
    for move in Move:
        assert all(after(state, move) is target(move) for state in sources(move))


@pytest.mark.parametrize("state", sorted(FINAL))
@pytest.mark.parametrize("move", list(Move))
def test_nothing_leaves_a_final_state(state: State, move: Move) -> None:
    with pytest.raises(WrongState, match=f"a job can {CAN[move]} only while it is (Queued( or Running)?|Running); it is {state}"):
        after(state, move)


def test_the_words_are_those_that_the_client_knows() -> None:
    from qiskit_ibm_runtime.runtime_job_v2 import API_TO_JOB_STATUS

    assert {str(state).upper() for state in State} <= set(API_TO_JOB_STATUS)
