"""White noise: closed forms of T1, T2 and echo; cached windows are physical maps."""

import numpy as np
import pytest
from scipy.linalg import expm

from qpu_bridge.schedule import SlotKind, shapes
from qpu_emulator.scales import Scales
from qpu_emulator.windows.basis import columns
from qpu_emulator.windows.library import Library, Tone
from qpu_emulator.windows.relaxation import Idle, Relaxation
from qpu_emulator.windows.single import Asked
from qpu_emulator.windows.toggling import beyond_rest

TIMES = np.arange(0, 300_001, 30_000)


def _swept(bench, between=None, echo=False):
    wait = bench.builder.sweep(SlotKind.DURATION, 0.0, 30_000.0, 11)
    if between == "x":
        bench.gate("x", 0)
    else:
        bench.gate("sx", 0)
    bench.wait(wait)
    if echo:
        bench.gate("x", 0)
        bench.wait(wait)
    if between != "x":
        bench.rz(0, np.pi if not echo else 0.0)
        bench.gate("sx", 0)
    bench.measure(0)
    return bench.build()


def test_t1(bench, exact, truth):
    found = exact(_swept(bench, "x"), settings={"t1": 1})[:, 1]
    assert found / found[0] == pytest.approx(np.exp(-TIMES * 1e-9 / truth.transmons[0].t1), abs=2e-3)


def test_t2_ramsey_white(bench, exact, truth):
    found = exact(_swept(bench), settings={"t1": 1, "t2": 1})[:, 1]
    assert found == pytest.approx(0.5 - 0.5 * np.exp(-TIMES * 1e-9 / truth.transmons[0].t2), abs=3e-3)


def test_t2_echo_white(bench, exact, truth):
    found = exact(_swept(bench, echo=True), settings={"t1": 1, "t2": 1})
    contrast = 0.5 * np.exp(-2 * TIMES * 1e-9 / truth.transmons[0].t2)
    assert np.abs(found[:, 0] - 0.5) == pytest.approx(contrast, abs=5e-3)


def test_thermal_population_is_where_it_relaxes_to(fresh, exact, truth):
    for prepare in (False, True):
        bench = fresh()
        if prepare:
            bench.gate("x", 3)
        bench.wait(3_000_000)
        bench.measure(3)
        found = exact(bench.build(), settings={"t1": 1, "thermal": 5})[0]
        # level 2 takes its share of the Boltzmann ladder
        assert found[1] / found[0] == pytest.approx(0.02 / 0.98, rel=1e-3)


@pytest.mark.parametrize("levels", [2, 3])
def test_windows_are_physical_maps(truth, levels):
    library = Library(truth, Scales())
    tone = Tone(shapes.drag(36, 9, 0.25), 1e-9, 0.0, "d0")
    numbers = np.array([[[a, f, 0.0]] for a in (0.0, 0.3, -0.9) for f in (0.0, 40e6)])
    library.drive([Asked(0, (tone,), numbers)], levels)
    for window in library.maps(1, levels)[:, 0]:
        _assert_channel(window, levels, 1)
    library.flux(1, Tone(shapes.cosine_square(60, 30), 1e-9, 0.0, "c12"), np.array([0.1, 0.43]), levels)
    for window in library.maps(2, levels):
        _assert_channel(window, levels, 2)


def _assert_channel(window, levels, systems):
    dim = levels**systems
    frame = columns(levels, systems)
    plain = (frame @ window @ frame.conj().T).reshape(dim, dim, dim, dim)  # [out, out', in, in']
    choi = plain.transpose(0, 2, 1, 3).reshape(dim**2, dim**2)
    assert np.linalg.eigvalsh(choi).min() > -1e-10
    assert np.einsum("aaij->ij", plain) == pytest.approx(np.eye(dim), abs=1e-10)


