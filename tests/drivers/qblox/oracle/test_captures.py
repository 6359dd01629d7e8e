"""What is heard arrives where it belongs, and is what the schedule says it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from qpu_bridge.schedule import (
    Column,
    Operation,
    Output,
    Schedule,
    SlotKind,
    Table,
    render,
    row_values,
    unroll,
)
from qpu_bridge.schedule.shapes import drag
from qpu_drivers.qblox.acquired import Acquired, Bins
from qpu_drivers.qblox.program import Program, Site
from qpu_drivers.qblox.results import arrays
from tests.drivers.qblox.oracle.expected import turns
from tests.drivers.qblox.oracle.judge import Performance, Piece, compiled, perform
from tests.drivers.qblox.oracle.lab import FREQUENCIES, Lab, measured_schedules

SHOTS = 3
REP_DELAY = 1_500


def acquired(program: Program, got: Performance) -> Acquired:
    """What the simulator's bins hold, as the driver's I/O hands it on."""
    found = {}
    for one in program.sequencers:
        for index in range(len(one.acquisitions)):
            bins = got.acquisitions[one.place][f"a{index}"]["acquisition"]["bins"]
            sums = np.nan_to_num(bins["integration"]["path0"]) + 1j * np.nan_to_num(bins["integration"]["path1"])
            found[one.place, index] = Bins(sums, np.nan_to_num(bins["threshold"]), bins["avg_cnt"])
    return Acquired(found)


def injected(piece: Piece, sums: Mapping[tuple[Any, int], list[complex]]) -> Mapping[str, NDArray[Any]]:
    """The results of a run whose acquisitions have these sums, in the order of execution."""
    mock = {(place, f"a{index}"): values for (place, index), values in sums.items()}
    got = perform(piece, render_ns=0, mock=mock)
    assert not got.flags
    return arrays(piece.schedule, piece.program, acquired(piece.program, got))


def told(turn: tuple[int, tuple[int, ...], int], column: int) -> complex:
    """Another number for each row, point, shot and column."""
    row, point, shot = turn
    place = [row, *point, shot, column]
    return complex(sum((3 + k) ** 2 * 7**k * p for k, p in enumerate(place)) + 1, row - 2 * shot + 5 * column + sum(point))


def sums_that_give(piece: Piece, schedule: Schedule) -> dict[tuple[Any, int], list[complex]]:
    """What each acquisition must sum up to for `told` to come back, in the order of execution."""
    sites = {site.event: site for site in piece.program.sites}
    found: dict[tuple[Any, int], list[complex]] = defaultdict(list)
    for turn in turns(schedule, len(piece.table), piece.shots):
        row, point, _ = turn
        for index in unroll(schedule, row_values(schedule, row, piece.table, point)).rows.tolist():
            if schedule.events["operation"][index] == Operation.CAPTURE:
                site = sites[index]
                found[site.place, site.acquisition].append(_sum(site, told(turn, site.column), row, point))
    return found


def _sum(site: Site, value: complex, row: int, point: tuple[int, ...]) -> complex:
    shape = np.asarray(site.rotation).shape
    at = tuple(min(k, n - 1) for k, n in zip((row, *point)[len((row, *point)) - len(shape) :], shape, strict=True))
    return complex(np.conj(value * np.exp(1j * np.asarray(site.rotation)[at]) / site.factor))


@settings(max_examples=6)
@given(measured_schedules())
def test_each_number_comes_back_from_where_it_was_put(case: tuple[Schedule, Table]) -> None:
    hold_numbers(case)


def hold_numbers(case: tuple[Schedule, Table]) -> None:
    schedule, table = case
    piece = compiled(schedule, table, SHOTS, REP_DELAY)
    results = injected(piece, sums_that_give(piece, schedule))
    for kind in ("iq", "mean"):
        for k, column in enumerate(schedule.columns_returning(kind)):
            for turn in turns(schedule, len(table), SHOTS):
                row, point, shot = turn
                if kind == "iq":
                    assert np.isclose(results["iq"][(row, *point, shot, k)], told(turn, column), rtol=1e-5)
                else:
                    mean = np.mean([told((row, point, s), column) for s in range(SHOTS)])
                    assert np.isclose(results["mean"][(row, *point, k)], mean, rtol=1e-5)
    assert set(results) == {kind for kind in ("bits", "iq", "mean") if schedule.columns_returning(kind)}


def swapped(program: Program) -> Program:
    """Rows and shots the other way round."""
    return replace(program, sites=tuple(replace(site, strides=site.strides[::-1]) for site in program.sites))


def crossed(program: Program) -> Program:
    """Two acquisitions under each other's names."""
    first, second = (site.acquisition for site in program.sites)
    assert first != second
    return replace(program, sites=tuple(replace(s, acquisition=first + second - s.acquisition) for s in program.sites))


