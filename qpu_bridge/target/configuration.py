"""What the client reads as a backend's configuration."""

from __future__ import annotations

from typing import Any, Protocol

from qpu_bridge.schedule import Feature, Limits
from qpu_bridge.target.limits import MAX_CIRCUITS, MAX_EXECUTIONS, MAX_INSTRUCTIONS, MAX_RESULT_BYTES, MAX_ROWS
from qpu_bridge.target.native import MID_CIRCUIT, NATIVE
from qpu_bridge.target.snapshot import Snapshot

_CONTROL_FLOW = {
    "if_else": Feature.BRANCH,
    "switch_case": Feature.EXPRESSION,
    "store": Feature.EXPRESSION,
    "for_loop": Feature.LOOP,
    "while_loop": Feature.WHILE,
}


class Capable(Protocol):
    """The part of a device's capability document that the client hears of (`driver.Capabilities` has it)."""

    @property
    def version(self) -> str:
        """Version of the driver."""

    @property
    def simulated(self) -> bool:
        """Whether results are not measurements of a physical device."""

    @property
    def source(self) -> str:
        """Where results come from."""

    @property
    def limits(self) -> Limits:
        """What the device can play."""


def configuration(snapshot: Snapshot, capabilities: Capable) -> dict[str, Any]:
    """The document behind ``GET /backends/{name}/configuration``.

    Args:
        snapshot: The machine.
        capabilities: What its driver can do: real-time control is listed as far as the device has it.

    Returns:
        Plain data. Lengths of ticks are in ns and rep delays in us, as the client expects them here.
    """
    timing = snapshot.timing
    features = capabilities.limits.features
    qubits = range(len(snapshot.qubits))
    basis = [name for name in NATIVE if any(gate.name == name for gate in snapshot.gates)]
    control_flow = [name for name, feature in _CONTROL_FLOW.items() if feature in features]
    dynamic = Feature.BRANCH in features
    others = ["measure", "delay", *(["reset"] if dynamic else []), *control_flow]
    pairs = sorted({gate.qubits for gate in snapshot.gates if len(gate.qubits) == 2})
    acquire = [port.dt for port in snapshot.ports if port.kind == "acquire"]
    return {
        "backend_name": snapshot.device,
        "backend_version": capabilities.version,
        "sample_name": "simulated" if capabilities.simulated else "device",
        "description": snapshot.description or f"{snapshot.device}, {capabilities.source}",
        "online_date": snapshot.calibrated_at.isoformat(),
        "n_qubits": len(snapshot.qubits),
        "basis_gates": basis,
        "gates": [_gate(snapshot, name) for name in basis],
        "coupling_map": [list(pair) for pair in pairs],
        "supported_instructions": [*basis, *others],
        # the client makes these for itself, and warns of them when they are listed above
        "instruction_signatures": [
            {"name": name, "num_qubits": 1, "num_clbits": clbits, "parameters": []}
            for name, clbits in MID_CIRCUIT.items()
            if dynamic or name == "measure_2"
        ],
        # true would switch off sessions, properties and the client's validation
        "simulator": False,
        "local": False,
        "conditional": dynamic,
        "open_pulse": False,
        "memory": True,
        "max_shots": min(snapshot.max_shots, capabilities.limits.max_shots),
        "max_experiments": MAX_CIRCUITS,
        # beside the names that the client knows; it shows them as they are
        "limits": {
            "executions": MAX_EXECUTIONS,
            "rows": MAX_ROWS,
            "instructions": MAX_INSTRUCTIONS,
            "circuit_duration": timing.max_circuit_duration,
            "result_memory_bytes": MAX_RESULT_BYTES,
        },
        "meas_levels": [1, 2],
        "meas_kernels": ["boxcar" if all(m.kernel is None for m in snapshot.measures) else "calibrated"],
        "discriminators": ["linear"],
        "meas_map": [list(qubits)],
        "n_registers": 1,
        "dt": float(timing.dt * 10**9),
        "dtm": float((min(acquire) if acquire else timing.dt) * 10**9),
        "timing_constraints": {
            "granularity": timing.granularity,
            "min_length": timing.granularity,
            "pulse_alignment": timing.granularity,
            "acquire_alignment": timing.granularity,
        },
        "dynamic_reprate_enabled": True,
        "rep_delay_range": [timing.min_rep_delay * 1e6, timing.max_rep_delay * 1e6],
        "default_rep_delay": timing.default_rep_delay * 1e6,
        "parallel_compilation": False,
        "processor_type": {"family": "Emulated" if capabilities.simulated else "Laboratory", "revision": "1"},
        "supported_features": ["qasm3", *(["dynamic_circuits"] if dynamic else [])],
    }


def _gate(snapshot: Snapshot, name: str) -> dict[str, Any]:
    # the client's constructor refuses any other key
    return {
        "name": name,
        "parameters": list(NATIVE[name].angles),
        "qasm_def": f"gate {name} {{ }}",
        "coupling_map": [list(gate.qubits) for gate in snapshot.gates if gate.name == name],
    }
