"""The driver's contract, as far as it is the emulator's own: seeds, chunks, settings, refusals, memory of the last shot."""

import itertools

import numpy as np
import pytest

from qpu_bridge.driver import Driver, Run
from qpu_bridge.errors import Cancelled, ScheduleError, SettingsError, UnsupportedOption
from qpu_bridge.schedule import Acquisition, SlotKind, Table, shapes
from qpu_emulator.driver import EmulatorDriver
from qpu_emulator.engines.parts import cut, in_order


def _bell(bench, measured=(0, 1)):
    for qubit in (0, 1):
        bench.rz(qubit, np.pi / 2)
        bench.gate("sx", qubit)
        bench.rz(qubit, np.pi / 2)
    bench.gate("cz", 0, 1)
    bench.rz(1, np.pi / 2)
    bench.gate("sx", 1)
    bench.rz(1, np.pi / 2)
    bench.measure(*measured)
    return bench.build()


def test_it_keeps_the_contract(driver):
    assert isinstance(driver, Driver)
    assert driver.capabilities().simulated
    assert driver.capabilities().deterministic


def test_a_bell_pair(bench, run):
    (chunk,) = run(_bell(bench), shots=4096, rep_delay_s=1e-3)
    same = (chunk.bits[0, :, 0] == chunk.bits[0, :, 1]).mean()
    assert same >= 0.95
    assert 0.45 < chunk.bits[0, :, 0].mean() < 0.53
    assert chunk.notes["engine"] == "density_matrix"
    assert chunk.stopped_ns - chunk.started_ns > 4096 * 1e6


def test_same_seed_same_bytes_however_the_job_is_cut(bench, driver, snapshot):
    slot = bench.builder.slot(SlotKind.PHASE)
    bench.gate("sx", 0)
    bench.builder.shift_phase(bench.frames["q0"], slot)
    bench.gate("sx", 0)
    bench.measure(0, 1)
    schedule = bench.build()
    rows = np.linspace(0, 3, 7)[:, None]
    other = EmulatorDriver("emu_five", snapshot, {"threads": 1})
    results = []
    for device, cuts in ((driver, [0, 7]), (other, [0, 3, 7]), (driver, [0, 1, 2, 3, 4, 5, 6, 7])):
        device.load(schedule)
        parts = []
        for first, last in itertools.pairwise(cuts):
            run = Run(schedule.digest, Table(rows[first:last]), 100, first_row=first, seed=5)
            parts += [chunk.iq for chunk in device.run(run)]
        results.append(np.concatenate(parts).tobytes())
    assert results[0] == results[1] == results[2]


def test_mean_traces_are_the_same_bytes_however_lanes_are_dealt_to_parts(bench, driver, monkeypatch):
    bench.gate("sx", 0)
    bench.measure(0, 1, acquisition=Acquisition.RAW, average=True)
    schedule, found, seen = bench.build(), [], []

    def spied(*args):
        seen.append(cut(*args))
        return seen[-1]

    driver.load(schedule)
    monkeypatch.setattr("qpu_emulator.driver.cut", spied)
    for lanes in (64, 21, 9):
        # of two clusters of one qubit
        monkeypatch.setattr("qpu_emulator.engines.parts._STATES", lanes * 2 * 8 * 9)
        (chunk,) = driver.run(Run(schedule.digest, Table(np.zeros((1, 0))), 2000, seed=5))
        found.append([trace.tobytes() for trace in chunk.raw.values()])
    assert [len(parts) for parts, _ in seen] == [1, 4, 8]
    assert len(found[0]) == 2
    assert found[0] == found[1] == found[2]


def test_other_seeds_give_other_shots(bench, run):
    schedule = _bell(bench)
    first, second = (run(schedule, seed=seed)[0].iq for seed in (1, 2))
    assert not np.array_equal(first, second)


def test_sweeps_are_the_inner_axes(bench, run):
    phase = bench.builder.slot(SlotKind.PHASE)
    size = bench.builder.sweep(SlotKind.AMPLITUDE, 0.0, 0.25, 3)
    shape = bench.waveform("drag0")
    bench.builder.play(bench.frames["q0"], shape, size)
    bench.builder.shift_phase(bench.frames["q0"], phase)
    bench.builder.play(bench.frames["q0"], shape, size)
    bench.measure(0)
    quiet = {"t1": 0, "t2": 0, "low_frequency": 0, "readout": 0, "thermal": 0}
    chunks = run(bench.build(), Table(np.array([[0.0, 0.0], [np.pi, 0.0]])), shots=200, settings=quiet)
    mean = np.concatenate([chunk.bits for chunk in chunks]).mean(axis=(2, 3))
    # two pulses in phase: 0, pi, 2 pi; against each other: nothing
    assert mean[0] == pytest.approx([0, 1, 0], abs=0.03)
    assert mean[1] == pytest.approx([0, 0, 0], abs=0.03)


def test_a_swept_coupler_pulse_is_that_of_each_amplitude(fresh, exact):
    """Amplitudes from a slot are solved together, constants alone; both are the same window."""
    amplitudes, found = [0.03, 0.2, 0.43], []
    for amplitude in (None, *amplitudes):
        bench = fresh()
        for qubit in (0, 1):
            bench.gate("sx", qubit)
        slot = bench.builder.slot(SlotKind.AMPLITUDE) if amplitude is None else amplitude
        bench.builder.barrier()
        bench.builder.play(bench.frames["c01"], bench.waveform("flux"), slot)
        bench.builder.barrier()
        bench.gate("sx", 1)
        bench.measure(0, 1)
        table = Table(np.array(amplitudes)[:, None]) if amplitude is None else None
        found.append(exact(bench.build(), table))
    for swept, single in zip(found[0], found[1:], strict=True):
        assert swept == pytest.approx(single[0], abs=1e-13)


