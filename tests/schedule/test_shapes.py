from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.shapes import constant, cosine_square, drag, gaussian, gaussian_square


def test_a_constant_is_one_run() -> None:
    assert constant(100).samples.tolist() == [1]
    assert constant(100).duration == 100


def test_a_gaussian_is_lifted_and_symmetric() -> None:
    samples = gaussian(64, 16).expand().real
    floor = np.exp(-0.5 * 4)
    assert samples == pytest.approx(samples[::-1])
    assert samples[10] == pytest.approx((np.exp(-0.5 * (21.5 / 16) ** 2) - floor) / (1 - floor))
    assert samples[0] < 0.02


def test_drag_has_the_slope_in_quadrature() -> None:
    wave = drag(64, 16, 2.0).expand()
    assert wave.real == pytest.approx(gaussian(64, 16).expand().real)
    assert wave.imag[1:-1] == pytest.approx(2.0 * (wave.real[2:] - wave.real[:-2]) / 2, rel=1e-2, abs=1e-4)


def test_a_gaussian_square_holds_its_top() -> None:
    wave = gaussian_square(100, 8, 60)
    assert wave.duration == 100
    assert wave.expand()[20:80].tolist() == [1] * 60
    assert wave.repeats.max() >= 60
    assert gaussian_square(60, 8, 60) == constant(60)


def test_a_cosine_square_rises_and_falls() -> None:
    samples = cosine_square(20, 5).expand().real
    assert samples[:5] == pytest.approx(samples[:-6:-1])
    assert samples[5:15].tolist() == [1] * 10
    assert (np.diff(samples[:6]) > 0).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: gaussian(0, 1),
        lambda: gaussian(10, 0),
        lambda: gaussian_square(100, 8, 61),
        lambda: gaussian_square(100, 8, 102),
        lambda: cosine_square(9, 5),
        lambda: cosine_square(9, -1),
        lambda: drag(16, 4, 50.0),
    ],
)
def test_a_shape_that_cannot_be_is_refused(make: object) -> None:
    with pytest.raises(ScheduleError):
        make()  # type: ignore[operator]


def test_a_flat_top_costs_nothing_however_long() -> None:
    for wave in (cosine_square(10**9, 20), gaussian_square(10**9, 8, 10**9 - 40)):
        assert wave.duration == 10**9
        assert len(wave.samples) <= 41
