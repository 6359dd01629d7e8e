"""Random numbers that depend only on who draws them: a hash of (seed, row, shot), then a counter.

Chunks, threads and processes can therefore not change a result.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 1.0 / 9007199254740992.0


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
def normal_pair(states: NDArray[np.uint64], index: int) -> tuple[float, float]:
    """Draw two independent standard normals."""
    radius = np.sqrt(-2.0 * np.log(uniform(states, index)))
    angle = 2.0 * np.pi * uniform(states, index)
    return radius * np.cos(angle), radius * np.sin(angle)


def streams(seed: int, *indices: NDArray[np.int64]) -> NDArray[np.uint64]:
    """One stream per element of the index arrays (broadcast against each other)."""
    with np.errstate(over="ignore"):
        word = np.uint64(seed % 2**64) * _GOLDEN + np.uint64(1)
        state = np.broadcast_arrays(*indices)[0].astype(np.uint64) * np.uint64(0) + word
        for index in indices:
            state = _mix_array(state + _GOLDEN + index.astype(np.uint64) * _MIX_2)
    return state.reshape(-1)


def _mix_array(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    word = (word ^ (word >> _S30)) * _MIX_1
    word = (word ^ (word >> _S27)) * _MIX_2
    return word ^ (word >> _S31)


@compiled()
def uniform_array(states: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Draw from (0, 1) once from every stream."""
    out = np.zeros(len(states))
    for index in range(len(states)):
        out[index] = uniform(states, index)
    return out
