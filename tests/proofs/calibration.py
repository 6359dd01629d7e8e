"""Random devices of which only the design is known, calibrated unattended, beside their hidden truth.

In full: ``python -m tests.proofs.calibration --seeds 10``, some 15 s per device; numbers go to ``calibration/figures``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer
from scipy.stats import kstest

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.schedule import shapes
from qpu_bridge.target import ConstantShape, Snapshot
from qpu_calibration.bench import Bench
from qpu_calibration.conduct import Entry, conduct
from qpu_calibration.decide import maintain
from qpu_calibration.edit import amplitude, rotation
from qpu_calibration.fit import Fit
from qpu_calibration.graph import Graph
from qpu_calibration.ledger import Ledger
from qpu_calibration.page import Target
from qpu_calibration.plan import Kind
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.bring_up.discrimination import solve_measure
from qpu_emulator.bring_up.rotation import relaxed
from qpu_emulator.chip.device import Device
from qpu_emulator.fault import Fault
from qpu_emulator.makers import chip
from qpu_emulator.windows.propagator import drive
from qpu_emulator.windows.tones import Tone, combine

FIGURES = Path(__file__).parents[2] / "calibration" / "figures"
TAU = 2 * np.pi
LIMITS = {"sx over limit": 1.5, "x over limit": 1.5, "assignment over best": 1.1}
"""What no qubit may exceed."""


@dataclass
class Calibrated:
    """A device after its calibration.

    Attributes:
        truth: What it is.
        snapshot: What is believed of it now.
        ledger: What is known of each node.
        entries: What was done.
        wall_s: How long it took here, s.
        fits: Routine -> target -> last good fit.
    """

    truth: Device
    snapshot: Snapshot
    ledger: Ledger
    entries: list[Entry]
    wall_s: float
    fits: dict[str, dict[Target, Fit]] = field(default_factory=dict)


def device(seed: int, family: str, size: int = 5, design: str = "line", dead: int | None = None) -> tuple[Device, Snapshot]:
    """A random device, perhaps with a dead qubit, and what its designers believe of it."""
    truth = chip.build(chip.random(design, size, family, seed), f"emu_{family}_{seed}", seed)
    believed = solve_snapshot(chip.nominal(truth), datetime(2026, 11, 21, tzinfo=UTC))
    return (truth if dead is None else Fault(kind="dead_qubit", qubit=dead).change(truth)), believed


@contextmanager
def bench(truth: Device, believed: Snapshot, seed: int) -> Iterator[Bench]:
    """A bench on the emulated device."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.json"
        truth.write(path)
        driver = open_driver("emulator", believed.device, believed, {"truth": str(path)})
    try:
        yield Bench(Execution(driver, driver.capabilities()), believed, seed=seed, operator="proof", figures=False)
    finally:
        driver.close()


def calibrated(
    truth: Device, believed: Snapshot, seed: int, qubits: Sequence[int] | None = None, pairs: bool = True
) -> Calibrated:
    """Calibrate all that routines are installed for.

    Args:
        truth: The device.
        believed: Its design.
        seed: Of its noise.
        qubits: Only these, and what joins them.
        pairs: Whether couplers too.
    """
    began_s = perf_counter()
    graph, ledger = Graph.of(believed), Ledger()
    nodes = [node for node in graph.nodes(None, qubits) if pairs or graph.kind(node.routine) is Kind.QUBIT]
    with bench(truth, believed, seed) as one:
        entries = list(conduct(one, graph, ledger, maintain(graph, ledger, nodes)))
        found = Calibrated(truth, one.snapshot, ledger, entries, perf_counter() - began_s)
    for entry in entries:
        found.fits.setdefault(entry.routine, {}).update({target: fit for target, fit in entry.fits.items() if fit.good})
    return found


def judged(found: Calibrated, qubit: int) -> dict[str, float]:
    """A qubit's numbers beside the truth: ratios to what is best, and z-scores (``z ...``)."""
    truth, snapshot, target = found.truth, found.snapshot, (qubit,)
    transmon = truth.transmons[qubit]
    numbers: dict[str, float] = {}
    for name, angle in (("sx", np.pi / 2), ("x", np.pi)):
        unitary = _played(truth, snapshot, qubit, name)
        limit = relaxed(truth, qubit, rotation(snapshot, qubit, name)[1].duration)
        numbers[f"{name} over limit"] = 1 + _infidelity(unitary, angle) / limit
        turned = 2 * np.arctan2(-(unitary[0, 1] + unitary[1, 0]).imag, (unitary[0, 0] + unitary[1, 1]).real)
        fine = found.fits["fine_amplitude"][target]
        numbers[f"z {name} amplitude"] = (turned / angle - 1) / (
            fine.error(f"{name}_amplitude") / amplitude(snapshot, qubit, name)
        )
    best = solve_measure(truth, qubit, {"readout": ConstantShape(shape="constant", duration=832)})
    measure = snapshot.measure(qubit)
    wrong, least = (m.prob_meas1_prep0 + m.prob_meas0_prep1 for m in (measure, best))
    readout = found.fits["readout"][target]
    error = np.hypot(readout.error("prob_meas1_prep0"), readout.error("prob_meas0_prep1"))
    # what the shots leave open is no fault of the calibration
    numbers["assignment over best"] = wrong / least
    numbers["assignment open"] = 3 * error / least
    numbers["z f01"] = (snapshot.qubits[qubit].frequency - transmon.frequency) / found.fits["ramsey"][target].error("f01")
    fit = found.fits["anharmonicity"][target]
    numbers["z anharmonicity"] = (fit["anharmonicity"] - transmon.anharmonicity) / fit.error("anharmonicity")
    fit = found.fits["t1"][target]
    numbers["z t1"] = (fit["t1"] - float(transmon.t1 or 0)) / fit.error("t1")
    numbers["t2 over white"] = snapshot.qubits[qubit].t2 / float(transmon.t2 or np.inf)
    return numbers


