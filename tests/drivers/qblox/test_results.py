"""Bins to arrays, on programs written by hand: what a capture is, and who wins a column."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import pi

import numpy as np
import pytest

from qpu_bridge.driver import Chunk, Run, check_chunk
from qpu_bridge.errors import DriverFault
from qpu_bridge.schedule import Builder, Column, Discriminator, Output, PortKind, Schedule, SlotKind, Table
from qpu_bridge.units import Clock
from qpu_drivers.qblox.acquired import Acquired, Bins
from qpu_drivers.qblox.program import Program, SequencerProgram, Settings, Site
from qpu_drivers.qblox.results import arrays, check_complete, hardware_bits, values

PLACE, OTHER = (4, 0), (4, 1)
ROWS, POINTS, SHOTS = 2, 3, 5
LINE = Discriminator(angle=0.4, threshold=0.3)


def schedule(*columns: Column) -> Schedule:
    """A schedule with an axis of three points and a capture for each column."""
    build = Builder(Clock(Fraction(1, 10**9)))
    frame = build.frame("a", build.port("a", PortKind.ACQUIRE), 7e9)
    build.sweep(SlotKind.PHASE, 0.0, 0.1, POINTS)
    for column in columns:
        build.capture(frame, build.column(column), 400)
        build.wait(300)
    return build.build()


def site(column: int, acquisition: int = 0, *, place: tuple[int, int] = PLACE, average: bool = False, **changes: object) -> Site:
    strides = (POINTS, 1, 0) if average else (POINTS * SHOTS, SHOTS, 1)
    found = Site(column, column, place, acquisition, 400, False, 1.0, np.zeros((1, 1)), strides)
    return replace(found, **changes)


def program(*sites: Site, line: Discriminator | None = None, shots: int = SHOTS) -> Program:
    places = sorted({one.place for one in sites})
    played = tuple(SequencerProgram(place, "stop", settings=Settings(discriminator=line)) for place in places)
    return Program(played, sites, (ROWS, POINTS, shots), 0, 0)


def acquired(rng: np.random.Generator, *sites: Site, missing: float = 0.0, count: int = 1) -> Acquired:
    """Random sums in the bins of these sites; some of them empty."""
    found = {}
    for one in sites:
        bins = ROWS * POINTS * (SHOTS if one.strides[-1] else 1)
        counts = np.where(rng.random(bins) < missing, 0, count).astype(np.int64)
        sums = np.where(counts > 0, rng.normal(size=bins) + 1j * rng.normal(size=bins), 0)
        found[one.place, one.acquisition] = Bins(sums, np.zeros(bins), counts)
    return Acquired(found)


def test_a_capture_is_conjugated_scaled_and_turned_back(rng: np.random.Generator) -> None:
    turn = np.array([[0.3, 0.4, 0.5], [1.3, 1.4, 1.5]])
    one = site(0, factor=0.7j, rotation=turn)
    got = acquired(rng, one)
    found = arrays(schedule(Column("c", output=Output.IQ)), program(one), got)["iq"]
    sums = got.bins[PLACE, 0].sums.reshape(ROWS, POINTS, SHOTS)
    assert found.shape == (ROWS, POINTS, SHOTS, 1)
    assert found.dtype == np.complex64
    for row, point, shot in np.ndindex(ROWS, POINTS, SHOTS):
        expected = 0.7j * np.conj(sums[row, point, shot]) * np.exp(-1j * turn[row, point])
        assert found[row, point, shot, 0] == pytest.approx(expected, abs=1e-6)


def test_a_signal_that_the_hardware_hands_out_conjugated_comes_back_as_it_was_sent() -> None:
    """`y = s exp(i p)` through a unit line, a kernel of constant phase, a capture of phase `phi`: the formula of the README."""
    sent, phase, phi, kernel = 0.6 * np.exp(0.2j), 0.9, -0.7, np.exp(1.1j) * np.array([0.2, 0.5, 1.0, 0.5])
    y = np.full(4, sent * np.exp(1j * phase))
    factor = kernel[2]
    one = site(0, factor=complex(factor), rotation=np.full((1, 1), phi))
    hardware = ((kernel / factor).real * np.conj(y)).sum()
    bins = Bins(np.full(ROWS * POINTS * SHOTS, hardware), np.zeros(30), np.ones(30, np.int64))
    found, _ = values(program(one), Acquired({(PLACE, 0): bins}), one)
    assert np.allclose(found, (kernel * y).sum() * np.exp(-1j * phi))


def test_the_last_capture_that_was_executed_wins_and_what_nobody_wrote_is_0(rng: np.random.Generator) -> None:
    first, last = site(0, 0), site(0, 1)
    got = acquired(rng, first, last, missing=0.5)
    columns = schedule(Column("c", output=Output.BOTH, discriminator=LINE))
    found = arrays(columns, program(first, last), got)
    one, other = got.bins[PLACE, 0], got.bins[PLACE, 1]
    expected = np.where(other.counts > 0, other.sums.conj(), np.where(one.counts > 0, one.sums.conj(), 0))
    assert {0, 1, 2} == set((one.counts + other.counts).tolist())
    assert np.allclose(found["iq"].ravel(), expected)
    written = (one.counts + other.counts) > 0
    assert np.array_equal(found["bits"].ravel(), written & ((expected * np.exp(-0.4j)).real > 0.3))


def test_a_mean_counts_what_was_not_captured_as_0(rng: np.random.Generator) -> None:
    one = site(0, average=True)
    got = acquired(rng, one, count=2)
    found = arrays(schedule(Column("c", output=Output.IQ, average=True)), program(one), got)["mean"]
    assert np.allclose(found.ravel(), got.bins[PLACE, 0].sums.conj() * 2 / SHOTS)


def test_the_mean_of_a_column_that_also_returns_bits_is_taken_here(rng: np.random.Generator) -> None:
    one = site(0)
    got = acquired(rng, one, missing=0.3)
    found = arrays(schedule(Column("c", output=Output.BOTH, average=True, discriminator=LINE)), program(one), got)
    assert set(found) == {"bits", "mean"}
    assert np.allclose(found["mean"], got.bins[PLACE, 0].sums.conj().reshape(ROWS, POINTS, SHOTS).mean(-1)[..., None])


def test_columns_that_are_not_returned_do_not_shift_the_others(rng: np.random.Generator) -> None:
    sites = [site(0, 0), site(1, 0, place=OTHER), site(2, 1)]
    got = acquired(rng, *sites)
    names = [Column("a", output=Output.IQ), Column("b", output=Output.IQ, returned=False), Column("c", output=Output.IQ)]
    found = arrays(schedule(*names), program(*sites), got)["iq"]
    assert np.allclose(found[..., 0].ravel(), got.bins[PLACE, 0].sums.conj())
    assert np.allclose(found[..., 1].ravel(), got.bins[PLACE, 1].sums.conj())


@pytest.mark.parametrize(("factor", "turn", "same"), [(1.0, 0.0, True), (2.0, 0.0, True), (1j, 0.0, False), (1.0, 0.2, False)])
def test_bits_are_the_hardwares_where_its_line_is_the_columns(factor: complex, turn: float, same: bool) -> None:
    """A sequencer that tells `Re(S e^(i 0.4)) > 0.3` answers for the column's line if the capture adds no turn of its own."""
    one = site(0, factor=factor, rotation=np.full((1, 1), turn))
    line = replace(LINE, threshold=abs(factor) * LINE.threshold)
    bits = np.arange(30) % 3 == 0
    got = Acquired({(PLACE, 0): Bins(np.zeros(30, complex), bits.astype(float), np.ones(30, np.int64))})
    told = hardware_bits(program(one, line=LINE), got, one, line)
    assert (told is not None) == same
    assert told is None or np.array_equal(told.ravel(), bits)


