"""Virtual Z: every RZ of a circuit, folded into the absolute phase of the plays that come after it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import NotNative
from qpu_bridge.lowering.angle import Affine
from qpu_bridge.lowering.gate_table import GateTable
from qpu_bridge.lowering.place import place
from qpu_bridge.lowering.program import Program, Run, Span
from qpu_bridge.schedule import NONE


@dataclass(slots=True)
class Swing:
    """Fractional gates of one kind on one set of qubits whose angles are parameters.

    Attributes:
        code: Entry of the gate table.
        angles: Different angles.
        places: Where each angle stands first, for messages.
        columns: (index into ``angles``, curve) -> column among all curve values.
    """

    code: int
    angles: dict[Affine, int] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    columns: dict[tuple[int, int], int] = field(default_factory=dict)


class Swings:
    """Curve values that depend on parameters, each asked for once; they are columns after parameters and formulas."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.count = 0
        self.by_code: dict[int, Swing] = {}

    def column(self, code: int, curve: int, angle: Affine, where: str) -> int:
        """Column that holds a gate's curve at an angle."""
        swing = self.by_code.setdefault(code, Swing(code))
        index = swing.angles.setdefault(angle, len(swing.angles))
        if index == len(swing.places):
            swing.places.append(where)
        key = (index, curve)
        if key not in swing.columns:
            swing.columns[key] = self.count
            self.count += 1
        return self.first + swing.columns[key]


@dataclass(slots=True)
class Angles:
    """The angle of every step.

    Attributes:
        constant: ``float64[steps]``, 0 where there is none or where it is a parameter.
        symbolic: Step -> affine angle, with at least one term.
    """

    constant: NDArray[np.float64]
    symbolic: dict[int, Affine]


def angles_of(program: Program, table: GateTable, codes: NDArray[np.int64]) -> Angles:
    """Angles of all steps, those of fractional gates folded into range.

    Raises:
        NotNative: If a gate cannot turn by its angle.
    """
    constant = np.zeros(len(codes))
    fixed = np.array(program.angle_at, dtype=np.int64)
    constant[fixed] = program.angles
    if not np.isfinite(constant).all():
        at = int(np.flatnonzero(~np.isfinite(constant))[0])
        entry = table.entries[codes[at]]
        where = place(program.origin[at], entry.name, entry.qubits)
        raise NotNative("an angle must be a finite number", given=str(constant[at]), where=where)
    fixed = fixed[~table.is_rz[codes[fixed]]]
    for code in np.unique(codes[fixed]):
        here = fixed[codes[fixed] == code]
        folded = table.fold(int(code), constant[here])
        wrong = table.out_of_range(int(code), folded)
        if wrong.any():
            at = int(here[wrong][0])
            raise out_of_range(table, int(code), float(constant[at]), program.origin[at])
        constant[here] = folded
    return Angles(constant, program.symbolic)


def out_of_range(table: GateTable, code: int, angle: float, origin: int, extra: str = "") -> NotNative:
    """A fractional gate asked to turn by more than it can."""
    entry = table.entries[code]
    low, high = (-entry.high, entry.high) if entry.mirrored else (entry.low, entry.high)
    return NotNative(
        f"the angle of {entry.name} must be between {low:.6g} and {high:.6g} rad",
        given=f"{angle:.6g}",
        where=extra + place(origin, entry.name, entry.qubits),
        remedy="Transpile the circuit for this backend, which folds angles into range.",
    )


