from __future__ import annotations

import importlib.util

import pytest
from qiskit.circuit import QuantumCircuit

from qpu_bridge.lowering import lower, timing_text


def dynamic() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.rz(0.2, 0)
    circuit.sx(0)
    circuit.cz(0, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(1)
    with otherwise:
        circuit.cz(0, 1)
    circuit.measure(1, 1)
    return circuit


def test_golden_lines(five) -> None:
    lines = timing_text(lower(dynamic(), five, None)).splitlines()
    assert lines == [
        "main,rz_0,Qubit 0,0,0,shift_phase",
        "main,sx_0,Qubit 0,0,32,play",
        "main,cz_0_1,Qubit 0,32,56,play",
        "main,cz_0_1,Qubit 1,32,56,play",
        "main,measure_0,Qubit 0,88,500,receive",
        "main,measure_0,AWGR0,88,500,play",
        "then,x_1,Qubit 1,708,32,play",
        "else,cz_0_1,Qubit 0,708,56,play",
        "else,cz_0_1,Qubit 1,708,56,play",
        "main,measure_1,Qubit 1,764,500,receive",
        "main,measure_1,AWGR1,764,500,play",
    ]


@pytest.mark.skipif(importlib.util.find_spec("plotly") is None, reason="the client draws with plotly")
def test_the_client_draws_it(five) -> None:
    from qiskit_ibm_runtime.visualization.draw_circuit_schedule_timings import draw_circuit_schedule_timing

    figure = draw_circuit_schedule_timing(timing_text(lower(dynamic(), five, None)), filter_readout_channels=True)
    assert len(figure.data) == 9


def test_the_client_can_read_every_line(five) -> None:
    # the parser of the client's drawing code, which cannot be imported without plotly
    for line in timing_text(lower(dynamic(), five, None)).split("\n"):
        words = line.split(",")
        assert len(words) == 6
        assert "shift_phase" not in words[0]
        assert words[0] in ("main", "then", "else")
        assert int(words[3]) >= 0
        assert int(words[4]) >= 0
