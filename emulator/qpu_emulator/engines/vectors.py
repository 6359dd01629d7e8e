"""Machine code for sixteen lanes: every number of a block is a vector, and what is summed stays in registers.

A block is a flat array of doubles or floats: number ``i`` has its sixteen lanes from ``16 i`` on. Of a loop over so few lanes
numba would not know that its arrays are apart, and would check it each time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from qpu_emulator.jit import compiled

WIDTH = 16
"""Lanes in a block."""
_LINE = 64
"""Bytes."""
_LEAST = 4
"""Bytes of which every address of a vector is a multiple, for sure."""

_NUMBERS = ir.VectorType(ir.DoubleType(), WIDTH)
_EVERY = ir.VectorType(ir.IntType(32), WIDTH)


@dataclass(frozen=True)
class _Vector:
    """Numbers in registers, one of each lane."""

    builder: ir.IRBuilder
    value: Any

    def __add__(self, other: _Vector) -> _Vector:
        return _Vector(self.builder, self.builder.fadd(self.value, other.value, flags=("contract",)))

    def __sub__(self, other: _Vector) -> _Vector:
        return _Vector(self.builder, self.builder.fsub(self.value, other.value, flags=("contract",)))

    def __mul__(self, other: _Vector) -> _Vector:
        return _Vector(self.builder, self.builder.fmul(self.value, other.value, flags=("contract",)))


@dataclass(frozen=True)
class _Code:
    """Writes machine code; places count numbers of a block, entries count doubles of a table."""

    builder: ir.IRBuilder

    def at(self, place: Any, *more: Any) -> Any:
        """A sum of integers."""
        for other in more:
            place = self.builder.add(place, ir.Constant(place.type, other) if isinstance(other, int) else other)
        return place

    def times(self, one: Any, other: Any) -> Any:
        return self.builder.mul(one, other)

    def load(self, block: Any, place: Any) -> _Vector:
        return _Vector(self.builder, self.builder.load(self._pointer(block, place), align=_LEAST))

    def store(self, vector: _Vector, block: Any, place: Any) -> None:
        self.builder.store(vector.value, self._pointer(block, place), align=_LEAST)

    def spread(self, table: Any, entry: Any) -> _Vector:
        """The same number in all lanes."""
        number = self.builder.load(self.builder.gep(table, [entry]))
        single = self.builder.insert_element(ir.Constant(_NUMBERS, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
        return _Vector(self.builder, self.builder.shuffle_vector(single, single, ir.Constant(_EVERY, [0] * WIDTH)))

    def loop(self, count: Any) -> Any:
        """Of ``with ... as loop``: `loop.index` counts from 0."""
        return cgutils.for_range(self.builder, count)

    def zero(self) -> Any:
        """A variable that is 0 at first."""
        return cgutils.alloca_once_value(self.builder, ir.Constant(_NUMBERS, [0.0] * WIDTH))

    def _pointer(self, block: Any, place: Any) -> Any:
        first = self.builder.gep(block, [self.builder.mul(place, ir.Constant(place.type, WIDTH))])
        return self.builder.bitcast(first, ir.VectorType(block.type.pointee, WIDTH).as_pointer())


def _machine(kernel: Callable[..., None]) -> Callable[..., None]:
    """A function of arrays and integers that compiled functions can call; ``kernel`` writes its code."""

    def typed(_: object, *kinds: Any) -> tuple[Any, Callable[..., Any]]:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, given: tuple[Any, ...]) -> Any:
            arguments = [
                context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
                for kind, value in zip(signature.args, given, strict=True)
            ]
            kernel(_Code(builder), *arguments)
            return context.get_dummy_value()

        return types.void(*(types.int64 if isinstance(kind, types.Integer) else kind for kind in kinds)), generate

    # numba reads names, and has no use for any number of arguments
    typed.__signature__ = inspect.signature(kernel)  # type: ignore[attr-defined]
    made: Callable[..., None] = intrinsic(typed)
    return made


@compiled()
def aligned(count: int, kind: Any) -> NDArray[Any]:
    """Zeros from a cache line on: vectors that lie across two lines take twice as long to load."""
    found = np.zeros(count + _LINE, kind)
    first = (_LINE - found.ctypes.data % _LINE) % _LINE // found.itemsize
    return found[first : first + count]


@compiled()
def room(numbers: int) -> NDArray[np.float64]:
    """Room for so many numbers."""
    return aligned(numbers * WIDTH, np.float64)


def _multiplier(size: int, held: bool) -> Callable[..., None]:
    """Multiply ``size`` numbers, ``stride`` apart, by each lane's own matrix, in place: ``outer`` times ``inner`` such groups."""

    def kernel(code: _Code, block: Any, matrix: Any, outer: Any, step: Any, inner: Any, stride: Any) -> None:
        def row(number: int) -> list[_Vector]:
            return [code.load(matrix, ir.Constant(outer.type, size * number + column)) for column in range(size)]

        rows = [row(number) for number in range(size)] if held else []
        with code.loop(outer) as high, code.loop(inner) as low:
            places = [code.at(code.times(high.index, step), low.index)]
            for _ in range(size - 1):
                places.append(code.at(places[-1], stride))
            given = [code.load(block, place) for place in places]
            made = []
            for number in range(size):
                factors = rows[number] if held else row(number)
                total = factors[0] * given[0]
                for factor, one in zip(factors[1:], given[1:], strict=True):
                    total = factor * one + total
                made.append(total)
            for place, one in zip(places, made, strict=True):
                code.store(one, block, place)

    return _machine(kernel)


