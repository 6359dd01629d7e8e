"""The other way to reach a bridge: one changed line. No environment; other services may live in the same process."""

from __future__ import annotations

import sys

from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import SamplerV2

from qpu_bridge import BridgeService


def main(url: str, token: str) -> None:
    """A Bell pair."""
    service = BridgeService(url, token)  # was: service = QiskitRuntimeService()
    backend = service.least_busy()
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    isa = generate_preset_pass_manager(2, backend).run(circuit)
    counts = SamplerV2(backend).run([isa], shots=4096).result()[0].data.meas.get_counts()
    print(f"{service} {backend.name} {counts}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
