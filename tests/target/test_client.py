"""The client's own parser reads what we say of the machine."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from qiskit.transpiler import Target
from qiskit_ibm_runtime.utils.backend_converter import convert_to_target
from qiskit_ibm_runtime.utils.backend_decoder import configuration_from_server_data, properties_from_server_data

from qpu_bridge.driver import Capabilities
from qpu_bridge.schedule import Feature
from qpu_bridge.target import CouplingSpec, Snapshot, configuration, properties


def read(snapshot: Snapshot, capabilities: Capabilities, fractional: bool | None = None) -> tuple[Any, Any, Target]:
    sent = json.loads(json.dumps(configuration(snapshot, capabilities)))
    config = configuration_from_server_data(sent, use_fractional_gates=fractional)
    assert config is not None
    props = properties_from_server_data(json.loads(json.dumps(properties(snapshot))), use_fractional_gates=fractional)
    return config, props, convert_to_target(config, props)


def test_configuration(snapshot: Snapshot, capabilities: Capabilities) -> None:
    config, _, _ = read(snapshot, capabilities)
    assert config.dt == pytest.approx(1e-9)
    assert config.dtm == pytest.approx(2e-9)
    assert config.default_rep_delay == pytest.approx(250e-6)
    assert config.rep_delay_range == pytest.approx([0, 500e-6])
    assert config.simulator is False
    assert set(config.supported_instructions) >= {"if_else", "store", "switch_case", "while_loop", "for_loop", "reset"}
    assert set(config.supported_features) == {"qasm3", "dynamic_circuits"}
    assert config.coupling_map == [[0, 1], [1, 2]]


def test_properties(snapshot: Snapshot, capabilities: Capabilities) -> None:
    _, props, _ = read(snapshot, capabilities)
    assert props.t1(0) == pytest.approx(100e-6)
    assert props.t2(0) == pytest.approx(80e-6)
    assert props.frequency(1) == pytest.approx(5.1e9)
    assert props.readout_error(0) == pytest.approx(0.02)
    assert props.readout_length(0) == pytest.approx(1.2e-6)
    assert props.gate_length("rz", 0) == 0
    assert props.is_qubit_operational(2)


def test_zz_of_couplings_is_among_the_general_properties(snapshot: Snapshot, capabilities: Capabilities) -> None:
    known = snapshot.model_copy(update={"couplings": (CouplingSpec(qubits=(0, 1), zz=-24e3),)})
    _, props, _ = read(known, capabilities)
    (row,) = props.general
    assert (row.name, row.unit) == ("zz_0_1", "GHz")
    assert row.value == pytest.approx(-24e-6)
    assert (known.zz(1, 0), known.zz(1, 2)) == (-24e3, None)


def test_target(snapshot: Snapshot, capabilities: Capabilities) -> None:
    _, _, target = read(snapshot, capabilities)
    assert target.dt == pytest.approx(1e-9)
    assert target.granularity == 4
    assert target["rz"][(2,)].duration == 0
    assert target["sx"][(0,)].duration == pytest.approx(32e-9)
    assert target["x"][(0,)].error == pytest.approx(3e-4)
    assert target["cz"][(0, 1)].duration == pytest.approx(64e-9)
    assert target["measure"][(1,)].duration == pytest.approx(1.2e-6)
    assert target["reset"][(1,)].duration == pytest.approx(1.432e-6)
    assert set(target["rzz"]) == {(0, 1), (1, 2)}
    assert target.gate_has_angle_bounds("rzz")
    assert target.supported_angle_bound("rzz", [math.pi / 2])
    assert not target.supported_angle_bound("rzz", [-0.1])
    assert {"if_else", "while_loop", "for_loop", "switch_case", "delay"} <= target.operation_names


def test_fractional_gates_go_with_the_clients_switch(snapshot: Snapshot, capabilities: Capabilities) -> None:
    _, _, target = read(snapshot, capabilities, fractional=False)
    assert not {"rx", "rzz"} & target.operation_names
    assert {"rz", "sx", "x", "cz"} <= target.operation_names


def test_a_closed_qubit_is_not_offered(fields: dict[str, Any], capabilities: Capabilities) -> None:
    fields["qubits"][2]["operational"] = False
    _, _, target = read(Snapshot.model_validate(fields), capabilities)
    assert (2,) not in target["measure"]
    assert (1, 2) not in target["cz"]


def test_a_device_that_cannot_branch_says_so(snapshot: Snapshot, capabilities: Capabilities) -> None:
    limits = capabilities.limits.model_copy(update={"features": frozenset({Feature.INTEGRATED})})
    _, _, target = read(snapshot, capabilities.model_copy(update={"limits": limits}))
    assert not {"if_else", "reset", "while_loop"} & target.operation_names


def test_measurements_for_the_middle_of_a_circuit(snapshot: Snapshot, capabilities: Capabilities) -> None:
    _, _, target = read(snapshot, capabilities)
    for name in ("measure_2", "reset_2", "measure_reset"):
        assert target.instruction_supported(name, (0,)), name
    measure, reset = target["measure"][(0,)], target["reset"][(0,)]
    assert target["measure_2"][(0,)].duration == pytest.approx(measure.duration)
    assert target["measure_2"][(0,)].error == pytest.approx(measure.error)
    assert target["measure_reset"][(0,)].duration == pytest.approx(reset.duration)


def test_a_device_that_cannot_branch_has_no_other_resets(snapshot: Snapshot, capabilities: Capabilities) -> None:
    plain = capabilities.model_copy(update={"limits": capabilities.limits.model_copy(update={"features": frozenset()})})
    assert [known["name"] for known in configuration(snapshot, plain)["instruction_signatures"]] == ["measure_2"]
