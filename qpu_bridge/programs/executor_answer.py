"""Results of a quantum program, in the version of the request."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit_ibm_runtime.results import QuantumProgramItemResult, QuantumProgramResult
from samplomatic.quantum_program import ChunkSpan

from qpu_bridge.programs.executor_request import ExecutorRequest
from qpu_bridge.programs.tensor import packed_bytes, plain_bytes, type_name
from qpu_bridge.telemetry import Stage, stage

_NARROW = {np.dtype(np.float64): "f64", np.dtype(np.bool_): "bool", np.dtype(np.uint8): "u8", np.dtype(np.complex128): "c128"}
_WIDENED = {"c": np.complex128, "f": np.float64, "i": np.float64, "u": np.float64}


@stage(Stage.ANSWER)
def answer(request: ExecutorRequest, result: QuantumProgramResult, source: Mapping[str, Any]) -> str:
    """The text of the result. Where it comes from stands under a name of ours, which the client's models pass over.

    The schemas' own models are not used to write: they compress at level 6 and decompress again to check, which costs
    seconds for IQ data. Tests read every answer back with them.
    """
    version = request.version
    document: dict[str, Any] = {
        "schema_version": version,
        "data": [_item(item, version) for item in result],
        "metadata": {"chunk_timing": _timing(result, request), "qpu_bridge": source},
    }
    if version != "v0.1":
        document["passthrough_data"] = request.passthrough_data
    if version not in ("v0.1", "v0.2"):
        document["semantic_role"] = request.semantic_role
    return json.dumps(document, default=str)


def _item(item: QuantumProgramItemResult, version: str) -> dict[str, Any]:
    metadata: dict[str, Any] | None = None
    if version != "v0.1":
        timing, stretches = item.metadata.scheduler_timing, item.metadata.stretch_values
        metadata = {
            "scheduler_timing": timing and {"timing": timing.timing, "circuit_duration": timing.circuit_duration},
            "stretch_values": None if stretches is None else [asdict(stretch) for stretch in stretches],
        }
    tensor = _compressed if version == "v2.0" else _plain
    return {"results": {name: tensor(np.asarray(array)) for name, array in item.items()}, "metadata": metadata}


def _compressed(array: NDArray[np.generic]) -> dict[str, Any]:
    return _document(packed_bytes(array), array.shape, type_name(array))


def _plain(array: NDArray[np.generic]) -> dict[str, Any]:
    if array.dtype not in _NARROW:
        array = array.astype(_WIDENED[array.dtype.kind])
    return _document(plain_bytes(array), array.shape, _NARROW[array.dtype])


def _document(data: bytes, shape: tuple[int, ...], name: str) -> dict[str, Any]:
    return {"data": base64.b64encode(data).decode("ascii"), "shape": list(shape), "dtype": name}


def _timing(result: QuantumProgramResult, request: ExecutorRequest) -> list[dict[str, Any]]:
    done: Counter[int] = Counter()
    axes = [list(range(len(item.shape))) for item in request.program.items]
    return [_span(span, request.version, done, axes) for span in result.metadata.chunk_timing]


def _span(span: ChunkSpan, version: str, done: Counter[int], axes: list[list[int]]) -> dict[str, Any]:
    parts = []
    for part in span.parts:
        document: dict[str, Any] = {"idx_item": part.idx_item, "size": part.size}
        if version not in ("v0.1", "v0.2"):
            # rows are played in the order of the item's shape
            first = done[part.idx_item]
            document |= {"permutation": axes[part.idx_item], "element_range": [first, first + part.size, 1]}
        done[part.idx_item] += part.size
        parts.append(document)
    return {"start": span.start.isoformat(), "stop": span.stop.isoformat(), "parts": parts}
