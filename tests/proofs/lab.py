"""A laboratory that knows its driver's capability document, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.driver import Driver, Run
from qpu_bridge.schedule import Builder, Column, Output, PortKind, SlotRef, Table
from qpu_bridge.schedule.shapes import constant
from qpu_bridge.units import Clock

READOUT = 1500
WEAK = 0.05

Values = NDArray[np.float64]
Points = NDArray[np.complex128]


@dataclass(frozen=True)
class Qubit:
    """What is known of a qubit so far; Hz, s, full scale, digitizer units."""

    line: str
    resonator: float
    tone: float = WEAK
    f01: float = 0.0
    anharmonicity: float = 0.0
    pi: float = 0.0
    beta: float = 0.0
    ground: complex = 0.0
    excited: complex = 0.0
    t1: float = 0.0
    t2_ramsey: float = 0.0
    t2_echo: float = 0.0


class Page:
    """One schedule under way, in the words of a physicist."""

    def __init__(self, lab: Lab) -> None:
        self.build = Builder(lab.clock)
        self._kinds = lab.kinds
        self._ports: dict[str, int] = {}
        self._columns = 0

    def frame(self, line: str, frequency: float) -> int:
        """A carrier on a line."""
        if line not in self._ports:
            self._ports[line] = self.build.port(line, self._kinds[line])
        return self.build.frame(f"{line} {frequency:.0f}", self._ports[line], frequency)

    def read(self, lab: Lab, qubits: list[Qubit], sweep: SlotRef | None = None) -> None:
        """Measure some qubits at once, their points averaged."""
        frames = [(self.frame(lab.out, q.resonator), self.frame(lab.back, q.resonator)) for q in qubits]
        if sweep is not None:
            for pair in frames:
                for frame in pair:
                    self.build.set_frequency(frame, sweep)
        self.build.barrier()
        start = self.build.now(frames[0][0])
        for (tone, heard), qubit in zip(frames, qubits, strict=True):
            self._columns += 1
            column = self.build.column(Column(f"{self._columns}", output=Output.IQ, average=True))
            self.build.play(tone, constant(READOUT), qubit.tone, at=start)
            self.build.capture(heard, column, READOUT, at=start)


class Lab:
    """A driver, and nothing else.

    Args:
        driver: Of the unknown device.
        seed: For its noise.
    """

    def __init__(self, driver: Driver, seed: int) -> None:
        self.driver = driver
        limits = driver.capabilities().limits
        self.clock = Clock(limits.dt)
        self.kinds = {port.name: port.kind for port in limits.ports}
        self.drives = [name for name, kind in self.kinds.items() if kind is PortKind.DRIVE]
        self.fluxes = [name for name, kind in self.kinds.items() if kind is PortKind.FLUX]
        self.out = next(name for name, kind in self.kinds.items() if kind is PortKind.READOUT)
        self.back = next(name for name, kind in self.kinds.items() if kind is PortKind.ACQUIRE)
        self.seed = seed
        self.shots = 0

    def points(self, page: Page, shots: int) -> Points:
        """Play a page; ``complex[*sweep, columns]``."""
        schedule = page.build.build()
        self.driver.load(schedule)
        self.seed += 1
        run = Run(schedule.digest, Table(np.zeros((1, len(schedule.slots)))), shots, seed=self.seed)
        mean = np.concatenate([chunk.mean for chunk in self.driver.run(run)])[0]
        self.shots += shots * int(np.prod(schedule.sweep_shape))
        return mean.astype(complex)

    def excited(self, page: Page, qubit: Qubit, shots: int) -> Values:
        """Play a page that reads one qubit; its excited population along the sweep."""
        page.read(self, [qubit])
        arm = qubit.excited - qubit.ground
        return np.real((self.points(page, shots)[..., 0] - qubit.ground) * np.conj(arm)) / abs(arm) ** 2
