"""Learned noise in the typed JSON of the older programs: only these classes are known, whatever a text names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import PauliList
from qiskit_ibm_runtime.results import LayerError, NoiseLearnerResult
from qiskit_ibm_runtime.results.noise_learner import PauliLindbladError

from qpu_bridge.errors import BadRequest
from qpu_bridge.programs.foreign_text import said


def _paulis(value: Mapping[str, Any]) -> PauliList:
    if not isinstance(value["data"], list) or not all(isinstance(label, str) for label in value["data"]):
        raise TypeError("Paulis must be a list of labels")
    return PauliList(value["data"])


def _error(value: Mapping[str, Any]) -> PauliLindbladError:
    rates = value["rates"]
    if not isinstance(value["generators"], PauliList) or not isinstance(rates, np.ndarray) or rates.dtype.kind not in "iuf":
        raise TypeError("generators must be a PauliList, and rates an array of real numbers")
    return PauliLindbladError(value["generators"], rates)


def _layer(value: Mapping[str, Any]) -> LayerError:
    if not isinstance(value["circuit"], QuantumCircuit) or not isinstance(value["qubits"], list):
        raise TypeError("circuit must be a QuantumCircuit, and qubits a list")
    if not all(isinstance(qubit, int) for qubit in value["qubits"]):
        raise TypeError("qubits must be whole numbers")
    if value["error"] is not None and not isinstance(value["error"], PauliLindbladError):
        raise TypeError("error must be a PauliLindbladError")
    return LayerError(value["circuit"], value["qubits"], value["error"])


def _result(value: Mapping[str, Any]) -> NoiseLearnerResult:
    return NoiseLearnerResult(value["data"])


_MAKERS: Mapping[tuple[Any, Any], Callable[[Mapping[str, Any]], Any]] = {
    ("settings", "PauliList"): _paulis,
    ("_json", "PauliLindbladError"): _error,
    ("_json", "LayerError"): _layer,
    ("NoiseLearnerResult", None): _result,
}
"""Type and class that a text names -> what makes the object."""


def read_noise(node: dict[str, Any]) -> Any:
    """The object that a typed value stands for; the value itself if it is none of these.

    Raises:
        BadRequest: If the value is damaged.
    """
    names = (node.get("__type__"), node.get("__class__"))
    make = _MAKERS.get(names) if all(name is None or isinstance(name, str) for name in names) else None
    if make is None:
        return node
    try:
        value = node["__value__"]
        if not isinstance(value, Mapping):
            raise TypeError("the value must be an object")
        return make(value)
    except (KeyError, TypeError, ValueError, AttributeError, QiskitError) as error:
        name = node.get("__class__") or node["__type__"]
        raise BadRequest(f"a {name} must have its published form", given=said(error, kind=True)) from None
