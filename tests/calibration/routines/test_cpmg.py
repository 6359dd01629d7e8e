"""CPMG: trains live as long as the hidden noise lets them, and tell its spectrum."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq

from qpu_calibration.catalog import routine
from qpu_calibration.routines.cpmg import per_rate
from qpu_emulator import five
from qpu_emulator.chip.device import Device, Transmon

APART = [(0,), (2,), (4,)]
FREQUENCIES = np.geomspace(1.0, 3e8, 60_001)
CORNERS = 10.0 ** np.arange(7)


def noise(transmon: Transmon, frequency: np.ndarray) -> np.ndarray:
    """Hz^2/Hz on one side: white noise and a process for each decade."""
    size = 4 * np.log(10) * transmon.one_over_f**2
    decades = [size / (2 * np.pi * corner) / (1 + (frequency / corner) ** 2) for corner in CORNERS]
    return transmon.dephasing_rate / np.pi**2 + np.sum(decades, axis=0)


def lifetime(transmon: Transmon, pulses: int) -> float:
    """Where the filter of a train (Cywinski et al., PRB 77, 174509) has brought the coherence to 1/e."""
    slow = noise(transmon, FREQUENCIES) - transmon.dephasing_rate / np.pi**2

    def left(total: float) -> float:
        turns = total * np.concatenate([[0.0], (np.arange(pulses) + 0.5) / pulses, [1.0]])
        waves = np.exp(2j * np.pi * np.multiply.outer(turns, FREQUENCIES))
        signs = (-1.0) ** np.arange(pulses + 1)
        heard = np.abs(np.sum(signs[:, None] * np.diff(waves, axis=0), axis=0)) ** 2
        chi = 0.5 * np.trapezoid(slow * heard / FREQUENCIES**2, FREQUENCIES)
        return float(chi + total * (transmon.dephasing_rate + 1 / (2 * transmon.t1)) - 1)

    return float(brentq(left, 1e-6, 1e-3, xtol=1e-8))


def device(one_over_f: float, white: bool) -> Device:
    truth = five.device()
    transmons = tuple(t.model_copy(update={"one_over_f": one_over_f, "t2": t.t2 if white else None}) for t in truth.transmons)
    return truth.model_copy(update={"transmons": transmons})


@pytest.mark.parametrize(("one_over_f", "white", "exponent"), [(4e3, False, 1.0), (0.0, True, 0.0)])
def test_trains_live_as_the_noise_lets_them_and_tell_its_spectrum(lab, one_over_f, white, exponent):
    truth = device(one_over_f, white)
    bench = lab(truth, five.snapshot()).bench
    outcome = bench.run(routine("cpmg"), APART)
    assert not outcome.refused
    assert not outcome.changed
    for (q,) in APART:
        fit, transmon = outcome.fits[(q,)], truth.transmons[q]
        series = {name: np.array(values) for name, values in fit.series.items()}
        right = np.array([lifetime(transmon, int(count)) for count in series["pulses"]])
        assert np.all(np.abs(series["t2"] - right) < 4 * series["t2_error"] + 0.01 * right), (series, right)
        there = noise(transmon, series["frequency"])
        # one process per decade ripples about the power law
        assert np.all(np.abs(series["noise"] - there) < 4 * series["noise_error"] + 0.1 * there), (series, there)
        assert np.all(series["t2_error"] < 0.15 * right)
        assert abs(fit["noise_exponent"] - exponent) < 4 * fit.error("noise_exponent") + 0.1
        grown = np.polyfit(np.log(series["pulses"]), np.log(right), 1)[0]
        assert abs(fit["gamma"] - grown) < 4 * fit.error("gamma") + 0.03


def test_errors_hold_where_shots_of_a_point_share_slow_noise(rng):
    # 500 shots in 16 slices, of which each has a phase of its own: A^2/f, as a train's filter hears it
    count, shots, slices, t1, low, high = 40, 500, 16, 150e-6, 0.01, 0.98
    pulses, waits = np.array([0, 1, 2, 4, 8, 16]), 250e-6 * np.linspace(0, 1, 17) ** 2
    gaussian = np.array([np.sqrt(per_rate(int(n), 1.0) * n / (2 * 6.5e7)) for n in pulses[1:]])
    spread = np.sqrt(2) * waits / gaussian[:, None, None]
    left = np.cos(spread[..., None] * rng.normal(size=(count, 5, 2, 17, slices))).mean(axis=-1) * np.exp(-waits / (2 * t1))
    life = np.broadcast_to(1 - 2 * np.exp(-waits / t1), (count, 1, 2, 17))
    ones = np.concatenate([life, left], axis=1) * np.array([1, -1])[:, None] / 2 + 0.5
    seen = rng.binomial(shots, low + (high - low) * ones) / shots
    facts = {"prob_meas1_prep0": low, "prob_meas0_prep1": 1 - high, "pulse_s": 0.0}
    data = xr.Dataset(
        {"ones": (("qubit", "pulses", "last", "delay"), seen)}
        | {name: ("qubit", np.full(count, value)) for name, value in facts.items()},
        {"qubit": np.arange(count), "pulses": pulses.astype(float), "delay": waits, "last": [0.0, np.pi]},
        {"shots": shots, "kind": "qubit"},
    )
    fits = routine("cpmg").fit(data)
    assert all(fit.good for fit in fits), [fit.reason for fit in fits]
    series = {name: np.array([fit.series[name] for fit in fits]) for name in fits[0].series}
    # where t / (2 T1) + (t / T)^2 is 1
    right = gaussian**2 * (np.sqrt(1 / (16 * t1**2) + 1 / gaussian**2) - 1 / (4 * t1))
    scores = {
        "t2": (series["t2"] - right) / series["t2_error"],
        "noise": (series["noise"] - 6.5e7 / series["frequency"]) / series["noise_error"],
        "exponent": np.array([(fit["noise_exponent"] - 1) / fit.error("noise_exponent") for fit in fits]),
    }
    print({name: f"{z.mean():.2f} +- {z.std():.2f}" for name, z in scores.items()})
    # 200 numbers, 200 and 40
    for name, wide in (("t2", 0.17), ("noise", 0.17), ("exponent", 0.3)):
        assert abs(np.sqrt(np.mean(scores[name] ** 2)) - 1) < wide, name


def test_trains_that_all_end_in_noise_are_not_believed(lab):
    bench = lab(device(2e5, False), five.snapshot()).bench
    outcome = bench.run(routine("cpmg"), [(0,)], routine("cpmg").settings.model_copy(update={"points": 8, "shots": 100}))
    assert outcome.refused


def test_white_noise_is_read_alike_by_all_trains_and_1_over_f_by_an_echo_as_in_closed_form():
    assert [per_rate(count, 0.0) for count in (1, 2, 16)] == pytest.approx([1 / np.pi**2] * 3, rel=3e-3)
    # Ithier et al., PRB 72, 134519: A^2/f on one side makes exp(-2 pi^2 A^2 ln 2 t^2); with t = 1 its rhythm is 1/2
    assert per_rate(1, 1.0) == pytest.approx(2 / (2 * np.pi**2 * np.log(2)), rel=3e-3)
