"""What every installed routine must hold, a laboratory's own included."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from qpu_calibration.catalog import names, routine
from qpu_calibration.fit import Fit
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


SOUND = {"zeros", "ones", "missing", "constant", "noise"}
"""What no routine may believe; what else is planted, it may make nothing of, or find the same numbers all the same."""
SPIKES = 6


def planted(data: xr.Dataset, rng: np.random.Generator) -> Iterator[tuple[str, xr.Dataset]]:
    """The same data with something wrong."""
    (name,) = {"iq", "ones", "joint"} & set(data.variables)
    array = data[name]
    good, shots = array.values, data.attrs["shots"]

    def changed(values: np.ndarray) -> xr.Dataset:
        return data.assign({name: (array.dims, values)})

    swept = [dim for dim in array.dims if dim not in (data.attrs["kind"], "place", "shot", "outcome", "side")]
    sizes = [array.sizes[dim] for dim in swept]
    if name == "iq":
        middle = good.mean(axis=tuple(range(1, good.ndim)), keepdims=True)
        scatter = np.median(np.abs(np.diff(good))) / 2
        empty = middle + scatter * (rng.normal(size=good.shape) + 1j * rng.normal(size=good.shape))
    else:
        drawn = rng.binomial(shots, 0.5, good.shape) if name == "ones" else rng.multinomial(shots, [0.25] * 4, good.shape[:-1])
        empty = drawn / shots
    yield "zeros", changed(good * 0 + (0 if name != "joint" else np.eye(4)[0]))
    yield "ones", changed(good * 0 + (1 if name != "joint" else np.eye(4)[3]))
    yield "missing", changed(good * np.nan)
    yield "constant", changed(good * 0 + (good.ravel()[0] if name != "joint" else 0.25))
    yield "noise", changed(empty)
    for at in rng.choice(np.prod(sizes), min(SPIKES, int(np.prod(sizes))), replace=False):
        here = dict(zip(swept, np.unravel_index(at, sizes), strict=True))
        where = tuple(here.get(dim, slice(None)) for dim in array.dims)
        if "side" in array.dims:
            where = (*where[:-1], int(rng.integers(array.sizes["side"])))
        spiked, holed = good.copy(), good.copy()
        far = {"iq": lambda v: v * 1e6, "ones": lambda v: np.round(1 - v), "joint": lambda v: np.eye(4)[(v.argmax(-1) + 1) % 4]}
        spiked[where] = far[name](spiked[where])
        holed[where] = np.nan
        yield f"a spike at {here}", changed(spiked)
        yield f"nothing at {here}", changed(holed)
    longest = swept[int(np.argmax(sizes))]
    for word, half in (("first", slice(max(sizes) // 2)), ("second", slice(max(sizes) // 2, None))):
        where = tuple(half if dim == longest else slice(None) for dim in array.dims)
        lost = good.astype(empty.dtype)
        lost[where] = empty[where]
        yield f"no contrast in the {word} half of {longest}", changed(lost)


def agree(fit: Fit, other: Fit) -> bool:
    """Whether two fits say the same within three errors of both; turns by 2 pi are none."""
    for name, one in fit.parameters.items():
        known = other.parameters.get(name, one)
        off = abs(one.value - known.value)
        off = min(off, abs(off - 2 * np.pi)) if one.unit == "rad" else off
        if off > 3 * np.hypot(one.error, known.error):
            return False
    return True


def test_nonsense_is_not_believed(one, stored, rng):
    data = stored(one.name)
    known = one.fit(data)
    for what, spoilt in planted(data, rng):
        fits = one.fit(spoilt)
        for fit, before in zip(fits, known, strict=True):
            assert not fit.good or (what not in SOUND and agree(fit, before)), f"{what}: {fit} instead of {before}"
            assert fit.good or (fit.reason and "must be able" not in fit.reason), f"{what}: {fit.reason}"
        if what in SOUND - {"missing"}:
            assert shows(one.plot(spoilt, fits)), what


@pytest.mark.parametrize(("name", "places"), [("anharmonicity", 13), ("qubit_spectroscopy", 13), ("resonator_spectroscopy", 27)])
def test_two_lines_where_one_is_expected_are_not_believed(stored, name, places):
    data = stored(name)
    (word,) = {"iq", "ones"} & set(data.variables)
    line = data[word] - data[word].values.ravel()[0]
    lines = data[word] + line.roll(frequency_point=places)
    both = data.assign({word: lines.clip(0, 1) if word == "ones" else lines})
    assert not any(fit.good for fit in routine(name).fit(both))


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


@pytest.mark.parametrize("at", [3, 400, 799])
def test_a_trace_that_jumps_makes_no_kernel(stored, at):
    """Some twenty times what parts the traces, in one sample: not so loud that nobody could fit it."""
    data = stored("readout_kernel")
    low, high = np.moveaxis(data["iq"].values, 1, 0)
    middle = np.mean(high - low, axis=-1)
    jump = np.zeros(data["iq"].shape, complex)
    jump[:, 1, at] = 18 * middle
    for fit in routine("readout_kernel").fit(data.assign(iq=data["iq"] + jump)):
        assert "stands out of those before and after" in fit.reason


def test_a_readout_that_is_nearly_stuck_at_11_tells_no_leakage(stored):
    data = stored("cz_leakage")
    stuck = data["joint"] * 0.01 + 0.99 * np.eye(4)[3]
    (fit,) = routine("cz_leakage").fit(data.assign(joint=stuck))
    assert fit.reason == "11 is read more often than the readout allows"


def test_a_calibrated_device_needs_no_calibration(one, lab):
    bench = (lab(five_ecr.device(), five_ecr.snapshot()) if one.gate == "ecr" else lab()).bench
    targets = [(0,), (2,), (4,)] if one.kind is Kind.QUBIT else [(0, 1)]
    for fit in bench.look(one, targets):
        assert fit.good, fit.reason
        assert one.deviation(bench.snapshot, fit) < 1, fit
        assert one.deviation_error(bench.snapshot, fit) >= 0, fit


def test_what_a_fit_leaves_open_has_no_sign(stored, lab):
    """The ledger keeps it, and is not read again if it is negative."""
    one = routine("readout_power")
    fit = one.fit(stored(one.name))[0]
    least = fit.parameters["error"]
    same = fit.model_copy(update={"parameters": fit.parameters | {"error_in_use": least.model_copy(update={"error": 0.0})}})
    assert one.deviation(lab().bench.snapshot, same) == 0
    assert one.deviation_error(lab().bench.snapshot, same) > 0
