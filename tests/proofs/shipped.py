"""Every snapshot that the client ships, made a device: gates, lifetimes, lengths and readout beside what is published.

``python -m tests.proofs.shipped [NAME...]`` makes all of them, or those that are named, and plays each of their gates and
readouts; a quarter of an hour of processor time for all. What is not as published must be said by a remark of the twin.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qpu_bridge import BridgeBackend
from qpu_bridge.errors import SettingsError
from qpu_bridge.target.gate import GateSpec
from qpu_emulator.makers.published import BROKEN, Published, of_shipped, shipped
from qpu_emulator.makers.twin import Twin, make
from tests.proofs.player import Player
from tests.proofs.snapshots import QUIET

FIGURES = Path(__file__).parents[2] / "emulator" / "figures"
SEED = 2026
NEAR = 0.02
"""A number that is so near to what is published needs no remark."""
OFF = 0.08
"""Share by which a played gate may err more or less than is believed."""
GRAIN_S = 4.1e-9
"""Lengths are published in other grains."""
SHOTS = 8_000
SIGMAS = 5.0
"""Among 7,000 readouts one is four standard errors off."""


def made(published: Published) -> Twin:
    """Its twin."""
    return make(published, f"emu_{published.name}", SEED, datetime.now(UTC), lambda _: None)


def played(twin: Twin) -> Iterator[tuple[GateSpec, float]]:
    """Gates with pulses of a fixed size, and the errors that these make."""
    player = Player(twin.device, twin.snapshot)
    for gate in twin.snapshot.gates:
        if gate.name in ("sx", "x", "cz", "ecr"):
            yield gate, player.infidelity(gate)


def unsaid(published: Published, twin: Twin) -> list[str]:
    """What is not as published, though no remark says so."""
    said, found = "\n".join(twin.remarks), []

    def check(what: str, own: float | None, here: float, near: float, *words: str) -> None:
        if own is not None and abs(here - own) > near and not any(word in said for word in words):
            found.append(f"{what}: published {own:.4g}, here {here:.4g}")

    for q, (qubit, transmon) in enumerate(zip(published.qubits, twin.device.transmons, strict=True)):
        for name, own, here in (("T1", qubit.t1, transmon.t1), ("T2", qubit.t2, transmon.t2)):
            check(f"{name} of {q}", own, here or np.inf, NEAR * (own or 0), f"{name} of qubit {q} ")
    for gate in twin.snapshot.gates:
        if gate.name not in ("sx", "x", "cz", "ecr"):
            continue
        pair = (min(gate.qubits), max(gate.qubits))
        single = len(gate.qubits) == 1
        qubit = published.qubits[gate.qubits[0]]
        error = qubit.error if single else published.couplings[pair]
        where = ", ".join(map(str, gate.qubits))
        if error is not None and error < BROKEN:
            # what is said of sx holds for x too
            name = "sx" if single else gate.name
            check(f"{gate.name} on {where}", error, gate.error, NEAR * gate.error, f"{name} on {where} ")
        length = qubit.drive_s if single else published.lengths.get(pair)
        here = gate.duration * float(twin.snapshot.timing.dt)
        check(f"length of {gate.name} on {where}", length, here, GRAIN_S, f"the drive of {where} ", f" on {pair} ")
    for q, (qubit, measure) in enumerate(zip(published.qubits, twin.snapshot.measures, strict=True)):
        both = qubit.prob_meas1_prep0 + qubit.prob_meas0_prep1
        here = measure.prob_meas1_prep0 + measure.prob_meas0_prep1
        check(f"readout of {q}", both, here, NEAR * max(both, 1e-4) + 1e-6, f"readout of qubit {q} ")
        check(f"measurement of {q}", qubit.readout_s, measure.duration * 1e-9, GRAIN_S, f"the measurement of {q} ")
    return found


def misread(twin: Twin) -> dict[int, NDArray[np.float64]]:
    """How often each qubit that users get is read as 1 after 0, and as 0 after 1; none hears the others."""
    size, live = len(twin.snapshot.qubits), [spec.index for spec in twin.snapshot.qubits if spec.operational]
    circuits = [QuantumCircuit(size, len(live)) for _ in range(2)]
    circuits[1].x(live)
    for circuit in circuits:
        circuit.barrier()
        circuit.measure(live, range(len(live)))
    with TemporaryDirectory() as folder:
        truth = Path(folder) / "truth.json"
        twin.device.write(truth)
        backend = BridgeBackend(twin.snapshot, options={"truth": str(truth)})
    alone = QUIET | {"readout_crosstalk": 0}
    result = backend.run(circuits, shots=SHOTS, seed=SEED, settings=alone, memory=True).result()
    backend.close()
    ones = [np.mean([[bit == "1" for bit in reversed(shot)] for shot in result.get_memory(k)], axis=0) for k in range(2)]
    return {q: np.array([ones[0][place], 1 - ones[1][place]]) for place, q in enumerate(live)}


def looked(name: str) -> dict[str, object]:
    """Numbers of one device, and under ``wrong`` what is neither as published nor said."""
    begun = process_time()
    published = of_shipped(name)
    twin = made(published)
    seconds, wrong = process_time() - begun, unsaid(published, twin)
    ratios: dict[str, list[float]] = {}
    for gate, error in played(twin):
        ratios.setdefault(gate.name, []).append(error / gate.error)
        if abs(error / gate.error - 1) > OFF:
            wrong.append(f"{gate.name} on {gate.qubits}: believed {gate.error:.3g}, played {error:.3g}")
    furthest = 0.0
    for q, errors in misread(twin).items():
        believed = np.array([twin.snapshot.measures[q].prob_meas1_prep0, twin.snapshot.measures[q].prob_meas0_prep1])
        apart = (errors - believed) / np.sqrt(believed * (1 - believed) / SHOTS + SHOTS**-2 + (NEAR * believed) ** 2)
        furthest = max(furthest, float(abs(apart).max()))
        if abs(apart).max() > SIGMAS:
            wrong.append(f"readout of {q}: believed {believed}, played {errors}")
    facts: dict[str, object] = {"family": published.family, "qubits": len(published.qubits), "remarks": len(twin.remarks)}
    facts |= {kind: [len(found), round(min(found), 3), round(max(found), 3)] for kind, found in ratios.items()}
    return facts | {"readout": round(furthest, 1), "seconds": round(seconds, 1), "wrong": wrong}


def main(names: Sequence[str]) -> None:
    """Look at devices and write what was found, after each."""
    path, failed = FIGURES / "shipped.json", False
    for name in names:
        try:
            found = looked(name)
        except SettingsError as error:
            found = {"refused": str(error), "wrong": [] if name == "yorktown" else ["refused"]}
        print(name, found, flush=True)
        known = json.loads(path.read_text()) if path.exists() else {}
        known |= {name: found | {"made": datetime.now(UTC).date().isoformat(), "seed": SEED}}
        path.write_text("{\n" + ",\n".join(f" {json.dumps(n)}: {json.dumps(known[n])}" for n in sorted(known)) + "\n}\n")
        failed |= bool(found["wrong"])
    if failed:
        sys.exit("some numbers are neither as published nor said")


if __name__ == "__main__":
    main(sys.argv[1:] or shipped())
