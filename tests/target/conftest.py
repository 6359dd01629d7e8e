from __future__ import annotations

from typing import Any

import pytest

from qpu_bridge.driver import Capabilities
from qpu_bridge.schedule import Feature, Limits
from qpu_bridge.target import Snapshot

NS = "1/1000000000"


def document(qubits: int = 3) -> dict[str, Any]:
    """A small machine in a line, as a file holds it."""
    line = range(qubits)
    ports = [
        port
        for q in line
        for port in (
            {"name": f"d{q}", "kind": "drive", "dt": NS},
            {"name": f"m{q}", "kind": "readout", "dt": NS},
            {"name": f"a{q}", "kind": "acquire", "dt": "1/500000000"},
        )
    ]
    ports += [{"name": f"c{q}", "kind": "flux", "dt": NS} for q in line[:-1]]
    frames = [
        frame
        for q in line
        for frame in (
            {"name": f"q{q}", "port": f"d{q}", "frequency": 5e9 + 1e8 * q, "follows": q},
            {"name": f"r{q}", "port": f"m{q}", "frequency": 7e9 + 1e7 * q, "follows": None},
            {"name": f"s{q}", "port": f"a{q}", "frequency": 7e9 + 1e7 * q, "follows": None},
        )
    ]
    frames += [{"name": f"z{q}", "port": f"c{q}", "frequency": 0.0, "follows": None} for q in line[:-1]]
    curve = {"angle": [-3.2, 0.0, 3.2], "value": [-0.4, 0.0, 0.4]}
    gates: list[dict[str, Any]] = []
    for q in line:
        drive = {"frame": f"q{q}", "waveform": "drag", "start": 0, "phase": 0.0}
        gates += [
            {"name": "rz", "qubits": [q], "duration": 0},
            {"name": "sx", "qubits": [q], "duration": 32, "error": 2e-4, "pulses": [drive | {"amplitude": 0.2}]},
            {"name": "x", "qubits": [q], "duration": 32, "error": 3e-4, "pulses": [drive | {"amplitude": 0.4}]},
            {"name": "rx", "qubits": [q], "duration": 32, "error": 3e-4, "pulses": [drive | {"amplitude": curve}]},
        ]
    for q in line[:-1]:
        flux = {"frame": f"z{q}", "waveform": "flat", "amplitude": 0.3}
        ramp = {"angle": [0.0, 1.5708], "value": [0.0, 0.3]}
        gates += [
            {"name": "cz", "qubits": [q, q + 1], "duration": 64, "error": 5e-3, "pulses": [flux]},
            {"name": "rzz", "qubits": [q, q + 1], "duration": 64, "error": 4e-3, "pulses": [flux | {"amplitude": ramp}]},
        ]
    measures = [
        {
            "qubit": q,
            "drive_frame": f"r{q}",
            "waveform": "tone",
            "amplitude": 0.1,
            "acquire_frame": f"s{q}",
            "acquire_start": 100,
            "acquire_duration": 450,
            "kernel": None,
            "angle": 0.0,
            "threshold": 0.0,
            "duration": 1200,
            "prob_meas1_prep0": 0.01,
            "prob_meas0_prep1": 0.03,
        }
        for q in line
    ]
    return {
        "format": 1,
        "device": "lab_three",
        "calibration_id": "cal-1",
        "calibrated_at": "2026-11-21T08:00:00Z",
        "timing": {
            "dt": NS,
            "granularity": 4,
            "default_rep_delay": 250e-6,
            "min_rep_delay": 0.0,
            "max_rep_delay": 500e-6,
            "passive_reset": 200e-6,
            "feedback_latency": 400,
            "max_circuit_duration": 2e-3,
        },
        "ports": ports,
        "frames": frames,
        "waveforms": {
            "drag": {"shape": "drag", "duration": 32, "sigma": 8.0, "beta": 0.5},
            "flat": {"shape": "cosine_square", "duration": 60, "rise": 10},
            "tone": {"shape": "constant", "duration": 1000},
            "plain": {"shape": "samples", "real": [0.1, 0.5, 0.1], "imag": [0.0, 0.1, 0.0], "repeats": [1, 8, 1]},
        },
        "qubits": [
            {
                "index": q,
                "drive_frame": f"q{q}",
                "frequency": 5e9 + 1e8 * q,
                "anharmonicity": -3.3e8,
                "t1": 100e-6,
                "t2": 80e-6,
            }
            for q in line
        ],
        "gates": gates,
        "measures": measures,
    }


@pytest.fixture
def fields() -> dict[str, Any]:
    return document()


@pytest.fixture
def snapshot(fields: dict[str, Any]) -> Snapshot:
    return Snapshot.model_validate(fields)


@pytest.fixture
def capabilities() -> Capabilities:
    limits = Limits.model_validate({"dt": NS, "ports": (), "features": frozenset(Feature)})
    return Capabilities(
        device="lab_three", driver="paper", version="0.1.0", simulated=True, source="a test", limits=limits, sign=1
    )
