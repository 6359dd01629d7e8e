"""The Pauli-frame engine: as density matrices where noise is stochastic, wide and fast; refused where a window is no Clifford."""

import time

import numpy as np
import pytest
import stim

from qpu_bridge.driver import Run
from qpu_bridge.errors import UnsupportedOption
from qpu_bridge.schedule import Bits, Table
from qpu_emulator import five_ecr
from qpu_emulator.driver import EmulatorDriver
from qpu_emulator.engines.pauli_frames import PauliFrames
from qpu_emulator.engines.twirling import circuit, errors, gate, nearest, rotation, transfer, untwist
from qpu_emulator.windows.basis import superoperator
from tests.emulator.test_trajectories import assert_alike, counts
from tests.emulator.tiling import tiled_driver


def clifford_brickwork(bench, qubits, depth, seed=2):
    """Random quarter turns, then bricks of cz, all qubits at once."""
    draw = np.random.default_rng(seed)
    cz = {gate.qubits: gate for gate in bench.snapshot.gates if gate.name == "cz"}
    sx = {gate.qubits[0]: gate for gate in bench.snapshot.gates if gate.name == "sx"}

    def play(spec):
        for pulse in spec.pulses:
            bench.play(pulse.frame, bench.waveform(pulse.waveform), pulse.amplitude, pulse.phase)
        for phase in spec.phases:
            bench.rz(phase.qubit, phase.angle)

    for layer in range(depth):
        for qubit in range(qubits):
            bench.rz(qubit, np.pi / 2 * draw.integers(4))
            play(sx[qubit])
            bench.rz(qubit, np.pi / 2 * draw.integers(4))
        bench.builder.barrier()
        for qubit in range(layer % 2, qubits - 1, 2):
            play(cz.get((qubit, qubit + 1)) or cz[qubit + 1, qubit])
        bench.builder.barrier()
    bench.measure(*range(qubits))


@pytest.mark.parametrize("settings", [{"zz": 0, "low_frequency": 0}, {"t1": 0, "t2": 25, "zz": 0, "low_frequency": 0}])
def test_stochastic_noise_agrees_with_density_matrices(fresh, run, settings):
    bench = fresh()
    clifford_brickwork(bench, 4, 5)
    schedule = bench.build()
    found = {}
    for engine in ("density_matrix", "pauli_frames"):
        chunks = run(schedule, shots=12_000, settings=settings | {"engine": engine})
        assert chunks[0].notes["engine"] == engine
        found[engine] = counts(chunks)
    assert_alike(found["density_matrix"], found["pauli_frames"])
    assert any("twirled" in said for said in chunks[0].notes["approximations"])


def test_echoed_gates_are_cliffords_only_as_a_whole(fresh):
    """Half an echoed cross-resonance gate is no Clifford: windows on one pair are held until something else comes."""
    snapshot = five_ecr.snapshot()
    driver = EmulatorDriver(snapshot.device, snapshot, {})
    pairs = [gate.qubits for gate in snapshot.gates if gate.name == "ecr"]
    bench = type(fresh())(snapshot)
    for layer in range(3):
        for qubit in range(3):
            bench.rz(qubit, np.pi / 2 * (layer + qubit))
            bench.gate("sx", qubit)
        bench.gate("ecr", *next(pair for pair in pairs if set(pair) == ({0, 1}, {1, 2})[layer % 2]))
    bench.measure(0, 1, 2)
    schedule = bench.build()
    driver.load(schedule)
    found = []
    for engine in ("density_matrix", "pauli_frames", "trajectories"):
        settings = {"engine": engine, "zz": 0, "low_frequency": 0}
        run = Run(schedule.digest, Table.single(), 10_000, seed=4, rep_delay_s=2e-3, settings=settings)
        found.append(counts(list(driver.run(run))))
    assert_alike(found[0], found[1])
    assert_alike(found[0], found[2])
    half = type(fresh())(snapshot)
    pulse = next(gate for gate in snapshot.gates if gate.name == "ecr" and set(gate.qubits) == {0, 1}).pulses[0]
    half.play(pulse.frame, half.waveform(pulse.waveform), pulse.amplitude, pulse.phase)
    half.measure(0, 1)
    alone = half.build()
    driver.load(alone)
    with pytest.raises(UnsupportedOption, match="a window must be near a Clifford"):
        list(driver.run(Run(alone.digest, Table.single(), 10, seed=4, settings={"engine": "pauli_frames"})))


def test_what_is_no_clifford_is_refused(fresh, run):
    bench = fresh()
    bench.gate("sx", 0)
    bench.rz(0, 0.7)
    bench.gate("sx", 0)
    bench.measure(0)
    with pytest.raises(UnsupportedOption, match="near a Clifford"):
        run(bench.build(), settings={"engine": "pauli_frames"})


@pytest.mark.parametrize("engine", ["pauli_frames", "tensor_network"])
def test_single_shots_are_not_followed(fresh, run, engine):
    bench = fresh()
    (middle,) = bench.measure(0)
    bench.wait(400)
    with bench.builder.branch(Bits((middle,))):
        bench.gate("x", 0)
    bench.measure(0)
    with pytest.raises(UnsupportedOption, match=f"{engine} needs all measurements at the end of the shot"):
        run(bench.build(), settings={"engine": engine})


def test_a_wide_clifford_circuit_takes_pauli_frames_by_itself(tmp_path, fresh, monkeypatch):
    driver, snapshot = tiled_driver(127, tmp_path)
    bench = type(fresh())(snapshot)
    clifford_brickwork(bench, 127, 4)
    schedule = bench.build()
    driver.load(schedule)
    spent = []
    plain = PauliFrames.sample

    def timed(self, *args):
        started = time.process_time()
        found = plain(self, *args)
        spent.append((time.process_time() - started, len(found)))
        return found

    monkeypatch.setattr(PauliFrames, "sample", timed)
    chunks = list(driver.run(Run(schedule.digest, Table.single(), 4000, seed=3, rep_delay_s=2e-3)))
    assert chunks[0].notes["engine"] == "pauli_frames"
    assert chunks[0].bits.shape == (1, 4000, 127)
    seconds, shots = spent[-1]
    print(f"{shots / seconds:.0f} shots/s in the engine")
    assert shots == 4000


def test_transfer_matrices_of_cliffords_are_known():
    sx = transfer(_unitary(np.array([[1, -1j], [-1j, 1]]) / np.sqrt(2)), 1)
    assert gate(nearest(sx)) == "SQRT_X"
    turned = rotation(0.3) @ sx
    assert untwist(turned) == pytest.approx(0.3)
    cz = transfer(_unitary(np.diag([1, 1, 1, -1])), 2)
    assert circuit(nearest(cz)).to_tableau() == stim.Tableau.from_named_gate("CZ")
    half = transfer(_unitary(np.array([[np.cos(0.4), -1j * np.sin(0.4)], [-1j * np.sin(0.4), np.cos(0.4)]])), 1)
    assert nearest(half) is None


def test_errors_of_a_depolarised_gate():
    shrunk = np.diag([1.0, 0.96, 0.96, 0.96])
    assert errors(shrunk, np.eye(4)) == pytest.approx([0.97, 0.01, 0.01, 0.01])


def _unitary(matrix):
    """The map rho -> U rho U+ on the real vectors of the emulator."""
    systems = 1 if len(matrix) == 2 else 2
    return superoperator(matrix.astype(complex), 2, 2, systems)
