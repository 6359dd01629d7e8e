"""Photons that a readout leaves: against closed forms, and against QuTiP's master equation of transmon and resonator."""

import numpy as np
import pytest
import qutip

from qpu_bridge.schedule import Acquisition, Column, Output, shapes
from qpu_emulator.readout.afterglow import left
from qpu_emulator.readout.probe import Probe
from qpu_emulator.readout.resonator import respond
from qpu_emulator.score.program import compile_program

_TAU = 2 * np.pi
_AMPLITUDE = 0.18
_TONE = 832


def _read(bench, *, ticks=_TONE, listen=200, amplitude=_AMPLITUDE, phase=0.0, acquisition=Acquisition.INTEGRATED):
    """Read qubit 0 and go on at once when the tone ends."""
    bench.builder.barrier()
    start = bench.builder.now(bench.frames["m0"])
    column = bench.builder.column(Column(f"c{start}", acquisition, Output.IQ))
    bench.play("m0", shapes.constant(ticks), amplitude, phase, at=start)
    bench.builder.capture(bench.frames["a0"], column, listen, at=start)
    bench.builder.barrier()


def _ramsey(fresh, wait, idle, turn, tone=_AMPLITUDE):
    bench = fresh()
    _read(bench, amplitude=tone)
    bench.wait(wait)
    bench.gate("sx", 0)
    bench.wait(idle)
    bench.rz(0, turn)
    bench.gate("sx", 0)
    _read(bench)
    return bench.build()


def _bloch(exact, fresh, wait, idle, settings, tone=_AMPLITUDE):
    """Coherence after the idle time, as ``rho_10`` of a qubit that starts along -Y, from two final pulses."""
    ones = [exact(_ramsey(fresh, wait, idle, turn, tone), settings=settings)[0, 1] for turn in (0.0, -np.pi / 2)]
    return complex(2 * ones[0] - 1, 2 * ones[1] - 1)


def test_what_a_tone_leaves_is_what_its_resonator_holds_at_the_end(truth):
    """Half a sample before the end, as the trace has it; rung down beyond the end."""
    resonator, tone = truth.resonators[0], shapes.gaussian_square(400, 20, 320)
    heard = Probe(tone, 1e-9, 3e-8, resonator.frequency + 2e6, None, 1e-9, 0.0, 600, resonator.frequency)
    seen = respond(resonator, heard).field[:, -1]
    now = 599.5e-9
    found = left(resonator, tone, 1e-9, 3e-8, resonator.frequency + 2e6, now)
    carried = resonator.gain * np.exp(1j * (resonator.cable_phase - _TAU * 2e6 * now))
    assert found * carried == pytest.approx(seen, rel=1e-9)


@pytest.mark.parametrize(("wait", "idle"), [(150, 40), (150, 400), (80, 1000)])
def test_photons_dephase_and_shift_as_in_closed_form(exact, fresh, truth, wait, idle):
    """``exp(-n i chi' (1 - exp(-(kappa + i chi') t)) / (kappa + i chi'))`` with the photons left in the middle of the pulse."""
    resonator = truth.resonators[0]
    kappa, apart = _TAU * resonator.kappa, _TAU * 2 * resonator.chi
    photons = abs(_AMPLITUDE * left(resonator, shapes.constant(_TONE), 1e-9, 0.0, resonator.frequency, _TONE * 1e-9)[0]) ** 2
    assert photons == pytest.approx(3.0, rel=0.05)
    at_pulse = photons * np.exp(-kappa * (wait + 18) * 1e-9)
    # from the middle of one pulse to that of the other
    rate, time = kappa + 1j * apart, (idle + 36) * 1e-9
    closed = np.exp(-at_pulse * 1j * apart * (1 - np.exp(-rate * time)) / rate)
    still = _bloch(exact, fresh, wait, idle, {"readout": 0})
    found = _bloch(exact, fresh, wait, idle, {"readout": 1}) / still
    assert abs(found) == pytest.approx(abs(closed), abs=0.012)
    assert np.angle(found) == pytest.approx(np.angle(closed), abs=0.03)
    print(f"wait {wait} idle {idle}: {found:.4f}, closed form {closed:.4f}")


