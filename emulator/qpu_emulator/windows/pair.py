"""Two transmons and their tunable coupler: bare numbers from dressed ones, idle states, flux pulses."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import jv

from qpu_bridge.errors import SettingsError
from qpu_emulator.chip.device import Device, TunableCoupler
from qpu_emulator.windows.basis import Complex, Real
from qpu_emulator.windows.driven import hamiltonians, walk
from qpu_emulator.windows.propagator import flux
from qpu_emulator.windows.ticks import Blocks, Ticks

_LEVELS = 3
_TAU = 2 * np.pi
_MARKS, _DRIVEN_MARKS = 6, 24
_BROUGHT = 5
"""Blocks of as many excitations as the transmons bring: without a drive there are no more."""
_ROUNDED = 1e-17
_LEFT_OUT = 1e-16
"""Weights of polynomials that are too small to be seen."""


class Pair:
    """The Hamiltonian of a transmon, a coupler and a transmon with exchange couplings, which conserve excitations.

    It is solved in blocks of 0 to 4 excitations with up to two in each part (27 states), in the frame that rotates at the
    first transmon's frequency. The bare frequencies are solved so that the dressed ones at rest are the device file's.

    Args:
        device: The chip.
        coupler: Which pair.
    """

    def __init__(self, device: Device, coupler: TunableCoupler) -> None:
        self.coupler = coupler
        first, second = (device.transmons[index] for index in coupler.qubits)
        self.frequencies = (first.frequency, second.frequency)
        self._alphas = (first.anharmonicity, coupler.anharmonicity, second.anharmonicity)
        states = [(a, c, b) for a in range(_LEVELS) for c in range(_LEVELS) for b in range(_LEVELS)]
        self._whole = [[s for s in states if sum(s) == total] for total in range(7)]
        self._blocks = self._whole[:_BROUGHT]
        self._bare = self._solve_bare()
        self._ticks: dict[float, Ticks] = {}

    def frequency(self, amplitude: Real | float) -> Real:
        """Coupler frequency in Hz at flux amplitudes."""
        turns = self.coupler.idle_flux + self.coupler.flux_per_amplitude * np.asarray(amplitude)
        return np.asarray(self.coupler.maximum * np.sqrt(np.abs(np.cos(np.pi * turns))))

    def zz(self, amplitude: float = 0.0) -> float:
        """ZZ shift ``E11 - E10 - E01 + E00`` in Hz at a held flux amplitude, states followed from rest."""
        energies = self._dressed(self._bare, float(self.frequency(amplitude)), 2)
        return float(energies[1, 1] - energies[1, 0] - energies[0, 1] + energies[0, 0])

    def gap(self, amplitude: float = 0.0) -> Real:
        """Dressed energies ``E[n1, n2]`` in Hz above the rotating frame, coupler in its ground state."""
        return self._dressed(self._bare, float(self.frequency(amplitude)))

    def propagate(self, frequency: Real, repeats: NDArray[np.int64], dt: float) -> tuple[Complex, Complex]:
        """Propagators of flux pulses between the dressed states at rest, in the frames of the two transmons.

        Args:
            frequency: ``float[n, runs]``, coupler frequency in Hz.
            repeats: ``int[runs]``.
            dt: Tick in s.

        Returns:
            ``K[n, 9, 9]`` for a pulse that starts at time 0 (what ends in the coupler is missing, so K contracts), and
            ``K[n, q, 9, 9]`` at the middles of q equal parts.
        """
        piece = max(1, int(repeats.sum()) // (2 * _MARKS))
        split = [[piece] * (r // piece) + ([r % piece] if r % piece else []) for r in repeats.tolist()]
        pieces = np.array([p for parts in split for p in parts])
        chosen = np.repeat(np.arange(len(repeats)), [len(parts) for parts in split])
        ends = np.cumsum(pieces)
        middles = (np.arange(_MARKS) + 0.5) * ends[-1] / _MARKS
        marks = np.abs(ends[None, :] - middles[:, None]).argmin(axis=1) + 1
        noted = self._played(_BROUGHT, frequency[:, chosen], pieces, dt, np.append(marks, len(pieces)))
        return noted[:, -1], noted[:, :-1]

    def computational(self, frequency: Real, repeats: NDArray[np.int64], dt: float) -> Complex:
        """As the first of `propagate`, from states of at most two excitations: all that qubits have.

        It costs a third, for the others are in the largest blocks.
        """
        return self._played(3, frequency, repeats, dt, np.array([len(repeats)]))[:, 0]

    def _played(self, blocks: int, frequency: Real, repeats: NDArray[np.int64], dt: float, marks: NDArray[np.int64]) -> Complex:
        """Propagators of a flux pulse after some of its runs, in the transmons' frames, of so many blocks."""
        table, places, common = self._ticks_of(dt).around(frequency)
        noted = flux(table, places, repeats, marks, self._stacked.sizes[:blocks], self._idle[:blocks], _LEVELS**2)
        number = np.tile(np.arange(_LEVELS), _LEVELS)
        times = np.cumsum(repeats)[marks - 1] * dt
        turned = np.cumsum(common * repeats, axis=1)[:, marks - 1]
        turning = np.multiply.outer(times, _TAU * (self.frequencies[1] - self.frequencies[0]) * number) - turned[..., None]
        return np.asarray(np.exp(1j * turning)[..., None] * noted)

    def _ticks_of(self, dt: float) -> Ticks:
        if dt not in self._ticks:
            self._ticks[dt] = Ticks(self._stacked, dt)
        return self._ticks[dt]

    def driven(
        self, tones: Complex, frequency: Real, repeats: NDArray[np.int64], dt: float, carrier: Real
    ) -> tuple[Complex, Complex]:
        """Propagators of drives beside a flux pulse, between the dressed states at rest and in the transmons' frames.

        A drive acts between the dressed states at rest, as it does where it meets no flux.

        Args:
            tones: ``complex[n, 2, runs]``, half the Rabi rates in rad/s on each transmon, in the frame of the carrier.
            frequency: ``float[n, runs]``, coupler frequency in Hz.
            repeats: ``int[runs]``.
            dt: Tick in s.
            carrier: ``float[n]``, Hz.

        Returns:
            As of `propagate`, for a start at time 0.
        """
        rest, coupler, ladders = self._dressed_whole
        number = np.arange(_LEVELS**3)
        excitations = number // 9 + number // 3 % 3 + number % 3
        idle = np.flatnonzero(number // 3 % 3 == 0)
        middles = (np.arange(_DRIVEN_MARKS) + 0.5) * repeats.sum() / _DRIVEN_MARKS
        times = np.append(np.rint(middles).astype(int), repeats.sum())
        # runs are cut where the propagator is noted
        ends = np.unique(np.concatenate([np.cumsum(repeats), times]))
        chosen, pieces = np.searchsorted(np.cumsum(repeats), ends), np.diff(ends, prepend=0)
        marks = np.searchsorted(ends, times) + 1
        tones, frequency = tones[:, :, chosen], frequency[:, chosen]
        table, places, common = self._ticks_of(dt).around(frequency)
        noted = np.zeros((len(tones), len(times), _LEVELS**2, _LEVELS**2), complex)
        for index in range(len(tones)):
            shift = _TAU * (carrier[index] - self.frequencies[0]) * excitations
            plays = tones[index].any(axis=0)
            # in the frame of the louder tone it is real, whatever its phase: all else conserves excitations
            louder = np.take_along_axis(tones[index], np.abs(tones[index]).argmax(axis=0)[None], axis=0)[0]
            phase = np.where(plays, np.angle(louder), 0.0)
            beside = np.ascontiguousarray((tones[index] * np.exp(-1j * phase))[:, plays].T)
            h, low, high = hamiltonians(rest, coupler, frequency[index, plays], shift, beside, ladders)
            middle, radius = ((low + high) / 2, (high - low) / 2) if plays.any() else (0.0, 1.0)
            after = np.where(plays, -middle * dt, 0.0)[:, None] + np.where(plays, 0.0, dt)[:, None] * shift
            after -= np.where(plays, 0.0, common[index])[:, None]
            turned = np.multiply.outer(phase, excitations)
            frames = np.exp(1j * np.stack([-turned, turned + pieces[:, None] * after], axis=1))
            numbers = np.where(plays, np.cumsum(plays) - 1, -1)
            # a rounded zero costs as much as any number
            quadratures = np.where(np.abs(beside.imag) > _ROUNDED * radius, beside.imag, 0.0)
            noted[index] = walk(
                table,
                places[index],
                pieces,
                frames,
                numbers,
                h,
                quadratures,
                (middle, radius),
                _chebyshev(radius * dt),
                self._members,
                self._stacked.sizes,
                marks,
                idle,
            )
        levels = (idle // 9, idle % 9)
        turning = np.add(*(np.multiply.outer(self.frequencies[q] - carrier, levels[q]) for q in (0, 1)))
        found = np.exp(1j * _TAU * turning[:, None, :] * (times * dt)[:, None])[..., None] * noted
        return found[:, -1], found[:, :-1]

    @cached_property
    def _dressed_whole(self) -> tuple[Real, Real, Real]:
        """Operators between all dressed states ``9 a + 3 c + b`` at rest.

        Returns:
            The Hamiltonian in Hz at coupler frequency zero, the coupler's excitations, and what raises and
            lowers either transmon.
        """
        size = _LEVELS**3
        matrix, vectors = np.zeros((2, size, size))
        rest = float(self.frequency(0.0))
        for block in self._whole:
            places = [9 * a + 3 * c + b for a, c, b in block]
            matrix[np.ix_(places, places)] = self._block(self._bare, 0.0, block)
            vectors[np.ix_(places, places)] = self._diagonal(self._bare, rest, block)[1]
        one, up = np.eye(_LEVELS), np.diag(np.sqrt(np.arange(1, _LEVELS)), -1)
        ladders = np.array([np.kron(up + up.T, np.eye(_LEVELS**2)), np.kron(np.eye(_LEVELS**2), up + up.T)])
        number = np.kron(np.kron(one, np.diag(np.arange(_LEVELS))), one)
        return vectors.T @ matrix @ vectors, vectors.T @ number @ vectors, ladders

    @cached_property
    def _stacked(self) -> Blocks:
        """All blocks, between the dressed states at rest."""
        rest, coupler, _ = self._dressed_whole
        sizes = np.array([len(block) for block in self._whole])
        stacked = np.zeros((2, len(sizes), sizes.max(), sizes.max()))
        for index, block in enumerate(self._whole):
            places = [9 * a + 3 * c + b for a, c, b in block]
            stacked[:, index, : len(block), : len(block)] = np.stack([rest, coupler])[:, places][:, :, places]
        return Blocks(stacked[0], stacked[1], sizes)

    @cached_property
    def _members(self) -> NDArray[np.int64]:
        """Numbers ``9 a + 3 c + b`` of the blocks' states, one block after the other."""
        return np.array([9 * a + 3 * c + b for block in self._whole for a, c, b in block])

    @cached_property
    def _idle(self) -> NDArray[np.int64]:
        """Number of each state of the blocks among those of an idle coupler, -1 of the others."""
        numbers = np.full((len(self._whole), self._stacked.sizes.max()), -1)
        for index, block in enumerate(self._whole):
            numbers[index, : len(block)] = [3 * a + b if c == 0 else -1 for a, c, b in block]
        return numbers

    def _block(self, bare: Real, coupler: float, block: list[tuple[int, int, int]]) -> Real:
        detunings = np.array([bare[0] - self.frequencies[0], coupler - self.frequencies[0], bare[1] - self.frequencies[0]])
        if coupler == 0.0:
            detunings[1] = -self.frequencies[0]
        matrix = np.zeros((len(block), len(block)))
        place = {state: index for index, state in enumerate(block)}
        links = ((0, 1, self.coupler.g[0]), (2, 1, self.coupler.g[1]), (0, 2, self.coupler.g_direct))
        for state, row in place.items():
            number = np.array(state)
            matrix[row, row] = detunings @ number + np.array(self._alphas) @ (number * (number - 1)) / 2
            for up, down, g in links:
                target = list(state)
                target[up] += 1
                target[down] -= 1
                column = place.get((target[0], target[1], target[2]))
                if column is not None:
                    matrix[row, column] = matrix[column, row] = g * np.sqrt(target[up] * state[down])
        return matrix

    def _diagonal(self, bare: Real, coupler: float, block: list[tuple[int, int, int]]) -> tuple[Real, Real]:
        """Energies and states, each at the position of the bare state it resembles most, real and positive there."""
        values, vectors = np.linalg.eigh(self._block(bare, coupler, block))
        order = np.full(len(block), -1)
        overlap = np.abs(vectors) ** 2
        for _ in block:
            row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
            order[row] = column
            overlap[row, :] = -1
            overlap[:, column] = -1
        vectors = vectors[:, order]
        return values[order], vectors * np.sign(np.diag(vectors))

    def _dressed(self, bare: Real, coupler: float, most: int = 4) -> Real:
        """Dressed energies of up to so many excitations."""
        energies = np.zeros((_LEVELS, _LEVELS))
        for block in self._blocks[: most + 1]:
            values, _ = self._diagonal(bare, coupler, block)
            for value, (a, c, b) in zip(values, block, strict=True):
                if c == 0:
                    energies[a, b] = value
        return energies

    def _solve_bare(self) -> Real:
        target = np.array(self.frequencies)
        rest = float(self.frequency(0.0))
        bare = target.copy()
        for _ in range(60):
            energies = self._dressed(bare, rest, 1)
            wrong = target - self.frequencies[0] - np.array([energies[1, 0], energies[0, 1]])
            bare += wrong
            if np.abs(wrong).max() < 1e-3:
                return bare
        raise SettingsError(
            "a coupler must leave its qubits distinct at rest", given=f"coupler at {rest} Hz", where=str(self.coupler.qubits)
        )


def _chebyshev(phase: float) -> Complex:
    """Weights of Chebyshev polynomials in ``exp(-i phase x)``, x from -1 to 1, to 1e-15 (Tal-Ezer and Kosloff, JCP 81, 3967)."""
    order = np.arange(int(phase + 12 * phase ** (1 / 3)) + 24)
    weights = np.where(order, 2.0, 1.0) * (-1j) ** order * jv(order, phase)
    return np.asarray(weights[: np.flatnonzero(np.abs(weights) > _LEFT_OUT)[-1] + 1])
