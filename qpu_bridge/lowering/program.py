"""What reading a circuit gives: one flat list of steps, cut into straight runs, and a tree that orders the runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from qpu_bridge.lowering.angle import Affine, Sources
from qpu_bridge.schedule import Expression, Variable

SYNC = -1
"""Code of a step that plays nothing: barrier, delay, edge of a box."""


Step: TypeAlias = tuple[int, tuple[int, ...], int]
"""Entry of the gate table (or `SYNC`), what is occupied (qubits, then ``qubits + column``), and ticks."""


@dataclass(slots=True)
class Run:
    """Steps ``[first, last)``, played in one straight block.

    Attributes:
        first: First step.
        last: One past the last.
        boxes: Step that closes a box -> (step that opened it, its length in ticks).
    """

    first: int
    last: int
    boxes: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """Steps ``[first, last)`` that may be played more than once, or not at all; ``number`` tells nested ones apart."""

    first: int
    last: int
    number: int


@dataclass(frozen=True, slots=True)
class Wait:
    """All qubits wait for a number of ticks that differs from row to row."""

    ticks: Affine


@dataclass(frozen=True, slots=True)
class Store:
    """A real-time variable takes a value."""

    variable: int
    value: Expression


@dataclass(frozen=True, slots=True)
class Arm:
    """One way a choice may go."""

    condition: Expression | None
    body: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Choice:
    """The first arm whose condition holds; None always holds."""

    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """A body played ``count`` times."""

    count: int
    body: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Until:
    """A body played while a condition holds."""

    condition: Expression
    body: tuple[Node, ...]
    span: Span


Node: TypeAlias = Run | Wait | Store | Choice | Loop | Until


@dataclass(slots=True)
class Memory:
    """A column in the making.

    Attributes:
        name: For people.
        qubit: A qubit that is measured into it, which gives the discriminator; None if none is.
        returned: Whether its result goes back to the caller.
    """

    name: str
    qubit: int | None
    returned: bool


@dataclass(slots=True)
class Program:
    """A circuit as steps.

    Attributes:
        steps: What is done, in the circuit's order.
        origin: Index in ``circuit.data`` of the outermost instruction each step comes from.
        angle_at: Steps that take a fixed angle, ascending.
        angles: Their angles, rad.
        symbolic: Steps whose angle is a parameter -> the angle.
        column_of: Step that measures -> column.
        resets: Steps that belong to a reset.
        delays: Steps that are delays (for the timing text).
        sources: Columns the affine angles are built from.
        memory: Columns.
        variables: Real-time variables.
        registers: Column per bit of each classical register, -1 where nothing is measured.
        body: The tree.
        runs: Straight runs in playing order.
        spans: Bodies of arms and loops, inner before outer.
    """

    sources: Sources
    steps: list[Step] = field(default_factory=list)
    origin: list[int] = field(default_factory=list)
    angle_at: list[int] = field(default_factory=list)
    angles: list[float] = field(default_factory=list)
    symbolic: dict[int, Affine] = field(default_factory=dict)
    column_of: dict[int, int] = field(default_factory=dict)
    resets: set[int] = field(default_factory=set)
    delays: set[int] = field(default_factory=set)
    memory: list[Memory] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    registers: dict[str, tuple[int, ...]] = field(default_factory=dict)
    body: tuple[Node, ...] = ()
    runs: list[Run] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
