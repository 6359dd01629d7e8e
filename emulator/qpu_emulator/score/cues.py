"""From an action to its solved windows: the numbers of its plays in every lane, and the virtual Z around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import DriverFault
from qpu_bridge.schedule import NONE
from qpu_emulator.chip.line import IDEAL
from qpu_emulator.engines.engine import TWO
from qpu_emulator.score.actions import Action
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.program import Program, Score
from qpu_emulator.score.values import Number, Values
from qpu_emulator.windows.library import Library
from qpu_emulator.windows.single import Asked
from qpu_emulator.windows.tones import Tone

_TAU = 2 * np.pi
_PHASES = 64
"""Steps of a turn to which the phase between a crosstalk tone and an own tone is rounded: else no window would come again."""
_EXACT = 2**32
"""The same between own tones, where rounding only makes equal what differs in the last digits."""

Found = NDArray[np.int32] | int
Shift = NDArray[np.float64]


class Cues:
    """Looks up the windows of a program's actions. What all lanes share stays a plain number, and is looked up once.

    Args:
        program: What is played.
        library: Windows of the device.
        values: Numbers of every point.
        lanes: Where it is played.
    """

    def __init__(self, program: Program, library: Library, values: Values, lanes: Lanes) -> None:
        self._program = program
        self._events = program.events
        self._library = library
        self._values = values
        self._lanes = lanes
        self._tick = float(program.schedule.clock.dt)
        lines = [library.device.lines.get(port.name, IDEAL) for port in program.schedule.ports]
        self._delays = [line.delay for line in lines]
        self._late = [round(delay / self._tick) for delay in self._delays]
        self._late_s = np.array(self._delays)
        self._shapes = [waveform.digest for waveform in program.schedule.waveforms]
        self._lines = [port.name for port in program.schedule.ports]
        self._rests = np.zeros(len(library.device.transmons))
        self._rests[program.qubits] = [library.device.transmons[qubit].frequency for qubit in program.qubits]
        self._swept: dict[tuple[int, ...], NDArray[np.int32]] = {}
        self._asked: dict[tuple[int, bool, tuple[Any, ...]], Asked] = {}
        self._fixed: dict[tuple[object, ...], int] = {}

    def turns(self, score: Score, part: slice, chosen: Index, begun: Number, rows: int) -> NDArray[np.float64]:
        """Virtual Z around the windows of some actions.

        Args:
            score: Of the block.
            part: Which of its actions.
            chosen: Lanes.
            begun: Ticks since the start of the shot at which the block began, in these lanes.
            rows: Of the table.

        Returns:
            ``float[rows, lanes]`` in rad, the table that `Steps` reads; one lane where all have the same numbers.
        """
        laid = score.laid[part]
        (plays,) = (laid[:, 0] <= TWO).nonzero()
        first, flux = score.first[part][plays], score.flux[part][plays, None]
        phase, frequency = (self._values.of_all(first, name, self._lanes, chosen) for name in ("phase", "frequency"))
        delay = self._late_s[self._program.schedule.events["port"][first]][:, None]
        if delay.any():
            phase = phase + _TAU * (frequency * delay % 1.0)
        start = (begun + score.ticks[part, 0][plays, None]) * self._tick
        own, other = (self._rests[self._program.qubits][laid[plays, place], None] for place in (1, 2))
        before = np.where(flux, 0.0, phase - _TAU * (frequency - own) * start)
        beside = np.where(flux, _TAU * ((other - own) * start % 1.0), phase - _TAU * (frequency - other) * start)
        table = np.zeros((rows, before.shape[1]))
        table[2 * plays + 1], table[2 * plays + 2] = before, beside
        return table

    def windows(
        self, actions: Sequence[Action], levels: Sequence[int], chosen: Index, begun: Number, shifts: Mapping[int, Shift]
    ) -> list[Found]:
        """Windows of actions: indices in the library. Single drives that are new there are solved together.

        Args:
            actions: What is played.
            levels: Of each of the qubits of each.
            chosen: Lanes.
            begun: As of `turns`.
            shifts: Action -> ``float[lanes]``, by which the transmon of a drive is shifted in Hz, with the frame of its window.
        """
        wanted = list(zip(actions, levels, map(shifts.get, range(len(actions))), strict=True))
        found = [self._window(action, size, chosen, begun, shift) for action, size, shift in wanted]
        if self._asked:
            self._solve()
            again = zip(found, wanted, strict=True)
            found = [self._window(one[0], one[1], chosen, begun, one[2]) if known is None else known for known, one in again]
        return cast(list[Found], found)

    def _solve(self) -> None:
        """Solve all that is asked for."""
        for levels in sorted({levels for levels, _, _ in self._asked}):
            keys = [key for key in self._asked if key[0] == levels]
            indices = self._library.drive([self._asked[key] for key in keys], levels)
            for (_, swept, name), index in zip(keys, indices, strict=True):
                if swept:
                    self._swept[name] = index
                else:
                    self._library.named[name] = int(index[0])
        self._asked.clear()

    def _window(self, action: Action, levels: int, chosen: Index, begun: Number, shift: Shift | None) -> Found | None:
        """Of one action; none if it has to be solved first, which is then asked for."""
        row = action.events[0]
        if shift is not None:
            numbers = self._together(action, chosen, (begun + action.start) * self._tick)
            numbers = np.repeat(numbers, len(chosen) // len(numbers), axis=0)
            numbers[:, :, 1] -= shift[:, None]
            return self._windows(action, numbers, levels)
        if len(action.events) > 1:
            if action.kind == "flux":
                raise DriverFault("flux pulses on one line must not overlap", where=f"qubits {action.qubits}")
            numbers = self._together(action, chosen, (begun + action.start) * self._tick)
            alike = len(numbers) > 0 and bool((numbers == numbers[0]).all())
            return self._remember(action, levels, numbers[:1]) if alike else self._windows(action, numbers, levels)
        events = self._events
        if events["amplitude_slot"][row] != NONE or events["frequency_slot"][row] != NONE:
            return self._sweep(action, levels, chosen)
        shape, line = self._shapes[events["waveform"][row]], self._lines[events["port"][row]]
        key = (action.kind, action.where, levels, shape, line, events["amplitude"][row], events["frequency"][row])
        found = self._library.named.get(key)
        if found is None and action.kind == "drive":
            self._asked[levels, False, key] = self._ask(action, self._alone(action)[:1])
        elif found is None:
            found = self._library.named[key] = int(self._windows(action, self._alone(action)[:1], levels)[0])
        return found

    def _alone(self, action: Action) -> NDArray[np.float64]:
        """Numbers of a single play at every point, as the library wants them."""
        row = action.events[0]
        if action.kind == "flux":
            return np.atleast_1d(self._values.at_points(row, "amplitude"))
        numbers = np.zeros((len(self._values.points), 1, 3))
        numbers[:, 0, 0] = self._values.at_points(row, "amplitude")
        numbers[:, 0, 1] = self._values.at_points(row, "frequency") - self._rests[action.qubits[0]]
        return numbers

    def _together(self, action: Action, chosen: Index, start: Number) -> NDArray[np.float64]:
        """Amplitudes, frequencies and phases of tones that act together, ``float[lanes, tones, 3]``; one lane for all alike."""
        rest = float(self._rests[action.qubits[0]])
        leader = self._values.of(action.events[0], "frequency", self._lanes, chosen)
        offset, phase = leader - rest, self._phase(action.events[0], chosen, leader)
        columns: list[tuple[Number, Number, Number]] = []
        for row in action.events:
            if action.kind == "driven_flux" and row == action.events[-1]:
                columns.append((self._values.of(row, "amplitude", self._lanes, chosen), offset, 0.0))
                continue
            frequency = self._values.of(row, "frequency", self._lanes, chosen)
            apart = self._phase(row, chosen, frequency) - _TAU * (frequency - rest - offset) * start - phase
            amplitude = self._values.of(row, "amplitude", self._lanes, chosen)
            columns.append((amplitude, frequency - rest, self._round(action, row, apart)))
        alike = not any(isinstance(number, np.ndarray) for column in columns for number in column)
        numbers = np.zeros((1 if alike else len(chosen), len(columns), 3))
        for position, column in enumerate(columns):
            for place, number in enumerate(column):
                numbers[:, position, place] = number
        return numbers

    def _windows(self, action: Action, numbers: NDArray[np.float64], levels: int, *, swept: bool = False) -> NDArray[np.int32]:
        tones = tuple(self._tone(row, action.start) for row in action.events)
        if action.kind == "flux":
            return self._library.flux(action.where, tones[0], numbers, levels, swept=swept)
        if action.kind == "driven_flux":
            return self._library.driven_flux(action.where, tones, numbers, levels)
        if action.kind == "cross":
            return self._library.cross(action.where, tones, numbers, levels)
        return self._library.drive([self._ask(action, numbers)], levels)[0]

    def _ask(self, action: Action, numbers: NDArray[np.float64]) -> Asked:
        return Asked(action.where, tuple(self._tone(row, action.start) for row in action.events), numbers)

    def _remember(self, action: Action, levels: int, numbers: NDArray[np.float64]) -> int:
        """The window of one set of numbers: most pulses of a circuit are the same few."""
        events, start = self._events, action.start
        tones = [(events["waveform"][row], events["port"][row], events["start"][row] - start) for row in action.events]
        key = (action.kind, action.where, levels, *tones, numbers.tobytes())
        if key not in self._fixed:
            self._fixed[key] = int(self._windows(action, numbers, levels)[0])
        return self._fixed[key]

    def _sweep(self, action: Action, levels: int, chosen: Index) -> NDArray[np.int32] | None:
        """Windows at every point, solved together when the action comes for the first time."""
        key = (action.where, *action.events)
        if key not in self._swept:
            if action.kind == "drive":
                self._asked[levels, True, key] = self._ask(action, self._alone(action))
                return None
            self._swept[key] = self._windows(action, self._alone(action), levels, swept=True)
        return self._swept[key][self._lanes.point[chosen]]

    def _phase(self, row: int, chosen: Index, frequency: Number) -> Number:
        """Phase of a carrier where it arrives: a line delays it with its envelope."""
        phase = self._values.of(row, "phase", self._lanes, chosen)
        delay = self._delays[self._events["port"][row]]
        return phase + _TAU * (frequency * delay % 1.0) if delay else phase

    def _round(self, action: Action, row: int, apart: Number) -> Number:
        """Phase between two tones, rounded: for crosstalk, whose phase runs, to a 64th of a turn; else where numbers end."""
        port = self._program.schedule.ports[self._events["port"][row]]
        own = self._library.device.driven_by(port.name) in action.qubits
        steps = _EXACT if own else _PHASES
        rounded: Number = np.mod(np.rint(apart / _TAU * steps), steps) * (_TAU / steps)
        return rounded

    def _tone(self, row: int, start: int) -> Tone:
        number = self._events["port"][row]
        schedule = self._program.schedule
        port = schedule.ports[number]
        offset = (self._events["start"][row] + self._late[number] - start) * self._tick
        return Tone(schedule.waveforms[self._events["waveform"][row]], float(port.clock.dt), offset, port.name)
