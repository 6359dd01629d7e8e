"""Random devices of which only the design is known, calibrated unattended, beside their hidden truth.

In full: ``python -m tests.proofs.calibration``, ten seeds of both families; numbers go to ``calibration/figures``. Something is
broken in every device: its seed says whether a qubit is dead, sits beside a two-level system, or a coupler does nothing.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Annotated, Any, Literal

import numpy as np
import typer
from scipy.stats import kstest

from qpu_bridge.execution import Execution
from qpu_bridge.lowering.qiskit_target import build_target
from qpu_bridge.plugins import open_driver
from qpu_bridge.target import Snapshot
from qpu_calibration.bench import Bench
from qpu_calibration.conduct import Entry, conduct
from qpu_calibration.decide import maintain
from qpu_calibration.graph import Graph, couplers, target_name
from qpu_calibration.ledger import Ledger
from qpu_calibration.page import Target
from qpu_calibration.plan import Kind
from qpu_calibration.step import Action, Verdict
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.chip.device import Device, TunableCoupler
from qpu_emulator.chip.drift import at
from qpu_emulator.chip.wander import Defect
from qpu_emulator.fault import Fault
from qpu_emulator.makers import chip
from tests.proofs import beside

FIGURES = Path(__file__).parents[2] / "calibration" / "figures"
FAMILIES = ("cz", "ecr")
JUDGED = ("readout_power", "rx_curve", "rzz_curve")
"""Routines with limits though no target is of no use without them; what else is not essential changes no pulse and no readout."""
NEAR_T1_S = 8e-6
"""Of a qubit beside a two-level system."""

Kinds = Literal["dead qubit", "two-level system", "broken coupler"]
KINDS: tuple[Kinds, ...] = ("dead qubit", "two-level system", "broken coupler")


@dataclass(frozen=True)
class Plant:
    """What is broken.

    Attributes:
        kind: How.
        target: The qubit, or the coupler's qubits in the order of the device file.
    """

    kind: Kinds
    target: Target

    @classmethod
    def of(cls, seed: int, size: int) -> Plant:
        """Another one each seed; the device is a line."""
        kind = KINDS[seed % len(KINDS)]
        first = seed % (size - 1) if kind == "broken coupler" else seed % size
        return cls(kind, (first, first + 1) if kind == "broken coupler" else (first,))

    def change(self, truth: Device) -> Device:
        """The device with it."""
        if self.kind == "dead qubit":
            return Fault(kind="dead_qubit", qubit=self.target[0]).change(truth)
        if self.kind == "two-level system":
            defect = Defect(relaxation=1 / NEAR_T1_S, shift=5e3, near=True, near_hours=1e6)
            transmons = list(truth.transmons)
            transmons[self.target[0]] = transmons[self.target[0]].model_copy(update={"defects": (defect,)})
            return truth.model_copy(update={"transmons": tuple(transmons)})
        found = tuple(
            one
            if set(one.qubits) != set(self.target)
            else one.model_copy(update={"flux_per_amplitude": 0.0} if isinstance(one, TunableCoupler) else {"j": 0.0})
            for one in truth.couplers
        )
        return truth.model_copy(update={"couplers": found})

    def spoils(self, target: Target) -> bool:
        """Whether a qubit or coupler cannot be used because of it."""
        return set(self.target) == set(target) if len(self.target) > 1 else self.target[0] in target


@dataclass
class Calibrated:
    """A device after its calibration.

    Attributes:
        truth: What it is.
        plant: What is broken in it.
        snapshot: What is believed of it now.
        ledger: What is known of each node.
        entries: What was done.
        wall_s: How long it took here, s.
        work_s: Processor time of this process, s.
        fits: Routine -> target -> last good fit of a calibration, or of a look that mended.
        unbelieved: Routine, target -> why its last fit was not believed.
    """

    truth: Device
    plant: Plant
    snapshot: Snapshot
    ledger: Ledger
    entries: list[Entry]
    wall_s: float
    work_s: float
    fits: beside.Fits = field(default_factory=dict)
    unbelieved: dict[tuple[str, Target], str] = field(default_factory=dict)


def device(seed: int, family: str, plant: Plant, size: int = 5, design: str = "line") -> tuple[Device, Snapshot]:
    """A random device with something broken, and what its designers believe of it."""
    truth = chip.build(chip.random(design, size, family, seed), f"emu_{family}_{seed}", seed)
    return plant.change(truth), solve_snapshot(chip.nominal(truth), datetime(2026, 11, 21, tzinfo=UTC))


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
    seed: int,
    family: str,
    size: int = 5,
    qubits: Sequence[int] | None = None,
    pairs: bool = True,
    plant: Plant | None = None,
    everything: bool = False,
) -> Calibrated:
    """Calibrate a device of which only the design is known.

    Args:
        seed: Of the device.
        family: Of its couplers.
        size: Qubits of the line.
        qubits: Only these, and what joins them.
        pairs: Whether couplers too.
        plant: What is broken; by the seed, if None.
        everything: With all installed routines, also those that change no pulse and no readout.
    """
    plant = plant or Plant.of(seed, size)
    truth, believed = device(seed, family, plant, size)
    began_s, worked_s = perf_counter(), process_time()
    graph, ledger = Graph.of(believed), Ledger()
    names = [name for name, one in graph.routines.items() if everything or one.essential or name in JUDGED]
    names = [name for name in names if pairs or graph.kind(name) is Kind.QUBIT]
    nodes = [node for node in graph.nodes(None, qubits) if node.routine in names]
    # a bench counts its seed on: those of neighbouring devices must be far apart, or devices share their noise
    noise = int(np.random.default_rng([seed, FAMILIES.index(family)]).integers(2**62))
    with bench(truth, believed, noise) as one:
        entries = list(conduct(one, graph, ledger, maintain(graph, ledger, nodes)))
        spent = perf_counter() - began_s, process_time() - worked_s
        found = Calibrated(at(truth, 0.0), plant, one.snapshot, ledger, entries, *spent)
    for entry in entries:
        reasons = {(entry.routine, target): fit.reason for target, fit in entry.fits.items()}
        found.unbelieved = {at: reason for at, reason in (found.unbelieved | reasons).items() if reason}
        kept = found.fits.setdefault(entry.routine, {})
        for target, fit in entry.fits.items():
            # a look that changes nothing does not say how well the number was found
            if fit.good and (entry.action is Action.CALIBRATE or entry.findings[target].verdict is Verdict.MENDED):
                kept[target] = fit
    return found


def numbers(found: Calibrated, targets: Iterable[Target]) -> dict[Target, beside.Numbers]:
    """Of each qubit and coupler that should be well: `beside.qubit`, `beside.coupler`."""
    kept: dict[Target, beside.Numbers] = {}
    for target in targets:
        if found.plant.spoils(target) or target in found.ledger.flagged:
            continue
        if len(target) == 1:
            kept[target] = beside.qubit(found.truth, found.snapshot, found.fits, target[0])
        else:
            kept[target] = beside.coupler(found.truth, found.snapshot, target)
    return kept


def faults(found: Calibrated, beside_truth: dict[Target, beside.Numbers], targets: Iterable[Target]) -> list[str]:
    """What is not as it must be: beyond its limit, flagged though well, or in users' reach though broken."""
    words = [f"{target_name(target)}: {word}" for target, known in beside_truth.items() for word in beside.exceeded(known)]
    for (name, target), reason in found.unbelieved.items():
        if target in targets and not found.plant.spoils(target):
            words.append(f"{name} of {target_name(target)} was not believed: {reason}")
    users = build_target(found.snapshot)
    offered = {tuple(sorted(place)) for name in users.operation_names for place in users[name] or () if name in ("sx", *FAMILIES)}
    for target in targets:
        spoiled, reason = found.plant.spoils(target), found.ledger.flagged.get(target, "")
        if spoiled and tuple(sorted(target)) in offered:
            words.append(f"{target_name(target)} is in users' reach in spite of the {found.plant.kind}")
        if not spoiled and reason:
            words.append(f"{target_name(target)} was flagged: {reason}")
        if not spoiled and tuple(sorted(target)) not in offered:
            words.append(f"{target_name(target)} is kept from users")
    if not any(set(target) == set(found.plant.target) for target in found.ledger.flagged):
        words.append(f"the {found.plant.kind} of {target_name(found.plant.target)} was not flagged")
    return words


