"""Bounds narrow what a driver says, and never widen it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Bounds, Feature, Limits, LineBounds, PortKind, PortLimits

DT = Fraction(1, 10**9)
LIMITS = Limits(
    dt=DT,
    ports=(
        PortLimits(name="d0", kind=PortKind.DRIVE, dt=DT, min_frequency=4.5e9, max_frequency=5.5e9, min_duration=4),
        PortLimits(name="d1", kind=PortKind.DRIVE, dt=DT, min_frequency=4.5e9, max_frequency=5.5e9, max_amplitude=0.5),
        PortLimits(name="c01", kind=PortKind.FLUX, dt=DT, max_frequency=0.0),
        PortLimits(name="r", kind=PortKind.READOUT, dt=DT, max_sum=None),
        PortLimits(name="a", kind=PortKind.ACQUIRE, dt=DT, max_duration=5000),
    ),
    features=frozenset(Feature),
)


def narrowed(document: dict) -> dict[str, PortLimits]:
    return {port.name: port for port in Bounds.model_validate(document).narrow(LIMITS).ports}


def test_without_bounds_nothing_changes():
    assert Bounds().narrow(LIMITS) == LIMITS


def test_the_narrowest_of_driver_kind_and_line_holds():
    ports = narrowed(
        {
            "drive": {"max_amplitude": 0.7, "max_duration_s": 2e-6},
            "flux": {"max_amplitude": 0.9},
            "acquire": {"max_duration_s": 3e-6},
            "lines": {"d0": {"max_amplitude": 0.4, "min_frequency": 4.8e9, "max_frequency": 5.8e9}},
        }
    )
    assert (ports["d0"].max_amplitude, ports["d1"].max_amplitude, ports["c01"].max_amplitude) == (0.4, 0.5, 0.9)
    assert (ports["d0"].min_frequency, ports["d0"].max_frequency) == (4.8e9, 5.5e9)
    assert (ports["d0"].max_duration, ports["a"].max_duration, ports["r"].max_duration) == (2000, 3000, 2**31)
    assert ports["r"] == LIMITS.ports[3]


def test_power_is_amplitude_on_a_scale_that_was_measured():
    ports = narrowed(
        {
            "readout": {"max_power_dbm": -40},
            "lines": {"r": {"full_scale_dbm": -20}, "d0": {"max_power_dbm": 3, "full_scale_dbm": 0}},
        }
    )
    assert ports["r"].max_amplitude == pytest.approx(0.1)
    # the tones of a line add up in voltage
    assert ports["r"].max_sum == pytest.approx(0.1)
    assert (ports["d0"].max_amplitude, ports["d0"].max_sum) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"lines": {"d7": {}}}, "must be one of the device (a, c01, d0, d1, r); got d7 (lab.lines)"),
        ({"drive": {"max_power_dbm": -30}}, "must go with the power of amplitude 1; got no full_scale_dbm"),
        ({"drive": {"full_scale_dbm": -30}}, "full_scale_dbm is there for max_power_dbm"),
        ({"acquire": {"max_amplitude": 0.1}}, "listens has no amplitude to be bounded; got max_amplitude (lab.acquire)"),
        ({"lines": {"c01": {"max_frequency": 1e6}}}, "a flux line has no carrier to be bounded"),
        ({"lines": {"d0": {"min_frequency": 6e9}}}, "must leave some of what it can do (4.5e+09 to 5.5e+09 Hz); got from 6e+09"),
        ({"lines": {"d0": {"max_duration_s": 3e-9}}}, "must leave some of what it can do (4 to 2.14748365e+09 samples)"),
    ],
)
def test_bounds_that_mean_nothing_are_refused(document, says):
    with pytest.raises(SettingsError) as caught:
        Bounds.model_validate(document).narrow(LIMITS, "lab")
    assert says in caught.value.sentence


positive = st.floats(1e-6, 1.0)
bounds = st.builds(
    LineBounds,
    max_amplitude=st.none() | positive,
    max_sum=st.none() | positive,
    max_duration_s=st.none() | st.floats(1e-8, 1.0),
)


@given(kind=bounds, own=bounds)
def test_no_bound_widens_anything(kind, own):
    found = Bounds(drive=kind, lines={"d1": own}).narrow(LIMITS)
    for before, after in zip(LIMITS.ports, found.ports, strict=True):
        assert after.max_amplitude <= before.max_amplitude
        assert before.max_sum is None or after.max_sum <= before.max_sum
        assert after.max_duration <= before.max_duration
    # what is announced can be read again
    assert Limits.model_validate_json(found.model_dump_json()) == found
    for bound in (kind, own):
        assert bound.max_amplitude is None or found.ports[1].max_amplitude <= bound.max_amplitude
        assert bound.max_sum is None or found.ports[1].max_sum <= bound.max_sum
        assert bound.max_duration_s is None or found.ports[1].max_duration * 1e-9 <= bound.max_duration_s * (1 + 1e-9)
