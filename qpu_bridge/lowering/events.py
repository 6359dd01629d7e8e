"""From timed steps to the schedule's events, one vectorised pass for the whole circuit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.lowering.angle import Affine
from qpu_bridge.lowering.gate_table import GateTable
from qpu_bridge.lowering.phases import Angles, Swings, Turns, spread
from qpu_bridge.lowering.place import place
from qpu_bridge.lowering.program import Program
from qpu_bridge.lowering.slot_map import PhaseSlots, phase_slots
from qpu_bridge.schedule import EVENT, NONE, Frame, Operation, Port, SlotKind, Waveform


@dataclass(slots=True)
class Emitted:
    """Events and the tables they point into.

    Attributes:
        events: ``EVENT[events]``, by run and start.
        edges: ``int64[runs + 1]``, first event of each run.
        origin: ``int64[events]``.
        phases: The phase slots, which are the first.
        others: The slots after them.
    """

    events: NDArray[np.void]
    edges: NDArray[np.int64]
    origin: NDArray[np.int64]
    ports: tuple[Port, ...]
    frames: tuple[Frame, ...]
    waveforms: tuple[Waveform, ...]
    phases: PhaseSlots
    others: list[tuple[SlotKind, Affine]]


def emit(
    program: Program,
    table: GateTable,
    codes: NDArray[np.int64],
    run: NDArray[np.int64],
    start: NDArray[np.int64],
    angles: Angles,
    turns: Turns,
    swings: Swings,
    variable_from: dict[int, int],
    variable_of: dict[int, int],
) -> Emitted:
    """Emit the events of all steps.

    Args:
        program: The circuit's steps.
        table: Native gates.
        codes: ``int64[steps]``, entries.
        run: ``int64[steps]``, run of each step.
        start: ``int64[steps]``, ticks since the start of the run.
        angles: Angles of the steps.
        turns: Virtual Z of the whole circuit.
        swings: Curve values that depend on parameters.
        variable_from: Qubit -> first step whose plays add the qubit's real-time phase.
        variable_of: Qubit -> its real-time variable.

    Returns:
        The events.
    """
    count = np.where(codes >= 0, table.pulse_count[codes], 0) if len(table.entries) else np.zeros(len(codes), np.int64)
    step = np.repeat(np.arange(len(codes)), count)
    pulse = table.pulses[spread(table.pulse_first[codes[step]] if len(step) else step, count)]
    begin = start[step] + pulse["start"]
    order = np.lexsort((begin, run[step]))
    step, pulse, begin = step[order], pulse[order], begin[order]
    events = np.zeros(len(step), dtype=EVENT)
    for name in ("duration", "operation", "amplitude", "frequency"):
        events[name] = pulse[name]
    events["start"] = begin
    for name in ("amplitude_slot", "phase_slot", "frequency_slot", "phase_variable", "column"):
        events[name] = NONE
    captures = np.flatnonzero(pulse["operation"] == int(Operation.CAPTURE))
    events["column"][captures] = [program.column_of[int(at)] for at in step[captures]]
    others = _amplitudes(events, pulse, step, program, table, codes, angles, swings)
    phases = _phases(events, pulse, step, turns, swings.first + swings.count)
    events["amplitude_slot"][events["amplitude_slot"] != NONE] += len(phases)
    for qubit, first in variable_from.items():
        events["phase_variable"][(pulse["follows"] == qubit) & (step >= first)] = variable_of[qubit]
    frames, events["frame"] = _used(pulse["frame"], len(table.frames))
    ports, events["port"] = _used(pulse["port"], len(table.ports))
    waves, events["waveform"] = _used(pulse["waveform"], len(table.waveforms))
    port_index = {int(port): new for new, port in enumerate(ports)}
    carriers = [table.frames[int(frame)] for frame in frames]
    return Emitted(
        events,
        np.searchsorted(run[step], np.arange(len(program.runs) + 1)),
        np.array(program.origin, dtype=np.int64)[step],
        tuple(table.ports[int(port)] for port in ports),
        tuple(Frame(frame.name, port_index[frame.port], frame.frequency) for frame in carriers),
        tuple(table.waveforms[int(wave)] for wave in waves),
        phases,
        others,
    )


def _used(index: NDArray[np.integer[Any]], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which rows of a table are pointed at, and the pointers into a table of only these; NONE stays NONE."""
    wanted = np.zeros(size + 1, dtype=np.bool_)
    wanted[index] = True  # NONE is the extra row at the end
    wanted[size] = False
    place = np.cumsum(wanted) - 1
    place[size] = NONE
    return np.flatnonzero(wanted), place[index]


