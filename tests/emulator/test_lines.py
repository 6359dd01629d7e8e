"""What lines do to pulses, and drive crosstalk: against fine integration, and switched off by settings."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.linalg import expm

from qpu_bridge.errors import ScheduleError, SettingsError
from qpu_bridge.schedule import Waveform, shapes
from qpu_emulator import five_ecr
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.bring_up.echoed import ECR
from qpu_emulator.chip.device import Crosstalk, Device, Resonator, StaticCoupling, Transmon
from qpu_emulator.chip.line import Line, Settling
from qpu_emulator.score.program import compile_program
from qpu_emulator.windows.pair import Pair
from tests.emulator.conftest import Bench


def _changed(truth, **parts):
    return truth.model_copy(update=parts)


def _turn(state, z, detuning, transmon, dt):
    """Three levels in the frame of the qubit plus ``detuning``."""
    lower = np.diag(np.sqrt([1.0, 2.0]), 1)
    rest = 2 * np.pi * np.diag([0, -detuning, -2 * detuning + transmon.anharmonicity])
    return expm(-1j * dt * (rest + z * lower.T + np.conj(z) * lower)) @ state


def test_a_step_settles_exactly():
    """Means over ticks of 1 + w exp(-t/tau), for a step and for its end."""
    line = Line(gain=0.9, settling=(Settling(weight=-1.0, time=1.7e-9), Settling(weight=0.05, time=20e-9)))
    samples, repeats = line.respond(Waveform(np.array([0.0, 1.0, 0.0]), np.array([3, 900, 5])), 1e-9)
    plain = np.repeat(samples, repeats).real
    edges = np.arange(901) * 1e-9
    whole = edges + sum(-w * tau * np.exp(-edges / tau) for w, tau in ((-1.0, 1.7e-9), (0.05, 20e-9)))
    assert plain[3:903] == pytest.approx(0.9 * np.diff(whole) / 1e-9, abs=1e-9)
    assert plain[:3] == pytest.approx(0)
    assert plain[903] == pytest.approx(0.9 - plain[3], abs=1e-9)
    assert len(samples) < 500


def test_settling_of_a_drive(fresh, exact, truth):
    transmon = truth.transmons[0]
    tau, steps = 1.5e-9, 20
    chip = _changed(truth, lines={"d0": Line(gain=1.1, settling=(Settling(weight=-1.0, time=tau),))})
    shape = shapes.drag(36, 9, 0.25)
    bench = fresh()
    bench.play("q0", shape, 0.4)
    bench.measure(0)
    found = exact(bench.build(), device=chip, settings={"line": 1})[0]
    sent, arrived, wanted = np.repeat(shape.expand(), steps), 0.0, np.array([1, 0, 0], complex)
    dt = 1e-9 / steps
    for sample in sent:
        following = sample + (arrived - sample) * np.exp(-dt / tau)
        wanted = _turn(wanted, np.pi * 52e6 * 0.4 * 1.1 * (arrived + following) / 2, 0.0, transmon, dt)
        arrived = following
    assert found == pytest.approx(np.abs(wanted) ** 2, abs=1e-4)
    ideal = exact(bench.build(), device=chip, settings={"line": 0})[0]
    assert ideal == pytest.approx(exact(bench.build())[0], abs=1e-12)
    assert abs(ideal[1] - found[1]) > 0.01


def test_a_delay_moves_envelope_and_carrier(fresh, exact, truth):
    """Two detuned tones on a line of 10 ns: as if sent 10 ns later with carriers 10 ns late."""
    chip = _changed(truth, lines={"d0": Line(delay=10e-9)})
    rest = truth.transmons[0].frequency
    found = []
    for device, late in ((chip, 0), (truth, 10)):
        bench = fresh()
        for number, (offset, phase) in enumerate(((2.1e6, 0.4), (-33e6, 1.7))):
            frequency = rest + offset
            frame = bench.builder.frame(f"x{number}", bench.ports["d0"], frequency)
            turn = 2 * np.pi * frequency * late * 1e-9
            bench.builder.play(frame, shapes.constant(80), 0.08, phase + turn, at=20 + 100 * number + late)
        bench.wait(40)
        bench.measure(0)
        found.append(exact(bench.build(), device=device)[0])
    assert found[0] == pytest.approx(found[1], abs=1e-9)


@pytest.mark.parametrize("delay", [1e-9, 3e-9, 8e-9])
def test_a_pulse_that_arrives_when_its_readout_has_begun(fresh, exact, truth, delay):
    """The window is whole: as after a wait, but for what relaxation does in some nanoseconds."""
    chip = _changed(truth, lines={"d0": Line(delay=delay)})
    found = []
    for wait in (0, 100):
        bench = fresh()
        bench.play("q0", shapes.constant(80), 0.05)
        if wait:
            bench.wait(wait)
        bench.measure(0)
        found.append(exact(bench.build(), device=chip)[0])
    assert 0.1 < found[0][1] < 0.9
    assert found[0] == pytest.approx(found[1], abs=2e-3)


def test_a_pulse_that_arrives_when_its_block_is_over(fresh, truth):
    bench = fresh()
    bench.play("q0", shapes.constant(80), 0.05)
    (score,) = compile_program(bench.build(), _changed(truth, lines={"d0": Line(delay=3e-9)}), lambda _: 0.0).scores.values()
    assert [(action.start, action.stop) for action in score.actions] == [(3, 80)]


def test_what_a_delay_carries_out_of_its_block_is_refused(fresh, truth):
    bench = fresh()
    bench.play("q0", shapes.constant(80), 0.1)
    chip = _changed(truth, lines={"d0": Line(delay=10e-9)})
    with pytest.raises(ScheduleError, match="arrive within its block"):
        compile_program(bench.build(), chip, lambda _: 0.0)


def test_settling_of_a_flux_pulse(fresh, exact, truth):
    """A coupler pulse that overshoots turns by another conditional phase: against the pair solver on filtered samples."""
    line = Line(settling=(Settling(weight=0.04, time=15e-9),))
    bench = fresh()
    bench.gate("sx", 0)
    bench.gate("x", 1)
    bench.builder.play(bench.frames["c01"], bench.waveform("flux"), 0.4)
    bench.builder.barrier()
    bench.gate("sx", 0)
    bench.measure(0, 1)
    schedule = bench.build()
    plain = exact(schedule)[0, :2, 1]
    slow = exact(schedule, device=_changed(truth, lines={"c01": line}), settings={"line": 1})[0, :2, 1]
    pair = Pair(truth, truth.couplers[0])
    phases = []
    for samples, repeats in (line.respond(bench.waveform("flux"), 1e-9), Line().respond(bench.waveform("flux"), 1e-9)):
        final, _ = pair.propagate(pair.frequency(0.4 * samples.real)[None], repeats, 1e-9)
        phases.append(np.angle(final[0, 4, 4] / final[0, 1, 1]))
    angles = [2 * np.arctan2(np.sqrt(p[0]), np.sqrt(p[1])) for p in (slow, plain)]
    moved = np.mod(phases[0] - phases[1] + np.pi, 2 * np.pi) - np.pi
    assert abs(moved) > 0.05
    assert abs(abs(angles[0]) - abs(angles[1])) == pytest.approx(abs(moved), abs=0.03)


def test_crosstalk_on_a_neighbour(fresh, exact, truth):
    """A strong tone on line 0, detuned from qubit 1, which is driven at the same time: against fine integration."""
    chip = _changed(truth, crosstalk=(Crosstalk(port="d0", qubit=1, amplitude=0.4, phase=0.9),))
    own, other = truth.transmons[1], 8e6
    shape = shapes.gaussian(60, 15)
    outcome = []
    for crosstalk in (1, 0):
        bench = fresh()
        start = 12
        bench.wait(start)
        tone = bench.builder.frame("near", bench.ports["d0"], own.frequency + other)
        bench.builder.play(tone, shape, 0.5, 0.3)
        bench.play("q1", shape, 0.2, -1.1, at=start)
        bench.measure(0, 1)
        clusters = exact(bench.build(), device=chip, settings={"crosstalk": crosstalk})
        found = clusters[1][0]
        steps, wanted = 20, np.array([1, 0, 0], complex)
        for tick, sample in enumerate(shape.expand()):
            for part in range(steps):
                now = (start + tick + (part + 0.5) / steps) * 1e-9
                z = 0.2 * np.exp(-1.1j) + crosstalk * 0.4 * 0.5 * np.exp(1j * (0.9 + 0.3 - 2 * np.pi * other * now))
                wanted = _turn(wanted, np.pi * own.rabi["d1"] * sample * z, 0.0, own, 1e-9 / steps)
        assert found == pytest.approx(np.abs(wanted) ** 2, abs=5e-3)
        outcome.append(found[1])
    assert abs(outcome[0] - outcome[1]) > 0.05


def test_crosstalk_on_a_qubit_nobody_looks_at_costs_nothing(fresh, truth):
    chip = _changed(truth, crosstalk=tuple(Crosstalk(port="d0", qubit=q, amplitude=0.1) for q in (1, 2, 3, 4)))
    bench = fresh()
    bench.gate("x", 0)
    bench.measure(0, 2)
    program = compile_program(bench.build(), chip, lambda _: 0.0)
    assert sorted(program.clusters) == [(0,), (2,)]


@pytest.fixture(scope="module")
def bent():
    """Two coupled transmons behind lines that settle, delay differently, and talk across."""
    transmons = tuple(Transmon(frequency=f, anharmonicity=-330e6, rabi={f"x{q}": 60e6}) for q, f in enumerate((5.0e9, 4.89e9)))
    resonators = tuple(
        Resonator(qubit=q, port="r", acquire_port="a", frequency=7e9 + 6e7 * q, kappa=2e6, chi=1e6, drive=1e8, gain=25, noise=300)
        for q in (0, 1)
    )
    lines = {
        "x0": Line(gain=0.9, delay=3e-9, settling=(Settling(weight=-1, time=0.8e-9),)),
        "x1": Line(gain=1.1, delay=5.2e-9, settling=(Settling(weight=-1, time=0.5e-9),)),
    }
    device = Device(
        name="emu_bent",
        transmons=transmons,
        couplers=(StaticCoupling(qubits=(0, 1), j=1.9e6),),
        resonators=resonators,
        lines=lines,
        crosstalk=(Crosstalk(port="x0", qubit=1, amplitude=0.03, phase=2.0),),
    )
    return device, solve_snapshot(device, datetime(2026, 11, 21, tzinfo=UTC))


@pytest.mark.parametrize("turn", [0.0, 1.3])
def test_bring_up_solves_pulses_behind_their_lines(bent, exact, turn):
    """ECR and sx of a device whose lines bend pulses, on superpositions, against matrices; without the lines they are wrong."""
    device, snapshot = bent
    sx = np.array([[1, -1j], [-1j, 1]]) / np.sqrt(2)
    z = np.diag([1, np.exp(1j * turn)])
    bench = Bench(snapshot)
    for qubit in (0, 1):
        bench.gate("sx", qubit)
        bench.rz(qubit, turn)
    bench.gate("ecr", 0, 1)
    for qubit in (0, 1):
        bench.gate("sx", qubit)
    bench.measure(0, 1)
    wanted = np.abs((np.kron(sx, sx) @ ECR @ np.kron(z @ sx, z @ sx))[:, 0]) ** 2
    quiet = {"line": 1, "crosstalk": 1}
    found = exact(bench.build(), device=device, settings=quiet)[0, :2, :2].ravel()
    assert found == pytest.approx(wanted, abs=8e-3)
    without = exact(bench.build(), device=device, settings={"line": 0, "crosstalk": 1})[0, :2, :2].ravel()
    assert np.abs(without - wanted).max() > 0.02


@pytest.mark.parametrize(("port", "late"), [("x0", 4), ("x0", 16), ("x1", 9)])
def test_an_echoed_gate_feels_little_of_delays_that_it_does_not_know(exact, port, late):
    """Its tones reach into pulses before, between and after them; only the phase at which a carrier arrives counts."""
    device, snapshot = five_ecr.device(), five_ecr.snapshot()
    lines = device.lines | {port: device.lines[port].model_copy(update={"delay": late * 1e-9})}
    behind = 2 * np.pi * device.transmons[1].frequency * late * 1e-9 * (1 if port == "x0" else -1)
    gate = snapshot.gate("ecr", 0, 1)
    pulses = [p.model_copy(update={"phase": p.phase - behind * (p.frame == "u0_1")}) for p in gate.pulses]
    known = snapshot.model_copy(update={"gates": (*(g for g in snapshot.gates if g is not gate), _changed(gate, pulses=pulses))})
    sx = np.array([[1, -1j], [-1j, 1]]) / np.sqrt(2)
    bench = Bench(known)
    for name, *qubits in (("sx", 0), ("sx", 1), ("ecr", 0, 1), ("sx", 1), ("sx", 0)):
        bench.gate(name, *qubits)
    bench.wait(20)
    bench.measure(0, 1)
    wanted = np.abs((np.kron(sx, sx) @ ECR @ np.kron(sx, sx))[:, 0]) ** 2
    found = exact(bench.build(), device=_changed(device, lines=lines), settings={"line": 1})[0, :2, :2].ravel()
    assert found == pytest.approx(wanted, abs=8e-3)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"couplers": [{"kind": "static", "qubits": [0, 7], "j": 1e6}]}, "must name transmons 0 to 4; got \\[7\\]"),
        ({"couplers": [{"kind": "static", "qubits": q, "j": 1e6} for q in ([0, 1], [1, 0])]}, "another pair"),
        ({"lines": {"d9": {"gain": 1.1}}}, "ports of the chip; got \\['d9'\\]"),
        ({"crosstalk": [{"port": "z", "qubit": 1, "amplitude": 0.1}]}, "ports of the chip; got \\['z'\\]"),
    ],
)
def test_a_device_names_only_what_it_has(truth, tmp_path, parts, said):
    path = tmp_path / "device.json"
    path.write_text(json.dumps(json.loads(truth.model_dump_json()) | parts))
    with pytest.raises(SettingsError, match=said):
        Device.read(path)


@pytest.mark.parametrize("wrong", [{"frequency": 4.87}, {"anharmonicity": 3e8}, {"rabi": {}}])
def test_a_transmon_in_other_units_is_refused(truth, tmp_path, wrong):
    document = json.loads(truth.model_dump_json())
    document["transmons"][0] |= wrong
    path = tmp_path / "device.json"
    path.write_text(json.dumps(document))
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Device.read(path)
