"""White noise of one transmon: Lindblad rates, as generator and as closed form for idle time."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.chip.device import Device, Transmon
from qpu_emulator.scales import Scales
from qpu_emulator.windows.basis import Complex, Real, dissipator, pairs

_DIGITS = 7
"""Of what has faded, so that lanes share entries."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Rates in 1/s, after scaling.

    Attributes:
        down: From level 1 to 0; from 2 to 1 twice that.
        up: From level 0 to 1.
        dephasing: Pure dephasing of the coherence 01; it grows with the square of the difference of levels.
    """

    down: float
    up: float
    dephasing: float

    @classmethod
    def of(cls, transmon: Transmon, scales: Scales) -> Relaxation:
        """The transmon's rates."""
        rate = transmon.relaxation_rate * scales.t1
        excited = transmon.thermal * scales.thermal
        return cls(rate * (1 - excited), rate * excited, transmon.dephasing_rate * scales.t2)

    @property
    def rates(self) -> tuple[float, float, float]:
        """All of them."""
        return self.down, self.up, self.dephasing

    @property
    def lossy(self) -> bool:
        """Whether any rate is not zero."""
        return bool(self.down or self.up or self.dephasing)

    def jumps(self, levels: int = 3) -> list[Complex]:
        """Lindblad operators, each times the root of its rate; those of rate zero are left away."""
        lower = np.diag(np.sqrt(np.arange(1, levels)), 1).astype(complex)
        number = np.diag(np.arange(levels)).astype(complex)
        rated = ((self.down, lower), (self.up, lower.conj().T), (2 * self.dephasing, number))
        return [np.sqrt(rate) * operator for rate, operator in rated if rate]

    @cache  # noqa: B019 - a few rates per device
    def generator(self, levels: int = 3) -> Real:
        """Lindblad generator on the real vectors of `basis`, 1/s."""
        return np.asarray(sum((dissipator(jump) for jump in self.jumps(levels)), np.zeros((levels**2, levels**2))))

    def mixing(self, levels: int) -> Real:
        """Rates between populations: ``dp/dt = mixing @ p``."""
        ladder = np.arange(1, levels)
        rates = np.diag(self.down * ladder, 1) + np.diag(self.up * ladder, -1)
        return rates - np.diag(rates.sum(axis=0))

    def idle(self, seconds: Real, levels: int) -> tuple[Real, Real]:
        """What idle time does.

        A coherence that relaxation hands down from 12 to 01 turns with the anharmonicity and averages out; it is left away.

        Returns:
            ``float[n, levels, levels]`` for populations, and factors ``float[n, coherences]``.
        """
        values, vectors, inverse, rates = self._modes(levels)
        growth = np.exp(np.multiply.outer(seconds, values))
        populations = (vectors * growth[:, None]) @ inverse
        return populations, np.exp(-np.multiply.outer(seconds, rates))

    @cache  # noqa: B019 - a few rates per device
    def _modes(self, levels: int) -> tuple[Real, Real, Real, Real]:
        """Rates of populations, their vectors as columns and as rows; rates of coherences."""
        mixing = self.mixing(levels)
        values, vectors = np.linalg.eig(mixing) if self.down or self.up else (np.zeros(levels), np.eye(levels))
        values, vectors = values.real, vectors.real
        leaving = -np.diag(mixing)
        rates = np.array([(leaving[k] + leaving[m]) / 2 + self.dephasing * (k - m) ** 2 for k, m in pairs(levels)])
        return values, vectors, np.linalg.inv(vectors), rates


@cache
def pair_jumps(first: Relaxation, second: Relaxation, levels: int) -> Real:
    """Lindblad operators of two transmons, ``float[jumps, levels**2, levels**2]``, times the roots of their rates."""
    one = np.eye(levels)
    found = [np.kron(jump.real, one) for jump in first.jumps(levels)] + [np.kron(one, jump.real) for jump in second.jumps(levels)]
    return np.array(found).reshape(-1, levels**2, levels**2)


class Idle:
    """Idle times of all transmons, solved when first needed and kept as entries of three arrays.

    Args:
        device: The chip.
        relaxations: Of each transmon.
        levels: 2 or 3.
    """

    def __init__(self, device: Device, relaxations: list[Relaxation], levels: int) -> None:
        self._device = device
        self._relaxations = relaxations
        self._levels = levels
        self._lock = threading.Lock()
        # of each transmon: idle time, and as imaginary part what has faded beside -> entry
        self._entries: list[dict[complex, int]] = [{} for _ in device.transmons]
        coherences = levels * (levels - 1) // 2
        self._room: tuple[Real, ...] = np.empty((0, levels, levels)), np.empty((0, coherences)), np.empty(0)
        self.mixing, self.fading, self.turning = self._room

    def find(self, qubit: int, seconds: Real | float, faded: Real | float = 0.0) -> NDArray[np.int32] | int:
        """Entries for a transmon that idles.

        Args:
            qubit: Which.
            seconds: ``float[n]``, or one time.
            faded: ``float[n]``, or one number for all: ``x`` of a factor ``exp(-x)`` on the coherence 01 beside that of white
                noise; on others as white noise would have it.

        Returns:
            ``int[n]``, or one entry if both are single numbers.
        """
        if not isinstance(seconds, np.ndarray) and not isinstance(faded, np.ndarray):
            known = self._entries[qubit].get(complex(seconds, faded))
            return int(self._find(qubit, np.array([complex(seconds, faded)]))[0]) if known is None else known
        return self._find(qubit, np.asarray(seconds + 1j * np.round(faded, _DIGITS)))

    def _find(self, qubit: int, both: Complex) -> NDArray[np.int32]:
        # lanes of one point wait as long, and stand side by side
        first = np.flatnonzero(np.concatenate([[True], both[1:] != both[:-1]])[: len(both)])
        wanted, known = both[first].tolist(), self._entries[qubit]
        with self._lock:
            new = [number for number in dict.fromkeys(wanted) if number not in known]
            if new:
                count, times = len(self.turning), np.array(new)
                mixing, fading = self._relaxations[qubit].idle(times.real, self._levels)
                apart = np.array([(k - m) ** 2 for k, m in pairs(self._levels)])
                turning = 2 * np.pi * np.mod(self._device.transmons[qubit].anharmonicity * times.real, 1.0)
                self._add(mixing, fading * np.exp(-np.multiply.outer(times.imag, apart)), turning)
                # named last: another thread must not see an entry before its numbers
                known.update(zip(new, range(count, count + len(new)), strict=True))
            entries = np.array([known[number] for number in wanted], np.int32)
        return entries.repeat(np.diff(first, append=len(both)))

    def _add(self, *solved: Real) -> None:
        """Append entries; who has the arrays of those before may go on to read them."""
        count, last = len(self.turning), len(self.turning) + len(solved[-1])
        if last > len(self._room[-1]):
            self._room = tuple(np.resize(room, (max(2 * count, last), *room.shape[1:])) for room in self._room)
        for room, part in zip(self._room, solved, strict=True):
            room[count:last] = part
        self.mixing, self.fading, self.turning = (room[:last] for room in self._room)
