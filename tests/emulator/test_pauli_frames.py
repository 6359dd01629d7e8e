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
from qpu_emulator.engines.frames import Frames
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


def play(bench, name, *qubits):
    """A gate without barriers around it: those of a layer are played at once."""
    spec = next(gate for gate in bench.snapshot.gates if gate.name == name and set(gate.qubits) == set(qubits))
    for pulse in spec.pulses:
        bench.play(pulse.frame, bench.waveform(pulse.waveform), pulse.amplitude, pulse.phase)
    for phase in spec.phases:
        bench.rz(phase.qubit, phase.angle)


def syndromes(bench, qubits, rounds, flipped=None):
    """A repetition code on a line: data at even qubits, parities of neighbours at odd ones, which are not reset.

    One data qubit is flipped after the first round.
    """
    ancillas = range(1, qubits, 2)
    for number in range(rounds):
        for turn in (1, -1):
            for ancilla in ancillas:
                bench.rz(ancilla, np.pi / 2)
                play(bench, "sx", ancilla)
                bench.rz(ancilla, np.pi / 2)
            bench.builder.barrier()
            for side in (-1, 1) if turn == 1 else ():
                for ancilla in ancillas:
                    play(bench, "cz", ancilla, ancilla + side)
                bench.builder.barrier()
        bench.measure(*ancillas)
        bench.wait(400)
        if number == 0 and flipped is not None:
            bench.gate("x", flipped)
    bench.measure(*range(0, qubits, 2))


def hadamard(bench, qubit):
    bench.rz(qubit, np.pi / 2)
    bench.gate("sx", qubit)
    bench.rz(qubit, np.pi / 2)


def parity(bench, *pairs):
    """Of data (first) into ancilla (second), by cz."""
    ancillas = sorted({ancilla for _, ancilla in pairs})
    for ancilla in ancillas:
        hadamard(bench, ancilla)
    for pair in pairs:
        bench.gate("cz", *sorted(pair))
    for ancilla in ancillas:
        hadamard(bench, ancilla)


def repetition(bench):
    """Two rounds of syndromes of one data qubit in superposition; the ancilla is not reset."""
    hadamard(bench, 0)
    parity(bench, (0, 1))
    for _ in range(2):
        bench.measure(1)
        bench.wait(400)
        parity(bench, (0, 1), (2, 1))
    bench.measure(0, 1, 2)


def feedback(bench):
    """Paulis on two qubits by one bit."""
    hadamard(bench, 0)
    parity(bench, (0, 1))
    (middle,) = bench.measure(0)
    bench.wait(400)
    with bench.builder.branch(Bits((middle,))):
        bench.gate("x", 0)
        bench.gate("x", 1)
    parity(bench, (1, 2))
    bench.measure(0, 1, 2)


def histories(bench):
    """Cliffords that are no Paulis in either arm, then a bit that hangs on them."""
    hadamard(bench, 0)
    parity(bench, (0, 1))
    (middle,) = bench.measure(0)
    bench.wait(400)
    with bench.builder.branch(Bits((middle,))):
        bench.gate("sx", 1)
        bench.gate("x", 0)
    with bench.builder.otherwise():
        bench.gate("sx", 2)
    parity(bench, (1, 2))
    (second,) = bench.measure(1)
    bench.wait(400)
    with bench.builder.branch(Bits((second,))):
        bench.gate("x", 2)
    bench.measure(0, 1, 2)


@pytest.mark.parametrize("circuit", [repetition, feedback, histories])
@pytest.mark.parametrize("settings", [{"t1": 0, "t2": 0, "readout": 0}, {"t1": 0, "t2": 5}, {}])
def test_measurements_on_the_way_agree_with_density_matrices(fresh, run, circuit, settings):
    """Bits, what the qubits relax to while they are read, and where control sends a shot for its bit, right or wrong."""
    bench = fresh()
    circuit(bench)
    schedule = bench.build()
    first, second = (
        counts(run(schedule, shots=8000, settings={"zz": 0, "low_frequency": 0, "engine": engine} | settings))
        for engine in ("density_matrix", "pauli_frames")
    )
    assert_alike(first, second)


