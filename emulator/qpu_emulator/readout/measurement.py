"""Measurements: from the lanes' populations to levels, IQ points, bits, and lanes that know what was measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Acquisition, Operation, Straight
from qpu_emulator.chip.device import Resonator
from qpu_emulator.engines.engine import Ensemble, Follower
from qpu_emulator.readout.afterglow import left
from qpu_emulator.readout.capture import CaptureModel, CaptureSignal
from qpu_emulator.readout.field import Complex
from qpu_emulator.readout.memory import Memory
from qpu_emulator.readout.signal import draw_outcomes, integrate, jump, record, sum_traces, trace
from qpu_emulator.scales import Scales
from qpu_emulator.score.actions import Action
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.program import Program
from qpu_emulator.score.values import Values
from qpu_emulator.windows.library import Library

_TAU = 2 * np.pi
_INAUDIBLE = 0.02
"""A neighbour's whole signal below this share of the noise of one shot is left away."""
_REACH = 10
"""Tones drive resonators of idle qubits within so many linewidths; farther off, less than 5 % of what is heard is theirs."""
_KEPT_INAUDIBLE = 100_000
"""Pairs of a capture and a measurement that it gets nothing of are remembered up to so many."""
_NO_FIELD = np.zeros(0, complex)


@dataclass(frozen=True, slots=True)
class _Measured:
    """A measurement, as the captures of others get it.

    Attributes:
        action: Its events.
        shots: Which shots.
        begun: ``int[lanes]``, tick within the shot at which its block began.
        where: ``int[shots]``, which of these lanes each shot is in.
        levels: ``int[shots, 3]``, levels one after the other.
        left: ``float[shots, 2]``, when they are left, s after the measurement's start; inf = never.
    """

    action: Action
    shots: Index
    begun: Index
    where: Index
    levels: Index
    left: NDArray[np.float64]

    def accompanies(self, other: _Measured) -> bool:
        """Whether both are in the same turn of the same block."""
        if self.shots is other.shots and self.where is other.where:
            return np.array_equal(self.begun, other.begun)
        shared = np.array_equal(self.shots, other.shots)
        return shared and np.array_equal(self.begun[self.where], other.begun[other.where])


