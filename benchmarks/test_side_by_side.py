"""Twenty qubits brought up side by side, beside one of them: `pytest benchmarks/test_side_by_side.py -s`.

A random line of twenty of which only the design is known: 15 routines, from resonator spectroscopy to DRAG, T1, echo and readout;
neighbours take turns, so that twenty are two groups of ten. Calibration and emulator share one process.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from time import perf_counter, process_time
from typing import NamedTuple

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from qpu_bridge.target import Snapshot
from qpu_calibration.conduct import conduct
from qpu_calibration.decide import maintain
from qpu_calibration.graph import Graph
from qpu_calibration.ledger import Ledger
from qpu_calibration.plan import Kind
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.chip.device import Device
from qpu_emulator.makers import chip
from tests.proofs.calibration import JUDGED, bench

pytestmark = pytest.mark.filterwarnings("default")

QUBITS, ROUNDS, SEED = 20, 3, 3
LONGEST_S = 10.0
MOST = 9.0
"""Processor time of twenty in units of one: 6.9 to 7.8, 4.9 and 0.7 s at a load of 6; the goal, of wall time, is 3."""


class Spent(NamedTuple):
    """Wall time, processor time and the device's own time, s."""

    wall: float
    work: float
    device: float


def brought_up(truth: Device, believed: Snapshot, qubits: Sequence[int] | None, noise: int) -> Spent:
    """Calibrate some qubits, or all."""
    graph, ledger = Graph.of(believed), Ledger()
    names = [name for name, one in graph.routines.items() if one.essential or name in JUDGED]
    nodes = [node for node in graph.nodes(None, qubits) if node.routine in names and graph.kind(node.routine) is Kind.QUBIT]
    with bench(truth, believed, noise) as one:
        began, worked = perf_counter(), process_time()
        for _ in conduct(one, graph, ledger, maintain(graph, ledger, nodes)):
            pass
        spent = Spent(perf_counter() - began, process_time() - worked, one.execution.usage_seconds)
    assert not ledger.flagged
    return spent


def test_twenty_qubits_beside_one(benchmark: BenchmarkFixture) -> None:
    """Both take turns; ratios are those of the medians."""
    truth = chip.build(chip.random("line", QUBITS, "cz", SEED), "emu_line", SEED)
    believed = solve_snapshot(chip.nominal(truth), datetime(2026, 11, 21, tzinfo=UTC))
    brought_up(truth, believed, [0], 0)
    found: dict[str, list[Spent]] = {"one": [], "twenty": []}
    for turn in range(ROUNDS):
        found["one"].append(brought_up(truth, believed, [QUBITS // 2 - 1 + turn], turn))
        found["twenty"].append(brought_up(truth, believed, None, turn))
    benchmark.pedantic(lambda: brought_up(truth, believed, [0], ROUNDS), rounds=1, iterations=1)
    one, twenty = (Spent(*(statistics.median(part) for part in zip(*found[name], strict=True))) for name in ("one", "twenty"))
    ratios = {f"{name}_ratio": many / few for name, many, few in zip(Spent._fields, twenty, one, strict=True)}
    numbers = {f"one_{name}_s": value for name, value in one._asdict().items()}
    numbers |= {f"twenty_{name}_s": value for name, value in twenty._asdict().items()} | ratios
    benchmark.extra_info.update(numbers)
    print({name: round(value, 2) for name, value in numbers.items()}, file=sys.stderr)
    assert one.wall < LONGEST_S
    assert ratios["work_ratio"] < MOST
