"""Results of the older programs for who has no Qiskit: plain JSON, as IBM's service gives it to callers of its REST API."""

from __future__ import annotations

import json
from datetime import datetime
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, PubResult
from qiskit_ibm_runtime.json import RuntimeEncoder

from qpu_bridge.errors import TooLarge

MOST_VALUES = 5_000_000
"""Samples and numbers of one answer: each is some ten bytes of text, and sixty in memory while it is written."""


def admit_values(number: int) -> None:
    """Check how much text an answer will be.

    Raises:
        TooLarge: If it is more than `MOST_VALUES`.
    """
    if number > MOST_VALUES:
        raise TooLarge(
            f"plain results may hold at most {MOST_VALUES} samples",
            given=number,
            where="sets of arguments x shots x registers, all pubs",
            remedy="Split the job, or ask for packed arrays: support_qiskit = true.",
        )


def plain(result: PrimitiveResult[Any]) -> str:
    """The text of a result without types.

    ``{"results": [{"data": {...}, "metadata": {...}}], "metadata": {...}}``. A register is
    ``{"samples": ["0x2", ...], "num_bits": n}``. Samples and numbers are nested like the pub's arguments, complex numbers are
    pairs, and what is no number is null.
    """
    text = json.dumps(result, cls=_Encoder)
    if "NaN" in text or "Infinity" in text:  # words that JSON does not know
        text = json.dumps(json.loads(text, parse_constant=lambda _: None))
    return text


class _Encoder(RuntimeEncoder):  # type: ignore[misc]  # the client is not typed
    """The client's encoder, its types left out."""

    def default(self, obj: Any) -> Any:
        match obj:
            case PrimitiveResult():
                return {"results": list(obj), "metadata": obj.metadata}
            case PubResult():
                return {"data": obj.data, "metadata": obj.metadata}
            case DataBin():
                return dict(obj.items())
            case BitArray():
                return {"samples": _samples(obj.array), "num_bits": obj.num_bits}
            case np.ndarray() | np.generic():
                return _numbers(np.asarray(obj))
            case datetime():
                return {"date": obj.isoformat()}
        typed = super().default(obj)
        match typed:
            case {"__type__": "ExecutionSpans", "__value__": {"spans": spans}}:
                return spans
            case {"__type__": _, "__value__": {"start": start, "stop": stop, "data_slices": slices}}:
                return [start, stop, {pub: _slices(*parts) for pub, parts in slices.items()}]
        return typed


def _samples(packed: NDArray[np.uint8]) -> Any:
    """Hexadecimal numbers, nested like all axes but the last, which holds the bytes of a sample."""
    raw, width = packed.tobytes(), packed.shape[-1]
    found = np.empty(prod(packed.shape[:-1]), dtype=object)
    found[:] = [hex(int.from_bytes(raw[at * width : (at + 1) * width], "big")) for at in range(len(found))]
    return found.reshape(packed.shape[:-1]).tolist()


def _numbers(array: NDArray[Any]) -> Any:
    if array.dtype.kind == "c":
        array = np.stack([array.real, array.imag], axis=-1)
    return array.tolist()


def _slices(shape: Any, *parts: Any) -> list[Any]:
    """Where in a pub's data a span lies: the shape, whether randomizations come first (if twirled), from where to where."""
    flag, numbers = ([parts[0]], parts[1:]) if isinstance(parts[0], bool) else ([], parts)
    return [shape, *flag, numbers[0:2], numbers[2:4], *numbers[4:]]
