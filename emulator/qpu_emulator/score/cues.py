"""From an action to its solved windows: the numbers of its plays in every lane, and the virtual Z around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import DriverFault
from qpu_bridge.schedule import NONE
from qpu_emulator.chip.line import IDEAL
from qpu_emulator.engines.engine import TWO
from qpu_emulator.jit import compiled
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


class Windows(NamedTuple):
    """Windows of actions.

    Attributes:
        found: Each once; the last is none.
        which: ``int[actions]``, which of them.
    """

    found: list[Found]
    which: Index


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
        self._tick = program.tick
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

    def turns(self, score: Score, part: slice, chosen: Index, begun: Number, rows: int) -> tuple[NDArray[np.float64], Index]:
        """Virtual Z around the windows of some actions.

        Args:
            score: Of the block.
            part: Which of its actions.
            chosen: Lanes.
            begun: Ticks since the start of the shot at which the block began, in these lanes.
            rows: Of the table.

        Returns:
            ``float[rows, columns]`` in rad, the table that `Steps` reads, and the column of each lane: lanes of one point share
            theirs, unless variables or the time parts them.
        """
        laid = score.laid[part]
        first = score.actions.first[part]
        first = first[laid[: len(first), 0] <= TWO]
        events, points = self._program.schedule.events, self._lanes.point[chosen]
        variable = events["phase_variable"][first]
        apart = bool((variable != NONE).any()) or isinstance(begun, np.ndarray)
        if apart:
            column = np.arange(len(chosen))
        elif any((events[f"{name}_slot"][first] != NONE).any() for name in ("phase", "frequency")):
            few = np.flatnonzero(np.bincount(points))
            points, column = few, few.searchsorted(points)
        else:
            points, column = points[:1], np.zeros(len(chosen), np.int64)
        phase, frequency = (self._values.of_all(first, name, points) for name in ("phase", "frequency"))
        turned = np.flatnonzero(variable != NONE)
        if len(turned):
            phase = phase + np.zeros((1, len(chosen)))
            phase[turned] += self._lanes.variables[chosen].T[variable[turned]]
        late = self._late_s[events["port"][first]]
        rests, start = self._rests[self._program.qubits], np.atleast_1d(np.asarray(begun, np.float64))
        table = _turns(laid, score.ticks[part], self._tick, score.flux[part], phase, frequency, late, rests, start, rows)
        return table, column if table.shape[1] > 1 else 0 * column

    def windows(
        self, score: Score, part: slice, levels: Sequence[int], chosen: Index, begun: Number, shifts: Mapping[int, Shift]
    ) -> Windows:
        """Windows of some actions: indices in the library. Single drives that are new there are solved together.

        Args:
            score: Of the block.
            part: Which of its actions; some may be measurements, which have none.
            levels: Of the program's qubits.
            chosen: Lanes.
            begun: As of `turns`.
            shifts: Action -> ``float[lanes]``, by which the transmon of a drive is shifted in Hz, with the frame of its window.
        """
        laid = score.laid[part]
        alike = score.actions.alike[part].copy()
        for number in shifts:
            alike[number] = ~number
        which = np.full(len(laid), NONE)
        acting = np.flatnonzero(laid[: len(alike), 0] <= TWO)
        # as they come, so that windows are solved in this order
        places: dict[int, int] = {}
        which[acting] = [places.setdefault(name, len(places)) for name in alike[acting].tolist()]
        found: list[Any] = [None] * len(places) + [NONE]
        wanted: dict[int, tuple[Action, int, Shift | None]] = {}
        for name, place in places.items():
            number = name if name >= 0 else (part.start or 0) + ~name
            action = score.actions[number]
            wanted[place] = action, levels[score.laid[number, 1]], shifts.get(~name)
            found[place] = self._window(action, wanted[place][1], chosen, begun, wanted[place][2])
        if self._asked:
            self._solve()
            for place, (action, size, shift) in wanted.items():
                known = found[place]
                found[place] = self._window(action, size, chosen, begun, shift) if known is None else known
        return Windows(found, which)

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

    def _windows(self, action: Action, numbers: NDArray[np.float64], levels: int) -> NDArray[np.int32]:
        tones = tuple(self._tone(row, action.start) for row in action.events)
        if action.kind == "flux":
            return self._library.flux(action.where, tones[0], numbers, levels)
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
            self._swept[key] = self._windows(action, self._alone(action), levels)
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


@compiled()
def _turns(
    laid: NDArray[np.int64],
    ticks: NDArray[np.int64],
    tick: float,
    flux: NDArray[np.bool_],
    phase: NDArray[np.float64],
    frequency: NDArray[np.float64],
    late: NDArray[np.float64],
    rests: NDArray[np.float64],
    begun: NDArray[np.float64],
    rows: int,
) -> NDArray[np.float64]:
    """The table of `Cues.turns`.

    Args:
        laid: ``int[actions, 4]``, see `Timeline.lay`.
        ticks: ``int[actions, 2]``, start and stop.
        tick: s.
        flux: ``bool[actions]``, whether it is a flux pulse alone.
        phase: ``float[plays, lanes or 1]`` of those actions that are windows, rad.
        frequency: The same, Hz.
        late: ``float[plays]``, delay of each line, s.
        rests: ``float[qubits]``, frequencies of the transmons, Hz.
        begun: ``float[lanes or 1]``, ticks since the start of the shot.
        rows: Of the table.
    """
    lanes = max(phase.shape[1], frequency.shape[1], len(begun))
    table, play = np.zeros((rows, lanes)), 0
    for action in range(len(laid)):
        if laid[action, 0] > TWO:
            continue
        own, other = rests[laid[action, 1]], rests[laid[action, 2]]
        for lane in range(lanes):
            carrier = frequency[play, lane if frequency.shape[1] > 1 else 0]
            start = (begun[lane if len(begun) > 1 else 0] + ticks[action, 0]) * tick
            if flux[action]:
                table[2 * action + 2, lane] = _TAU * ((other - own) * start % 1.0)
                continue
            turned = phase[play, lane if phase.shape[1] > 1 else 0] + _TAU * (carrier * late[play] % 1.0)
            table[2 * action + 1, lane] = turned - _TAU * (carrier - own) * start
            table[2 * action + 2, lane] = turned - _TAU * (carrier - other) * start
        play += 1
    return table
