"""A page: the pulses of one schedule, written for all targets at once in the words of the calibrated machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Acquisition, Bits, Column, Discriminator, Output, Schedule, Table, Waveform
from qpu_bridge.target import GateSpec, MeasureSpec, PulseSpec, Snapshot
from qpu_bridge.units import Clock
from qpu_calibration.axis import Values
from qpu_calibration.carriers import Carriers
from qpu_calibration.edit import known_gate
from qpu_calibration.ink import Ink, Number, at_angle, plain
from qpu_calibration.passage import NOTHING, Index, Passage, Stamp, Stroke, Voice, turned
from qpu_calibration.reading import Reading

Numbers = float | Values
"""A number for all, or an array that broadcasts to ``[targets, rows]``. What differs from row to row fills a slot."""
Waveforms = Waveform | Sequence[Waveform]
"""An envelope for all targets, or one for each."""
Target = tuple[int, ...]
"""Qubits: ``(q,)``, or ``(control, target)`` of a coupler."""
FEW = 3
"""Gates in a row that are written one by one: as arrays they would take longer."""
Played = Callable[[int, PulseSpec], tuple[Numbers, Numbers] | None]
"""Asked for each pulse of a gate: index of the target, the pulse -> amplitude and phase (rad) over rows, None as calibrated."""


class Page:
    """One schedule under way.

    Verbs act on all targets side by side; ``of`` is the place within a target (0; 1 is the second qubit of a coupler). Numbers
    may be arrays over ``[targets, rows]``. Plays of one line follow one another; `barrier` and `wait` line all lines up.

    Args:
        snapshot: What is believed of the machine.
        targets: Which qubits or couplers.
        rows: Points that fill slots.
        reading: What a measurement returns.
    """

    def __init__(self, snapshot: Snapshot, targets: Sequence[Target], rows: int, reading: Reading) -> None:
        self.snapshot = snapshot
        self.targets = tuple(targets)
        self.rows = rows
        self.reading = reading
        self.rounds = 0
        self._carriers = Carriers(snapshot)
        # none of them knows the page, which would then be left to the collector of garbage with all that is on it
        self._writing: list[Callable[[Ink], None]] = []
        self._stamps: dict[tuple[str, Target], Stamp] = {}

    @contextmanager
    def only(self, target: Target) -> Iterator[None]:
        """Within, verbs act on one of the targets alone, which is then the first of them."""
        everybody, self.targets = self.targets, (target,)
        try:
            yield
        finally:
            self.targets = everybody

    def x(self, phase: Numbers = 0.0, of: int = 0) -> None:
        """The calibrated ``x``, about an axis turned by a phase (rad)."""
        self.gate("x", of, phase=phase)

    def sx(self, phase: Numbers = 0.0, of: int = 0) -> None:
        """The calibrated ``sx``, about an axis turned by a phase (rad)."""
        self.gate("sx", of, phase=phase)

    def prepare(self, level: Numbers, of: int = 0) -> None:
        """The calibrated ``x`` in rows whose level is 1, and nothing for as long in those where it is 0."""
        levels = self._spread(level)
        self.gate("x", of, played=lambda index, pulse: (at_angle(pulse.amplitude, None) * levels[index], pulse.phase))

    def gate(
        self,
        name: str,
        *places: int,
        angle: Numbers | None = None,
        phase: Numbers = 0.0,
        played: Played | None = None,
        times: int = 1,
    ) -> None:
        """A calibrated gate on some places of each target (all, if none is named), with its virtual Z.

        Args:
            name: Native gate.
            places: In the gate's order of qubits.
            angle: Of a fractional gate, rad, the same in all rows of a target.
            phase: By which all pulses' axes are turned, rad.
            played: Other amplitudes and phases of some of its pulses.
            times: How often, one after the other.
        """
        turns = self._spread(phase)
        angles = [None] * len(self.targets) if angle is None else [float(np.ravel(one)[0]) for one in self._spread(angle)]
        order, voices = np.zeros(times, np.int64), []
        for index, target in enumerate(self.targets if times else ()):
            gate = known_gate(self.snapshot, name, tuple(target[place] for place in places) if places else target)
            stamp = self._stamp(gate, angles[index], None if played is None else partial(played, index))
            if times > FEW:
                voices.append(self._voice(target, [stamp], order, np.atleast_2d(turns[index])))
                continue
            for _ in range(times):
                self._press(stamp, turns[index])
        if voices:
            self._writing.append(Passage(order, voices, self.rows, in_turn=True).write)

    def passage(
        self, gates: Sequence[tuple[str, tuple[int, ...]]], order: Index, angles: Values, played: Played | None = None
    ) -> None:
        """Gates and virtual Z one after the other: what `gate` and `rz` would write, at the cost of a few of them.

        Args:
            gates: Those that occur: name, and places in its order of qubits.
            order: ``int[moves]``, which of them; ``-1 - place`` is a virtual Z.
            angles: Of virtual Z, and by which axes of gates are turned, rad: ``float[moves]`` or ``float[moves, targets, rows]``.
            played: As of `gate`.
        """
        stamps: dict[tuple[int, int], Stamp] = {}
        for number in order[np.sort(np.unique(order, return_index=True)[1])].tolist():
            for index, target in enumerate(self.targets):
                if number < 0:
                    self._carriers.following(target[-1 - number])
                    continue
                name, places = gates[number]
                gate = known_gate(self.snapshot, name, tuple(target[place] for place in places))
                stamps[number, index] = self._stamp(gate, None, None if played is None else partial(played, index))
        voices = []
        for index, target in enumerate(self.targets):
            own = [stamps.get((number, index), NOTHING) for number in range(len(gates))]
            voices.append(self._voice(target, own, order, angles[:, None] if angles.ndim == 1 else angles[:, index]))
        self._writing.append(Passage(order, voices, self.rows).write)

    def rz(self, angle: Numbers, of: int = 0) -> None:
        """A virtual Z (rad) on one place of each target."""
        angles = self._spread(angle)
        for index, target in enumerate(self.targets):
            self._carriers.turn(target[of], angles[index])

    def drive(
        self,
        shape: Waveforms,
        amplitude: Numbers = 1.0,
        phase: Numbers = 0.0,
        frequency: Numbers | None = None,
        of: int = 0,
    ) -> None:
        """A pulse on each target's drive line; at its qubit's frequency, or at others (Hz)."""
        frames = [self.snapshot.qubits[target[of]].drive_frame for target in self.targets]
        self.play(frames, shape, amplitude, phase, frequency)

    def train(self, shape: Waveforms, amplitude: Numbers, phases: Sequence[float], of: int = 0) -> None:
        """Pulses on each target's drive line one after the other: what `drive` would write at one phase (rad) after the other."""
        levels, order, axes, voices = self._spread(amplitude), np.zeros(len(phases), np.int64), np.array(phases)[:, None], []
        for target, envelope, level in zip(self.targets, self._shapes(shape), levels, strict=True):
            key = self._carriers.use(self.snapshot.qubits[target[of]].drive_frame)
            stamp = Stamp([key], [Stroke(key, envelope, level, 0.0, 0)], 0, ())
            voices.append(self._voice(target, [stamp], order, axes))
        self._writing.append(Passage(order, voices, self.rows).write)

    def play(
        self,
        frames: Sequence[str],
        shape: Waveforms,
        amplitude: Numbers = 1.0,
        phase: Numbers = 0.0,
        frequency: Numbers | None = None,
    ) -> None:
        """A pulse at a carrier per target.

        Args:
            frames: Names in the snapshot, one per target.
            shape: Envelope.
            amplitude: Full scale.
            phase: Added to the frame's, rad.
            frequency: Hz, instead of the frame's own; its phase then has its origin at the start of the shot.
        """
        levels, turns = self._spread(amplitude), self._spread(phase)
        tones = None if frequency is None else self._spread(frequency)
        for index, (frame, envelope) in enumerate(zip(frames, self._shapes(shape), strict=True)):
            key = self._carriers.use(frame, None if tones is None else tones[index])
            self._play(key, envelope, levels[index], self._carriers.phase(key) + turns[index])

    def wait(self, seconds: Numbers) -> None:
        """All lines wait, for one time in each row; the times must lie on the machine's grid (`axis.delays` puts them there)."""
        times = np.broadcast_to(np.asarray(seconds, np.float64), (len(self.targets), self.rows))
        if not np.all(times == times[0]):
            raise SettingsError("all targets of a page must wait equally long", given="different waits", where="wait")
        exact = times[0] / float(self.snapshot.timing.dt)
        ticks = np.rint(exact)
        grain = self.snapshot.timing.granularity
        wrong = (np.abs(exact - ticks) > 1e-3) | (ticks % grain != 0) | (ticks < 0)
        if wrong.any():
            raise SettingsError(f"a wait must be a multiple of {grain} ticks", given=f"{exact[wrong][0]:g}", where="wait")
        self._writing.append(lambda ink: ink.build.wait(ink.duration(ticks)))

    def hold(self, ticks: int) -> None:
        """The drive lines of each target's qubits wait, and no others: a multiple of the machine's grid."""
        for qubit in (qubit for target in self.targets for qubit in target):
            key = self._carriers.use(self.snapshot.qubits[qubit].drive_frame)
            self._writing.append(partial(_held, key, ticks))

    def barrier(self) -> None:
        """What follows begins on all lines together."""
        self._writing.append(lambda ink: ink.build.barrier())

    def measure(
        self,
        amplitude: Numbers | None = None,
        frequency: Numbers | None = None,
        *,
        plain: bool = False,
        places: Sequence[int] | None = None,
        in_turn: bool = False,
    ) -> None:
        """Measure all places of all targets together, as the snapshot says or with other numbers.

        Args:
            amplitude: Of the tone, instead of the snapshot's.
            frequency: Of tone and capture in Hz, instead of the snapshot's.
            plain: Weigh all samples alike, where the kernel is not known yet.
            places: Which places of each target; all, if None. Every round of a page must measure the same.
            in_turn: One qubit after the other, as bits must come that `flip_if_one` reads.
        """
        levels = None if amplitude is None else self._spread(amplitude)
        tones = None if frequency is None else self._spread(frequency)
        number, self.rounds = self.rounds, self.rounds + 1
        captures = []
        for index, target in enumerate(self.targets):
            for place in range(len(target)) if places is None else places:
                spec = self.snapshot.measure(target[place])
                own = None if tones is None else tones[index]
                level = spec.amplitude if levels is None else levels[index]
                tone, acquire = self._carriers.use(spec.drive_frame, own), self._carriers.use(spec.acquire_frame, own)
                stroke = Stroke(tone, self.snapshot.envelope(spec.waveform), level, self._carriers.phase(tone), 0)
                bare = plain or spec.kernel is None or self.reading is Reading.TRACE
                kernel = None if bare else self.snapshot.envelope(str(spec.kernel))
                captures.append(_Capture(spec, stroke, acquire, kernel, self._column(f"q{spec.qubit} {number}", spec)))
        self._writing.append(partial(_captured, captures, in_turn))

    def flip_if_one(self) -> None:
        """An ``x`` on every qubit whose last bit was 1, in real time; the wait until bits may be read comes before it.

        A qubit that has just been measured has no phase, so that the virtual Z of ``x`` may be played in either case.
        """
        if not (self.rounds and self.reading.bits):
            raise SettingsError("a page must measure bits before it plays by them", given=f"{self.rounds} x {self.reading}")
        latency, number = self.snapshot.timing.feedback_latency, self.rounds - 1
        self._writing.append(lambda ink: ink.build.wait(latency))
        for qubit in (qubit for target in self.targets for qubit in target):
            stamp = self._stamp(known_gate(self.snapshot, "x", (qubit,)), None, None)
            self._press(stamp, 0.0)
            self._writing.append(partial(_if_one, f"q{qubit} {number}", self._writing.pop(), stamp.duration))

    def schedule(self) -> tuple[Schedule, Table]:
        """What has been written: a template, and the table of its rows."""
        ink = Ink(Clock(self.snapshot.timing.dt), self.rows)
        self._carriers.declare(ink)
        for write in self._writing:
            write(ink)
        return ink.build.build(), ink.table()

    def _spread(self, numbers: Numbers) -> list[Number]:
        """One for each target."""
        if np.ndim(numbers) == 0:
            return [float(numbers)] * len(self.targets)
        return [plain(row) for row in np.broadcast_to(np.asarray(numbers, np.float64), (len(self.targets), self.rows))]

    def _shapes(self, shape: Waveforms) -> Sequence[Waveform]:
        return [shape] * len(self.targets) if isinstance(shape, Waveform) else shape

    def _stamp(
        self, gate: GateSpec, angle: float | None, played: Callable[[PulseSpec], tuple[Numbers, Numbers] | None] | None
    ) -> Stamp:
        """A gate as it is played; its carriers are used from now on."""
        ordinary = angle is None and played is None
        known = self._stamps.get((gate.name, gate.qubits)) if ordinary else None
        if known is not None:
            return known
        keys = [self._carriers.use(self.snapshot.qubits[qubit].drive_frame) for qubit in gate.qubits]
        strokes = []
        for pulse in gate.pulses:
            keys.append(self._carriers.use(pulse.frame))
            other = None if played is None else played(pulse)
            amplitude, axis = (at_angle(pulse.amplitude, angle), pulse.phase) if other is None else other
            level = amplitude if np.ndim(amplitude) == 0 else np.broadcast_to(amplitude, self.rows)
            strokes.append(Stroke(keys[-1], self.snapshot.envelope(pulse.waveform), level, axis, pulse.start))
        turns = [(phase.qubit, at_angle(phase.angle, angle)) for phase in gate.phases]
        for qubit, _ in turns:
            self._carriers.following(qubit)
        stamp = Stamp(list(dict.fromkeys(keys)), strokes, gate.duration, turns)
        if ordinary:
            self._stamps[gate.name, gate.qubits] = stamp
        return stamp

    def _press(self, stamp: Stamp, turn: Number) -> None:
        """Write a gate once, the axes of its pulses turned by so many rad."""
        phases = [self._carriers.phase(stroke.key) + stroke.axis + turn for stroke in stamp.strokes]

        def write(ink: Ink) -> None:
            frames = [ink.frames[key] for key in stamp.keys]
            ink.build.barrier(*frames)
            begin = ink.build.now(frames[0])
            for stroke, phase in zip(stamp.strokes, phases, strict=True):
                ink.play(stroke.key, stroke.shape, stroke.level, phase, begin + stroke.start)
            for frame in frames:
                ink.build.delay(frame, max(0, begin + stamp.duration - ink.build.now(frame)))

        self._writing.append(write)
        for qubit, angle in stamp.turns:
            self._carriers.turn(qubit, angle)

    def _voice(self, target: Target, stamps: Sequence[Stamp], order: Index, angles: Values) -> Voice:
        """A target's part in a passage, with which its carriers turn; ``angles`` is ``float[moves or 1, rows or 1]``, rad."""
        turns: dict[int, list[Values]] = {}
        spun = set(order.tolist())
        for place, qubit in enumerate(target):
            if -1 - place in spun:
                turns.setdefault(qubit, []).append(np.where((order == -1 - place)[:, None], angles, 0.0))
        for number, stamp in enumerate(stamps):
            for qubit, angle in stamp.turns:
                turns.setdefault(qubit, []).append(np.where((order == number)[:, None], angle, 0.0))
        phases = {key: np.atleast_2d(self._carriers.phase(key)) for stamp in stamps for key in stamp.keys}
        for qubit, columns in turns.items():
            every = np.stack(np.broadcast_arrays(*columns), axis=1)
            for key in self._carriers.following(qubit):
                phases[key], last = turned(self._carriers.phase(key), every)
                self._carriers.move(key, last)
        lines = {self._carriers.line(key): key for stamp in stamps for key in stamp.keys}
        return Voice(stamps, lines, [self._extents(stamp) for stamp in stamps], angles, phases)

    def _extents(self, stamp: Stamp) -> dict[str, int]:
        found = dict.fromkeys(map(self._carriers.line, stamp.keys), stamp.duration)
        for stroke in stamp.strokes:
            line = self._carriers.line(stroke.key)
            found[line] = max(found[line], stroke.start + self.snapshot.ticks(line, stroke.shape.duration))
        return found

    def _play(self, key: str, envelope: Waveform, level: Number, phase: Number) -> None:
        self._writing.append(lambda ink: ink.play(key, envelope, level, phase, None))

    def _column(self, name: str, spec: MeasureSpec) -> Column:
        if self.reading.bits:
            return Column(name, discriminator=Discriminator(spec.angle, spec.threshold))
        if self.reading is Reading.TRACE:
            return Column(name, Acquisition.RAW, average=True)
        return Column(name, output=Output.IQ, average=self.reading is Reading.MEAN)


