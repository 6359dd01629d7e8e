"""What must hold whatever the numbers are: physical maps, unitarity, halves that make a whole."""

import numpy as np
import pytest
from scipy.linalg import expm

from qpu_bridge.schedule import shapes
from qpu_emulator import five_ecr
from qpu_emulator.scales import Scales
from qpu_emulator.windows.basis import columns
from qpu_emulator.windows.drive import drive
from qpu_emulator.windows.library import Library
from qpu_emulator.windows.pair import Pair
from qpu_emulator.windows.static_pair import StaticPair
from qpu_emulator.windows.toggling import detuning_shares
from qpu_emulator.windows.tones import Tone
from tests.emulator.conftest import Bench


@pytest.fixture(scope="module")
def chip():
    return five_ecr.device()


def _cross(library, shape, amplitude, rotary, levels, coupler=0):
    device = library.device
    first, second = device.couplers[coupler].qubits
    tones = (Tone(shape, 1e-9, 0.0, device.line_of(first)), Tone(shape, 1e-9, 0.0, device.line_of(second)))
    offset = device.transmons[second].frequency - device.transmons[first].frequency
    index = library.cross(coupler, tones, np.array([[[amplitude, offset, 0.0], [rotary, offset, 0.3]]]), levels)
    return library.maps(2, levels)[int(index[0])]


def _plain(window, levels):
    """The map on row-major matrices, ``[out, out', in, in']``."""
    dim, frame = levels**2, columns(levels, 2)
    return (frame @ window @ frame.conj().T).reshape(dim, dim, dim, dim)


@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("amplitude", [0.0, 0.3, 1.0])
def test_cross_windows_are_physical_maps(chip, levels, amplitude):
    """Completely positive, and no trace lost even where a strong tone reaches the fourth level."""
    plain = _plain(_cross(Library(chip, Scales()), shapes.gaussian_square(120, 6, 96), amplitude, 0.1, levels), levels)
    dim = levels**2
    choi = plain.transpose(0, 2, 1, 3).reshape(dim**2, dim**2)
    assert np.linalg.eigvalsh(choi).min() > -1e-10
    assert np.einsum("aaij->ij", plain) == pytest.approx(np.eye(dim), abs=1e-10)


def test_propagators_are_unitary(chip, truth):
    pair = StaticPair(chip, chip.couplers[0])
    shape = shapes.gaussian_square(220, 12, 160)
    tones = np.pi * 60e6 * np.array([0.9, 0.2])[None, :, None] * shape.samples
    u = pair.propagate(tones, shape.repeats, 1e-9, np.array([chip.transmons[1].frequency]), list(range(16)))[0][0]
    assert u.conj().T @ u == pytest.approx(np.eye(16), abs=1e-10)
    samples = np.pi * 52e6 * shapes.drag(36, 9, 0.25).samples[None]
    one = drive(samples, np.ones(36, np.int64), 1e-9, np.zeros(1), np.full(1, -2e9))[0][0]
    assert one.conj().T @ one == pytest.approx(np.eye(3), abs=1e-10)
    coupler = Pair(truth, truth.couplers[0])
    flux = shapes.cosine_square(60, 30)
    kept = coupler.propagate(coupler.frequency(0.0 * flux.samples.real)[None], flux.repeats, 1e-9)[0][0]
    assert kept.conj().T @ kept == pytest.approx(np.eye(9), abs=1e-10)


def test_relaxation_within_a_cross_resonance_pulse(chip):
    """T1 and T2 of microseconds: the toggling frame agrees with Lindblad's equation solved in 256 dimensions."""
    fast = [t.model_copy(update={"t1": 8e-6 * (1 + q), "t2": 6e-6}) for q, t in enumerate(chip.transmons[:2])]
    device = chip.model_copy(update={"transmons": (*fast, *chip.transmons[2:]), "lines": {}})
    shape, amplitude, rotary = shapes.constant(160), 0.4, 0.06
    found = _plain(_cross(Library(device, Scales(thermal=0)), shape, amplitude, rotary, 2), 2)
    pair = StaticPair(device, device.couplers[0])
    lower = np.diag(np.sqrt([1.0, 2.0, 3.0]), 1)
    a, b = np.kron(lower, np.eye(4)), np.kron(np.eye(4), lower)
    carrier = device.transmons[1].frequency
    h = 2 * np.pi * device.couplers[0].j * (a.T @ b + b.T @ a).astype(complex)
    for x, bare, transmon in ((a, pair._bare[0], fast[0]), (b, pair._bare[1], fast[1])):
        h += 2 * np.pi * ((bare - carrier) * x.T @ x + transmon.anharmonicity / 2 * x.T @ x.T @ x @ x)
    rabi = [t.rabi[device.line_of(q)] for q, t in enumerate(fast)]
    for x, z in ((a, rabi[0] * amplitude), (b, rabi[1] * rotary * np.exp(0.3j))):
        h += np.pi * (z * x.T + np.conj(z) * x)
    one, w = np.eye(16), pair._dressed
    flow = -1j * (np.kron(h, one) - np.kron(one, h.T))
    for x, transmon in ((a, fast[0]), (b, fast[1])):
        jumps = (np.sqrt(1 / transmon.t1) * x, np.sqrt(2 * transmon.dephasing_rate) * x.T @ x)
        for jump in (w @ j @ w.T for j in jumps):
            square = jump.T @ jump
            flow += np.kron(jump, jump) - (np.kron(square, one) + np.kron(one, square)) / 2
    total = expm(160e-9 * flow)
    turn = [2 * np.pi * (t.frequency - carrier) * 160e-9 for t in fast]
    frame = np.exp(1j * np.add.outer(turn[0] * np.arange(4), turn[1] * np.arange(4)).ravel())[:, None] * w.T
    total = np.kron(frame, frame.conj()) @ total @ np.kron(w, w)
    kept = [0, 1, 4, 5]
    wanted = total.reshape(16, 16, 16, 16)[np.ix_(kept, kept, kept, kept)]
    lossless = _plain(_cross(Library(device, Scales(t1=0, t2=0)), shape, amplitude, rotary, 2), 2)
    leaked = abs(lossless - found)
    # what leaves two levels counts as excited here and is missing there
    missing = 1 - np.einsum("aabb->b", wanted).real.min()
    assert leaked.max() > 0.01
    assert np.abs(found - wanted).max() < missing + 5e-4


