"""The readout's resonators: jumps while they are listened to, neighbours on one line, frames of captures."""

import numpy as np
import pytest

from qpu_bridge.driver import Run
from qpu_bridge.schedule import Acquisition, Column, Discriminator, Output, SlotKind, Table, Waveform, shapes
from qpu_emulator import five
from qpu_emulator.driver import EmulatorDriver
from qpu_emulator.readout.driven import Driven
from qpu_emulator.readout.levels import jump
from qpu_emulator.readout.probe import Probe
from qpu_emulator.readout.resonator import loudness, respond
from qpu_emulator.readout.responses import Responses
from qpu_emulator.readout.signal import integrate, integrate_swept, linger
from qpu_emulator.readout.trace import trace
from qpu_emulator.stream import streams

SILENT = {"t1": 0, "t2": 0, "low_frequency": 0, "thermal": 0, "readout": 1e-9}


def _signal(resonator, history, duration, offset, alpha, dt=1e-9, fine=8):
    """The demodulated field step by step: levels as a function of time, nothing closed."""
    pulls = np.array([-1.0, 1.0, resonator.chi_ratio]) * resonator.chi
    out = []
    for sample in range(duration):
        for part in range(fine):
            level = history((sample + part / fine) / duration)
            rate = np.pi * resonator.kappa + 2j * np.pi * (resonator.frequency + pulls[level] - resonator.frequency)
            step = np.exp(-rate * dt / fine)
            alpha = alpha * step + resonator.drive * (1 - step) / rate
            if part == fine // 2 - 1:
                out.append(alpha * np.exp(2j * np.pi * offset * (sample + 0.5) * dt))
    return np.array(out) * resonator.gain * np.exp(1j * resonator.cable_phase)


@pytest.mark.parametrize("offset", [0.0, 7e6])
@pytest.mark.parametrize(
    ("levels", "moments"), [((0, 0, 0), (2, 2)), ((1, 0, 0), (0.25, 2)), ((2, 1, 0), (0.25, 0.5)), ((0, 1, 2), (0.5, 0.55))]
)
@pytest.mark.parametrize("there", [0.0, 2.0 - 1.5j])
def test_two_jumps_ring_from_level_to_level(truth, levels, moments, offset, there):
    """Against the resonator's equation solved step by step, for points and for traces, also heard at another frequency.

    Once with an empty resonator, once with a field in it.
    """
    resonator = truth.resonators[0]
    plain = Waveform(np.ones(1, complex), np.array([400]))
    frequency = resonator.frequency
    response = respond(resonator, Probe(plain, 1e-9, 0.0, frequency, plain, 1e-9, 0.0, 400, frequency + offset))
    wanted = _signal(resonator, lambda t: levels[sum(t >= moment for moment in moments)], 400, offset, there)
    one = np.zeros(1, np.int64)
    args = (
        streams(1, one),
        one,
        one,
        np.array([levels], np.int8),
        np.array([moments], float),
        0.0,
        1.0,
    )
    before = np.array([there] if there else []) * resonator.gain * np.exp(1j * resonator.cable_phase)
    parts = [getattr(response, name) for name in ("gathered", "field", "ringing", "tails")]
    found = np.zeros(1, complex)
    integrate(found, *args[2:], np.ones(1, complex), *parts)
    if there:
        linger(found, *args[2:], one, response.ringing[None], response.tails[None], before)
    assert found[0] == pytest.approx(wanted.sum(), abs=4e-3 * abs(wanted).sum())
    out = np.zeros((1, 400), np.complex64)
    strength = np.ones((1, 1), complex), np.zeros((1, 1), int)
    trace(*args, *strength, response.field[None], response.ringing[None], 0, 0.0, before, out)
    assert np.abs(out[0] - wanted).max() < 0.02 * abs(wanted).max()
    assert out[0].sum() == pytest.approx(found[0], rel=1e-5)


def test_swept_frequencies_are_heard_as_each_of_them_alone(truth, seed):
    """Bit for bit: of shots that stay in a level, jump once and jump twice, whose frequencies come in no order."""
    draw, shots, resonator = np.random.default_rng(seed), 400, truth.resonators[0]
    probe = Probe(shapes.gaussian_square(300, 20, 200), 1e-9, 2e-8, 0.0, None, 1e-9, 1e-8, 310, 0.0)
    frequencies = resonator.frequency + draw.uniform(-5e6, 5e6, (3, 2))
    levels, lane = draw.integers(0, 3, (shots, 3)).astype(np.int8), draw.integers(0, 7, shots)
    left = np.sort(draw.uniform(0, 6e-7, (shots, 2)), axis=1)
    history = levels, left, 0.0, probe.until * probe.dt
    factor, entry = draw.normal(size=7) + 1j * draw.normal(size=7), draw.integers(0, 3, 7)
    together, apart = np.zeros((2, shots), complex)
    integrate_swept(together, lane, *history, factor, entry, *Driven.of(resonator, probe, frequencies))
    for number, pair in enumerate(frequencies):
        one, here = respond(resonator, probe._replace(tone_frequency=pair[0], frequency=pair[1])), entry[lane] == number
        alone, own = np.zeros(here.sum(), complex), (levels[here], left[here], *history[2:])
        integrate(alone, lane[here], *own, factor, one.gathered, one.field, one.ringing, one.tails)
        apart[here] = alone
    assert (together == apart).all()


