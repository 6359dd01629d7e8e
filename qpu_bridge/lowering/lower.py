"""The whole journey from a circuit to a template of pulses and a slot map."""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qpu_bridge.lowering.admission import admit
from qpu_bridge.lowering.blocks import Assembly
from qpu_bridge.lowering.columns import columns_of_memory
from qpu_bridge.lowering.duration import Grid
from qpu_bridge.lowering.events import emit
from qpu_bridge.lowering.gate_table import GateTable, gate_table
from qpu_bridge.lowering.lowered import OCCUPANCY, Busy, Lowered, Steps
from qpu_bridge.lowering.options import LoweringOptions
from qpu_bridge.lowering.phases import Swings, angles_of, collect, variable_from
from qpu_bridge.lowering.program import Program
from qpu_bridge.lowering.reading import read
from qpu_bridge.lowering.slot_map import SlotMap
from qpu_bridge.lowering.stretches import Stretched, resolve
from qpu_bridge.lowering.timeline import alap, asap, check_boxes
from qpu_bridge.lowering.unwritten import settle
from qpu_bridge.schedule import Limits, Rows, Schedule, Shots, Variable, VariableKind
from qpu_bridge.target import Snapshot


def lower(circuit: QuantumCircuit, snapshot: Snapshot, limits: Limits | None, options: LoweringOptions | None = None) -> Lowered:
    """Lower an ISA circuit, with or without parameters, to one template and a slot map.

    Args:
        circuit: Circuit on physical qubits; its layout and global phase do not matter.
        snapshot: The machine.
        limits: What the device can play; None to check against the snapshot only.
        options: Choices of the caller.

    Returns:
        The template and all that goes with it.

    Raises:
        NotNative: If the circuit holds something that the machine does not have; names instruction, qubits and angle.
        TooLarge: If it is too wide, too long, or has too many events or results.
        UnsupportedOption: If the device cannot do the real-time control that the circuit needs.
    """
    options = options or LoweringOptions()
    table = gate_table(snapshot)
    grid = grid_of(snapshot, limits)
    apart = limits is not None and limits.feedback_separation > 0
    stretches: Sequence[Stretched] = ()
    if circuit.num_stretches:
        circuit, stretches = resolve(circuit, table, grid, one_by_one=apart)
    program = read(circuit, table, grid, active_reset=options.active_reset, one_by_one=apart)
    run, start, lengths = _place(program, len(snapshot.qubits), options)
    codes = np.array([step[0] for step in program.steps], dtype=np.int64)
    angles = angles_of(program, table, codes)
    swings = Swings(program.sources.parameters + len(program.sources.formulas))
    turns = collect(program, table, codes, angles, swings)
    first_of = variable_from(program, turns)
    variable_of = {qubit: len(program.variables) + rank for rank, qubit in enumerate(sorted(first_of))}
    emitted = emit(program, table, codes, run, start, angles, turns, swings, first_of, variable_of)
    assembly = Assembly(
        edges=emitted.edges,
        lengths=lengths,
        captures=_captures(program, table, run, start),
        latency=snapshot.timing.feedback_latency
        if limits is None
        else max(snapshot.timing.feedback_latency, limits.branch_latency),
        nets=turns.nets,
        variable_of=variable_of,
        others=emitted.others,
        taken=len(emitted.phases),
        longest=int(snapshot.timing.max_circuit_duration / float(snapshot.timing.dt)) // 2,
        step=grid.step,
    )
    body = settle(assembly.body(program.body, {}), emitted.events["column"])
    slot_map = SlotMap(
        program.sources.parameters,
        program.sources.formulas,
        tuple(swings.by_code.values()),
        table,
        emitted.phases,
        tuple(emitted.others),
    )
    schedule = Schedule(
        clock=snapshot.clock,
        ports=emitted.ports,
        frames=emitted.frames,
        waveforms=emitted.waveforms,
        slots=slot_map.slots,
        columns=columns_of_memory(program.memory, table, options.meas_level),
        variables=(*program.variables, *(Variable(f"z{qubit}", VariableKind.FLOAT) for qubit in sorted(first_of))),
        events=emitted.events,
        body=(Rows((Shots(body),)),),
    )
    admit(schedule, snapshot, limits)
    block = assembly.blocks_of_runs(schedule.straight_blocks())[run]
    occupancy = _occupancy(program, table, codes, block, start)
    steps = Steps(program, table, block, start)
    qubits = tuple(np.unique(occupancy["qubit"]).tolist())
    return Lowered(schedule, slot_map, program.registers, occupancy, emitted.origin, qubits, grid.step, steps, tuple(stretches))


def check(circuit: QuantumCircuit, snapshot: Snapshot) -> None:
    """Refuse a circuit that the machine cannot play; cheap enough for the moment of submission.

    Raises:
        NotNative: As `lower`.
        TooLarge: As `lower`.
    """
    lower(circuit, snapshot, None)


def grid_of(snapshot: Snapshot, limits: Limits | None) -> Grid:
    """Ticks that starts must fall on."""
    starts = [port.start_granularity for port in limits.ports] if limits is not None else []
    return Grid(snapshot.clock, lcm(snapshot.timing.granularity, *starts))


def _place(program: Program, qubits: int, options: LoweringOptions) -> tuple[NDArray[np.int64], NDArray[np.int64], list[int]]:
    """Time the steps of every run; returns run and start per step, and the length of each run."""
    order = asap if options.scheduling == "asap" else alap
    starts: list[int] = []
    lengths: list[int] = []
    counts: list[int] = []
    width = qubits + len(program.memory)
    for run in program.runs:
        boxes = {close - run.first: (opened - run.first, ticks) for close, (opened, ticks) in run.boxes.items()}
        begun, length = order(program.steps[run.first : run.last], width, boxes)
        check_boxes(begun, boxes)
        starts += begun
        lengths.append(length)
        counts.append(run.last - run.first)
    return np.repeat(np.arange(len(counts)), counts), np.array(starts, dtype=np.int64), lengths


def _captures(
    program: Program, table: GateTable, run: NDArray[np.int64], start: NDArray[np.int64]
) -> dict[int, list[tuple[int, int]]]:
    """Run -> (column, tick at which its capture ends)."""
    found: dict[int, list[tuple[int, int]]] = {}
    for step, column in program.column_of.items():
        end = int(start[step]) + table.capture_end[program.steps[step][1][0]]
        found.setdefault(int(run[step]), []).append((column, end))
    return found


def _occupancy(
    program: Program, table: GateTable, codes: NDArray[np.int64], block: NDArray[np.int64], start: NDArray[np.int64]
) -> NDArray[np.void]:
    """Busy intervals of all qubits, by block and start."""
    kind = np.full(len(codes), Busy.GATE, dtype=np.uint8)
    kind[list(program.column_of)] = Busy.MEASURE
    kind[list(program.resets)] = Busy.RESET
    lasting = np.flatnonzero((codes >= 0) & (table.duration[codes] > 0) if len(codes) else codes)
    qubits = table.qubits[codes[lasting]]
    steps = np.repeat(lasting, (qubits >= 0).sum(axis=1))
    found = np.zeros(len(steps), dtype=OCCUPANCY)
    found["qubit"] = qubits[qubits >= 0]
    found["block"] = block[steps]
    found["start"] = start[steps]
    found["stop"] = start[steps] + table.duration[codes[steps]]
    found["kind"] = kind[steps]
    return found[np.lexsort((found["start"], found["block"]))]
