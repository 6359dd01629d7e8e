"""The snapshot's native gates as columns, compiled once per snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from qpu_bridge.schedule import NONE, Discriminator, Frame, Operation, Port, Waveform
from qpu_bridge.target import NATIVE, Curve, GateSpec, MeasureSpec, PulseSpec, Snapshot, waveform
from qpu_bridge.units import Clock

PULSE = np.dtype(
    [
        ("start", "<i8"),
        ("duration", "<i8"),
        ("operation", "<u1"),
        ("port", "<u2"),
        ("frame", "<u2"),
        ("waveform", "<i4"),
        ("amplitude", "<f8"),
        ("phase", "<f8"),
        ("frequency", "<f8"),
        ("curve", "<i4"),  # of the amplitude, or NONE
        ("follows", "<i4"),  # qubit whose virtual Z the frame follows, or NONE
    ]
)
"""One play or capture of a gate, times in ticks since the start of the gate."""

TURN = np.dtype([("qubit", "<i4"), ("angle", "<f8"), ("curve", "<i4")])
"""A virtual Z at the end of a gate: RZ(angle), or RZ of a curve over the gate's angle."""


@dataclass(frozen=True, slots=True)
class Bend:
    """A curve over a gate's angle, ready to evaluate.

    Attributes:
        spline: Cubic through the knots.
        low: Smallest angle allowed, rad.
        high: Largest angle allowed, rad.
        odd: Whether the value changes sign with the angle (an amplitude), used where the angles are mirrored.
    """

    spline: CubicSpline
    low: float
    high: float
    odd: bool

    def __call__(self, angle: NDArray[np.float64], mirrored: bool) -> NDArray[np.float64]:
        """Values at angles that `GateTable.fold` has put in range."""
        if not mirrored:
            return np.asarray(self.spline(angle), dtype=np.float64)
        value = self.spline(np.abs(angle))
        return np.asarray(np.copysign(1.0, angle) * value if self.odd else value, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Entry:
    """A native gate, or a measurement, on certain qubits.

    Attributes:
        name: Qiskit's name.
        qubits: On which qubits, in Qiskit's order.
        duration: Ticks.
        takes_angle: Whether it has one parameter.
        low: Smallest angle, rad.
        high: Largest angle, rad.
        wraps: Whether angles are taken modulo a full turn (single-qubit rotations: a full turn is a global phase).
        mirrored: Whether negative angles are the positive ones with the opposite sign of drive.
    """

    name: str
    qubits: tuple[int, ...]
    duration: int
    takes_angle: bool = False
    low: float = -np.inf
    high: float = np.inf
    wraps: bool = False
    mirrored: bool = False


@dataclass(slots=True)
class GateTable:
    """The native gates of a snapshot as columns.

    Attributes:
        snapshot: Whose gates.
        code: (name, qubits) -> index of the entry.
        entries: Gates and measurements.
        pulses: ``PULSE[...]`` of all entries, one entry after the other.
        turns: ``TURN[...]`` of all entries, one entry after the other.
        bends: Curves named by pulses and turns.
        pulse_first: First pulse of each entry.
        pulse_count: Pulses of each entry.
        turn_first: First virtual Z of each entry.
        turn_count: Virtual Z of each entry.
        duration: Ticks of each entry.
        qubits: ``int64[entries, 2]``, padded with NONE.
        is_rz: Which entries are virtual Z gates.
        discriminators: Qubit -> how its outcome is told.
        capture_end: Qubit -> ticks from the start of its measurement to the end of the capture.
    """

    snapshot: Snapshot
    ports: tuple[Port, ...]
    frames: tuple[Frame, ...]
    waveforms: tuple[Waveform, ...]
    code: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    pulses: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, PULSE))
    turns: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, TURN))
    bends: list[Bend] = field(default_factory=list)
    pulse_first: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    pulse_count: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    turn_first: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    turn_count: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    duration: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    qubits: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    is_rz: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    discriminators: dict[int, Discriminator] = field(default_factory=dict)
    capture_end: dict[int, int] = field(default_factory=dict)

    def fold(self, code: int, angle: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring angles into the range of a gate where physics allows it; others stay and fail `out_of_range`."""
        entry = self.entries[code]
        if not entry.wraps:
            return angle
        # the half turn itself stays positive
        return np.where(np.abs(angle) <= np.pi, angle, np.pi - np.mod(np.pi - angle, 2 * np.pi))

    def out_of_range(self, code: int, angle: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which folded angles a gate cannot turn by."""
        entry = self.entries[code]
        size = np.abs(angle) if entry.mirrored else angle
        return ~((size >= entry.low - SLACK) & (size <= entry.high + SLACK))

    def bend(self, code: int, curve: int, angle: NDArray[np.float64]) -> NDArray[np.float64]:
        """A curve of a gate at folded angles in range."""
        entry = self.entries[code]
        if not entry.mirrored:
            angle = np.clip(angle, entry.low, entry.high)
        return self.bends[curve](angle, entry.mirrored)


SLACK = 1e-7
"""Angles this close outside a range (rad) count as its edge: float32 columns of the client carry such errors."""

_KEPT: dict[int, GateTable] = {}
_MOST_KEPT = 8


def gate_table(snapshot: Snapshot) -> GateTable:
    """The gates of a snapshot; compiled once for each of the last few snapshot objects."""
    found = _KEPT.get(id(snapshot))
    if found is None:
        found = _compile(snapshot)
        while len(_KEPT) >= _MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)
        # the table holds the snapshot, so its id stays taken as long as the key stands
        _KEPT[id(snapshot)] = found
    return found


