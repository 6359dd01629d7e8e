"""Random numbers that depend only on who draws them: a hash of (seed, row, shot), then a counter.

Chunks, threads and processes can therefore not change a result.
"""

from __future__ import annotations

from math import factorial, log

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 1.0 / 9007199254740992.0
_LEAST = np.int64(0x3FE6A09E667F3BCD)
"""Bits of the double next to the root of 1/2."""
_LOG_2 = log(2)
_LOG = tuple(2 / (2 * k + 1) for k in range(11))
_SIN = tuple((-1) ** k / factorial(2 * k + 1) for k in range(9))
_COS = tuple((-1) ** k / factorial(2 * k) for k in range(10))


@compiled()
def mix(word: np.uint64) -> np.uint64:
    """SplitMix64's finaliser: a bijection of 64-bit words without visible structure."""
    word = (word ^ (word >> _S30)) * _MIX_1
    word = (word ^ (word >> _S27)) * _MIX_2
    return word ^ (word >> _S31)


@compiled()
def uniform(states: NDArray[np.uint64], index: int) -> float:
    """Draw from (0, 1) and step stream ``index``."""
    states[index] += _GOLDEN
    return (float(mix(states[index]) >> _S11) + 0.5) * _UNIT


@compiled()
def uniforms(states: NDArray[np.uint64], some: NDArray[np.int64], out: NDArray[np.float64], steps: int = 1) -> None:
    """Draw what `uniform` draws from some streams, all of them different, in a quarter of the time.

    Of several steps the first is drawn; where the last is wanted after all, `passed_over` has it until the next one.
    """
    words, more = np.empty(len(some), np.uint64), np.uint64(steps - 1) * _GOLDEN
    for index in range(len(some)):
        words[index] = states[np.uint64(some[index])] + _GOLDEN
    for index in range(len(some)):
        out[index] = (float(mix(words[index]) >> _S11) + 0.5) * _UNIT
    for index in range(len(some)):
        states[np.uint64(some[index])] = words[index] + more


@compiled()
def passed_over(states: NDArray[np.uint64], index: int) -> float:
    """What `uniform` would have drawn in the last step of stream ``index``."""
    return (float(mix(states[index]) >> _S11) + 0.5) * _UNIT


@compiled()
def circle(turns: float) -> tuple[float, float]:
    """Cosine and sine of an angle in turns, as series: a loop over many stays vectorised, unlike calls of the C library."""
    quarter = np.floor(4 * turns + 0.5)
    x = (turns - 0.25 * quarter) * (2 * np.pi)
    s = x * x
    cosine, sine = _COS[9], _SIN[8]
    for k in range(9):
        cosine = _COS[8 - k] + s * cosine
    for k in range(8):
        sine = _SIN[7 - k] + s * sine
    sine *= x
    place = np.int64(quarter)
    first, second = (sine, cosine) if place & 1 else (cosine, sine)
    return -first if (place + 1) & 2 else first, -second if place & 2 else second


@compiled()
def normals(words: NDArray[np.uint64], first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    """Draw two independent standard normals from each of many streams (Box and Muller).

    Args:
        words: State of each stream; stepped.
        first: ``float[streams]``, filled.
        second: ``float[streams]``, filled.
    """
    exponent = np.empty(len(words))
    for index in range(len(words)):
        word = words[index] + _GOLDEN
        first[index] = (float(mix(word) >> _S11) + 0.5) * _UNIT
        word += _GOLDEN
        second[index] = (float(mix(word) >> _S11) + 0.5) * _UNIT
        words[index] = word
    # the logarithm: mantissas from the root of 1/2 to that of 2, and the series of the inverse hyperbolic tangent
    bits = first.view(np.int64)
    for index in range(len(words)):
        power = (bits[index] - _LEAST) >> 52
        bits[index] -= power << 52
        exponent[index] = float(power)
    for index in range(len(words)):
        ratio = np.divide(first[index] - 1.0, first[index] + 1.0)
        square = ratio * ratio
        series = _LOG[10]
        for k in range(10):
            series = _LOG[9 - k] + square * series
        radius = np.sqrt(-2.0 * (exponent[index] * _LOG_2 + ratio * series))
        cosine, sine = circle(second[index])
        first[index], second[index] = radius * cosine, radius * sine


@compiled()
def ahead(word: np.uint64, words: NDArray[np.uint64]) -> None:
    """States of one stream from which `normals` draws what it would draw one pair after the other."""
    for index in range(len(words)):
        words[index] = word + np.uint64(2 * index) * _GOLDEN


@compiled()
def some_normals(
    words: NDArray[np.uint64], due: NDArray[np.bool_], first: NDArray[np.float64], second: NDArray[np.float64]
) -> None:
    """Draw from some of the streams what `normals` draws; the others give 0."""
    after = words.copy()
    normals(after, first, second)
    for index in range(len(words)):
        if due[index]:
            words[index] = after[index]
        else:
            first[index] = second[index] = 0.0


def streams(seed: int, *indices: NDArray[np.int64]) -> NDArray[np.uint64]:
    """One stream per element of the index arrays (broadcast against each other)."""
    state = np.array([(seed * int(_GOLDEN) + 1) % 2**64], np.uint64)
    for index in indices:
        state = state + (_GOLDEN + index.astype(np.uint64) * _MIX_2)
        _mix_all(state.reshape(-1))
    return state.reshape(-1)


@compiled()
def of_points(seed: np.uint64, first_row: int, rows: int, points: int, first: int, members: int, kind: int) -> NDArray[np.uint64]:
    """The `streams` of (row, sweep point, member, kind), for each point of some rows and each of its members, in one pass.

    Args:
        seed: Of the run.
        first_row: Of these rows.
        rows: How many.
        points: Of all rows together.
        first: Of the members (lanes or shots) of each point.
        members: How many.
        kind: What they are.
    """
    out, sweep = np.empty(points * members, np.uint64), points // rows
    for point in range(points):
        row = mix(seed * _GOLDEN + np.uint64(1) + (_GOLDEN + np.uint64(first_row + point // sweep) * _MIX_2))
        place = mix(row + (_GOLDEN + np.uint64(point % sweep) * _MIX_2))
        for member in range(members):
            own = mix(place + (_GOLDEN + np.uint64(first + member) * _MIX_2))
            out[point * members + member] = mix(own + (_GOLDEN + np.uint64(kind) * _MIX_2))
    return out


@compiled()
def _mix_all(words: NDArray[np.uint64]) -> None:
    for index in range(len(words)):
        words[index] = mix(words[index])


@compiled()
def uniform_array(states: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Draw from (0, 1) once from every stream."""
    out = np.zeros(len(states))
    for index in range(len(states)):
        out[index] = uniform(states, index)
    return out
