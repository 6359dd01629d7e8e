"""Straight blocks: from actions in time to steps of an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import DriverFault
from qpu_bridge.schedule import NONE, Straight
from qpu_emulator.engine import IDLE, ONE, TWO, ZZ, Engine, Plan
from qpu_emulator.lanes import Index, Lanes
from qpu_emulator.measurement import Receiver
from qpu_emulator.noise import Spectrum, advance
from qpu_emulator.program import Action, Program
from qpu_emulator.values import Values
from qpu_emulator.window import Library, Tone

_TAU = 2 * np.pi
Number = NDArray[np.float64] | float


@dataclass(frozen=True, slots=True)
class _Step:
    """A step of the engine; numbers that differ from lane to lane are arrays.

    Attributes:
        kind: Of `density`.
        qubits: On which qubits of the device.
        seconds: Idle time that relaxes.
        index: Window, for ONE and TWO.
        angle: As the engine wants it.
        noisy: Time in s over which the qubit's detuning acts in this step.
    """

    kind: int
    qubits: tuple[int, ...]
    seconds: Number = 0.0
    index: NDArray[np.int32] | int = 0
    angle: Number = 0.0
    noisy: Number = 0.0


class _Line:
    """What is due on the qubits of a straight block since their last step, times in s since the start of the block."""

    def __init__(self, qubits: list[int], pairs: list[int]) -> None:
        self.relaxed: dict[int, Number] = dict.fromkeys(qubits, 0.0)
        self.noisy: dict[int, Number] = dict.fromkeys(qubits, 0.0)
        self.turn: dict[int, Number] = dict.fromkeys(qubits, 0.0)
        self.coupled: dict[int, Number] = dict.fromkeys(pairs, 0.0)
        self.done: set[int] = set()


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
            and library.zz[index]
        }
        self._windows: dict[tuple[int, ...], NDArray[np.int32]] = {}

    def play(self, block: Straight, chosen: Index) -> Index:
        """Play a block; returns the lanes that its shots are in afterwards (a measurement on the way splits lanes)."""
        score = self._program.scores[block]
        line = _Line(list(self._home), list(self._pairs))
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
                self._play_turns(steps, line)
                self._evolve(steps, chosen)
                steps = []
                chosen = self._receiver.split(action, chosen)
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
        self._lanes.time[chosen] += score.duration + stretch
        if final:
            self._receiver.sample(final, chosen)
        return chosen

    def _play_turns(self, steps: list[_Step], line: _Line) -> None:
        """Play all virtual Z that are due: they may differ from lane to lane, and lanes are about to be split."""
        for qubit in self._home:
            if np.any(line.turn[qubit]):
                steps.append(_Step(IDLE, (qubit,), angle=line.turn[qubit]))
                line.turn[qubit] = 0.0

    def _window(self, steps: list[_Step], line: _Line, action: Action, start: float, stop: float, chosen: Index) -> None:
        self._turn_pairs(steps, line, action.qubits, (start + stop) / 2, own=(start, stop, action))
        index, turns = self._solve(action, chosen)
        for qubit, turn in zip(action.qubits, turns, strict=True):
            line.turn[qubit] = line.turn[qubit] + turn
            self._idle(steps, line, qubit, start)
            line.turn[qubit] = -turn
            line.relaxed[qubit] = stop
        if action.kind == "drive":
            line.noisy[action.qubits[0]] = stop
            steps.append(_Step(ONE, action.qubits, index=index, noisy=stop - start))
        else:
            # the pulse is all but diagonal: the detuning during it acts with the idle time that follows
            steps.append(_Step(TWO, action.qubits, index=index))

    def _solve(self, action: Action, chosen: Index) -> tuple[NDArray[np.int32] | int, list[Number]]:
        """Index of the action's window and the virtual Z around it on each qubit."""
        lanes, device = self._lanes, self._library.device
        levels = self._engine.levels[self._home[action.qubits[0]]]
        start = (lanes.time[chosen] + action.start) * self._tick
        tones = tuple(self._tone(row, action.start) for row in action.events)
        if action.kind == "flux":
            first, second = (device.transmons[q].frequency for q in action.qubits)
            if len(tones) > 1:
                raise DriverFault("flux pulses on one line must not overlap", where=f"qubits {action.qubits}")
            row = action.events[0]
            swept = self._values.depends(row, "amplitude")

            def solve() -> NDArray[np.int32]:
                amplitudes = self._values.at_points(row, "amplitude")
                few = amplitudes if swept else amplitudes[:1]
                return self._library.flux(action.where, tones[0], few, levels, swept=swept)

            index = self._remember((row,), swept, chosen, solve)
            return index, [0.0, _TAU * np.mod((second - first) * start, 1.0)]
        qubit = action.qubits[0]
        rest = device.transmons[qubit].frequency
        row = action.events[0]
        offset = self._values.of(row, "frequency", lanes, chosen) - rest
        turn = self._values.of(row, "phase", lanes, chosen) - _TAU * offset * start
        if len(tones) == 1:
            single = self._values.depends(row, "amplitude", "frequency")
            index = self._remember((row,), single, chosen, lambda: self._drive_points(qubit, tones, row, levels))
            return index, [turn]
        numbers = np.zeros((len(chosen), len(tones), 3))
        for position, other in enumerate(action.events):
            numbers[:, position, 0] = self._values.of(other, "amplitude", lanes, chosen)
            numbers[:, position, 1] = self._values.of(other, "frequency", lanes, chosen) - rest
            phase = self._values.of(other, "phase", lanes, chosen) - _TAU * numbers[:, position, 1] * start
            numbers[:, position, 2] = np.mod(phase - turn, _TAU)
        return self._library.drive(qubit, tones, numbers, levels), [turn]

    def _drive_points(self, qubit: int, tones: tuple[Tone, ...], row: int, levels: int) -> NDArray[np.int32]:
        rest = self._library.device.transmons[qubit].frequency
        numbers = np.zeros((len(self._values.points), 1, 3))
        numbers[:, 0, 0] = self._values.at_points(row, "amplitude")
        numbers[:, 0, 1] = self._values.at_points(row, "frequency") - rest
        if not self._values.depends(row, "amplitude", "frequency"):
            return self._library.drive(qubit, tones, numbers[:1], levels)
        return self._library.drive(qubit, tones, numbers, levels)

    def _remember(
        self, key: tuple[int, ...], many: bool, chosen: Index, solve: Callable[[], NDArray[np.int32]]
    ) -> NDArray[np.int32] | int:
        if key not in self._windows:
            self._windows[key] = solve()
        found = self._windows[key]
        return found[self._lanes.point[chosen]] if many else int(found[0])

    def _tone(self, row: int, start: int) -> Tone:
        schedule = self._program.schedule
        event = schedule.events[row]
        port = schedule.ports[int(event["port"])]
        offset = (int(event["start"]) - start) * self._tick
        return Tone(schedule.waveforms[int(event["waveform"])], float(port.clock.dt), offset, port.name)

    def _turn_pairs(
        self,
        steps: list[_Step],
        line: _Line,
        qubits: tuple[int, ...],
        until: Number,
        own: tuple[float, float, Action] | None = None,
    ) -> None:
        """Let idle ZZ act between some qubits and their neighbours; a pair's own window has its ZZ inside."""
        for pair, (first, second) in self._pairs.items():
            if (first not in qubits and second not in qubits) or first in line.done or second in line.done:
                continue
            end = after = until
            if own is not None and own[2].kind == "flux" and own[2].where == pair:
                end, after = own[0], own[1]
            turn = _TAU * self._library.zz[pair] * (end - line.coupled[pair])
            line.coupled[pair] = after
            if np.any(turn):
                steps.append(_Step(ZZ, (first, second), angle=turn))
                line.turn[first] = line.turn[first] + turn / 2
                line.turn[second] = line.turn[second] + turn / 2

    def _idle(self, steps: list[_Step], line: _Line, qubit: int, until: Number) -> None:
        """Let time pass on a qubit, and play the virtual Z that is due."""
        seconds, noisy, turn = until - line.relaxed[qubit], until - line.noisy[qubit], line.turn[qubit]
        line.relaxed[qubit] = line.noisy[qubit] = until
        line.turn[qubit] = 0.0
        if np.any(seconds) or np.any(turn) or np.any(noisy):
            steps.append(_Step(IDLE, (qubit,), seconds=seconds, angle=turn, noisy=noisy))

    def _evolve(self, steps: list[_Step], chosen: Index) -> None:
        if not steps:
            return
        width = len(chosen)
        shift = self._detune(steps, chosen)
        for number, cluster in enumerate(self._program.clusters):
            mine = [row for row, step in enumerate(steps) if step.qubits[0] in cluster]
            if not mine:
                continue
            idle = self._library.idle[self._engine.levels[number] - 2]
            plan = np.zeros((len(mine), 3), np.int32)
            index = np.zeros((len(mine), width), np.int32)
            angle = np.zeros((len(mine), width))
            noisy = np.zeros((len(mine), width))
            for line, row in enumerate(mine):
                step = steps[row]
                plan[line] = (step.kind, cluster.index(step.qubits[0]), cluster.index(step.qubits[-1]))
                index[line] = idle.find(step.qubits[0], np.atleast_1d(step.seconds)) if step.kind == IDLE else step.index
                angle[line], noisy[line] = step.angle, step.noisy
                if step.kind == IDLE:
                    angle[line] += _TAU * shift[row] * step.noisy
            self._engine.evolve(number, chosen, Plan(plan, index, angle, shift[mine], noisy))

    def _detune(self, steps: list[_Step], chosen: Index) -> NDArray[np.float64]:
        """Mean detuning in Hz of each step in each lane."""
        if self._spectrum.silent or not self._engine.draws_noise:
            return np.zeros((len(steps), len(chosen)))
        qubit = np.array([step.qubits[0] if step.kind in (IDLE, ONE) else -1 for step in steps])
        seconds = np.zeros((len(steps), len(chosen)))
        for row, step in enumerate(steps):
            seconds[row] = step.noisy
        return advance(
            self._lanes.detuning,
            self._lanes.draws,
            chosen,
            qubit,
            seconds,
            self._spectrum.moving,
            self._spectrum.times,
        )
