"""What must not matter: when a schedule starts, the phase of all frames, how qubits are put into clusters."""

import numpy as np
import pytest

from qpu_bridge.schedule import Table
from qpu_emulator.engines.choice import density_matrix, trajectories
from qpu_emulator.noise import Spectrum
from qpu_emulator.performance import Performance
from qpu_emulator.scales import Scales
from qpu_emulator.score.program import compile_program
from qpu_emulator.score.values import Values
from qpu_emulator.windows.library import Library
from tests.emulator.conftest import SILENT
from tests.emulator.test_trajectories import brickwork


@pytest.mark.parametrize(("depth", "tolerance"), [(0, 1e-9), (2, 1e-3)])
def test_a_later_start_changes_nothing(fresh, exact, depth, tolerance):
    """Resonant drives do not know when they began; what a coupler pulse swaps by mistake turns with the qubits' beat."""
    found = []
    for delay in (0, 1236):
        bench = fresh()
        bench.wait(delay)
        bench.gate("sx", 0)
        bench.rz(0, 0.6)
        bench.gate("sx", 0)
        brickwork(bench, 3 if depth else 1, depth)
        found.append(exact(bench.build()))
    assert found[0] == pytest.approx(found[1], abs=tolerance)
    assert found[0].sum() == pytest.approx(1, abs=1e-9)


def test_a_phase_of_all_frames_changes_nothing(fresh, exact):
    found = []
    for phase in (0.0, 0.731):
        bench = fresh()
        for qubit in range(3):
            bench.rz(qubit, phase)
        brickwork(bench, 3, 2)
        found.append(exact(bench.build()))
    assert found[0] == pytest.approx(found[1], abs=1e-9)


@pytest.mark.parametrize("choose", [density_matrix, trajectories])
def test_clusters_apart_are_as_one_where_nothing_couples_them(fresh, truth, choose):
    bench = fresh()
    for qubit, angle in enumerate((0.4, 1.1, 2.0)):
        bench.gate("sx", qubit)
        bench.rz(qubit, angle)
        bench.gate("sx", qubit)
    bench.measure(0, 1, 2)
    schedule = bench.build()
    scales = Scales.of(SILENT)
    library = Library(truth, scales)
    excited = {}
    for coupling in (0.0, 1e6):
        program = compile_program(schedule, truth, dict.fromkeys(range(len(truth.couplers)), coupling).__getitem__)
        silent = Spectrum.in_program(program, truth, 0.0)
        choice = choose(program, silent, 1) if choose is density_matrix else choose(program, 1)
        performance = Performance(program, library, scales, 1, 3, 0.0, choice)
        values = Values.of_rows(program, Table.single())
        start = np.zeros((1, len(truth.transmons)))
        engine = performance._once(values, start, 1, 0, range(1))[2]
        excited[len(program.clusters)] = [
            float(engine.excitation(number, position)[0])
            for number, cluster in enumerate(program.clusters)
            for position in range(len(cluster))
        ]
    assert sorted(excited) == [1, 3]
    assert excited[1] == pytest.approx(excited[3], abs=1e-6)
    assert excited[1][0] == pytest.approx(np.cos(0.2) ** 2, abs=1e-3)
