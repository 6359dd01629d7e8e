"""The contract, held against every installed driver, in process and behind ZeroMQ. To install a driver is to test it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qpu_bridge.driver import Capabilities, Chunk, Driver, Run, State, check_chunk
from qpu_bridge.errors import Cancelled, NotLoaded, ScheduleError, UnsupportedOption
from qpu_bridge.schedule import (
    Acquisition,
    Column,
    Feature,
    Linear,
    Output,
    Rows,
    Schedule,
    Shots,
    SlotKind,
    Sweep,
    Table,
    result_shapes,
)
from qpu_bridge.schedule.check import check

KINDS = {
    "bits": Column("c"),
    "iq": Column("c", output=Output.IQ),
    "both": Column("c", output=Output.BOTH),
    "mean": Column("c", output=Output.IQ, average=True),
    "both averaged": Column("c", output=Output.BOTH, average=True),
    "raw": Column("c", acquisition=Acquisition.RAW),
    "raw averaged": Column("c", acquisition=Acquisition.RAW, average=True),
    "kept": Column("c", returned=False),
}


def phases(rows: int) -> Table:
    return Table(np.linspace(0, np.pi, rows)[:, None])


def play(driver: Driver, run: Run) -> list[Chunk]:
    return list(driver.run(run))


def load(driver: Driver, schedule: Schedule) -> None:
    """Load a template that the contract says must play; one that needs what the device says it lacks skips the test."""
    try:
        check(schedule, driver.capabilities().limits)
    except ScheduleError as error:
        if "feature" not in error.must:
            raise
        pytest.skip(error.sentence)
    driver.load(schedule)


def long_column(driver: Driver, bench) -> Column:
    """A column of which a driver sends little at a time: a trace, or a bit where there are no traces."""
    raw = Feature.RAW in driver.capabilities().limits.features
    return Column("c", acquisition=Acquisition.RAW) if raw else Column("c", discriminator=bench.line(0))


def joined(chunks: list[Chunk], name: str) -> np.ndarray:
    return np.concatenate([getattr(chunk, name) for chunk in chunks])


@pytest.fixture
def two_bits(bench, bit) -> Schedule:
    return bench.measured(bit(0), bit(1))


def test_capabilities_are_a_document_that_says_whether_results_are_real(driver: Driver, device: str) -> None:
    capabilities = driver.capabilities()
    assert Capabilities.model_validate_json(capabilities.model_dump_json()) == capabilities
    assert capabilities.device == device
    assert capabilities.driver
    assert capabilities.version
    assert capabilities.source
    assert capabilities.sign in (1, -1)


def test_every_line_of_the_snapshot_has_limits(driver: Driver, snapshot) -> None:
    limits = driver.capabilities().limits
    assert limits.dt == snapshot.timing.dt
    assert {port.name for port in snapshot.ports} <= {port.name for port in limits.ports}


def test_loading_twice_is_loading_once(driver: Driver, two_bits: Schedule) -> None:
    load(driver, two_bits)
    load(driver, two_bits)
    assert driver.status().loaded.count(two_bits.digest.hex()) == 1


def test_a_template_that_is_not_loaded_is_refused_by_name(driver: Driver) -> None:
    with pytest.raises(NotLoaded):
        play(driver, Run(bytes(32), Table.single(), 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sweep", [None, (0.0, 0.5, 3)], ids=["no sweep", "sweep"])
def test_results_have_the_shapes_that_the_schedule_says(driver: Driver, bench, kind: str, sweep) -> None:
    limits = driver.capabilities().limits
    if sweep is not None and SlotKind.PHASE not in limits.sweeps:
        pytest.skip("the device does not sweep phases")
    schedule = bench.measured(
        *[
            replace(KINDS[kind], name=f"c{qubit}", discriminator=None if kind.startswith("raw") else bench.line(qubit))
            for qubit in range(2)
        ],
        sweep=sweep,
    )
    table = Table(np.zeros((3, len(schedule.slots))))
    load(driver, schedule)
    row = 0
    run = Run(schedule.digest, table, shots=4, seed=7)
    for chunk in driver.run(run):
        check_chunk(schedule, run, chunk, row)
        row += chunk.rows
    assert row == 3


def test_chunks_come_in_the_order_of_the_rows_without_gap(driver: Driver, two_bits: Schedule) -> None:
    load(driver, two_bits)
    chunks = play(driver, Run(two_bits.digest, phases(40), shots=20, seed=1))
    assert [chunk.first_row for chunk in chunks] == list(np.cumsum([0, *[chunk.rows for chunk in chunks]])[:-1])
    assert sum(chunk.rows for chunk in chunks) == 40
    stamps = [stamp for chunk in chunks for stamp in (chunk.started_ns, chunk.stopped_ns)]
    assert stamps == sorted(stamps)


def test_a_bit_is_the_side_of_the_line_on_which_its_point_lies(driver: Driver, bench) -> None:
    lines = [bench.line(0), bench.line(1)]
    schedule = bench.measured(*[Column(f"c{k}", output=Output.BOTH, discriminator=line) for k, line in enumerate(lines)])
    load(driver, schedule)
    chunks = play(driver, Run(schedule.digest, phases(2), shots=50, seed=5))
    iq, bits = joined(chunks, "iq"), joined(chunks, "bits")
    for k, line in enumerate(lines):
        along = (iq[..., k] * np.exp(-1j * line.angle)).real
        clear = np.abs(along - line.threshold) > 1e-5 * max(1.0, np.abs(along).max())
        assert np.array_equal((along > line.threshold)[clear], bits[..., k][clear])


def test_the_same_seed_gives_the_same_bytes_however_the_job_is_cut(driver: Driver, bench) -> None:
    if not driver.capabilities().deterministic:
        pytest.skip("the device is not deterministic")
    schedule = bench.measured(*[Column(f"c{k}", output=Output.BOTH, discriminator=bench.line(k)) for k in range(2)])
    load(driver, schedule)
    table = phases(6)
    whole = play(driver, Run(schedule.digest, table, shots=8, seed=3))
    again = play(driver, Run(schedule.digest, table, shots=8, seed=3))
    cut = [
        chunk
        for first, last in ((0, 1), (1, 4), (4, 6))
        for chunk in play(driver, Run(schedule.digest, Table(table.values[first:last]), shots=8, first_row=first, seed=3))
    ]
    other = play(driver, Run(schedule.digest, table, shots=8, seed=4))
    for name in ("bits", "iq"):
        assert joined(whole, name).tobytes() == joined(again, name).tobytes() == joined(cut, name).tobytes()
    assert joined(other, "iq").tobytes() != joined(whole, "iq").tobytes()


def test_an_axis_may_sweep_two_slots_and_shots_go_round_the_rows(driver: Driver, bench) -> None:
    if SlotKind.PHASE not in driver.capabilities().limits.sweeps:
        pytest.skip("the device does not sweep phases")
    plain = bench.measured(Column("c", output=Output.BOTH, discriminator=bench.line(0)), sweep=(0.0, 0.5, 3))
    (axis,) = (loop for loop in plain.loops if isinstance(loop, Linear))
    joint = replace(axis, sweeps=(*axis.sweeps, Sweep(0, 1.0, -0.25)), body=plain.realtime)
    schedule = replace(plain, body=(Shots((Rows((joint,)),)),))
    load(driver, schedule)
    run = Run(schedule.digest, phases(3) if len(schedule.slots) == 1 else Table(np.zeros((3, len(schedule.slots)))), 4, seed=1)
    row = 0
    for chunk in driver.run(run):
        check_chunk(schedule, run, chunk, row)
        row += chunk.rows
    assert row == 3


def test_a_wait_is_the_one_asked_for_or_the_default(driver: Driver, two_bits: Schedule) -> None:
    limits = driver.capabilities().limits
    load(driver, two_bits)
    for wait in (None, limits.min_rep_delay_s, limits.default_rep_delay_s):
        assert sum(chunk.rows for chunk in play(driver, Run(two_bits.digest, phases(2), 2, rep_delay_s=wait, seed=1))) == 2
    with pytest.raises(ScheduleError, match="the wait between shots must be from"):
        play(driver, Run(two_bits.digest, phases(2), 2, rep_delay_s=2 * limits.max_rep_delay_s, seed=1))


def test_two_columns_are_two_numbers(driver: Driver, two_bits: Schedule) -> None:
    load(driver, two_bits)
    bits = joined(play(driver, Run(two_bits.digest, Table(np.full((4, 1), np.pi / 2)), shots=200, seed=2)), "bits")
    assert (bits[..., 0] != bits[..., 1]).any()
    assert (bits[:, :-1] != bits[:, 1:]).any()


def test_an_aborted_run_ends_and_the_next_one_plays(driver: Driver, bench) -> None:
    # traces are long, so that no driver can have sent all rows before it is stopped
    column = long_column(driver, bench)
    schedule = bench.measured(column)
    load(driver, schedule)
    shots = 64
    row = sum(int(np.prod(shape)) for shape in result_shapes(schedule, 1, shots).values())
    rows = min(driver.capabilities().limits.max_rows, driver.capabilities().limits.max_results // row)
    chunks = driver.run(Run(schedule.digest, phases(rows), shots=shots, seed=1))
    first = next(chunks)
    if first.rows == rows:
        pytest.skip("the driver gives all rows that a run may have at once")
    stopper = threading.Thread(target=driver.abort)
    stopper.start()
    stopper.join()
    with pytest.raises(Cancelled):
        list(chunks)
    assert driver.status().state is State.IDLE
    assert sum(chunk.rows for chunk in play(driver, Run(schedule.digest, phases(2), shots=1, seed=1))) == 2


def test_a_run_that_nobody_reads_on_stops(driver: Driver, bench) -> None:
    schedule = bench.measured(long_column(driver, bench))
    load(driver, schedule)
    chunks = driver.run(Run(schedule.digest, phases(2000), shots=64, seed=1))
    next(chunks)
    chunks.close()
    assert len(play(driver, Run(schedule.digest, phases(2), shots=1, seed=1))) >= 1


def test_abort_without_a_run_does_nothing(driver: Driver, two_bits: Schedule) -> None:
    driver.abort()
    load(driver, two_bits)
    assert sum(chunk.rows for chunk in play(driver, Run(two_bits.digest, phases(2), shots=2, seed=1))) == 2


def test_status_answers_during_a_run(driver: Driver, two_bits: Schedule) -> None:
    load(driver, two_bits)
    assert driver.status().state is State.IDLE
    chunks = driver.run(Run(two_bits.digest, phases(500), shots=100, seed=1))
    next(chunks)
    assert driver.status().state in (State.RUNNING, State.IDLE)
    assert two_bits.digest.hex() in driver.status().loaded
    list(chunks)
    assert driver.status().state is State.IDLE


WRONG: dict[str, tuple[type[Exception], Callable[[Run], Run]]] = {
    "too many slots": (ScheduleError, lambda run: replace(run, table=Table(np.zeros((2, 7))))),
    "too few slots": (ScheduleError, lambda run: replace(run, table=Table(np.zeros((2, 0))))),
    "no rows": (ScheduleError, lambda run: replace(run, table=Table(np.zeros((0, 1))))),
    "no shots": (ScheduleError, lambda run: replace(run, shots=0)),
    "a wait that is no number": (ScheduleError, lambda run: replace(run, rep_delay_s=-1.0)),
    "too many results": (ScheduleError, lambda run: replace(run, shots=2**40)),
    "a setting nobody knows": (UnsupportedOption, lambda run: replace(run, settings={"no such setting": 1.0})),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_played_is_refused_before_the_first_chunk(driver: Driver, two_bits: Schedule, case: str) -> None:
    error, spoil = WRONG[case]
    load(driver, two_bits)
    with pytest.raises(Exception) as caught:
        play(driver, spoil(Run(two_bits.digest, phases(2), shots=2, seed=1)))
    assert isinstance(caught.value, error), caught.value
    assert sum(chunk.rows for chunk in play(driver, Run(two_bits.digest, phases(2), shots=2, seed=1))) == 2


def test_a_line_that_does_not_exist_is_refused(driver: Driver, two_bits: Schedule) -> None:
    ports = (replace(two_bits.ports[0], name="nowhere"), *two_bits.ports[1:])
    with pytest.raises(ScheduleError, match="nowhere"):
        driver.load(replace(two_bits, ports=ports))


def test_settings_are_honoured_or_refused(driver: Driver, two_bits: Schedule) -> None:
    load(driver, two_bits)
    for setting in driver.capabilities().settings:
        wrong = "no" if setting.kind != "text" else 1
        with pytest.raises(UnsupportedOption, match=setting.name):
            play(driver, Run(two_bits.digest, phases(1), shots=1, settings={setting.name: wrong}))


def test_results_are_plain_arrays(driver: Driver, two_bits: Schedule) -> None:
    load(driver, two_bits)
    (chunk,) = play(driver, Run(two_bits.digest, phases(1), shots=3, seed=1))
    assert chunk.bits.shape == (1, 3, 2)
    assert chunk.bits.dtype == np.bool_
    assert chunk.iq is None
    assert chunk.mean is None
    assert not chunk.raw
    assert isinstance(dict(chunk.notes), dict)
