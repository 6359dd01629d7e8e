from __future__ import annotations

import base64
import json
import zlib
from io import BytesIO

import pytest
from qiskit import QuantumCircuit, qpy

from qpu_bridge.errors import BadRequest
from qpu_bridge.programs import DeviceView, check
from qpu_bridge.programs.foreign_text import LONGEST, said

RUST = (
    "binary parsing error: \n ╺━━━━━━━━┅ Backtrace ┅━━━━━━━━╸\n\n 0: \x1b[1m\x1b[1mError: Insufficient bytes\x1b[22m\n"
    "     at crates/qpy/src/formats.rs:1229\n 1: \x1b[1mWhile parsing\x1b[22m"
)


def test_colours_headings_and_control_characters_are_gone() -> None:
    assert said(ValueError(RUST)) == "binary parsing error: 0: Error: Insufficient bytes 1: While parsing"
    assert said(ValueError("a\x00b\x07\x9b1mc\x1b]0;title\x07d\x1bce\u202ef"), kind=True) == "ValueError: a b cde f"
    assert len(said(ValueError("x" * 1000))) == LONGEST


def test_a_damaged_circuit_is_told_in_plain_words(device: DeviceView) -> None:
    file = BytesIO()
    qpy.dump(QuantumCircuit(1), file)
    cut = base64.b64encode(zlib.compress(file.getvalue()[:-10])).decode()
    pubs = [[{"__type__": "QuantumCircuit", "__value__": cut}]]
    with pytest.raises(BadRequest, match="readable QPY") as caught:
        check("sampler", json.dumps({"pubs": pubs, "version": 2}), device)
    assert caught.value.sentence.isprintable()
    assert "Backtrace" not in caught.value.sentence
    with pytest.raises(BadRequest) as caught:
        check("sampler", json.dumps({"pubs": [["OPENQASM 3.0;\n\x1b[31m qubit"]], "version": 2}), device)
    assert caught.value.sentence.isprintable()
