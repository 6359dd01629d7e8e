"""Which engine plays what, how large a run may be, and what a wide device costs."""

import numpy as np
import pytest

from qpu_bridge.driver import Run
from qpu_bridge.errors import SettingsError, TooLarge, UnsupportedOption
from qpu_bridge.schedule import Bits, SlotKind, Table
from qpu_emulator.driver import EmulatorDriver
from qpu_emulator.engines.choice import choose
from qpu_emulator.noise import Spectrum
from qpu_emulator.scales import Scales
from tests.emulator.test_pauli_frames import clifford_brickwork, histories, repetition
from tests.emulator.test_trajectories import assert_alike, brickwork, counts
from tests.emulator.tiling import tiled_driver


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    return tiled_driver(127, tmp_path_factory.mktemp("wide"))


def play(driver, schedule, shots, **settings):
    driver.load(schedule)
    return list(
        driver.run(
            Run(schedule.digest, Table(np.zeros((1, len(schedule.slots)))), shots, seed=3, rep_delay_s=2e-3, settings=settings)
        )
    )


@pytest.mark.parametrize(("qubits", "engine"), [(2, "density_matrix"), (5, "density_matrix"), (9, "trajectories")])
def test_size_decides(wide, fresh, qubits, engine):
    driver, snapshot = wide
    bench = type(fresh())(snapshot)
    clifford_brickwork(bench, qubits, 2)
    chunks = play(driver, bench.build(), 64)
    assert chunks[0].notes["engine"] == engine
    assert chunks[0].notes["clusters"] == [list(range(qubits))]


@pytest.mark.parametrize(
    ("qubits", "depth", "shots", "engine"),
    [
        (3, 4, 1, "density_matrix"),
        (5, 4, 8, "trajectories"),
        (5, 4, 32, "density_matrix"),
        (6, 4, 32, "trajectories"),
        (6, 20, 32, "trajectories"),
        (6, 4, 64, "density_matrix"),
        (6, 20, 64, "density_matrix"),
        (7, 4, 2048, "trajectories"),
        (7, 4, 8192, "density_matrix"),
        (8, 4, 8192, "trajectories"),
        (16, 4, 32, "trajectories"),
        (20, 4, 32, "tensor_network"),
        (20, 14, 32, "trajectories"),
        (20, 4, 16384, "trajectories"),
        (23, 2, 32, "pauli_frames"),
    ],
)
def test_the_cheapest_engine_is_chosen(wide, fresh, qubits, depth, shots, engine):
    """As the table of the README says."""
    assert chosen(wide, fresh, qubits, depth, shots).name == engine


@pytest.mark.parametrize(
    ("wishes", "engine"),
    [
        ({"shots_per_trajectory": 1}, "trajectories"),
        ({"bond_dimension": 8}, "tensor_network"),
        ({"engine": "density_matrix"}, "density_matrix"),
    ],
)
def test_a_wish_leaves_the_engines_that_have_a_use_for_it(wide, fresh, wishes, engine):
    assert chosen(wide, fresh, 5, 2, 1000, **wishes).name == engine


def test_qubits_that_only_idle_zz_joins_are_a_density_matrix(driver, fresh):
    """Long sequences on all qubits at once, as of simultaneous benchmarking: no window on two qubits."""
    bench = fresh()
    for _ in range(30):
        for qubit in range(5):
            bench.gate("sx", qubit)
    bench.measure(*range(5))
    chunks = play(driver, bench.build(), 300)
    assert chunks[0].notes["clusters"] == [[0, 1, 2, 3, 4]]
    assert chunks[0].notes["engine"] == "density_matrix"


def test_measurements_on_the_way_split_density_matrices(wide, fresh):
    """Six qubits: 16 slices are cheaper than 512 trajectories, 512 histories are not."""
    driver, snapshot = wide
    bench = type(fresh())(snapshot)
    clifford_brickwork(bench, 6, 2)
    assert chosen(wide, fresh, 6, 4, 512).name == "density_matrix"
    for _ in range(2):
        clifford_brickwork(bench, 6, 2)
    assert _choice(driver, bench.build(), 512, {}).name == "trajectories"


