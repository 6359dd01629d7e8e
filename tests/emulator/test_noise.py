"""Slow frequency noise: quasi-static, 1/f, and what an echo does to them."""

import numpy as np
import pytest

from qpu_bridge.schedule import SlotKind
from qpu_emulator.noise import Spectrum, advance, begin
from qpu_emulator.score.lanes import deal
from qpu_emulator.stream import of_points, passed_over, streams, uniform, uniforms


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
    plain = exact(_ramsey(fresh(), 5000, 5), settings={"low_frequency": 1}, slices=20_480, device=device)
    time = np.arange(5) * 5e-6
    closed = np.exp(-((2 * np.pi * 15e3 * time) ** 2) / 2)
    assert 1 - 2 * plain[:, 1] == pytest.approx(closed, abs=0.02 + 4 * np.sqrt(0.5 / 20_480))
    echo = exact(_ramsey(fresh(), 2000, 5, echo=True), settings={"low_frequency": 1}, slices=64, device=device)
    assert np.abs(1 - 2 * echo[:, 1]).min() > 0.99


def _bell(bench, step, count, opposite):
    """(|00> + |11>) / sqrt 2, or with one of both flipped, waits and goes back."""
    wait = bench.builder.sweep(SlotKind.DURATION, 0.0, float(step), count)

    def join():
        # h on 1 turns cz into a cnot
        for turned in (True, False):
            bench.rz(1, np.pi / 2)
            bench.gate("sx", 1)
            bench.rz(1, np.pi / 2)
            if turned:
                bench.gate("cz", 0, 1)

    bench.gate("sx", 0)
    join()
    if opposite:
        bench.gate("x", 1)
    bench.wait(wait)
    if opposite:
        bench.gate("x", 1)
    join()
    bench.rz(0, np.pi)
    bench.gate("sx", 0)
    bench.measure(0, 1)
    return bench.build()


@pytest.mark.parametrize("sense", [1, -1])
def test_shared_noise_adds_up_in_one_bell_state_and_goes_in_the_other(fresh, exact, truth, sense):
    """The phase of |00> + |11> varies by ``(2 pi t)^2 (s1^2 + s2^2 + 2 rho s1 s2)``, that of |01> + |10> with minus rho."""
    own, shared = np.array([6e3, 9e3]), np.array([12e3, sense * 10e3])
    quiet = [t.model_copy(update={"quasi_static": 0.0, "one_over_f": 0.0}) for t in truth.transmons]
    for q in (0, 1):
        quiet[q] = quiet[q].model_copy(update={"quasi_static": own[q], "shared": shared[q]})
    device = truth.model_copy(update={"transmons": tuple(quiet)})
    s, rho = np.hypot(own, shared), shared.prod() / np.hypot(own, shared).prod()
    time = np.arange(5) * 3e-6
    for opposite in (False, True):
        found = exact(_bell(fresh(), 3000, 5, opposite), settings={"low_frequency": 1}, slices=20_480, device=device, seed=5)
        variance = (s**2).sum() + (-1 if opposite else 1) * 2 * rho * s.prod()
        contrast = 2 * found[:, 0, 0] - 1
        closed = np.exp(-((2 * np.pi * time) ** 2) * variance / 2)
        assert contrast == pytest.approx(closed, abs=0.02 + 4 * np.sqrt(0.5 / 20_480)), opposite


def test_qubits_that_share_nothing_draw_as_before(truth):
    """Noise from one source takes one number more, after all others."""
    shared = truth.model_copy(
        update={"transmons": tuple(t.model_copy(update={"shared": 1e3 * q}) for q, t in enumerate(truth.transmons))}
    )
    drawn = []
    for device in (truth, shared):
        spectrum = Spectrum.of(device, range(5), 1.0, 1e-3)
        drawn.append(begin(streams(3, np.arange(50_000)), spectrum.static, spectrum.shared, spectrum.moving))
    apart = (drawn[1] - drawn[0])[:, :, 0]
    assert apart[:, 1:] / np.arange(1, 5) == pytest.approx(np.repeat(apart[:, 1:2], 4, axis=1))
    assert (drawn[1][:, :, 1:] == drawn[0][:, :, 1:]).all()
    assert apart[:, 1].std() == pytest.approx(1e3, rel=0.02)
    assert drawn[1][:, 4].sum(axis=1).var() == pytest.approx(Spectrum.of(shared, range(5), 1.0, 1e-3).variance[4], rel=0.03)


def test_an_echo_helps_against_1_over_f(fresh, exact, truth):
    device = _device(truth, one_over_f=4e3)
    settings = {"low_frequency": 1}
    plain = exact(_ramsey(fresh(), 10_000, 4), settings=settings, slices=320, device=device)
    echo = exact(_ramsey(fresh(), 5_000, 4, echo=True), settings=settings, slices=320, device=device)
    assert np.abs(1 - 2 * echo[-1, 1]) > np.abs(1 - 2 * plain[-1, 1]) + 0.2


def _echoes(bench, pulses, step, count):
    """A superposition between quarter turns, with evenly spaced x pulses: each in the middle of two equal waits."""
    wait = bench.builder.sweep(SlotKind.DURATION, float(step), float(step), count)
    bench.gate("sx", 0)
    if not pulses:
        bench.wait(wait)
    for _ in range(pulses):
        bench.wait(wait)
        bench.gate("x", 0)
        bench.wait(wait)
    bench.gate("sx", 0)
    bench.measure(0)
    return bench.build()