class _Compiler:
    def __init__(self, snapshot: Snapshot) -> None:
        self.clock = snapshot.clock
        port_index = {port.name: index for index, port in enumerate(snapshot.ports)}
        self.frame_index = {frame.name: index for index, frame in enumerate(snapshot.frames)}
        # names may share an envelope (a tone and its kernel); the schedule holds each once
        unique: dict[Waveform, int] = {}
        self.wave_index = {name: unique.setdefault(waveform(shape), len(unique)) for name, shape in snapshot.waveforms.items()}
        self.follows = [NONE if frame.follows is None else frame.follows for frame in snapshot.frames]
        clocks = {port.dt: Clock(port.dt) for port in snapshot.ports}
        self.table = GateTable(
            snapshot,
            tuple(Port(port.name, port.kind, clocks[port.dt]) for port in snapshot.ports),
            tuple(Frame(frame.name, port_index[frame.port], frame.frequency) for frame in snapshot.frames),
            tuple(unique),
        )
        self.lengths: dict[tuple[int, Fraction], int] = {}
        self.pulses: list[tuple[float, ...]] = []
        self.turns: list[tuple[float, ...]] = []
        self.spans: list[tuple[int, int, int, int]] = []

    def gate(self, gate: GateSpec) -> None:
        curves = [pulse.amplitude for pulse in gate.pulses if isinstance(pulse.amplitude, Curve)]
        curves += [turn.angle for turn in gate.phases if isinstance(turn.angle, Curve)]
        rotation = len(gate.qubits) == 1
        low = max((curve.angle[0] for curve in curves), default=-np.inf)
        high = min((curve.angle[-1] for curve in curves), default=np.inf)
        mirrored = rotation and bool(curves) and low >= 0
        entry = Entry(gate.name, gate.qubits, gate.duration, bool(curves) or gate.name == "rz", low, high)
        if curves:
            entry = Entry(gate.name, gate.qubits, gate.duration, True, low, high, rotation, mirrored)
        pulses = [self.play(pulse) for pulse in gate.pulses]
        turns: list[tuple[float, ...]] = [(turn.qubit, *self.number(turn.angle, odd=False)) for turn in gate.phases]
        self.add(entry, pulses, [] if gate.name == "rz" else turns)

    def play(self, pulse: PulseSpec) -> tuple[float, ...]:
        amplitude, curve = self.number(pulse.amplitude, odd=True)
        wave = self.wave_index[pulse.waveform]
        return self.event(pulse.frame, pulse.start, Operation.PLAY, wave, 0, amplitude, pulse.phase, curve)

    def measure(self, measure: MeasureSpec) -> None:
        tone = self.event(measure.drive_frame, 0, Operation.PLAY, self.wave_index[measure.waveform], 0, measure.amplitude)
        kernel = NONE if measure.kernel is None else self.wave_index[measure.kernel]
        start, samples = measure.acquire_start, measure.acquire_duration
        capture = self.event(measure.acquire_frame, start, Operation.CAPTURE, kernel, samples)
        self.add(Entry("measure", (measure.qubit,), measure.duration), [tone, capture], [])
        self.table.discriminators[measure.qubit] = Discriminator(measure.angle, measure.threshold)
        self.table.capture_end[measure.qubit] = int(capture[0] + capture[1])

    def event(
        self,
        frame: str,
        start: int,
        operation: Operation,
        wave: int,
        samples: int = 0,
        amplitude: float = 1.0,
        phase: float = 0.0,
        curve: int = NONE,
    ) -> tuple[float, ...]:
        index = self.frame_index[frame]
        carrier = self.table.frames[index]
        clock = self.table.ports[carrier.port].clock
        length = samples or self.table.waveforms[wave].duration
        ticks = self.lengths.get((length, clock.dt))
        if ticks is None:
            ticks = self.lengths[length, clock.dt] = self.clock.ticks_covering(clock, length)
        follows = self.follows[index]
        row = (start, ticks, operation, carrier.port, index, wave, amplitude, phase, carrier.frequency, curve, follows)
        return row

    def number(self, value: float | Curve, *, odd: bool) -> tuple[float, int]:
        if not isinstance(value, Curve):
            return value, NONE
        spline = CubicSpline(value.angle, value.value)
        self.table.bends.append(Bend(spline, value.angle[0], value.angle[-1], odd))
        return 1.0, len(self.table.bends) - 1

    def add(self, entry: Entry, pulses: list[tuple[float, ...]], turns: list[tuple[float, ...]]) -> None:
        self.table.code[entry.name, entry.qubits] = len(self.table.entries)
        self.table.entries.append(entry)
        self.spans.append((len(self.pulses), len(pulses), len(self.turns), len(turns)))
        self.pulses += pulses
        self.turns += turns

    def finish(self) -> GateTable:
        table = self.table
        table.pulses = np.array(self.pulses, dtype=PULSE)
        table.turns = np.array(self.turns, dtype=TURN)
        spans = np.array(self.spans, dtype=np.int64).reshape(-1, 4)
        table.pulse_first, table.pulse_count, table.turn_first, table.turn_count = spans.T.copy()
        table.duration = np.array([entry.duration for entry in table.entries], dtype=np.int64)
        table.qubits = np.array([(*entry.qubits, NONE)[:2] for entry in table.entries], dtype=np.int64).reshape(-1, 2)
        table.is_rz = np.array([entry.name == "rz" for entry in table.entries], dtype=np.bool_)
        return table


def _compile(snapshot: Snapshot) -> GateTable:
    compiler = _Compiler(snapshot)
    for gate in snapshot.gates:
        compiler.gate(gate)
    for (name, qubits), code in list(compiler.table.code.items()):
        if NATIVE[name].symmetric:
            compiler.table.code.setdefault((name, qubits[::-1]), code)
    for measure in snapshot.measures:
        compiler.measure(measure)
    for qubit in snapshot.qubits:
        # an idle step costs no pulse; without a calibrated length it lasts as long as a gate
        key = ("id", (qubit.index,))
        if key not in compiler.table.code:
            sx = compiler.table.code.get(("sx", (qubit.index,)))
            length = 0 if sx is None else compiler.table.entries[sx].duration
            compiler.add(Entry(*key, length), [], [])
    return compiler.finish()