def test_a_window_knows_its_own_relaxation(truth):
    """Half a pulse's relaxation before it and half after misses 1e-4; the toggling frame agrees with an exact solution."""
    scipy_linalg = pytest.importorskip("scipy.linalg")
    fast = truth.model_copy(
        update={"transmons": (truth.transmons[0].model_copy(update={"t1": 3e-6, "t2": 2e-6}), *truth.transmons[1:])}
    )
    library = Library(fast, Scales())
    shape = shapes.drag(36, 9, 0.25)
    library.drive([Asked(0, (Tone(shape, 1e-9, 0.0, "d0"),), np.array([[[0.5, 0.0, 0.0]]]))], 3)
    lower, frame = np.diag(np.sqrt([1.0, 2.0]), 1), columns(3)
    rest = 2 * np.pi * np.diag([0, 0, fast.transmons[0].anharmonicity])
    generator, total = library.relaxations[0].generator(), np.eye(9)
    for z in shape.expand():
        h = rest + np.pi * 52e6 * 0.5 * (z * lower.T + np.conj(z) * lower)
        turn = -1j * (np.kron(h, np.eye(3)) - np.kron(np.eye(3), h.T))
        total = scipy_linalg.expm(1e-9 * ((frame.conj().T @ turn @ frame).real + generator)) @ total
    difference = np.abs(library.maps(1, 3)[0, 0] - total)
    assert difference[:2, :2].max() < 3e-5
    assert difference.max() < 3e-4


def test_on_the_way_through_level_2_relaxation_adds_error():
    """Beside the whole master equation of two transmons of three levels, of which one state spends the pulse in 02."""
    rates, seconds = (Relaxation(2e4, 1e3, 3e4), Relaxation(1e4, 0.0, 5e4)), 2e-9
    one = np.eye(3)
    jumps = [np.kron(jump, one) for jump in rates[0].jumps()] + [np.kron(one, jump) for jump in rates[1].jumps()]
    squares = [jump.conj().T @ jump for jump in jumps]
    generator = sum(
        np.kron(jump, jump.conj()) - (np.kron(square, np.eye(9)) + np.kron(np.eye(9), square.T)) / 2
        for jump, square in zip(jumps, squares, strict=True)
    )
    flow = expm(generator * seconds)

    def infidelity(way):
        turned = (np.kron(way.T, way.T) @ flow @ np.kron(way, way)).reshape(9, 9, 9, 9)
        within = turned[np.ix_(*([[0, 1, 3, 4]] * 4))].real
        return 1 - (np.einsum("ijij->", within) + np.einsum("iijj->", within)) / 20

    way = np.eye(9)[[0, 1, 4, 3, 2, 5, 6, 7, 8]]
    added = beyond_rest(np.repeat(way[None], 2, axis=0).astype(complex), rates, seconds)
    assert added == pytest.approx(infidelity(way) - infidelity(np.eye(9)), rel=1e-3)
    assert added > 2e-5


def test_idle_times_are_those_of_each_alone_and_never_change(truth, seed):
    """Asked for in any order, with what fades beside, while entries are added for other transmons."""
    draw, rates = np.random.default_rng(seed), [Relaxation.of(transmon, Scales()) for transmon in truth.transmons]
    idle, times = Idle(truth, rates, 3), 1e-6 * draw.random(20)
    assert len(idle.find(0, times[:0])) == 0
    before, seen = idle.find(0, times[5:6]), idle.mixing
    for _ in range(30):
        qubit, seconds = int(draw.integers(0, 5)), draw.choice(times, 8).repeat(draw.integers(1, 4, 8))
        faded = draw.choice([0.0, 0.25], len(seconds))
        found = idle.find(qubit, seconds, faded)
        populations, coherences = rates[qubit].idle(seconds, 3)
        assert idle.mixing[found] == pytest.approx(populations, abs=1e-15)
        assert idle.fading[found] == pytest.approx(coherences * np.exp(-np.outer(faded, [1, 4, 1])), abs=1e-15)
        turned = 2 * np.pi * seconds * truth.transmons[qubit].anharmonicity
        assert np.exp(1j * idle.turning[found]) == pytest.approx(np.exp(1j * turned), abs=1e-9)
        assert idle.find(qubit, float(seconds[0]), float(faded[0])) == found[0]
    assert len(idle.turning) <= 5 * 20 * 2
    assert (seen[before] == idle.mixing[before]).all()
