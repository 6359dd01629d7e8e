"""What the client reads as a backend's properties."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from qpu_bridge.target.gate import GateSpec
from qpu_bridge.target.qubit import QubitSpec
from qpu_bridge.target.snapshot import Snapshot


def properties(snapshot: Snapshot) -> dict[str, Any]:
    """The document behind ``GET /backends/{name}/properties``.

    Every gate on every qubit is listed with its length, also ``rz`` with 0: the client's own dynamical decoupling gives up
    where one is missing.

    Returns:
        Plain data; times in us and ns, frequencies in GHz, as the units next to them say.
    """
    return {
        "backend_name": snapshot.device,
        "backend_version": snapshot.calibration_id,
        "calibration_id": snapshot.calibration_id,
        "last_update_date": snapshot.calibrated_at.isoformat(),
        "qubits": [_qubit(snapshot, qubit) for qubit in snapshot.qubits],
        "gates": [*(_gate(snapshot, gate) for gate in snapshot.gates), *_resets(snapshot), *_measurements(snapshot)],
        "general": [
            _row(snapshot.calibrated_at, f"zz_{a}_{b}", "GHz", zz / 1e9)
            for (a, b), zz in ((one.qubits, one.zz) for one in snapshot.couplings)
        ],
    }


def _qubit(snapshot: Snapshot, qubit: QubitSpec) -> list[dict[str, Any]]:
    measure = snapshot.measure(qubit.index)
    error = (measure.prob_meas0_prep1 + measure.prob_meas1_prep0) / 2
    rows: list[tuple[str, str, float]] = [
        ("T1", "us", qubit.t1 * 1e6),
        ("T2", "us", qubit.t2 * 1e6),
        ("frequency", "GHz", qubit.frequency / 1e9),
        ("anharmonicity", "GHz", qubit.anharmonicity / 1e9),
        ("readout_error", "", error),
        ("prob_meas0_prep1", "", measure.prob_meas0_prep1),
        ("prob_meas1_prep0", "", measure.prob_meas1_prep0),
        ("readout_length", "ns", _ns(snapshot, measure.duration)),
        ("operational", "", int(qubit.operational)),
    ]
    return [_row(snapshot.calibrated_at, *row) for row in rows]


def _gate(snapshot: Snapshot, gate: GateSpec) -> dict[str, Any]:
    date = gate.calibrated_at or snapshot.calibrated_at
    error = _row(date, "gate_error", "", gate.error)
    length = _row(date, "gate_length", "ns", _ns(snapshot, gate.duration))
    # the client takes a gate for operational unless this row is there
    faulty = [] if gate.operational else [_row(date, "operational", "", 0)]
    return _entry(gate.name, gate.qubits, [error, length, *faulty])


def _resets(snapshot: Snapshot) -> list[dict[str, Any]]:
    found = []
    for qubit in snapshot.qubits:
        duration = snapshot.reset_duration(qubit.index)
        if duration is not None:
            length = _row(snapshot.calibrated_at, "gate_length", "ns", _ns(snapshot, duration))
            found += [_entry(name, (qubit.index,), [length]) for name in ("reset", "reset_2", "measure_reset")]
    return found


def _measurements(snapshot: Snapshot) -> list[dict[str, Any]]:
    """What the client reads of ``measure`` with the qubits, it reads of its sibling here."""
    found = []
    for qubit in snapshot.qubits:
        measure = snapshot.measure(qubit.index)
        error = (measure.prob_meas0_prep1 + measure.prob_meas1_prep0) / 2
        rows = [("gate_error", "", error), ("gate_length", "ns", _ns(snapshot, measure.duration))]
        found.append(_entry("measure_2", (qubit.index,), [_row(snapshot.calibrated_at, *row) for row in rows]))
    return found


def _entry(name: str, qubits: tuple[int, ...], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    label = name + "_".join(str(qubit) for qubit in qubits)
    return {"qubits": list(qubits), "gate": name, "name": label, "parameters": parameters}


def _row(date: datetime, name: str, unit: str, value: float) -> dict[str, Any]:
    return {"date": date.isoformat(), "name": name, "unit": unit, "value": value}


def _ns(snapshot: Snapshot, ticks: int) -> float:
    return float(ticks * snapshot.timing.dt * 10**9)
