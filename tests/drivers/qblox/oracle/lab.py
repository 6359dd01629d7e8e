"""A small laboratory on all four kinds of modules, and schedules drawn at random on its lines."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from qpu_bridge.schedule import Acquisition, Builder, Column, Output, PortKind, Schedule, SlotKind, Table
from qpu_bridge.schedule.shapes import constant, cosine_square, drag, gaussian, gaussian_square
from qpu_bridge.units import Clock

LO = {"d0": 4.9e9, "d1": 5.2e9, "d2": 5.0e9, "m0": 7.1e9, "a0": 7.1e9, "m1": 6.8e9, "a1": 6.8e9, "f0": 0.0}
"""Oscillator behind each line, Hz; 0: none."""
KINDS = {"d": PortKind.DRIVE, "m": PortKind.READOUT, "a": PortKind.ACQUIRE, "f": PortKind.FLUX}
RACK = {
    "instrument": "simulator",
    "modules": {2: "QCM-RF", 4: "QRM-RF", 6: "QCM", 8: "QRM"},
    "wiring": {
        "d0": {"slot": 2, "output": 0, "lo": int(LO["d0"])},
        "d1": {"slot": 2, "output": 1, "lo": int(LO["d1"])},
        "m0": {"slot": 4, "output": 0, "lo": int(LO["m0"])},
        "a0": {"slot": 4, "input": 0, "time_of_flight": 152},
        "f0": {"slot": 6, "output": 0},
        "d2": {"slot": 6, "output": (2, 3), "external_lo": LO["d2"]},
        "m1": {"slot": 8, "output": (0, 1), "external_lo": LO["m1"]},
        "a1": {"slot": 8, "input": (0, 1), "external_lo": LO["a1"], "time_of_flight": 152},
    },
}
"""The options of the rack file."""


class Lab:
    """A builder with all lines, and on each RF line one or two carriers at random intermediate frequencies."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.build = Builder(Clock(Fraction(1, 10**9)))
        self.ports = {name: self.build.port(name, KINDS[name[0]]) for name in LO}
        self.drive = [self.frame(f"q{k}", f"d{k}") for k in range(3)]
        self.cross = self.frame("q0q1", "d0")
        self.flux = self.build.frame("f0", self.ports["f0"], 0.0)
        self.readout: list[tuple[int, int]] = []
        for k, line in enumerate("001"):
            tone = self.frame(f"m{k}", f"m{line}")
            carrier = self.build._frames[tone].frequency
            self.readout.append((tone, self.build.frame(f"a{k}", self.ports[f"a{line}"], carrier)))

    def frame(self, name: str, line: str) -> int:
        """A carrier at a random intermediate frequency, on the grid of 0.25 Hz of the oscillators."""
        offset = int(self.rng.integers(-4 * 380_000_000, 4 * 380_000_000)) / 4
        return self.build.frame(name, self.ports[line], LO[line] + offset)

    def angle(self) -> float:
        return float(self.rng.uniform(-7, 7))

    def level(self) -> float:
        return float(self.rng.uniform(-0.45, 0.45))

    def measure(self, *columns: int, at: int = 40) -> None:
        """Tones and windows of as many qubits side by side, on two lines."""
        build, rng = self.build, self.rng
        build.barrier()
        start = build.now(self.readout[0][0])
        for column, (tone, window) in zip(columns, self.readout, strict=False):
            build.play(tone, gaussian_square(320, 10, 280), amplitude=self.level(), phase=self.angle(), at=start)
            phase = float(rng.uniform(-3, 3))
            build.capture(window, column, 300, kernel=constant(300), phase=phase, at=start + at)
        build.barrier()

    def pulse(self, frame: int, amplitude: object = None, **options: object) -> None:
        """One of the envelopes of the field, at random."""
        rng, length = self.rng, int(self.rng.integers(8, 61))
        shape = [
            lambda: drag(length, length / 4, float(rng.uniform(0.3, 1.2)) * float(rng.choice([-1, 1]))),
            lambda: gaussian(length, length / 4),
            lambda: gaussian_square(200 + 2 * length, 12, 160),
            lambda: constant(4 * length),
        ][int(rng.integers(4))]()
        self.build.play(frame, shape, amplitude=self.level() if amplitude is None else amplitude, **options)  # type: ignore[arg-type]
