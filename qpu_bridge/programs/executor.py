"""The one way in: a quantum program is executed, whatever primitive it came from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_ibm_runtime.results import QuantumProgramItemResult, QuantumProgramResult
from qiskit_ibm_runtime.results.quantum_program import ItemMetadata, Metadata, SchedulerTiming, StretchValues
from samplomatic.quantum_program import ChunkPart, ChunkSpan, CircuitItem, SamplexItem

from qpu_bridge.execution import Span, prefetch
from qpu_bridge.lowering import Lowered, LoweringOptions, MeasLevel, lower, times_of, timing_text
from qpu_bridge.programs.context import Context
from qpu_bridge.programs.finished import Page, key_of
from qpu_bridge.programs.options import ExecuteOptions
from qpu_bridge.programs.provenance import provenance, versions
from qpu_bridge.programs.registers import Registers
from qpu_bridge.programs.result_size import Returned, admit_results, returned_by
from qpu_bridge.programs.sampling import Rows
from qpu_bridge.schedule import Schedule
from qpu_bridge.suppression import decouple
from qpu_bridge.telemetry import Stage, stage


def execute(program: QuantumProgram, options: ExecuteOptions, context: Context) -> QuantumProgramResult:
    """Run every item of a program for all of its arguments.

    The next item is lowered, and its first rows are drawn, while the device plays this one.

    Args:
        program: What to run.
        options: How.
        context: The device, the job's log, and whether to stop.

    Returns:
        One array per register and item, of shape ``(*item.shape, shots, bits)`` (without shots if averaged), and what a samplex
        returns besides angles. Flips are not applied. Pass-through data and semantic role are those of the program.

    Raises:
        CallerError: If the program cannot run on this device.
        TooLarge: If all items together return too much.
        Cancelled: If the job was cancelled.
        OperatorError: If the device failed.
    """
    context.device.require_trustworthy()
    context.go_on()
    admit_results(returned(program, options), program.meas_level, context.device)
    seed = context.seed if options.seed is None else options.seed
    total = sum(item.size() for item in program.items)
    data: list[QuantumProgramItemResult] = []
    timing: list[ChunkSpan] = []
    done = 0
    with closing(prefetch(_prepare_all(program, options, context, seed), len(program.items))) as items:
        for index, item in enumerate(items):
            context.go_on()
            result, spans = _measure(item, options, context, (done, total))
            data.append(result)
            timing += [ChunkSpan(span.start, span.stop, [ChunkPart(index, span.rows)]) for span in spans]
            done += len(item.rows)
    context.log("provenance " + json.dumps(provenance(context, seed), default=str))
    result = QuantumProgramResult(data, Metadata(timing), program.passthrough_data)
    result._semantic_role = program._semantic_role
    return result


def returned(program: QuantumProgram, options: ExecuteOptions) -> list[Returned]:
    """What the items of a program return."""
    shots = options.item_shots
    return [returned_by(item.circuit, item.size(), shots.get(index, program.shots)) for index, item in enumerate(program.items)]


@dataclass(frozen=True, slots=True)
class _Prepared:
    index: int
    lowered: Lowered
    schedule: Schedule
    rows: Rows
    shots: int
    chunk_size: int | None
    level: MeasLevel
    draw: int
    seed: int
    lowering_s: float


def _prepare_all(program: QuantumProgram, options: ExecuteOptions, context: Context, seed: int) -> Iterator[_Prepared]:
    for index, item in enumerate(program.items):
        context.go_on()
        yield _prepare(index, item, program, options, context, seed)


@stage(Stage.LOWER)
def _prepare(
    index: int, item: CircuitItem | SamplexItem, program: QuantumProgram, options: ExecuteOptions, context: Context, seed: int
) -> _Prepared:
    snapshot = context.device.snapshot
    began = perf_counter()
    lowered = lower(
        item.circuit,
        snapshot,
        context.device.capabilities.limits,
        LoweringOptions(
            meas_level=program.meas_level,
            scheduling=options.decoupling.scheduling_method if options.decoupling else "alap",
            active_reset=options.needs_active_reset(snapshot),
        ),
    )
    schedule = lowered.schedule
    if options.decoupling is not None:
        wanted = replace(options.decoupling, alignment=lowered.step)
        schedule = decouple(schedule, lowered.occupancy, snapshot, wanted)
    draw, device = (int(word) >> 1 for word in np.random.SeedSequence([seed, index]).generate_state(2, np.uint64))
    return _Prepared(
        index=index,
        lowered=lowered,
        schedule=schedule,
        rows=Rows(item, lowered.slot_map, draw),
        shots=options.item_shots.get(index, program.shots),
        chunk_size=item.chunk_size,
        level=program.meas_level,
        draw=draw,
        seed=device,
        lowering_s=perf_counter() - began,
    )


@stage(Stage.DEVICE)
def _measure(
    item: _Prepared, options: ExecuteOptions, context: Context, progress: tuple[int, int]
) -> tuple[QuantumProgramItemResult, list[Span]]:
    done, total = progress
    registers = Registers(item.schedule, item.lowered.registers, item.level, len(item.rows), item.shots)
    page = Page(
        context.notebook.item(),
        _key(item, options, context),
        item.rows.shape,
        lambda first, stop: {**registers.read(first, stop), **item.rows.extras_of(first, stop)},
    )
    spans, known = [], 0
    for finished in context.notebook.recall(page.item, page.key):
        registers.restore(known, finished.arrays)
        spans.append(Span(known, finished.rows, finished.start, finished.stop))
        known += finished.rows
    used = context.execution.usage_seconds
    if known < len(item.rows):
        spans += _play(item, options, context, registers, page, known, lambda rows: context.progress(done + rows, total))
    else:
        # nothing is left to play; what a samplex returns besides angles comes as the rows are made
        for _ in item.rows.tables():
            pass
    context.log(
        f"item {item.index}: {len(item.schedule.events)} events, {len(item.schedule.slots)} slots, "
        f"lowered in {1e3 * item.lowering_s:.1f} ms; {len(item.rows)} rows x {item.shots} shots, "
        + (f"{known} rows taken over from an earlier run, " if known else "")
        + f"{context.execution.usage_seconds - used:.6f} s of device time"
    )
    shape = item.rows.shape
    result = QuantumProgramItemResult(
        {**registers.shaped(shape), **item.rows.extras},
        ItemMetadata(
            _timing(item.lowered) if options.scheduler_timing else None,
            _stretches(item.lowered) if options.stretch_values else None,
        ),
    )
    return result, spans


def _play(
    item: _Prepared,
    options: ExecuteOptions,
    context: Context,
    registers: Registers,
    page: Page,
    known: int,
    progress: Callable[[int], None],
) -> list[Span]:
    """Measure all rows of an item but those that are known."""
    chunks = context.execution.run(
        item.schedule,
        item.rows.tables(),
        item.shots,
        rep_delay_s=options.wait_s(context.device.snapshot),
        seed=item.seed,
        settings=options.settings,
        max_rows=item.chunk_size,
        first_row=known,
        cancelled=context.cancelled,
        progress=progress,
    )
    with closing(chunks):
        for chunk in chunks:
            registers.add(chunk)
            span = context.execution.spans[-1]
            context.notebook.add(page, chunk.first_row, chunk.rows, span.start, span.stop)
    return context.execution.spans


def _key(item: _Prepared, options: ExecuteOptions, context: Context) -> str:
    """Rows under the same key are drawn from the same numbers and played in the same way; the job's parameters never change."""
    can = context.device.capabilities
    return key_of(
        schedule=item.schedule.digest.hex(),
        shape=item.rows.shape,
        shots=item.shots,
        level=item.level,
        seeds=(item.draw, item.seed),
        rep_delay_s=options.wait_s(context.device.snapshot),
        settings=dict(options.settings),
        calibration=context.device.snapshot.calibration_id,
        driver=(can.driver, can.version, can.source),
        versions=dict(versions()),
    )


def _stretches(lowered: Lowered) -> list[StretchValues]:
    found = []
    for stretch in lowered.stretches:
        times = times_of(lowered, (index for index, _ in stretch.delays))
        expanded = sorted(zip(times, (ticks for _, ticks in stretch.delays), strict=True))
        found.append(StretchValues(stretch.name, stretch.value, stretch.remainder, expanded))
    return found


def _timing(lowered: Lowered) -> SchedulerTiming:
    text = timing_text(lowered)
    if lowered.schedule.duration is not None:
        return SchedulerTiming(text, lowered.schedule.duration)
    # how long a branch or loop takes is not known beforehand: the longest way through what the text shows
    ends = (sum(map(int, line.split(",")[3:5])) for line in text.splitlines())
    return SchedulerTiming(text, max(ends, default=0))
