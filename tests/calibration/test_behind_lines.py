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
from qpu_emulator.bring_up.pair_error import at_rest
from qpu_emulator.chip.device import Device
from qpu_emulator.makers import chip
from tests.proofs.calibration import bench
from tests.proofs.player import Player

ROUTINES = {
    "cz": ("active_reset", "cz_chevron", "cz_phase", "cz_leakage", "cz_local_phases"),
    "ecr": ("active_reset", "cr_rotary", "cr_phase", "ecr_amplitude", "ecr_target_phase", "ecr_control_phase"),
}


def chip_behind_lines(family: str) -> tuple[Device, Snapshot]:
    truth = chip.behind_lines(chip.build(chip.random("line", 2, family, 5), "emu_lines", 5))
    assert any(line.delay > 1e-9 for line in truth.lines.values())
    assert truth.crosstalk
    return truth, solve_snapshot(chip.nominal(truth), datetime(2026, 11, 21, tzinfo=UTC))


@pytest.mark.parametrize("family", ["cz", "ecr"])
def test_from_the_design_to_the_gate_on_two_qubits(family: str) -> None:
    truth, believed = chip_behind_lines(family)
    graph, ledger = Graph.of(believed), Ledger()
    nodes = [node for node in graph.nodes(None, None) if node.routine in ROUTINES[family]]
    with bench(truth, believed, seed=1) as one:
        done = list(conduct(one, graph, ledger, maintain(graph, ledger, nodes)))
        snapshot = one.snapshot
    assert {entry.routine for entry in done} >= {*ROUTINES[family], "readout", "ramsey", "fine_amplitude"}
    assert all(finding.verdict is Verdict.GOOD for entry in done for finding in entry.findings.values())
    assert not ledger.flagged
    for qubit, transmon in enumerate(truth.transmons):
        assert snapshot.qubits[qubit].frequency == pytest.approx(transmon.frequency, abs=2e3)
    gate = next(gate for gate in snapshot.gates if gate.name == family)
    error, limit = Player(truth, snapshot).infidelity(gate), at_rest(truth, (0, 1), gate.duration)
    assert error < 1.5 * limit
