"""A schedule as the device sees it: windows, measurements and idle times per qubit, and which qubits act on each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import pi
from typing import Any

from qpu_bridge.schedule import (
    Assign,
    Block,
    Body,
    Branch,
    Schedule,
    Straight,
    While,
    columns_of,
    walk,
)
from qpu_emulator.chip.device import Device
from qpu_emulator.score.actions import Action, Sorter

_ZZ_QUBITS = 5
_ZZ_TURN = 1e-3


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
        lit: Qubits that a tone measures before the end, after which their resonators hold photons.
        control: Columns that real-time expressions read.
        events: Columns of `Schedule.events` as lists: a number out of a structured array takes ten times as long.
    """

    schedule: Schedule
    scores: dict[Straight, Score] = field(default_factory=dict)
    clusters: list[tuple[int, ...]] = field(default_factory=list)
    left_out: list[int] = field(default_factory=list)
    lit: list[int] = field(default_factory=list)
    control: list[int] = field(default_factory=list)
    events: dict[str, list[Any]] = field(default_factory=dict)


def compile_program(schedule: Schedule, device: Device, zz: Callable[[int], float]) -> Program:
    """Sort a schedule's events by the qubits they act on.

    Args:
        schedule: The template.
        device: The chip.
        zz: Coupler -> its idle ZZ in Hz, asked for those only that join what the schedule touches.

    Raises:
        ScheduleError: If a line leads nowhere, or pulses meet that the emulator does not model together.
    """
    names = schedule.events.dtype.names or ()
    program = Program(schedule, events={name: schedule.events[name].tolist() for name in names})
    program.control = sorted(_control_columns(schedule.realtime))
    body = schedule.realtime
    last = body[-1] if body and isinstance(body[-1], Straight) else None
    sorter = Sorter(schedule, device, program.events)
    for block in schedule.straight_blocks():
        actions = sorter.actions(block)
        final = _final(actions) if block is last else frozenset()
        program.scores[block] = Score(tuple(actions), block.duration, block.duration_slot, final)
    program.lit = sorted(
        {
            action.qubits[0]
            for score in program.scores.values()
            for number, action in enumerate(score.actions)
            if action.kind == "readout" and number not in score.final
        }
    )
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


def _final(actions: list[Action]) -> frozenset[int]:
    """Measurements that are the last action on their qubit and that nothing waits for."""
    latest = {qubit: index for index, action in enumerate(actions) for qubit in action.qubits}
    return frozenset(
        index for index, action in enumerate(actions) if action.kind == "readout" and latest[action.qubits[0]] == index
    )


def _cluster(program: Program, device: Device, zz: Callable[[int], float]) -> None:
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
    near = [(index, coupler.qubits) for index, coupler in enumerate(device.couplers) if moved.issuperset(coupler.qubits)]
    for index, (first, second) in sorted(near, key=lambda item: -abs(zz(item[0]))):
        if root(first) == root(second):
            continue
        if zz(index) and 2 * pi * abs(zz(index)) * seconds > _ZZ_TURN:
            joint = sum(root(qubit) in (root(first), root(second)) for qubit in parent)
            if joint <= _ZZ_QUBITS:
                parent[root(first)] = root(second)
            else:
                program.left_out.append(index)
    groups: dict[int, list[int]] = {}
    for qubit in sorted(parent):
        groups.setdefault(root(qubit), []).append(qubit)
    program.clusters = [tuple(group) for group in groups.values()]