def test_the_hardware_and_the_host_agree_on_the_same_sums(rng: np.random.Generator) -> None:
    kernel, phi = 0.8 * np.exp(0.6j), 0.25
    one = site(0, factor=kernel, rotation=np.full((1, 1), phi))
    line = Discriminator(angle=1.9, threshold=-0.2)
    inside = Discriminator(angle=line.angle + phi - 0.6, threshold=line.threshold / 0.8)
    got = acquired(rng, one)
    bins = got.bins[PLACE, 0]
    told = replace(bins, ones=((bins.sums * np.exp(1j * inside.angle)).real > inside.threshold).astype(float))
    columns = schedule(Column("c", discriminator=line))
    hardware = arrays(columns, program(one, line=inside), Acquired({(PLACE, 0): told}))["bits"]
    host = arrays(columns, program(one), got)["bits"]
    assert hardware_bits(program(one, line=inside), got, one, line) is not None
    assert 0 < host.sum() < host.size
    assert np.array_equal(hardware, host)


def test_what_comes_out_is_a_chunk(rng: np.random.Generator) -> None:
    sites = [site(0, 0), site(1, 1, average=True)]
    columns = schedule(Column("a", output=Output.BOTH, discriminator=LINE), Column("b", output=Output.IQ, average=True))
    found = arrays(columns, program(*sites), acquired(rng, *sites))
    run = Run(columns.digest, Table(np.zeros((ROWS, 1))), SHOTS)
    check_chunk(columns, run, Chunk(0, ROWS, **found), 0)


def test_one_shot_is_neither_here_nor_there(rng: np.random.Generator) -> None:
    """With one shot a program has no loop of shots, and a bin no stride for it."""
    one = site(0, strides=(POINTS, 1, 0))
    bins = Bins(rng.normal(size=6) + 1j * rng.normal(size=6), np.arange(6) % 2 * 1.0, np.ones(6, np.int64))
    found = arrays(
        schedule(Column("c", output=Output.BOTH, discriminator=LINE)), program(one, shots=1), Acquired({(PLACE, 0): bins})
    )
    assert found["iq"].shape == found["bits"].shape == (ROWS, POINTS, 1, 1)
    assert np.allclose(found["iq"].ravel(), bins.sums.conj())
    assert hardware_bits(program(one, line=LINE, shots=1), Acquired({(PLACE, 0): bins}), one, LINE) is not None


def test_a_turn_is_the_rows_own(rng: np.random.Generator) -> None:
    one = site(0, rotation=np.array([[0.0], [pi]]))
    got = acquired(rng, one)
    found, _ = values(program(one), got, one)
    sums = got.bins[PLACE, 0].sums.conj().reshape(ROWS, POINTS, SHOTS)
    assert np.allclose(found[0], sums[0])
    assert np.allclose(found[1], -sums[1])


@pytest.mark.parametrize(("average", "count"), [(False, 1), (True, SHOTS)])
def test_acquisitions_that_were_lost_or_added_are_a_fault(rng: np.random.Generator, average: bool, count: int) -> None:
    one = site(0, average=average)
    check_complete(program(one), acquired(rng, one, count=count), frozenset({0}))
    check_complete(program(one), acquired(rng, one, missing=0.5, count=count), frozenset())
    with pytest.raises(DriverFault, match=f"hold {count} acquisitions; got 0 in the first of .*slot 4 sequencer 0"):
        check_complete(program(one), acquired(rng, one, missing=0.5, count=count), frozenset({0}))
    with pytest.raises(DriverFault, match=f"got {count + 1} in the first"):
        check_complete(program(one), acquired(rng, one, count=count + 1), frozenset({0}))
