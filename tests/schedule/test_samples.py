"""An event's samples are counted in one place."""

from __future__ import annotations

from fractions import Fraction

import pytest

from qpu_bridge.schedule import Builder, Column, PortKind
from qpu_bridge.schedule.shapes import constant, gaussian
from qpu_bridge.units import Clock


@pytest.mark.parametrize("samples", [1, 7, 300, 1999])
@pytest.mark.parametrize(
    ("timeline", "line"),
    [
        (Fraction(1, 430_080_000), Fraction(1, 307_200_000)),
        (Fraction(8, 10**9), Fraction(1, 10**9)),
        (Fraction(1, 10**9), Fraction(3, 10**9)),
    ],
)
def test_a_kernel_s_samples_are_those_of_its_capture(timeline: Fraction, line: Fraction, samples: int) -> None:
    build = Builder(Clock(timeline))
    receive = build.frame("s0", build.port("a0", PortKind.ACQUIRE, Clock(line)), 7e9)
    for kernel in (None, constant(samples), gaussian(samples, 100.0)):
        build.capture(receive, build.column(Column(f"c{id(kernel)}")), samples, kernel)
    assert build.build().samples.tolist() == [samples] * 3
