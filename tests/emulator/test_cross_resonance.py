"""Statically coupled transmons: static ZZ, cross-resonance, the echoed gate, against QuTiP, closed forms and matrices."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.linalg import expm

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Builder, PortKind, SlotKind, Table, shapes
from qpu_bridge.units import Clock
from qpu_emulator import five_ecr
from qpu_emulator.bring_up.echoed import ECR
from qpu_emulator.chip.device import Device, StaticCoupling, Transmon
from qpu_emulator.scales import Scales
from qpu_emulator.score.program import compile_program
from qpu_emulator.windows.library import Library
from qpu_emulator.windows.static_pair import StaticPair
from qpu_emulator.windows.tones import Tone
from tests.emulator.conftest import Bench

RABI = 50e6


def _pair_device(delta=120e6, j=2.0e6, alphas=(-330e6, -330e6)):
    rest = 4.95e9
    transmons = (
        Transmon(frequency=rest + delta, anharmonicity=alphas[0], rabi={"x0": RABI}),
        Transmon(frequency=rest, anharmonicity=alphas[1], rabi={"x1": RABI}),
    )
    return Device(name="two", transmons=transmons, couplers=(StaticCoupling(qubits=(0, 1), j=j),))


@pytest.fixture(scope="module")
def line():
    """A bench of the second built-in device."""
    return lambda: Bench(five_ecr.snapshot())


@pytest.fixture(scope="module")
def chip():
    return five_ecr.device()


@pytest.mark.parametrize("delta", [80e6, 120e6, 200e6, -120e6])
def test_static_zz_of_the_levels(delta):
    device = _pair_device(delta, 1.5e6, (-330e6, -310e6))
    closed = -2 * 1.5e6**2 * (1 / (delta - 330e6) + 1 / (-310e6 - delta))
    assert StaticPair(device, device.couplers[0]).zz() == pytest.approx(closed, rel=3e-3)


def test_dressed_frequencies_are_the_device_files():
    device = _pair_device(90e6, 4e6)
    energies = StaticPair(device, device.couplers[0]).gap()
    assert energies[1, 0] == pytest.approx(0, abs=1)
    assert energies[0, 1] == pytest.approx(-90e6, abs=1)


def test_static_zz(line, exact, chip):
    """JAZZ: the phase of a superposed qubit after a wait, neighbour excited or not, is 2 pi zeta t."""
    wait = 5000
    angle = {}
    for excited in (False, True):
        found = []
        for axis in (0.0, np.pi / 2):
            bench = line()
            if excited:
                bench.gate("x", 1)
            bench.gate("sx", 0)
            bench.wait(wait)
            bench.rz(0, axis)
            bench.gate("sx", 0)
            bench.measure(0, 1)
            seen = exact(bench.build(), settings={"zz": 1}, device=chip)
            found.append(seen[0].sum(axis=1)[1] if excited else seen[0][0, 1])
        angle[excited] = np.arctan2(-(2 * found[1] - 1), 2 * found[0] - 1)
    turned = np.mod(angle[False] - angle[True] + np.pi, 2 * np.pi) - np.pi
    seconds = (wait + 36) * 1e-9
    zeta = StaticPair(chip, chip.couplers[0]).zz()
    turns = round(zeta * seconds - turned / (2 * np.pi))
    assert (turned / (2 * np.pi) + turns) / seconds == pytest.approx(zeta, abs=300)


def _qutip_pair(device, pair, frame):
    qutip = pytest.importorskip("qutip")
    lower = qutip.destroy(4)
    a, b = qutip.tensor(lower, qutip.qeye(4)), qutip.tensor(qutip.qeye(4), lower)
    rest = 2 * np.pi * device.couplers[0].j * (a.dag() * b + a * b.dag())
    for x, bare, transmon in zip((a, b), pair._bare, device.transmons, strict=True):
        rest += 2 * np.pi * ((bare - frame) * x.dag() * x + transmon.anharmonicity / 2 * x.dag() * x.dag() * x * x)
    return rest, a, b


@pytest.mark.parametrize("rotary", [0.0, 0.03j])
def test_cr_pulse(exact, rotary):
    """P(target flips) for the control in |0> and |1>, through a schedule, against QuTiP with four levels each."""
    import qutip

    device = _pair_device()
    pair = StaticPair(device, device.couplers[0])
    frame = device.transmons[1].frequency
    rest, a, b = _qutip_pair(device, pair, frame)
    dressed = rest.eigenstates()[1]
    idle = {
        n: max(dressed, key=lambda s, n=n: abs(qutip.tensor(qutip.basis(4, n[0]), qutip.basis(4, n[1])).overlap(s)))
        for n in np.ndindex(2, 2)
    }
    shape = shapes.gaussian_square(180, 12, 120)
    for amplitude in np.linspace(0.05, 0.65, 7):
        u = qutip.tensor(qutip.qeye(4), qutip.qeye(4))
        for sample, held in zip(shape.samples, shape.repeats, strict=True):
            z, w = np.pi * RABI * amplitude * sample, np.pi * RABI * rotary * sample
            h = rest + z * a.dag() + np.conj(z) * a + w * b.dag() + np.conj(w) * b
            u = qutip.Qobj(expm(-1j * h.full() * 1e-9 * float(held)), dims=u.dims) * u
        for control in (0, 1):
            bench = _Pair(device)
            if control:
                bench.flip(0)
            bench.play_both(shape, amplitude, rotary)
            found = exact(bench.build(), device=device)[0]
            state = u * idle[control, 0]
            wanted = sum(abs(idle[n, 1].overlap(state)) ** 2 for n in (0, 1))
            assert found[:2, 1].sum() == pytest.approx(wanted, abs=2e-3)


class _Pair:
    """Write plays on two transmons without readout."""

    def __init__(self, device):
        self.device = device
        self.builder = Builder(Clock(Fraction(1, 10**9)))
        ports = [self.builder.port(f"x{q}", PortKind.DRIVE) for q in (0, 1)]
        rests = [transmon.frequency for transmon in device.transmons]
        self.frames = [self.builder.frame(f"q{q}", ports[q], rests[q]) for q in (0, 1)]
        self.across = self.builder.frame("u", ports[0], rests[1])

    def flip(self, qubit):
        shape = shapes.drag(60, 15, 0.24)
        area = shape.expand().real.sum() * 1e-9
        self.builder.play(self.frames[qubit], shape, 0.5 / RABI / area)
        self.builder.barrier()

    def play_both(self, shape, amplitude, rotary=0.0, phase=0.0):
        start = self.builder.now(self.across)
        self.builder.play(self.across, shape, amplitude, phase, at=start)
        if rotary:
            self.builder.play(self.frames[1], shape, abs(rotary), phase + float(np.angle(rotary)), at=start)
        self.builder.barrier()

    def build(self):
        return self.builder.build()


def test_zx_rate_in_third_order():
    """Flip rates for both states of the control give ZX; against perturbation theory to third order in the drive."""
    delta, j, alpha, strength = 120e6, 1.0e6, -330e6, 0.4
    device = _pair_device(delta, j)
    pair = StaticPair(device, device.couplers[0])
    omega = RABI * strength
    # a tone that is on at once would shake; a slow edge follows the dressed states
    shape = shapes.gaussian_square(1200, 50, 800)
    longer = shapes.gaussian_square(1300, 50, 900)
    angle = []
    for envelope in (shape, longer):
        samples = np.zeros((1, 2, len(envelope.samples)), complex)
        samples[0, 0] = np.pi * omega * envelope.samples
        u = pair.propagate(samples, envelope.repeats, 1e-9, np.array([device.transmons[1].frequency]), [0, 1, 4, 5])[0][0]
        turns = []
        for control in (0, 1):
            block = u[[4 * control, 4 * control + 1]][:, [2 * control, 2 * control + 1]]
            turns.append(_turn(block))
        angle.append(turns)
    zx1 = -(j * omega / delta) * alpha / (alpha + delta)
    a, d = alpha, delta
    bottom = 2 * d**3 * (a + d) ** 3 * (a + 2 * d) * (3 * a + 2 * d)
    zx3 = j * omega**3 * a**2 * (3 * a**3 + 11 * a**2 * d + 15 * a * d**2 + 9 * d**3) / bottom
    per_second = [(late - early) / 100e-9 / (2 * np.pi) for early, late in zip(*angle, strict=True)]
    # each control state turns the target at IX +- ZX
    found = abs(per_second[0] - per_second[1]) / 2
    assert found == pytest.approx(abs(zx1 + zx3), rel=0.1)


def _turn(block):
    """Signed turn about X of a unitary near exp(-i t X / 2), any branch."""
    return 2 * np.arctan2((1j * (block[1, 0] / block[0, 0])).real, 1.0)


def test_phase_and_start_are_virtual(exact):
    """A common phase of all tones turns the target's axis and nothing else; the start moves only the control's phase."""
    device = _pair_device()
    found = []
    for phase, wait in ((0.0, 0), (1.1, 0), (0.0, 777), (2.9, 123)):
        bench = _Pair(device)
        bench.builder.wait(wait)
        bench.play_both(shapes.gaussian_square(180, 12, 120), 0.5, 0.02, phase)
        found.append(exact(bench.build(), device=device)[0])
    for other in found[1:]:
        assert other == pytest.approx(found[0], abs=1e-9)


def test_all_phases_and_starts_share_one_window(chip):
    library = Library(chip, Scales())
    shape = shapes.gaussian_square(60, 8, 28)
    tones = (Tone(shape, 1e-9, 0.0, "x0"), Tone(shape, 1e-9, 0.0, "x1"))
    offset = chip.transmons[1].frequency - chip.transmons[0].frequency
    numbers = np.array([[[0.3, offset, 0.0], [0.1, offset, 0.5]]] * 3)
    assert len(set(library.cross(0, tones, numbers, 3).tolist())) == 1


@pytest.mark.parametrize("pair", [(0, 1), (2, 1), (2, 3), (4, 3)])
def test_ecr(line, exact, chip, pair):
    """The gate on superpositions, against its matrix."""
    sx = np.exp(0.25j * np.pi) * np.array([[1, -1j], [-1j, 1]]) / np.sqrt(2)
    for turns in ((0.0, 0.0), (0.7, -0.4), (2.0, 1.3)):
        bench = line()
        for qubit, turn in zip(pair, turns, strict=True):
            bench.gate("sx", qubit)
            bench.rz(qubit, turn)
        bench.gate("ecr", *pair)
        for qubit, turn in zip(pair, turns, strict=True):
            bench.rz(qubit, turn)
            bench.gate("sx", qubit)
        bench.measure(*pair)
        found = exact(bench.build(), settings={"zz": 1}, device=chip)[0]
        found = found[:2, :2] if pair[0] < pair[1] else found[:2, :2].T
        z = [np.diag([np.exp(-0.5j * t), np.exp(0.5j * t)]) for t in turns]
        before = np.kron(z[0] @ sx, z[1] @ sx)
        after = np.kron(sx @ z[0], sx @ z[1])
        wanted = np.abs((after @ ECR @ before)[:, 0]) ** 2
        assert found.ravel() == pytest.approx(wanted, abs=8e-3)


def test_ecr_is_qiskits():
    from qiskit.circuit.library import ECRGate

    # qiskit counts the first qubit, the control, as the least significant
    order = [0, 2, 1, 3]
    assert np.asarray(ECRGate().to_matrix())[np.ix_(order, order)] == pytest.approx(ECR)


def test_three_transmons_in_one_window_are_refused(line, chip):
    bench = line()
    shape = bench.waveform("cross")
    bench.play("u0_1", shape, 0.3, at=0)
    bench.play("u2_1", shape, 0.3, at=20)
    with pytest.raises(ScheduleError, match="at most one coupled pair"):
        compile_program(bench.build(), chip, lambda _: 0.0)


def test_a_swept_tone_goes_across_by_its_carrier(line, exact, chip):
    bench = line()
    slot = bench.builder.slot(SlotKind.AMPLITUDE)
    bench.play("u0_1", bench.waveform("cross"), slot)
    bench.measure(0, 1)
    found = exact(bench.build(), Table(np.array([[0.0], [0.3], [0.5]])), device=chip)
    assert found[0, 0, 0] == pytest.approx(1, abs=1e-9)
    assert found[2, 0, 1] > found[1, 0, 1] > 0.01


def test_a_bell_pair_through_the_bridge():
    """The second built-in device by its name, transpiled to ecr, through lowering and the driver."""
    from qiskit import QuantumCircuit, transpile

    from qpu_bridge.sdk import BridgeBackend

    backend = BridgeBackend.emulated("five_ecr")
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    ready = transpile(circuit, backend, initial_layout=[2, 1], seed_transpiler=1)
    assert ready.count_ops()["ecr"] == 1
    counts = backend.run(ready, shots=4000, seed=11).result().get_counts()
    assert counts["00"] + counts["11"] > 0.94 * 4000
    assert 0.45 < counts["11"] / 4000 < 0.52