def test_the_setting_scales_the_photons(exact, fresh):
    loss = {}
    still = _bloch(exact, fresh, 250, 400, {"readout": 0})
    for scale in (0.5, 1.0, 2.0):
        loss[scale] = -np.log(_bloch(exact, fresh, 250, 400, {"readout": scale}) / still)
    assert loss[0.5] == pytest.approx(loss[1.0] / 2, rel=0.02)
    assert loss[2.0] == pytest.approx(loss[1.0] * 2, rel=0.04)
    louder = -np.log(_bloch(exact, fresh, 250, 400, {"readout": 1}, tone=_AMPLITUDE * np.sqrt(2)) / still)
    assert louder == pytest.approx(loss[2.0], rel=1e-3)


def test_after_the_wait_of_the_snapshot_little_is_left(exact, fresh):
    """Its measurement lasts long enough for a gate to follow: below half a percent of contrast."""
    still, found = (_bloch(exact, fresh, 1200 - _TONE, 400, {"readout": scale}) for scale in (0, 1))
    assert 5e-4 < 1 - abs(found / still) < 5e-3
    assert abs(np.angle(found / still)) < 6e-3


class _MasterEquation:
    """Transmon of three levels and resonator from the end of the tone on, solved by QuTiP."""

    def __init__(self, snapshot, truth, size=16):
        transmon, resonator = truth.transmons[0], truth.resonators[0]
        self._gate = next(gate for gate in snapshot.gates if gate.name == "sx" and gate.qubits == (0,))
        self._shape = snapshot.waveforms[self._gate.pulses[0].waveform]
        self._rabi = transmon.rabi[truth.line_of(0)]
        level = [qutip.tensor(qutip.ket2dm(qutip.basis(3, k)), qutip.qeye(size)) for k in range(3)]
        field = qutip.tensor(qutip.qeye(3), qutip.destroy(size))
        self._lower = qutip.tensor(qutip.destroy(3), qutip.qeye(size))
        pulls = _TAU * resonator.chi * np.array([-1, 1, resonator.chi_ratio])
        still = sum(pull * one for pull, one in zip(pulls, level, strict=True)) * field.dag() * field
        self._still = (still + _TAU * transmon.anharmonicity * level[2]) * 1e-9
        self._decay = [np.sqrt(_TAU * resonator.kappa * 1e-9) * field]
        alpha = _AMPLITUDE * left(resonator, shapes.constant(_TONE), 1e-9, 0.0, resonator.frequency, _TONE * 1e-9)[0]
        self._state = qutip.ket2dm(qutip.tensor(qutip.basis(3, 0), qutip.coherent(size, alpha, method="analytic")))
        self._one = level[1]

    def ones(self, waveform, wait, idle, turn):
        """Population of level 1 after the second pulse, whose phase is that of a virtual Z before it."""
        envelope = waveform.expand() * self._gate.pulses[0].amplitude
        state = self._state
        for pause, phase in ((wait, 0.0), (idle, -turn)):
            if pause:
                state = qutip.mesolve(self._still, state, [0, pause], self._decay).states[-1]
            tone = _TAU * self._rabi / 2 * 1e-9 * envelope * np.exp(1j * phase)
            edges = np.arange(len(tone) + 1.0)
            up = qutip.QobjEvo([self._lower.dag(), np.append(tone, tone[-1])], tlist=edges, order=0)
            state = qutip.mesolve(self._still + up + up.dag(), state, edges, self._decay, options={"max_step": 0.5}).states[-1]
        return qutip.expect(self._one, state)


