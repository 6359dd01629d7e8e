"""Windows: what one pulse, or several at the same time on the same qubits, does. Solved once per shape and strength, then kept.

A window's start time and frame phase are not part of its key: they enter as virtual Z before and after,
``U(phi, t0) = Z(-phi') W Z(phi')`` with ``phi' = phi - 2 pi (f - f_qubit) t0`` and ``Z(x) = exp(-i x n)``.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Waveform
from qpu_emulator.basis import Complex, Real, commutator, narrow, superoperator, widen
from qpu_emulator.device import Device
from qpu_emulator.pair import Pair
from qpu_emulator.panel import Panels, Solve
from qpu_emulator.propagator import drive
from qpu_emulator.readout import Listening, Response
from qpu_emulator.relaxation import Idle, Relaxation
from qpu_emulator.scales import Scales

_TAU = 2 * np.pi
_ROOM = 20_000
_ALONE = 2**18


@dataclass(frozen=True, slots=True)
class Tone:
    """One play inside a window: envelope, tick length in s, start in s after the window's start, line."""

    waveform: Waveform
    dt: float
    offset: float
    port: str


@dataclass(slots=True)
class _Shelf:
    """Solved windows of one size; row ``i`` of every array belongs to window ``i``."""

    keys: dict[tuple[object, ...], int] = field(default_factory=dict)
    maps: list[Real] = field(default_factory=list)
    stacked: Real | None = None


class Library:
    """All windows solved so far of one device under one set of noise scales.

    Args:
        device: The chip.
        scales: Factors on its relaxation and dephasing.
    """

    def __init__(self, device: Device, scales: Scales) -> None:
        self.device = device
        self.lock = threading.RLock()
        self.relaxations = [Relaxation.of(transmon, scales) for transmon in device.transmons]
        self.pairs = [Pair(device, coupler) for coupler in device.couplers]
        self.zz = [pair.zz() * scales.zz for pair in self.pairs]
        self.responses: dict[tuple[int, Listening], Response] = {}
        self.idle = [Idle(device, self.relaxations, levels) for levels in (2, 3)]
        self._shelves: dict[tuple[int, int], _Shelf] = {}
        self._panels: dict[tuple[object, ...], Panels] = {}

    def maps(self, qubits: int, levels: int) -> Real:
        """All solved windows of one or two qubits, to be indexed by what `drive` and `flux` return.

        Returns:
            ``float[windows, 3, levels**2, levels**2]`` for one qubit: value, and first and second order in a detuning in Hz;
            ``float[windows, levels**4, levels**4]`` for two.
        """
        with self.lock:
            shelf = self._shelf(qubits, levels)
            if shelf.stacked is None or len(shelf.stacked) != len(shelf.maps):
                size = levels ** (2 * qubits)
                empty = np.zeros((0, 3, size, size) if qubits == 1 else (0, size, size))
                shelf.stacked = np.array(shelf.maps) if shelf.maps else empty
            return shelf.stacked

    def drive(self, qubit: int, tones: tuple[Tone, ...], numbers: Real, levels: int) -> NDArray[np.int32]:
        """Windows of drive pulses on one transmon.

        Args:
            qubit: Which.
            tones: The plays.
            numbers: ``float[n, tones, 3]``: amplitude, frequency minus the qubit's in Hz, phase relative to the first tone at
                the window's start in rad.
            levels: 2 or 3.

        Returns:
            ``int[n]``, indices into `maps`.
        """
        name = (qubit, *((t.waveform.digest, t.dt, t.offset, t.port) for t in tones))
        return self._find(1, levels, name, numbers, lambda new: self._solve_drive(qubit, tones, new, levels))

    def flux(self, coupler: int, tone: Tone, amplitudes: Real, levels: int, *, swept: bool = False) -> NDArray[np.int32]:
        """Windows of a flux pulse on one coupler.

        Args:
            coupler: Which.
            tone: The play.
            amplitudes: ``float[n]``.
            levels: 2 or 3.
            swept: Whether there may be many amplitudes: windows are then interpolated (to 1e-8).

        Returns:
            ``int[n]``, indices into `maps`.
        """
        name = (coupler, tone.waveform.digest, tone.dt, swept)

        def solve(new: Real) -> Real:
            return self._solve_flux(coupler, tone, new, levels)

        if swept:
            panels = self._panels.setdefault((levels, *name), Panels(solve))
            return self._find(2, levels, name, amplitudes, panels.windows)
        return self._find(2, levels, name, amplitudes, solve)

    def _shelf(self, qubits: int, levels: int) -> _Shelf:
        return self._shelves.setdefault((qubits, levels), _Shelf())

    def trim(self) -> None:
        """Forget everything if a long sweep has filled the shelves; call between runs only."""
        if any(len(shelf.maps) > _ROOM for shelf in self._shelves.values()):
            self._shelves.clear()

    def _find(self, qubits: int, levels: int, name: tuple[object, ...], numbers: Real, solve: Solve) -> NDArray[np.int32]:
        rows = np.ascontiguousarray(numbers)
        keys = [(name, row.tobytes()) for row in rows]
        with self.lock:
            shelf = self._shelf(qubits, levels)
            new = {key: position for position, key in enumerate(keys) if key not in shelf.keys}
            if new:
                for key, solved in zip(new, solve(rows[list(new.values())]), strict=True):
                    shelf.keys[key] = len(shelf.maps)
                    shelf.maps.append(solved)
            return np.array([shelf.keys[key] for key in keys], dtype=np.int32)

    def _solve_drive(self, qubit: int, tones: tuple[Tone, ...], numbers: Real, levels: int) -> Real:
        transmon = self.device.transmons[qubit]
        samples, repeats, dt = _combine(tones, numbers, transmon.rabi)
        detuning = -_TAU * numbers[:, 0, 1]
        generator = self.relaxations[qubit].generator()
        unitary, sensitivity, decay = drive(samples, repeats, dt, detuning, _TAU * transmon.anharmonicity, generator)
        # from the carrier's frame to the qubit's
        turn = np.exp(1j * np.multiply.outer(detuning * repeats.sum() * dt, np.arange(3)))
        unitary = turn[:, :, None] * unitary
        lossy = _exponential(decay)
        flow = superoperator(unitary, 3, 3)
        slope = commutator(_TAU * sensitivity, 3)
        orders = np.stack([flow @ lossy, flow @ slope @ lossy, flow @ slope @ slope @ lossy / 2], axis=1)
        return orders if levels == 3 else np.ascontiguousarray(narrow() @ orders @ widen())

    def _solve_flux(self, coupler: int, tone: Tone, amplitudes: Real, levels: int) -> Real:
        pair = self.pairs[coupler]
        envelope = np.multiply.outer(amplitudes, tone.waveform.samples.real)
        final, noted = pair.propagate(pair.frequency(envelope), tone.waveform.repeats, tone.dt)
        kept = [3 * a + b for a in range(levels) for b in range(levels)]
        flow = superoperator(np.ascontiguousarray(final[:, :, kept]), levels, 3, systems=2)
        flow = _keep_trace(flow, levels)
        if levels == 2:
            flow = np.kron(narrow(), narrow()) @ flow
        left, _, right = np.linalg.svd(noted[:, :, kept][..., kept])
        toggling = superoperator(left @ right, levels, levels, systems=2)
        one = np.eye(levels**2)
        first, second = (self.relaxations[q].generator(levels) for q in pair.coupler.qubits)
        generator = np.kron(first, one) + np.kron(one, second)
        share = tone.waveform.duration * tone.dt / toggling.shape[1]
        decay = share * sum(
            _product(_product(toggling[:, mark].swapaxes(-1, -2), generator), toggling[:, mark])
            for mark in range(toggling.shape[1])
        )
        return np.ascontiguousarray(_product(flow, _exponential(decay)))


