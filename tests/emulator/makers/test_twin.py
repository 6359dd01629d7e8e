"""A small twin, played: its pulses and readout make the errors that were published."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from qpu_bridge.driver import Run
from qpu_bridge.schedule import Table
from qpu_emulator.cache import Cache
from qpu_emulator.driver import EmulatorDriver
from qpu_emulator.makers import chip, twin
from qpu_emulator.makers.published import Published, PublishedQubit, of_shipped

SEED = 11
ERROR, PAIR_ERROR = 6e-4, 6e-3
READOUT, QUICK = (0.012, 0.031), (0.003, 0.006)
T1, T2 = 180e-6, 150e-6


@pytest.fixture(scope="module")
def made():
    qubit = PublishedQubit(T1, T2, None, None, *READOUT, ERROR, readout_s=2584e-9)
    quick = replace(qubit, readout_s=675.56e-9, prob_meas1_prep0=QUICK[0], prob_meas0_prep1=QUICK[1])
    better = PublishedQubit(20e-6, 20e-6, None, None, 0.02, 0.03, 1e-5, 49e-9)
    pairs = {(0, 1): PAIR_ERROR, (1, 2): 1e-4}
    known = Published("lab", "cz", (qubit, quick, better), pairs, ((0, 2),), 36e-9, 68e-9, {(1, 2): 81e-9})
    return twin.make(known, "emu_twin", SEED, datetime(2026, 11, 21, tzinfo=UTC), lambda _: None)


QUIET = {"t1": 0, "t2": 0, "low_frequency": 0, "zz": 0, "readout": 0, "thermal": 0}


@pytest.fixture(scope="module")
def twins_driver(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("twin") / "device.json"
    made.device.write(path)
    driver = EmulatorDriver("emu_twin", made.snapshot, {"truth": str(path)})
    yield driver
    driver.close()


@pytest.fixture
def ones(made, twins_driver, bench):
    """Play what is written, measure a qubit: how often it reads 1."""

    def play(write, shots=40_000, settings=None, qubit=0):
        page = type(bench)(made.snapshot)
        write(page)
        page.measure(qubit)
        schedule = page.build()
        twins_driver.load(schedule)
        print(f"seed {SEED}")
        run = Run(schedule.digest, Table(np.zeros((1, len(schedule.slots)))), shots, seed=SEED, settings=settings or {})
        return np.concatenate([chunk.bits.ravel() for chunk in twins_driver.run(run)]).mean()

    return play


def _floor(seconds):
    return 0.5 - np.exp(-seconds / T1) / 6 - np.exp(-seconds / T2) / 3


@pytest.mark.parametrize(("qubit", "errors"), [(0, READOUT), (1, QUICK)])
def test_readout_errs_as_published_however_long_it_lasts(ones, qubit, errors):
    found = ones(lambda page: page.wait(4), qubit=qubit), 1 - ones(lambda page: page.gate("x", qubit), qubit=qubit)
    assert found == pytest.approx(errors, rel=0.08, abs=4 * (errors[1] / 40_000) ** 0.5)


def test_a_quick_readout_has_a_louder_tone_and_no_quieter_receiver_than_physics_allows(made):
    designed, quick = (made.device.resonators[q] for q in (2, 1))
    assert quick.drive > designed.drive
    assert quick.noise == pytest.approx(quick.gain / np.sqrt(4 * np.pi * quick.kappa * 1e-9))


def test_lifetimes_are_the_published_ones(ones):
    still = {"readout": 0, "thermal": 0, "zz": 0}

    def decay(page):
        page.gate("x", 0)
        page.wait(180_000)

    def echo(page):
        page.gate("sx", 0)
        page.wait(75_000)
        page.gate("x", 0)
        page.wait(75_000)
        page.gate("sx", 0)

    assert ones(decay, settings=still) == pytest.approx(np.exp(-1), abs=0.01)
    assert ones(echo, settings=still) == pytest.approx((1 - np.exp(-1)) / 2, abs=0.01)


def test_sx_errs_as_published(ones):
    """Sixteen pulses add up what each turns too far: ``1 - F = d**2 / 6`` beside relaxation."""
    chance = ones(lambda page: [page.gate("sx", 0) for _ in range(16)], settings=QUIET)
    turned = 2 * np.arcsin(np.sqrt(chance)) / 16
    assert turned**2 / 6 + _floor(36e-9) == pytest.approx(ERROR, rel=0.15)


def test_the_pairs_gate_errs_as_published(made, ones):
    """Eight gates add up the phase of one qubit, its neighbour at rest; both have it: ``1 - F = 0.4 z**2`` beside relaxation."""

    def ramsey(page):
        page.gate("sx", 0)
        for _ in range(8):
            page.gate("cz", 0, 1)
        page.rz(0, np.pi / 2)
        page.gate("sx", 0)

    phase = np.arcsin(abs(2 * ones(ramsey, settings=QUIET) - 1)) / 8
    kept = (1 + np.exp(-68e-9 / T1) + 2 * np.exp(-68e-9 / T2)) ** 2
    assert 0.4 * phase**2 + (16 - kept) / 20 == pytest.approx(PAIR_ERROR, rel=0.15)
    believed = {gate.qubits: gate.error for gate in made.snapshot.gates if gate.name == "cz"}
    assert believed[0, 1] == PAIR_ERROR


def test_what_cannot_be_as_published_is_said(made):
    said = "; ".join(made.remarks)
    assert "coupler (0, 2) is published as broken" in said
    assert "sx on 2 is published with 1e-05" in said
    assert "cz on 1, 2 is published with 0.0001" in said
    believed = {gate.qubits: gate.error for gate in made.snapshot.gates if gate.name == "sx"}
    assert believed[(2,)] == pytest.approx((1 - np.exp(-48e-9 / 20e-6)) / 2, rel=1e-3)


def test_each_gate_takes_its_own_time_in_whole_grains(made):
    lasts = {(gate.name, gate.qubits): gate.duration for gate in made.snapshot.gates}
    assert [lasts["sx", (q,)] for q in range(3)] == [36, 36, 48]
    assert (lasts["cz", (0, 1)], lasts["cz", (1, 2)], lasts["rzz", (1, 2)]) == (68, 80, 80)


def test_each_measurement_takes_its_own_time_and_its_tone_what_that_leaves(made):
    lasts = [(m.duration, m.acquire_start + m.acquire_duration) for m in made.snapshot.measures]
    assert lasts == [(2584, 2216), (676, 304), (1200, 832)]
    tones = [made.snapshot.waveforms[m.waveform].duration for m in made.snapshot.measures]
    assert tones == [2216, 304, 832]


def test_echoed_gates_have_their_own_lengths_and_what_is_too_short_is_said():
    qubits = tuple(PublishedQubit(T1, T2, prob_meas1_prep0=0.02, prob_meas0_prep1=0.03, drive_s=36e-9) for _ in range(4))
    lengths = {(0, 1): 460e-9, (1, 2): 532e-9, (2, 3): 200e-9}
    known = Published("lab", "ecr", qubits, dict.fromkeys(lengths), (), 36e-9, 460e-9, lengths)
    found = twin.make(known, "emu_ecr", SEED, datetime(2026, 11, 21, tzinfo=UTC), lambda _: None)
    lasts = {tuple(sorted(gate.qubits)): gate.duration for gate in found.snapshot.gates if gate.name == "ecr"}
    assert lasts == {(0, 1): 460, (1, 2): 532, (2, 3): 356}
    assert "each half of ecr on (2, 3) is published with 82 ns; here it takes 160 ns" in found.remarks


def test_an_echoed_gate_lasts_as_published_whatever_the_drive_of_its_target():
    drives = {4.9e9: 100e-9, 5.02e9: 36e-9}
    qubits = tuple(PublishedQubit(T1, T2, frequency, drive_s=drive) for frequency, drive in drives.items())
    known = Published("lab", "ecr", qubits, {(0, 1): None}, (), 36e-9, 460e-9, {(0, 1): 460e-9})
    found = twin.make(known, "emu_ecr", SEED, datetime(2026, 11, 21, tzinfo=UTC), lambda _: None)
    assert [(gate.qubits, gate.duration) for gate in found.snapshot.gates if gate.name == "ecr"] == [((1, 0), 460)]


def _across(lengths, drive_s):
    qubits = tuple(PublishedQubit(T1, T2, 4.9e9 + 0.12e9 * (q % 2), drive_s=drive_s) for q in range(3))
    known = Published("lab", "ecr", qubits, dict.fromkeys(lengths), (), drive_s, 460e-9, lengths)
    found = twin.make(known, "emu_ecr", SEED, datetime(2026, 11, 21, tzinfo=UTC), lambda _: None)
    return {gate.qubits: gate.pulses[0].amplitude for gate in found.snapshot.gates if gate.name == "ecr"}


def test_long_echoed_gates_are_weak_and_slow_qubits_have_strong_lines_for_quick_ones():
    """A tone of the wrong strength would turn once more; one for quick gates needs more than slow pi pulses do."""
    amplitudes = _across({(0, 1): 460e-9, (1, 2): 1458e-9}, 36e-9)
    assert abs(amplitudes[1, 2]) == pytest.approx(abs(amplitudes[1, 0]) * (212 - 48) / (712 - 48), rel=0.25)
    assert abs(_across({(0, 1): 412e-9, (1, 2): 412e-9}, 104e-9)[1, 0]) < 0.7


def test_what_was_solved_before_is_read_and_what_is_damaged_is_solved_again(made, tmp_path):
    cache, known = Cache(tmp_path), chip.random("line", 2, "cz", 3)
    days = [datetime(2026, 11, day, tzinfo=UTC) for day in (20, 21, 22)]
    first, second = (twin.make(known, "emu_pair", SEED, day, lambda _: None, cache) for day in days[:2])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    # both rotations, the coupler, both readouts with what their noise and threshold are
    assert len(files) == 7
    assert {gate.calibrated_at for gate in second.snapshot.gates} == {days[1]}
    for path in files:
        path.write_bytes(path.read_bytes()[:-9])
    third = twin.make(known, "emu_pair", SEED, days[2], lambda _: None, cache)

    def timeless(found):
        gates = tuple(gate.model_copy(update={"calibrated_at": days[0]}) for gate in found.snapshot.gates)
        return found.snapshot.model_copy(update={"calibrated_at": days[0], "calibration_id": "x", "gates": gates})

    assert timeless(first) == timeless(second) == timeless(third)
    assert first.device == second.device == third.device


def _readout_of(first, second, seconds=None, t1=T1, error=None):
    qubit = PublishedQubit(t1, t1, None, None, first, second, error, readout_s=seconds)
    known = Published("lab", "cz", (qubit,), {}, (), 36e-9, 68e-9)
    found = twin.make(known, "emu_alone", SEED, datetime(2026, 11, 21, tzinfo=UTC), lambda _: None)
    (measure,) = found.snapshot.measures
    lasts = found.snapshot.waveforms[measure.waveform].duration, measure.duration
    return found.remarks, (measure.prob_meas1_prep0, measure.prob_meas0_prep1), lasts


def test_a_readout_is_as_bad_as_published_while_it_tells_anything():
    remarks, errors, _ = _readout_of(0.004, 0.86)
    assert not remarks
    assert errors == pytest.approx((0.004, 0.86), rel=0.02)
    remarks, errors, _ = _readout_of(0.5, 0.5)
    assert remarks == (
        "readout of qubit 0 is published with errors of 0.5 and 0.5, which tells nothing; here they are 0.45 and 0.45",
    )
    assert errors == pytest.approx((0.45, 0.45), rel=0.02)


def test_an_x_that_errs_is_part_of_what_is_read_wrong_after_it(tmp_path, bench):
    """Published is what comes of an x and a readout; where the x alone is worse, that is said."""
    qubit = PublishedQubit(T1, T2, prob_meas1_prep0=0.015, prob_meas0_prep1=0.04, error=0.01)
    known = Published("lab", "cz", (qubit,), {}, (), 36e-9, 68e-9)
    found = twin.make(known, "emu_alone", SEED, datetime(2026, 11, 21, tzinfo=UTC), lambda _: None)
    zeros, ones = (_read(found, tmp_path, bench, flipped) for flipped in (False, True))
    assert (zeros, 1 - ones) == pytest.approx((0.015, 0.04), rel=0.08)
    (measure,) = found.snapshot.measures
    assert (measure.prob_meas1_prep0, measure.prob_meas0_prep1) == pytest.approx((0.015, 0.04), rel=0.02)
    remarks, errors, _ = _readout_of(0.01, 0.02, error=0.02)
    assert errors[1] == pytest.approx(1.5 * 0.02 + 0.1 * 0.02, rel=0.08)
    wanted = (
        f"is published with errors of 0.01 and 0.02; its x fails with 0.03: here they are {errors[0]:.2g} and {errors[1]:.2g}"
    )
    assert remarks == (f"readout of qubit 0 {wanted}",)


def test_a_tone_is_no_longer_than_relaxation_allows():
    """A published measurement that relaxation would spoil lasts as long, but listens for less of it."""
    remarks, errors, (tone, whole) = _readout_of(0.006, 0.012, 5351.1e-9, 15e-6)
    assert (whole, errors) == (5352, pytest.approx((0.006, 0.012), rel=0.02))
    assert 240 < tone < 1000
    wanted = f"is published with errors of 0.006 and 0.012 in 5352 ns; its T1 of 15 us leaves these to a tone of {tone} ns"
    assert remarks == (f"readout of qubit 0 {wanted}",)


def test_measurements_that_cannot_be_are_said():
    remarks, errors, lasts = _readout_of(0.004, 0.006, 1e-6, 5e-6)
    assert lasts == (240, 1000)
    assert sum(errors) > 0.01
    assert "published with errors of 0.004 and 0.006; its T1 of 5 us leaves" in remarks[0]
    remarks, _, lasts = _readout_of(0.01, 0.02, 300e-9)
    assert (remarks, lasts) == (("the measurement of 0 is published with 300 ns; here it takes 608 ns",), (240, 608))
    remarks, errors, lasts = _readout_of(0.01, 0.05, 85_617.8e-9)
    assert (remarks, lasts) == (("the measurement of 0 takes 85616 ns; its tone 8000 ns",), (8000, 85_616))
    assert errors == pytest.approx((0.01, 0.05), rel=0.02)


def _read(found, folder, bench, flipped):
    """How often a qubit alone reads 1."""
    found.device.write(folder / "device.json")
    driver = EmulatorDriver("emu_alone", found.snapshot, {"truth": str(folder / "device.json")})
    page = type(bench)(found.snapshot)
    if flipped:
        page.gate("x", 0)
    page.measure(0)
    schedule = page.build()
    driver.load(schedule)
    run = Run(schedule.digest, Table(np.zeros((1, len(schedule.slots)))), 40_000, seed=SEED)
    ones = np.concatenate([chunk.bits.ravel() for chunk in driver.run(run)]).mean()
    driver.close()
    return ones


def test_a_qubit_alone_has_a_twin_and_is_played(tmp_path, bench):
    found = twin.make(of_shipped("armonk"), "emu_alone", SEED, datetime(2026, 11, 21, tzinfo=UTC), lambda _: None)
    ones = _read(found, tmp_path, bench, True)
    assert 1 - ones == pytest.approx(found.snapshot.measures[0].prob_meas0_prep1, abs=0.02)


def test_what_is_broken_is_not_for_users():
    qubits = (PublishedQubit(T1, T2, operational=False), PublishedQubit(T1, 3 * T1))
    known = Published("lab", "cz", qubits, {(0, 1): None}, (), 36e-9, 68e-9)
    found = twin.make(known, "emu_broken", SEED, datetime(2026, 11, 21, tzinfo=UTC), lambda _: None)
    assert [qubit.operational for qubit in found.snapshot.qubits] == [False, True]
    assert found.remarks[0] == "qubit 0 is published as broken: it works, but is not for users"
    assert found.remarks[1:] == ("T2 of qubit 1 is published with 540 us; its T1 allows 360 us",)


def test_each_remark_names_the_number_and_what_is_taken():
    qubits = tuple(PublishedQubit(t1, T2, f, alpha) for t1, f, alpha in ((T1, 4.9e9, -0.33e9), (None, 4.95e9, -0.2e9)))
    known = Published("lab", "cz", qubits, {(0, 1): None}, (), 36e-9, 68e-9)
    found = twin.make(known, "emu_said", SEED, datetime(2026, 11, 21, tzinfo=UTC), lambda _: None)
    t1, alpha = (getattr(found.device.transmons[1], name) for name in ("t1", "anharmonicity"))
    assert found.remarks == (
        "qubits 0 and 1 are published 50 MHz apart, cz needs 100 to 215 MHz: all frequencies are drawn",
        f"T1 of qubit 1 is not published; here it is {1e6 * t1:.3g} us",
        f"anharmonicity of qubit 1 is published with -200.0 MHz; here it is {1e-6 * alpha:.1f} MHz",
    )
    half = Published("lab", "cz", (qubits[0], replace(qubits[1], frequency=None)), {(0, 1): None}, (), 36e-9, 68e-9)
    assert "frequencies of the qubits 1 are not published: all are drawn" in twin._drawn(half)
