"""Two transmons and a coupler, against QuTiP and closed forms."""

import numpy as np
import pytest

from qpu_bridge.schedule import Waveform, shapes
from qpu_emulator.windows.pair import Pair


def test_cz_coupler_agrees_with_qutip(truth):
    qutip = pytest.importorskip("qutip")
    coupler = truth.couplers[0]
    pair = Pair(truth, coupler)
    envelope = shapes.cosine_square(60, 30)
    lower = [qutip.tensor(*(qutip.destroy(3) if place == k else qutip.qeye(3) for k in range(3))) for place in range(3)]
    a, c, b = lower
    first, second = (truth.transmons[q] for q in coupler.qubits)
    frame = first.frequency

    def static(fc):
        h = (pair._bare[0] - frame) * a.dag() * a + (fc - frame) * c.dag() * c + (pair._bare[1] - frame) * b.dag() * b
        for x, alpha in ((a, first.anharmonicity), (c, coupler.anharmonicity), (b, second.anharmonicity)):
            h += alpha / 2 * x.dag() * x.dag() * x * x
        for x, y, g in ((a, c, coupler.g[0]), (b, c, coupler.g[1]), (a, b, coupler.g_direct)):
            h += g * (x.dag() * y + x * y.dag())
        return 2 * np.pi * h

    for amplitude in (0.2, 0.432):
        unitary = qutip.tensor(*[qutip.qeye(3)] * 3)
        for fc in pair.frequency(amplitude * envelope.expand().real):
            unitary = (-1j * 1e-9 * static(float(fc))).expm() * unitary
        _, states = static(float(pair.frequency(0.0))).eigenstates()
        ideal = {n: qutip.tensor(qutip.basis(3, n[0]), qutip.basis(3, 0), qutip.basis(3, n[1])) for n in np.ndindex(2, 2)}
        idle = {n: max(states, key=lambda s, v=v: abs(v.overlap(s))) for n, v in ideal.items()}
        found, _ = pair.propagate(pair.frequency(amplitude * envelope.samples.real)[None], envelope.repeats, 1e-9)
        for n, state in idle.items():
            for m, other in idle.items():
                wanted = abs(other.overlap(unitary * state)) ** 2
                assert abs(found[0, 3 * m[0] + m[1], 3 * n[0] + n[1]]) ** 2 == pytest.approx(wanted, abs=1e-8)
        kept = {n: state.overlap(unitary * state) for n, state in idle.items()}
        wanted = np.angle(kept[1, 1] * kept[0, 0] / kept[0, 1] / kept[1, 0])
        got = np.angle(found[0, 4, 4] * found[0, 0, 0] / found[0, 1, 1] / found[0, 3, 3])
        assert np.exp(1j * (got - wanted)) == pytest.approx(1, abs=1e-7)


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
