from __future__ import annotations

import numpy as np
import pytest
from qiskit import generate_preset_pass_manager
from qiskit.circuit import QuantumCircuit

from qpu_bridge.lowering import build_target, check
from qpu_bridge.target import Curve


def test_durations_errors_and_coherence(five) -> None:
    target = build_target(five)
    assert target.dt == 1e-9
    assert target.num_qubits == 5
    assert (target.granularity, target.pulse_alignment, target.acquire_alignment) == (4, 4, 4)
    assert target["cz"][(0, 1)].duration == pytest.approx(56e-9)
    assert target["cz"][(0, 1)].error == 3e-3
    assert target["rz"][(2,)].duration == 0
    assert target["measure"][(1,)].duration == pytest.approx(500e-9)
    assert target["measure"][(1,)].error == pytest.approx(0.015)
    assert target["reset"][(1,)].duration == pytest.approx(652e-9)
    assert target.qubit_properties[3].t1 == 1e-4
    assert target.qubit_properties[3].frequency == pytest.approx(5.15e9)
    assert (1, 0) not in target["cz"]
    assert {"if_else", "switch_case", "while_loop", "for_loop", "store", "delay"} <= set(target.operation_names)


def test_angles_are_bounded_as_calibrated(five) -> None:
    target = build_target(five)
    assert target.supported_angle_bound("rzz", [np.pi / 2])
    assert not target.supported_angle_bound("rzz", [1.6])
    assert not target.gate_has_angle_bounds("rx"), "a curve over a full turn reaches every angle"

    def narrowed(gate):
        if gate.name != "rx":
            return gate
        keep = [k for k, angle in enumerate(gate.pulses[0].amplitude.angle) if abs(angle) <= 1]
        curve = gate.pulses[0].amplitude
        short = Curve(angle=tuple(curve.angle[k] for k in keep), value=tuple(curve.value[k] for k in keep))
        return gate.model_copy(update={"pulses": (gate.pulses[0].model_copy(update={"amplitude": short}),), "phases": ()})

    narrow = build_target(five.model_copy(update={"gates": tuple(narrowed(gate) for gate in five.gates)}))
    assert not narrow.supported_angle_bound("rx", [1.2])


def test_qubits_out_of_order_are_left_out(five) -> None:
    qubits = tuple(q.model_copy(update={"operational": q.index != 2}) for q in five.qubits)
    target = build_target(five.model_copy(update={"qubits": qubits}))
    assert all((2,) not in target[name] for name in ("sx", "measure", "delay", "reset", "id"))
    assert set(target["cz"]) == {(0, 1), (3, 4)}


def test_what_qiskit_transpiles_is_native(five, rng) -> None:
    passes = generate_preset_pass_manager(2, target=build_target(five), seed_transpiler=7)
    for _ in range(5):
        circuit = QuantumCircuit(4, 4)
        for _ in range(12):
            a, b = (int(q) for q in rng.permutation(4)[:2])
            circuit.u(*(float(x) for x in rng.uniform(-3, 3, 3)), a)
            circuit.cp(float(rng.uniform(-3, 3)), a, b)
        circuit.measure(range(4), range(4))
        check(passes.run(circuit), five)
