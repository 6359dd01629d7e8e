"""Engines against Aer's density matrix: the steps that the stage plans, as channels of an Aer circuit."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SuperOp
from qiskit_aer import AerSimulator

from qpu_bridge.schedule import Table
from qpu_emulator.engines.choice import density_matrix, trajectories
from qpu_emulator.engines.density_matrix import DensityMatrix
from qpu_emulator.engines.engine import IDLE, ONE, TWO
from qpu_emulator.noise import Spectrum
from qpu_emulator.performance import Performance
from qpu_emulator.scales import Scales
from qpu_emulator.score.program import compile_program
from qpu_emulator.score.values import Values
from qpu_emulator.windows.basis import columns
from qpu_emulator.windows.library import Library
from tests.emulator.test_trajectories import brickwork

QUBITS = 5


def _channel(matrix, systems):
    frame = columns(2, systems)
    dim = 2**systems
    plain = (frame @ matrix @ frame.conj().T).reshape(dim, dim, dim, dim)
    return SuperOp(plain.transpose(1, 0, 3, 2).reshape(dim**2, dim**2))  # Qiskit stacks columns


def _idle(idle, entry, angle):
    out = np.zeros((4, 4))
    out[:2, :2] = idle.mixing[entry]
    c, s = idle.fading[entry, 0] * np.cos(angle), idle.fading[entry, 0] * np.sin(angle)
    out[2:, 2:] = [[c, s], [-s, c]]
    return out


def _by_aer(plans, library):
    circuit = QuantumCircuit(QUBITS)
    for plan in plans:
        entries, angles = plan.index[:, 0].tolist(), plan.angle[:, 0].tolist()
        for (kind, a, b), entry, angle in zip(plan.steps.tolist(), entries, angles, strict=True):
            first, second = QUBITS - 1 - a, QUBITS - 1 - b  # position 0 varies slowest
            if kind == IDLE:
                circuit.append(_channel(_idle(library.idle[0], entry, angle), 1), [first])
            elif kind == ONE:
                circuit.append(_channel(library.maps(1, 2)[entry, 0], 1), [first])
            elif kind == TWO:
                circuit.append(_channel(library.maps(2, 2)[entry], 2), [second, first])
            else:
                circuit.rzz(angle / 2, first, second)
    circuit.save_density_matrix()
    result = AerSimulator(method="density_matrix").run(circuit).result()
    return np.diag(np.asarray(result.data()["density_matrix"])).real


def test_engines_agree_with_the_density_matrix_of_aer(fresh, truth, monkeypatch):
    bench = fresh()
    brickwork(bench, QUBITS, 4)
    schedule = bench.build()
    scales = Scales(low_frequency=0, t1=20, t2=20, thermal=0, line=0, crosstalk=0)
    library = Library(truth, scales)
    program = compile_program(schedule, library.device, library.zz)
    silent = Spectrum.in_program(program, truth, 0.0)
    plans, plain = [], DensityMatrix.evolve

    def spy(self, number, chosen, plan):
        plans.append(plan)
        plain(self, number, chosen, plan)

    monkeypatch.setattr(DensityMatrix, "evolve", spy)

    def play(choice, shots):
        performance = Performance(program, library, scales, shots, 3, 0.0, choice)
        values = Values.of_rows(program, Table.single())
        return performance._once(values, np.zeros((1, QUBITS)), 1, 0, range(choice.lanes_per_point))[2]

    every = np.arange(QUBITS)
    exact = play(density_matrix(program, silent, 1), 1).populations(0, np.zeros(1, np.int64), every)[0]
    wanted = _by_aer(plans, library)
    assert exact == pytest.approx(wanted, abs=1e-8)
    shots = 20_000
    states = play(trajectories(program, shots, 1), shots).states[0]
    mean = (np.abs(states) ** 2 / (np.abs(states) ** 2).sum(axis=1, keepdims=True)).mean(axis=0)
    # the mean over trajectories is closer than sampled bits would be
    assert np.abs(mean - wanted).sum() / 2 < np.sqrt(wanted / (np.pi * shots)).sum()
