"""Slow frequency noise: what is static within a shot, and Ornstein-Uhlenbeck processes for 1/f, one per decade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import log, log10, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.chip.device import Device
from qpu_emulator.jit import compiled
from qpu_emulator.score.program import Program
from qpu_emulator.stream import normals, some_normals

_SMALL_ANGLE = 1e-3
_STATIC = 1e-3
"""A process that turns over less than this within a shot counts as static in it."""


@dataclass(frozen=True)
class Spectrum:
    """Detuning noise of the qubits of a program, in its order.

    Attributes:
        static: ``float[qubits]``, standard deviation in Hz of what does not change within a shot.
        shared: ``float[qubits]``, what one draw for all of them adds to it, Hz.
        moving: ``float[qubits, processes]``, standard deviations in Hz.
        times: ``float[processes]``, correlation times in s.
    """

    static: NDArray[np.float64]
    shared: NDArray[np.float64]
    moving: NDArray[np.float64]
    times: NDArray[np.float64]

    @classmethod
    def of(cls, device: Device, qubits: Sequence[int], scale: float, shot_seconds: float) -> Spectrum:
        """The noise of some of a device's qubits, scaled, for shots of a given length."""
        decades = _decades(*device.noise_band)
        moving = [time for time in decades if time * _STATIC < shot_seconds]
        transmons = [device.transmons[qubit] for qubit in qubits]
        flicker = [one.one_over_f * (sqrt(log(10)) * scale) for one in transmons]
        # slow decades add up with what is static
        static = [
            sqrt((one.quasi_static * scale) ** 2 + (len(decades) - len(moving)) * other**2)
            for one, other in zip(transmons, flicker, strict=True)
        ]
        shared = [one.shared * scale for one in transmons]
        times = moving if any(flicker) else []
        each = np.array([[one] * len(times) for one in flicker]).reshape(len(flicker), len(times))
        return cls(np.array(static), np.array(shared), each, np.array(times))

    @classmethod
    def in_program(cls, program: Program, device: Device, scale: float) -> Spectrum:
        """The noise during shots of a program."""
        known = program.noise.get(scale)
        if known is None or known[0] is not device:
            duration = program.schedule.duration
            seconds = 1e-3 if duration is None else duration * program.tick
            known = program.noise[scale] = (device, cls.of(device, program.qubits, scale, seconds))
        return known[1]

    @cached_property
    def silent(self) -> bool:
        """Whether there is nothing to draw."""
        return not (self.static.any() or self.shared.any() or self.moving.any())

    @property
    def variance(self) -> NDArray[np.float64]:
        """Of each qubit's detuning, Hz^2."""
        return np.asarray(self.static**2 + self.shared**2 + (self.moving**2).sum(axis=1))


@cache
def _decades(low: float, high: float) -> list[float]:
    """Correlation times in s of processes that add up to 1/f noise between two corners in Hz."""
    return [1 / (2 * pi * 10.0**power) for power in range(round(log10(low)), round(log10(high)) + 1)]


