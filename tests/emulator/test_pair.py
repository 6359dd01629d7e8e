"""Two transmons and a coupler, against QuTiP and closed forms."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from qpu_bridge.schedule import Waveform, shapes
from qpu_emulator.windows.pair import Pair


class Reference:
    """Two transmons and their coupler in QuTiP, 27 states; bare frequencies such that dressed ones are the device file's."""

    def __init__(self, truth, coupler):
        self.qutip = pytest.importorskip("qutip")
        self.coupler = coupler
        self.transmons = [truth.transmons[q] for q in coupler.qubits]
        self.frame = self.transmons[0].frequency
        wanted = np.array([transmon.frequency for transmon in self.transmons])
        self.bare = wanted
        self.bare = least_squares(lambda bare: self._dressed(bare) - wanted, wanted, x_scale=1e6, xtol=1e-15, ftol=1e-15).x

    def _dressed(self, bare):
        self.bare = bare
        energies = self.energies()
        return self.frame + np.array([energies[1, 0], energies[0, 1]])

    def flux(self, amplitude):
        turns = self.coupler.idle_flux + self.coupler.flux_per_amplitude * amplitude
        return self.coupler.maximum * np.sqrt(abs(np.cos(np.pi * turns)))

    def static(self, fc):
        qutip = self.qutip
        a, c, b = (qutip.tensor(*(qutip.destroy(3) if place == k else qutip.qeye(3) for k in range(3))) for place in range(3))
        first, second = self.transmons
        h = (fc - self.frame) * c.dag() * c
        for x, bare in ((a, self.bare[0]), (b, self.bare[1])):
            h += (bare - self.frame) * x.dag() * x
        for x, alpha in ((a, first.anharmonicity), (c, self.coupler.anharmonicity), (b, second.anharmonicity)):
            h += alpha / 2 * x.dag() * x.dag() * x * x
        for x, y, g in ((a, c, self.coupler.g[0]), (b, c, self.coupler.g[1]), (a, b, self.coupler.g_direct)):
            h += g * (x.dag() * y + x * y.dag())
        return 2 * np.pi * h

    def idle(self):
        """Dressed energies (rad/s) and states by levels of the two transmons."""
        energies, states = self.static(self.flux(0.0)).eigenstates()
        ideal = {n: self.qutip.tensor(*(self.qutip.basis(3, k) for k in (n[0], 0, n[1]))) for n in np.ndindex(2, 2)}
        place = {n: max(range(27), key=lambda k, v=v: abs(v.overlap(states[k]))) for n, v in ideal.items()}
        return {n: energies[k] for n, k in place.items()}, {n: states[k] for n, k in place.items()}

    def energies(self):
        energies, _ = self.idle()
        return {n: (energy - energies[0, 0]) / (2 * np.pi) for n, energy in energies.items()}

    def matrix(self, envelope):
        """``<m| U |n>`` between dressed states of a flux pulse sampled every ns."""
        unitary = self.qutip.tensor(*[self.qutip.qeye(3)] * 3)
        for amplitude in envelope:
            unitary = (-1j * 1e-9 * self.static(self.flux(amplitude))).expm() * unitary
        _, states = self.idle()
        return {(m, n): states[m].overlap(unitary * states[n]) for m in states for n in states}


def _turn(kept):
    return np.angle(kept[(1, 1), (1, 1)] * kept[(0, 0), (0, 0)] / kept[(0, 1), (0, 1)] / kept[(1, 0), (1, 0)])


def test_windows_of_a_coupler_agree_with_qutip(truth):
    coupler = truth.couplers[0]
    reference, pair = Reference(truth, coupler), Pair(truth, coupler)
    envelope = shapes.cosine_square(60, 30)
    for amplitude in (0.2, 0.432):
        kept = reference.matrix(amplitude * envelope.expand().real)
        found, _ = pair.propagate(pair.frequency(amplitude * envelope.samples.real)[None], envelope.repeats, 1e-9)
        for (m, n), wanted in kept.items():
            assert abs(found[0, 3 * m[0] + m[1], 3 * n[0] + n[1]]) ** 2 == pytest.approx(abs(wanted) ** 2, abs=1e-8)
        got = np.angle(found[0, 4, 4] * found[0, 0, 0] / found[0, 1, 1] / found[0, 3, 3])
        assert np.exp(1j * (got - _turn(kept))) == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize(("amplitude", "shift"), [(0.2, 0.0), (0.38, 0.0), (0.432, 0.0), (0.432, 25e6), (0.45, -40e6)])
