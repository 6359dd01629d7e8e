"""Slow frequency noise: quasi-static, 1/f, and what an echo does to them."""

import numpy as np
import pytest

from qpu_bridge.schedule import SlotKind
from qpu_emulator.noise import Spectrum, advance, begin
from qpu_emulator.stream import streams


def _device(truth, **noise):
    first = truth.transmons[0].model_copy(update={"quasi_static": 0.0, "one_over_f": 0.0} | noise)
    return truth.model_copy(update={"transmons": (first, *truth.transmons[1:])})


def _ramsey(bench, step, count, echo=False):
    wait = bench.builder.sweep(SlotKind.DURATION, 0.0, float(step), count)
    bench.gate("sx", 0)
    bench.wait(wait)
    if echo:
        bench.gate("x", 0)
        bench.wait(wait)
    else:
        bench.rz(0, np.pi)
    bench.gate("sx", 0)
    bench.measure(0)
    return bench.build()


def test_dephasing_quasistatic(fresh, exact, truth):
    device = _device(truth, quasi_static=15e3)
    plain = exact(_ramsey(fresh(), 2000, 11), settings={"low_frequency": 1}, slices=4096, device=device)
    time = np.arange(11) * 2e-6
    assert 1 - 2 * plain[:, 1] == pytest.approx(np.exp(-((2 * np.pi * 15e3 * time) ** 2) / 2), abs=0.05)
    echo = exact(_ramsey(fresh(), 2000, 5, echo=True), settings={"low_frequency": 1}, slices=64, device=device)
    assert np.abs(1 - 2 * echo[:, 1]).min() > 0.99


def test_an_echo_helps_against_1_over_f(fresh, exact, truth):
    device = _device(truth, one_over_f=4e3)
    settings = {"low_frequency": 1}
    plain = exact(_ramsey(fresh(), 10_000, 4), settings=settings, slices=320, device=device)
    echo = exact(_ramsey(fresh(), 5_000, 4, echo=True), settings=settings, slices=320, device=device)
    assert np.abs(1 - 2 * echo[-1, 1]) > np.abs(1 - 2 * plain[-1, 1]) + 0.2


def test_two_short_waits_are_one_long_wait(truth):
    """The integral of an Ornstein-Uhlenbeck process does not depend on how its time was cut."""
    device = _device(truth, one_over_f=3e3)
    spectrum = Spectrum.of(device, 1.0, 1e-3)
    spread = []
    for parts in (1, 5):
        draws = streams(11, np.arange(20_000))
        state = begin(draws, spectrum.static, spectrum.moving)
        seconds = np.full((parts, len(draws)), 100e-6 / parts)
        mean = advance(
            state, draws, np.arange(len(draws)), np.zeros(parts, np.int64), seconds, spectrum.moving, spectrum.times, 0.0
        )
        spread.append((mean.mean(axis=0) * 100e-6).var())
    assert spread[1] == pytest.approx(spread[0], rel=0.06)


def test_the_integral_has_the_variance_of_the_closed_form(truth):
    device = _device(truth, one_over_f=3e3)
    spectrum = Spectrum.of(device, 1.0, 1e-3)
    draws = streams(5, np.arange(40_000))
    state = begin(draws, spectrum.static, spectrum.moving)
    tau = 50e-6
    mean = advance(
        state,
        draws,
        np.arange(len(draws)),
        np.zeros(1, np.int64),
        np.full((1, len(draws)), tau),
        spectrum.moving,
        spectrum.times,
        0.0,
    )
    a = tau / spectrum.times
    wanted = spectrum.static[0] ** 2 + (spectrum.moving[0] ** 2 * 2 / a**2 * (a + np.expm1(-a))).sum()
    assert mean.var() == pytest.approx(wanted, rel=0.03)
