"""What every installed routine must hold, a laboratory's own included."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from qpu_calibration.catalog import names, routine
from qpu_calibration.plan import Kind
from qpu_calibration.routine import Routine
from qpu_emulator import five_ecr


@pytest.fixture(params=names())
def one(request) -> Routine:
    return routine(request.param)


def shows(figure: Figure) -> bool:
    """Whether there is something in every panel."""
    return all(axes.has_data() for axes in figure.axes)


def test_it_bears_the_name_of_its_file_and_depends_on_others_that_are_there(one):
    module = importlib.import_module(type(one).__module__)
    assert Path(module.__file__).stem == one.name
    assert set(one.depends_on) <= set(names())
    assert one.timeout_h > 0


def test_nothing_depends_on_itself():
    def above(name, seen):
        assert name not in seen, f"{name} depends on itself by way of {seen}"
        for other in routine(name).depends_on:
            above(other, [*seen, name])

    for name in names():
        above(name, [])


def test_stored_data_are_fitted_again_and_again_alike(one, stored):
    data = stored(one.name)
    fits = one.fit(data)
    assert [fit.good for fit in fits] == [True] * len(fits), [fit.reason for fit in fits]
    assert fits == one.fit(data)
    for fit in fits:
        assert fit.parameters
        assert all(p.error >= 0 for p in fit.parameters.values())
    assert shows(one.plot(data, fits))


def test_noise_alone_is_not_believed(one, stored, rng):
    data = stored(one.name)
    if "iq" in data:
        shape = data["iq"].shape
        size = float(np.abs(data["iq"]).max()) / 20
        drawn = 3 * size + rng.normal(0, size, shape) + 1j * rng.normal(0, size, shape)
        data = data.assign(iq=(data["iq"].dims, drawn))
    elif "ones" in data:
        drawn = rng.binomial(data.attrs["shots"], 0.5, data["ones"].shape) / data.attrs["shots"]
        data = data.assign(ones=(data["ones"].dims, drawn))
    else:
        drawn = rng.multinomial(data.attrs["shots"], [0.25] * 4, data["joint"].shape[:-1]) / data.attrs["shots"]
        data = data.assign(joint=(data["joint"].dims, drawn))
    fits = one.fit(data)
    assert not any(fit.good for fit in fits)
    assert all(fit.reason and "must be able" not in fit.reason for fit in fits)
    assert shows(one.plot(data, fits))


def test_a_dead_qubit_is_not_believed(one, stored, rng):
    """It always answers as a qubit in its ground state does, and nothing moves it."""
    data = stored(one.name)
    if one.name == "resonator_spectroscopy":
        pytest.skip("a resonator answers without its qubit")
    if "iq" in data:
        size = float(np.abs(data["iq"]).mean())
        spread = size / (5 if "shot" in data["iq"].dims else 100)
        still = size + spread * (rng.normal(size=data["iq"].shape) + 1j * rng.normal(size=data["iq"].shape))
        data = data.assign(iq=(data["iq"].dims, still))
    elif "ones" in data:
        data = data.assign(ones=(data["ones"].dims, np.full(data["ones"].shape, 0.01)))
    else:
        data = data.assign(joint=data["joint"] * 0 + np.array([0.97, 0.01, 0.01, 0.01]))
    assert not any(fit.good for fit in one.fit(data))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_an_instrument_that_always_says_the_same_is_not_believed(one, stored, share):
    """Not even noise is there: bits of one kind, no signal at all."""
    data = stored(one.name)
    if "iq" in data:
        data = data.assign(iq=data["iq"] * 0 + 1e3 * share * (1 + 1j))
    elif "ones" in data:
        data = data.assign(ones=data["ones"] * 0 + share)
    else:
        data = data.assign(joint=data["joint"] * 0 + 0.25)
    fits = one.fit(data)
    assert not any(fit.good for fit in fits)
    assert all(fit.reason and "must be able" not in fit.reason for fit in fits)
    assert shows(one.plot(data, fits))


def test_a_calibrated_device_needs_no_calibration(one, lab):
    bench = (lab(five_ecr.device(), five_ecr.snapshot()) if one.gate == "ecr" else lab()).bench
    targets = [(0,), (2,), (4,)] if one.kind is Kind.QUBIT else [(0, 1)]
    for fit in bench.look(one, targets):
        assert fit.good, fit.reason
        assert one.deviation(bench.snapshot, fit) < 1, fit
