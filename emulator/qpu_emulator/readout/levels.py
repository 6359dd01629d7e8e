"""Levels of shots: what a measurement finds, and how they jump while it lasts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled
from qpu_emulator.stream import passed_over, uniform, uniforms

Levels = NDArray[np.int8]
Moments = NDArray[np.float64]

_BLOCK = 256
"""Shots whose random numbers are drawn at a time."""


@compiled()
def draw_outcomes(
    streams: NDArray[np.uint64], shots: NDArray[np.int64], row: NDArray[np.int64], probability: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Draw an outcome per shot from the probabilities of its row."""
    last = probability.shape[1] - 1
    so_far = np.empty(probability.shape)
    for number in range(len(probability)):
        total = 0.0
        for outcome in range(last + 1):
            total += max(probability[number, outcome], 0.0)
            so_far[number, outcome] = total
    out = np.empty(len(shots), np.int64)
    aims = np.empty(_BLOCK)
    for start in range(0, len(shots), _BLOCK):
        count = min(_BLOCK, len(shots) - start)
        uniforms(streams, shots[start : start + count], aims)
        for member in range(count):
            number, found = row[start + member], 0
            aim = aims[member] * so_far[number, last]
            # to count all that lie below is five times as fast as to stop at the first that does not, which nothing foretells
            for outcome in range(last):
                found += so_far[number, outcome] < aim
            out[start + member] = found
    return out


@compiled()
def jump(
    streams: NDArray[np.uint64], shots: NDArray[np.int64], level: NDArray[np.int64], down: float, up: float, seconds: float
) -> tuple[Levels, Moments]:
    """Draw the first two jumps during a measurement.

    Returns:
        ``int[shots, 3]``, the levels one after the other, and ``float[shots, 2]``, when they are left, s after the start of the
        measurement (inf = never).
    """
    levels = np.empty((len(level), 3), np.int8)
    left = np.full((len(level), 2), np.inf)
    falls, rises, stays = np.zeros(3), np.zeros(3), np.zeros(3)
    for now in range(3):
        falls[now], rises[now] = down * now, up * (now + 1) if now < 2 else 0.0
        stays[now] = np.exp(-(falls[now] + rises[now]) * seconds)
    waits, short, leaving = np.empty(_BLOCK), np.empty(_BLOCK, np.bool_), np.empty(_BLOCK, np.int64)
    for start in range(0, len(shots), _BLOCK):
        count, few = min(_BLOCK, len(shots) - start), 0
        at, flat = level[start : start + count], levels[start : start + count].reshape(-1)
        uniforms(streams, shots[start : start + count], waits, 2)
        for member in range(count):
            short[member] = waits[member] > stays[np.uint64(at[member])]
        for member in range(count):
            flat[3 * member] = flat[3 * member + 1] = flat[3 * member + 2] = at[member]
        # most stay, and need neither a side nor a logarithm
        for member in range(count):
            leaving[np.uint64(few)] = member
            few += short[member]
        for member in leaving[:few]:
            position = start + member
            now, wait, side, time = level[position], waits[member], passed_over(streams, shots[position]), 0.0
            for turn in range(2):
                rate = falls[now] + rises[now]
                if turn:
                    wait, side = uniform(streams, shots[position]), uniform(streams, shots[position])
                if rate <= 0.0 or wait <= stays[now]:
                    break
                time -= np.log(wait) / rate
                if time >= seconds:
                    break
                left[position, turn] = time
                now += -1 if side * rate < falls[now] else 1
                for after in range(turn + 1, 3):
                    levels[position, after] = now
    return levels, left
