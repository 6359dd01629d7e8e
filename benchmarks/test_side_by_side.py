"""Twenty qubits brought up side by side, beside one of them: `pytest benchmarks/test_side_by_side.py -s`.

A random line of twenty of which only the design is known: 15 routines, from resonator spectroscopy to DRAG, T1, echo and readout;
neighbours take turns, so that twenty are two groups of ten. The driver has a process of its own, as `serve` starts it. Once in a
process that has all it needs, and once as the command that a user types, with its start, files, versions and figures.
"""

from __future__ import annotations

import gc
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from qpu_bridge.cli import OBJECTS
from qpu_bridge.driver import Driver
from qpu_bridge.execution import Execution
from qpu_bridge.target import Snapshot
from qpu_calibration.bench import Bench
from qpu_calibration.conduct import conduct
from qpu_calibration.decide import maintain
from qpu_calibration.graph import Graph
from qpu_calibration.ledger import Ledger
from qpu_calibration.plan import Kind
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.makers import chip
from tests.apart import driver_apart
from tests.proofs.calibration import JUDGED

pytestmark = pytest.mark.filterwarnings("default")

QUBITS, ROUNDS, COMMANDS, SEED = 20, 7, 3, 3
LONGEST_S = 10.0
GOAL, MOST = 3.0, 4.0
"""Wall time of twenty in units of one: of the command, and of the work alone, on a machine that does nothing else."""
COMMAND = "echo"
"""The routine that needs all the others, but T1 and the angles of ``rx``."""
RACK = """
[bridge]
data_dir = "data"

[devices.emu_line]
driver = "emulator"
snapshot = "believed.json"
options = { truth = "./truth.json" }
"""


class Spent(NamedTuple):
    """Wall time, processor time of calibration's own process, and the device's time, s."""

    wall: float
    work: float
    device: float


def brought_up(driver: Driver, believed: Snapshot, qubits: Sequence[int] | None, noise: int) -> Spent:
    """Calibrate some qubits, or all."""
    graph, ledger = Graph.of(believed), Ledger()
    names = [name for name, one in graph.routines.items() if one.essential or name in JUDGED]
    nodes = [node for node in graph.nodes(None, qubits) if node.routine in names and graph.kind(node.routine) is Kind.QUBIT]
    bench = Bench(Execution(driver, driver.capabilities()), believed, seed=noise, operator="benchmark", figures=False)
    began, worked = perf_counter(), process_time()
    for _ in conduct(bench, graph, ledger, maintain(graph, ledger, nodes)):
        pass
    assert not ledger.flagged
    return Spent(perf_counter() - began, process_time() - worked, bench.execution.usage_seconds)


def line(folder: Path) -> Snapshot:
    """A device whose truth is written into a folder; its design."""
    truth = chip.build(chip.random("line", QUBITS, "cz", SEED), "emu_line", SEED)
    truth.write(folder / "truth.json")
    return solve_snapshot(chip.nominal(truth), datetime(2026, 11, 21, tzinfo=UTC))


def test_twenty_qubits_beside_one(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Both take turns, each time with a new driver that was used for another qubit; ratios are those of the medians."""
    believed = line(tmp_path)
    # as `calibrate` and the driver's process do when all is imported
    thresholds = gc.get_threshold()
    gc.set_threshold(OBJECTS)
    gc.freeze()

    def fresh(qubits: Sequence[int] | None, noise: int) -> Spent:
        with driver_apart("emulator", believed, {"truth": str(tmp_path / "truth.json")}) as driver:
            brought_up(driver, believed, [0], noise)
            return brought_up(driver, believed, qubits, noise)

    found: dict[str, list[Spent]] = {"one": [], "twenty": []}
    for turn in range(ROUNDS):
        found["one"].append(fresh([QUBITS // 2 - 1 + turn], turn))
        found["twenty"].append(fresh(None, turn))
    benchmark.pedantic(lambda: fresh([0], ROUNDS), rounds=1, iterations=1)
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    one, twenty = (Spent(*(statistics.median(part) for part in zip(*found[name], strict=True))) for name in ("one", "twenty"))
    ratios = {f"{name}_ratio": many / few for name, many, few in zip(Spent._fields, twenty, one, strict=True)}
    numbers = {f"one_{name}_s": value for name, value in one._asdict().items()}
    numbers |= {f"twenty_{name}_s": value for name, value in twenty._asdict().items()} | ratios
    benchmark.extra_info.update(numbers)
    print({name: round(value, 2) for name, value in numbers.items()}, file=sys.stderr)
    assert one.wall < LONGEST_S
    assert ratios["wall_ratio"] < MOST


def test_the_command_for_twenty_beside_one(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Both take turns; each calibrates a rack of its own."""
    believed = line(tmp_path)

    def typed(qubits: str, turn: int) -> float:
        rack = tmp_path / f"{qubits} {turn}"
        rack.mkdir()
        believed.write(rack / "believed.json")
        shutil.copy(tmp_path / "truth.json", rack)
        (rack / "rack.toml").write_text(RACK)
        words = ["calibrate", COMMAND, "--qubits", qubits, "--rack", "rack.toml", "--seed", str(turn)]
        began = perf_counter()
        subprocess.run([sys.executable, "-m", "qpu_bridge.cli", *words], cwd=rack, check=True, capture_output=True)
        return perf_counter() - began

    one, twenty = f"{QUBITS // 2}", f"0-{QUBITS - 1}"
    found: dict[str, list[float]] = {one: [], twenty: []}
    for turn in range(COMMANDS):
        for qubits, spent in found.items():
            spent.append(typed(qubits, turn))
    benchmark.pedantic(lambda: typed(one, COMMANDS), rounds=1, iterations=1)
    numbers = {"one_s": statistics.median(found[one]), "twenty_s": statistics.median(found[twenty])}
    numbers["ratio"] = numbers["twenty_s"] / numbers["one_s"]
    benchmark.extra_info.update(numbers)
    print({name: round(value, 2) for name, value in numbers.items()}, file=sys.stderr)
    assert numbers["one_s"] < LONGEST_S
    assert numbers["ratio"] < GOAL
