"""How a run is cut into programs, and their results put together again: the next is compiled while one plays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from math import prod
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.driver import Chunk
from qpu_bridge.errors import Cancelled, ScheduleError
from qpu_bridge.schedule import Branch, Output, Rows, Schedule, Shots, Straight, Table, result_shapes, walk
from qpu_drivers.qblox.acquired import Acquired
from qpu_drivers.qblox.allocation import Allocation, allocate
from qpu_drivers.qblox.compile.template import Template, compile_schedule
from qpu_drivers.qblox.instrument import Instrument
from qpu_drivers.qblox.parameters import Wires
from qpu_drivers.qblox.program import Place, Program
from qpu_drivers.qblox.rack import Rack
from qpu_drivers.qblox.results import arrays, check_complete
from qpu_drivers.qblox.traces import Trace, always, expanded, traces, without_traces

WHILE_NS = 2e9
"""About how long one program plays."""
MOST_ROWS = 4096
ROUNDING = "frequencies to 0.25 Hz, phases to a billionth of a turn, amplitudes to 1/32767"


@dataclass(frozen=True)
class Part:
    """A schedule that is played for some columns.

    Attributes:
        schedule: What is played.
        template: It, compiled.
        wires: Sequencer -> the lines that it emits on and listens to.
        always: Captures that are made once in each shot, whose bins are checked; none where a dummy is told nothing.
        trace: The raw capture for which it is played, None for all that is no trace.
        oscillator: Of the line of the trace, Hz.
    """

    schedule: Schedule
    template: Template
    wires: dict[Place, Wires]
    always: frozenset[int] = frozenset()
    trace: Trace | None = None
    oscillator: float = 0.0


@dataclass(frozen=True)
class Playing:
    """A template as it is kept: what is played for it."""

    schedule: Schedule
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, schedule: Schedule, rack: Rack) -> Playing:
        """Compile all that does not depend on rows.

        Raises:
            ScheduleError: If the rack cannot play it, with line and tick.
        """
        _check_means(schedule)
        plain, raw = without_traces(schedule), traces(schedule)
        if raw and _cyclic(schedule):
            raise ScheduleError(
                "a schedule that returns traces must take shots inside of rows, on this device", given="shots outside"
            )
        parts = [] if plain is None else [_part(plain, rack)]
        return cls(schedule, (*parts, *(_part(trace.schedule, rack, trace) for trace in raw)))


@dataclass(frozen=True)
class _Job:
    """One program, and where its results go: rows ``[first, last)`` of the run, and of a trace which point and shot."""

    part: Part
    program: Program
    first: int
    last: int
    values: NDArray[np.float64]
    final: bool


def chunks(playing: Playing, table: Table, shots: int, wait: int, instrument: Instrument, stop: Event) -> Iterator[Chunk]:
    """Play all rows, and yield results as they come.

    Args:
        playing: What is played.
        table: Rows.
        shots: Per row and point.
        wait: Between shots, ticks (ns).
        instrument: What plays.
        stop: Set by another thread to end it.

    Raises:
        ScheduleError: If one row's results do not fit into the instrument.
        Cancelled: If it was ended.
        DriverFault: If the instrument fails.
    """
    gathered: list[tuple[_Job, Acquired]] = []
    for job, acquired in _played(_jobs(playing, table, shots, wait), instrument, stop, len(table)):
        check_complete(job.program, acquired, job.part.always)
        gathered.append((job, acquired))
        if job.final:
            yield _chunk(playing.schedule, gathered, shots)
            gathered = []


def _jobs(playing: Playing, table: Table, shots: int, wait: int) -> Iterator[_Job]:
    """Programs in the order in which they are played; each is compiled when it is asked for."""
    plain = next((part for part in playing.parts if part.trace is None), None)
    raw = [part for part in playing.parts if part.trace is not None]
    first, many = 0, 1 if raw else _rows_at_once(playing.schedule, len(table), shots, wait)
    while first < len(table):
        programs: list[Program] = []
        if plain is not None:
            rows = Table(table.values[first : first + many])
            programs = _fitting(plain.template, rows, shots, wait, whole=_cyclic(playing.schedule))
            many = programs[0].shape[0]
        last = min(len(table), first + many)
        for place, program in enumerate(programs):
            assert plain is not None
            yield _Job(plain, program, first, last, table.values[first], not raw and place == len(programs) - 1)
        for part in raw:
            yield from _shot_by_shot(playing.schedule, part, table, first, shots, wait, final=part is raw[-1])
        first = last


def _rows_at_once(schedule: Schedule, rows: int, shots: int, wait: int) -> int:
    """Rows that play for a while and no longer, so that the next can be compiled meanwhile and results flow."""
    if _cyclic(schedule):
        return rows
    row = shots * prod(schedule.sweep_shape) * ((schedule.duration or 0) + wait)
    return max(1, min(rows, MOST_ROWS, int(WHILE_NS / row)))


def _fitting(template: Template, rows: Table, shots: int, wait: int, *, whole: bool) -> list[Program]:
    """The program of the first of these rows, as many as fit; of the fewest, several that share its shots if they must.

    Args:
        template: What is played.
        rows: Rows.
        shots: Per row and point.
        wait: Between shots, ticks (ns).
        whole: Whether the rows must stay together, since shots go round them.

    Raises:
        ScheduleError: If one shot does not fit.
    """
    many, count = len(rows), shots
    while True:
        try:
            taken = Table(rows.values[:many])
            full = template.program(taken, count, wait)
            rest = shots % count
            return [full] * (shots // count) + ([template.program(taken, rest, wait)] if rest else [])
        except ScheduleError:
            if many > 1 and not whole:
                many = -(-many // 2)
            elif count > 1:
                count = -(-count // 2)
            else:
                raise


def _shot_by_shot(
    schedule: Schedule, part: Part, table: Table, row: int, shots: int, wait: int, *, final: bool
) -> Iterator[_Job]:
    """What is played for a trace of one row: each shot of each point, or all shots of a point where the scope averages them."""
    assert part.trace is not None
    points = expanded(schedule, Table(table.values[row : row + 1])).values
    repeats, count = (1, shots) if schedule.columns[part.trace.column].average else (shots, 1)
    for place, values in enumerate(points):
        program = part.template.program(Table(values[None, :]), count, wait)
        for repeat in range(repeats):
            ends = final and place == len(points) - 1 and repeat == repeats - 1
            yield _Job(part, program, row, row + 1, values, ends)


def _played(jobs: Iterator[_Job], instrument: Instrument, stop: Event, rows: int) -> Iterator[tuple[_Job, Acquired]]:
    """Play one after the other; the next is compiled while one plays, and plays while results are read."""
    current = next(jobs)
    _start(current, instrument, stop, rows)
    for following in chain(jobs, [None]):
        acquired = instrument.finish(current.program, stop)
        if following is not None:
            _start(following, instrument, stop, rows)
        yield current, acquired
        if following is not None:
            current = following


def _start(job: _Job, instrument: Instrument, stop: Event, rows: int) -> None:
    if stop.is_set():
        raise Cancelled("a run must not be aborted to give all of its rows", given=f"{job.first} of {rows}")
    instrument.start(job.program, job.part.wires)


def _chunk(schedule: Schedule, gathered: list[tuple[_Job, Acquired]], shots: int) -> Chunk:
    """The chunk of some rows, from all that was played for them."""
    first, last = gathered[0][0].first, gathered[0][0].last
    plain = [
        (job.program.shape[-1], arrays(job.part.schedule, job.program, got)) for job, got in gathered if job.part.trace is None
    ]
    joined: dict[str, Any] = {}
    for name in plain[0][1] if plain else ():
        parts = [found[name] for _, found in plain]
        if name == "mean":
            joined[name] = np.average(parts, axis=0, weights=[count for count, _ in plain]).astype(np.complex64)
        else:
            joined[name] = np.concatenate(parts, axis=-2)
    raw: dict[int, NDArray[np.complex64]] = {}
    for column, shape in result_shapes(schedule, last - first, shots).items():
        if isinstance(column, int):
            samples = [
                _trace(job, got) for job, got in gathered if job.part.trace is not None and job.part.trace.column == column
            ]
            raw[column] = np.reshape(samples, shape) if samples else np.zeros(shape, np.complex64)
    notes = {"rounding": ROUNDING, "programs": len(gathered)} | ({"traces": "each from a playing of its own"} if raw else {})
    return Chunk(
        first,
        last - first,
        **joined,
        raw=raw,
        started_ns=gathered[0][1].started_ns,
        stopped_ns=gathered[-1][1].stopped_ns,
        notes=notes,
    )


def _trace(job: _Job, acquired: Acquired) -> NDArray[np.complex64]:
    assert job.part.trace is not None
    (samples,) = acquired.traces.values()
    return job.part.trace.demodulate(samples, job.values, job.part.oscillator)


def _part(schedule: Schedule, rack: Rack, trace: Trace | None = None) -> Part:
    allocation = allocate(schedule, rack)
    oscillator = 0.0
    if trace is not None:
        oscillator = rack.oscillator(schedule.ports[int(schedule.events["port"][trace.event])].name)
    told = not (rack.simulated and rack.answers == "nothing")
    return Part(
        schedule,
        compile_schedule(schedule, allocation, rack),
        _wires(schedule, allocation),
        always(schedule) if told else frozenset(),
        trace,
        oscillator,
    )


def _wires(schedule: Schedule, allocation: Allocation) -> dict[Place, Wires]:
    def name(port: int | None) -> str | None:
        return None if port is None else schedule.ports[port].name

    return {one.place: Wires(name(one.output), name(one.input)) for one in allocation.sequencers}


def _cyclic(schedule: Schedule) -> bool:
    """Whether shots stand outside of rows."""
    kinds = [type(loop) for loop in schedule.loops]
    return kinds.index(Shots) < kinds.index(Rows)


def _check_means(schedule: Schedule) -> None:
    """A bin that averages forgets which shots it is of: the last capture of an averaged column must be made in each of them."""
    sometimes = {
        event
        for branch in walk(schedule.realtime)
        if isinstance(branch, Branch)
        for block in walk((branch,))
        if isinstance(block, Straight)
        for event in range(block.first, block.last)
    }
    for index, column in enumerate(schedule.columns):
        events = np.flatnonzero(schedule.captures & (schedule.events["column"] == index)).tolist()
        if column.average and column.output is Output.IQ and len(events) > 1 and events[-1] in sometimes:
            raise ScheduleError(
                "an averaged column that several captures write must be written by the last of them in each shot",
                given="a last capture in a branch",
                where=f"column {column.name}",
                remedy="Ask for single shots.",
            )