@dataclass(slots=True)
class Turns:
    """All virtual Z rotations RZ(constant + symbolic), in order of (qubit, time).

    Attributes:
        key: ``int64[turns]``, ascending: qubit and position in one number, see `Turns.at`.
        constant: ``float64[turns]``, rad.
        symbolic: For some of the turns, their affine part without constant: (index of the turn, terms).
        length: Stride of the key per qubit.
        nets: What each span turns each qubit by, spans that turn nothing left out.
    """

    key: NDArray[np.int64]
    constant: NDArray[np.float64]
    symbolic: list[tuple[int, Affine]]
    length: int
    nets: dict[int, dict[int, Affine]]

    def at(self, qubit: NDArray[np.int64], step: NDArray[np.int64]) -> NDArray[np.int64]:
        """Key of what comes just before a step on a qubit."""
        return qubit * self.length + 2 * step

    def before(self, keys: NDArray[np.int64], qubit: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sum of the constant turns on a qubit before a key, rad."""
        sums = np.concatenate([[0.0], np.cumsum(self.constant)])
        first = np.searchsorted(self.key, qubit * self.length - 1)
        return np.asarray(sums[np.searchsorted(self.key, keys)] - sums[first], dtype=np.float64)


def collect(program: Program, table: GateTable, codes: NDArray[np.int64], angles: Angles, swings: Swings) -> Turns:
    """Find every virtual Z: RZ gates, corrections at the end of gates, and what is taken back where spans end."""
    count = np.where(codes >= 0, table.turn_count[codes], 0) if len(table.entries) else np.zeros(len(codes), np.int64)
    steps = np.repeat(np.arange(len(codes)), count)
    index = spread(table.turn_first[codes[steps]] if len(steps) else steps, count)
    fixed = table.turns[index]
    rz = np.flatnonzero((codes >= 0) & table.is_rz[codes])
    step = np.concatenate([rz, steps])
    qubit = np.concatenate([table.qubits[codes[rz], 0], fixed["qubit"].astype(np.int64)])
    constant = np.concatenate([angles.constant[rz], fixed["angle"]])
    symbols: dict[int, Affine] = {}
    for at in np.flatnonzero(np.isin(rz, list(angles.symbolic))) if angles.symbolic else ():
        affine = angles.symbolic[int(rz[at])]
        constant[at] = affine.constant
        symbols[int(at)] = Affine(0.0, affine.terms)
    for at in np.flatnonzero(fixed["curve"] != NONE):
        where, code, curve = int(steps[at]), int(codes[steps[at]]), int(fixed["curve"][at])
        row = len(rz) + int(at)
        if where in angles.symbolic:
            entry = table.entries[code]
            named = place(program.origin[where], entry.name, entry.qubits)
            symbols[row] = Affine(0.0, ((swings.column(code, curve, angles.symbolic[where], named), 1.0),))
            constant[row] = 0.0
        else:
            constant[row] = table.bend(code, curve, angles.constant[where : where + 1])[0]
    order = 2 * step
    nets: dict[int, dict[int, Affine]] = {}
    for span in program.spans:
        step_net = _net(span, qubit, order, constant, symbols)
        if not step_net:
            continue
        nets[span.number] = step_net
        for one, net in step_net.items():
            if net.terms:
                symbols[len(qubit)] = Affine(0.0, net.times(-1.0).terms)
            qubit = np.append(qubit, one)
            order = np.append(order, 2 * span.last - 1)
            constant = np.append(constant, -net.constant)
    length = 2 * len(codes) + 2
    key = qubit * length + order
    by_time = np.argsort(key, kind="stable")
    rank = np.empty(len(key), np.int64)
    rank[by_time] = np.arange(len(key))
    symbolic = sorted(((int(rank[at]), affine) for at, affine in symbols.items()), key=lambda pair: pair[0])
    return Turns(key[by_time], constant[by_time], symbolic, length, nets)


def _net(
    span: Span,
    qubit: NDArray[np.int64],
    order: NDArray[np.int64],
    constant: NDArray[np.float64],
    symbols: dict[int, Affine],
) -> dict[int, Affine]:
    """What a span turns each qubit by."""
    found: dict[int, Affine] = {}
    for at in np.flatnonzero((order >= 2 * span.first) & (order < 2 * span.last)):
        one = int(qubit[at])
        turn = Affine(float(constant[at]), symbols[int(at)].terms if int(at) in symbols else ())
        found[one] = found[one].plus(turn) if one in found else turn
    return {one: net for one, net in found.items() if net.terms or abs(net.constant) > 1e-15}


def variable_from(program: Program, turns: Turns) -> dict[int, int]:
    """Qubits whose phase a device must track in real time -> first step that must add it."""
    found: dict[int, int] = {}
    tops = [steps for steps in (_extent(node) for node in program.body) if steps is not None]
    for span in program.spans:
        for qubit in turns.nets.get(span.number, ()):
            start = next(first for first, last in tops if first <= span.first and span.last <= last)
            found[qubit] = min(start, found.get(qubit, start))
    return found


def _extent(node: object) -> tuple[int, int] | None:
    """Steps of a node of control flow."""
    if isinstance(node, Run):
        return None
    arms = getattr(node, "arms", None)
    spans = [arm.span for arm in arms] if arms is not None else [getattr(node, "span", None)]
    known = [span for span in spans if span is not None]
    return (min(s.first for s in known), max(s.last for s in known)) if known else None


def spread(first: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """``first[0], first[0] + 1, ...`` for each of ``count`` items, ``first`` already repeated."""
    ends = np.cumsum(count)
    within = np.arange(len(first)) - np.repeat(ends - count, count)
    return np.asarray(first + within, dtype=np.int64)
