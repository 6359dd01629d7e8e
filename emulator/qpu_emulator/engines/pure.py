"""Pure states of several lanes side by side: single precision, sixteen lanes in every machine instruction.

A block is a flat array: amplitude ``i`` has its sixteen real parts at ``32 i``, its imaginary parts 16 behind.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.vectors import aligned, multiply_pair
from qpu_emulator.jit import compiled

_PLACE = np.uint64(2)
"""Numbers of an amplitude."""
_ENTRY = np.uint64(32)
"""Numbers of a matrix."""
_ONE = np.uint64(1)
_SHORT = np.uint64(255)

Block = NDArray[np.float32]
Index = NDArray[np.int64]


@compiled()
def sweep(source: Block, target: Block, matrices: Block, strides: Index, norm: NDArray[np.float64]) -> None:
    """Multiply pairs of qubits of every lane by the lane's own matrices, from one block into another, in one pass.

    Args:
        source: Block.
        target: Block of the same size.
        matrices: Blocks of 16 numbers, one after the other: rows of 4 x 4 matrices, the first qubit varying slowly.
        strides: ``int[matrices, 2]``, distances of amplitudes that differ in the first qubit and in the second.
        norm: ``float[16]``, squared norms of the results.
    """
    mask = np.uint64(0)
    for number in range(len(strides)):
        mask |= np.uint64(strides[number, 0] | strides[number, 1])
    size = np.uint64(len(source) // 32)
    part, ignored = aligned(16, np.float32), aligned(16, np.float32)
    norm[:] = 0.0
    last = len(strides) - 1
    # places whose qubits of the pairs are all 0; around each, all matrices act before the next comes
    base, turn = np.uint64(0), np.uint64(0)
    while base < size:
        for number in range(len(strides)):
            a, b = np.uint64(strides[number, 0]), np.uint64(strides[number, 1])
            rest = mask & ~(a | b)
            entry = np.uint64(number) * _ENTRY
            inner = np.uint64(0)
            while True:
                p = base | inner
                multiply_pair(
                    source if number == 0 else target,
                    target,
                    matrices,
                    part if number == last else ignored,
                    entry,
                    p * _PLACE,
                    (p | b) * _PLACE,
                    (p | a) * _PLACE,
                    (p | a | b) * _PLACE,
                )
                inner = ((inner | ~rest) + _ONE) & rest
                if inner == 0:
                    break
        base = ((base | mask) + _ONE) & ~mask
        turn += _ONE
        if turn & _SHORT == 0 or base >= size:  # sums in single precision stay short
            for w in range(16):
                norm[w] += part[w]
                part[w] = 0.0
