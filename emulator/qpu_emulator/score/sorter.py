"""The sorter: from events of a schedule to actions on the chip, and which of them the emulator does not model together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import NONE, PortKind, Schedule, Straight
from qpu_emulator.chip.device import Device
from qpu_emulator.score.actions import Action, Actions, Index, sort
from qpu_emulator.score.meeting import Drives, clash, in_order, met
from qpu_emulator.score.wiring import Wiring

_LATEST_S = 8e-9
"""How late lines may bring pulses without a wait after them, s: relaxation and slow noise meanwhile are below 1e-4."""


class Sorter:
    """Sorts the events of a schedule by what they act on.

    Args:
        schedule: The template.
        device: The chip.
        wiring: Of the device.
        events: Columns of the schedule's events.

    Raises:
        ScheduleError: If a line leads nowhere.
    """

    def __init__(self, schedule: Schedule, device: Device, wiring: Wiring, events: Mapping[str, list[Any]]) -> None:
        self._schedule = schedule
        self._events = events
        self._device = device
        self._wiring = wiring
        tick = float(schedule.clock.dt)
        lines = [device.lines.get(port.name) for port in schedule.ports]
        self._delays = np.array([0 if line is None else round(line.delay / tick) for line in lines], np.int64)
        self._latest = round(_LATEST_S / tick) if self._delays.any() else 0
        self._targets = self._target_of_event()

    def actions(self, block: Straight) -> tuple[Actions, list[Action]]:
        """The actions of a block, in order of start, and readout tones that nobody captures, which measure nothing.

        Raises:
            ScheduleError: If pulses meet that the emulator does not model together.
        """
        reaching = bool(self._device.crosstalk or self._wiring.static)
        own = self._targets, self._wiring.targets, self._delays, reaching, block.duration
        table, rows, special = sort(self._schedule.events, block.first, block.last, *own)
        plain = Actions(table, rows)
        if not (special or reaching or self._latest):
            return plain, []
        read = [action for action in plain if action.kind != "readout" or self._captured(action)]
        tones = [action for action in plain if action.kind == "readout" and not self._captured(action)]
        if reaching:
            still = [action for action in read if action.kind != "drive"]
            read = still + self._drives.together([action for action in read if action.kind == "drive"], still)
        if self._latest:
            read = self._cut(read, tones, block)
        read.sort(key=in_order)
        if clash(read) is not None:
            read = sorted(met(read), key=in_order)
        # a pulse under a tone of its own qubit would have to be solved with the dephasing
        self._refuse(read, clash(sorted([*read, *tones], key=in_order) if tones else read), block)
        return Actions.of(read, self._schedule.events), tones

    @cached_property
    def _drives(self) -> Drives:
        touched = set(self._wiring.targets[np.unique(self._targets), 2:].ravel().tolist())
        return Drives(self._schedule, self._device, self._wiring, self._events, touched)

    def _captured(self, action: Action) -> bool:
        return any(self._schedule.captures[row] for row in action.events)

    def _target_of_event(self) -> Index:
        """What each event acts on, ``int[events]``: a play or a capture on a readout line on the resonator it is nearest to."""
        homes = np.array([self._wiring.home(port) for port in self._schedule.ports], np.int64)
        found: Index = homes[self._schedule.events["port"]]
        for row in (found == NONE).nonzero()[0].tolist():
            port = self._schedule.ports[self._events["port"][row]]
            reads = port.kind in (PortKind.READOUT, PortKind.ACQUIRE)
            found[row] = self._wiring.nearest(port.name, self._events["frequency"][row]) if reads else NONE
            if found[row] == NONE:
                raise ScheduleError(
                    "every event must be on a line of the device",
                    given=f"{port.kind.value} port {port.name}",
                    where=f"event {row}",
                )
        return found

    def _cut(self, actions: Sequence[Action], tones: Sequence[Action], block: Straight) -> list[Action]:
        """Let pulses end with the block, or where their readout begins, that only their lines bring later; windows stay whole."""
        begins, lasts = self._events["start"], self._events["duration"]
        reading = [action for action in [*actions, *tones] if action.kind == "readout"]

        def cut(action: Action) -> Action:
            written = max(begins[row] + lasts[row] for row in action.events)
            if action.kind == "readout" or not written < action.stop <= written + self._latest:
                return action
            before = (other.start for other in reading if written <= other.start and set(other.qubits) & set(action.qubits))
            return action._replace(stop=min(action.stop, block.duration, *before))

        return [cut(action) for action in actions]

    def _refuse(self, actions: Sequence[Action], clashing: tuple[Action, Action] | None, block: Straight) -> None:
        if clashing is not None:
            before, action = clashing
            qubit = min(set(before.qubits) & set(action.qubits))
            raise ScheduleError(
                "the emulator models one window at a time on a qubit (drives may overlap drives and a flux pulse)",
                given=f"{before.kind} until tick {before.stop}, {action.kind} from tick {action.start}",
                where=f"qubit {qubit}, block of events {block.first} to {block.last}",
            )
        for action in actions:
            if action.kind != "readout" and action.stop > block.duration:
                raise ScheduleError(
                    "a pulse must arrive within its block, whatever its line's delay",
                    given=f"{action.kind} until tick {action.stop}, block of {block.duration} ticks",
                    where=f"qubits {', '.join(map(str, action.qubits))}",
                    remedy="Wait after the pulse for at least the delay of its line.",
                )