class _Capture(NamedTuple):
    """A measurement of a qubit: its tone, and what hears it."""

    spec: MeasureSpec
    tone: Stroke
    acquire: str
    kernel: Waveform | None
    column: Column


def _captured(captures: Sequence[_Capture], in_turn: bool, ink: Ink) -> None:
    ink.build.barrier()
    start = max(ink.build.now(ink.frames[one.tone.key]) for one in captures)
    for spec, tone, acquire, kernel, column in captures:
        ink.measured[column.name] = place = ink.build.column(column)
        ink.play(tone.key, tone.shape, tone.level, tone.axis, start)
        ink.build.capture(ink.frames[acquire], place, spec.acquire_duration, kernel, at=start + spec.acquire_start)
        over = start + spec.duration - ink.build.now(ink.frames[tone.key])
        ink.build.delay(ink.frames[tone.key], max(0, over))
        start += spec.duration if in_turn else 0
    ink.build.barrier()


def _held(key: str, ticks: int, ink: Ink) -> None:
    ink.build.delay(ink.frames[key], ticks)


def _if_one(name: str, play: Callable[[Ink], None], ticks: int, ink: Ink) -> None:
    with ink.build.branch(Bits((ink.measured[name],))):
        play(ink)
        ink.build.barrier()
    with ink.build.otherwise():
        ink.build.wait(ticks)