def test_cz_coupler(fresh, exact, truth, amplitude, shift):
    """Conditional phase, leakage and swap of a flux pulse in a schedule, the second transmon's frequency moved."""
    moved = truth.transmons[1].model_copy(update={"frequency": truth.transmons[1].frequency + shift})
    device = truth.model_copy(update={"transmons": (truth.transmons[0], moved, *truth.transmons[2:])})
    envelope = shapes.cosine_square(60, 30)
    kept = Reference(device, device.couplers[0]).matrix(amplitude * envelope.expand().real)

    def populations(*, flips=(), turned=None):
        bench = fresh()
        bench.builder.set_frequency(bench.frames["q1"], moved.frequency)
        for qubit in flips:
            bench.gate("x", qubit)
        if turned is not None:
            bench.gate("sx", 0)
        bench.builder.barrier()
        bench.play("c01", envelope, amplitude)
        bench.builder.barrier()
        if turned is not None:
            bench.rz(0, turned)
            bench.gate("sx", 0)
        bench.measure(0, 1)
        return exact(bench.build(), device=device)[0]

    assert populations(flips=(0,))[0, 1] == pytest.approx(abs(kept[(0, 1), (1, 0)]) ** 2, abs=1e-3)
    both = populations(flips=(0, 1))
    assert both[1, 1] == pytest.approx(abs(kept[(1, 1), (1, 1)]) ** 2, abs=1e-3)
    assert both[2].sum() + both[:, 2].sum() == pytest.approx(1 - abs(kept[(1, 1), (1, 1)]) ** 2, abs=1e-3)
    angles = []
    for flips in ((), (1,)):
        # sx leaves the vector along -Y; after turning by t about Z: P1 of RZ(a) SX is (1 + cos(t + a)) / 2
        x, y = (2 * populations(flips=flips, turned=turned)[1].sum() - 1 for turned in (0.0, np.pi / 2))
        angles.append(np.arctan2(-y, x))
    assert np.exp(1j * (angles[1] - angles[0] - _turn(kept))) == pytest.approx(1, abs=3e-3)


def test_dressed_frequencies_are_the_device_files(truth):
    for coupler in truth.couplers:
        energies = Pair(truth, coupler).gap()
        first, second = (truth.transmons[q].frequency for q in coupler.qubits)
        assert energies[1, 0] == pytest.approx(0, abs=1)
        assert energies[0, 1] == pytest.approx(second - first, abs=1)


@pytest.mark.parametrize("pair", [(0, 1), (3, 4)])
def test_static_zz_by_conditional_ramsey(fresh, exact, truth, pair):
    """The phase that a superposed qubit gathers in 8 us, neighbour excited or not, is 2 pi zeta t."""
    first, second = pair
    wait = 8000
    angle = {}
    for excited in (False, True):
        found = []
        for axis in (0.0, np.pi / 2):
            bench = fresh()
            if excited:
                bench.gate("x", second)
            bench.gate("sx", first)
            bench.wait(wait)
            bench.rz(first, axis)
            bench.gate("sx", first)
            bench.measure(*pair)
            seen = exact(bench.build(), settings={"zz": 1})
            # a neighbour that is not driven stays out of the cluster
            found.append(seen[0].sum(axis=1)[1] if excited else seen[0][0, 1])
        # sx leaves the vector along -Y; after turning by t about Z: P1 of RZ(a) SX is (1 + cos(t + a)) / 2
        angle[excited] = np.arctan2(-(2 * found[1] - 1), 2 * found[0] - 1)
    coupler = next(c for c in truth.couplers if c.qubits == pair)
    seconds = (wait + 36) * 1e-9
    # exp(-i 2 pi zeta t |11><11|) turns |1> by -2 pi zeta t, which is RZ(-2 pi zeta t)
    zeta = -(angle[True] - angle[False]) / (2 * np.pi * seconds)
    assert zeta == pytest.approx(Pair(truth, coupler).zz(), abs=300)