def test_a_reading_relaxes_the_qubit(fresh, run):
    """Read twice, with relaxation so strong that a tenth decays meanwhile: one way only, unlike a twirled error."""
    bench = fresh()
    bench.gate("x", 0)
    bench.measure(0)
    bench.measure(0)
    schedule = bench.build()
    found = [
        run(schedule, shots=8000, settings={"t1": 10, "t2": 0, "thermal": 0, "low_frequency": 0, "engine": engine})[0].bits[0]
        for engine in ("density_matrix", "pauli_frames")
    ]
    first, second = (np.array([(bits[:, 0] & ~bits[:, 1]).mean(), (~bits[:, 0] & bits[:, 1]).mean()]) for bits in found)
    print(first, second)
    assert first[0] > 0.05 > first[1]
    assert second == pytest.approx(first, abs=4 * np.sqrt(0.1 * 2 / 8000))


def test_frames_of_some_shots_go_on_alone():
    """A Bell pair, one half measured: the shots that found 1 are kept, and know what the other half is."""
    frames = Frames(2, np.arange(2000), 1)
    frames.play(stim.Circuit("H 0\nCX 0 1"))
    found = frames.measure([0])[0]
    assert 900 < found.sum() < 1100
    ones = frames.only(np.flatnonzero(found), 2)
    ones.play(stim.Circuit("H 0"))
    (again, partner) = ones.measure([0, 1])
    assert partner.all()
    assert 0.4 < again.mean() < 0.6
    ones.flip(1, again)
    assert np.array_equal(ones.measure([1])[0], ~again)


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


def test_syndromes_find_a_flipped_qubit(tmp_path, fresh):
    """Three rounds on 127 qubits; an ancilla that is not reset sums its parities."""
    driver, snapshot = tiled_driver(127, tmp_path)
    bench = type(fresh())(snapshot)
    syndromes(bench, 127, 3, flipped=40)
    schedule = bench.build()
    driver.load(schedule)
    started = time.process_time()
    (chunk,) = driver.run(Run(schedule.digest, Table.single(), 1000, seed=3, rep_delay_s=2e-3))
    print(f"{1000 / (time.process_time() - started):.0f} shots/s")
    assert chunk.notes["engine"] == "pauli_frames"
    found = chunk.bits[0, :, :189].reshape(1000, 3, 63).astype(int)
    data = chunk.bits[0, :, 189:]
    parities = np.diff(found, axis=1, prepend=0) % 2
    changes = np.diff(parities, axis=1, prepend=0) % 2
    rates = changes.mean(axis=0)
    expected = np.zeros((3, 63), bool)
    expected[1, [19, 20]] = True
    print(rates[expected], rates[~expected].mean(), rates[~expected].max())
    assert rates[expected].min() > 0.8
    assert rates[~expected].max() < 0.2
    assert data[:, 20].mean() > 0.9 > 0.1 > np.delete(data, 20, axis=1).mean()


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


@pytest.mark.parametrize("engine", ["pauli_frames", "tensor_network"])
def test_a_shot_begins_as_the_last_one_ended(fresh, run, engine):
    """A qubit that is read and flipped, without a wait: half of the shots begin in 1, though each lane has many."""
    bench = fresh()
    bench.measure(0)
    bench.gate("x", 0)
    schedule = bench.build()
    settings = {"low_frequency": 0, "readout": 0.01, "engine": engine}
    (chunk,) = run(schedule, shots=400, rep_delay_s=0.0, settings=settings)
    assert 0.4 < chunk.bits.mean() < 0.6
    (chunk,) = run(schedule, shots=400, rep_delay_s=5e-3, settings=settings)
    assert chunk.bits.mean() < 0.1