def _combine(tones: tuple[Tone, ...], numbers: Real, rabi: dict[str, float]) -> tuple[Complex, NDArray[np.int64], float]:
    """Half the Rabi rate in rad/s, run by run, in the frame of the first tone at phase zero."""
    first = tones[0]
    if len(tones) == 1:
        scale = np.pi * rabi[first.port] * numbers[:, 0, 0]
        return np.multiply.outer(scale, first.waveform.samples), first.waveform.repeats, first.dt
    dt = min(tone.dt for tone in tones)
    length = max(round((tone.offset + tone.waveform.duration * tone.dt) / dt) for tone in tones)
    total = np.zeros((len(numbers), length), complex)
    time = (np.arange(length) + 0.5) * dt
    for index, tone in enumerate(tones):
        plain = np.repeat(tone.waveform.samples, tone.waveform.repeats * round(tone.dt / dt))
        where = slice(round(tone.offset / dt), round(tone.offset / dt) + len(plain))
        beat = numbers[:, index, 2, None] - _TAU * np.multiply.outer(numbers[:, index, 1] - numbers[:, 0, 1], time[where])
        total[:, where] += np.pi * rabi[tone.port] * numbers[:, index, 0, None] * plain * np.exp(1j * beat)
    return total, np.ones(length, np.int64), dt


def _keep_trace(flow: Real, levels: int) -> Real:
    """Return what was lost in the coupler to the joint ground state."""
    trace_in = np.kron(np.arange(levels**2) < levels, np.arange(levels**2) < levels).astype(float)
    trace_out = np.kron(np.arange(9) < 3, np.arange(9) < 3).astype(float)
    flow[:, 0, :] += trace_in - trace_out @ flow
    return flow


def _exponential(matrices: Real) -> Real:
    """``exp`` of generators, ``float[n, size, size]``, to 1e-13."""
    norm = float(np.abs(matrices).sum(axis=-1).max(initial=0.0))
    squarings = max(0, int(np.ceil(np.log2(max(norm, 1e-9) / 0.03))))
    order, last = 1, norm / 2**squarings
    while last > 1e-13:
        order += 1
        last *= norm / 2**squarings / order
    scaled = matrices / 2**squarings
    one = np.eye(matrices.shape[-1])
    result = one + scaled / order
    for divisor in range(order - 1, 0, -1):
        result = one + _product(scaled, result) / divisor
    for _ in range(squarings):
        result = _product(result, result)
    return np.asarray(result)


def _product(left: Real, right: Real) -> Real:
    """Matrix products in strips small enough that BLAS does not wake its threads (they spin, and cost 8 ms on a busy machine)."""
    rows, inner, columns = left.shape[-2], left.shape[-1], right.shape[-1]
    strip = max(1, _ALONE // (inner * columns))
    parts = [left[..., first : first + strip, :] @ right for first in range(0, rows, strip)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-2)
