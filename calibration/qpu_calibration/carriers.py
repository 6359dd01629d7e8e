"""Carriers: those that a page uses, and the phase at which the next pulse of each is played."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qpu_bridge.schedule import SlotKind
from qpu_bridge.target import Snapshot
from qpu_bridge.units import Clock
from qpu_calibration.axis import Values
from qpu_calibration.ink import Ink, Number


@dataclass
class Carrier:
    """One carrier.

    Attributes:
        port: Its line.
        frequency: Hz, at rest.
        offsets: Hz, where it differs from row to row.
        phase: Of its next pulse, rad.
    """

    port: str
    frequency: float
    offsets: Values | None
    phase: Number = 0.0


class Carriers:
    """The carriers of one page, by key: the name in the snapshot, and a number behind it at other frequencies.

    Args:
        snapshot: What is believed of the machine.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._used: dict[str, Carrier] = {}
        self._others: dict[tuple[str, bytes], str] = {}
        self._following: dict[int, list[str]] = {}

    def use(self, name: str, tones: Number | None = None) -> str:
        """Note that a carrier is used, at its own frequency or at others (Hz), and say under which key."""
        if tones is None and name in self._used:
            return name
        spec = self.snapshot.frame(name)
        key, frequency, offsets = name, spec.frequency, None
        if tones is not None:
            frequency, offsets = (tones, None) if isinstance(tones, float) else (spec.frequency, tones - spec.frequency)
            if offsets is not None or frequency != spec.frequency:
                key = self._others.setdefault((name, np.asarray(tones).tobytes()), f"{name} {len(self._others) + 1}")
        if key not in self._used:
            self._used[key] = Carrier(spec.port, frequency, offsets)
        return key

    def phase(self, key: str) -> Number:
        """At which the next pulse is played, rad."""
        return self._used[key].phase

    def line(self, key: str) -> str:
        """The line of a carrier."""
        return self._used[key].port

    def following(self, qubit: int) -> list[str]:
        """All that turn with the virtual Z of a qubit, used from now on."""
        found = self._following.get(qubit)
        if found is None:
            found = self._following[qubit] = [self.use(spec.name) for spec in self.snapshot.following(qubit)]
        return found

    def turn(self, qubit: int, angle: Number) -> None:
        """RZ subtracts from all carriers of the qubit, also from those that are not used yet."""
        for key in self.following(qubit):
            self.move(key, self.phase(key) - angle)

    def move(self, key: str, phase: Number) -> None:
        """Play the next pulse at another phase, rad."""
        self._used[key].phase = phase

    def declare(self, ink: Ink) -> None:
        """Lines and carriers, before anything is written."""
        ports: dict[str, int] = {}
        for key, carrier in self._used.items():
            spec = self.snapshot.port(carrier.port)
            if carrier.port not in ports:
                clock = ink.build.clock if spec.dt == ink.build.clock.dt else Clock(spec.dt)
                ports[carrier.port] = ink.build.port(carrier.port, spec.kind, clock)
            ink.frames[key] = ink.build.frame(key, ports[carrier.port], carrier.frequency)
            if carrier.offsets is not None:
                ink.build.set_frequency(ink.frames[key], ink.slot(SlotKind.FREQUENCY, carrier.offsets))