@compiled()
def begin(
    streams: NDArray[np.uint64], static: NDArray[np.float64], shared: NDArray[np.float64], moving: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Draw the noise of each lane at the start of a shot, ``float[lanes, qubits, 1 + processes]`` in Hz."""
    qubits, processes = moving.shape
    out = np.zeros((len(streams), qubits, 1 + processes))
    g, h = np.empty(len(streams)), np.empty(len(streams))
    for qubit in range(qubits):
        for process in range(1 + processes):
            sigma = static[qubit] if process == 0 else moving[qubit, process - 1]
            if sigma > 0.0:
                normals(streams, g, h)
                for lane in range(len(streams)):
                    out[lane, qubit, process] = sigma * g[lane]
    if shared.any():
        normals(streams, g, h)
        for qubit in range(qubits):
            for lane in range(len(streams)):
                out[lane, qubit, 0] += shared[qubit] * g[lane]
    return out


@compiled()
def advance(
    state: NDArray[np.float64],
    streams: NDArray[np.uint64],
    chosen: NDArray[np.int64],
    qubit: NDArray[np.int64],
    seconds: NDArray[np.float64],
    moving: NDArray[np.float64],
    times: NDArray[np.float64],
    grain: float,
) -> NDArray[np.float64]:
    """Let time pass for one qubit per interval, and integrate its detuning exactly (joint Gaussian of end value and integral).

    Args:
        state: ``float[lanes, qubits, 1 + processes]`` in Hz, changed in place.
        streams: One per lane.
        chosen: Which lanes.
        qubit: ``int[intervals]``, -1 for none.
        seconds: ``float[intervals, chosen]``.
        moving: Standard deviations in Hz.
        times: Correlation times in s.
        grain: A process is resolved no finer than by this share of its correlation time, or by an angle of 1e-3 rad; so long its
            mean stands for it.

    Returns:
        Mean detuning in Hz, ``float[intervals, chosen]``.
    """
    lanes = len(chosen)
    out = np.zeros((len(qubit), lanes))
    # intervals of each qubit, one list after the other
    first, order = _lists(qubit, state.shape[1])
    begin, total, due = np.zeros(lanes, np.int64), np.zeros(lanes), np.zeros(lanes, np.bool_)
    x, g, h, mean = np.empty(lanes), np.empty(lanes), np.empty(lanes), np.empty(lanes)
    kept, lost, end, cross, rest = np.empty(lanes), np.empty(lanes), np.empty(lanes), np.empty(lanes), np.empty(lanes)
    words = streams[chosen]
    for q in range(state.shape[1]):
        alike = True
        for place in range(first[q], first[q + 1]):
            row = order[place]
            for position in range(lanes):
                out[row, position] = state[chosen[position], q, 0]
            alike = alike and (seconds[row] == seconds[row, 0]).all()
        for process in range(len(times)):
            sigma, correlation = moving[q, process], times[process]
            if sigma == 0.0:
                continue
            least = max(grain * correlation, _SMALL_ANGLE / (2 * np.pi * sigma))
            if alike:
                rows = order[first[q] : first[q + 1]]
                _together(state, words, chosen, q, 1 + process, rows, seconds, least, sigma, correlation, out)
                continue
            begin[:], total[:] = first[q], 0.0
            for position in range(lanes):
                x[position] = state[chosen[position], q, 1 + process]
            for place in range(first[q], first[q + 1]):
                row = order[place]
                for position in range(lanes):
                    total[position] += max(seconds[row, position], 0.0)
                    due[position] = total[position] > 0.0 and (total[position] >= least or place == first[q + 1] - 1)
                _factors(total, due, correlation, sigma, kept, lost, end, cross, rest)
                some_normals(words, due, g, h)
                for position in range(lanes):
                    mean[position] = x[position] * lost[position] + cross[position] * g[position] + rest[position] * h[position]
                    x[position] = x[position] * kept[position] + end[position] * g[position]
                for position in range(lanes):
                    if due[position]:
                        for member in range(begin[position], place + 1):
                            out[order[member], position] += mean[position]
                    if due[position] or total[position] >= least:
                        begin[position], total[position] = place + 1, 0.0
            for position in range(lanes):
                state[chosen[position], q, 1 + process] = x[position]
    streams[chosen] = words
    return out


@compiled()
def _together(
    state: NDArray[np.float64],
    words: NDArray[np.uint64],
    chosen: NDArray[np.int64],
    qubit: int,
    process: int,
    rows: NDArray[np.int64],
    seconds: NDArray[np.float64],
    least: float,
    sigma: float,
    correlation: float,
    out: NDArray[np.float64],
) -> None:
    """One process of one qubit whose intervals are equally long in all lanes; adds its mean to their rows of ``out``."""
    lanes, begin, total = len(chosen), 0, np.zeros(1)
    x, g, h, mean = state[chosen, qubit, process], np.empty(lanes), np.empty(lanes), np.empty(lanes)
    due, (kept, lost, end, cross, rest) = np.ones(1, np.bool_), np.empty((5, 1))
    for place in range(len(rows)):
        total[0] += max(seconds[rows[place], 0], 0.0)
        if total[0] == 0.0 or (total[0] < least and place < len(rows) - 1):
            continue
        _factors(total, due, correlation, sigma, kept, lost, end, cross, rest)
        normals(words, g, h)
        for position in range(lanes):
            mean[position] = x[position] * lost[0] + cross[0] * g[position] + rest[0] * h[position]
            x[position] = x[position] * kept[0] + end[0] * g[position]
        for member in range(begin, place + 1):
            for position in range(lanes):
                out[rows[member], position] += mean[position]
        begin, total[0] = place + 1, 0.0
    for position in range(lanes):
        state[chosen[position], qubit, process] = x[position]


@compiled()
def _factors(
    total: NDArray[np.float64],
    due: NDArray[np.bool_],
    correlation: float,
    sigma: float,
    kept: NDArray[np.float64],
    lost: NDArray[np.float64],
    end: NDArray[np.float64],
    cross: NDArray[np.float64],
    rest: NDArray[np.float64],
) -> None:
    """Of the exact update: end value ``kept x + end g``, mean ``lost x + cross g + rest h``; lanes that are not due stay."""
    for position in range(len(total)):
        if not due[position]:
            kept[position], lost[position], end[position], cross[position], rest[position] = 1.0, 0.0, 0.0, 0.0, 0.0
        elif position and due[position - 1] and total[position] == total[position - 1]:
            kept[position], lost[position], end[position] = kept[position - 1], lost[position - 1], end[position - 1]
            cross[position], rest[position] = cross[position - 1], rest[position - 1]
        else:
            a = total[position] / correlation
            kept[position] = np.exp(-a)
            gone = -np.expm1(-a)
            spread = gone * (1 + kept[position])
            area = 2 * a - 3 + 4 * kept[position] - kept[position] * kept[position]
            if a < 0.02:  # the series, where the closed form cancels
                area = a * a * a * (2 / 3 - a / 2 + 7 * a * a / 30)
            root = np.sqrt(spread)
            shared = gone * gone / root
            lost[position], end[position], cross[position] = gone / a, sigma * root, sigma * shared / a
            rest[position] = sigma * np.sqrt(max(area - shared * shared, 0.0)) / a


@compiled()
def _lists(qubit: NDArray[np.int64], qubits: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each qubit's intervals begin in a list sorted by qubit, and that list."""
    first = np.zeros(qubits + 1, np.int64)
    for q in qubit:
        if q >= 0:
            first[q + 1] += 1
    for q in range(qubits):
        first[q + 1] += first[q]
    place, order = first.copy(), np.zeros(first[qubits], np.int64)
    for interval in range(len(qubit)):
        if qubit[interval] >= 0:
            order[place[qubit[interval]]] = interval
            place[qubit[interval]] += 1
    return first, order
