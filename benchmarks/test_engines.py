"""The emulator's engines beside Aer with a noise model of FakeTorino: `pytest benchmarks/test_engines.py`.

Both play a brickwork of depth 10 (two sx with random virtual Z per qubit and layer, cz between neighbours) on a line of qubits,
each time with new angles. Ours starts from a schedule of pulses (loading included), the peer from a transpiled circuit
(`AerSimulator.run`).
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeTorino

from qpu_bridge.driver import Run
from qpu_bridge.schedule import Schedule, Table
from qpu_emulator.engines.pauli_frames import PauliFrames
from tests.emulator.conftest import Bench
from tests.emulator.test_pauli_frames import syndromes
from tests.emulator.tiling import tiled, tiled_driver

pytestmark = pytest.mark.filterwarnings("default")

_DEPTH = 10
IN_A_ROW = 8
"""Jobs of new circuits, one after the other, as users send them, between two of the peer's."""


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Any:
    driver, _ = tiled_driver(127, Path(tmp_path_factory.mktemp("tiled")))
    yield driver
    driver.close()


@pytest.fixture(scope="module")
def torino() -> tuple[Any, list[int]]:
    backend = FakeTorino()
    return backend, _line(backend.coupling_map, 20)


def _line(coupling: Any, length: int) -> list[int]:
    """A path along the couplings."""
    neighbours: dict[int, set[int]] = {}
    for a, b in coupling.get_edges():
        neighbours.setdefault(a, set()).add(b)
        neighbours.setdefault(b, set()).add(a)

    def walk(path: list[int]) -> list[int] | None:
        if len(path) == length:
            return path
        for following in sorted(neighbours[path[-1]] - set(path)):
            found = walk([*path, following])
            if found:
                return found
        return None

    path = walk([0])
    assert path is not None
    return path


def circuit(qubits: int, seed: int) -> QuantumCircuit:
    draw = np.random.default_rng(seed)
    out = QuantumCircuit(qubits)
    for layer in range(_DEPTH):
        for qubit in range(qubits):
            for _ in range(2):
                out.rz(draw.uniform(0, 6), qubit)
                out.sx(qubit)
        for qubit in range(layer % 2, qubits - 1, 2):
            out.cz(qubit, qubit + 1)
    out.measure_all()
    return out


def schedule(qubits: int, seed: int, *, clifford: bool = False, depth: int = _DEPTH) -> Schedule:
    """Names the lines of its own qubits only, as the bridge does."""
    draw = np.random.default_rng(seed)
    snapshot = tiled(qubits)[1]
    bench = Bench(snapshot)
    cz = {gate.qubits: gate for gate in snapshot.gates if gate.name == "cz"}
    sx = {gate.qubits[0]: gate for gate in snapshot.gates if gate.name == "sx"}

    def play(spec: Any) -> None:
        for pulse in spec.pulses:
            bench.play(pulse.frame, bench.waveform(pulse.waveform), pulse.amplitude, pulse.phase)
        for phase in spec.phases:
            bench.rz(phase.qubit, phase.angle)

    for layer in range(depth):
        for qubit in range(qubits):
            for _ in range(2):
                bench.rz(qubit, np.pi / 2 * draw.integers(4) if clifford else draw.uniform(0, 6))
                play(sx[qubit])
        bench.builder.barrier()
        for qubit in range(layer % 2, qubits - 1, 2):
            play(cz.get((qubit, qubit + 1)) or cz[qubit + 1, qubit])
        bench.builder.barrier()
    bench.measure(*range(qubits))
    return bench.build()


def played(driver: Any, template: Schedule, shots: int, **settings: object) -> tuple[float, Any]:
    """Wall time of a job, and its notes, with its processor time beside them."""
    busy, started = time.process_time(), time.perf_counter()
    driver.load(template)
    run = Run(template.digest, Table.single(), shots, seed=shots, rep_delay_s=2e-3, settings=settings)
    chunks = list(driver.run(run))
    taken, busy = time.perf_counter() - started, time.process_time() - busy
    return taken, {**chunks[0].notes, "processor_s": busy}


