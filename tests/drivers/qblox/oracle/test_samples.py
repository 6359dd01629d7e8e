"""Whatever a schedule says, every sample of every output is what it means, and every acquisition is in its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from qpu_bridge.schedule import Schedule, SlotKind, Table
from qpu_bridge.schedule.shapes import drag, gaussian_square
from qpu_drivers.qblox.program import Program, SequencerProgram
from tests.drivers.qblox.oracle.expected import emitted
from tests.drivers.qblox.oracle.judge import TOLERANCE, captures, compiled, perform, worst
from tests.drivers.qblox.oracle.lab import LO, Lab, fixed_schedules, schedules_with_rows, swept_schedules

SHOTS = 3
REP_DELAY = 2_000

Accept = Callable[[Program], None]


def hold(schedule: Schedule, table: Table, accepted: Accept) -> None:
    piece = compiled(schedule, table, SHOTS, REP_DELAY)
    accepted(piece.program)
    got = perform(piece)
    assert not got.flags
    assert worst(piece, got, emitted(schedule, table, SHOTS, REP_DELAY, LO)) < TOLERANCE
    assert {key: times for key, times in got.acquired.items() if times} == captures(piece)


@settings(max_examples=8)
@given(fixed_schedules())
def test_straight_blocks(accepted: Accept, case: tuple[Schedule, Table]) -> None:
    hold(*case, accepted)


@settings(max_examples=8)
@given(swept_schedules())
def test_linear_axes(accepted: Accept, case: tuple[Schedule, Table]) -> None:
    hold(*case, accepted)


@settings(max_examples=8)
@given(schedules_with_rows())
def test_rows(accepted: Accept, case: tuple[Schedule, Table]) -> None:
    hold(*case, accepted)


def spoiled(text: str, pattern: str, change: Callable[[re.Match[str]], str]) -> str:
    """The text with one place changed, the last one that matters."""
    found = list(re.finditer(pattern, text))
    assert found, text
    last = found[len(found) // 2]
    return text[: last.start()] + change(last) + text[last.end() :]


def turned(one: SequencerProgram) -> SequencerProgram:
    """The sign of every phase."""
    text = re.sub(r"set_ph (\d+)", lambda m: f"set_ph {(-int(m[1])) % 10**9}", one.text)
    return replace(one, text=text)


def late(one: SequencerProgram) -> SequencerProgram:
    """A play that takes a sample more than it should."""
    return replace(one, text=spoiled(one.text, r"play (\d+), *(\d+), *(\d+)", lambda m: f"play {m[1]},{m[2]},{int(m[3]) + 1}"))


def detuned(one: SequencerProgram) -> SequencerProgram:
    """An oscillator that is off by 1 kHz."""
    return replace(one, settings=replace(one.settings, frequency=one.settings.frequency + 1000))


def conjugated(one: SequencerProgram) -> SequencerProgram:
    """Paths I and Q of every play the other way round, which conjugates, up to a phase."""
    return replace(one, text=re.sub(r"play (\d+), *(\d+)", r"play \2,\1", one.text))


def weaker(one: SequencerProgram) -> SequencerProgram:
    """One gain by 1 % too small."""
    return replace(
        one, text=spoiled(one.text, r"set_awg_gain (-?\d+), *(-?\d+)", lambda m: f"set_awg_gain {int(m[1]) * 99 // 100},{m[2]}")
    )


MUTANTS = [turned, late, detuned, conjugated, weaker]


def example() -> Schedule:
    """Three virtual Z, DRAG with beta 0.8, two carriers on a line, an axis of phases, a flat top."""
    lab = Lab(
        [4 * 87_654_321, 4 * -123_456_789, 4 * 55_000_000, 4 * 203_000_000, 4 * -211_000_000, 4 * 150_000_000, 4 * 77_000_000]
    )
    build, frame = lab.build, lab.drive[0]
    phase = build.sweep(SlotKind.PHASE, 0.3, 0.5, 2)
    for z in (0.7, -1.9, 2.6):
        build.play(frame, drag(40, 10, 0.8), amplitude=0.45)
        build.shift_phase(frame, z)
    build.play(frame, drag(40, 10, 0.8), amplitude=0.45, phase=phase)
    build.delay(frame, 1500)
    build.play(frame, gaussian_square(120, 10, 80), amplitude=0.45)
    return build.build()


def test_the_example_is_played_as_it_means(accepted: Accept) -> None:
    hold(example(), Table(np.zeros((1, 1))), accepted)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_noticed(mutant: Callable[[SequencerProgram], SequencerProgram]) -> None:
    table = Table(np.zeros((1, 1)))
    piece = compiled(example(), table, SHOTS, REP_DELAY)
    program = replace(piece.program, sequencers=tuple(map(mutant, piece.program.sequencers)))
    assert program != piece.program
    spoilt = replace(piece, program=program)
    got = perform(spoilt)
    assert not got.flags
    assert worst(spoilt, got, emitted(piece.schedule, table, SHOTS, REP_DELAY, LO)) > 2 * TOLERANCE
