"""Windows and their weights."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Column, Output, Table, Waveform
from qpu_bridge.schedule.shapes import constant, gaussian
from qpu_drivers.qblox.program import Program
from tests.drivers.qblox.oracle.judge import compiled
from tests.drivers.qblox.oracle.lab import Lab

BELL = gaussian(200, 50).expand()


def program(*kernels: Waveform | int, phase: float = 0.0) -> Program:
    """A capture with each kernel, or of each length, one after the other."""
    lab = Lab([4 * 10**7] * 7)
    build, window = lab.build, lab.readout[0][1]
    for k, kernel in enumerate(kernels):
        column = build.column(Column(f"c{k}", output=Output.IQ))
        if isinstance(kernel, int):
            build.capture(window, column, kernel, phase=phase)
        else:
            build.capture(window, column, kernel.duration, kernel=kernel, phase=phase)
        build.wait(500)
    return compiled(build.build(), Table.single(), 1, 2000).program


def test_the_commonest_length_needs_no_weights_and_others_are_weighted_by_ones() -> None:
    made = program(400, constant(400), 300)
    (one,) = made.sequencers
    assert one.settings.integration_length == 400
    assert [site.weighted for site in made.sites] == [False, False, True]
    assert [set(data) for data in one.weights] == [{1.0}]
    assert [site.samples for site in made.sites] == [400, 400, 300]


def test_a_length_that_is_no_multiple_of_4_is_weighted() -> None:
    made = program(402)
    assert made.sequencers[0].settings.integration_length is None
    assert len(made.sequencers[0].weights[0]) == 402


def test_a_kernel_is_a_constant_times_a_real_shape() -> None:
    turned = Waveform.of(BELL * 0.5 * np.exp(0.7j))
    made = program(Waveform.of(BELL), turned, Waveform.of(-BELL))
    (one,) = made.sequencers
    assert len(one.weights) == 1
    for site, kernel in zip(made.sites, (BELL, turned.expand(), -BELL), strict=True):
        assert np.allclose(site.factor * np.array(one.weights[0]), kernel, atol=1e-8)


def test_a_kernel_whose_phase_varies() -> None:
    with pytest.raises(ScheduleError, match=r"weights I and Q alike.*port m0/a0|weights I and Q alike.*port a0"):
        program(Waveform.of(BELL * np.exp(0.1j * np.arange(200))))


def test_the_phase_of_a_capture_turns_its_result() -> None:
    (site,) = program(400, phase=0.9).sites
    assert np.allclose(site.rotation, 0.9)


def test_more_captures_than_acquisitions() -> None:
    program(*[400] * 32)
    with pytest.raises(ScheduleError, match="32 captures"):
        program(*[400] * 33)


def test_a_window_that_neither_counter_nor_memory_holds() -> None:
    with pytest.raises(ScheduleError, match="integration weights of a sequencer must not take more than 16384 samples"):
        program(20_002)