def _phases(events: NDArray[np.void], pulse: NDArray[np.void], step: NDArray[np.int64], turns: Turns, sources: int) -> PhaseSlots:
    """Absolute phases: constants folded, parameters as slots."""
    events["phase"] = pulse["phase"]
    moved = np.flatnonzero(pulse["follows"] != NONE)
    qubit = pulse["follows"][moved].astype(np.int64)
    keys = turns.at(qubit, step[moved])
    total = pulse["phase"][moved] - turns.before(keys, qubit)
    events["phase"][moved] = np.pi - np.mod(np.pi - total, 2 * np.pi)  # in (-pi, pi]
    if not turns.symbolic:
        return PhaseSlots((0,), np.zeros(0, np.int64))
    places = np.array([at for at, _ in turns.symbolic], dtype=np.int64)
    symbolic_keys = turns.key[places]
    done = np.searchsorted(symbolic_keys, keys)
    base = np.searchsorted(symbolic_keys, qubit * turns.length - 1)
    played = done > base
    states, which = np.unique(done[played], return_inverse=True)
    slot_of, phases = _levels(states, symbolic_keys // turns.length, [affine for _, affine in turns.symbolic], sources)
    slots = np.full(len(moved), NONE, dtype=np.int32)
    slots[played] = slot_of[which]
    events["phase_slot"][moved] = slots
    return phases


def _levels(
    states: NDArray[np.int64], qubit: NDArray[np.int64], increments: list[Affine], sources: int
) -> tuple[NDArray[np.int64], PhaseSlots]:
    """Order the states that are played by level (see `PhaseSlots`).

    Args:
        states: How many symbolic turns, counted over all qubits, each state includes; ascending.
        qubit: Qubit of each symbolic turn.
        increments: The symbolic turns, by qubit and time.
        sources: Number of columns that the turns are built from.

    Returns:
        Slot of each state, and the slots.
    """
    owner = qubit[states - 1]
    _, first, number = np.unique(owner, return_index=True, return_counts=True)
    by_size = np.argsort(-number, kind="stable")
    rank = np.empty(len(number), np.int64)
    rank[by_size] = np.arange(len(number))
    group = np.repeat(np.arange(len(number)), number)
    level = np.arange(len(states)) - first[group]
    sizes = np.bincount(level, minlength=1)
    edges = np.concatenate([[0], np.cumsum(sizes)])
    slot_of = edges[level] + rank[group]
    starts = np.searchsorted(qubit, owner)
    previous = np.where(level == 0, starts, np.concatenate([[0], states[:-1]]))
    turns = np.empty(len(states), dtype=object)
    for slot, begin, end in zip(slot_of.tolist(), previous.tolist(), states.tolist(), strict=True):
        total = increments[begin]
        for turn in increments[begin + 1 : end]:
            total = total.plus(turn)
        turns[slot] = total.terms
    return slot_of, phase_slots(tuple(edges.tolist()), turns.tolist(), sources)


def _amplitudes(
    events: NDArray[np.void],
    pulse: NDArray[np.void],
    step: NDArray[np.int64],
    program: Program,
    table: GateTable,
    codes: NDArray[np.int64],
    angles: Angles,
    swings: Swings,
) -> list[tuple[SlotKind, Affine]]:
    """Amplitudes of fractional gates: tabulated now, or slots (numbered from 0) that are tabulated per row."""
    slots: dict[int, int] = {}
    curved = np.flatnonzero(pulse["curve"] != NONE)
    if not len(curved):
        return []
    steps, curves = step[curved], pulse["curve"][curved]
    free = np.array([int(at) in angles.symbolic for at in steps], dtype=np.bool_)
    for curve in np.unique(curves[~free]):
        mine = ~free & (curves == curve)
        code = int(codes[steps[mine][0]])
        events["amplitude"][curved[mine]] = table.bend(code, int(curve), angles.constant[steps[mine]])
    for row, at, curve in zip(curved[free].tolist(), steps[free].tolist(), curves[free].tolist(), strict=True):
        entry = table.entries[codes[at]]
        where = place(program.origin[at], entry.name, entry.qubits)
        column = swings.column(int(codes[at]), curve, angles.symbolic[at], where)
        events["amplitude_slot"][row] = slots.setdefault(column, len(slots))
    return [(SlotKind.AMPLITUDE, Affine(0.0, ((column, 1.0),))) for column in slots]