@pytest.mark.parametrize("offset", [0.0, 1e-3, 2e7])
def test_how_loud_a_tone_is_does_not_need_its_samples(truth, offset):
    """Long holds are summed as geometric series, also where the tone stands still in the frame of the capture."""
    resonator = truth.resonators[0]
    tone = shapes.gaussian_square(600, 20, 500)
    kernel = Waveform(np.array([0.2, 1.0, -0.5j, 0.9]), np.array([100, 7, 300, 193]))
    probe = Probe(tone, 1e-9, 3e-8, resonator.frequency + 1e6, kernel, 1e-9, 1e-8, 600, resonator.frequency + 1e6 + offset)
    whole = respond(resonator, probe)
    assert loudness(resonator, probe, probe.frequencies) == pytest.approx(abs(whole.still).max() / whole.noise, rel=1e-9)


def test_responses_take_no_more_room_than_they_may(truth, monkeypatch):
    probe = Probe(shapes.constant(100), 1e-9, 0.0, 6e9, None, 1e-9, 0.0, 100, 6e9)
    size = respond(truth.resonators[0], probe).nbytes
    monkeypatch.setattr("qpu_emulator.readout.responses._ROOM", 3 * size)
    responses = Responses(truth.resonators)
    first = responses.find(0, probe)
    assert responses.find(0, probe) is first
    for shift in range(1, 4):
        responses.find(0, probe._replace(frequency=6e9 + shift))
    again = responses.find(0, probe)
    assert again is not first
    assert (again.gathered == first.gathered).all()


def test_jumps_come_at_their_rates(seed):
    """From 2 to 1 at twice the rate of 1 to 0: P(2 -> 0 within t) = (1 - exp(-t))**2."""
    shots = np.arange(40_000)
    levels, left = jump(streams(seed, shots), shots, np.full(len(shots), 2), 1.0, 0.0, 0.5)
    gone = 1 - np.exp(-0.5)
    assert (levels[:, 2] == 0).mean() == pytest.approx(gone**2, abs=4 * 0.5 / 200)
    assert (levels[:, 2] == 1).mean() == pytest.approx(2 * gone * (1 - gone), abs=4 * 0.5 / 200)
    assert ((left[:, 1] < 0.5) == (levels[:, 2] == 0)).all()
    assert (left[:, 0] <= left[:, 1]).all()


@pytest.fixture(scope="module")
def close(tmp_path_factory, snapshot):
    """A device whose second resonator is 3 MHz from the first."""
    device = five.device()
    first, second, *rest = device.resonators
    moved = second.model_copy(update={"frequency": first.frequency + 3e6})
    path = tmp_path_factory.mktemp("close") / "device.json"
    device.model_copy(update={"resonators": (first, moved, *rest)}).write(path)
    driver = EmulatorDriver("emu_five", snapshot, {"truth": str(path)})
    yield driver, driver._device
    driver.close()


def _point(close, bench, excited, tones, shots=50, **settings):
    """Mean IQ point of qubit 0 with tones for some qubits on the line, and some qubits excited."""
    driver, device = close
    for qubit in excited:
        bench.gate("x", qubit)
    start = 100  # after the gates; signals of other frequencies turn against each other from the start of the shot on
    column = bench.builder.column(Column("q0", discriminator=Discriminator(0.0, 0.0), output=Output.IQ))
    for qubit in tones:
        resonator = device.resonators[qubit]
        port = bench.ports[resonator.port]
        tone = bench.builder.frame(f"tone{qubit}", port, resonator.frequency)
        bench.builder.play(tone, shapes.constant(800), 0.1, at=start)
    for qubit in dict.fromkeys((0, *tones)):
        resonator = device.resonators[qubit]
        ear = bench.builder.frame(f"ear{qubit}", bench.ports[resonator.acquire_port], resonator.frequency)
        other = bench.builder.column(Column(f"other {qubit}", output=Output.IQ)) if qubit else column
        bench.builder.capture(ear, other, 800, at=start)
    schedule = bench.build()
    driver.load(schedule)
    (chunk,) = driver.run(Run(schedule.digest, Table.single(), shots, seed=3, settings=SILENT | settings))
    return chunk.iq[0, :, 0].mean()


