"""What windows are made of, beside plain numbers: ticks of a pair, nearest unitaries, maps by sectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm, polar

from qpu_bridge.schedule import shapes
from qpu_emulator import five
from qpu_emulator.scales import Scales
from qpu_emulator.windows.basis import superoperator
from qpu_emulator.windows.drive import drive
from qpu_emulator.windows.library import Library
from qpu_emulator.windows.pair import Pair
from qpu_emulator.windows.polar import nearest_unitary
from qpu_emulator.windows.relaxation import Relaxation
from qpu_emulator.windows.sectors import solve_sectors
from qpu_emulator.windows.single import Asked
from qpu_emulator.windows.toggling import decay
from qpu_emulator.windows.tones import Tone

_TAU = 2 * np.pi
_NUMBER = np.add.outer(np.arange(3), np.arange(3)).ravel()


@pytest.fixture(scope="module")
def pair():
    truth = five.device()
    return Pair(truth, truth.couplers[0])


@given(st.lists(st.floats(0.0, 8e9), min_size=1, max_size=6), st.sampled_from([1e-9, 0.25e-9, 2e-9]))
@settings(max_examples=30, deadline=None)
def test_any_tick_is_that_of_its_hamiltonian(frequencies, dt):
    truth = five.device()
    pair = Pair(truth, truth.couplers[0])
    found = pair.propagate(np.array([frequencies]), np.ones(len(frequencies), int), dt)[0][0]
    rest, coupler, _ = pair._dressed_whole
    wanted = np.eye(27)
    for frequency in frequencies:
        wanted = expm(-1j * _TAU * dt * (rest + frequency * coupler)) @ wanted
    kept = [9 * a + b for a in range(3) for b in range(3)]
    turned = _TAU * dt * len(frequencies) * (pair.frequencies[1] - pair.frequencies[0]) * np.tile(np.arange(3), 3)
    wanted = np.exp(1j * turned)[:, None] * wanted[np.ix_(kept, kept)]
    assert found == pytest.approx(wanted, abs=1e-12)


@given(st.integers(1, 5000), st.floats(2e9, 7e9))
@settings(max_examples=30, deadline=None)
def test_a_held_tick_is_a_power(pair, times, frequency):
    held = pair.propagate(np.array([[frequency]]), np.array([times]), 1e-9)[0]
    values, vectors = np.linalg.eigh(pair._dressed_whole[0] + frequency * pair._dressed_whole[1])
    wanted = (vectors * np.exp(-1j * _TAU * 1e-9 * times * values)) @ vectors.T
    kept = [9 * a + b for a in range(3) for b in range(3)]
    assert np.abs(held[0]) == pytest.approx(np.abs(wanted[np.ix_(kept, kept)]), abs=1e-10)


@pytest.mark.parametrize("both", [False, True])
def test_drives_beside_flux_are_those_of_the_whole_hamiltonian(pair, both):
    """One tone or two of other phases, off resonance, with pauses and held ticks, at all moments that are noted."""
    rng = np.random.default_rng(5)
    repeats = np.array([3, 1, 1, 1, 5, 1, 1, 1, 40, 1, 2, 7])
    frequency = pair.frequency(0.5 * rng.random(len(repeats)))
    tones = 1e8 * rng.normal(size=(2, len(repeats))) * np.exp(1j * rng.normal(size=(2, len(repeats))))
    tones[:, [0, 4, 7, 8]] = 0.0
    tones[1] *= both
    offset = 7e6
    final, noted = pair.driven(tones[None], frequency[None], repeats, 1e-9, np.array([pair.frequencies[0] + offset]))
    rest, coupler, ladders = pair._dressed_whole
    state = np.arange(27)
    shift = np.diag(offset * (state // 9 + state // 3 % 3 + state % 3))
    wanted, passed = np.eye(27), [np.eye(27)]
    for run, times in enumerate(repeats):
        h = _TAU * (rest + frequency[run] * coupler - shift) + np.zeros((27, 27), complex)
        for tone, ladder in zip(tones[:, run], ladders, strict=True):
            h += tone * np.tril(ladder) + np.conj(tone) * np.triu(ladder)
        for _ in range(times):
            wanted = expm(-1e-9j * h) @ wanted
            passed.append(wanted)
    kept = [9 * a + b for a in range(3) for b in range(3)]
    # from the carrier's frame to those of the transmons
    own, other = _TAU * 1e-9 * (np.array(pair.frequencies) - pair.frequencies[0] - offset)
    turning = own * np.repeat(np.arange(3), 3) + other * np.tile(np.arange(3), 3)
    times = np.rint((np.arange(24) + 0.5) * repeats.sum() / 24).astype(int)
    for found, moment in zip([*noted[0], final[0]], [*times, repeats.sum()], strict=True):
        assert found == pytest.approx(np.exp(1j * turning * moment)[:, None] * passed[moment][np.ix_(kept, kept)], abs=1e-11)


def test_ticks_do_not_depend_on_who_is_asked_for_with_them(pair):
    frequency = np.linspace(3e9, 6e9, 40).reshape(8, 5)
    together = pair.propagate(frequency, np.ones(5, int), 1e-9)
    for row, alone in enumerate(frequency):
        fresh = Pair(five.device(), pair.coupler).propagate(alone[None], np.ones(5, int), 1e-9)
        assert all(np.array_equal(one[0], other[row]) for one, other in zip(fresh, together, strict=True))


def test_the_nearest_unitary_is_scipys():
    rng = np.random.default_rng(7)
    matrices = rng.normal(size=(20, 2, 9, 9)) @ np.diag(np.geomspace(1, 1e-4, 9)) + 1j * rng.normal(size=(20, 2, 9, 9)) / 50
    found = nearest_unitary(matrices)
    for one, matrix in zip(found.reshape(-1, 9, 9), matrices.reshape(-1, 9, 9), strict=True):
        assert one == pytest.approx(polar(matrix)[0], abs=1e-9)
    lost = np.diag([1.0, 0.5j, 0.0]).astype(complex)
    found = nearest_unitary(lost)
    assert found @ found.conj().T == pytest.approx(np.eye(3), abs=1e-12)
    assert found[:2, :2] == pytest.approx(np.diag([1, 1j]), abs=1e-12)


@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("rates", [(1e4, 3e2, 2e4), (0.0, 0.0, 0.0), (4e7, 1e7, 5e7)])
def test_maps_by_sectors_are_whole_ones(levels, rates):
    """Random unitaries that conserve excitations, weak, no and overwhelming relaxation."""
    rng = np.random.default_rng(11)
    kept = [3 * a + b for a in range(levels) for b in range(levels)]
    alike = _NUMBER[kept, None] == _NUMBER[kept]
    noted = nearest_unitary(
        np.where(alike, rng.normal(size=(3, 4, *alike.shape)) + 1j * rng.normal(size=(3, 4, *alike.shape)), 0)
    )
    relaxations = (Relaxation(*rates), Relaxation(*np.multiply(rates, 0.7)))
    # a tenth of each amplitude stays away, and what it was comes back in the ground state
    kraus = np.sqrt(0.9) * noted[:, -1:]
    found = solve_sectors(kraus, noted, relaxations, 1e-7, levels)
    flow = superoperator(kraus[:, 0], levels, levels, systems=2)
    trace = np.kron(np.arange(levels**2) < levels, np.arange(levels**2) < levels).astype(float)
    flow[:, 0] += trace - trace @ flow
    lost = decay(noted, relaxations, 1e-7, levels)
    wanted = np.array([one @ expm(other) for one, other in zip(flow, lost, strict=True)])
    assert found == pytest.approx(wanted, abs=1e-13)
    assert trace @ found == pytest.approx(np.broadcast_to(trace, (3, len(trace))), abs=1e-13)


@pytest.mark.parametrize(
    "shape",
    [shapes.drag(160, 40, 0.5), shapes.gaussian_square(400, 20, 250), shapes.constant(120)],
    ids=["drag", "flat", "square"],
)
def test_a_pulse_in_a_mirror_is_both_its_halves(shape):
    """A symmetric pulse is solved to its middle only; halves are not symmetric, and followed."""
    count = 3
    numbers = 1e-9, _TAU * np.linspace(-20e6, 30e6, count), np.full(count, -_TAU * 0.3e9), np.array([[2e4, 1e3, 5e3]] * count)
    samples = np.pi * 40e6 * np.linspace(0.1, 1.0, count)[:, None] * shape.expand()
    whole = drive(np.multiply.outer(samples[:, 0] / shape.samples[0], shape.samples), shape.repeats, *numbers)
    middle = samples.shape[1] // 2
    once = np.ones(middle, np.int64)
    (first, bent, lost), (second, bent_late, lost_late) = (
        drive(part, once, *numbers) for part in (samples[:, :middle], samples[:, middle:])
    )
    turned = superoperator(first, 3, 3)
    back = turned.transpose(0, 2, 1)
    wanted = second @ first, bent + back @ bent_late @ turned, lost + back @ lost_late @ turned
    for one, other in zip(whole, wanted, strict=True):
        assert np.abs(one - other).max() < 1e-11 * np.abs(other).max()


def test_a_pulse_is_the_same_beside_one_that_is_not_symmetric():
    rng = np.random.default_rng(7)
    samples = 1e8 * np.stack([shapes.gaussian(120, 30).expand(), rng.normal(size=120) + 0j, shapes.gaussian(120, 20).expand()])
    numbers = np.full(3, 1e7), np.full(3, -2e9), np.full((3, 3), 1e4)
    together = drive(samples, np.ones(120, np.int64), 1e-9, *numbers)
    for place in range(3):
        alone = drive(samples[place : place + 1], np.ones(120, np.int64), 1e-9, *(one[:1] for one in numbers))
        for one, other in zip(together, alone, strict=True):
            assert one[place].tobytes() == other[0].tobytes()


def test_a_shape_may_be_sent_to_many_times_something():
    """A symmetric shape and one that is not, times real and complex numbers, are what they are written out."""
    rng = np.random.default_rng(11)
    both = 1e8 * np.stack([shapes.drag(120, 30, 0.4).expand(), rng.normal(size=120) + 1j * rng.normal(size=120)])
    which, factor = np.array([1, 0, 0, 1, 0]), np.array([0.5, 0.7, 0.7j, 1.2 - 0.3j, -0.4])
    numbers = rng.uniform(-1e7, 1e7, 5), np.full(5, -2e9), np.full((5, 3), 1e4)
    found = drive(both, np.ones(120, np.int64), 1e-9, *numbers, (which, factor))
    wanted = drive(factor[:, None] * both[which], np.ones(120, np.int64), 1e-9, *numbers)
    for one, other in zip(found, wanted, strict=True):
        assert np.abs(one - other).max() < 1e-12 * np.abs(other).max()


def test_windows_are_solved_once_whoever_asks_for_them():
    """Rows that come again in one list, in another list of the same call, and in another call."""
    library, rng = Library(five.device(), Scales()), np.random.default_rng(3)
    tone = (Tone(shapes.gaussian(24, 6), 1e-9, 0.0, "d0"),)
    rows = np.stack([rng.uniform(0.1, 0.5, 7), rng.uniform(-1e7, 1e7, 7), np.zeros(7)], axis=1)[:, None]
    asked = [(0, [3, 1, 3, 0, 1]), (1, [3]), (0, [0, 2, 5]), (0, [4])]
    found = library.drive([Asked(qubit, tone, rows[which]) for qubit, which in asked], 3)
    assert len(library.maps(1, 3)) == 7
    (again,) = library.drive([Asked(0, tone, rows)], 3)
    assert len(library.maps(1, 3)) == 8
    for index, (qubit, which) in zip(found, asked, strict=True):
        assert (index.tolist() == again[which].tolist()) == (qubit == 0)
        alone = Library(five.device(), Scales())
        (own,) = alone.drive([Asked(qubit, tone, rows[which])], 3)
        assert (library.maps(1, 3)[index] == alone.maps(1, 3)[own]).all()