def _decay(amplitude, pulses, wait):
    """``exp(-chi)`` of Ornstein-Uhlenbeck processes of one decade each, their covariance integrated interval by interval."""
    edges = np.array([0.0, 1.0]) if not pulses else np.array([0, *np.arange(1, 2 * pulses, 2), 2 * pulses], float)
    lengths, starts = np.diff(edges) * wait, edges[:-1] * wait
    sign = (-1.0) ** np.arange(len(lengths))
    chi = 0.0
    for tau in 1 / (2 * np.pi * 10.0 ** np.arange(7)):
        grown = -np.expm1(-lengths / tau)
        gap = np.maximum(starts[:, None] - (starts + lengths)[None, :], 0.0)
        later = np.tril(np.outer(sign * grown, sign * grown) * np.exp(-gap / tau), -1).sum()
        chi += (2 * np.pi * amplitude) ** 2 * np.log(10) * tau**2 * ((lengths / tau - grown).sum() + later)
    return np.exp(-chi)


def test_dephasing_1_over_f_DD(fresh, exact, truth):  # noqa: N802  (named after the row)
    """Contrast under 0 to 16 pulses against the closed form, and its 1/e time, longer with every doubling."""
    device = _device(truth, one_over_f=4e3)
    # without pulses the time depends on the lowest corner of the spectrum, here 1 Hz: by the closed form
    wanted_times = {0: 16.8e-6, 1: 68.7e-6, 2: 91.7e-6, 4: 126e-6, 8: 173e-6, 16: 242e-6}
    reached = []
    for pulses, scale in wanted_times.items():
        segments = max(1, 2 * pulses)
        step = round(scale / segments / 4 / 1e-9)
        found = exact(_echoes(fresh(), pulses, step, 4), settings={"low_frequency": 1}, slices=8192, device=device, seed=11)
        waits = step * 1e-9 * np.arange(1, 5)
        contrast = np.abs(1 - 2 * found[:, 1])
        closed = np.array([_decay(4e3, pulses, wait) for wait in waits])
        # noise that is 10 % too strong would take another 0.07
        assert contrast == pytest.approx(closed, abs=0.015 + 4 * np.sqrt(0.5 / 8192)), pulses
        reached.append(np.interp(1.0, -np.log(contrast), segments * waits))
        assert reached[-1] == pytest.approx(scale, rel=0.1), pulses
    assert np.all(np.diff(reached) > 0)


def test_two_short_waits_are_one_long_wait(truth):
    """The integral of an Ornstein-Uhlenbeck process does not depend on how its time was cut."""
    device = _device(truth, one_over_f=3e3)
    spectrum = Spectrum.of(device, range(len(device.transmons)), 1.0, 1e-3)
    spread = []
    for parts in (1, 5):
        draws = streams(11, np.arange(20_000))
        state = begin(draws, spectrum.static, spectrum.shared, spectrum.moving)
        seconds = np.full((parts, len(draws)), 100e-6 / parts)
        mean = advance(
            state, draws, np.arange(len(draws)), np.zeros(parts, np.int64), seconds, spectrum.moving, spectrum.times, 0.0
        )
        spread.append((mean.mean(axis=0) * 100e-6).var())
    assert spread[1] == pytest.approx(spread[0], rel=0.06)


def test_the_integral_has_the_variance_of_the_closed_form(truth):
    device = _device(truth, one_over_f=3e3)
    spectrum = Spectrum.of(device, range(len(device.transmons)), 1.0, 1e-3)
    draws = streams(5, np.arange(40_000))
    state = begin(draws, spectrum.static, spectrum.shared, spectrum.moving)
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


def test_streams_of_points_are_those_of_their_indices():
    row, sweep = np.divmod(np.arange(6), 2)
    wanted = streams(2**63 + 5, row[:, None] + 3, sweep[:, None], np.arange(10, 17)[None, :], np.full((1, 1), 2))
    assert of_points(np.uint64(2**63 + 5), 3, 3, 6, 10, 7, 2).tolist() == wanted.tolist()


@pytest.mark.parametrize(("shots", "lanes"), [(100, 7), (64, 64), (1000, 1)])
def test_parts_deal_the_shots_that_the_whole_deals(shots, lanes):
    whole = deal(2, shots, lanes, 0, lanes).reshape(2, shots)
    assert set(np.bincount(whole[0])) <= {shots // lanes, -(-shots // lanes)}
    middle = lanes // 2
    parts = [deal(2, shots, lanes, *ends).reshape(2, -1) for ends in ((0, middle), (middle, lanes))]
    for point in (0, 1):
        assert (whole[point] - point * lanes).tolist() == [
            *(parts[0][point] - point * middle),
            *(parts[1][point] - point * (lanes - middle) + middle),
        ]


@pytest.mark.parametrize("steps", [1, 3])
def test_numbers_drawn_together_are_those_drawn_alone(seed, steps):
    together, alone, some, out = streams(seed, np.arange(50)), streams(seed, np.arange(50)), np.arange(3, 50, 4), np.empty(12)
    uniforms(together, some, out, steps)
    drawn = np.array([[uniform(alone, index) for _ in range(steps)] for index in some.tolist()])
    assert out.tolist() == drawn[:, 0].tolist()
    assert together.tolist() == alone.tolist()
    assert [passed_over(together, index) for index in some.tolist()] == drawn[:, -1].tolist()
