"""A schedule as the device sees it: windows, measurements and idle times per qubit, and which qubits act on each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import (
    NONE,
    Assign,
    Block,
    Body,
    Branch,
    Operation,
    Schedule,
    Straight,
    While,
    columns_of,
    walk,
)
from qpu_emulator.chip.device import Device
from qpu_emulator.engines.engine import ONE, TWO, Index
from qpu_emulator.score.actions import FLUX, KINDS, READOUT, Action, Actions
from qpu_emulator.score.sorter import Sorter
from qpu_emulator.score.timeline import BETWEEN, END, FINAL
from qpu_emulator.score.wiring import Wiring

_KINDS = np.array([{"drive": ONE, "readout": BETWEEN}.get(kind, TWO) for kind in KINDS])
_ZZ_QUBITS = 5
"""Qubits of the largest cluster that idle ZZ alone may join."""
_ZZ_TURN = 1e-3
"""Turn in rad during the whole schedule below which idle ZZ joins nothing."""


@dataclass(frozen=True, slots=True)
class Score:
    """A straight block.

    Attributes:
        actions: In order of start.
        duration: Ticks.
        stretch: Slot added to the duration, or NONE.
        final: Indices of measurements whose outcome nothing on the device depends on: they are sampled together at the end.
        between: Of measurements that the rest of the shot may depend on.
        laid: ``int[actions + 1, 4]``, what `Timeline.lay` wants of each action; the last row is that of the end.
        ticks: ``int[actions + 1, 2]``, start and stop.
        flux: ``bool[actions]``, whether it is a flux pulse alone.
    """

    actions: Actions
    duration: int
    stretch: int
    final: tuple[int, ...]
    between: tuple[int, ...]
    laid: Index
    ticks: Index
    flux: NDArray[np.bool_]


@dataclass(slots=True)
class Program:
    """All blocks of a schedule, compiled once when it is loaded.

    Attributes:
        schedule: The template.
        wiring: Of the chip that plays it.
        scores: Per straight block.
        qubits: All that it touches, ascending.
        clusters: Qubits that may become entangled, each simulated alone.
        pairs: Coupler -> positions in ``qubits`` of two of one cluster with an idle ZZ.
        left_out: Couplers whose idle ZZ is not simulated because the cluster would become too large.
        lit: Qubits that a tone measures before the end, after which their resonators hold photons.
        passing: Block -> qubit -> readout tones (rows of events) on the line of its resonator that do not measure it.
        sounding: Measurement -> tones that nobody captures and that sound meanwhile.
        control: Columns that real-time expressions read.
        tick: Of the schedule's clock, s.
        events: Columns of `Schedule.events` as lists: a number out of a structured array takes ten times as long.
        noise: Slow noise on its qubits, by factor; see `noise.Spectrum.in_program`.
    """

    schedule: Schedule
    wiring: Wiring
    scores: dict[Straight, Score] = field(default_factory=dict)
    qubits: list[int] = field(default_factory=list)
    clusters: list[tuple[int, ...]] = field(default_factory=list)
    pairs: dict[int, tuple[int, int]] = field(default_factory=dict)
    left_out: list[int] = field(default_factory=list)
    lit: list[int] = field(default_factory=list)
    passing: dict[Straight, dict[int, tuple[int, ...]]] = field(default_factory=dict)
    sounding: dict[Action, tuple[Action, ...]] = field(default_factory=dict)
    control: list[int] = field(default_factory=list)
    tick: float = field(init=False)
    events: dict[str, list[Any]] = field(init=False)
    noise: dict[float, tuple[Device, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        events = self.schedule.events
        self.tick = float(self.schedule.clock.dt)
        self.events = {name: events[name].tolist() for name in events.dtype.names or ()}

    @property
    def reached(self) -> list[int]:
        """Qubits in whose resonators tones may bring photons that do something."""
        return sorted({*self.lit, *(qubit for near in self.passing.values() for qubit in near)})


def compile_program(schedule: Schedule, device: Device, zz: Callable[[int], float], wiring: Wiring | None = None) -> Program:
    """Sort a schedule's events by the qubits they act on.

    Args:
        schedule: The template.
        device: The chip.
        zz: Coupler -> its idle ZZ in Hz, asked for those only that join what the schedule touches.
        wiring: Of the chip; made here without.

    Raises:
        ScheduleError: If a line leads nowhere, or pulses meet that the emulator does not model together.
    """
    program = Program(schedule, Wiring(device) if wiring is None else wiring)
    program.control = sorted(_control_columns(schedule.realtime))
    body = schedule.realtime
    last = body[-1] if body and isinstance(body[-1], Straight) else None
    sorter = Sorter(schedule, device, program.wiring, program.events)
    found, tones = dict[Straight, Actions](), dict[Straight, list[Action]]()
    for block in schedule.straight_blocks():
        found[block], tones[block] = sorter.actions(block)
    _cluster(program, found.values(), device, zz)
    for block, actions in found.items():
        program.scores[block] = _score(program, block, actions, _final(actions) if block is last else (), device)
    program.lit = sorted({score.actions[number].qubits[0] for score in program.scores.values() for number in score.between})
    for block, score in program.scores.items():
        passing = _passing(program, score, tones[block], block is last)
        if passing:
            program.passing[block] = passing
        for action in score.actions if tones[block] else ():
            near = [tone for tone in tones[block] if action.kind == "readout" and _meets(device, tone, action)]
            if near:
                program.sounding[action] = tuple(near)
    return program


def _meets(device: Device, tone: Action, measurement: Action) -> bool:
    """Whether a tone sounds while a measurement captures on the same line."""
    lines = [device.resonators[action.where].acquire_port for action in (tone, measurement)]
    return lines[0] == lines[1] and tone.start < measurement.stop and measurement.start < tone.stop


def _passing(program: Program, score: Score, unread: Sequence[Action], last: bool) -> dict[int, tuple[int, ...]]:
    """Tones of a block on the lines of some qubits that do not measure these.

    Those that measure others count before the last pulse of a qubit. Those that nobody captures always do: what they leave may be
    heard later.
    """
    events, reading = program.events, program.wiring.reading
    kinds, ticks = score.actions.kinds, score.actions.ticks
    latest = ticks[kinds != READOUT, 1].max(initial=0) if last else inf
    tones: dict[str, list[tuple[int, int]]] = {}
    read = [score.actions[number] for number in ((kinds == READOUT) & (ticks[:, 0] < latest)).nonzero()[0].tolist()]
    for action, measured in [*((action, action.qubits[0]) for action in read), *((action, NONE) for action in unread)]:
        for row in action.events:
            if events["operation"][row] == Operation.PLAY:
                tones.setdefault(program.schedule.ports[events["port"][row]].name, []).append((row, measured))
    if not tones:
        return {}
    blocks = [score] if last else program.scores.values()
    pulses = [action for one in blocks for action in one.actions if action.kind != "readout"]
    until = dict.fromkeys(program.qubits, 0.0) | {
        qubit: action.stop if last else inf for action in pulses for qubit in action.qubits
    }
    found = {}
    for qubit, end in until.items():
        near = tones.get(reading[qubit].port, ()) if qubit in reading else ()
        rows = tuple(row for row, measured in near if measured == NONE or (measured != qubit and events["start"][row] < end))
        if rows:
            found[qubit] = rows
    return found


def _score(program: Program, block: Straight, actions: Actions, final: tuple[int, ...], device: Device) -> Score:
    place, pair = np.full(program.qubits[-1] + 1 if program.qubits else 0, NONE), np.full(len(device.couplers), NONE)
    place[program.qubits], pair[list(program.pairs)] = np.arange(len(program.qubits)), np.arange(len(program.pairs))
    laid, ticks = np.empty((len(actions) + 1, 4), np.int64), np.empty((len(actions) + 1, 2), np.int64)
    kinds = laid[:-1, 0] = _KINDS[actions.kinds]
    laid[:-1, 1:3], laid[:-1, 3] = place[actions.qubits], NONE
    joined = kinds == TWO
    laid[:-1, 3][joined] = pair[actions.where[joined]]
    laid[list(final), 0] = FINAL
    between = tuple((laid[:-1, 0] == BETWEEN).nonzero()[0].tolist())
    laid[-1], ticks[:-1], ticks[-1] = (END, NONE, NONE, NONE), actions.ticks, block.duration
    flux = np.asarray(actions.kinds == FLUX)
    return Score(actions, block.duration, block.duration_slot, final, between, laid, ticks, flux)


def _control_columns(body: Body) -> Iterable[int]:
    found: set[int] = set()
    for block in walk(body):
        found |= _reads(block)
    return found


def _reads(block: Block) -> set[int]:
    if isinstance(block, Branch | While):
        return columns_of(block.condition)
    return columns_of(block.value) if isinstance(block, Assign) else set()


def _final(actions: Actions) -> tuple[int, ...]:
    """Measurements that are the last action on their qubit and that nothing waits for."""
    last = np.full(actions.qubits.max(initial=-1) + 1, NONE)
    np.maximum.at(last, actions.qubits, np.arange(len(actions))[:, None])
    read = (actions.kinds == READOUT).nonzero()[0]
    return tuple(read[last[actions.qubits[read, 0]] == read].tolist())


def _cluster(program: Program, found: Iterable[Actions], device: Device, zz: Callable[[int], float]) -> None:
    parent: dict[int, int] = {}

    def root(qubit: int) -> int:
        while parent[qubit] != qubit:
            qubit = parent[qubit]
        return qubit

    moved: set[int] = set()
    # the same few qubits are acted on again and again
    for kind, where in {one for actions in found for one in zip(actions.kinds.tolist(), actions.where.tolist(), strict=True)}:
        qubits = program.wiring.qubits(kind, where)
        moved.update(qubits if kind != READOUT else ())
        for qubit in qubits:
            parent.setdefault(qubit, qubit)
        if len(qubits) == 2:
            parent[root(qubits[0])] = root(qubits[1])
    seconds = program.schedule.duration * program.tick if program.schedule.duration is not None else inf
    around = sorted({index for qubit in moved for index in program.wiring.couplers.get(qubit, ())})
    near = [(index, device.couplers[index].qubits) for index in around if moved.issuperset(device.couplers[index].qubits)]
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
    program.qubits = sorted(parent)
    place = {qubit: position for position, qubit in enumerate(program.qubits)}
    for qubit in program.qubits:
        groups.setdefault(root(qubit), []).append(qubit)
    program.clusters = [tuple(group) for group in groups.values()]
    program.pairs = {
        index: (place[first], place[second]) for index, (first, second) in near if root(first) == root(second) and zz(index)
    }
