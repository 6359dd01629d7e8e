"""Stretches get lengths: the shortest circuit in which every stretched stretch of time fills the gap that it stands in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import floor

import numpy as np
from qiskit.circuit import Delay, QuantumCircuit
from scipy.optimize import linprog
from scipy.sparse import coo_array

from qpu_bridge.errors import NotNative, TooLarge
from qpu_bridge.lowering.duration import Grid
from qpu_bridge.lowering.gate_table import GateTable
from qpu_bridge.lowering.program import Program
from qpu_bridge.lowering.reading import read
from qpu_bridge.lowering.stretch_length import Length, length_of, stretches_in

MOST = 64
"""Stretches of one circuit: each is one more linear program."""

_TOLERANCE = 1e-6
"""Ticks by which what was minimized may grow while the next is."""

_SLACK = 1e-3
"""Ticks by which the numbers of a linear program may be off, before they are rounded down."""


@dataclass(frozen=True, slots=True)
class Stretched:
    """One stretch, resolved.

    Attributes:
        name: Its name.
        value: Its length, ticks, on the grid.
        remainder: Ticks that are left over on a qubit if every delay took it at this value; they are shared out.
        delays: Index in ``circuit.data`` of each delay that it is in, with that delay's length in ticks.
    """

    name: str
    value: int
    remainder: int
    delays: tuple[tuple[int, int], ...]


def resolve(circuit: QuantumCircuit, table: GateTable, grid: Grid, *, one_by_one: bool) -> tuple[QuantumCircuit, list[Stretched]]:
    """Replace delays of stretched length by delays of fixed length.

    What stands on a qubit between two barriers, gates on several qubits, or ends of a straight run has no gap in it if one of its
    delays stretches. Under this condition runs are as short as they can be; of several ways to do that, the stretch that is
    declared first is as short as it can be, then the second, and so on.

    Args:
        circuit: ISA circuit.
        table: Native gates.
        grid: Ticks that starts must fall on. Starts are rounded down to it, so that a length differs by less than a step.
        one_by_one: See `reading.read`.

    Returns:
        The circuit without stretches, and what became of them.

    Raises:
        NotNative: If no lengths fit, or a stretch stands inside of control flow or a box.
        TooLarge: If there are too many.
    """
    names = [stretch.name for stretch in circuit.iter_stretches()]
    if len(names) > MOST:
        raise TooLarge(f"a circuit must have at most {MOST} stretches", given=len(names))
    for index, instruction in enumerate(circuit.data):
        if instruction.is_control_flow() and any(stretches_in(inner) for inner in _inner(instruction)):
            raise NotNative(
                "a stretch must stand outside of boxes and control flow", where=f"instruction {index}: {instruction.name}"
            )
    lengths = {
        index: length_of(instruction.params[0], grid.clock, f"instruction {index}: delay")
        for index, instruction in enumerate(circuit.data)
        if stretches_in(instruction)
    }
    program = read(_with_delays(circuit, dict.fromkeys(lengths, 0)), table, grid, one_by_one=one_by_one)
    problem = _Problem(program, len(table.snapshot.qubits), names, lengths)
    values, delays = problem.solved(grid.step)
    found = []
    for name in names:
        mine = {index: length for index, length in lengths.items() if name in length.shares}
        found.append(_stretched(name, values, mine, delays, circuit, grid.step))
    return _with_delays(circuit, delays), found


def _inner(instruction: object) -> Iterator[object]:
    for block in instruction.operation.blocks:  # type: ignore[attr-defined]  # Qiskit is not typed
        for inner in block.data:
            yield inner
            if inner.is_control_flow():
                yield from _inner(inner)


def _with_delays(circuit: QuantumCircuit, ticks: Mapping[int, int]) -> QuantumCircuit:
    made = circuit.copy_empty_like()
    for index, instruction in enumerate(circuit.data):
        made.append(instruction.replace(operation=Delay(ticks[index], "dt")) if index in ticks else instruction)
    return made


def _stretched(
    name: str,
    values: Mapping[str, float],
    mine: Mapping[int, Length],
    delays: Mapping[int, int],
    circuit: QuantumCircuit,
    step: int,
) -> Stretched:
    value = _whole(values[name], step)
    left: dict[int, float] = {}
    for index, length in mine.items():
        qubit = circuit.find_bit(circuit.data[index].qubits[0]).index
        left[qubit] = left.get(qubit, 0.0) + delays[index] - length.at({**values, name: float(value)})
    remainder = round(max(left.values(), default=0.0))
    return Stretched(name, value, max(0, remainder), tuple((index, delays[index]) for index in mine))


@dataclass
class _Problem:
    """Starts of all steps, ends of all runs, and stretches as unknowns of a linear program.

    The columns are: start of each step, end of each run, then the stretches.
    """

    program: Program
    width: int
    names: Sequence[str]
    lengths: Mapping[int, Length]
    _equal: list[tuple[dict[int, float], float]] = field(default_factory=list)
    _least: list[tuple[dict[int, float], float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        program = self.program
        self._step_of = {program.origin[step]: step for step in program.delays if program.origin[step] in self.lengths}
        self._origin = {step: index for index, step in self._step_of.items()}
        self._ends = len(program.steps)
        self._first = self._ends + len(program.runs)
        for number, run in enumerate(program.runs):
            self._run(run.first, run.last, self._ends + number)
            for closed, (opened, ticks) in run.boxes.items():
                self._equal.append(({closed: 1.0, opened: -1.0}, float(ticks)))
        for step in self._origin:
            column, fixed = self._length(step)
            self._least.append((column, -fixed))

    def solved(self, step: int) -> tuple[dict[str, float], dict[int, int]]:
        """Length of each stretch, and of each delay by its instruction, the latter in whole steps."""
        columns = self._first + len(self.names)
        ends = dict.fromkeys(range(self._ends, self._first), 1.0)
        found = np.zeros(columns)
        for objective in (ends, *({self._first + rank: 1.0} for rank in range(len(self.names)))):
            cost = _rows([objective], columns).toarray()[0]
            answer = linprog(
                cost,
                A_ub=-_rows([row for row, _ in self._least], columns),
                b_ub=[-bound for _, bound in self._least],
                A_eq=_rows([row for row, _ in self._equal], columns),
                b_eq=[bound for _, bound in self._equal],
            )
            if answer.x is None:
                raise NotNative("a circuit's stretches must have lengths that fill their gaps", given=", ".join(self.names)[:200])
            found = answer.x
            self._least.append(({column: -weight for column, weight in objective.items()}, -float(cost @ found) - _TOLERANCE))
        values = dict(zip(self.names, found[self._first :].tolist(), strict=True))
        delays = {}
        for place, index in self._origin.items():
            stop = found[place] + self.lengths[index].at(values)
            delays[index] = _whole(stop, step) - _whole(found[place], step)
        return values, delays

    def _run(self, first: int, last: int, end: int) -> None:
        chains: dict[int, list[int]] = {}
        for step in range(first, last):
            for qubit in self._qubits(step):
                chains.setdefault(qubit, []).append(step)
        for chain in chains.values():
            for segment in self._segments(chain):
                rows = self._equal if any(step in self._origin for step in segment) else self._least
                rows += [self._follow(before, after, end) for before, after in pairwise(segment)]

    def _segments(self, chain: list[int]) -> Iterator[list[int | None]]:
        """Steps of one qubit from one synchronizing step to the next, both included; None stands for the ends of the run."""
        segment: list[int | None] = [None]
        for step in chain:
            segment.append(step)
            if len(self._qubits(step)) > 1:
                yield segment
                segment = [step]
        yield [*segment, None]

    def _follow(self, before: int | None, after: int | None, end: int) -> tuple[dict[int, float], float]:
        """What comes after starts when what is before it has ended: the row of an equation, or of an inequality."""
        row, bound = {end if after is None else after: 1.0}, 0.0
        if before is not None:
            shares, bound = self._length(before)
            row |= {before: -1.0} | {column: -share for column, share in shares.items()}
        return row, bound

    def _qubits(self, step: int) -> tuple[int, ...]:
        return tuple(one for one in self.program.steps[step][1] if one < self.width)

    def _length(self, step: int) -> tuple[dict[int, float], float]:
        if step in self._origin:
            length = self.lengths[self._origin[step]]
            return {self._first + self.names.index(name): share for name, share in length.shares.items()}, length.fixed
        return {}, float(self.program.steps[step][2])


def _rows(rows: Sequence[Mapping[int, float]], columns: int) -> coo_array:
    places = [(index, column, weight) for index, row in enumerate(rows) for column, weight in row.items()]
    index, column, weight = zip(*places, strict=True) if places else ((), (), ())
    return coo_array((weight, (index, column)), shape=(len(rows), columns))


def _whole(ticks: float, step: int) -> int:
    return floor((ticks + _SLACK) / step) * step
