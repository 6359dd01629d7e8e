"""The trajectory engine: the same counts as density matrices, whatever is on; the same bytes however it is cut."""

import numpy as np
import pytest

from qpu_bridge.driver import Run
from qpu_bridge.schedule import Bits, SlotKind, Table, Waveform
from qpu_bridge.target.shape import waveform
from qpu_emulator.driver import EmulatorDriver
from qpu_emulator.engines.jumps import choose, reduced
from qpu_emulator.engines.unravelling import Shelf, kraus
from qpu_emulator.scales import Scales
from qpu_emulator.windows.library import Library, Tone


def brickwork(bench, qubits, depth, seed=1, measure=True):
    """Random virtual Z between sx, then bricks of cz."""
    draw = np.random.default_rng(seed)
    for layer in range(depth):
        for qubit in range(qubits):
            for _ in range(2):
                bench.rz(qubit, draw.uniform(0, 6))
                bench.gate("sx", qubit)
        for qubit in range(layer % 2, qubits - 1, 2):
            bench.gate("cz", qubit, qubit + 1)
    if measure:
        bench.measure(*range(qubits))


def counts(chunks):
    bits = np.concatenate([chunk.bits for chunk in chunks])[0]
    return np.bincount(bits @ (1 << np.arange(bits.shape[1])), minlength=1 << bits.shape[1])


def assert_alike(first, second):
    """Total variation below three times what sampling alone gives; both are samples of the same size."""
    shots = first.sum()
    mean = (first + second) / (2 * shots)
    expected = np.sqrt(mean / (np.pi * shots)).sum()  # E|a - b| / 2 of two samples
    found = np.abs(first - second).sum() / (2 * shots)
    assert found < 1.5 * expected + 3 / np.sqrt(shots)
    assert found < 3 * expected


@pytest.mark.parametrize("settings", [{}, {"t1": 60, "t2": 60, "low_frequency": 10, "zz": 15}, {"t1": 0, "t2": 0, "zz": 40}])
def test_trajectories_agree_with_density_matrices(fresh, run, settings):
    bench = fresh()
    brickwork(bench, 4, 3)
    schedule = bench.build()
    found = {}
    for engine in ("density_matrix", "trajectories"):
        chunks = run(schedule, shots=12_000, seed=5, settings={"engine": engine} | settings, rep_delay_s=1e-3)
        assert chunks[0].notes["engine"] == engine
        found[engine] = counts(chunks)
    assert_alike(found["density_matrix"], found["trajectories"])


def test_long_idles_and_echoes_agree(fresh, run):
    """ZZ turns far beyond what one pass may take, and relaxation that leaves little to invert."""
    bench = fresh()
    for qubit in range(3):
        bench.gate("sx", qubit)
    for _ in range(2):
        bench.wait(20_000)
        bench.gate("x", 1)
    for qubit in range(3):
        bench.gate("sx", qubit)
    bench.wait(400_000)
    bench.gate("sx", 2)
    bench.measure(0, 1, 2)
    schedule = bench.build()
    first, second = (
        counts(run(schedule, shots=10_000, settings={"engine": engine})) for engine in ("density_matrix", "trajectories")
    )
    assert_alike(first, second)


def test_branches_follow_each_shot(fresh, run):
    bench = fresh()
    bench.gate("sx", 0)
    bench.gate("sx", 1)
    bench.gate("cz", 0, 1)
    (middle,) = bench.measure(0)
    bench.wait(400)
    with bench.builder.branch(Bits((middle,))):
        bench.gate("x", 0)
    bench.gate("sx", 1)
    bench.measure(0, 1)
    schedule = bench.build()
    first, second = (
        counts(run(schedule, shots=6000, settings={"engine": engine})) for engine in ("density_matrix", "trajectories")
    )
    assert_alike(first, second)