@pytest.mark.parametrize("angle", [0.0, 0.4, 2.0, 6.28])
def test_a_slow_detuning_is_shared_between_before_and_after(angle):
    """A turn about X by ``angle``: exact against the propagator with the detuning in it, to first order."""
    x, n = np.array([[0, 1], [1, 0]]), np.diag([0.0, 1.0])
    middles = (np.arange(24) + 0.5) / 24
    both = lambda u: np.kron(u, np.eye(2))  # noqa: E731
    noted = np.array([both(expm(-0.5j * angle * m * x)) for m in middles])[None]
    final = both(expm(-0.5j * angle * x))[None]
    before, after = detuning_shares(noted, final, 1.0, 2)[0, 0]
    assert 0 <= before <= 1
    assert 0 <= after <= 1
    small = 1e-4
    exact = expm(-1j * (angle / 2 * x + small * n))
    found = expm(-1j * small * after * n) @ expm(-0.5j * angle * x) @ expm(-1j * small * before * n)
    overlap = abs(np.trace(exact.conj().T @ found)) / 2
    ignored = abs(np.trace(exact.conj().T @ expm(-0.5j * angle * x))) / 2
    assert 1 - overlap < max(0.02 * (1 - ignored), 1e-11)


def _halves(fresh, exact, device, play):
    found = []
    for parts in (1, 2):
        bench = fresh()
        for _ in range(parts):
            play(bench, parts)
        bench.measure(0, 1)
        seen = exact(bench.build(), device=device)
        found.append(seen[0] if isinstance(seen, list) else seen)
    return found


def test_two_half_windows_are_one_window(fresh, exact, chip):
    """Square tones, resonant and detuned, and cross-resonance: cut in the middle."""

    def drive_by(offset):
        def play(bench, parts):
            if "x" not in bench.frames:
                bench.frames["x"] = bench.builder.frame("x", bench.ports["d0"], 5.021e9 + offset)
            bench.play("x", shapes.constant(120 // parts), 0.11, 0.4)

        return play

    def cross(bench, parts):
        bench.play("u0_1", shapes.constant(240 // parts), 0.5, 0.2, at=(now := bench.builder.now(bench.frames["m0"])))
        bench.play("q1", shapes.constant(240 // parts), 0.05, 0.9, at=now)
        bench.builder.barrier()

    for play in (drive_by(0.0), drive_by(7e6)):
        whole, cut = _halves(fresh, exact, None, play)
        assert cut == pytest.approx(whole, abs=1e-9)
    # what leaks into the fourth level in the first half cannot come back from it
    line = chip.model_copy(update={"lines": {}})
    whole, cut = _halves(lambda: Bench(five_ecr.snapshot()), exact, line, cross)
    assert cut == pytest.approx(whole, abs=1e-4)


def test_order_of_commuting_lines_does_not_matter(fresh, exact):
    outcome = []
    for order in ((0, 1, 2), (2, 0, 1)):
        bench = fresh()
        for qubit in order:
            bench.play(f"q{qubit}", bench.waveform(f"drag{qubit}"), 0.3, 0.2 * qubit, at=0)
        bench.gate("cz", 0, 1)
        bench.gate("cz", 1, 2)
        bench.measure(0, 1, 2)
        outcome.append(exact(bench.build())[0])
    assert outcome[1] == pytest.approx(outcome[0], abs=1e-12)
    assert outcome[0].sum() == pytest.approx(1, abs=1e-9)
