"""Cross-resonance of which only the design is known."""

from __future__ import annotations

from datetime import UTC, datetime

from qpu_bridge.target import Snapshot
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.chip.device import Device


def solved(truth: Device, design: Snapshot) -> Snapshot:
    """Qubits are calibrated, gates of two qubits are as designed."""
    known = solve_snapshot(truth, datetime(2026, 11, 21, tzinfo=UTC))
    ones = tuple(gate for gate in known.gates if len(gate.qubits) == 1)
    flips = {gate.qubits[0]: gate.pulses[0] for gate in ones if gate.name == "x"}
    twos = []
    for gate in design.gates:
        if len(gate.qubits) == 2:
            drive = {known.qubits[q].drive_frame: q for q in gate.qubits}
            pulses = tuple(
                flips[drive[p.frame]].model_copy(update={"start": p.start}) if p.waveform.startswith("drag") else p
                for p in gate.pulses
            )
            twos.append(gate.model_copy(update={"pulses": pulses}))
    return known.model_copy(update={"gates": (*ones, *twos)})
