"""A schedule as the device sees it: windows, measurements and idle times per qubit, and which qubits act on each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Assign,
    Block,
    Body,
    Branch,
    Operation,
    PortKind,
    Schedule,
    Straight,
    While,
    columns_of,
    walk,
)
from qpu_emulator.device import Device

_ZZ_QUBITS = 5
_ZZ_TURN = 1e-3


@dataclass(frozen=True, slots=True)
class Action:
    """Events that overlap in time on the same qubits: one window, or one measurement.

    Attributes:
        kind: ``drive``, ``flux`` or ``readout``.
        where: Qubit, coupler or resonator index.
        qubits: On which qubits.
        start: Ticks since the start of the block.
        stop: End, ticks.
        events: Rows of `Schedule.events`.
    """

    kind: str
    where: int
    qubits: tuple[int, ...]
    start: int
    stop: int
    events: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """A straight block.

    Attributes:
        actions: In order of start.
        duration: Ticks.
        stretch: Slot added to the duration, or NONE.
        final: Indices of actions whose outcome nothing on the device depends on: they are sampled together at the end.
    """

    actions: tuple[Action, ...]
    duration: int
    stretch: int
    final: frozenset[int]


@dataclass(slots=True)
class Program:
    """All blocks of a schedule, compiled once when it is loaded.

    Attributes:
        schedule: The template.
        scores: Per straight block.
        clusters: Qubits that may become entangled, each simulated alone.
        left_out: Couplers whose idle ZZ is not simulated because the cluster would become too large.
        control: Columns that real-time expressions read.
    """

    schedule: Schedule
    scores: dict[Straight, Score] = field(default_factory=dict)
    clusters: list[tuple[int, ...]] = field(default_factory=list)
    left_out: list[int] = field(default_factory=list)
    control: list[int] = field(default_factory=list)


def compile_program(schedule: Schedule, device: Device, zz: list[float]) -> Program:
    """Sort a schedule's events by the qubits they act on.

    Args:
        schedule: The template.
        device: The chip.
        zz: Idle ZZ of each coupler in Hz.

    Raises:
        ScheduleError: If a line leads nowhere, or pulses meet that the emulator does not model together.
    """
    program = Program(schedule)
    program.control = sorted(_control_columns(schedule.realtime))
    body = schedule.realtime
    last = body[-1] if body and isinstance(body[-1], Straight) else None
    for block in schedule.straight_blocks():
        actions = _actions(schedule, device, block)
        _refuse_overlap(actions, block)
        final = _final(actions) if block is last else frozenset()
        program.scores[block] = Score(tuple(actions), block.duration, block.duration_slot, final)
    _cluster(program, device, zz)
    return program


def _control_columns(body: Body) -> Iterable[int]:
    found: set[int] = set()
    for block in walk(body):
        found |= _reads(block)
    return found


def _reads(block: Block) -> set[int]:
    if isinstance(block, Branch | While):
        return columns_of(block.condition)
    return columns_of(block.value) if isinstance(block, Assign) else set()


def _actions(schedule: Schedule, device: Device, block: Straight) -> list[Action]:
    """Group the block's events by what they act on, then by overlap in time."""
    groups: dict[tuple[str, int], list[int]] = {}
    for row in range(block.first, block.last):
        groups.setdefault(_target(schedule, device, row), []).append(row)
    actions = []
    for (kind, where), rows in groups.items():
        qubits = _qubits(device, kind, where)
        starts = schedule.events["start"][rows]
        stops = starts + schedule.events["duration"][rows]
        members: list[int] = []
        begin = end = 0
        for position in np.argsort(starts, kind="stable"):
            if members and starts[position] >= end:
                actions.append(Action(kind, where, qubits, begin, end, tuple(members)))
                members = []
            if not members:
                begin, end = int(starts[position]), int(stops[position])
            members.append(rows[position])
            end = max(end, int(stops[position]))
        actions.append(Action(kind, where, qubits, begin, end, tuple(members)))
    return sorted(actions, key=lambda action: (action.start, action.kind, action.where))


def _qubits(device: Device, kind: str, where: int) -> tuple[int, ...]:
    if kind == "flux":
        return device.couplers[where].qubits
    return (where,) if kind == "drive" else (device.resonators[where].qubit,)


def _target(schedule: Schedule, device: Device, row: int) -> tuple[str, int]:
    event = schedule.events[row]
    port = schedule.ports[int(event["port"])]
    if event["operation"] == Operation.PLAY and port.kind is PortKind.DRIVE:
        qubit = device.driven_by(port.name)
        if qubit is not None:
            return "drive", qubit
    elif port.kind is PortKind.FLUX:
        for index, coupler in enumerate(device.couplers):
            if coupler.port == port.name:
                return "flux", index
    elif port.kind in (PortKind.READOUT, PortKind.ACQUIRE):
        side = "port" if port.kind is PortKind.READOUT else "acquire_port"
        near = [
            (abs(resonator.frequency - float(event["frequency"])), index)
            for index, resonator in enumerate(device.resonators)
            if getattr(resonator, side) == port.name
        ]
        if near:
            return "readout", min(near)[1]
    raise ScheduleError(
        "every event must be on a line of the device", given=f"{port.kind.value} port {port.name}", where=f"event {row}"
    )


def _refuse_overlap(actions: list[Action], block: Straight) -> None:
    busy: dict[int, Action] = {}
    for action in actions:
        for qubit in action.qubits:
            before = busy.get(qubit)
            if before is not None and before.stop > action.start:
                raise ScheduleError(
                    "the emulator models one window at a time on a qubit (drives may overlap drives)",
                    given=f"{before.kind} until tick {before.stop}, {action.kind} from tick {action.start}",
                    where=f"qubit {qubit}, block of events {block.first} to {block.last}",
                )
            busy[qubit] = action


def _final(actions: list[Action]) -> frozenset[int]:
    """Measurements that are the last action on their qubit and that nothing waits for."""
    latest = {qubit: index for index, action in enumerate(actions) for qubit in action.qubits}
    return frozenset(
        index for index, action in enumerate(actions) if action.kind == "readout" and latest[action.qubits[0]] == index
    )


def _cluster(program: Program, device: Device, zz: list[float]) -> None:
    parent: dict[int, int] = {}

    def root(qubit: int) -> int:
        while parent[qubit] != qubit:
            qubit = parent[qubit]
        return qubit

    actions = [action for score in program.scores.values() for action in score.actions]
    for action in actions:
        for qubit in action.qubits:
            parent.setdefault(qubit, qubit)
        if len(action.qubits) == 2:
            parent[root(action.qubits[0])] = root(action.qubits[1])
    moved = {qubit for action in actions if action.kind != "readout" for qubit in action.qubits}
    clock = program.schedule.clock
    seconds = clock.seconds(program.schedule.duration) if program.schedule.duration is not None else float("inf")
    for index, coupler in sorted(enumerate(device.couplers), key=lambda item: -abs(zz[item[0]])):
        first, second = coupler.qubits
        if first not in parent or second not in parent or root(first) == root(second):
            continue
        if first in moved and second in moved and zz[index] and 2 * np.pi * abs(zz[index]) * seconds > _ZZ_TURN:
            joint = sum(root(qubit) in (root(first), root(second)) for qubit in parent)
            if joint <= _ZZ_QUBITS:
                parent[root(first)] = root(second)
            else:
                program.left_out.append(index)
    groups: dict[int, list[int]] = {}
    for qubit in sorted(parent):
        groups.setdefault(root(qubit), []).append(qubit)
    program.clusters = [tuple(group) for group in groups.values()]