def chosen(wide, fresh, qubits, depth, shots, **wishes):
    driver, snapshot = wide
    bench = type(fresh())(snapshot)
    clifford_brickwork(bench, qubits, depth)
    return _choice(driver, bench.build(), shots, wishes)


def _choice(driver, schedule, shots, wishes):
    condition = driver._libraries.condition(Scales(), 0.0)
    program = condition.program(schedule)
    return choose(program, condition.library, Spectrum.in_program(program, condition.library.device, 1.0), shots, wishes)


def test_a_wide_circuit_that_is_no_clifford_takes_the_tensor_network(wide, fresh):
    driver, snapshot = wide
    bench = type(fresh())(snapshot)
    bench.gate("sx", 0)
    bench.rz(0, 0.4)
    bench.gate("sx", 0)
    clifford_brickwork(bench, 24, 2)
    chunks = play(driver, bench.build(), 4, bond_dimension=16)
    assert chunks[0].notes["engine"] == "tensor_network"
    assert any("bond dimension at most 16" in said for said in chunks[0].notes["approximations"])


def test_the_tensor_network_agrees_with_density_matrices(fresh, run):
    bench = fresh()
    brickwork(bench, 4, 2)
    schedule = bench.build()
    settings = {"t1": 30, "zz": 5, "low_frequency": 5}
    first, second = (
        counts(run(schedule, shots=3000, settings=settings | {"engine": engine}))
        for engine in ("density_matrix", "tensor_network")
    )
    assert_alike(first, second)


@pytest.mark.parametrize("circuit", [repetition, histories])
def test_the_tensor_network_measures_on_the_way(fresh, run, circuit):
    bench = fresh()
    circuit(bench)
    schedule = bench.build()
    first, second = (
        counts(run(schedule, shots=600, settings={"t1": 20, "zz": 5, "low_frequency": 5, "engine": engine}))
        for engine in ("density_matrix", "tensor_network")
    )
    assert_alike(first, second)


@pytest.mark.parametrize(("turn", "engine"), [(np.pi / 2, "pauli_frames"), (0.4, "tensor_network")])
def test_wide_circuits_branch(wide, fresh, turn, engine):
    """A bit from one end of 24 qubits flips the other end; once with a turn that is no Clifford."""
    driver, snapshot = wide
    bench = type(fresh())(snapshot)
    bench.gate("sx", 0)
    bench.rz(0, turn)
    bench.gate("sx", 0)
    (middle,) = bench.measure(0)
    bench.wait(400)
    with bench.builder.branch(Bits((middle,))):
        bench.gate("x", 23)
    far = bench.measure(23)
    clifford_brickwork(bench, 24, 2)
    schedule = bench.build()
    (chunk,) = play(driver, schedule, 40, readout=0.01)
    assert chunk.notes["engine"] == engine
    first, last = chunk.bits[0, :, 0], chunk.bits[0, :, far[0]]
    assert 0 < first.sum() < 40
    assert (first == last).mean() > 0.9


@pytest.mark.parametrize("engine", ["density_matrix", "trajectories"])
def test_what_an_engine_cannot_do_is_refused(wide, fresh, engine):
    driver, snapshot = wide
    bench = type(fresh())(snapshot)
    clifford_brickwork(bench, 30, 2)
    with pytest.raises(UnsupportedOption, match=f"engine {engine}"):
        play(driver, bench.build(), 10, engine=engine)


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"engine": "density_matrix", "shots_per_trajectory": 4}, "engine of trajectories"),
        ({"engine": "pauli_frames", "shots_per_trajectory": 4}, "engine of trajectories"),
        ({"engine": "trajectories", "bond_dimension": 4}, "engine tensor_network"),
        ({"engine": "pauli_frames", "bond_dimension": 4}, "engine tensor_network; got pauli_frames"),
    ],
)
def test_a_wish_that_an_engine_has_no_use_for_is_refused(fresh, run, wishes, said):
    bench = fresh()
    bench.measure(0)
    with pytest.raises(UnsupportedOption, match=said):
        run(bench.build(), settings=wishes)


