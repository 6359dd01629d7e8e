"""From an action to its solved windows: the numbers of its plays in every lane, and the virtual Z around them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import DriverFault
from qpu_emulator.actions import Action
from qpu_emulator.lanes import Index, Lanes
from qpu_emulator.line import IDEAL
from qpu_emulator.program import Program
from qpu_emulator.tones import Tone
from qpu_emulator.values import Values
from qpu_emulator.window import Library

_TAU = 2 * np.pi
_PHASES = 64
_EXACT = 2**32

Number = NDArray[np.float64] | float
Found = NDArray[np.int32] | int


class Cues:
    """Looks up the windows of a program's actions.

    Args:
        program: What is played.
        library: Windows of the device.
        values: Numbers of every point.
        lanes: Where it is played.
    """

    def __init__(self, program: Program, library: Library, values: Values, lanes: Lanes) -> None:
        self._program = program
        self._library = library
        self._values = values
        self._lanes = lanes
        self._tick = float(program.schedule.clock.dt)
        self._known: dict[tuple[int, ...], NDArray[np.int32]] = {}

    def find(self, action: Action, levels: int, chosen: Index) -> tuple[Found, list[Number]]:
        """Index of the action's window in some lanes, and the argument of the virtual Z around it on each qubit, rad."""
        tones = tuple(self._tone(row, action.start) for row in action.events)
        start = np.asarray((self._lanes.time[chosen] + action.start) * self._tick, np.float64)
        if action.kind == "flux":
            return self._flux(action, tones[0], levels, chosen, start)
        rests = [self._library.device.transmons[q].frequency for q in action.qubits]
        row = action.events[0]
        offset = self._values.of(row, "frequency", self._lanes, chosen) - rests[0]
        phase = self._phase(row, chosen)
        turns: list[Number] = [phase - _TAU * (offset + rests[0] - rest) * start for rest in rests]
        if len(tones) == 1:
            swept = self._values.depends(row, "amplitude", "frequency")
            return self._remember(action, swept, chosen, lambda: self._single(action, tones, levels, rests[0], swept)), turns
        numbers = np.zeros((len(chosen), len(tones), 3))
        for position, other in enumerate(action.events):
            numbers[:, position, 0] = self._values.of(other, "amplitude", self._lanes, chosen)
            numbers[:, position, 1] = self._values.of(other, "frequency", self._lanes, chosen) - rests[0]
            apart = self._phase(other, chosen) - _TAU * (numbers[:, position, 1] - offset) * start - phase
            numbers[:, position, 2] = self._round(action, other, apart)
        if len(numbers) and (numbers == numbers[0]).all():
            return int(self._windows(action, tones, numbers[:1], levels)[0]), turns
        return self._windows(action, tones, numbers, levels), turns

    def _flux(
        self, action: Action, tone: Tone, levels: int, chosen: Index, start: NDArray[np.float64]
    ) -> tuple[Found, list[Number]]:
        if len(action.events) > 1:
            raise DriverFault("flux pulses on one line must not overlap", where=f"qubits {action.qubits}")
        row = action.events[0]
        first, second = (self._library.device.transmons[q].frequency for q in action.qubits)
        swept = self._values.depends(row, "amplitude")

        def solve() -> NDArray[np.int32]:
            amplitudes = self._values.at_points(row, "amplitude")
            return self._library.flux(action.where, tone, amplitudes if swept else amplitudes[:1], levels, swept=swept)

        return self._remember(action, swept, chosen, solve), [0.0, _TAU * np.mod((second - first) * start, 1.0)]

    def _single(self, action: Action, tones: tuple[Tone, ...], levels: int, rest: float, swept: bool) -> NDArray[np.int32]:
        row = action.events[0]
        numbers = np.zeros((len(self._values.points) if swept else 1, 1, 3))
        numbers[:, 0, 0] = self._values.at_points(row, "amplitude")[: len(numbers)]
        numbers[:, 0, 1] = self._values.at_points(row, "frequency")[: len(numbers)] - rest
        return self._windows(action, tones, numbers, levels)

    def _windows(self, action: Action, tones: tuple[Tone, ...], numbers: NDArray[np.float64], levels: int) -> NDArray[np.int32]:
        if action.kind == "cross":
            return self._library.cross(action.where, tones, numbers, levels)
        return self._library.drive(action.where, tones, numbers, levels)

    def _phase(self, row: int, chosen: Index) -> NDArray[np.float64]:
        """Phase of a carrier where it arrives: a line delays it with its envelope."""
        phase = self._values.of(row, "phase", self._lanes, chosen)
        line = self._library.device.lines.get(self._port(row), IDEAL)
        if line.delay:
            phase = phase + _TAU * np.mod(self._values.of(row, "frequency", self._lanes, chosen) * line.delay, 1.0)
        return phase

    def _round(self, action: Action, row: int, apart: NDArray[np.float64]) -> NDArray[np.float64]:
        """Phase between two tones, rounded: for crosstalk, whose phase runs, to a 64th of a turn; else where numbers end."""
        own = self._library.device.driven_by(self._port(row)) in action.qubits
        steps = _EXACT if own else _PHASES
        return np.asarray(np.mod(np.rint(apart / _TAU * steps), steps) * (_TAU / steps))

    def _remember(
        self, action: Action, many: bool, chosen: Index, solve: Callable[[], NDArray[np.int32]]
    ) -> NDArray[np.int32] | int:
        key = (action.where, *action.events)
        if key not in self._known:
            self._known[key] = solve()
        found = self._known[key]
        return found[self._lanes.point[chosen]] if many else int(found[0])

    def _port(self, row: int) -> str:
        schedule = self._program.schedule
        return schedule.ports[int(schedule.events["port"][row])].name

    def _tone(self, row: int, start: int) -> Tone:
        schedule = self._program.schedule
        event = schedule.events[row]
        port = schedule.ports[int(event["port"])]
        delay = round(self._library.device.lines.get(port.name, IDEAL).delay / self._tick)
        offset = (int(event["start"]) + delay - start) * self._tick
        return Tone(schedule.waveforms[int(event["waveform"])], float(port.clock.dt), offset, port.name)