class Receiver:
    """All measurements of a run.

    Args:
        program: What is played.
        library: Of the device.
        scales: Factors on its noise.
        values: The run's numbers.
        lanes: Of the run.
        engine: Holds their states.
        samples_final: Whether measurements at the end of the shot are wanted; they change no state.
    """

    def __init__(
        self,
        program: Program,
        library: Library,
        scales: Scales,
        values: Values,
        lanes: Lanes,
        engine: Ensemble | Follower,
        *,
        samples_final: bool = True,
    ) -> None:
        self._program = program
        self._events = program.events
        self._device = library.device
        self._library = library
        self._scales = scales
        self._measured: list[_Measured] = []
        self._values = values
        self._lanes = lanes
        self._engine = engine
        self._samples_final = samples_final
        self._capture_model = CaptureModel(program, library, values, lanes)
        self._tick = program.tick
        # the last one is that of a capture without a kernel
        self._shapes = [*(waveform.digest for waveform in program.schedule.waveforms), b""]
        self._near: dict[int, list[tuple[int, Resonator]]] = {}

        shape = (len(lanes.lane_of_shot), len(program.schedule.columns))
        self.memory = Memory(np.zeros(shape, bool), np.zeros(shape, np.complex64))
        self._began, self._lanes_at_first = lanes.lane_of_shot.copy(), len(lanes)
        # where each capture comes once in a shot, what only a mean is wanted of need not be kept shot by shot
        once = all(isinstance(block, Straight) for block in program.schedule.realtime)
        self._summed = frozenset(program.schedule.columns_returning("raw_mean") if once else ())

    def sample(self, actions: list[Action], chosen: Index) -> None:
        """Measure qubits at the end of the shot, together; nothing is played on them any more."""
        if not self._samples_final:
            return
        shots, where = self._lanes.shots_in(chosen)
        for number, cluster in enumerate(self._program.clusters):
            inside = [action for action in actions if action.qubits[0] in cluster]
            if not inside:
                continue
            measured = np.array([cluster.index(action.qubits[0]) for action in inside])
            level = self._engine.sample(number, chosen, measured, self._lanes.shot_draws, shots, where)
            for position, action in enumerate(inside):
                self._receive(action, chosen, shots, where, np.ascontiguousarray(level[:, position]))

    def split(self, action: Action, chosen: Index) -> Index:
        """Measure one qubit on the way: lanes are split by bits that control reads, and by its level before and after.

        Not by levels, if the engine follows each shot; what is left in the resonator is then that of one shot for all.
        """
        lanes = self._lanes
        qubit = action.qubits[0]
        number = next(index for index, cluster in enumerate(self._program.clusters) if qubit in cluster)
        levels = self._engine.levels[number]
        position = self._program.clusters[number].index(qubit)
        shots, where = lanes.shots_in(chosen)
        if not (self._plays(action) or lanes.glow.shines(qubit, chosen)):
            self._receive(action, chosen, shots, where, np.zeros(len(shots), np.int64))
            before = after = None
        else:
            before = self._engine.sample(number, chosen, np.array([position]), lanes.shot_draws, shots, where)[:, 0]
            after = np.minimum(self._receive(action, chosen, shots, where, before), levels - 1)
        read = [c for c in self._columns(action) if c in self._program.control]
        key = where.astype(np.int64)
        for column in read:
            key = 2 * key + self.memory.bits[shots, column]
        if before is not None and after is not None:
            if isinstance(self._engine, Follower):
                self._engine.settle(number, chosen, position, shots, where, before != after)
            else:
                key = (key * levels + before) * levels + after
        _, first, which = np.unique(key, return_index=True, return_inverse=True)
        parents = chosen[where[first]]
        children = lanes.split(parents)
        self._engine.branch(parents, children, len(lanes), lanes.draws)
        if before is not None and after is not None:
            if not isinstance(self._engine, Follower):
                self._engine.collapse(number, children, position, before[first], after[first])
            self._keep_residual_field(action, children, before[first], after[first])
        for column in read:
            lanes.memory[children, column] = self.memory.bits[shots[first], column]
        lanes.lane_of_shot[shots] = children[which]
        return children

    def _plays(self, action: Action) -> bool:
        return bool(self._tones(action))

    def _columns(self, action: Action) -> list[int]:
        return [self._events["column"][row] for row in self._captures(action)]

    def _receive(self, action: Action, chosen: Index, shots: Index, where: Index, level: Index) -> Index:
        """Fill the columns of a measurement; returns the level of each shot at its end."""
        seconds = (action.stop - action.start) * self._tick
        rates = self._library.relaxations[action.qubits[0]]
        scale = self._scales.readout
        levels, moments = jump(self._lanes.shot_draws, shots, level, rates.down * scale, rates.up * scale, seconds)
        mine = _Measured(action, shots, self._lanes.time[chosen], where, levels, moments)
        for capture in self._captures(action):
            self._write_signal(capture, mine, chosen, where, level)
        unread = [self._unread(tone, mine, chosen, where) for tone in self._program.sounding.get(action, ())]
        for other in (*unread, *(idle for sender in (mine, *unread) for idle in self._driven_idle(sender, chosen))):
            self._add_crosstalk(action, other, chosen, where)
        if self._scales.readout * self._scales.readout_crosstalk > 0:
            # all that are kept are in one turn of one block, and come in order
            if self._measured and not mine.accompanies(self._measured[-1]):
                self._measured = []
            self._measured = [other for other in self._measured if other.action.stop > action.start]
            for other in self._measured:
                if self._acquires_with(action, other.action):
                    self._add_crosstalk(action, other, chosen, where)
                    self._add_crosstalk(other.action, mine, chosen, where, known=True)
            self._measured.append(mine)
        return levels[:, 2]

    def _keep_residual_field(self, action: Action, lanes: Index, before: Index, after: Index) -> None:
        """Keep the field that is in the resonator when a measurement ends: that of the level in which the qubit is left."""
        (qubit,), glow = action.qubits, self._lanes.glow
        if qubit not in glow.places:
            return
        schedule, events, tick = self._program.schedule, self._events, self._tick
        resonator, seconds = self._device.resonators[action.where], (action.stop - action.start) * tick
        now = np.asarray((self._lanes.time[lanes] + action.stop) * tick, np.float64)
        field = glow.arriving(qubit, lanes, before, now)
        for play in self._tones(action):
            tone, dt = schedule.waveforms[events["waveform"][play]], float(schedule.ports[events["port"][play]].clock.dt)
            amplitude, frequency, phase = (
                np.broadcast_to(self._values.of(play, name, self._lanes, lanes), len(lanes))
                for name in ("amplitude", "frequency", "phase")
            )
            begin = (events["start"][play] - action.start) * tick
            few, which = np.unique(frequency, return_inverse=True)
            fields = np.array([left(resonator, tone, dt, begin, float(one), seconds) for one in few])[which.ravel()]
            turned = np.exp(1j * (phase - _TAU * ((frequency - resonator.frequency) * now)))
            field = field + np.sqrt(self._scales.readout) * amplitude * turned * fields[np.arange(len(lanes)), after]
        glow.light(qubit, lanes, field, after, now)

    def _residual_signal(self, capture: int, measured: _Measured, chosen: Index, where: Index, level: Index) -> Complex:
        """What a capture gets of the field that the last measurement has left, ``complex[shots]``; empty if there is none."""
        action, glow = measured.action, self._lanes.glow
        if not glow.shines(action.qubits[0], chosen):
            return _NO_FIELD
        resonator = self._device.resonators[action.where]
        frequency, phase = (self._values.of(capture, name, self._lanes, chosen) for name in ("frequency", "phase"))
        start = np.asarray((self._lanes.time[chosen] + action.start) * self._tick, np.float64)
        field = glow.arriving(action.qubits[0], chosen[where], level, start[where])
        turned = np.exp(1j * (resonator.cable_phase - phase - _TAU * (resonator.frequency - frequency) * start))
        return np.asarray(resonator.gain * turned[where] * field)

    def _write_signal(self, capture: int, measured: _Measured, chosen: Index, where: Index, level: Index) -> None:
        """Write what a capture of a measurement gets of its own resonator, and the receiver's noise."""
        column = self._events["column"][capture]
        found = self._capture_model.signal(measured.action, capture, measured.action.start, chosen)
        before = self._residual_signal(capture, measured, chosen, where, level)
        count = found.tones[0][0].count
        if column in self._summed:
            self.memory.sums[column] = np.zeros((self._lanes_at_first, count), complex)
        elif self._program.schedule.columns[column].acquisition is Acquisition.RAW:
            shape = (len(self._lanes.lane_of_shot), count)
            self.memory.raw.setdefault(column, np.zeros(shape, np.complex64))[measured.shots] = 0
        self._add(column, found, measured, measured.action.start, where, self._scales.readout, before, fresh=True)

    def _add_crosstalk(self, listener: Action, measured: _Measured, chosen: Index, where: Index, *, known: bool = False) -> None:
        """Add what the captures of one measurement get of another's resonator on the same line."""
        origin = min(listener.start, measured.action.start)
        for capture in self._captures(listener):
            column = self._events["column"][capture]
            if known and column in self._program.control:
                # its bit has been acted upon already
                continue
            key = self._loudness_key(capture, measured.action)
            if key in self._library.inaudible:
                continue
            found = self._capture_model.signal(measured.action, capture, origin, chosen)
            if self._capture_model.signal_to_noise(found) <= _INAUDIBLE:
                if key is not None and len(self._library.inaudible) < _KEPT_INAUDIBLE:
                    self._library.inaudible.add(key)
                continue
            # what its own tones drive is signal rather than noise
            scale = self._scales.readout_crosstalk * (1.0 if measured.action.events == listener.events else self._scales.readout)
            self._add(column, replace(found, factor=found.factor * scale), measured, origin, where, 0.0)

    def _unread(self, tone: Action, beside: _Measured, chosen: Index, where: Index) -> _Measured:
        """A tone that nobody captures, as others hear it: from the level in which a measurement would find its qubit."""
        (qubit,), shots = tone.qubits, beside.shots
        number = next((index for index, cluster in enumerate(self._program.clusters) if qubit in cluster), None)
        if number is None or isinstance(self._engine, Follower):
            # an engine that follows each shot cannot look without measuring
            level = self._at_rest(qubit, shots)
        else:
            position = np.array([self._program.clusters[number].index(qubit)])
            level = self._engine.sample(number, chosen, position, self._lanes.shot_draws, shots, where)[:, 0]
        never = np.full(beside.left.shape, np.inf)
        return replace(beside, action=tone, levels=np.repeat(level[:, None], 3, axis=1), left=never)

    def _at_rest(self, qubit: int, shots: Index) -> Index:
        """Levels of a qubit in equilibrium."""
        excited = self._device.transmons[qubit].thermal * self._scales.thermal
        return draw_outcomes(self._lanes.shot_draws, shots, 0 * shots, np.array([[1 - excited, excited]]))

    def _driven_idle(self, measured: _Measured, chosen: Index) -> list[_Measured]:
        """Resonators on the same lines that the tones of a measurement come near to, their qubits untouched by the schedule."""
        action, mine = measured.action, self._device.resonators[measured.action.where]
        near = self._idle(measured.action.where, mine) if self._scales.readout_crosstalk > 0 else []
        plays = self._tones(action) if near else []
        tones = [np.asarray(self._values.of(row, "frequency", self._lanes, chosen)) for row in plays]
        ends = [(tone.min(), tone.max()) for tone in tones]
        found = []
        for index, other in near:
            reach = _REACH * other.kappa
            # most resonators lie outside of whatever is swept
            beside = [low - reach < other.frequency < high + reach for low, high in ends]
            if any(np.abs(tone - other.frequency).min() < reach for tone in compress(tones, beside)):
                levels = np.repeat(self._at_rest(other.qubit, measured.shots)[:, None], 3, axis=1)
                never = np.full(measured.left.shape, np.inf)
                ghost = Action("readout", index, (other.qubit,), action.start, action.stop, action.events)
                found.append(replace(measured, action=ghost, levels=levels, left=never))
        return found

    def _idle(self, number: int, mine: Resonator) -> list[tuple[int, Resonator]]:
        """The other resonators on a resonator's lines, of qubits that the schedule does not touch."""
        if number not in self._near:
            near = [(index, self._device.resonators[index]) for _, index in self._program.wiring.resonators[mine.port]]
            self._near[number] = [
                (index, other)
                for index, other in near
                if (other.port, other.acquire_port) == (mine.port, mine.acquire_port)
                and other.qubit not in self._program.qubits
                and index != number
            ]
        return self._near[number]

    def _loudness_key(self, capture: int, action: Action) -> tuple[object, ...] | None:
        """All that decides how much a capture gets of a measurement, whatever the template; None if rows may differ."""
        schedule, events, rows = self._program.schedule, self._events, (capture, *self._tones(action))
        if any(self._values.depends(row, "amplitude", "frequency") for row in rows):
            return None
        begin = events["start"][capture]
        numbers = [(events["amplitude"][row], events["frequency"][row], events["start"][row] - begin) for row in rows]
        shapes = [(schedule.ports[events["port"][row]].name, self._shapes[events["waveform"][row]]) for row in rows]
        return action.where, events["duration"][capture], *numbers, *shapes

    def _add(
        self,
        column: int,
        found: CaptureSignal,
        measured: _Measured,
        origin: int,
        where: Index,
        noise: float,
        before: Complex = _NO_FIELD,
        *,
        fresh: bool = False,
    ) -> None:
        """Add a signal to a column, or begin it with that, and draw the line between its bits again."""
        schedule, shots = self._program.schedule, measured.shots
        # the responses count time in samples of the capture from the origin on, up to the capture's end
        response = self._capture_model.response(found)
        span = (response.first + response.count) * found.dt
        late = (measured.action.start - origin) * self._tick
        args = (self._lanes.shot_draws, shots, where, measured.levels, measured.left, late, span, found.factor, found.entry)
        if schedule.columns[column].acquisition is Acquisition.RAW:
            traces = response.field, response.ringing, response.first, noise * response.sample_noise, before
            if column in self._summed:
                sum_traces(*args, *traces, self._began[shots], self.memory.sums[column])
                return
            written = self.memory.raw[column][shots]
            trace(*args, *traces, written)
            self.memory.raw[column][shots] = written
            return
        parts = response.gathered, response.field, response.ringing, response.tails
        signal = integrate(*args, *parts, noise * response.noise, before)
        line = schedule.columns[column].discriminator
        told = (False, 0.0, 0.0) if line is None else (True, line.angle, line.threshold)
        record(self.memory.iq, self.memory.bits, shots, column, signal, fresh, *told)

    def _tones(self, action: Action) -> list[int]:
        return [row for row in action.events if self._events["operation"][row] == Operation.PLAY]

    def _captures(self, action: Action) -> list[int]:
        return [row for row in action.events if self._events["operation"][row] == Operation.CAPTURE]

    def _acquires_with(self, one: Action, other: Action) -> bool:
        """Whether two measurements share a line at the same time."""
        resonators = self._device.resonators
        same = resonators[one.where].acquire_port == resonators[other.where].acquire_port
        return same and one.where != other.where and one.start < other.stop and other.start < one.stop
