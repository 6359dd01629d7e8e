"""Arrays as the executor's results spell them: little-endian, C order, bits packed eight to a byte, then zlib."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.programs.compression import pack

_KINDS = {"b": "bool", "f": "f", "i": "i", "u": "u", "c": "c"}


def type_name(array: NDArray[np.generic]) -> str:
    """What the schema calls the type of an array: ``bool``, ``u8``, ``f64``, ``c64``."""
    kind = array.dtype.kind
    return "bool" if kind == "b" else f"{_KINDS[kind]}{8 * array.dtype.itemsize}"


def plain_bytes(array: NDArray[np.generic]) -> bytes:
    """The numbers as they travel, before they are compressed."""
    if array.dtype.kind == "b":
        return np.packbits(array.astype(np.bool_, copy=False), bitorder="little").tobytes()
    return bytes(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())


def packed_bytes(array: NDArray[np.generic]) -> bytes:
    """The numbers as they travel, compressed where that helps."""
    return pack(plain_bytes(array), array.dtype)


def unpacked(name: str, shape: tuple[int, ...], data: bytes) -> NDArray[Any]:
    """The array again, from its type's name, its shape and what `packed_bytes` gave.

    Raises:
        ValueError: If they do not fit each other.
    """
    plain = np.frombuffer(zlib.decompress(data), np.uint8)
    count = int(np.prod(shape, dtype=np.int64))
    if name == "bool":
        if len(plain) != -(-count // 8):
            raise ValueError(f"a tensor of {count} bits must have {-(-count // 8)} bytes; got {len(plain)}")
        return np.unpackbits(plain, count=count, bitorder="little").view(np.bool_).reshape(shape)
    dtype = np.dtype(f"<{name[0]}{int(name[1:]) // 8}")
    return plain.view(dtype).reshape(shape)