def peered(torino: tuple[Any, list[int]], qubits: int, shots: int, seed: int) -> tuple[float, float, float]:
    """Wall time of a job, what Aer says its simulation took, and processor time."""
    backend, line = torino
    ready = transpile(circuit(qubits, seed), backend, initial_layout=line[:qubits], optimization_level=0)
    simulator = AerSimulator.from_backend(backend)
    busy, started = time.process_time(), time.perf_counter()
    result = simulator.run(ready, shots=shots, seed_simulator=seed).result()
    return time.perf_counter() - started, result.results[0].time_taken, time.process_time() - busy


@pytest.mark.parametrize(
    ("qubits", "shots", "goal", "inner_goal"),
    [(2, 4096, 1000, 0), (5, 4096, 100, 0), (8, 4096, 10, 0), (10, 2048, 10, 2), (12, 512, 20, 2)],
)
def test_a_new_circuit(
    benchmark: BenchmarkFixture, ours: Any, torino: Any, qubits: int, shots: int, goal: float, inner_goal: float
) -> None:
    """Circuits that were not seen before, from load to results. The first after the peer's finds the processor's caches cold."""
    driver = ours
    templates = (schedule(qubits, seed) for seed in range(100, 200))
    played(driver, next(templates), shots)
    mine, cold, single, peers, inner, own_busy, peer_busy = [], [], [], [], [], [], []
    for seed in range(3):
        whole, core, busy = peered(torino, qubits, shots, seed)
        peers.append(whole)
        inner.append(core)
        peer_busy.append(busy)
        row = [played(driver, next(templates), shots) for _ in range(IN_A_ROW)]
        cold.append(row[0][0])
        mine.extend(taken for taken, _ in row)
        own_busy.extend(notes["processor_s"] for _, notes in row)
        if qubits > 5:
            single.append(played(driver, next(templates), shots, engine="trajectories", shots_per_trajectory=1)[0])
    seconds, notes = benchmark.pedantic(lambda: played(driver, next(templates), shots), rounds=1, iterations=1)
    mine.append(seconds)
    own, peer, core = statistics.median(mine), statistics.median(peers), statistics.median(inner)
    numbers = {"own_s": own, "peer_s": peer, "peer_inner_s": core, "over_peer": peer / own, "over_inner": core / own}
    numbers |= {"own_right_after_peer_s": statistics.median(cold), "over_peer_right_after": peer / statistics.median(cold)}
    # of a machine that others use too
    numbers["over_peer_processor"] = statistics.median(peer_busy) / statistics.median(own_busy)
    if single:
        alone = statistics.median(single)
        numbers |= {"one_shot_per_trajectory_s": alone, "over_peer_one": peer / alone, "over_inner_one": core / alone}
    benchmark.extra_info.update(numbers | {"engine": notes["engine"], "shared": notes.get("shots_per_trajectory")})
    print(qubits, notes["engine"], {name: round(number, 4) for name, number in numbers.items()})
    assert peer / own >= goal
    # our whole job against the peer's simulation alone: the numerical part is at least this much faster
    assert core / own >= inner_goal


@pytest.mark.parametrize(
    ("qubits", "depth", "shots"),
    [(5, 10, 1024), (6, 4, 64), (6, 20, 1024), (7, 10, 512), (7, 10, 8192), (8, 10, 1024), (16, 2, 32), (18, 4, 64), (20, 4, 64)],
)
def test_the_choice_is_fast(benchmark: BenchmarkFixture, ours: Any, qubits: int, depth: int, shots: int) -> None:
    """Processor time of the engine that is chosen beside that of the best, in turn."""
    template = schedule(qubits, 1, depth=depth)
    played(ours, template, 16)
    spent: dict[str, float] = {}
    engines = [name for name, most in (("density_matrix", 8), ("trajectories", 20), ("tensor_network", 99)) if qubits <= most]
    for engine in engines[: 2 if qubits < 10 else 3]:
        played(ours, template, 16, engine=engine)
        started = time.process_time()
        played(ours, template, shots, engine=engine)
        spent[engine] = time.process_time() - started
    _, notes = benchmark.pedantic(lambda: played(ours, template, shots), rounds=1, iterations=1)
    print(qubits, depth, shots, notes["engine"], {name: f"{1e3 * seconds:.0f} ms" for name, seconds in spent.items()})
    benchmark.extra_info.update(spent | {"chosen": notes["engine"]})
    assert spent[notes["engine"]] < 2 * min(spent.values())