@pytest.mark.parametrize(("wait", "idle"), [(0, 100), (60, 40), (150, 300)])
def test_gates_in_photons_are_those_of_the_master_equation(exact, fresh, snapshot, truth, wait, idle):
    equation = _MasterEquation(snapshot, truth)
    shape = fresh().waveform(equation._gate.pulses[0].waveform)
    for turn in (0.0, -np.pi / 2):
        found = exact(_ramsey(fresh, wait, idle, turn), settings={"readout": 1})[0, 1]
        still = exact(_ramsey(fresh, wait, idle, turn), settings={"readout": 0})[0, 1]
        wanted = equation.ones(shape, wait, idle, turn)
        print(f"wait {wait} idle {idle} turn {turn:.2f}: {found:.4f}, QuTiP {wanted:.4f}, without photons {still:.4f}")
        assert found == pytest.approx(wanted, abs=0.02)


def test_trajectories_are_dephased_alike(exact, fresh, run):
    settings = {"t1": 0, "t2": 0, "low_frequency": 0, "thermal": 0, "zz": 0, "readout": 1}
    bench = fresh()
    _read(bench)
    bench.wait(80)
    bench.gate("sx", 0)
    bench.wait(300)
    bench.gate("sx", 0)
    bench.measure(0)
    schedule = bench.build()
    chance = exact(schedule, settings={"readout": 1})[0, 1]
    assert chance < 0.9
    for engine in ("trajectories", "density_matrix"):
        (chunk,) = run(schedule, shots=20_000, settings=settings | {"engine": engine})
        assert chunk.bits[..., -1].mean() == pytest.approx(chance, abs=0.015)


def test_a_field_that_is_left_is_heard_by_the_next_measurement(fresh, run, truth):
    """A second capture without a tone of its own hears the ring-down of the level, sample by sample; noise is a percent."""
    resonator = truth.resonators[0]
    settings, shots = {"t1": 0, "t2": 0, "low_frequency": 0, "thermal": 0, "readout": 1}, 100_000
    for excited in (False, True):
        bench = fresh()
        if excited:
            bench.gate("x", 0)
        _read(bench)
        bench.wait(20)
        _read(bench, amplitude=0.0, listen=200, acquisition=Acquisition.RAW)
        (chunk,) = run(bench.build(), shots=shots, settings=settings)
        (trace,) = chunk.raw.values()
        field = _AMPLITUDE * left(resonator, shapes.constant(_TONE), 1e-9, 0.0, resonator.frequency, _TONE * 1e-9)[int(excited)]
        pull = _TAU * resonator.chi * (1 if excited else -1)
        later = 20e-9 + (np.arange(200) + 0.5) * 1e-9
        carried = resonator.gain * np.exp(1j * resonator.cable_phase) * field
        wanted = carried * np.exp(-(np.pi * resonator.kappa + 1j * pull) * later)
        assert np.abs(trace[0].mean(axis=0) - wanted).max() < 5 * resonator.noise / np.sqrt(shots)
        assert np.abs(wanted).max() > 30 * resonator.noise / np.sqrt(shots)


def test_points_and_traces_hear_the_same_of_what_is_left(fresh, run):
    settings = {"t2": 0, "low_frequency": 0, "thermal": 0, "readout": 0.01}
    means = []
    for acquisition in (Acquisition.INTEGRATED, Acquisition.RAW):
        bench = fresh()
        _read(bench, amplitude=1.0)
        bench.gate("x", 0)
        _read(bench, amplitude=0.0, listen=200, acquisition=acquisition)
        (chunk,) = run(bench.build(), shots=20_000, settings=settings)
        means.append(chunk.iq[0, :, 1].mean() if acquisition is Acquisition.INTEGRATED else chunk.raw[1].sum(axis=-1).mean())
    assert means[0] == pytest.approx(means[1], rel=0.02)


def test_without_a_measurement_on_the_way_nothing_is_kept(fresh, truth):
    bench = fresh()
    bench.gate("x", 0)
    bench.measure(0, 1)
    assert compile_program(bench.build(), truth, lambda _: 0.0).lit == []
    bench = fresh()
    bench.measure(1)
    bench.gate("x", 1)
    bench.measure(0, 1)
    assert compile_program(bench.build(), truth, lambda _: 0.0).lit == [1]