def test_frequency_sweep_finds_the_qubit(bench, run, truth):
    detuning = bench.builder.sweep(SlotKind.FREQUENCY, -4e6, 1e6, 9)
    bench.builder.set_frequency(bench.frames["q0"], detuning)
    bench.play("q0", shapes.gaussian(800, 200), 0.5 / 52e6 / shapes.gaussian(800, 200).expand().real.sum() / 1e-9)
    bench.measure(0)
    (chunk,) = run(bench.build(), shots=300)
    assert int(chunk.bits.mean(axis=(0, 2, 3)).argmax()) == 4


def test_a_short_wait_leaves_memory(bench, run):
    """X and measure, again and again: without a wait, or after 1 us, the qubit is still where the last shot left it."""
    bench.gate("x", 0)
    bench.measure(0)
    schedule = bench.build()
    for short in (0.0, 1e-6):
        assert run(schedule, shots=4000, rep_delay_s=short)[0].bits.mean() == pytest.approx(0.5, abs=0.06)
    for long in (2e-3, None):  # the device's own default cools
        assert run(schedule, shots=4000, rep_delay_s=long)[0].bits.mean() > 0.97


def test_five_tones_fit_the_readout_line(bench, driver):
    bench.measure(0, 1, 2, 3, 4)
    driver.load(bench.build())


def test_unknown_settings_and_options_are_refused(bench, driver, snapshot):
    schedule = _bell(bench)
    driver.load(schedule)
    with pytest.raises(UnsupportedOption, match="one of: t1"):
        list(driver.run(Run(schedule.digest, Table.single(), 1, settings={"colour": 1})))
    with pytest.raises(UnsupportedOption, match=r"setting t1 must be a number from 0 to 100; got -1"):
        list(driver.run(Run(schedule.digest, Table.single(), 1, settings={"t1": -1})))
    with pytest.raises(SettingsError, match="truth"):
        EmulatorDriver("emu_five", snapshot, {"colour": 1})


@pytest.mark.parametrize("settings", [{"t1": 101.0}, {"thermal": 126.0}, {"drift": 1e9}, {"age_h": 1e7}])
def test_factors_beyond_the_model_are_refused(bench, run, settings):
    """A thermal population of 0.004 may become a half at most; a rate of 1e300 would be no number."""
    bench.measure(0)
    with pytest.raises(UnsupportedOption, match=rf"setting {next(iter(settings))} must be a number from 0 to 1"):
        run(bench.build(), settings=settings)


def test_the_largest_factors_are_played(bench, run):
    bench.gate("x", 0)
    bench.gate("cz", 0, 1)
    bench.wait(2000)
    bench.measure(0)
    (chunk,) = run(bench.build(), shots=4000, settings=dict.fromkeys(("t1", "t2", "low_frequency", "zz", "thermal"), 100.0))
    assert chunk.bits.mean() == pytest.approx(0.45, abs=0.1)


def test_a_template_must_be_loaded(driver):
    with pytest.raises(ScheduleError, match="loaded"):
        list(driver.run(Run(b"x" * 32, Table.single(), 1)))


def test_pulses_that_meet_are_refused(bench, driver):
    bench.play("q0", shapes.constant(40), 0.1)
    bench.play("c01", shapes.constant(40), 0.1)
    bench.play("c12", shapes.constant(40), 0.1)
    bench.measure(0)
    with pytest.raises(ScheduleError, match="one window at a time"):
        driver.load(bench.build())


def test_abort_stops_between_chunks(bench, driver):
    slot = bench.builder.slot(SlotKind.PHASE)
    bench.builder.shift_phase(bench.frames["q0"], slot)
    for qubit in range(5):
        bench.gate("sx", qubit)
    for pair in ((0, 1), (1, 2), (2, 3), (3, 4)):
        bench.gate("cz", *pair)
    bench.measure(0, 1, 2, 3, 4)
    schedule = bench.build()
    driver.load(schedule)
    chunks = driver.run(Run(schedule.digest, Table(np.zeros((4000, 1))), 100, seed=1))
    first = next(chunks)
    assert first.rows < 4000
    driver.abort()
    with pytest.raises(Cancelled):
        list(chunks)


def test_results_come_in_order():
    assert list(in_order(lambda item: item * item, range(20), 2)) == [item * item for item in range(20)]


def test_a_ghz_state_of_five(bench, run):
    def hadamard(qubit):
        bench.rz(qubit, np.pi / 2)
        bench.gate("sx", qubit)
        bench.rz(qubit, np.pi / 2)

    hadamard(0)
    for control in range(4):
        hadamard(control + 1)
        bench.gate("cz", control, control + 1)
        hadamard(control + 1)
    bench.measure(0, 1, 2, 3, 4)
    (chunk,) = run(bench.build(), shots=4000, rep_delay_s=1e-3)
    total = chunk.bits[0].sum(axis=-1)
    assert ((total == 0) | (total == 5)).mean() > 0.88
    assert 0.42 < (total == 5).mean() < 0.52
    assert chunk.notes["levels"] == [2]
