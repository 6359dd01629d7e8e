"""One chunk of a run, from numbers to results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp
from typing import cast

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.driver import Chunk
from qpu_bridge.errors import UnsupportedOption
from qpu_bridge.schedule import Schedule, Table, raw_samples
from qpu_emulator.engines.choice import Choice, choose
from qpu_emulator.engines.engine import Ensemble, Follower
from qpu_emulator.noise import Spectrum, begin
from qpu_emulator.readout.measurement import Receiver
from qpu_emulator.readout.memory import Memory
from qpu_emulator.scales import Scales
from qpu_emulator.score.lanes import Lanes, deal, prepare
from qpu_emulator.score.passing import Passing
from qpu_emulator.score.player import Player
from qpu_emulator.score.program import Program
from qpu_emulator.score.stage import Stage
from qpu_emulator.score.values import Values
from qpu_emulator.stream import of_points
from qpu_emulator.windows.library import Library

Real = NDArray[np.float64]

_FORGOTTEN = 3e-3
"""A wait that leaves no more than this of an excitation makes shots independent."""
_SETTLED = 1e-3
"""Start populations are stationary if a step of the search changes them by less."""
_TRIED = 16
"""Shots with which a run that branches is tried in Pauli frames."""
_NOISE, _SHOTS, _PILOT = 0, 1, 2
"""Tell random streams apart: of the lanes' noise, of shots, of the lanes that search for start populations."""


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
        choice: The engine.
        memory: Limit in bytes for what one part takes.
    """

    program: Program
    library: Library
    scales: Scales
    shots: int
    seed: int
    rep_delay_s: float
    choice: Choice
    memory: int = 2**31

    @property
    def spectrum(self) -> Spectrum:
        """Slow noise of a shot."""
        return Spectrum.in_program(self.program, self.library.device, self.scales.low_frequency)

    @property
    def lanes(self) -> int:
        """Lanes per point at the start of a shot."""
        return self.choice.lanes_per_point

    @property
    def remembers(self) -> bool:
        """Whether a shot starts with what the one before has left behind on one of its qubits."""
        transmons = self.library.device.transmons
        slowest = min((transmons[qubit].relaxation_rate * self.scales.t1 for qubit in self.program.qubits), default=0.0)
        return slowest > 0 and exp(-self.rep_delay_s * slowest) > _FORGOTTEN

    def starting(self, table: Table, first_row: int) -> Real:
        """Populations of level 1 at the start of a shot, ``float[points, qubits]``.

        Args:
            table: Rows.
            first_row: Index of the first within the whole job; random numbers hang on it.
        """
        values = Values.of_rows(self.program, table)
        transmons, rest = self.library.device.transmons, np.zeros(len(self.library.device.transmons))
        rest[self.program.qubits] = [transmons[qubit].thermal * self.scales.thermal for qubit in self.program.qubits]
        if self.remembers:
            return self._stationary(values, rest, len(table), first_row)
        return np.broadcast_to(rest, (len(values.points), len(rest)))

    def play(self, table: Table, first_row: int, starting: Real, part: range) -> tuple[Memory, float]:
        """Play some lanes of some rows.

        Args:
            table: The rows.
            first_row: Index of the first within the whole job.
            starting: Their populations at the start of a shot.
            part: Which lanes of each point.

        Returns:
            What the captures wrote, and the device time in s.
        """
        values = Values.of_rows(self.program, table)
        lanes, receiver, _ = self._once(values, starting, len(table), first_row, part)
        used = lanes.time[lanes.lane_of_shot].sum() * self.program.tick
        return receiver.memory, float(used) + self.rep_delay_s * len(lanes.lane_of_shot)

    def _stationary(self, values: Values, rest: Real, rows: int, first_row: int) -> Real:
        """Start populations that a shot and the wait after it lead back to, by secants, qubit by qubit."""
        rates = np.array([transmon.relaxation_rate for transmon in self.library.device.transmons]) * self.scales.t1
        kept = np.exp(-rates * self.rep_delay_s)
        excited = np.broadcast_to(rest, (len(values.points), len(rest)))
        slope, before = np.zeros_like(excited), (excited, excited)
        # a few lanes, the same ones however the shots are dealt to parts
        few, rounds = self.choice.pilots
        pilots = replace(self, shots=min(self.shots, few * -(-self.shots // self.lanes)))
        pilots = replace(pilots, choice=replace(self.choice, lanes_per_point=min(self.lanes, few)))
        for _ in range(rounds):
            lanes, _, engine = pilots._once(values, excited, rows, first_row, range(pilots.lanes), _PILOT)
            left = rest + (self._left_behind(lanes, engine, excited) - rest) * kept
            step = excited - before[0]
            moved = np.abs(step) > 1e-9
            slope[moved] = np.clip((left - before[1])[moved] / step[moved], -1.0, 0.995)
            before = (excited, left)
            excited = np.clip(excited + (left - excited) / (1 - slope), 0.0, 1.0)
            if np.abs(excited - before[0]).max() < _SETTLED:
                break
        return excited

    def _once(
        self, values: Values, excited: Real, rows: int, first_row: int, part: range, kind: int = _NOISE
    ) -> tuple[Lanes, Receiver, Ensemble | Follower]:
        points = len(values.points)
        first, last = (-(-end * self.shots // self.lanes) for end in (part.start, part.stop))
        own = np.uint64(self.seed), first_row, rows, points
        lanes = prepare(
            self.program.schedule,
            points,
            self.program.wiring.reading,
            self.program.reached if self.scales.readout > 0 else [],
            deal(points, self.shots, self.lanes, part.start, part.stop),
            of_points(*own, part.start, len(part), kind),
            of_points(*own, first, last - first, _SHOTS),
        )
        lanes.most = max(len(lanes), self.memory // (self.choice.bytes_per_history or self.choice.bytes_per_lane))
        spectrum = self.spectrum
        engine = self.choice.make(self.program, self.library, spectrum)
        if engine.draws_noise and not spectrum.silent:
            lanes.detuning = begin(lanes.draws, spectrum.static, spectrum.shared, spectrum.moving)
        engine.start(excited, lanes.point, lanes.draws)
        receiver = Receiver(self.program, self.library, self.scales, values, lanes, engine, samples_final=kind != _PILOT)
        passing = Passing(self.program, values, lanes, self.scales.readout * self.choice.tones_pass)
        stage = Stage(self.program, self.library, spectrum, values, lanes, receiver, engine, passing)
        Player(stage, values, lanes).play(self.program.schedule.realtime, np.arange(len(lanes)))
        return lanes, receiver, engine

    def _left_behind(self, lanes: Lanes, engine: Ensemble | Follower, excited: Real) -> Real:
        """Excitation of each qubit when the shot ends, mean over each point's shots."""
        out = excited.copy()
        every = np.arange(len(lanes))
        shots, where = lanes.shots_in(every)
        total = np.bincount(lanes.point[where], minlength=len(out))
        weight = np.bincount(where, minlength=len(lanes))
        follower = engine if isinstance(engine, Follower) else None
        for number, cluster in enumerate(self.program.clusters):
            if follower is not None:
                found = follower.sample(number, every, np.arange(len(cluster)), lanes.shot_draws, shots, where)
                sums = [np.bincount(lanes.point[where], levels, minlength=len(out)) for levels in found.T]
            else:
                ensemble = cast(Ensemble, engine)
                shares = [ensemble.excitation(number, position) * weight for position in range(len(cluster))]
                sums = [np.bincount(lanes.point, share, minlength=len(out)) for share in shares]
            out[:, list(cluster)] = np.transpose(sums) / total[:, None]
        return out


