"""Section 4: devices."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from qiskit_ibm_runtime import QiskitRuntimeService

from tests.contract.client.conftest import CLIENT


def test_lists_and_filters(service: QiskitRuntimeService) -> None:
    assert {backend.name for backend in service.backends()} >= {"emu_five", "loop_five"}
    assert service.backends(min_num_qubits=1000) == []
    assert {backend.name for backend in service.backends(operational=True, simulator=False)} >= {"emu_five"}
    assert "emu_five" in [backend.name for backend in service.backends(dynamic_circuits=True)]
    assert service.least_busy().name in ("emu_five", "loop_five")


def test_target_is_whole(emu: Any) -> None:
    target = emu.target
    assert emu.num_qubits == 5
    assert emu.dt == pytest.approx(target.dt)
    for name in ("rz", "sx", "x", "measure"):
        assert {place for place in target[name] if place} == {(qubit,) for qubit in range(5)}
        assert all(properties.duration is not None for properties in target[name].values())
    two = next(name for name in ("cz", "ecr") if name in target)
    assert all(properties.error > 0 and properties.duration > 0 for properties in target[two].values())
    for name in ("delay", "reset", "if_else", "for_loop", "while_loop", "switch_case"):
        assert name in target.operation_names, name


def test_fractional_gates_are_shown_when_asked_for(service: QiskitRuntimeService) -> None:
    plain = service.backend("emu_five")
    fractional = service.backend("emu_five", use_fractional_gates=True)
    assert "rx" not in plain.target.operation_names
    assert {"rx", "rzz"} & set(fractional.target.operation_names)


def test_configuration_publishes_the_limits(emu: Any) -> None:
    configuration = emu.configuration()
    assert configuration.max_shots >= 1000
    assert configuration.max_experiments >= 1
    assert configuration.simulator is False
    assert configuration.default_rep_delay > 0
    low, high = configuration.rep_delay_range
    assert low <= configuration.default_rep_delay <= high


def test_properties_of_now_and_of_long_ago(emu: Any) -> None:
    properties = emu.properties()
    assert 1e-6 < properties.t1(0) < 1e-2
    assert 0 < properties.readout_error(0) < 0.5
    assert properties.gate_length("rz", 0) == 0
    assert emu.properties(datetime=datetime.now() - timedelta(days=36500)) is None


def test_status(emu: Any) -> None:
    status = emu.status()
    assert (status.operational, status.status_msg) == (True, "active")
    assert status.pending_jobs >= 0


def test_refresh(service: QiskitRuntimeService) -> None:
    backend = service.backend("emu_five")
    backend.refresh()
    assert backend.target.num_qubits == 5


@pytest.mark.skipif(CLIENT < (0, 51), reason="this release does not ask for them")
def test_a_mock_sibling_is_there_and_hidden(service: QiskitRuntimeService) -> None:
    assert service.backend("mock_five").name == "mock_five"
    assert not [backend for backend in service.backends() if backend.name.startswith("mock_")]
