"""Measurements: from the lanes' populations to levels, IQ points, bits, and lanes that know what was measured."""

from __future__ import annotations

import numpy as np

from qpu_bridge.schedule import Acquisition, Straight
from qpu_emulator.engines.engine import Ensemble, Follower
from qpu_emulator.readout.bystanders import Bystanders
from qpu_emulator.readout.capture import CaptureModel, Tone
from qpu_emulator.readout.field import Complex
from qpu_emulator.readout.levels import jump
from qpu_emulator.readout.measured import Measured, Turn
from qpu_emulator.readout.memory import LANES_TOGETHER, Memory
from qpu_emulator.readout.ringdown import NO_FIELD, RingDown
from qpu_emulator.readout.signal import record
from qpu_emulator.readout.trace import sum_traces, trace
from qpu_emulator.scales import Scales
from qpu_emulator.score.actions import Action
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.program import Program
from qpu_emulator.score.values import Values
from qpu_emulator.windows.library import Library

_INAUDIBLE = 0.02
"""A neighbour's whole signal below this share of the noise of one shot is left away."""


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
        self._columns = program.events["column"]
        self._library = library
        self._scales = scales
        self._lanes = lanes
        self._engine = engine
        self._samples_final = samples_final
        self._captures = CaptureModel(program, library, values, lanes)
        self._bystanders = Bystanders(program, library, scales, values, lanes, engine, self._captures)
        self._ringdown = RingDown(program, library.device, values, lanes, scales.readout)
        self._tick = program.tick

        columns = program.schedule.columns
        lines = [column.discriminator for column in columns]
        self._lines = [(False, 0.0, 0.0) if line is None else (True, line.angle, line.threshold) for line in lines]
        self._traced = [column.acquisition is Acquisition.RAW for column in columns]
        shape = (len(lanes.lane_of_shot), len(columns))
        # column by column, as they are written
        self.memory = Memory(np.zeros(shape, bool, order="F"), np.zeros(shape, np.complex64, order="F"))
        # where each capture comes once in a shot, what only a mean is wanted of need not be kept shot by shot
        once = all(isinstance(block, Straight) for block in program.schedule.realtime)
        self._summed = frozenset(program.schedule.columns_returning("raw_mean") if once else ())
        if self._summed:
            # of each shot the row of its sums: of so many lanes of a point there is one, whatever becomes of them
            points, each = len(values.points), len(lanes) // len(values.points)
            few = -(-each // LANES_TOGETHER)
            row = lanes.point * few + np.arange(len(lanes)) % each // LANES_TOGETHER
            self._rows, self._row = points * few, row[lanes.lane_of_shot]

    def sample(self, actions: list[Action], chosen: Index) -> None:
        """Measure qubits at the end of the shot, together; nothing is played on them any more."""
        if not self._samples_final:
            return
        turn = self._turn(chosen)
        for number, cluster in enumerate(self._program.clusters):
            inside = [action for action in actions if action.qubits[0] in cluster]
            if not inside:
                continue
            measured = np.array([cluster.index(action.qubits[0]) for action in inside])
            level = self._engine.sample(number, chosen, measured, self._lanes.shot_draws, turn.shots, turn.where)
            for position, action in enumerate(inside):
                self._receive(action, turn, np.ascontiguousarray(level[:, position]))

    def split(self, action: Action, chosen: Index) -> Index:
        """Measure one qubit on the way: lanes are split by bits that control reads, and by its level before and after.

        Not by levels, if the engine follows each shot; what is left in the resonator is then that of one shot for all.
        """
        lanes = self._lanes
        qubit = action.qubits[0]
        number = next(index for index, cluster in enumerate(self._program.clusters) if qubit in cluster)
        levels = self._engine.levels[number]
        position = self._program.clusters[number].index(qubit)
        turn, plays = self._turn(chosen), self._captures.plays(action)
        shots, where = turn.shots, turn.where
        if not (plays or lanes.glow.shines(qubit, chosen)):
            self._receive(action, turn, np.zeros(len(shots), np.int64))
            before = after = None
        else:
            before = self._engine.sample(number, chosen, np.array([position]), lanes.shot_draws, shots, where)[:, 0]
            after = np.minimum(self._receive(action, turn, before).levels[:, 2].astype(np.int64), levels - 1)
        columns = [self._columns[capture] for capture in self._captures.captures(action)]
        read = [column for column in columns if column in self._program.control]
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
            self._ringdown.keep(action, plays, children, before[first], after[first])
        for column in read:
            lanes.memory[children, column] = self.memory.bits[shots[first], column]
        lanes.lane_of_shot[shots] = children[which]
        return children

    def _turn(self, chosen: Index) -> Turn:
        return Turn(chosen, self._lanes.time[chosen], *self._lanes.shots_in(chosen))

    def _receive(self, action: Action, turn: Turn, level: Index) -> Measured:
        """Fill the columns of a measurement that finds each shot in a level."""
        seconds = (action.stop - action.start) * self._tick
        rates = self._library.relaxations[action.qubits[0]]
        scale = self._scales.readout
        levels, left = jump(self._lanes.shot_draws, turn.shots, level, rates.down * scale, rates.up * scale, seconds)
        mine = Measured(action, levels, left)
        for capture in self._captures.captures(action):
            self._write_signal(capture, mine, turn, level)
        for other in self._bystanders.beside(action, turn):
            self._add_crosstalk(action, other, turn)
        for other in self._bystanders.meanwhile(mine, turn):
            self._add_crosstalk(action, other, turn)
            self._add_crosstalk(other.action, mine, turn, known=True)
        return mine

    def _write_signal(self, capture: int, mine: Measured, turn: Turn, level: Index) -> None:
        """Write what a capture of a measurement gets of its own resonator, and the receiver's noise."""
        column, action = self._columns[capture], mine.action
        tones = self._captures.tones(action, capture, action.start, turn.chosen)
        before = self._ringdown.signal(action, capture, turn, level)
        if not self._traced[column]:
            self._add(column, tones, mine, action.start, turn, self._scales.readout, before, fresh=True)
            return
        samples = tones[0].probe.samples
        if column in self._summed:
            self.memory.sums[column] = np.zeros((self._rows, samples), complex)
        else:
            shape = (len(self._lanes.lane_of_shot), samples)
            self.memory.raw.setdefault(column, np.zeros(shape, np.complex64))[turn.shots] = 0
        self._add_trace(column, tones, mine, action.start, turn, self._scales.readout, before)

    def _add_crosstalk(self, listener: Action, measured: Measured, turn: Turn, *, known: bool = False) -> None:
        """Add what the captures of one measurement get of another's resonator on the same line."""
        origin = min(listener.start, measured.action.start)
        for capture in self._captures.captures(listener):
            column = self._columns[capture]
            if known and column in self._program.control:
                # its bit has been acted upon already
                continue
            if self._captures.signal_to_noise(measured.action, capture, origin) <= _INAUDIBLE:
                continue
            # what its own tones drive is signal rather than noise
            scale = self._scales.readout_crosstalk * (1.0 if measured.action.events == listener.events else self._scales.readout)
            tones = self._captures.tones(measured.action, capture, origin, turn.chosen)
            tones = [tone._replace(factor=tone.factor * scale) for tone in tones]
            if self._traced[column]:
                self._add_trace(column, tones, measured, origin, turn, 0.0, NO_FIELD)
            else:
                self._add(column, tones, measured, origin, turn, 0.0, NO_FIELD, fresh=False)

    def _add(
        self,
        column: int,
        tones: list[Tone],
        measured: Measured,
        origin: int,
        turn: Turn,
        noise: float,
        before: Complex,
        *,
        fresh: bool,
    ) -> None:
        """Add a signal to a column, or begin it with that, and draw the line between its bits again."""
        late = (measured.action.start - origin) * self._tick
        signal, spread = self._captures.integrate(measured.action.where, tones, measured, turn, late, before)
        written = self.memory.iq, self.memory.bits, self._lanes.shot_draws, turn.shots
        record(*written, signal, noise * spread, column, fresh, *self._lines[column])

    def _add_trace(
        self, column: int, tones: list[Tone], measured: Measured, origin: int, turn: Turn, noise: float, before: Complex
    ) -> None:
        """The same, sample by sample."""
        # the responses count time in samples of the capture from the origin on, up to the capture's end
        response, entry = self._captures.responses(measured.action.where, tones)
        probe, shots, late = tones[0].probe, turn.shots, (measured.action.start - origin) * self._tick
        factor = np.stack(np.broadcast_arrays(*(tone.factor for tone in tones)))
        args = self._lanes.shot_draws, shots, turn.where, measured.levels, measured.left, late, probe.until * probe.dt
        traces = factor, entry, response.field, response.ringing, response.first, noise * response.sample_noise, before
        if column in self._summed:
            sum_traces(*args, *traces, self._row[shots], self.memory.sums[column])
            return
        written = self.memory.raw[column][shots]
        trace(*args, *traces, written)
        self.memory.raw[column][shots] = written
