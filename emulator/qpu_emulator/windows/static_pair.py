"""Two transmons with a constant exchange coupling: bare numbers from dressed ones, static ZZ, and what drives do to both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import SettingsError
from qpu_emulator.chip.device import Device, StaticCoupling
from qpu_emulator.windows.basis import Complex, Real
from qpu_emulator.windows.exchange import exchange

_LEVELS = 4
_TAU = 2 * np.pi
_MARKS = 24


class StaticPair:
    """The Hamiltonian of two transmons of four levels each and ``j (a+ b + a b+)``.

    Four levels, because the drive of cross-resonance reaches the control's fourth in the order in which its ZX rate
    saturates (Tripathi, Khezri, Korotkov, PRA 100, 012301); three are off by percents. The bare frequencies are solved so that
    the dressed ones are the device file's. The dressed states have a definite number of excitations, so that the sum of both
    may turn with any frame.

    Args:
        device: The chip.
        coupler: Which pair.

    Raises:
        SettingsError: If the coupling makes the dressed states indistinct.
    """

    def __init__(self, device: Device, coupler: StaticCoupling) -> None:
        self.coupler = coupler
        transmons = [device.transmons[index] for index in coupler.qubits]
        self.frequencies = (transmons[0].frequency, transmons[1].frequency)
        self._alphas = (transmons[0].anharmonicity, transmons[1].anharmonicity)
        self._bare = np.array(self.frequencies)
        for _ in range(60):
            energies = self._diagonal(1)[0].reshape(_LEVELS, _LEVELS)
            wrong = np.array([self.frequencies[q] - self.frequencies[0] for q in (0, 1)]) - (energies[1, 0], energies[0, 1])
            self._bare += wrong
            if np.abs(wrong).max() < 1e-3:
                break
        else:
            raise SettingsError(
                "a static coupling must leave its qubits distinct", given=f"j {coupler.j} Hz", where=str(coupler.qubits)
            )
        self._dressed = self._diagonal()[1]
        self._links, self._weights = self._couplings()

    def gap(self) -> Real:
        """Dressed energies ``E[n1, n2]`` in Hz in the frame of the first transmon, ``float[4, 4]``."""
        return self._diagonal()[0].reshape(_LEVELS, _LEVELS)

    def zz(self) -> float:
        """Static ZZ ``E11 - E10 - E01 + E00`` in Hz."""
        energies = self._diagonal(2)[0].reshape(_LEVELS, _LEVELS)
        return float(energies[1, 1] - energies[1, 0] - energies[0, 1] + energies[0, 0])

    def propagate(
        self, tones: Complex, repeats: NDArray[np.int64], dt: float, carrier: Real, kept: list[int]
    ) -> tuple[Complex, Complex]:
        """Propagators of drives, between dressed states and in the frames of the two transmons, for a start at time 0.

        Args:
            tones: ``complex[n, 2, runs]``, half the Rabi rates in rad/s on each transmon, in the frame of the carrier.
            repeats: ``int[runs]``.
            dt: Tick in s.
            carrier: ``float[n]``, Hz.
            kept: Dressed states ``4 n1 + n2`` to start from.

        Returns:
            ``U[n, 16, kept]``, and ``U[n, q, 16, kept]`` at the middles of q equal parts.
        """
        total = int(repeats.sum())
        piece = max(1, total // (2 * _MARKS))
        pieces = np.concatenate([[min(piece, r - done) for done in range(0, r, piece)] for r in repeats.tolist()])
        ends = np.cumsum(pieces)
        middles = (np.arange(_MARKS) + 0.5) * total / _MARKS
        marks = np.abs(ends[None, :] - middles[:, None]).argmin(axis=1) + 1
        number = np.arange(_LEVELS**2)
        count = number // _LEVELS + number % _LEVELS
        diagonal = _TAU * (self._energies() - np.multiply.outer(carrier - self.frequencies[0], count))
        start = np.ascontiguousarray(self._dressed[:, kept])
        final, noted = exchange(diagonal, self._links, self._weights, tones, repeats, dt, start, self._dressed, piece, marks)
        times = ends[marks - 1] * dt
        return self._to_frames(final, carrier, np.array(total * dt)), self._to_frames(noted, carrier, times)

    def _to_frames(self, columns: Complex, carrier: Real, time: Real) -> Complex:
        number = np.arange(_LEVELS**2)
        offsets = np.subtract.outer(np.array(self.frequencies), carrier)
        turning = np.multiply.outer(offsets[0], number // _LEVELS) + np.multiply.outer(offsets[1], number % _LEVELS)
        turning = turning.reshape(len(turning), *(1,) * time.ndim, -1)
        phase = np.exp(1j * _TAU * turning * time[..., None])
        return np.asarray(phase[..., None] * columns)

    def _energies(self) -> Real:
        """Diagonal in Hz in the frame of the first transmon."""
        number = np.arange(_LEVELS)
        first, second = (
            (self._bare[q] - self.frequencies[0]) * number + self._alphas[q] * number * (number - 1) / 2 for q in (0, 1)
        )
        return np.asarray(np.add.outer(first, second).ravel())

    def _couplings(self) -> tuple[NDArray[np.int64], Real]:
        links, weights = [], []
        for a in range(_LEVELS):
            for b in range(_LEVELS):
                here = _LEVELS * a + b
                if a + 1 < _LEVELS:
                    links.append((here, here + _LEVELS, 1))
                    weights.append(np.sqrt(a + 1))
                if b + 1 < _LEVELS:
                    links.append((here, here + 1, 2))
                    weights.append(np.sqrt(b + 1))
                if a + 1 < _LEVELS and b > 0:
                    links.append((here, here + _LEVELS - 1, 0))
                    weights.append(_TAU * self.coupler.j * np.sqrt((a + 1) * b))
        return np.array(links, np.int64), np.array(weights)

    def _diagonal(self, most: int = 2 * _LEVELS - 2) -> tuple[Real, Real]:
        """Energies in Hz and states of up to so many excitations.

        Each stands at the place of the bare state it resembles most, real and positive there.
        """
        matrix = np.diag(self._energies())
        for a in range(_LEVELS - 1):
            for b in range(1, _LEVELS):
                low, high = _LEVELS * a + b, _LEVELS * (a + 1) + b - 1
                matrix[low, high] = matrix[high, low] = self.coupler.j * np.sqrt((a + 1) * b)
        values, vectors = np.zeros(_LEVELS**2), np.zeros((_LEVELS**2, _LEVELS**2))
        number = np.arange(_LEVELS**2)
        for total in range(most + 1):
            # states of equal excitation number only: others may lie close by without mixing
            block = np.flatnonzero(number // _LEVELS + number % _LEVELS == total)
            found, states = np.linalg.eigh(matrix[np.ix_(block, block)])
            overlap = np.abs(states) ** 2
            for _ in block:
                row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
                values[block[row]] = found[column]
                vectors[block, block[row]] = states[:, column] * np.sign(states[row, column])
                overlap[row, :] = overlap[:, column] = -1
        return values, vectors