@_machine
def multiply_pair(
    code: _Code, source: Any, target: Any, matrix: Any, norm: Any, entry: Any, p0: Any, p1: Any, p2: Any, p3: Any
) -> None:
    """Multiply four complex numbers at ``p0`` to ``p3`` by each lane's own matrix, whose sixteen begin at ``entry``.

    A complex number is two of a block, real and imaginary part. The first number of ``norm`` grows by the squares of the results.
    """

    def both(block: Any, place: Any) -> tuple[_Vector, _Vector]:
        return code.load(block, place), code.load(block, code.at(place, 1))

    places, none = (p0, p1, p2, p3), ir.Constant(entry.type, 0)
    (x, y), *rest = (both(source, place) for place in places)
    squares = code.load(norm, none)
    for row, place in enumerate(places):
        (a, b), *factors = (both(matrix, code.at(entry, 2 * (4 * row + column))) for column in range(4))
        real, imag = a * x - b * y, a * y + b * x
        for (a, b), (u, v) in zip(factors, rest, strict=True):
            real, imag = real + a * u - b * v, imag + a * v + b * u
        code.store(real, target, place)
        code.store(imag, target, code.at(place, 1))
        squares = squares + real * real + imag * imag
    code.store(squares, norm, none)


multiply_2, multiply_3, multiply_4 = (_multiplier(size, held=True) for size in (2, 3, 4))
multiply_9 = _multiplier(9, held=False)


@_machine
def turn(code: _Code, block: Any, cosine: Any, sine: Any, place: Any, first: Any, second: Any) -> None:
    """``first`` becomes ``c first + s second``, ``second`` becomes ``c second - s first``; c and s stand at ``place``."""
    c, s = code.load(cosine, place), code.load(sine, place)
    a, b = code.load(block, first), code.load(block, second)
    code.store(c * a + s * b, block, first)
    code.store(c * b - s * a, block, second)


@_machine
def spread(code: _Code, block: Any, table: Any, entry: Any, count: Any) -> None:
    """Numbers of a table, the same in all lanes."""
    with code.loop(count) as loop:
        code.store(code.spread(table, code.at(entry, loop.index)), block, loop.index)


@_machine
def expand(code: _Code, block: Any, table: Any, entry: Any, count: Any, argument: Any, place: Any) -> None:
    """Quadratic polynomials of the number at ``place``: values, slopes and curvatures stand one after the other in a table."""
    x = code.load(argument, place)
    with code.loop(count) as loop:
        entries = [code.at(entry, loop.index)]
        entries += [code.at(entries[0], count), code.at(entries[0], count, count)]
        value, slope, curve = (code.spread(table, entry) for entry in entries)
        code.store(value + x * (slope + x * curve), block, loop.index)


@_machine
def gather(code: _Code, block: Any, base: Any, which: Any, factor: Any, entry: Any, count: Any, target: Any, place: Any) -> None:
    """A sum of numbers of a block, ``count`` fours of factors and of offsets to ``base``, which stand at ``entry`` of tables."""
    totals = [code.zero(), code.zero()]
    with code.loop(count) as loop:
        four = code.at(entry, code.times(loop.index, ir.Constant(count.type, 4)))
        so_far = [_Vector(code.builder, code.builder.load(total)) for total in totals]
        for member in range(4):
            here = code.at(four, member)
            offset = code.builder.load(code.builder.gep(which, [here]))
            so_far[member % 2] = code.spread(factor, here) * code.load(block, code.at(base, offset)) + so_far[member % 2]
        for total, one in zip(totals, so_far, strict=True):
            code.builder.store(one.value, total)
    even, odd = (_Vector(code.builder, code.builder.load(total)) for total in totals)
    code.store(even + odd, target, place)


@_machine
def copy(code: _Code, source: Any, here: Any, target: Any, there: Any) -> None:
    """One number of one block into another."""
    code.store(code.load(source, here), target, there)


def _phaser(levels: int) -> Callable[..., None]:
    """Cosines and sines by which coherences turn and fade: 01 by x, 02 by 2 x + t, 12 by x + t.

    A block has what is left of each coherence from ``entry`` on, then the cosine and the sine of t.
    """

    def kernel(code: _Code, block: Any, entry: Any, cosine: Any, sine: Any, place: Any, cosines: Any, sines: Any) -> None:
        c, s = code.load(cosine, place), code.load(sine, place)
        turned = [(c, s)]
        if levels == 3:
            c_t, s_t = (code.load(block, code.at(entry, 3 + part)) for part in (0, 1))
            c_late, s_late = c * c_t - s * s_t, s * c_t + c * s_t
            turned += [(c * c_late - s * s_late, s * c_late + c * s_late), (c_late, s_late)]
        for number, (c, s) in enumerate(turned):
            left = code.load(block, code.at(entry, number))
            code.store(c * left, cosines, ir.Constant(entry.type, number))
            code.store(s * left, sines, ir.Constant(entry.type, number))

    return _machine(kernel)


phases_2, phases_3 = _phaser(2), _phaser(3)
