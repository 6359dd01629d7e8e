"""Pure states of several lanes side by side: single precision, sixteen lanes in every machine instruction.

A block is a flat array: amplitude ``i`` has its sixteen real parts at ``32 i``, its imaginary parts 16 behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from qpu_emulator.engines.vectors import aligned
from qpu_emulator.jit import compiled

WIDTH = 16
"""Lanes in a block."""

_LANES = ir.VectorType(ir.FloatType(), WIDTH)
_PLACE = np.uint64(2 * WIDTH)
_ENTRY = np.uint64(32 * WIDTH)
_ONE = np.uint64(1)
_SHORT = np.uint64(255)

Block = NDArray[np.float32]
Index = NDArray[np.int64]


def _emit_four(
    _: object, source: Any, target: Any, matrix: Any, norm: Any, p0: Any, p1: Any, p2: Any, p3: Any, entry: Any
) -> tuple[Any, Callable[..., Any]]:
    """Machine code of one matrix times four amplitudes, all that it reads and sums kept in registers.

    Of a loop over lanes numba would not know that its arrays are apart, and would check it each time: four times slower.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, given: tuple[Any, ...]) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, array).data for kind, array in zip(signature.args, given[:4], strict=False)
        ]

        def at(array: Any, *offsets: Any) -> Any:
            place = offsets[0]
            for offset in offsets[1:]:
                place = builder.add(place, ir.Constant(place.type, offset))
            return builder.bitcast(builder.gep(array, [place]), _LANES.as_pointer())

        def load(array: Any, *offsets: Any) -> Any:
            return builder.load(at(array, *offsets), align=4)

        def add(total: Any, left: Any, right: Any) -> Any:
            product = builder.fmul(left, right, flags=("contract",))
            return product if total is None else builder.fadd(total, product, flags=("contract",))

        places, entries = given[4:8], given[8]
        zero = ir.Constant(entries.type, 0)
        real, imag = [load(arrays[0], place) for place in places], [load(arrays[0], place, WIDTH) for place in places]
        squares = load(arrays[3], zero)
        for row, place in enumerate(places):
            x = y = None
            for column in range(4):
                offset = 2 * WIDTH * (4 * row + column)
                a, b = load(arrays[2], entries, offset), load(arrays[2], entries, offset + WIDTH)
                x, y = add(x, a, real[column]), add(y, a, imag[column])
                x, y = add(x, builder.fneg(b), imag[column]), add(y, b, real[column])
            builder.store(x, at(arrays[1], place), align=4)
            builder.store(y, at(arrays[1], place, WIDTH), align=4)
            squares = add(add(squares, x, x), y, y)
        builder.store(squares, at(arrays[3], zero), align=4)
        return context.get_dummy_value()

    return types.void(source, target, matrix, norm, p0, p1, p2, p3, entry), generate


_four: Callable[..., None] = intrinsic(_emit_four)


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
                _four(
                    source if number == 0 else target,
                    target,
                    matrices,
                    part if number == last else ignored,
                    p * _PLACE,
                    (p | b) * _PLACE,
                    (p | a) * _PLACE,
                    (p | a | b) * _PLACE,
                    entry,
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
