"""The life of a job, as a table. All code asks the table; a state's name is what the client reads."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from qpu_bridge.errors import WrongState


class State(StrEnum):
    """Where a job is. The client polls for ever on any other word."""

    QUEUED = "Queued"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


class Move(StrEnum):
    """What can happen to a job."""

    START = "start"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"
    OVERRUN = "overrun"  # more device time than it asked for
    PUT_BACK = "put back"  # its runner stopped or died


LIFE: Mapping[State, Mapping[Move, State]] = {
    State.QUEUED: {
        Move.START: State.RUNNING,
        Move.CANCEL: State.CANCELLED,
    },
    State.RUNNING: {
        Move.FINISH: State.COMPLETED,
        Move.FAIL: State.FAILED,
        Move.CANCEL: State.CANCELLED,
        Move.OVERRUN: State.CANCELLED,
        Move.PUT_BACK: State.QUEUED,
    },
    State.COMPLETED: {},
    State.FAILED: {},
    State.CANCELLED: {},
}
"""State -> what can happen -> next state."""

FINAL = frozenset(state for state, moves in LIFE.items() if not moves)
"""States that nothing leaves."""

CAN: Mapping[Move, str] = {
    Move.START: "be started",
    Move.FINISH: "be finished",
    Move.FAIL: "fail",
    Move.CANCEL: "be cancelled",
    Move.OVERRUN: "overrun",
    Move.PUT_BACK: "be put back",
}
"""What a job can do or suffer, for sentences."""

PENDING = frozenset(LIFE) - FINAL
"""States that lead somewhere."""


def after(state: State, move: Move) -> State:
    """The state that follows.

    Raises:
        WrongState: If the table does not allow the move.
    """
    if move not in LIFE[state]:
        allowed = " or ".join(sources(move))
        raise WrongState(f"a job can {CAN[move]} only while it is {allowed}; it is {state}")
    return LIFE[state][move]


def sources(move: Move) -> tuple[State, ...]:
    """The states that a move can leave."""
    return tuple(state for state, moves in LIFE.items() if move in moves)


def target(move: Move) -> State:
    """The state that a move leads to: one, wherever it starts."""
    (state,) = {moves[move] for moves in LIFE.values() if move in moves}
    return state
