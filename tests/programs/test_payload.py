"""Bytes from strangers."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_ibm_runtime.json import RuntimeEncoder

from qpu_bridge.errors import BadRequest, BridgeError, TooLarge
from qpu_bridge.programs.payload import inflate, parse, require_qpy, walk
from qpu_bridge.programs.typed_json import read_typed


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "[" * 100_000])
def test_params_must_be_an_object(text: str) -> None:
    with pytest.raises(BadRequest):
        parse(text)
    with pytest.raises(BadRequest):
        read_typed(text)


def packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


def test_inflating_stops_at_the_limit() -> None:
    assert inflate(packed(b"x" * 100), "here", 100) == b"x" * 100
    with pytest.raises(TooLarge, match="here"):
        inflate(packed(b"x" * 101), "here", 100)
    with pytest.raises(BadRequest, match="complete"):
        inflate(base64.b64encode(zlib.compress(b"x" * 1000)[:-4]).decode(), "here")


@given(st.binary(max_size=200), st.booleans())
def test_noise_is_refused_politely(data: bytes, compressed: bool) -> None:
    text = packed(data) if compressed else base64.b64encode(data).decode()
    with pytest.raises(BadRequest):
        require_qpy(text, "here", compressed=compressed)
    damaged = {"pubs": [[{"__type__": "QuantumCircuit", "__value__": packed(b"QISKIT" + bytes([14]) + data)}]]}
    with pytest.raises(BadRequest):
        read_typed(json.dumps(damaged))


def test_typed_values_of_the_client_are_read() -> None:
    circuit = QuantumCircuit(2)
    sent: dict[str, Any] = {"a": circuit, "b": np.arange(6.0).reshape(2, 3), "c": np.array([], dtype=float)}
    found = read_typed(json.dumps(sent, cls=RuntimeEncoder))
    assert found["a"] == circuit
    assert np.array_equal(found["b"], sent["b"])
    assert found["c"].shape == (0,)


def test_other_types_stay_text() -> None:
    hostile = {"__type__": "settings", "__module__": "os", "__class__": "_wrap_close", "__value__": {"command": "true"}}
    assert read_typed(json.dumps({"x": hostile}))["x"] == hostile


def test_arrays_of_objects_are_refused() -> None:
    from io import BytesIO

    buffer = BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(BridgeError, match="NumPy"):
        read_typed(json.dumps({"x": {"__type__": "ndarray", "__value__": packed(buffer.getvalue())}}))


def test_walking_names_paths() -> None:
    assert [path for path, _ in walk({"a": [{"b": 1}]})] == ["params", "params.a[0]"]


@pytest.mark.parametrize(("length", "unit"), [(5, "us"), (1e-6, "s"), (100, "ns"), (0.5, "ms"), (Parameter("wait"), "dt")])
def test_a_delay_whose_unit_was_lost_is_refused(length: Any, unit: str) -> None:
    """QPY knows no units: 5 us would be played as 5 dt."""
    for nested in (False, True):
        circuit = QuantumCircuit(2, 1)
        circuit.delay(16, 0, unit="dt")
        if nested:
            with circuit.if_test((circuit.clbits[0], 1)):
                circuit.delay(length, 1, unit=unit)
        else:
            circuit.delay(length, 1, unit=unit)
        with pytest.raises(BadRequest, match="delay must be a whole number of dt"):
            read_typed(json.dumps({"a": circuit}, cls=RuntimeEncoder))


def test_a_delay_in_dt_is_read() -> None:
    circuit = QuantumCircuit(1)
    circuit.delay(16, 0, unit="dt")
    assert read_typed(json.dumps({"a": circuit}, cls=RuntimeEncoder))["a"] == circuit