def row(seed: int, family: str, pairs: bool, everything: bool) -> dict[str, Any]:
    """All that is kept of one device."""
    found = calibrated(seed, family, pairs=pairs, everything=everything)
    targets: list[Target] = [(q.index,) for q in found.snapshot.qubits]
    targets += couplers(found.snapshot) if pairs else []
    known = numbers(found, targets)
    return {
        "family": family,
        "seed": seed,
        "plant": f"{found.plant.kind} of {target_name(found.plant.target)}",
        "flagged": {target_name(target): reason for target, reason in found.ledger.flagged.items()},
        "wall_s": found.wall_s,
        "work_s": found.work_s,
        "shots": sum(entry.shots for entry in found.entries),
        "wrong": faults(found, known, targets),
        "numbers": {"-".join(map(str, target)): one for target, one in known.items()},
    }


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A line per number, over all devices."""
    pooled: dict[str, list[float]] = {}
    for one in rows:
        for known in one["numbers"].values():
            for name, value in known.items():
                pooled.setdefault(name, []).append(value)
    lines = []
    for name, values in pooled.items():
        middle = f"mean {np.mean(values):+.2f}, deviation {np.std(values):.2f}, KS p {kstest(values, 'norm').pvalue:.3f}"
        ratio = f"median {np.median(values):.4f}, greatest {max(values):.4f}, limit {beside.LIMITS.get(name)}"
        lines.append(f"{name}: {middle if name.startswith('z ') else ratio}, of {len(values)}")
    return lines


def main(
    seeds: Annotated[int, typer.Option(help="Devices of each family.")] = 10,
    first: Annotated[int, typer.Option(help="First seed.")] = 1,
    family: Annotated[list[str] | None, typer.Option(help="cz, ecr; both without.")] = None,
    pairs: Annotated[bool, typer.Option(help="Calibrate couplers too.")] = True,
    everything: Annotated[bool, typer.Option(help="With routines that change nothing.")] = False,
) -> None:
    """Calibrate random devices of five qubits, and write what was found after each."""
    FIGURES.mkdir(exist_ok=True)
    made = datetime.now(UTC).date().isoformat()
    rows: list[dict[str, Any]] = []
    for seed in range(first, first + seeds):
        for kind in family or FAMILIES:
            one = row(seed, kind, pairs, everything)
            rows.append(one)
            words = f"{one['flagged']}; {'; '.join(one['wrong']) or 'all as it must be'}"
            print(
                f"{kind} {seed}, {one['plant']}: {one['work_s']:.0f} s of processor, {one['shots']} shots; {words}",
                flush=True,
            )
            lines = ",\n".join(json.dumps(_rounded(known)) for known in rows)
            (FIGURES / "calibration.json").write_text(f'{{"made": "{made}", "devices": [\n{lines}\n]}}\n')
    print(*table(rows), sep="\n")
    if any(one["wrong"] for one in rows):
        raise typer.Exit(1)


def _rounded(fact: Any) -> Any:
    if isinstance(fact, dict):
        return {name: _rounded(value) for name, value in fact.items()}
    return round(fact, 4) if isinstance(fact, float) else fact


if __name__ == "__main__":
    typer.run(main)
