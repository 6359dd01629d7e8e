"""Lowering and binding against Qiskit on the same circuit in the same run (`pytest benchmarks/test_lowering.py`).

The circuit: 127 qubits on a heavy-hex lattice, about 7,000 native instructions, layers of rz-sx-rz-sx-rz and cz with idle time.
"""

from __future__ import annotations

import gc
import runpy
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.circuit.library import XGate
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDynamicalDecoupling

from qpu_bridge.lowering import build_target, lower
from qpu_bridge.suppression import DecouplingOptions, decouple
from qpu_bridge.target import Snapshot

_SYNTHETIC: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "lowering" / "conftest.py"))
ROUNDS = 7


@pytest.fixture(scope="module")
def machine() -> Snapshot:
    return _SYNTHETIC["synthetic"](127, _SYNTHETIC["heavy_hex"]())


def circuit_of(parametric: bool) -> QuantumCircuit:
    """Brickwork: in every layer a random third of the couplers works, the rest waits."""
    rng = np.random.default_rng(7)
    edges = _SYNTHETIC["heavy_hex"]()
    angles = ParameterVector("t", 127 * 30)
    taken = iter(angles)
    circuit = QuantumCircuit(127, 127)

    def turn(qubit: int) -> None:
        circuit.rz(next(taken) if parametric else float(rng.uniform(-np.pi, np.pi)), qubit)

    for layer in range(10):
        for qubit in range(127):
            turn(qubit)
            circuit.sx(qubit)
            turn(qubit)
            circuit.sx(qubit)
            turn(qubit)
        busy: set[int] = set()
        for index in rng.permutation(len(edges)):
            a, b = edges[index]
            if a not in busy and b not in busy and rng.random() < 0.7:
                busy |= {a, b}
                circuit.cz(a, b) if layer % 2 else circuit.ecr(b, a)
    circuit.barrier()
    circuit.measure(range(127), range(127))
    return circuit


def in_turns(*works: Callable[[], object]) -> list[float]:
    """Median seconds of each, interleaved because other work shares the machine."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for index, work in enumerate(works):
            gc.collect()
            begin = perf_counter()
            work()
            times[index].append(perf_counter() - begin)
    return [median(each) for each in times]


def test_lowering_with_decoupling_against_alap_and_padding(machine: Snapshot, benchmark: Any) -> None:
    circuit = circuit_of(parametric=False)
    target = build_target(machine)
    passes = PassManager(
        [ALAPScheduleAnalysis(target=target), PadDynamicalDecoupling(target=target, dd_sequence=[XGate(), XGate()])]
    )

    def ours() -> int:
        lowered = lower(circuit, machine, None)
        return len(decouple(lowered.schedule, lowered.occupancy, machine, DecouplingOptions(skip_reset_qubits=True)).events)

    def theirs() -> int:
        return len(passes.run(circuit).data)

    ours(), theirs()
    mine, peer = in_turns(ours, theirs)
    benchmark.extra_info.update(
        instructions=len(circuit.data), peer_ms=1e3 * peer, ours_ms=1e3 * mine, ratio=round(peer / mine, 1)
    )
    benchmark.pedantic(ours, rounds=5)
    print(f"\n{len(circuit.data)} instructions: ours {1e3 * mine:.1f} ms, Qiskit {1e3 * peer:.1f} ms, {peer / mine:.1f}x")
    assert peer / mine >= 5


def test_binding_a_thousand_rows_against_assign_parameters(machine: Snapshot, benchmark: Any) -> None:
    circuit = circuit_of(parametric=True)
    slot_map = lower(circuit, machine, None).slot_map
    rows = np.random.default_rng(3).uniform(-np.pi, np.pi, (1000, circuit.num_parameters))
    tried = 8  # of the peer's 1000 sets; its time is scaled up

    def ours() -> object:
        return slot_map.bind(rows)

    def theirs() -> object:
        return [circuit.assign_parameters(row) for row in rows[:tried]]

    ours(), theirs()
    mine, peer = in_turns(ours, theirs)
    peer *= len(rows) / tried
    benchmark.extra_info.update(
        parameters=circuit.num_parameters,
        peer_ms_scaled_from_8_sets=1e3 * peer,
        ours_ms=1e3 * mine,
        ratio=round(peer / mine),
    )
    benchmark.pedantic(ours, rounds=5)
    print(
        f"\n{circuit.num_parameters} parameters x 1000 rows: ours {1e3 * mine:.1f} ms, "
        f"Qiskit {peer:.2f} s (scaled from {tried} sets), {peer / mine:.0f}x"
    )
    assert peer / mine >= 200
