"""Events of a straight block, sorted into actions: what acts together, on which qubits, and when."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import NONE, Operation, PortKind, Schedule, Straight
from qpu_emulator.chip.device import Device, StaticCoupling, TunableCoupler

Kind = Literal["drive", "cross", "flux", "driven_flux", "readout"]
"""Pulses on one transmon; drives across a static pair (cross-resonance); a flux pulse on a coupler; one that meets drives of its
own pair; a measurement."""


class Action(NamedTuple):
    """Events that overlap in time on the same qubits: one window, or one measurement.

    Attributes:
        kind: What the events are.
        where: Index of the qubit, of the coupler (cross and both of flux), or of the resonator.
        qubits: On which qubits.
        start: Ticks since the start of the block, when the first arrives at the chip.
        stop: End, ticks.
        events: Rows of `Schedule.events`; of drives the one that gives the frame comes first, a flux pulse last.
    """

    kind: Kind
    where: int
    qubits: tuple[int, ...]
    start: int
    stop: int
    events: tuple[int, ...]


_LATEST_S = 8e-9
"""How late lines may bring pulses without a wait after them, s: relaxation and slow noise meanwhile are below 1e-4."""

_ORDER = attrgetter("start", "kind", "where")


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


class Wiring:
    """Where the lines of a device lead, looked up once for all schedules.

    Args:
        device: The chip.

    Attributes:
        flux: Port -> coupler.
        static: Couplers that are constant.
        couplers: Qubit -> couplers that it has.
        resonators: Port -> frequency in Hz and index of the resonators on it.
        reading: Qubit -> its resonator.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._driven: dict[str, int | None] = {}
        self.flux = {coupler.port: index for index, coupler in enumerate(device.couplers) if isinstance(coupler, TunableCoupler)}
        self.static = {index for index, coupler in enumerate(device.couplers) if isinstance(coupler, StaticCoupling)}
        self.couplers: dict[int, list[int]] = {}
        for index, coupler in enumerate(device.couplers):
            for qubit in coupler.qubits:
                self.couplers.setdefault(qubit, []).append(index)
        self.reading = {resonator.qubit: resonator for resonator in device.resonators}
        self.resonators: dict[str, list[tuple[float, int]]] = {}
        for index, resonator in enumerate(device.resonators):
            for port in {resonator.port, resonator.acquire_port}:
                self.resonators.setdefault(port, []).append((resonator.frequency, index))

    def driven(self, port: str) -> int | None:
        """The transmon that a drive line reaches most strongly."""
        if port not in self._driven:
            self._driven[port] = self._device.driven_by(port)
        return self._driven[port]


