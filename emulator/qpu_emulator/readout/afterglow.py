"""Photons that readout tones bring into resonators: what they do to the qubits, and to the measurement that comes next.

A coherence changes as ``d rho_10/dt = -i (Delta_1 - Delta_0) alpha_1 conj(alpha_0) rho_10``: an AC Stark shift and dephasing
(`field`). A superposition that a pulse makes at a moment starts with one field in both branches. Each pulse is taken to make a
new one: what an earlier branch has learnt of the qubit since is forgotten, an echo of it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Waveform
from qpu_emulator.chip.device import Resonator
from qpu_emulator.readout.field import Complex, Real, Tones, carry, silence

Index = NDArray[np.int64]

_TAU = 2 * np.pi
_DARK = 1e-4
"""Fewer photons are none: they would dephase by no more than that."""
_GRAIN_HZ = 100.0
"""A shift during a pulse is rounded, so that lanes share windows; in 100 ns that is a turn of 3e-5 rad."""
_SLIGHT = 0.01
"""A smaller turn during a pulse is made before and after it, rad: that is wrong by its square, and needs no window of its own."""


class Stirring(NamedTuple):
    """What photons do to a qubit in the time of a pulse, in each lane.

    Attributes:
        before: What `Afterglow.elapse` returns, of the first half, for the superposition that was there.
        after: The same of the second half, for the one that is made.
        shift: Shift of the transition 01 in Hz that turns both by as much; of the first half only if there was a superposition.
            None where both turn slightly.
    """

    before: tuple[Real, Real]
    after: tuple[Real, Real]
    shift: Real | None


class Afterglow:
    """Fields of some resonators in every lane.

    Args:
        resonators: Of the qubits that tones reach while there is something left to do with them.
        lanes: How many.

    Attributes:
        places: Qubit -> its column in all arrays.
    """

    def __init__(self, resonators: Sequence[Resonator], lanes: int) -> None:
        self.places = {resonator.qubit: place for place, resonator in enumerate(resonators)}
        self._rates = np.array([np.pi * one.kappa + 1j * _TAU * pulls(one) for one in resonators]).reshape(-1, 3)
        shape = (lanes, len(resonators))
        # fields of the levels at a moment, in s since the start of the shot
        self._fields, self._until = np.zeros((*shape, 3), complex), np.zeros(shape)
        # the level that a measurement has left; -1 where a pulse has made a superposition since, or where it makes no difference
        self._level = np.full(shape, -1)

    def split(self, parents: Index) -> None:
        """Append lanes that begin as others are."""
        if self.places:
            for name in ("_fields", "_until", "_level"):
                array = getattr(self, name)
                setattr(self, name, np.concatenate([array, array[parents]]))

    def shines(self, qubit: int, lanes: Index, tones: Tones | None = None, now: Real | float = 0.0) -> bool:
        """Whether there are photons in the qubit's resonator in any of the lanes, or tones have begun to bring some."""
        if qubit not in self.places:
            return False
        place = self.places[qubit]
        if self._fields[lanes, place].any():
            return True
        if tones is None:
            return False
        return bool(((now - tones.begun > tones.edges[0]) & (self._until[lanes, place] - tones.begun < tones.edges[-1])).any())

    def light(self, qubit: int, lanes: Index, field: Complex, level: Index, now: Real) -> None:
        """A tone that measures has just ended, and has left a field and the qubit in a level."""
        place = self.places[qubit]
        bright = np.abs(field) ** 2 > _DARK
        self._fields[lanes, place] = np.where(bright, field, 0.0)[:, None]
        self._level[lanes, place], self._until[lanes, place] = np.where(bright, level, -1), now

    def arriving(self, qubit: int, lanes: Index, level: Index, now: Real) -> Complex:
        """The field that a moment finds if the qubit is then found in a level, which it has had since the last pulse."""
        place = self.places[qubit]
        gone = now - self._until[lanes, place]
        return np.asarray(self._fields[lanes, place, level] * np.exp(-self._rates[place][level] * gone))

    def stir(self, qubit: int, lanes: Index, start: Real, stop: Real, tones: Tones | None = None) -> Stirring:
        """A pulse makes a superposition, at its middle; time must have elapsed until its start."""
        place = self.places[qubit]
        before = self.elapse(qubit, lanes, (start + stop) / 2, tones)
        known, fields = self._level[lanes, place], self._fields[lanes, place]
        both = fields[:, 0] + fields[:, 1]
        size = np.sqrt((np.abs(fields[:, :2]) ** 2).mean(axis=1))
        field = np.where(
            known < 0, size * np.exp(1j * np.angle(both)), np.take_along_axis(fields, np.maximum(known, 0)[:, None], 1)[:, 0]
        )
        field[np.abs(field) ** 2 < _DARK] = 0.0
        self._fields[lanes, place], self._level[lanes, place] = field[:, None], -1
        after = self.elapse(qubit, lanes, stop, tones)
        turned = np.where(known < 0, before[1] + after[1], 2 * after[1])
        if np.abs(turned).max() < _SLIGHT:
            return Stirring(before, after, None)
        return Stirring(before, after, np.rint(turned / (stop - start) / _TAU / _GRAIN_HZ) * _GRAIN_HZ)

    def elapse(self, qubit: int, lanes: Index, now: Real | float, tones: Tones | None = None) -> tuple[Real, Real]:
        """Let time pass for a superposition; what has passed already has no effect.

        Returns:
            ``float[lanes]`` each: ``x`` and ``y`` of the factor ``exp(-x - i y)`` that the coherence ``rho_10`` has changed by.
        """
        place = self.places[qubit]
        until, fields = self._until[lanes, place], self._fields[lanes, place]
        then = np.asarray(np.maximum(now, until), np.float64)
        lost = carry(fields, until, then, self._rates[place], silence(len(lanes)) if tones is None else tones)
        lost[self._level[lanes, place] >= 0] = 0.0
        self._fields[lanes, place], self._until[lanes, place] = fields, then
        return lost.real, lost.imag


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
