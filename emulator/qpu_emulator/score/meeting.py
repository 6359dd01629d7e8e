"""What meets on the chip: drives across static pairs, what crosstalk takes to others, drives beside a flux pulse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import NONE, Schedule
from qpu_emulator.chip.device import Device
from qpu_emulator.score.actions import Action
from qpu_emulator.score.wiring import Wiring

in_order = attrgetter("start", "kind", "where")


@dataclass(slots=True)
class _Group:
    """Plays that overlap: rows with their rank (across, own, crosstalk), and the static pair that they drive across."""

    qubits: set[int]
    begin: int
    end: int
    rows: dict[int, int]
    pair: int = NONE

    def absorb(self, other: _Group) -> None:
        self.qubits |= other.qubits
        self.begin, self.end = min(self.begin, other.begin), max(self.end, other.end)
        for row, rank in other.rows.items():
            self.rows[row] = min(rank, self.rows.get(row, rank))
        self.pair = max(self.pair, other.pair)


class Drives:
    """Drives of a schedule on a device where they may act on more than their own transmon.

    Args:
        schedule: The template.
        device: The chip.
        wiring: Of the device.
        events: Columns of the schedule's events.
        touched: Qubits that the schedule acts on; on others nobody looks.
    """

    def __init__(
        self, schedule: Schedule, device: Device, wiring: Wiring, events: Mapping[str, list[Any]], touched: set[int]
    ) -> None:
        self._schedule, self._device, self._wiring, self._events = schedule, device, wiring, events
        self._reached = [
            [part.qubit for part in device.crosstalk if part.port == port.name and part.qubit in touched]
            for port in schedule.ports
        ]

    def together(self, drives: Sequence[Action], still: Sequence[Action]) -> list[Action]:
        """What some drives are together, each of one play, beside flux pulses and measurements."""
        return self._free([self._drive(group) for group in _joined(self._groups(drives))], still)

    def _groups(self, drives: Sequence[Action]) -> list[_Group]:
        """What drives act on: their own transmons or static pairs, and those that crosstalk reaches."""
        groups = []
        for drive in drives:
            (row,) = drive.events
            pair = self._across(row, drive.where)
            qubits = {drive.where} if pair == NONE else set(self._device.couplers[pair].qubits)
            groups.append(_Group(qubits, drive.start, drive.stop, {row: 1 if pair == NONE else 0}, pair))
            near = self._reached[self._events["port"][row]]
            groups += [_Group({other}, drive.start, drive.stop, {row: 2}) for other in near if other not in qubits]
        return groups

    def _across(self, row: int, qubit: int) -> int:
        """The static pair whose other transmon a drive is nearer to than to its own, or NONE."""
        couplers = self._wiring.couplers.get(qubit, ())
        if not self._wiring.static.intersection(couplers):
            return NONE
        events = self._events
        rest = self._schedule.frames[events["frame"][row]].frequency
        carrier = events["frequency"][row] if events["frequency_slot"][row] == NONE else rest
        best, nearest = NONE, abs(carrier - self._device.transmons[qubit].frequency)
        for index in sorted(self._wiring.static.intersection(couplers)):
            other = sum(self._device.couplers[index].qubits) - qubit
            gap = abs(carrier - self._device.transmons[other].frequency)
            if gap < nearest:
                best, nearest = index, gap
        return best

    def _drive(self, group: _Group) -> Action:
        rows = self._in_order(group)
        if group.pair != NONE:
            qubits = self._device.couplers[group.pair].qubits
            if group.qubits == set(qubits):
                return Action("cross", group.pair, qubits, group.begin, group.end, rows)
        if len(group.qubits) > 1:
            raise ScheduleError(
                "drives that overlap in time may act on at most one coupled pair",
                given=f"qubits {', '.join(map(str, sorted(group.qubits)))} together",
                where=f"ticks {group.begin} to {group.end}",
                remedy="Play cross-resonance pulses that share a qubit one after the other.",
            )
        (qubit,) = group.qubits
        return Action("drive", qubit, (qubit,), group.begin, group.end, rows)

    def _in_order(self, group: _Group) -> tuple[int, ...]:
        """Rows by rank, then by start: a tone by crosstalk must not give the frame, or the window would turn with it."""
        if len(group.rows) == 1:
            return tuple(group.rows)
        starts = self._events["start"]
        return tuple(sorted(group.rows, key=lambda row: (group.rows[row], starts[row], row)))

    def _free(self, drives: list[Action], still: Sequence[Action]) -> list[Action]:
        """Drives without those that are crosstalk only and meet a flux pulse or a measurement: that is not modelled."""
        if not self._device.crosstalk:
            return drives
        busy: dict[int, list[Action]] = {}
        for action in still:
            for qubit in action.qubits:
                busy.setdefault(qubit, []).append(action)

        def stays(action: Action) -> bool:
            own = [self._wiring.home(self._schedule.ports[self._events["port"][row]]) in action.qubits for row in action.events]
            meets = (other for qubit in action.qubits for other in busy.get(qubit, ()))
            return any(own) or not any(other.start < action.stop and action.start < other.stop for other in meets)

        return [action for action in drives if stays(action)]


def clash(actions: Sequence[Action]) -> tuple[Action, Action] | None:
    """The first two actions, in order of their start, that are on one qubit at the same time."""
    busy: dict[int, Action] = {}
    for action in actions:
        for qubit in action.qubits:
            before = busy.get(qubit)
            if before is not None and before.stop > action.start:
                return before, action
            busy[qubit] = action
    return None


def met(actions: list[Action]) -> list[Action]:
    """Make one of a flux pulse and the drives of its pair that overlap it, or one another, where nothing else does."""
    found = [action for action in actions if action.kind not in ("drive", "flux")]
    near = [action for action in actions if action.kind in ("drive", "flux")]
    for group in _joined([_Group(set(a.qubits), a.start, a.stop, {index: 0}) for index, a in enumerate(near)]):
        parts = [near[index] for index in sorted(group.rows)]
        fluxes = [part for part in parts if part.kind == "flux"]
        if len(parts) == 1 or len(fluxes) != 1 or group.qubits != set(fluxes[0].qubits) or len(fluxes[0].events) > 1:
            found += parts
            continue
        rows = tuple(row for part in parts if part.kind == "drive" for row in part.events)
        (flux,) = fluxes
        found.append(Action("driven_flux", flux.where, flux.qubits, group.begin, group.end, (*rows, *flux.events)))
    return found


def _joined(groups: list[_Group]) -> list[_Group]:
    """Join groups that overlap in time and share a qubit."""
    done: dict[int, _Group] = {}
    holder: dict[int, _Group] = {}
    grown = False
    for group in sorted(groups, key=lambda group: group.begin):
        for qubit in sorted(group.qubits):
            other = holder.get(qubit)
            if other is not None and other is not group and other.end > group.begin and id(other) in done:
                grown |= other.begin < group.begin and not group.qubits <= other.qubits
                group.absorb(other)
                del done[id(other)]
        for qubit in group.qubits:
            holder[qubit] = group
        done[id(group)] = group
    # what has begun earlier on one qubit by what it joined on another may meet somebody there
    return _joined(list(done.values())) if grown else list(done.values())