def test_a_readout_hears_its_neighbours_tone(close, fresh):
    """Signals on one line add, and the neighbour's depends on the neighbour's level."""
    quiet = {"readout": 1.0, "shots": 4000}
    # what its own tone does in the resonator of an idle qubit is another test's
    alone = _point(close, fresh(), (), (0,), readout_crosstalk=0, **quiet)
    zero, one = (_point(close, fresh(), excited, (0, 1), **quiet) for excited in ((), (1,)))
    resonator = close[1].resonators[1]
    probe = Probe(shapes.constant(800), 1e-9, 0.0, resonator.frequency, None, 1e-9, 0.0, 800, close[1].resonators[0].frequency)
    heard = respond(resonator, probe).still * 0.1
    heard = heard * np.exp(-2j * np.pi * 3e6 * 100e-9)
    assert zero - alone == pytest.approx(heard[0], abs=0.1 * abs(heard[0]))
    assert one - zero == pytest.approx(heard[1] - heard[0], abs=0.1 * abs(heard[0]))
    off = _point(close, fresh(), (1,), (0, 1), readout_crosstalk=0, **quiet)
    assert abs(off - alone) < 0.1 * abs(heard[0])


def test_one_tone_drives_the_resonators_of_all_idle_qubits_that_it_comes_near_to(close, fresh, truth):
    """The signal is the sum of what both resonators make of the tone; without crosstalk it is the nearest one's alone."""
    first, second = close[1].resonators[:2]
    quiet = {"readout": 1.0, "shots": 4000}
    alone, both = (_point(close, fresh(), (), (0,), readout_crosstalk=share, **quiet) for share in (0, 1))
    probe = Probe(shapes.constant(800), 1e-9, 0.0, first.frequency, None, 1e-9, 0.0, 800, first.frequency)
    heard = respond(second, probe).still[0] * 0.1
    assert both - alone == pytest.approx(heard, abs=0.1 * abs(heard))
    # a qubit that the schedule does something else with keeps its state: its resonator is not driven by this tone
    touched = _point(close, fresh(), (1,), (0,), **quiet)
    assert touched == pytest.approx(alone, abs=0.1 * abs(heard))


def test_a_sweep_of_the_tone_finds_every_resonator_on_its_line(fresh, run, truth):
    """One tone and one capture over the whole line, the qubits at rest: a peak at each resonator's pulled frequency."""
    wanted = [resonator.frequency - resonator.chi for resonator in truth.resonators]
    grid = np.concatenate([frequency + np.array([-9e6, -2e6, 0.0, 2e6, 9e6]) for frequency in wanted])
    bench = fresh()
    slot = bench.builder.slot(SlotKind.FREQUENCY)
    base = truth.resonators[0].frequency
    column = bench.builder.column(Column("all", output=Output.IQ, average=True))
    tone = bench.builder.frame("tone", bench.ports["r"], base)
    ear = bench.builder.frame("ear", bench.ports["a"], base)
    for frame in (tone, ear):
        bench.builder.set_frequency(frame, slot)
    bench.builder.play(tone, shapes.constant(800), 0.1)
    bench.builder.capture(ear, column, 800)
    (chunk,) = run(bench.build(), Table((grid - base)[:, None]), shots=2000, settings=SILENT)
    size = np.abs(chunk.mean[:, 0]).reshape(5, 5)
    assert (size.argmax(axis=1) == 2).all()
    assert (size[:, 2] > 3 * size[:, [0, 4]].max(axis=1)).all()


@pytest.mark.parametrize("count", [200, 800])
def test_noise_grows_with_the_time_of_integration(fresh, run, count):
    """Variance proportional to T_int: 300 per ns and quadrature."""
    bench = fresh()
    column = bench.builder.column(Column("q0", output=Output.IQ))
    bench.builder.capture(bench.frames["a0"], column, count)
    (chunk,) = run(bench.build(), shots=20_000)
    assert chunk.iq.real.var() == pytest.approx(300.0**2 * count, rel=0.05)


def test_a_capture_at_another_frequency_sees_the_tone_turn(fresh, run):
    """A play at f, seen from the frame of f_0, is exp(-2 pi i (f - f_0) t), t from the start of the shot."""
    points = []
    for wait in (0, 40):
        bench = fresh()
        frequency = bench.snapshot.frames[[frame.name for frame in bench.snapshot.frames].index("m0")].frequency
        ear = bench.builder.frame("ear", bench.ports["a"], frequency + 5e6)
        column = bench.builder.column(Column("q0", Acquisition.RAW, output=Output.IQ))
        bench.wait(wait)
        start = bench.builder.now(bench.frames["m0"])
        bench.play("m0", shapes.constant(800), 0.1, at=start)
        bench.builder.capture(ear, column, 800, at=start)
        (chunk,) = run(bench.build(), shots=1, settings=SILENT | {"readout": 0})
        points.append(chunk.raw[0][0, 0])
    turn = np.angle(points[0][-50:] / points[0][-51:-1])
    assert turn == pytest.approx(2 * np.pi * 5e6 * 1e-9, abs=1e-3)
    assert np.angle(points[1][-1] / points[0][-1]) == pytest.approx(2 * np.pi * 5e6 * 40e-9, abs=1e-3)
