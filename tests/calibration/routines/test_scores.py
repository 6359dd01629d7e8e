"""Errors that fits state, beside counts of known chances: what shots alone make is told to a few percent."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from qpu_calibration.catalog import routine
from qpu_calibration.routines.fine_amplitude import trains
from qpu_calibration.routines.t1 import decay

TARGETS, SHOTS, LOW, HIGH = 400, 500, 0.006, 0.992


def counted(rng, population, dims, coords, facts):
    ones = rng.binomial(SHOTS, LOW + (HIGH - LOW) * population) / SHOTS
    facts = {"prob_meas1_prep0": LOW, "prob_meas0_prep1": 1 - HIGH, **facts}
    contents = {name: ("qubit", np.full(TARGETS, value)) for name, value in facts.items()}
    attrs = {"shots": SHOTS, "kind": "qubit"}
    return xr.Dataset(contents | {"ones": (("qubit", *dims), ones)}, {"qubit": np.arange(TARGETS), **coords}, attrs)


def faded(rng):
    life = rng.uniform(60e-6, 160e-6, (TARGETS, 1))
    waits = 4e-4 * np.linspace(0, 1, 25) ** 2
    data = counted(rng, decay(waits, 0.985, life, 0.01), ["delay"], {"delay": waits}, {})
    return data, {"t1": life[:, 0]}


def turned(rng):
    wrong = {name: rng.uniform(-5e-3, 5e-3, (TARGETS, 1, 1, 1)) for name in ("x", "sx")}
    halves, turns, first = np.array([1.0, 2.0]), np.array([12.0, 24.0, 24.5]), np.array([0.0, np.pi])
    places = np.meshgrid(halves, turns, np.cos(first), indexing="ij")
    seen = trains(places, 0.495, wrong["x"], wrong["sx"], 0.497)
    coords = {"halves": halves, "turns": turns, "first": first}
    return counted(rng, seen, [*coords], coords, {"x": 1.0, "sx": 1.0}), {f"{k}_error": v.ravel() for k, v in wrong.items()}


@pytest.mark.parametrize(("name", "made"), [("t1", faded), ("fine_amplitude", turned)])
def test_errors_are_those_of_the_shots_and_what_chance_adds_to_them(rng, name, made):
    data, right = made(rng)
    fits = routine(name).fit(data)
    assert all(fit.good for fit in fits), [fit.reason for fit in fits if fit.reason]
    grown = np.sqrt([max(1.0, fit.chi_square) for fit in fits])
    for number, true in right.items():
        z = np.array([(fit[number] - one) / fit.error(number) for fit, one in zip(fits, true, strict=True)])
        print(f"{number}: {z.mean():.2f} +- {z.std():.3f}, without growth {(z * grown).std():.3f}")
        assert abs(z.mean()) < 0.2
        # of 400 unit normals the deviation is known to 0.035
        assert abs(np.sqrt(np.mean((z * grown) ** 2)) - 1) < 0.12
        # residuals are above their errors by chance as often as below: growing, never shrinking, costs 4 to 7 percent
        assert 0.85 < z.std() < 1.03
