"""One chunk of a run, from numbers to results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.driver import Chunk
from qpu_bridge.schedule import Schedule, Table, raw_samples
from qpu_emulator.density import populations
from qpu_emulator.lanes import Lanes, prepare
from qpu_emulator.measurement import Memory, Receiver
from qpu_emulator.noise import Spectrum, begin
from qpu_emulator.player import Player
from qpu_emulator.program import Program
from qpu_emulator.scales import Scales
from qpu_emulator.stage import Stage
from qpu_emulator.stream import streams
from qpu_emulator.values import Values
from qpu_emulator.window import Library

_SHOTS_PER_SLICE = 32
_MOST_SLICES = 64
_FORGOTTEN = 3e-3
_ROUNDS = 6
_SETTLED = 1e-3
_NOISE, _SHOTS = 0, 1


@dataclass(frozen=True, slots=True)
class Performance:
    """All that stays the same for the chunks of a run.

    Attributes:
        program: What to play.
        library: Windows of the device under the run's noise scales.
        scales: The noise scales.
        shots: Per point.
        seed: Of all random numbers.
        rep_delay_s: Wait between shots; what it leaves of a state the next shot finds. Without relaxation each starts cooled.
    """

    program: Program
    library: Library
    scales: Scales
    shots: int
    seed: int
    rep_delay_s: float

    @property
    def spectrum(self) -> Spectrum:
        """Slow noise of a shot."""
        duration = self.program.schedule.duration
        seconds = 1e-3 if duration is None else float(duration * self.program.schedule.clock.dt)
        return Spectrum.of(self.library.device, self.scales.low_frequency, seconds)

    @property
    def slices(self) -> int:
        """Noise slices per point."""
        return 1 if self.spectrum.silent else min(-(-self.shots // _SHOTS_PER_SLICE), _MOST_SLICES, self.shots)

    @property
    def remembers(self) -> bool:
        """Whether a shot starts with what the one before has left behind."""
        rates = [transmon.relaxation_rate * self.scales.t1 for transmon in self.library.device.transmons]
        slowest = min(rates, default=0.0)
        return slowest > 0 and np.exp(-self.rep_delay_s * slowest) > _FORGOTTEN

    def play(self, table: Table, first_row: int) -> tuple[Memory, float]:
        """Play some rows.

        Args:
            table: The rows.
            first_row: Index of the first within the whole job; random numbers hang on it.

        Returns:
            What the captures wrote, and the device time of the whole chunk in s.
        """
        values = Values.of_rows(self.program.schedule, table)
        points = len(values.points)
        transmons = self.library.device.transmons
        rest = np.array([transmon.thermal for transmon in transmons]) * self.scales.thermal
        excited = np.broadcast_to(rest, (points, len(transmons)))
        lanes, receiver = self._once(values, excited, len(table), first_row)
        if self.remembers:
            rates = np.array([transmon.relaxation_rate for transmon in transmons]) * self.scales.t1
            kept = np.exp(-rates * self.rep_delay_s)
            slope, before = np.zeros_like(excited), (excited, excited)
            for _ in range(_ROUNDS):
                # where one shot's start leads the next one's start; its fixed point by secants, qubit by qubit
                left = rest + (self._left_behind(lanes, excited) - rest) * kept
                step = excited - before[0]
                moved = np.abs(step) > 1e-9
                slope[moved] = np.clip((left - before[1])[moved] / step[moved], -1.0, 0.995)
                before = (excited, left)
                excited = np.clip(excited + (left - excited) / (1 - slope), 0.0, 1.0)
                lanes, receiver = self._once(values, excited, len(table), first_row)
                if np.abs(excited - before[0]).max() < _SETTLED:
                    break
        used = lanes.time[lanes.lane_of_shot].sum() * float(self.program.schedule.clock.dt)
        return receiver.memory, float(used) + self.rep_delay_s * len(lanes.lane_of_shot)

    def _once(self, values: Values, excited: NDArray[np.float64], rows: int, first_row: int) -> tuple[Lanes, Receiver]:
        spectrum, slices = self.spectrum, self.slices
        points = len(values.points)
        row = np.repeat(first_row + np.arange(rows), points // rows)[:, None]
        sweep = np.tile(np.arange(points // rows), rows)[:, None]
        kind = np.zeros((1, 1), np.int64)
        lanes = prepare(
            self.program,
            excited,
            self.shots,
            slices,
            streams(self.seed, row, sweep, np.arange(slices)[None, :], kind + _NOISE),
            streams(self.seed, row, sweep, np.arange(self.shots)[None, :], kind + _SHOTS),
        )
        if not spectrum.silent:
            lanes.detuning = begin(lanes.draws, spectrum.static, spectrum.moving)
        receiver = Receiver(self.program, self.library, self.scales, values, lanes)
        stage = Stage(self.program, self.library, spectrum, values, lanes, receiver)
        Player(stage, values, lanes).play(self.program.schedule.realtime, np.arange(len(lanes)))
        return lanes, receiver

    def _left_behind(self, lanes: Lanes, excited: NDArray[np.float64]) -> NDArray[np.float64]:
        """Excitation of each qubit when the shot ends, mean over each point's shots."""
        out = excited.copy()
        weight = np.bincount(lanes.lane_of_shot, minlength=len(lanes))
        every = np.arange(len(lanes))
        total = np.bincount(lanes.point, weight, minlength=len(out))
        for state, cluster, levels in zip(lanes.states, self.program.clusters, self.program.levels, strict=True):
            for position, qubit in enumerate(cluster):
                found = populations(state, every, np.array([position]), levels, len(cluster))
                share = found[:, 1:].sum(axis=1) * weight
                out[:, qubit] = np.bincount(lanes.point, share, minlength=len(out)) / total
        return out


def chunk(schedule: Schedule, memory: Memory, first_row: int, rows: int, shots: int) -> Chunk:
    """Results of some rows in the driver's shape."""
    shape = (rows, *schedule.sweep_shape, shots)

    def pick(kind: str, source: NDArray[np.generic]) -> NDArray[np.generic] | None:
        columns = schedule.columns_returning(kind)
        return source[:, columns].reshape(*shape, len(columns)) if columns else None

    mean = pick("mean", memory.iq)
    raw = {c: _traces(schedule, memory, c).reshape(*shape, -1) for c in schedule.columns_returning("raw")}
    for column in schedule.columns_returning("raw_mean"):
        raw[column] = _traces(schedule, memory, column).reshape(*shape, -1).mean(axis=-2)
    return Chunk(
        first_row,
        rows,
        bits=pick("bits", memory.bits),  # type: ignore[arg-type]
        iq=pick("iq", memory.iq),  # type: ignore[arg-type]
        mean=None if mean is None else mean.mean(axis=-2),
        raw=raw,
    )


def _traces(schedule: Schedule, memory: Memory, column: int) -> NDArray[np.complex64]:
    """Traces of a column; zeros if no shot came along its capture."""
    if column in memory.raw:
        return memory.raw[column]
    return np.zeros((len(memory.bits), raw_samples(schedule, column)), np.complex64)
