"""What readout tones do to qubits that they do not read: against the equation of two fields, and QuTiP's master equation."""

import numpy as np
import pytest
import qutip
from scipy.integrate import solve_ivp

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Acquisition, Column, Output, shapes
from qpu_emulator.readout.afterglow import left
from qpu_emulator.score.program import compile_program

_TAU = 2 * np.pi
_AMPLITUDE = 0.18
_TONE = 832
_WAIT = 40


def _ramsey(bench, turn, *, others=(1,), amplitude=_AMPLITUDE, echo=False, ticks=_TONE, shape=None, read=True):
    """A superposition of qubit 0 under tones, which begin a little later, and ring down before the end."""
    bench.gate("sx", 0)
    bench.wait(_WAIT)
    bench.builder.barrier()
    start = bench.builder.now(bench.frames["m0"])
    columns = [bench.builder.column(Column(f"c{q}", Acquisition.INTEGRATED, Output.IQ)) for q in others if read]
    for qubit in others:
        bench.play(f"m{qubit}", shape or shapes.constant(ticks), amplitude, at=start)
    for qubit, column in zip(others, columns, strict=read):
        bench.builder.capture(bench.frames[f"a{qubit}"], column, 200, at=start)
    if echo:
        # in the middle of the tones
        bench.play("q0", bench.waveform(_flip(bench).waveform), _flip(bench).amplitude, at=start + ticks // 2 - 18)
    bench.builder.barrier()
    bench.wait(600)
    bench.rz(0, turn)
    bench.gate("sx", 0)
    bench.measure(0)
    return bench.build()


def _flip(bench):
    return next(gate for gate in bench.snapshot.gates if gate.name == "x" and gate.qubits == (0,)).pulses[0]


def _bloch(exact, fresh, readout, device=None, **options):
    """Coherence at the end, as ``rho_10`` of a qubit that starts along -Y, from two final pulses."""
    ones = []
    for turn in (0.0, -np.pi / 2):
        found = exact(_ramsey(fresh(), turn, **options), settings={"readout": readout}, device=device)
        # clusters in order of their qubits
        zero = found if isinstance(found, np.ndarray) else found[0]
        ones.append(zero[0, 1])
    return complex(2 * ones[0] - 1, 2 * ones[1] - 1)


def _changed(exact, fresh, device=None, readout=1, **options):
    return _bloch(exact, fresh, readout, device, **options) / _bloch(exact, fresh, 0, device, **options)


def _two_fields(device, others, amplitude=_AMPLITUDE):
    """Factor on the coherence of qubit 0: two fields under all tones, by SciPy."""
    mine = device.resonators[0]
    rates = np.pi * mine.kappa + 1j * _TAU * mine.chi * np.array([-1, 1])
    beats = np.array([_TAU * (device.resonators[q].frequency - mine.frequency) for q in others])
    start, stop, end = ((18 + _WAIT + 18) * 1e-9, (18 + _WAIT + 18 + _TONE) * 1e-9, (_WAIT + _TONE + 636) * 1e-9)

    def slope(on, t, y):
        drive = on * mine.drive * amplitude * np.sum(np.exp(-1j * beats * t))
        return np.append(-rates * y[:2] + drive, 1j * (rates[1] - rates[0]).imag * y[1] * np.conj(y[0]))

    # the shot begins with the first pulse
    y = np.zeros(3, complex)
    for on, begin, until in ((1, start, stop), (0, stop, end)):
        solved = solve_ivp(lambda t, y, on=on: slope(on, t, y), (begin, until), y, method="DOP853", rtol=1e-10, atol=1e-12)
        y = solved.y[:, -1]
    return np.exp(-y[2])


@pytest.mark.parametrize("others", [(1,), (1, 2, 3, 4)])
def test_tones_of_others_shift_and_dephase_as_two_fields_do(exact, fresh, truth, others):
    found, wanted = _changed(exact, fresh, others=others), _two_fields(truth, others)
    print(f"{others}: {found:.5f}, two fields {wanted:.5f}")
    assert abs(np.angle(wanted)) > 0.02
    assert found == pytest.approx(wanted, abs=2e-4)


def _near(truth, apart):
    """The chip with the resonator of qubit 0 moved next to that of qubit 1."""
    first, second, *rest = truth.resonators
    first = first.model_copy(update={"frequency": second.frequency - apart})
    return truth.model_copy(update={"resonators": (first, second, *rest)})


def test_a_tone_near_by_does_what_the_master_equation_says(exact, fresh, truth):
    """Two levels and a resonator eight linewidths from the tone: a turn of a fifth of a radian."""
    apart = 8 * truth.resonators[0].kappa
    device = _near(truth, apart)
    mine, size = device.resonators[0], 6
    field = qutip.tensor(qutip.qeye(2), qutip.destroy(size))
    pull = qutip.tensor(qutip.Qobj(np.diag([-1.0, 1.0])), qutip.qeye(size))
    # in the frame of the tone; 1/ns
    still = 1e-9 * _TAU * (-apart * field.dag() * field + mine.chi * pull * field.dag() * field)
    fed = 1e-9 * 1j * mine.drive * _AMPLITUDE * (field.dag() - field)
    state = qutip.ket2dm(qutip.tensor((qutip.basis(2, 0) + qutip.basis(2, 1)).unit(), qutip.basis(size, 0)))
    decay = [np.sqrt(1e-9 * _TAU * mine.kappa) * field]
    for hamiltonian, time in ((still + fed, _TONE), (still, 618)):
        state = qutip.mesolve(hamiltonian, state, [0, time], decay, options={"max_step": 1.0, "nsteps": 100_000}).states[-1]
    wanted = complex(2 * state.ptrace(0)[1, 0])
    found = _changed(exact, fresh, device=device)
    print(f"{found:.5f}, QuTiP {wanted:.5f}")
    assert abs(np.angle(wanted)) > 0.15
    assert found == pytest.approx(wanted, abs=2e-3)


def test_an_echo_brings_the_turn_back(exact, fresh):
    bare, echoed = (_changed(exact, fresh, amplitude=0.5, echo=echo) for echo in (False, True))
    print(f"bare {bare:.4f}, echoed {echoed:.4f}")
    assert abs(np.angle(bare)) > 0.15
    assert abs(np.angle(echoed)) < 0.1 * abs(np.angle(bare))


def test_envelopes_that_rise_slowly_take_less_coherence(exact, fresh):
    """Nearly all that a tone takes is taken while it switches."""
    lost = [
        1 - abs(_changed(exact, fresh, amplitude=0.5, shape=shape))
        for shape in (shapes.constant(_TONE), shapes.gaussian_square(_TONE, 25, _TONE - 150))
    ]
    print(lost)
    assert 0.01 < lost[0] < 0.03
    assert lost[1] < 0.35 * lost[0]


def test_the_setting_scales_it(exact, fresh):
    half, whole = (np.log(_changed(exact, fresh, readout=scale)) for scale in (0.5, 1))
    assert half == pytest.approx(whole / 2, rel=0.02)


def test_tones_that_do_nothing_are_no_work(fresh, truth):
    """Weak ones are left out; those that begin after a qubit's last pulse are not even gathered."""
    page = fresh()
    page.gate("sx", 0)
    page.gate("x", 1)
    page.measure(0, 1, 2)
    assert compile_program(page.build(), truth, lambda _: 0.0).passing == {}
    program = compile_program(_ramsey(fresh(), 0.0), truth, lambda _: 0.0)
    ((near),) = program.passing.values()
    assert list(near) == [0]
    assert program.reached == [0]


def test_other_engines_do_it_or_say_that_they_do_not(exact, fresh, run):
    settings = {"t1": 0, "t2": 0, "low_frequency": 0, "thermal": 0, "zz": 0, "readout": 1}
    schedule = _ramsey(fresh(), -np.pi / 2, others=(1, 2), amplitude=0.45)
    wanted = exact(schedule, settings={"readout": 1})[0][0, 1]
    without = exact(schedule, settings={"readout": 0})[0][0, 1]
    found, said = {}, {}
    for engine in ("trajectories", "density_matrix", "tensor_network", "pauli_frames"):
        (chunk,) = run(schedule, shots=20_000, settings=settings | {"engine": engine})
        found[engine] = chunk.bits[..., -1].mean()
        said[engine] = "leave the qubits alone" in str(chunk.notes)
    print(wanted, without, found)
    assert abs(wanted - without) > 0.1
    for engine, wish in (
        ("trajectories", wanted),
        ("density_matrix", wanted),
        ("tensor_network", wanted),
        ("pauli_frames", without),
    ):
        assert found[engine] == pytest.approx(wish, abs=0.02), engine
        assert said[engine] == (engine == "pauli_frames")


@pytest.mark.parametrize("amplitude", [0.02, 0.06])
def test_a_tone_that_nobody_captures_does_not_project(exact, fresh, truth, amplitude):
    """It shifts and dephases the qubit of its own resonator, as in a calibration of photon numbers by Ramsey fringes."""
    options = {"others": (0,), "read": False, "amplitude": amplitude}
    found, wanted = _changed(exact, fresh, **options), _two_fields(truth, (0,), amplitude)
    print(f"{amplitude}: {found:.5f}, two fields {wanted:.5f}")
    assert found == pytest.approx(wanted, abs=2e-3)
    assert abs(wanted) < 0.95


def test_pulses_under_a_tone_of_their_own_qubit_are_refused(fresh, truth):
    bench = fresh()
    bench.play("m0", shapes.constant(400), 0.04, at=0)
    bench.play("q0", shapes.constant(40), 0.1, at=200)
    with pytest.raises(ScheduleError, match="one window at a time"):
        compile_program(bench.build(), truth, lambda _: 0.0)


def test_what_such_a_tone_leaves_is_heard_later_and_measures(fresh, run, truth):
    """A capture hears the ring-down of the level in which it finds the qubit."""
    resonator, shots = truth.resonators[0], 20_000
    settings = {"t1": 0, "t2": 0, "low_frequency": 0, "thermal": 0, "zz": 0}
    bench = fresh()
    bench.gate("x", 0)
    bench.builder.barrier()
    start = bench.builder.now(bench.frames["m0"])
    bench.play("m0", shapes.constant(_TONE), _AMPLITUDE, at=start)
    bench.wait(_TONE + 20)
    column = bench.builder.column(Column("late", Acquisition.RAW, Output.IQ))
    bench.builder.capture(bench.frames["a0"], column, 200, at=start + _TONE + 20)
    bench.builder.barrier()
    bench.wait(20)
    bench.gate("x", 0)
    bench.measure(0)
    (chunk,) = run(bench.build(), shots=shots, settings=settings)
    (trace,) = chunk.raw.values()
    field = _AMPLITUDE * left(resonator, shapes.constant(_TONE), 1e-9, 0.0, resonator.frequency, _TONE * 1e-9)[1]
    later = 20e-9 + (np.arange(200) + 0.5) * 1e-9
    carried = resonator.gain * np.exp(1j * resonator.cable_phase) * field
    wanted = carried * np.exp(-(np.pi * resonator.kappa + 1j * _TAU * resonator.chi) * later)
    assert np.abs(trace[0].mean(axis=0) - wanted).max() < 5 * resonator.noise / np.sqrt(shots)


def test_captures_of_others_hear_it(fresh, run):
    """As loud as if its own qubit were measured."""
    means = []
    for read in (True, False):
        bench = fresh()
        bench.builder.barrier()
        start = bench.builder.now(bench.frames["m0"])
        column = bench.builder.column(Column("c0", Acquisition.INTEGRATED, Output.IQ))
        bench.play("m1", shapes.constant(_TONE), 0.9, at=start)
        bench.builder.capture(bench.frames["a0"], column, 200, at=start)
        if read:
            other = bench.builder.column(Column("c1", Acquisition.INTEGRATED, Output.IQ))
            bench.builder.capture(bench.frames["a1"], other, 200, at=start)
        (chunk,) = run(bench.build(), shots=20_000, settings={"thermal": 0})
        means.append(chunk.iq[0, :, 0].mean())
    assert abs(means[0]) > 500
    assert means[1] == pytest.approx(means[0], rel=0.05)