def fall_back(performance: Performance, table: Table, asked: Mapping[str, object]) -> Performance:
    """The same with a tensor network, if the first or the last row is not made of Cliffords where a few shots go."""
    few = min(performance.shots, _TRIED) if performance.program.control else 1
    trial = replace(performance, shots=few, rep_delay_s=np.inf)
    try:
        for row in {0, len(table) - 1}:
            one = Table(table.values[row : row + 1])
            trial.play(one, row, trial.starting(one, row), range(1))
    except UnsupportedOption:
        wanted = dict(asked) | {"engine": "tensor_network"}
        choice = choose(performance.program, performance.library, performance.spectrum, performance.shots, wanted)
        return replace(performance, choice=choice)
    return performance


def chunk(schedule: Schedule, memory: Memory, first_row: int, rows: int, shots: int) -> Chunk:
    """Results of some rows in the driver's shape."""
    shape = (rows, *schedule.sweep_shape, shots)

    def pick(kind: str, source: NDArray[np.generic]) -> NDArray[np.generic] | None:
        columns = schedule.columns_returning(kind)
        # most runs want all that was written, which need not be copied
        wanted = source if len(columns) == source.shape[1] else source[:, columns]
        return wanted.reshape(*shape, len(columns)) if columns else None

    mean = pick("mean", memory.iq)
    raw = {c: _traces(schedule, memory, c).reshape(*shape, -1) for c in schedule.columns_returning("raw")}
    for column in schedule.columns_returning("raw_mean"):
        if column in memory.sums:
            raw[column] = _mean(memory.sums[column], shape)
        else:
            raw[column] = _traces(schedule, memory, column).reshape(*shape, -1).mean(axis=-2)
    return Chunk(
        first_row,
        rows,
        bits=pick("bits", memory.bits),  # type: ignore[arg-type]
        iq=pick("iq", memory.iq),  # type: ignore[arg-type]
        mean=None if mean is None else mean.mean(axis=-2),
        raw=raw,
    )


def _mean(sums: NDArray[np.complex128], shape: tuple[int, ...]) -> NDArray[np.complex64]:
    """The mean trace of each point, of sums over the shots of some of its lanes."""
    of_points = sums.reshape(*shape[:-1], -1, sums.shape[1]).sum(axis=-2) / shape[-1]
    return np.asarray(of_points, np.complex64)


def _traces(schedule: Schedule, memory: Memory, column: int) -> NDArray[np.complex64]:
    """Traces of a column; zeros if no shot came along its capture."""
    if column in memory.raw:
        return memory.raw[column]
    return np.zeros((len(memory.bits), raw_samples(schedule, column)), np.complex64)