class Sorter:
    """Sorts the events of a schedule by what they act on.

    Args:
        schedule: The template.
        device: The chip.
        wiring: Of the device.
        events: Columns of the schedule's events.
    """

    def __init__(self, schedule: Schedule, device: Device, wiring: Wiring, events: dict[str, list[Any]]) -> None:
        self._schedule = schedule
        self._events = events
        self._device = device
        self._wiring = wiring
        tick = float(schedule.clock.dt)
        lines = [device.lines.get(port.name) for port in schedule.ports]
        self._delays = [0 if line is None else round(line.delay / tick) for line in lines]
        self._latest = round(_LATEST_S / tick) if any(self._delays) else 0
        self._driven = [wiring.driven(port.name) if port.kind is PortKind.DRIVE else None for port in schedule.ports]
        self._targets: list[tuple[Kind, int] | None] = [self._of_line(number) for number in range(len(schedule.ports))]

    def actions(self, block: Straight) -> tuple[list[Action], list[Action]]:
        """The actions of a block, in order of start, and readout tones that nobody captures, which measure nothing.

        Raises:
            ScheduleError: If a line leads nowhere, or pulses meet that the emulator does not model together.
        """
        still: dict[tuple[Kind, int], list[_Group]] = {}
        drives: list[Action] = []
        ports, starts, durations = (self._events[name] for name in ("port", "start", "duration"))
        # until when each transmon is driven, and whether each drive begins later and reaches no other
        until: dict[int, int] = {}
        alone = not self._device.crosstalk and not self._wiring.static
        for row in range(block.first, block.last):
            port = ports[row]
            kind, where = self._targets[port] or self._target(row)
            begin = starts[row] + (self._delays[port] if kind != "readout" else 0)
            end = begin + durations[row]
            if kind != "drive":
                still.setdefault((kind, where), []).append(_Group({where}, begin, end, {row: 1}))
                continue
            alone = alone and until.get(where, begin) <= begin
            until[where] = end
            drives.append(Action("drive", where, (where,), begin, end, (row,)))
        found, tones = list[Action](), list[Action]()
        for (kind, where), groups in still.items():
            for group in _joined(groups):
                action = Action(kind, where, self._qubits(kind, where), group.begin, group.end, self._in_order(group))
                read = kind != "readout" or any(self._events["operation"][row] == Operation.CAPTURE for row in action.events)
                (found if read else tones).append(action)
        found += drives if alone else self._free([self._drive(group) for group in _joined(self._groups(drives))], found)
        if self._latest:
            found = self._cut(found, tones, block)
        found.sort(key=_ORDER)
        if _clash(found) is not None:
            found = sorted(_met(found), key=_ORDER)
        # a pulse under a tone of its own qubit would have to be solved with the dephasing
        self._refuse(found, _clash(sorted([*found, *tones], key=_ORDER) if tones else found), block)
        return found, tones

    def _cut(self, actions: list[Action], tones: list[Action], block: Straight) -> list[Action]:
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

    def _groups(self, drives: list[Action]) -> list[_Group]:
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

    @cached_property
    def _reached(self) -> list[list[int]]:
        """Port -> qubits of this schedule that its crosstalk reaches; on others nobody looks."""
        if not self._device.crosstalk:
            return [[] for _ in self._schedule.ports]
        touched: set[int] = set()
        for row in range(len(self._schedule.events)):
            kind, where = self._target(row)
            touched |= {where} if kind == "drive" else set(self._qubits(kind, where))
        return [
            [part.qubit for part in self._device.crosstalk if part.port == port.name and part.qubit in touched]
            for port in self._schedule.ports
        ]

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

    def _free(self, drives: list[Action], still: list[Action]) -> list[Action]:
        """Drives without those that are crosstalk only and meet a flux pulse or a measurement: that is not modelled."""
        if not self._device.crosstalk:
            return drives
        busy: dict[int, list[Action]] = {}
        for action in still:
            for qubit in action.qubits:
                busy.setdefault(qubit, []).append(action)

        def stays(action: Action) -> bool:
            own = [self._driven[self._events["port"][row]] in action.qubits for row in action.events]
            meets = (other for qubit in action.qubits for other in busy.get(qubit, ()))
            return any(own) or not any(other.start < action.stop and action.start < other.stop for other in meets)

        return [action for action in drives if stays(action)]

    def _qubits(self, kind: Kind, where: int) -> tuple[int, ...]:
        return self._device.couplers[where].qubits if kind == "flux" else (self._device.resonators[where].qubit,)

    def _of_line(self, number: int) -> tuple[Kind, int] | None:
        """What all plays of a line act on; None if that depends on the play."""
        port, driven = self._schedule.ports[number], self._driven[number]
        if driven is not None:
            return "drive", driven
        return ("flux", self._wiring.flux[port.name]) if port.kind is PortKind.FLUX and port.name in self._wiring.flux else None

    def _target(self, row: int) -> tuple[Kind, int]:
        number: int = self._events["port"][row]
        port, target = self._schedule.ports[number], self._targets[number]
        if target is not None:
            return target
        if port.kind in (PortKind.READOUT, PortKind.ACQUIRE):
            carrier = self._events["frequency"][row]
            near = [(abs(frequency - carrier), index) for frequency, index in self._wiring.resonators.get(port.name, ())]
            if near:
                return "readout", min(near)[1]
        raise ScheduleError(
            "every event must be on a line of the device", given=f"{port.kind.value} port {port.name}", where=f"event {row}"
        )

    def _refuse(self, actions: list[Action], clash: tuple[Action, Action] | None, block: Straight) -> None:
        if clash is not None:
            before, action = clash
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


def _clash(actions: list[Action]) -> tuple[Action, Action] | None:
    """The first two actions, in order of their start, that are on one qubit at the same time."""
    busy: dict[int, Action] = {}
    for action in actions:
        for qubit in action.qubits:
            before = busy.get(qubit)
            if before is not None and before.stop > action.start:
                return before, action
            busy[qubit] = action
    return None


def _met(actions: list[Action]) -> list[Action]:
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