def test_same_seed_same_bytes_whatever_the_threads(fresh, driver, snapshot, run):
    bench = fresh()
    slot = bench.builder.slot(SlotKind.PHASE)
    bench.gate("sx", 0)
    bench.builder.shift_phase(bench.frames["q0"], slot)
    brickwork(bench, 3, 2)
    schedule = bench.build()
    table = Table(np.linspace(0, 3, 3)[:, None])
    settings = {"engine": "trajectories", "t1": 20}
    whole = run(schedule, table, shots=300, settings=settings)
    single = EmulatorDriver("emu_five", snapshot, {"threads": 1, "memory": 13_000})
    single.load(schedule)
    cut = list(single.run(Run(schedule.digest, table, 300, seed=7, settings=settings)))
    assert b"".join(chunk.iq.tobytes() for chunk in whole) == b"".join(chunk.iq.tobytes() for chunk in cut)


def test_shots_that_share_a_trajectory_are_declared(fresh, run):
    bench = fresh()
    brickwork(bench, 2, 1)
    settings = {"engine": "trajectories", "shots_per_trajectory": 16}
    (chunk,) = run(bench.build(), shots=160, settings=settings)
    assert chunk.notes["shots_per_trajectory"] == 16
    assert any("share a trajectory" in said for said in chunk.notes["approximations"])


def test_kraus_operators_of_a_window_keep_the_trace(truth, snapshot):
    library = Library(truth, Scales())
    tone = Tone(waveform(snapshot.waveforms["flux"]), 1e-9, 0.0, "c01")
    (index,) = library.flux(0, tone, np.array([0.4]), 3)
    operators = kraus(library.maps(2, 3)[index], 2)
    assert sum(k.conj().T @ k for k in operators) == pytest.approx(np.eye(4), abs=1e-9)
    shelf = Shelf(systems=2)
    shelf.rows(np.array([[index]], np.int32), library)
    keep, jumps, leaks, first = shelf.packed()
    whole = keep[0].conj().T @ keep[0] + sum(k.conj().T @ k for k in jumps)
    assert whole == pytest.approx(np.eye(4), abs=1e-8)
    assert first.tolist() == [0, len(jumps)]
    assert {1, 2} <= set(leaks.tolist())


def test_leaked_qubits_answer_as_level_two(fresh, run, exact):
    """A strong, short pulse leaks; both engines find the same share of level 2, seen in the mean IQ point."""
    bench = fresh()
    bench.play("q0", Waveform(np.ones(1, complex), np.array([6])), 1.0)
    bench.gate("x", 0)
    bench.gate("x", 1)
    bench.measure(0, 1)
    schedule = bench.build()
    assert exact(schedule)[0][0, 2] > 0.01
    settings = {"readout": 0, "low_frequency": 0}
    means = [
        np.concatenate([chunk.iq for chunk in run(schedule, shots=20_000, settings=settings | {"engine": engine})])[
            0, :, 0
        ].mean()
        for engine in ("density_matrix", "trajectories")
    ]
    assert means[0] == pytest.approx(means[1], rel=0.02)


def test_a_jump_is_chosen_by_its_probability():
    state = np.array([0.0, 0.6, 0.0, 0.0, 0.0, 0.0, 0.8j, 0.0])
    rho = reduced(state, 4, 1)
    assert rho == pytest.approx(np.diag([0.0, 0.36, 0.64, 0.0]))
    jumps = np.zeros((2, 4, 4), complex)
    jumps[0, 0, 2] = jumps[1, 3, 1] = 1.0
    assert [choose(rho, jumps, 0, 2, aim) for aim in (0.1, 0.63, 0.65, 0.99)] == [0, 0, 1, 1]


def test_a_short_wait_leaves_memory(fresh, run):
    """X and measure, again and again without a wait: half of the shots find the qubit excited."""
    bench = fresh()
    bench.gate("x", 0)
    bench.measure(0)
    (chunk,) = run(bench.build(), shots=4000, rep_delay_s=0.0, settings={"engine": "trajectories"})
    assert chunk.bits.mean() == pytest.approx(0.5, abs=0.15)
    assert any("stationary" in said for said in chunk.notes["approximations"])