@pytest.mark.parametrize("mutant", [swapped, crossed])
def test_swapped_bins_are_noticed(mutant: Callable[[Program], Program]) -> None:
    lab = Lab([4 * k * 10**7 for k in range(-3, FREQUENCIES - 3)])
    lab.build.play(lab.drive[0], drag(20, 5, 0.6), amplitude=0.3, phase=lab.build.slot(SlotKind.PHASE))
    for k in range(2):
        lab.measure(lab.build.column(Column(f"c{k}", output=Output.IQ)))
        lab.build.wait(100)
    piece = compiled(lab.build.build(), Table(np.zeros((SHOTS, 1))), SHOTS, REP_DELAY)
    sums = sums_that_give(piece, piece.schedule)
    right = injected(piece, sums)["iq"]
    wrong = injected(replace(piece, program=mutant(piece.program)), sums)["iq"]
    assert abs(right - wrong).max() > 1


@settings(max_examples=6)
@given(measured_schedules())
def test_an_input_plugged_into_its_output_hears_what_was_played(case: tuple[Schedule, Table]) -> None:
    hold_loopback(case)


def hold_loopback(case: tuple[Schedule, Table]) -> None:
    """Kernel, conjugation, phase and oscillator of captures: ``iq = sum_k w_k y_k exp(-i phi)`` of the tones on the line."""
    schedule, table = case
    piece = compiled(schedule, table, SHOTS, REP_DELAY)
    got = perform(piece)
    assert not got.flags
    sums: dict[tuple[Any, int], list[complex]] = defaultdict(list)
    for one in piece.allocation.sequencers:
        if one.input is None:
            continue
        line = schedule.ports[one.input].name
        for window in got.windows[one.place]:
            heard = window.heard(heard_by(piece, got, line), piece.options["wiring"][line]["time_of_flight"])
            sums[one.place, window.acquisition].append(heard)
    results = injected(piece, sums)
    wanted = played_back(schedule, table)
    for k, column in enumerate(schedule.columns_returning("iq")):
        assert np.abs(results["iq"][..., k] - wanted[column]).max() < 1e-3 * 300
    for k, column in enumerate(schedule.columns_returning("mean")):
        assert np.abs(results["mean"][..., k] - wanted[column].mean(-1)).max() < 1e-3 * 300


def heard_by(piece: Piece, got: Performance, line: str) -> NDArray[np.complex128]:
    """What the output beside an input emits: m0 beside a0."""
    spec = piece.options["wiring"][f"m{line[1:]}"]
    outputs = [got.sockets[spec["slot"], output] for output in np.atleast_1d(spec["output"]).tolist()]
    return outputs[0] if len(outputs) == 1 else outputs[0].real + 1j * outputs[1].real


def played_back(schedule: Schedule, table: Table) -> dict[int, NDArray[np.complex128]]:
    """What each column holds after a unit line from ``mX`` to ``aX``: ``complex128[rows, *axes, shots]``."""
    lengths = schedule.samples
    names = {port.name: k for k, port in enumerate(schedule.ports)}
    found = {k: np.zeros((len(table), *schedule.sweep_shape, SHOTS), complex) for k in range(len(schedule.columns))}
    for turn in turns(schedule, len(table), SHOTS):
        row, point, shot = turn
        values = row_values(schedule, row, table, point)
        played = unroll(schedule, values)
        for event, index in zip(played.events, played.rows.tolist(), strict=True):
            if event["operation"] != Operation.CAPTURE:
                continue
            tone = names["m" + schedule.ports[event["port"]].name[1:]]
            y = render(schedule, values, references={tone: float(event["frequency"])})[tone]
            n, first = int(lengths[index]), int(event["start"])
            weights = schedule.waveforms[event["waveform"]].expand() if event["waveform"] >= 0 else np.ones(n)
            iq = weights @ y[first : first + n] * np.exp(-1j * float(event["phase"]))
            found[int(event["column"])][(row, *point, shot)] = iq
    return found
