"""Cutting, resuming, cancelling and accounting, with a scripted device."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from threading import Event, get_ident

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpu_bridge.driver import Chunk
from qpu_bridge.errors import Cancelled, DriverFault, DriverLeft, DriverLost, NotLoaded, RanTooLong, ScheduleError, TooLarge
from qpu_bridge.execution import Execution, Series, prefetch, rows_per_run
from qpu_bridge.schedule import (
    Builder,
    Column,
    Discriminator,
    Feature,
    Limits,
    PortKind,
    PortLimits,
    Schedule,
    SlotKind,
    Table,
    Waveform,
)
from qpu_bridge.units import Clock
from tests.execution.device import Scripted

NS = Fraction(1, 10**9)


def _limits(**changes: int) -> Limits:
    kinds = {"d0": PortKind.DRIVE, "r0": PortKind.READOUT, "a0": PortKind.ACQUIRE}
    return Limits(
        dt=NS,
        ports=tuple(PortLimits(name=name, kind=kind, dt=NS) for name, kind in kinds.items()),
        features=frozenset(Feature),
        **changes,
    )


def _schedule() -> Schedule:
    builder = Builder(Clock(NS))
    drive = builder.frame("q0", builder.port("d0", PortKind.DRIVE), 5e9)
    tone = builder.frame("r0", builder.port("r0", PortKind.READOUT), 7e9)
    listen = builder.frame("a0", builder.port("a0", PortKind.ACQUIRE), 7e9)
    slot = builder.slot(SlotKind.PHASE)
    bit = builder.column(Column("c[0]", discriminator=Discriminator(0.0, 0.0)))
    builder.shift_phase(drive, slot)
    builder.play(drive, Waveform.of(np.full(16, 0.5)))
    builder.barrier()
    builder.play(tone, Waveform.of(np.full(32, 0.5)))
    builder.capture(listen, bit, 32)
    return builder.build()


def _tables(rows: int, piece: int) -> Iterator[Table]:
    for first in range(0, rows, piece):
        yield Table(np.arange(first, min(first + piece, rows), dtype=float)[:, None] % 3)


def _bits(chunks: Iterator[Chunk]) -> np.ndarray:
    found = list(chunks)
    at = 0
    for chunk in found:
        assert chunk.first_row == at
        at += chunk.rows
    return np.concatenate([chunk.bits for chunk in found])


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 40), piece=st.integers(1, 40), chunk=st.integers(1, 7), at_once=st.integers(1, 12))
def test_cutting_does_not_change_results(rows: int, piece: int, chunk: int, at_once: int) -> None:
    whole = Execution(Scripted(_limits(), 1000), Scripted(_limits()).capabilities())
    cut_driver = Scripted(_limits(max_rows=at_once), chunk)
    cut = Execution(cut_driver, cut_driver.capabilities())
    expected = _bits(whole.run(_schedule(), _tables(rows, rows), 5, seed=3))
    found = _bits(cut.run(_schedule(), _tables(rows, piece), 5, seed=3))
    assert np.array_equal(found, expected)
    assert cut_driver.loads == 1
    assert sum(span.rows for span in cut.spans) == rows
    assert max(len(run.table) for run in cut_driver.runs) <= at_once


def test_lost_driver_is_taken_up_from_the_last_chunk() -> None:
    driver = Scripted(_limits(), 2, deaths=(2, 0, 1))
    execution = Execution(driver, driver.capabilities(), retry_pause_s=0.0)
    expected = _bits(Execution(whole := Scripted(_limits()), whole.capabilities()).run(_schedule(), _tables(11, 11), 3, seed=1))
    assert np.array_equal(_bits(execution.run(_schedule(), _tables(11, 11), 3, seed=1)), expected)
    assert execution.resumed == 3
    assert [run.first_row for run in driver.runs] == [0, 4, 4, 6]
    assert driver.loads == 4


def test_a_driver_that_stays_lost_ends_the_work() -> None:
    driver = Scripted(_limits(), 2, deaths=(1, 0, 0, 0, 0))
    execution = Execution(driver, driver.capabilities(), retry_pause_s=0.0)
    with pytest.raises(DriverLost):
        _bits(execution.run(_schedule(), _tables(9, 9), 3))


def test_a_driver_may_be_told_to_leave_any_number_of_times() -> None:
    driver = Scripted(_limits(), 2, deaths=(1, *[0] * 9))
    driver.death = DriverLeft("the driver must be there")
    losses: list[int] = []
    execution = Execution(driver, driver.capabilities(), retry_pause_s=0.0, lost=lambda: losses.append(1))
    assert len(_bits(execution.run(_schedule(), _tables(9, 9), 3))) == 9
    assert execution.resumed == 10
    assert not losses


def test_a_driver_that_returns_too_little_is_at_fault() -> None:
    class Lazy(Scripted):
        def run(self, run):
            yield next(super().run(run))

    driver = Lazy(_limits())
    with pytest.raises(DriverFault, match="all rows"):
        _bits(Execution(driver, driver.capabilities()).run(_schedule(), _tables(9, 9), 3))


def test_cancelling_stops_a_busy_device() -> None:
    driver = Scripted(_limits(), 1, patience_s=60.0)
    execution = Execution(driver, driver.capabilities())
    with pytest.raises(Cancelled, match="aborted"):
        _bits(execution.run(_schedule(), _tables(9, 9), 3, cancelled=lambda: bool(driver.runs)))


def test_who_aborts_the_driver_needs_no_thread_for_that() -> None:
    before, seen = set(threading.enumerate()), set()
    driver = Scripted(_limits(), 1)
    execution = Execution(driver, driver.capabilities())
    stop = Event()
    chunks = execution.run_all([Series(_schedule(), list(_tables(3, 3)), 3)], cancelled=stop.is_set, watched=True)
    for _ in range(2):
        next(chunks)
        seen |= set(threading.enumerate()) - before
    # asked between chunks all the same
    stop.set()
    with pytest.raises(Cancelled):
        next(chunks)
    assert not seen


def test_each_template_speaks_for_itself() -> None:
    driver = Scripted(_limits())
    execution = Execution(driver, driver.capabilities())
    for engine in ("exact", "exact", "sampled"):
        driver.notes = {"engine": engine}
        _bits(execution.run(_schedule(), _tables(2, 2), 4))
    assert execution.notes == [{"engine": "exact"}, {"engine": "sampled"}]


def test_usage_spans_and_notes_are_accounted() -> None:
    driver = Scripted(_limits(), 2)
    execution = Execution(driver, driver.capabilities())
    told: list[int] = []
    before = datetime.now(UTC)
    _bits(execution.run(_schedule(), _tables(5, 5), 4, progress=told.append))
    assert execution.usage_seconds == pytest.approx(5 * 4 * 1e-6)
    assert told == [2, 4, 5]
    assert execution.notes == [{"engine": "none"}]
    assert [span.rows for span in execution.spans] == [2, 2, 1]
    assert all(one.stop <= two.start for one, two in zip(execution.spans, execution.spans[1:], strict=False))
    assert abs((execution.spans[-1].stop - before).total_seconds()) < 60


def test_the_usage_limit_ends_the_work() -> None:
    driver = Scripted(_limits(), 2)
    execution = Execution(driver, driver.capabilities(), usage_limit_s=10e-6)
    with pytest.raises(RanTooLong):
        _bits(execution.run(_schedule(), _tables(50, 50), 4))
    assert driver.aborted.is_set()


def test_limits_are_checked_before_anything_is_sent() -> None:
    driver = Scripted(_limits(max_shots=10, max_results=100))
    execution = Execution(driver, driver.capabilities())
    with pytest.raises(TooLarge, match="10 shots"):
        _bits(execution.run(_schedule(), _tables(2, 2), 11))
    with pytest.raises(ScheduleError):
        _bits(execution.run(_schedule(), iter([Table.single()]), 4))
    assert not driver.runs
    assert rows_per_run(_schedule(), 10, driver.limits) == 10
    with pytest.raises(TooLarge, match="at least one shot"):
        rows_per_run(_schedule(), 0, driver.limits)


def test_the_next_piece_is_made_while_this_one_is_used() -> None:
    made: list[tuple[int, int]] = []

    def source() -> Iterator[int]:
        for number in range(4):
            made.append((number, get_ident()))
            yield number

    seen = []
    for number in prefetch(source()):
        seen.append(number)
        assert len(made) <= number + 2
    assert seen == [0, 1, 2, 3]
    assert [thread == get_ident() for _, thread in made] == [True, False, False, False]


def test_a_known_single_piece_needs_no_thread() -> None:
    before = set(threading.enumerate())
    for item in prefetch(iter(["only"]), 1):
        assert item == "only"
        assert not set(threading.enumerate()) - before


def test_a_template_that_was_refused_is_refused_again() -> None:
    driver = Scripted(_limits())
    assert len(_bits(Execution(driver, driver.capabilities()).run(_schedule(), _tables(3, 3), 3))) == 3
    narrow = Scripted(_limits(max_events=1))
    for _ in range(2):
        with pytest.raises(ScheduleError, match="events"):
            _bits(Execution(narrow, narrow.capabilities()).run(_schedule(), _tables(3, 3), 3))
    assert not narrow.runs


def test_what_the_source_raises_is_raised_in_its_place() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("two")

    pieces = prefetch(source())
    assert next(pieces) == 1
    with pytest.raises(ValueError, match="two"):
        next(pieces)


def test_a_forgotten_template_is_loaded_again() -> None:
    class Forgetful(Scripted):
        def run(self, run):
            if self.loads == 1:
                raise NotLoaded("a template must be loaded before it is run")
            yield from super().run(run)

    driver = Forgetful(_limits())
    execution = Execution(driver, driver.capabilities(), retry_pause_s=0.0)
    assert len(_bits(execution.run(_schedule(), _tables(5, 5), 3))) == 5


def test_a_driver_that_answers_in_the_wrong_shape_is_at_fault() -> None:
    class Careless(Scripted):
        def run(self, run):
            for chunk in super().run(run):
                yield replace(chunk, bits=chunk.bits[:, :-1])

    driver = Careless(_limits())
    with pytest.raises(DriverFault, match="bits"):
        _bits(Execution(driver, driver.capabilities()).run(_schedule(), _tables(5, 5), 3))


def test_a_driver_that_cannot_be_aborted_does_not_break_the_watch() -> None:
    class Gone(Scripted):
        def abort(self):
            super().abort()
            raise DriverLost("the driver must be alive")

    driver = Gone(_limits(), 1, patience_s=60.0)
    with pytest.raises(Cancelled, match="aborted"):
        _bits(Execution(driver, driver.capabilities()).run(_schedule(), _tables(9, 9), 3, cancelled=lambda: bool(driver.runs)))
