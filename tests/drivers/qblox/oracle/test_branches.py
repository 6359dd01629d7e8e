"""Branches: whatever is measured, what is played is what the schedule means, to the nanosecond."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Bits,
    Operation,
    Schedule,
    SlotKind,
    Table,
    row_values,
    unroll,
)
from qpu_bridge.schedule.shapes import drag
from qpu_bridge.schedule.unroll import Measured
from qpu_drivers.qblox.program import Program
from qpu_drivers.qblox.rack import Rack
from tests.drivers.qblox.oracle.branches import (
    LATENCY,
    LINE,
    Bench,
    active_reset,
    both_arms_at_once,
    else_alone,
    measured_in_an_arm,
    repeated,
    several_lines,
    tuned,
    two_bits_and_a_capture_between,
    two_frequencies_in_two_arms,
)
from tests.drivers.qblox.oracle.expected import Turn, emitted, turns
from tests.drivers.qblox.oracle.judge import TOLERANCE, Performance, Piece, captures, compiled, perform, worst
from tests.drivers.qblox.oracle.lab import RACK

SHOTS, REP_DELAY = 8, 2_000


def bits_of(schedule: Schedule, shots: int, seed: int, rows: int = 1) -> dict[Turn, Measured]:
    """What all captures of each shot measure, one after the other."""
    rng = np.random.default_rng(seed)
    return {
        turn: {column: rng.integers(0, 2, 8).astype(bool).tolist() for column in range(len(schedule.columns))}
        for turn in turns(schedule, rows, shots)
    }


def hold(schedule: Schedule, seed: int = 1, options: Mapping[str, Any] = RACK, table: Table | None = None) -> None:
    """Play shots of different outcomes, and compare all samples and the instants of all acquisitions."""
    table = table or Table(np.zeros((1, len(schedule.slots))))
    piece = compiled(schedule, table, SHOTS, REP_DELAY, options)
    measured = bits_of(schedule, SHOTS, seed, len(table))
    got = perform(piece, mock=sums(piece, measured))
    assert not got.flags
    assert difference(piece, got, measured) < TOLERANCE
    assert times(got.acquired) == times(captures(piece, measured.__getitem__))


def difference(piece: Piece, got: Performance, measured: Mapping[Turn, Measured]) -> float:
    """Largest distance between what was emitted and what the outcomes ask for."""
    wanted = emitted(piece.schedule, piece.table, SHOTS, REP_DELAY, oscillators(piece.options), lambda turn: measured[turn])
    return worst(piece, got, wanted)


def oscillators(options: Mapping[str, Any]) -> dict[str, float]:
    """What is behind each line, Hz."""
    rack = Rack.read(options, "lab")
    return {name: rack.oscillator(name) for name in rack.wiring}


def times(acquired: Mapping[Any, list[tuple[int, int]]]) -> dict[Any, list[int]]:
    """When acquisitions happened; turns of a loop that are overwritten have a bin of their own."""
    return {key: [time for time, _ in found] for key, found in acquired.items() if found}


def sums(piece: Piece, measured: Mapping[Turn, Measured]) -> dict[Any, list[complex]]:
    """What each acquisition must sum up to, in the order of execution, for the bits to be told."""
    sites = {site.event: site for site in piece.program.sites}
    found: dict[Any, list[complex]] = {(site.place, f"a{site.acquisition}"): [] for site in sites.values()}
    for turn in turns(piece.schedule, len(piece.table), piece.shots):
        values = row_values(piece.schedule, turn[0], piece.table, turn[1])
        played, taken = unroll(piece.schedule, values, measured[turn]), dict[int, int]()
        for event, row in zip(played.events, played.rows.tolist(), strict=True):
            if event["operation"] != Operation.CAPTURE:
                continue
            column, site = int(event["column"]), sites[row]
            bit = np.ravel(measured[turn][column])[taken.get(column, 0)]
            taken[column] = taken.get(column, 0) + 1
            line = piece.schedule.columns[column].discriminator or LINE
            value = (line.threshold + (40.0 if bit else -40.0)) * np.exp(1j * line.angle)
            total = np.conj(value * np.exp(1j * float(np.ravel(site.rotation)[0])) / site.factor)
            found[site.place, f"a{site.acquisition}"].append(complex(total))
    return found


CASES = (
    active_reset,
    else_alone,
    both_arms_at_once,
    several_lines,
    two_bits_and_a_capture_between,
    measured_in_an_arm,
    repeated,
    tuned,
)


@pytest.mark.parametrize("write", CASES)
def test_what_was_measured_decides_what_is_played(write: Callable[[Bench], None]) -> None:
    lab = Bench()
    write(lab)
    hold(lab.build.build())


def test_arms_that_do_not_fit_are_refused() -> None:
    lab = Bench()
    bit = lab.bit("c")
    lab.build.wait(600)
    lab.measure(bit)
    lab.wait()
    for branch in (lab.build.branch(Bits((bit,))), lab.build.otherwise()):
        with branch:
            for _ in range(8):
                lab.build.play(lab.drive[0], drag(5, 2, 0.5), amplitude=0.4)
    lab.build.wait(1000)
    with pytest.raises(ScheduleError, match=r"arms of a branch must leave .* \(port d0, tick 0 of the branch\)"):
        compiled(lab.build.build(), Table.single(), 2, REP_DELAY)


@pytest.mark.parametrize("rows", [1, 6])
def test_rows_and_axes_go_on_around_branches(rows: int, rng: np.random.Generator) -> None:
    """Twirled phases in both arms and behind them, an axis of amplitudes, a wait from the table before the branch."""
    lab = Bench()
    bit = lab.bit("c")
    build = lab.build
    level = build.sweep(SlotKind.AMPLITUDE, 0.1, 0.15, 2)
    build.wait(600)
    lab.measure(bit)
    lab.wait()
    build.wait(build.slot(SlotKind.DURATION))
    for arm in (build.branch(Bits((bit,))), build.otherwise()):
        with arm:
            build.play(lab.drive[0], drag(32, 8, 0.5), amplitude=0.3, phase=build.slot(SlotKind.PHASE, bits=2))
            build.play(lab.drive[2], drag(32, 8, 0.5), amplitude=level)
            build.barrier()
            build.wait(32)
    build.play(lab.drive[0], drag(32, 8, 0.5), amplitude=0.3, phase=build.slot(SlotKind.PHASE, bits=2))
    build.wait(40)
    schedule = build.build()
    values = np.zeros((rows, len(schedule.slots)))
    for slot, kind in enumerate(schedule.slots):
        values[:, slot] = rng.integers(0, 4, rows) * np.pi / 2 if kind.kind is SlotKind.PHASE else rng.integers(8, 80, rows)
    hold(schedule, table=Table(values))


def test_two_frequencies_in_two_arms_are_refused() -> None:
    lab = Bench()
    two_frequencies_in_two_arms(lab)
    lab.build.wait(1000)
    with pytest.raises(ScheduleError, match=r"one arm of a branch only.*port d1"):
        compiled(lab.build.build(), Table.single(), 2, REP_DELAY)


@st.composite
def arms(draw: st.DrawFn) -> list[tuple[int, int, float, int]]:
    """Pulses one after the other: carrier, length, phase, and the pause behind it."""
    pulse = st.tuples(st.integers(0, 3), st.integers(20, 60), st.floats(-3, 3), st.integers(0, 30))
    return draw(st.lists(pulse, max_size=4))


@st.composite
def branching(draw: st.DrawFn) -> Schedule:
    """Rounds of a measurement, one or two branches on its bit, and pulses on all lines before and behind them."""
    lab = Bench()
    build = lab.build
    build.wait(600)
    for turn in range(draw(st.integers(1, 3))):
        qubit, bit = draw(st.integers(0, 2)), lab.bit(f"c{turn}")
        lab.measure(*(bit if k == qubit else None for k in range(3)))
        lab.wait(LATENCY + draw(st.integers(0, 9)))
        for _ in range(draw(st.integers(1, 2))):
            both = draw(arms()), draw(arms())
            length = 60 + max(sum(n + pause for _, n, _, pause in arm) for arm in both)
            for arm, first in zip(both, (True, False), strict=True):
                with build.branch(Bits((bit,))) if first else build.otherwise():
                    left = length
                    for frame, n, phase, pause in arm:
                        build.play(lab.drive[frame], drag(n, n / 4, 0.7), amplitude=0.3, phase=phase)
                        build.barrier()
                        build.wait(pause)
                        left -= n + pause
                    build.wait(left)
            frame = lab.drive[draw(st.integers(0, 3))]
            build.play(frame, drag(24, 6, 0.5), amplitude=0.2)
            build.wait(40)
        build.wait(700)
    return build.build()


@settings(max_examples=8)
@given(branching(), st.integers(0, 99))
def test_random_branches(schedule: Schedule, seed: int) -> None:
    hold(schedule, seed)


def exchanged(text: str) -> str:
    """Each arm under the condition of the other."""
    return re.sub(r"set_cond 1,(\d+),(\d)", lambda m: f"set_cond 1,{m[1]},{1 - int(m[2])}", text)


def remembered(text: str) -> str:
    """Counts that never begin anew."""
    return text.replace("latch_rst", "wait")


def elsewhere(text: str) -> str:
    """Another address."""
    return re.sub(r"set_cond 1,(\d+)", lambda m: f"set_cond 1,{2 * int(m[1])}", text)


def unequal(text: str) -> str:
    """What is skipped takes longer than it should."""
    return re.sub(r"(set_cond 1,\d+,\d),4", r"\1,8", text)


def deaf(text: str) -> str:
    """Triggers that are not counted."""
    return text.replace("set_latch_en 1", "set_latch_en 0")


@pytest.mark.parametrize("mutant", [exchanged, remembered, elsewhere, unequal, deaf])
def test_a_mutant_is_noticed(mutant: Callable[[str], str]) -> None:
    lab = Bench()
    both_arms_at_once(lab)
    piece = compiled(lab.build.build(), Table.single(), SHOTS, REP_DELAY)
    changed = [replace(one, text=mutant(one.text)) for one in piece.program.sequencers]
    assert [one.text for one in changed] != [one.text for one in piece.program.sequencers]
    spoilt = replace(piece, program=replace(piece.program, sequencers=tuple(changed)))
    measured = bits_of(piece.schedule, SHOTS, 1)
    got = perform(spoilt, mock=sums(piece, measured))
    assert got.flags or difference(spoilt, got, measured) > 2 * TOLERANCE


@pytest.mark.parametrize("write", CASES)
def test_the_vendor_takes_it(accepted: Callable[[Program], None], write: Callable[[Bench], None]) -> None:
    lab = Bench()
    write(lab)
    accepted(compiled(lab.build.build(), Table.single(), SHOTS, REP_DELAY).program)


if __name__ == "__main__":  # the proof of README.md: python -m tests.drivers.qblox.oracle.test_branches
    many = settings(max_examples=150, derandomize=False, database=None, deadline=None)

    @seed(20261121)
    @many
    @given(branching(), st.integers(0, 10**6))
    def prove(schedule: Schedule, seed: int) -> None:
        hold(schedule, seed)

    prove()
    print("150 random schedules of branches: held")
