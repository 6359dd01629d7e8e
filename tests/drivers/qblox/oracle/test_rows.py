"""Rows of a program: what they share, how many fit, and that each plays its own numbers in time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Schedule, SlotKind, Table
from qpu_bridge.schedule.shapes import drag
from qpu_drivers.qblox.program import Program
from tests.drivers.qblox.oracle.expected import emitted
from tests.drivers.qblox.oracle.judge import TOLERANCE, compiled, perform, worst
from tests.drivers.qblox.oracle.lab import FREQUENCIES, LO, Lab

RESET_WAIT = 20_000


def twirled(phases: int, bits: int | None = 2, gap: int = 0) -> Schedule:
    """Pulses of 20 ns on one qubit, whose phases are slots on top of virtual Z."""
    lab = Lab([k * 4 * 30_123_457 for k in range(-3, FREQUENCIES - 3)])
    for k in range(phases):
        lab.build.play(lab.drive[0], drag(20, 5, 0.5), amplitude=0.4, phase=lab.build.slot(SlotKind.PHASE, bits=bits))
        lab.build.shift_phase(lab.drive[0], 0.3 * (k % 2))
        lab.build.delay(lab.drive[0], gap)
    return lab.build.build()


def quarters(rng: np.random.Generator, rows: int, phases: int) -> Table:
    return Table(rng.integers(0, 4, (rows, phases)) * np.pi / 2)


def lines(schedule: Schedule, table: Table, shots: int = 1, rep_delay: int = RESET_WAIT) -> int:
    return compiled(schedule, table, shots, rep_delay).program.sequencers[0].text.count("\n")


def test_a_thousand_twirls_are_one_program_that_keeps_pace(accepted: Callable[[Program], None], rng: np.random.Generator) -> None:
    schedule, table = twirled(20), quarters(rng, 1000, 20)
    piece = compiled(schedule, table, 1, RESET_WAIT)
    (one,) = piece.program.sequencers
    assert one.text.count("\n") < 4_200
    accepted(piece.program)
    got = perform(piece, render_ns=300_000)
    assert not got.flags  # all of it is executed, and what is rendered is compared
    few = Table(table.values[:12])
    assert worst(piece, got, emitted(schedule, few, 1, RESET_WAIT, LO), 240_000) < TOLERANCE


def test_several_shots_of_each_row_unpack_once(rng: np.random.Generator) -> None:
    schedule, table = twirled(7), quarters(rng, 4, 7)
    piece = compiled(schedule, table, 3, RESET_WAIT)
    got = perform(piece)
    assert not got.flags
    assert worst(piece, got, emitted(schedule, table, 3, RESET_WAIT, LO)) < TOLERANCE


def test_the_way_that_costs_fewest_instructions_is_taken(rng: np.random.Generator) -> None:
    schedule = twirled(20)
    some = [lines(schedule, quarters(rng, rows, 20)) for rows in (50, 51)]
    assert some[1] - some[0] == 2 + 2  # two words, and the way to the body and back
    free = [lines(twirled(20, None), Table(rng.uniform(0, 6, (rows, 20)))) for rows in (50, 51)]
    assert free[1] - free[0] == 20 + 2  # a register each
    many = [lines(twirled(70, None, 100), Table(rng.uniform(0, 6, (rows, 70)))) for rows in (50, 51)]
    assert many[1] - many[0] == 2 * 70 + 2 + 1  # more than there are registers: each row has its own pulses


def test_phases_beyond_all_registers_are_unpacked_on_the_way(rng: np.random.Generator) -> None:
    """A twirl of 100 layers: 100 phases of a qubit, pulses of 20 ns every 100 ns."""
    schedule = twirled(100, gap=80)
    some = [lines(schedule, quarters(rng, rows, 100)) for rows in (50, 51)]
    assert some[1] - some[0] <= 8 + 2
    table = quarters(rng, 5, 100)
    piece = compiled(schedule, table, 2, RESET_WAIT)
    got = perform(piece)
    assert not got.flags
    assert worst(piece, got, emitted(schedule, table, 2, RESET_WAIT, LO)) < TOLERANCE


def test_another_row_is_the_same_text(rng: np.random.Generator) -> None:
    """Phase, amplitude, frequency and wait of a single row are in registers, which the host sets."""
    lab = Lab([k * 4 * 30_123_457 for k in range(-3, FREQUENCIES - 3)])
    slots = [lab.build.slot(kind) for kind in (SlotKind.AMPLITUDE, SlotKind.PHASE, SlotKind.FREQUENCY, SlotKind.DURATION)]
    lab.build.play(lab.drive[1], drag(20, 5, 0.5), amplitude=0.3)
    lab.build.play(lab.drive[0], drag(20, 5, 0.5), amplitude=slots[0], phase=slots[1])
    lab.build.set_frequency(lab.drive[2], slots[2])
    lab.build.play(lab.drive[2], drag(20, 5, 0.5), amplitude=0.3)
    lab.build.wait(slots[3])
    lab.build.play(lab.drive[1], drag(20, 5, 0.5), amplitude=-0.3)
    schedule, texts = lab.build.build(), set()
    for row in ([0.3, 1.0, 1e6, 40.0], [-0.45, -2.5, -3.25e6, 1234.0]):
        piece = compiled(schedule, Table(np.array([row])), 2, RESET_WAIT)
        texts.add(tuple(one.text for one in piece.program.sequencers))
        assert piece.program.sequencers[0].registers
        got = perform(piece)
        assert not got.flags
        assert worst(piece, got, emitted(schedule, piece.table, 2, RESET_WAIT, LO)) < TOLERANCE
    assert len(texts) == 1


@pytest.mark.parametrize("pulses", [1, 30])
def test_rows_of_all_kinds_of_numbers(pulses: int, rng: np.random.Generator) -> None:
    """Amplitudes, phases, frequencies and waits: in registers, or where these do not suffice in bodies of their own."""
    lab = Lab([k * 4 * 30_123_457 for k in range(-3, FREQUENCIES - 3)])
    lab.build.set_frequency(lab.drive[2], lab.build.slot(SlotKind.FREQUENCY))
    for _ in range(pulses):
        level, turn, wait = (lab.build.slot(kind) for kind in (SlotKind.AMPLITUDE, SlotKind.PHASE, SlotKind.DURATION))
        lab.build.play(lab.drive[0], drag(20, 5, 0.5), amplitude=level, phase=turn)
        lab.build.play(lab.drive[2], drag(20, 5, 0.5), amplitude=0.3)
        lab.build.wait(wait)
        lab.build.play(lab.drive[1], drag(20, 5, 0.5), amplitude=-0.3)
        lab.build.wait(60)
    kinds = {
        SlotKind.FREQUENCY: lambda: rng.integers(-4, 4, 3) * 1e6,
        SlotKind.AMPLITUDE: lambda: rng.uniform(-0.4, 0.4, 3),
        SlotKind.PHASE: lambda: rng.uniform(-4, 4, 3),
        SlotKind.DURATION: lambda: rng.integers(30, 400, 3),
    }
    schedule = lab.build.build()
    table = Table(np.array([kinds[slot.kind]() for slot in schedule.slots], float).T)
    piece = compiled(schedule, table, 2, RESET_WAIT)
    got = perform(piece)
    assert not got.flags
    assert worst(piece, got, emitted(schedule, table, 2, RESET_WAIT, LO)) < TOLERANCE


def test_where_the_wait_is_too_short_to_unpack_rows_have_bodies_of_their_own(rng: np.random.Generator) -> None:
    schedule, table = twirled(20), quarters(rng, 20, 20)
    piece = compiled(schedule, table, 1, 40)
    assert "mulu32h" not in piece.program.sequencers[0].text
    got = perform(piece)
    assert not got.flags
    assert worst(piece, got, emitted(schedule, table, 1, 40, LO)) < TOLERANCE


def test_a_program_has_so_many_lines(rng: np.random.Generator) -> None:
    schedule, table = twirled(20), quarters(rng, 5000, 20)
    with pytest.raises(ScheduleError, match=r"at most 16384 instructions; got 20\d\d\d \(port d0\)"):
        compiled(schedule, table, 1, RESET_WAIT)
