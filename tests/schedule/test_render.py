"""The sign cases of the schedule itself: what a phase, a detuning and a change of frequency do to the emitted envelope."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from qpu_bridge.schedule import (
    Builder,
    Column,
    Output,
    PortKind,
    Schedule,
    SlotKind,
    Waveform,
    render,
    residuals,
    row_values,
)
from qpu_bridge.schedule.shapes import constant, drag, gaussian
from qpu_bridge.schedule.slot import Table
from qpu_bridge.units import Clock

CLOCK = Clock(Fraction(1, 10**9))


def line() -> tuple[Builder, int]:
    build = Builder(CLOCK)
    return build, build.frame("q0", build.port("d0", PortKind.DRIVE), 5e9)


def test_a_phase_of_a_quarter_turn_is_plus_y() -> None:
    build, frame = line()
    build.play(frame, constant(4), amplitude=0.5, phase=np.pi / 2)
    assert render(build.build())[0] == pytest.approx(np.full(4, 0.5j))


def test_a_virtual_z_subtracts_its_angle() -> None:
    build, frame = line()
    build.shift_phase(frame, -np.pi / 2)  # RZ(+pi/2)
    build.play(frame, constant(1))
    assert render(build.build())[0] == pytest.approx([-1j])


def test_drag_keeps_its_quadrature() -> None:
    build, frame = line()
    wave = drag(16, 4, 0.7)
    build.play(frame, wave)
    assert render(build.build())[0] == pytest.approx(wave.expand())


def test_a_detuned_tone_turns_backwards_from_the_start_of_the_shot() -> None:
    build, frame = line()
    build.set_frequency(frame, 5.01e9)
    build.delay(0, 10)
    build.play(frame, constant(20))
    signal = render(build.build(), references={0: 5e9})[0]
    middle = (np.arange(10, 30) + 0.5) * 1e-9
    assert signal[10:] == pytest.approx(np.exp(-2j * np.pi * 1e7 * middle))


def test_a_change_of_frequency_is_continuous_in_phase() -> None:
    build, frame = line()
    build.delay(0, 7)
    build.play(frame, constant(10), phase=0.3)
    build.set_frequency(frame, 5.013e9)
    build.play(frame, constant(10), phase=0.3)
    build.set_frequency(frame, 4.99e9)
    build.play(frame, constant(10), phase=0.3)
    turned = np.unwrap(np.angle(render(build.build())[0][7:]))
    seconds = (np.arange(30) + 0.5) * 1e-9
    rate = np.array([0.0, 13e6, -10e6])
    expected = 0.3 - 2 * np.pi * np.interp(seconds, [0, 1e-8, 2e-8, 3e-8], np.append(0, np.cumsum(rate * 1e-8)))
    assert turned == pytest.approx(expected, abs=1e-9)


def test_a_change_of_frequency_counts_the_blocks_before_it() -> None:
    build, frame = line()
    build.play(frame, constant(10))
    with build.repeat(3):
        build.play(frame, constant(5))
    build.set_frequency(frame, 5.02e9)
    build.play(frame, constant(4))
    signal = render(build.build())[0]
    assert np.angle(signal[25]) == pytest.approx(-2 * np.pi * 2e7 * 0.5e-9)


def test_carriers_on_one_line_add_up() -> None:
    build, frame = line()
    other = build.frame("q0q1", 0, 5.1e9)
    build.play(frame, constant(4), amplitude=0.25)
    signal = build.build()
    assert render(signal, references={0: 5e9})[0] == pytest.approx(np.full(4, 0.25))
    assert other == 1


def swept() -> Schedule:
    build, frame = line()
    level = build.sweep(SlotKind.AMPLITUDE, 0.1, 0.2, 5)
    turn = build.slot(SlotKind.PHASE)
    build.shift_phase(frame, turn)
    build.play(frame, Waveform.of([1.0, 0.5]), amplitude=level, scale=0.5)
    return build.build()


def test_a_sweep_is_rendered_point_by_point() -> None:
    schedule, table = swept(), Table(np.array([[0.0, 0.0], [0.0, np.pi]]))
    for row, sign in ((0, 1), (1, -1)):
        for point in range(5):
            values = row_values(schedule, row, table, (point,))
            level = sign * 0.5 * (0.1 + 0.2 * point)
            assert render(schedule, values)[0] == pytest.approx([level, 0.5 * level])


def test_a_port_with_a_faster_clock_has_more_samples() -> None:
    build = Builder(CLOCK)
    fast = build.port("d0", PortKind.DRIVE, Clock(Fraction(1, 4 * 10**9)))
    frame = build.frame("q0", fast, 5e9)
    build.delay(frame, 2)
    build.play(frame, constant(6))
    assert render(build.build())[fast].tolist() == [0] * 8 + [1] * 6 + [0] * 2


def heard(schedule: Schedule, row: int) -> tuple[NDArray[np.complex128], complex]:
    """Trace and integral of a capture whose line returns what port 0 plays, unchanged: the formula of the README."""
    event = schedule.events[row]
    start, count = int(event["start"]), int(schedule.samples[row])
    y = render(schedule, references={0: float(event["frequency"])})[0][start : start + count]
    trace = y * np.exp(-1j * event["phase"])
    kernel = schedule.waveforms[event["waveform"]].expand() if event["waveform"] >= 0 else np.ones(count)
    u = np.conj(y)  # what mixers that conjugate hand out
    assert np.conj(np.sum(np.conj(kernel) * u * np.exp(1j * event["phase"]))) == pytest.approx(np.sum(kernel * trace))
    return trace, complex(np.sum(kernel * trace))


def test_a_play_through_a_unit_line_is_heard_with_its_own_phase() -> None:
    shape, kernel = gaussian(40, 9.0), drag(40, 9.0, 0.7)
    build, tone = line()
    receive = [build.frame(f"s{k}", build.port(f"a{k}", PortKind.ACQUIRE), 5e9 + 20e6 * k) for k in range(2)]
    columns = [build.column(Column(f"c{k}", output=Output.IQ)) for k in range(2)]
    build.wait(60)
    build.play(tone, shape, amplitude=0.5, phase=0.9)
    build.capture(receive[0], columns[0], 40, kernel, phase=0.2)
    build.capture(receive[1], columns[1], 40)
    schedule = build.build()
    trace, total = heard(schedule, 1)
    assert trace == pytest.approx(0.5 * shape.expand() * np.exp(0.7j))
    assert total == pytest.approx(0.5 * np.exp(0.7j) * np.sum(kernel.expand() * shape.expand()))
    time = (60 + np.arange(40) + 0.5) * 1e-9  # the frames of all frequencies coincide at the start of the shot
    trace, _ = heard(schedule, 2)
    assert trace == pytest.approx(0.5 * shape.expand() * np.exp(1j * (0.9 + 2 * np.pi * 20e6 * time)))


def test_a_start_between_two_samples_goes_to_the_nearest_and_of_two_to_the_even_one() -> None:
    build = Builder(CLOCK)
    coarse = build.port("d0", PortKind.DRIVE, Clock(Fraction(2, 10**9)))
    frame = build.frame("q0", coarse, 5e9)
    for _ in range(3):
        build.play(frame, constant(1))
        build.delay(frame, 1)
    schedule = build.build()
    assert schedule.events["start"].tolist() == [0, 3, 6]
    assert residuals(schedule) == pytest.approx([0, 1e-9, 0])
    assert render(schedule)[0].tolist() == [1, 0, 1, 1, 0]