def test_twenty_qubits(benchmark: BenchmarkFixture, ours: Any, torino: Any) -> None:
    """Shots per second at 20 qubits, with one shot and with sixteen per trajectory."""
    driver = ours
    single: dict[str, Any] = {"engine": "trajectories", "shots_per_trajectory": 1}
    played(driver, schedule(20, 1), 16, **single)
    alone, _ = played(driver, schedule(20, 2), 32, **single)
    # the peer's noise model has neither ZZ nor slow noise
    like, _ = played(driver, schedule(20, 4), 32, **single, zz=0, low_frequency=0)
    whole, _, _ = peered(torino, 20, 4, 1)
    shared, notes = benchmark.pedantic(
        lambda: played(driver, schedule(20, 3), 512, **single | {"shots_per_trajectory": 16}), rounds=1, iterations=1
    )
    rates = {"own": 32 / alone, "own_without_zz": 32 / like, "own_shared": 512 / shared, "peer": 4 / whole}
    ratios = {"over_peer_with_zz": rates["own"] / rates["peer"], "over_peer": rates["own_without_zz"] / rates["peer"]}
    ratios |= {"over_peer_shared": rates["own_shared"] / rates["peer"]}
    benchmark.extra_info.update(rates | ratios)
    print(20, notes["shots_per_trajectory"], rates, ratios)
    assert notes["shots_per_trajectory"] == 16
    assert ratios["over_peer"] >= 8
    assert ratios["over_peer_shared"] >= 100


def test_a_wide_clifford_circuit(benchmark: BenchmarkFixture, ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """127 qubits with twirled noise: at least 100,000 shots/s in the engine; what the readout model adds is printed beside it."""
    driver = ours
    template = schedule(127, 1, clifford=True)
    spent: list[float] = []
    plain = PauliFrames.sample

    def timed(self: PauliFrames, *args: Any) -> Any:
        started = time.perf_counter()
        found = plain(self, *args)
        spent.append(time.perf_counter() - started)
        return found

    monkeypatch.setattr(PauliFrames, "sample", timed)
    whole, notes = benchmark.pedantic(lambda: played(driver, template, 100_000), rounds=1, iterations=1)
    rates = {"engine_shots_per_s": 100_000 / spent[-1], "whole_shots_per_s": 100_000 / whole}
    benchmark.extra_info.update(rates)
    print(127, notes["engine"], rates)
    assert notes["engine"] == "pauli_frames"
    assert rates["engine_shots_per_s"] >= 100_000


@pytest.mark.parametrize(("rounds", "shots"), [(1, 10_000), (5, 10_000), (5, 100_000)])
def test_syndromes_of_a_repetition_code(benchmark: BenchmarkFixture, ours: Any, rounds: int, shots: int) -> None:
    """127 qubits on a line, 63 of them measured in each round, with the readout model and IQ points of every measurement."""
    driver = ours
    bench = Bench(tiled(127)[1])
    syndromes(bench, 127, rounds)
    template = bench.build()
    played(driver, template, 10)
    started = time.process_time()
    _, notes = benchmark.pedantic(lambda: played(driver, template, shots), rounds=1, iterations=1)
    rate = shots / (time.process_time() - started)
    benchmark.extra_info.update({"shots_per_s": rate, "measurements_per_s": rate * (63 * rounds + 64)})
    print(rounds, shots, notes["engine"], f"{rate:.0f} shots/s")
    assert notes["engine"] == "pauli_frames"


def test_untouched_qubits_cost_nothing(benchmark: BenchmarkFixture, ours: Any, tmp_path: Path) -> None:
    """The same five-qubit schedule on a device of 127 and on one of five."""
    small, _ = tiled_driver(5, tmp_path)
    times: dict[str, list[float]] = {"small": [], "wide": []}
    for seed in range(7):
        template = schedule(5, seed)
        times["small"].append(played(small, template, 1024)[0])
        times["wide"].append(played(ours, template, 1024)[0])
    benchmark.pedantic(lambda: played(ours, schedule(5, 99), 1024), rounds=1, iterations=1)
    ratio = statistics.median(times["wide"]) / statistics.median(times["small"])
    benchmark.extra_info.update({"small_s": statistics.median(times["small"]), "ratio": ratio})
    print("wide over small", ratio)
    assert ratio < 1.5
