"""Photons that a readout tone leaves in its resonator: what they do to the qubit, and to the measurement that comes next.

Without a tone the field of level k rings down as ``alpha_k(t) = alpha exp(-(kappa/2 + i Delta_k) t)``, and a coherence changes as
``d rho_10/dt = -i (Delta_1 - Delta_0) alpha_1 conj(alpha_0) rho_10``: an AC Stark shift and dephasing (Gambetta et al., PRA 74,
042318 (2006), section V; all in the frame of the resonator's frequency). A superposition that a pulse makes at a moment starts
with one field in both branches; then ``alpha_1 conj(alpha_0)`` is ``n exp(-(kappa + i (Delta_1 - Delta_0)) t)`` from there on.
Each pulse is taken to make a new one: what an earlier branch has learnt of the qubit since is forgotten, an echo of it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Waveform
from qpu_emulator.chip.device import Device, Resonator

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
Index = NDArray[np.int64]

_TAU = 2 * np.pi
_DARK = 1e-4
"""Fewer photons are none: they would dephase by no more than that."""
_GRAIN_HZ = 100.0
"""A shift during a pulse is rounded, so that lanes share windows; in 100 ns that is a turn of 3e-5 rad."""


class Stirring(NamedTuple):
    """What photons do to a qubit in the time of a pulse, in each lane.

    Attributes:
        before: What `Afterglow.elapse` returns, of the first half, for the superposition that was there.
        after: The same of the second half, for the one that is made.
        shift: Shift of the transition 01 in Hz that turns both by as much; of the first half only if there was a superposition.
    """

    before: tuple[Real, Real]
    after: tuple[Real, Real]
    shift: Real


class Afterglow:
    """Fields of some resonators in every lane.

    Args:
        device: The chip.
        qubits: Those that are measured before the end.
        lanes: How many.

    Attributes:
        places: Qubit -> its column in all arrays.
    """

    def __init__(self, device: Device, qubits: Sequence[int], lanes: int) -> None:
        known = {resonator.qubit: resonator for resonator in device.resonators}
        self.places = {qubit: place for place, qubit in enumerate(qubits)}
        self._kappa = np.array([_TAU * known[qubit].kappa for qubit in qubits])
        self._pulls = np.array([_TAU * pulls(known[qubit]) for qubit in qubits]).reshape(-1, 3)
        shape = (lanes, len(qubits))
        # field at a moment, in s since the start of the shot, and the level that it has known since; -1 is none in particular
        self._field, self._since, self._level = np.zeros(shape, complex), np.zeros(shape), np.zeros(shape, np.int64)
        # alpha_1 conj(alpha_0) of a superposition, and until when it has acted
        self._pair, self._until = np.zeros(shape, complex), np.zeros(shape)

    def split(self, parents: Index) -> None:
        """Append lanes that begin as others are."""
        if self.places:
            for name in ("_field", "_since", "_level", "_pair", "_until"):
                array = getattr(self, name)
                setattr(self, name, np.concatenate([array, array[parents]]))

    def shines(self, qubit: int, lanes: Index) -> bool:
        """Whether there are photons in the qubit's resonator, in any of the lanes."""
        return qubit in self.places and bool(self._field[lanes, self.places[qubit]].any())

    def light(self, qubit: int, lanes: Index, field: Complex, level: Index, now: Real) -> None:
        """A tone has just ended, and has left a field and the qubit in a level."""
        place = self.places[qubit]
        self._field[lanes, place] = np.where(np.abs(field) ** 2 > _DARK, field, 0.0)
        self._level[lanes, place], self._since[lanes, place] = level, now
        self._pair[lanes, place], self._until[lanes, place] = 0.0, now

    def arriving(self, qubit: int, lanes: Index, level: Index, now: Real) -> Complex:
        """The field that a moment finds, if the qubit is then found in a level; that it has had since the last pulse."""
        place = self.places[qubit]
        rate = self._kappa[place] / 2 + 1j * self._pulls[place][level]
        return np.asarray(self._field[lanes, place] * np.exp(-rate * (now - self._since[lanes, place])))

    def stir(self, qubit: int, lanes: Index, start: Real, stop: Real) -> Stirring:
        """A pulse makes a superposition, at its middle; time must have elapsed until its start."""
        place, middle = self.places[qubit], (start + stop) / 2
        known, gone = self._level[lanes, place], middle - self._since[lanes, place]
        own = np.where(known < 0, self._pulls[place][:2].mean(), self._pulls[place][known])
        field = self._field[lanes, place] * np.exp(-(self._kappa[place] / 2 + 1j * own) * gone)
        field[np.abs(field) ** 2 < _DARK] = 0.0
        coherent = self._pair[lanes, place] != 0.0
        before = self.elapse(qubit, lanes, middle)
        self._field[lanes, place], self._since[lanes, place], self._level[lanes, place] = field, middle, -1
        self._pair[lanes, place] = np.abs(field) ** 2
        after = self.elapse(qubit, lanes, stop)
        turned = np.where(coherent, before[1] + after[1], 2 * after[1])
        shift = np.rint(turned / (stop - start) / _TAU / _GRAIN_HZ) * _GRAIN_HZ
        return Stirring(before, after, shift)

    def elapse(self, qubit: int, lanes: Index, now: Real | float) -> tuple[Real, Real]:
        """Let time pass for a superposition; what has passed already has no effect.

        Returns:
            ``float[lanes]`` each: ``x`` and ``y`` of the factor ``exp(-x - i y)`` that the coherence ``rho_10`` has changed by.
        """
        place = self.places[qubit]
        rate = self._kappa[place] + 1j * self._apart(place)
        now, before = np.maximum(now, self._until[lanes, place]), self._pair[lanes, place]
        after = before * np.exp(-rate * (now - self._until[lanes, place]))
        self._pair[lanes, place], self._until[lanes, place] = after, now
        exponent = 1j * self._apart(place) / rate * (before - after)
        return exponent.real, exponent.imag

    def _apart(self, place: int) -> float:
        return float(self._pulls[place][1] - self._pulls[place][0])


def pulls(resonator: Resonator) -> Real:
    """How far each level pulls a resonator, Hz."""
    return np.array([-1.0, 1.0, resonator.chi_ratio]) * resonator.chi


def left(resonator: Resonator, tone: Waveform, dt: float, start: float, frequency: float, stop: float) -> Complex:
    """The field that a tone of unit amplitude and phase zero leaves, for each level of the qubit, in the tone's frame.

    Args:
        resonator: Empty at first.
        tone: Envelope.
        dt: Its tick, s.
        start: s.
        frequency: Hz.
        stop: When to look, not before the tone's end, s.
    """
    rate = np.pi * resonator.kappa + 1j * _TAU * (resonator.frequency + pulls(resonator) - frequency)
    edges = start + np.concatenate([[0], np.cumsum(tone.repeats)]) * dt
    grown = np.exp(-np.multiply.outer(rate, stop - edges))
    return np.asarray(resonator.drive * (np.diff(grown, axis=1) @ tone.samples) / rate)
