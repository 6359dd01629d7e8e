"""The typed JSON of the older programs: ``{"__type__": name, "__value__": ...}``.

The client's own decoder also imports modules and instantiates classes that the text names. A server reads text from strangers,
so this one knows only the types that pubs and learned noise are made of; anything else stays plain JSON and is refused where
it is not expected.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, qpy

from qpu_bridge.errors import BadRequest, BridgeError
from qpu_bridge.programs.circuits import require_units, with_native_gates
from qpu_bridge.programs.foreign_text import said
from qpu_bridge.programs.payload import inflate, require_qpy
from qpu_bridge.programs.typed_noise import read_noise


def read_typed(text: str, between: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Decode the parameters of a job; ``between`` is called before each typed value is read.

    Raises:
        BadRequest: If it is not a JSON object, or a typed value is damaged.
        TooLarge: If a compressed value is enormous.
    """

    def typed(node: dict[str, Any]) -> Any:
        if "__type__" in node:
            between()
        return _typed(node)

    try:
        params = json.loads(text, object_hook=typed)
    except BridgeError:
        raise
    except (ValueError, RecursionError) as error:
        raise BadRequest("the job's parameters must be JSON", given=said(error)) from None
    if not isinstance(params, dict):
        raise BadRequest("the job's parameters must be a JSON object", given=type(params).__name__)
    return params


def _typed(node: dict[str, Any]) -> Any:
    kind, value = node.get("__type__"), node.get("__value__")
    if kind == "QuantumCircuit" and isinstance(value, str):
        return _circuit(value)
    if kind == "ndarray":
        return _array(value)
    if kind == "ObservablesArray":
        return value
    return read_noise(node) if kind is not None else node


def _circuit(value: str) -> QuantumCircuit:
    data = require_qpy(value, "circuit", compressed=True)
    try:
        circuits = qpy.load(BytesIO(data))
    except Exception as error:  # what damaged QPY raises is not documented
        raise BadRequest("a circuit must be readable QPY", given=said(error, kind=True)) from error
    if len(circuits) != 1 or not isinstance(circuits[0], QuantumCircuit):
        raise BadRequest("a circuit must be a QPY file of one circuit", given=len(circuits))
    require_units(circuits[0], "circuit")
    return with_native_gates(circuits[0])


def _array(value: Any) -> Any:
    if isinstance(value, str) and len(value) < 40 and value.replace("_", "").isalnum() and not value.startswith("eJ"):
        return value  # the client encodes names of extrapolators so
    if not isinstance(value, str):
        return np.array(value)
    try:
        return np.load(BytesIO(inflate(value, "ndarray")), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise BadRequest("an array must be a readable NumPy file", given=said(error)) from None
