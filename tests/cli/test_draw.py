from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qpy
from typer.testing import Result

from qpu_bridge.errors import BadRequest, SettingsError

QASM = """OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
bit[2] c;
h q[0];
cx q[0], q[1];
c = measure q;
"""


@pytest.fixture
def bell(home: Path) -> str:
    path = home / "bell.qasm"
    path.write_text(QASM)
    return str(path)


def test_text(say: Callable[..., Result], bell: str) -> None:
    text = say("draw", bell).stdout
    assert "c[0]" in text
    assert "flux" in text


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_pictures(say: Callable[..., Result], bell: str, home: Path, suffix: str) -> None:
    done = say("draw", bell, "--output", str(home / f"bell.{suffix}"))
    assert done.stdout == f"wrote {home / f'bell.{suffix}'}\n"
    assert (home / f"bell.{suffix}").stat().st_size > 1000


def test_decoupling_adds_pulses(say: Callable[..., Result], home: Path) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.sx([0, 1])
    circuit.delay(2000, 0, unit="ns")
    circuit.barrier()
    circuit.sx([0, 1])
    circuit.measure([0, 1], [0, 1])
    with (home / "idle.qpy").open("wb") as file:
        qpy.dump(circuit, file)
    plain, decoupled = (say("draw", str(home / "idle.qpy"), *more).stdout for more in ((), ("--dd", "XY4")))
    assert decoupled.count(" > q1 ") == plain.count(" > q1 ") + 4


@pytest.mark.parametrize("text", ["this is no circuit", "", "OPENQASM 2.0; qreg q[2]; h q[7];", "\x00\xff"])
def test_a_file_without_a_circuit(say: Callable[..., Result], home: Path, text: str) -> None:
    (home / "none.qasm").write_text(text, encoding="latin-1")
    assert isinstance(say("draw", str(home / "none.qasm")).exception, BadRequest)


@pytest.mark.parametrize("name", ["bell.xyz", "bell", "nowhere/bell.png"])
def test_a_picture_that_cannot_be_written(say: Callable[..., Result], bell: str, home: Path, name: str) -> None:
    assert isinstance(say("draw", bell, "--output", str(home / name)).exception, BadRequest)


def test_an_unknown_device(say: Callable[..., Result], bell: str) -> None:
    assert isinstance(say("draw", bell, "--device", "no_such").exception, SettingsError)
