"""Straight blocks: from actions in time to steps of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import NONE, Straight
from qpu_emulator.engines.engine import IDLE, ONE, TWO, ZZ, Engine, Plan
from qpu_emulator.noise import Spectrum, advance
from qpu_emulator.readout.afterglow import Stirring
from qpu_emulator.readout.measurement import Receiver
from qpu_emulator.score.actions import Action
from qpu_emulator.score.cues import Cues, Found
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.program import Program
from qpu_emulator.score.values import Number, Values
from qpu_emulator.windows.library import Library

_TAU = 2 * np.pi
_AT_A_TIME = 512
"""Lanes whose numbers are written out together: those of more would not stay in the second-level cache."""


class _Step(NamedTuple):
    """A step of the engine; numbers that differ from lane to lane are arrays.

    Attributes:
        kind: Of `density`.
        qubits: On which qubits of the device.
        seconds: Idle time that relaxes.
        window: Which, for ONE and TWO.
        angle: As the engine wants it.
        noisy: Time in s over which the qubit's detuning acts in this step.
        faded: Dephasing by photons in idle time, see `Idle.find`.
    """

    kind: int
    qubits: tuple[int, ...]
    seconds: Number = 0.0
    window: Found = 0
    angle: Number = 0.0
    noisy: Number = 0.0
    faded: Number = 0.0


class _Line:
    """What is due on the qubits of a straight block since their last step, times in s since the start of the block."""

    def __init__(self, qubits: list[int], pairs: list[int]) -> None:
        self.relaxed: dict[int, Number] = dict.fromkeys(qubits, 0.0)
        self.noisy: dict[int, Number] = dict.fromkeys(qubits, 0.0)
        self.turn: dict[int, Number] = dict.fromkeys(qubits, 0.0)
        self.coupled: dict[int, Number] = dict.fromkeys(pairs, 0.0)
        self.done: set[int] = set()
        self.begun: Number = 0.0  # ticks at which the block began
        self.chosen: Index = np.zeros(0, np.int64)  # lanes


class Stage:
    """Plays straight blocks of one program on lanes of a run.

    Args:
        program: What to play.
        library: Windows of the device.
        spectrum: Slow noise.
        values: Numbers of every point.
        lanes: Where to play it.
        receiver: What measures.
        engine: Holds the states.
    """

    def __init__(
        self,
        program: Program,
        library: Library,
        spectrum: Spectrum,
        values: Values,
        lanes: Lanes,
        receiver: Receiver,
        engine: Engine,
    ) -> None:
        self._program = program
        self._library = library
        self._spectrum = spectrum
        self._values = values
        self._lanes = lanes
        self._receiver = receiver
        self._engine = engine
        self._tick = float(program.schedule.clock.dt)
        self._home = {q: number for number, cluster in enumerate(program.clusters) for q in cluster}
        couplers = library.device.couplers
        self._pairs = {
            index: coupler.qubits
            for index, coupler in enumerate(couplers)
            if all(q in self._home for q in coupler.qubits)
            and self._home[coupler.qubits[0]] == self._home[coupler.qubits[1]]
            and library.zz(index)
        }
        self._around: dict[tuple[int, ...], list[tuple[int, tuple[int, int]]]] = {}
        self._cues = Cues(program, library, values, lanes)

    def play(self, block: Straight, chosen: Index) -> Index:
        """Play a block; returns the lanes that its shots are in afterwards (a measurement on the way splits lanes)."""
        score = self._program.scores[block]
        line = _Line(list(self._home), list(self._pairs))
        line.begun, line.chosen = _shared(self._lanes.time[chosen]), chosen
        steps: list[_Step] = []
        final = []
        for number, action in enumerate(score.actions):
            start, stop = action.start * self._tick, action.stop * self._tick
            if action.kind == "readout":
                qubit = action.qubits[0]
                self._turn_pairs(steps, line, action.qubits, (start + stop) / 2 if number not in score.final else start)
                self._idle(steps, line, qubit, start)
                if number in score.final:
                    line.done.add(qubit)
                    final.append(action)
                    continue
                self._play_due(steps, line, start)
                self._evolve(steps, chosen)
                steps = []
                chosen = self._receiver.split(action, chosen)
                line.begun, line.chosen = _shared(self._lanes.time[chosen]), chosen
                line.relaxed[qubit] = line.noisy[qubit] = stop
                continue
            self._window(steps, line, action, start, stop, chosen)
        duration: Number = score.duration * self._tick
        stretch = np.zeros(len(chosen), np.int64)
        if score.stretch != NONE:
            stretch = np.rint(self._values.points[self._lanes.point[chosen], score.stretch]).astype(np.int64)
            duration = duration + stretch * self._tick
        self._turn_pairs(steps, line, tuple(self._home), duration)
        for qubit in self._home:
            if qubit not in line.done:
                self._idle(steps, line, qubit, duration)
        self._evolve(steps, chosen)
        if final:
            self._receiver.sample(final, chosen)
        self._lanes.time[chosen] += score.duration + stretch
        return chosen

    def _play_due(self, steps: list[_Step], line: _Line, until: float) -> None:
        """Play all virtual Z and slow noise that differ from lane to lane: lanes are about to be split."""
        for qubit in self._home:
            noisy: Number = 0.0
            if isinstance(line.noisy[qubit], np.ndarray):
                noisy, line.noisy[qubit] = until - line.noisy[qubit], until
            if _any(line.turn[qubit]) or _any(noisy):
                steps.append(_Step(IDLE, (qubit,), angle=line.turn[qubit], noisy=noisy))
            line.turn[qubit] = 0.0

    def _window(self, steps: list[_Step], line: _Line, action: Action, start: float, stop: float, chosen: Index) -> None:
        self._turn_pairs(steps, line, action.qubits, (start + stop) / 2, own=(start, stop, action))
        levels = self._engine.levels[self._home[action.qubits[0]]]
        # a flux pulse only turns phases: what photons do in its time is due with the idle time after it
        lit = [] if action.kind == "flux" else [q for q in action.qubits if self._lanes.glow.shines(q, chosen)]
        stirred = {qubit: self._stir(steps, line, qubit, start, stop, action.kind) for qubit in lit}
        shift = stirred[lit[0]].shift if lit and action.kind == "drive" else None
        shift = None if shift is None or not shift.any() else shift
        index, turns = self._cues.find(action, levels, chosen, line.begun, shift)
        pair = len(action.qubits) == 2
        # a slow detuning acts partly before and partly after a window on two qubits, and inside one on a single qubit
        shares = self._library.shares(levels, index) if pair else None
        for place, (qubit, turn) in enumerate(zip(action.qubits, turns, strict=True)):
            before, after = (0.0, 0.0) if shares is None else (shares[..., place, 0], shares[..., place, 1])
            line.turn[qubit] = line.turn[qubit] + turn
            self._idle(steps, line, qubit, start, start + before)
            line.turn[qubit] = -turn
            line.relaxed[qubit] = stop
            line.noisy[qubit] = stop - after
        if pair:
            steps.append(_Step(TWO, action.qubits, window=index))
        else:
            steps.append(_Step(ONE, action.qubits, window=index, noisy=stop - start))
        for qubit, stirring in stirred.items():
            faded, turned = stirring.after
            if action.kind == "drive":
                # the window is that of the shifted transmon, and leaves it in its frame
                turned = _TAU * stirring.shift * (stop - start)
            line.turn[qubit] = line.turn[qubit] + turned
            steps.append(_Step(IDLE, (qubit,), faded=faded))

    def _stir(self, steps: list[_Step], line: _Line, qubit: int, start: float, stop: float, kind: str) -> Stirring:
        """Let photons act on a qubit until a pulse comes, and in the first half of its time."""
        glow, origin = self._lanes.glow, line.begun * self._tick
        begin, end = (np.broadcast_to(origin + moment, len(line.chosen)) for moment in (start, stop))
        faded, turned = glow.elapse(qubit, line.chosen, begin)
        stirring = glow.stir(qubit, line.chosen, begin, end)
        line.turn[qubit] = line.turn[qubit] + turned + (0.0 if kind == "drive" else stirring.before[1])
        steps.append(_Step(IDLE, (qubit,), faded=faded + stirring.before[0]))
        return stirring

    def _turn_pairs(
        self,
        steps: list[_Step],
        line: _Line,
        qubits: tuple[int, ...],
        until: Number,
        own: tuple[float, float, Action] | None = None,
    ) -> None:
        """Let idle ZZ act between some qubits and their neighbours; a pair's own window has its ZZ inside."""
        if qubits not in self._around:
            self._around[qubits] = [item for item in self._pairs.items() if set(item[1]) & set(qubits)]
        for pair, (first, second) in self._around[qubits]:
            if first in line.done or second in line.done:
                continue
            end = after = until
            if own is not None and len(own[2].qubits) == 2 and own[2].where == pair:
                end, after = own[0], own[1]
            turn = _TAU * self._library.zz(pair) * (end - line.coupled[pair])
            line.coupled[pair] = after
            if _any(turn):
                steps.append(_Step(ZZ, (first, second), angle=turn))
                line.turn[first] = line.turn[first] + turn / 2
                line.turn[second] = line.turn[second] + turn / 2

    def _idle(self, steps: list[_Step], line: _Line, qubit: int, until: Number, noise_until: Number | None = None) -> None:
        """Let time pass on a qubit, slow noise perhaps until another moment, and play the virtual Z that is due."""
        noisy = (until if noise_until is None else noise_until) - line.noisy[qubit]
        faded: Number = 0.0
        seconds, turn = until - line.relaxed[qubit], line.turn[qubit]
        line.relaxed[qubit] = line.noisy[qubit] = until
        line.turn[qubit] = 0.0
        if self._lanes.glow.shines(qubit, line.chosen):
            faded, turned = self._lanes.glow.elapse(qubit, line.chosen, line.begun * self._tick + until)
            turn = turn + turned
        if _any(seconds) or _any(turn) or _any(noisy) or _any(faded):
            steps.append(_Step(IDLE, (qubit,), seconds=seconds, angle=turn, noisy=noisy, faded=faded))

    def _evolve(self, steps: list[_Step], chosen: Index) -> None:
        for first in range(0, len(chosen) if steps else 0, _AT_A_TIME):
            part = slice(first, min(first + _AT_A_TIME, len(chosen)))
            self._evolve_part(steps, part, chosen[part])

    def _evolve_part(self, steps: list[_Step], part: slice, chosen: Index) -> None:
        noisy = _spread([step.noisy for step in steps], part)
        shift = self._detune(steps, noisy, chosen)
        for number, cluster in enumerate(self._program.clusters):
            place = {qubit: position for position, qubit in enumerate(cluster)}
            mine = [row for row, step in enumerate(steps) if step.qubits[0] in place]
            if not mine:
                continue
            own = [steps[row] for row in mine]
            entry = self._library.idle[self._engine.levels[number] - 2].find
            plan = np.array([(step.kind, place[step.qubits[0]], place[step.qubits[-1]]) for step in own], np.int32)
            found = [entry(step.qubits[0], step.seconds, step.faded) if step.kind == IDLE else step.window for step in own]
            index = _spread(found, part).astype(np.int32)
            angle = _spread([step.angle for step in own], part)
            idle = plan[:, 0] == IDLE
            shifted, waited = shift[mine], noisy[mine]
            angle[idle] += _TAU * shifted[idle] * waited[idle]
            self._engine.evolve(number, chosen, Plan(plan, index, angle, shifted, waited))

    def _detune(self, steps: list[_Step], noisy: NDArray[np.float64], chosen: Index) -> NDArray[np.float64]:
        """Mean detuning in Hz of each step in each lane."""
        if self._spectrum.silent or not self._engine.draws_noise:
            return np.zeros(noisy.shape)
        qubit = np.array([step.qubits[0] if step.kind in (IDLE, ONE) else -1 for step in steps])
        return advance(
            self._lanes.detuning,
            self._lanes.draws,
            chosen,
            qubit,
            noisy,
            self._spectrum.moving,
            self._spectrum.times,
            self._spectrum.grain,
        )


def _any(number: Number) -> bool:
    """Whether it is not 0 in some lane."""
    return bool(number.any()) if isinstance(number, np.ndarray) else number != 0.0


def _shared(ticks: NDArray[np.int64]) -> Number:
    """One number, if all lanes have the same."""
    return float(ticks[0]) if len(ticks) and (ticks == ticks[0]).all() else ticks.astype(np.float64)


def _spread(numbers: Sequence[Number | Found], part: slice) -> NDArray[np.float64]:
    """A row of some lanes for each number."""
    out = np.empty((len(numbers), part.stop - part.start))
    if any(isinstance(number, np.ndarray) for number in numbers):
        for row, number in enumerate(numbers):
            out[row] = number[part] if isinstance(number, np.ndarray) else number
    else:
        out[:] = np.array(numbers)[:, None]
    return out
