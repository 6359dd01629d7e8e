"""A chip behind lines that delay, bend and leak pulses is brought up like any other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from qpu_bridge.target import Snapshot
from qpu_calibration.conduct import conduct
from qpu_calibration.decide import maintain
from qpu_calibration.graph import Graph
from qpu_calibration.ledger import Ledger
from qpu_calibration.step import Verdict
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.chip.device import Device
from qpu_emulator.makers import chip
from tests.proofs.calibration import bench

ROUTINES = ("resonator_spectroscopy", "readout", "qubit_spectroscopy", "rabi", "ramsey", "active_reset", "fine_amplitude")


def chip_behind_lines(family: str) -> tuple[Device, Snapshot]:
    truth = chip.behind_lines(chip.build(chip.random("line", 2, family, 5), "emu_lines", 5))
    assert any(line.delay > 1e-9 for line in truth.lines.values())
    assert truth.crosstalk
    return truth, solve_snapshot(chip.nominal(truth), datetime(2026, 11, 21, tzinfo=UTC))


@pytest.mark.parametrize("family", ["cz", "ecr"])
def test_from_the_design(family: str) -> None:
    truth, believed = chip_behind_lines(family)
    graph, ledger = Graph.of(believed), Ledger()
    nodes = [node for node in graph.nodes(None, [0]) if node.routine in ROUTINES]
    with bench(truth, believed, seed=1) as one:
        done = {entry.routine: entry for entry in conduct(one, graph, ledger, maintain(graph, ledger, nodes))}
        assert set(ROUTINES) <= set(done)
        assert all(done[name].findings[0,].verdict is Verdict.GOOD for name in ROUTINES)
        assert not ledger.flagged
        found = one.snapshot.qubits[0].frequency
    assert found == pytest.approx(truth.transmons[0].frequency, abs=2e3)
