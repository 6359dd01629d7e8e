"""Arrays as raw frames: name, type and shape stand in the header, the numbers travel as they lie in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ProtocolError
from qpu_bridge.wire.frame import Frame

BITS = "bits"
"""Type name of booleans, eight to a byte, first in the lowest bit."""
_TYPES: dict[str, np.dtype[Any]] = {"<f8": np.dtype("<f8"), "<c8": np.dtype("<c8")}
_NAMES = {dtype: name for name, dtype in _TYPES.items()} | {np.dtype(np.bool_): BITS}
_MAX_AXES = 16
_MAX_ENTRIES = 2**48


def pack_arrays(arrays: Mapping[str, NDArray[Any]]) -> tuple[list[list[object]], list[Frame]]:
    """Descriptions for the header, and one frame for each array.

    A contiguous array is not copied; whoever gave it must not write to it until it is sent.

    Raises:
        ProtocolError: If an array has a type that does not travel.
    """
    described: list[list[object]] = []
    frames: list[Frame] = []
    for name, array in arrays.items():
        if (kind := _NAMES.get(array.dtype)) is None:
            given = str(array.dtype)
            raise ProtocolError(f"an array must be of type bool or one of {', '.join(_TYPES)}", given=given, where=name)
        described.append([name, kind, list(array.shape)])
        flat = array.reshape(-1)  # a view, unless the array has gaps
        frames.append((np.packbits(flat, bitorder="little") if kind == BITS else flat.view(np.uint8)).data)
    return described, frames


def unpack_arrays(described: object, frames: Sequence[Frame]) -> dict[str, NDArray[Any]]:
    """Arrays by name; numbers are read-only views of the frames, booleans are unpacked into new memory.

    Raises:
        ProtocolError: If a description is malformed, or does not fit its frame to the byte.
    """
    if type(described) is not list or len(described) != len(frames):
        raise ProtocolError("a header must describe each array frame", given=f"{len(frames)} array frames")
    arrays: dict[str, NDArray[Any]] = {}
    for entry, frame in zip(described, frames, strict=True):
        name, kind, shape = _description(entry)
        if name in arrays:
            raise ProtocolError("an array's name must be used once", given=name)
        arrays[name] = _bits(frame, shape, name) if kind == BITS else _numbers(frame, _TYPES[kind], shape, name)
    return arrays


def _description(entry: object) -> tuple[str, str, tuple[int, ...]]:
    if type(entry) is not list or len(entry) != 3:
        raise ProtocolError("an array's description must be name, type and shape")
    name, kind, shape = entry
    if type(name) is not str or len(name) > 32:
        raise ProtocolError("an array's name must be text of at most 32 characters")
    if type(kind) is not str or (kind not in _TYPES and kind != BITS):
        raise ProtocolError(f"an array's type must be one of {BITS}, {', '.join(_TYPES)}", given=str(kind)[:32], where=name)
    if type(shape) is not list or len(shape) > _MAX_AXES:
        raise ProtocolError(f"an array's shape must have at most {_MAX_AXES} axes", where=name)
    entries = 1
    for length in shape:
        if type(length) is not int or length < 0:
            raise ProtocolError("an array's shape must be whole numbers", where=name)
        entries *= length or 1
    if entries > _MAX_ENTRIES:
        raise ProtocolError(f"an array must have at most {_MAX_ENTRIES} entries", where=name)
    return name, kind, tuple(shape)


def _fits(frame: Frame, size: int, name: str) -> None:
    if len(frame) != size:
        raise ProtocolError(f"array frame {name} must have {size} bytes, as its shape says", given=len(frame))


def _numbers(frame: Frame, dtype: np.dtype[Any], shape: tuple[int, ...], name: str) -> NDArray[Any]:
    count = prod(shape)
    _fits(frame, count * dtype.itemsize, name)
    return np.frombuffer(memoryview(frame).toreadonly(), dtype).reshape(shape) if count else np.zeros(shape, dtype)


def _bits(frame: Frame, shape: tuple[int, ...], name: str) -> NDArray[np.bool_]:
    count = prod(shape)
    _fits(frame, -(-count // 8), name)
    if not count:
        return np.zeros(shape, np.bool_)
    return np.unpackbits(np.frombuffer(frame, np.uint8), count=count, bitorder="little").view(np.bool_).reshape(shape)