def test_who_names_a_bond_dimension_wants_the_tensor_network(wide, fresh):
    driver, snapshot = wide
    bench = type(fresh())(snapshot)
    clifford_brickwork(bench, 24, 2)
    schedule = bench.build()
    assert play(driver, schedule, 4)[0].notes["engine"] == "pauli_frames"
    assert play(driver, schedule, 4, bond_dimension=8)[0].notes["engine"] == "tensor_network"


def test_the_driver_may_be_told_its_engine(snapshot, fresh):
    driver = EmulatorDriver("emu_five", snapshot, {"engine": "trajectories"})
    bench = fresh()
    bench.gate("sx", 0)
    bench.measure(0)
    assert play(driver, bench.build(), 10)[0].notes["engine"] == "trajectories"
    with pytest.raises(SettingsError, match="one of density_matrix"):
        EmulatorDriver("emu_five", snapshot, {"engine": "abacus"})


def test_a_run_beyond_memory_is_refused_with_its_size(snapshot, fresh):
    driver = EmulatorDriver("emu_five", snapshot, {"memory": 200_000})
    bench = fresh()
    size = bench.builder.sweep(SlotKind.AMPLITUDE, 0.0, 1e-3, 200)
    brickwork(bench, 3, 1, measure=False)
    bench.builder.play(bench.frames["q0"], bench.waveform("drag0"), size)
    bench.measure(0)
    with pytest.raises(TooLarge, match=r"200,000 bytes of memory; got 1,\d{3},\d{3} bytes"):
        play(driver, bench.build(), 10)


def test_histories_beyond_memory_are_refused(snapshot, fresh):
    driver = EmulatorDriver("emu_five", snapshot, {"memory": 2_000_000, "threads": 1})
    bench = fresh()
    middle = None
    for _ in range(12):
        for qubit in range(3):
            bench.gate("sx", qubit)
        (middle,) = bench.measure(0)
        bench.wait(400)
    bench.gate("cz", 0, 1)
    bench.gate("cz", 1, 2)
    with bench.builder.branch(Bits((middle,))):
        bench.gate("x", 0)
    bench.measure(0)
    with pytest.raises(TooLarge, match="histories"):
        play(driver, bench.build(), 3000)


def test_shots_of_one_row_are_cut_alike(wide, fresh, tmp_path):
    """One row's shots spread over threads: the bytes of one thread with little memory."""
    small, snapshot = tiled_driver(10, tmp_path, threads=1, memory=400_000)
    bench = type(fresh())(snapshot)
    clifford_brickwork(bench, 9, 2)
    schedule = bench.build()
    whole = [chunk.iq.tobytes() for chunk in play(wide[0], schedule, 100, shots_per_trajectory=1)]
    single = [chunk.iq.tobytes() for chunk in play(small, schedule, 100, shots_per_trajectory=1)]
    assert whole == single
    assert np.frombuffer(whole[0], np.complex64).size == 900


@pytest.mark.parametrize("engine", ["pauli_frames", "tensor_network"])
def test_rows_that_branch_are_cut_alike(fresh, snapshot, engine):
    """Three rows in one process with one thread and little memory, and with two threads; and the last row alone."""
    bench = fresh()
    histories(bench)
    schedule = bench.build()
    found = []
    for options, rows in (({"threads": 1, "memory": 30_000_000}, range(3)), ({"threads": 2}, range(3)), ({}, range(2, 3))):
        driver = EmulatorDriver("emu_five", snapshot, options)
        driver.load(schedule)
        table = Table(np.zeros((len(rows), len(schedule.slots))))
        settings = {"engine": engine, "zz": 0}
        run = Run(schedule.digest, table, 60, first_row=rows.start, seed=3, rep_delay_s=2e-3, settings=settings)
        found.append(np.concatenate([chunk.iq for chunk in driver.run(run)]))
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0][2:], found[2])
    assert not np.array_equal(found[0][0], found[0][1])