def faults(found: Calibrated, qubits: Sequence[int], dead: int | None = None) -> list[str]:
    """What is not as it must be; a fault that the calibration has told of itself is one as well."""
    words = []
    for qubit in qubits:
        reason = found.ledger.flagged.get((qubit,), "")
        if qubit == dead:
            if not reason or found.snapshot.qubits[qubit].operational:
                words.append(f"dead qubit {qubit} was not flagged")
            continue
        if reason:
            words.append(f"qubit {qubit} was flagged: {reason}")
            continue
        numbers = judged(found, qubit)
        for name, limit in LIMITS.items():
            free = numbers["assignment open"] if name == "assignment over best" else 0.0
            if numbers[name] > limit + free:
                words.append(f"qubit {qubit}: {name} {numbers[name]:.3f}")
    return words


def _played(truth: Device, snapshot: Snapshot, qubit: int, name: str) -> Any:
    """What the believed pulse does to the true transmon, ``complex[3, 3]``, in the frame of the believed carrier."""
    shape = rotation(snapshot, qubit, name)[1]
    tone = Tone(shapes.drag(shape.duration, shape.sigma, shape.beta), 1e-9, 0.0, truth.line_of(qubit))
    numbers = np.zeros((1, 1, 3))
    numbers[:, 0, 0] = amplitude(snapshot, qubit, name)
    samples, repeats, dt = combine((tone,), numbers, [truth.reach(qubit)], truth.lines)
    off = np.array([TAU * (truth.transmons[qubit].frequency - snapshot.qubits[qubit].frequency)])
    alpha = TAU * truth.transmons[qubit].anharmonicity
    return drive(np.ascontiguousarray(samples[:, 0]), repeats, dt, off, alpha, np.zeros((9, 9)))[0][0]


def _infidelity(unitary: Any, angle: float) -> float:
    """Average gate infidelity of a block to a turn about X, leakage included (Pedersen et al., Phys. Lett. A 367, 47)."""
    block = unitary[:2, :2]
    wanted = np.array([[np.cos(angle / 2), -1j * np.sin(angle / 2)], [-1j * np.sin(angle / 2), np.cos(angle / 2)]])
    overlap = abs(np.trace(wanted.conj().T @ block)) ** 2
    return float(1 - (overlap + np.trace(block.conj().T @ block).real) / 6)


def main(
    seeds: Annotated[int, typer.Option(help="Devices of each family.")] = 10,
    first: Annotated[int, typer.Option(help="First seed.")] = 1,
    family: Annotated[list[str] | None, typer.Option(help="cz, ecr; both without.")] = None,
    pairs: Annotated[bool, typer.Option(help="Calibrate couplers too.")] = False,
    dead: Annotated[bool, typer.Option(help="Plant a dead qubit in every device, another one each time.")] = True,
) -> None:
    """Calibrate random devices of five qubits, and write what was found."""
    rows: list[dict[str, Any]] = []
    for kind in family or ["cz", "ecr"]:
        for seed in range(first, first + seeds):
            broken = seed % 5 if dead else None
            truth, believed = device(seed, kind, dead=broken)
            found = calibrated(truth, believed, seed, pairs=pairs)
            well = [q for q in range(5) if (q,) not in found.ledger.flagged]
            wrong = faults(found, range(5), broken)
            numbers = {str(q): judged(found, q) for q in well}
            shots = sum(entry.shots for entry in found.entries)
            rows.append(
                {
                    "family": kind,
                    "seed": seed,
                    "dead": broken,
                    "wall_s": found.wall_s,
                    "shots": shots,
                    "wrong": wrong,
                    "qubits": numbers,
                }
            )
            print(f"{kind} {seed}: {found.wall_s:.1f} s, {shots} shots, {'; '.join(wrong) or 'all as it must be'}", flush=True)
    pooled: dict[str, list[float]] = {}
    for row in rows:
        for numbers in row["qubits"].values():
            for name, value in numbers.items():
                pooled.setdefault(name, []).append(value)
    for name, values in pooled.items():
        text = f"{name}: median {np.median(values):.3f}, greatest {max(values):.3f}, of {len(values)}"
        if name.startswith("z "):
            text = (
                f"{name}: mean {np.mean(values):+.2f}, deviation {np.std(values):.2f}, KS p {kstest(values, 'norm').pvalue:.3f}"
            )
        print(text)
    FIGURES.mkdir(exist_ok=True)
    made = datetime.now(UTC).date().isoformat()
    lines = ",\n".join(json.dumps(_rounded(row)) for row in rows)
    (FIGURES / "calibration.json").write_text(f'{{"made": "{made}", "devices": [\n{lines}\n]}}\n')
    if any(row["wrong"] for row in rows):
        raise typer.Exit(1)


def _rounded(fact: Any) -> Any:
    if isinstance(fact, dict):
        return {name: _rounded(value) for name, value in fact.items()}
    return round(fact, 4) if isinstance(fact, float) else fact


if __name__ == "__main__":
    typer.run(main)