def test_zz_turns_agree_with_matrices(exact, fresh, truth):
    """Everything superposed, waits and pulses interleaved: two qubits with ZZ against 4 x 4 matrices."""
    from scipy.linalg import expm

    bench = fresh()
    zeta = Pair(truth, truth.couplers[1]).zz() * 10
    sx = expm(-1j * np.pi / 4 * np.array([[0, 1], [1, 0]]))
    turn = lambda seconds: np.diag([1, 1, 1, np.exp(-2j * np.pi * zeta * seconds)])  # noqa: E731
    state = np.kron(sx, sx) @ np.eye(4)[0]
    for qubit in (1, 2):
        pulse = bench.snapshot.gate("sx", qubit).pulses[0]
        bench.play(pulse.frame, bench.waveform(pulse.waveform), pulse.amplitude, at=0)
    for wait, qubit in ((1500, 1), (700, 2), (900, 1)):
        bench.wait(wait)
        bench.gate("sx", qubit)
        # the pulse's own time: half before, half after
        state = np.kron(*((sx, np.eye(2)) if qubit == 1 else (np.eye(2), sx))) @ turn((wait + 36) * 1e-9) @ state
    bench.measure(1, 2)
    found = exact(bench.build(), settings={"zz": 10})[0, :2, :2].ravel()
    assert found == pytest.approx(np.abs(state) ** 2, abs=5e-3)


def test_a_drive_that_meets_nothing_of_a_flux_pulse_is_the_drive_alone(fresh, exact):
    """Zeros before and after the flux: one window of both, or one after the other; all at once in superposed neighbours."""
    found = []
    for apart in (True, False):
        bench = fresh()
        bench.gate("sx", 1)
        start, flux = bench.builder.now(bench.frames["q0"]), bench.waveform("flux")
        bench.play("q0", bench.waveform("drag0"), 0.2, 0.3, at=start)
        padded = Waveform(np.concatenate([np.zeros(36), flux.expand(), np.zeros(36)]), np.ones(132, np.int64))
        bench.play("c01", flux if apart else padded, 0.43, at=start + 36 * apart)
        bench.play("q0", bench.waveform("drag0"), 0.25, 1.9, at=start + 96)
        bench.builder.barrier()
        bench.gate("sx", 1)
        bench.measure(0, 1)
        found.append(exact(bench.build())[0])
    assert found[0] == pytest.approx(found[1], abs=2e-3)


def test_a_drive_beside_a_flux_pulse_agrees_with_qutip(truth):
    qutip = pytest.importorskip("qutip")
    coupler = truth.couplers[0]
    pair, offset = Pair(truth, coupler), 3e6
    envelope = shapes.cosine_square(60, 30).expand().real
    drives = np.pi * np.array([[21e6, 6e6 * 1j]]).T * np.exp(-(((np.arange(60) - 25) / 12) ** 2))
    found, _ = pair.driven(
        drives[None], pair.frequency(0.43 * envelope)[None], np.ones(60, int), 1e-9, np.array([pair.frequencies[0] + offset])
    )
    static, coupled, _ = pair._dressed_whole
    up = [qutip.tensor(*(qutip.create(3) if place == k else qutip.qeye(3) for k in range(3))) for place in (0, 2)]
    number = sum(qutip.tensor(*(qutip.num(3) if place == k else qutip.qeye(3) for k in range(3))) for place in range(3))
    dims = [[3, 3, 3], [3, 3, 3]]
    unitary = qutip.tensor(*[qutip.qeye(3)] * 3)
    for tick, fc in enumerate(pair.frequency(0.43 * envelope)):
        h = 2 * np.pi * (qutip.Qobj(static + fc * coupled, dims=dims) - offset * number)
        for q in (0, 1):
            h += drives[q, tick] * up[q] + np.conj(drives[q, tick]) * up[q].dag()
        unitary = (-1j * 1e-9 * h).expm() * unitary
    kept = [9 * a + b for a in range(3) for b in range(3)]
    wanted = np.abs(unitary.full()[np.ix_(kept, kept)])
    assert np.abs(found[0]) == pytest.approx(wanted, abs=1e-8)
    assert np.abs(found[0])[0, 3] > 0.1
