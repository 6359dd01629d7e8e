"""What drifted or was set wrongly is found again: one number of a calibrated device is spoiled, and one routine run."""

from __future__ import annotations

import pytest

from qpu_bridge.schedule.check import check_table
from qpu_calibration.catalog import routine
from qpu_calibration.edit import (
    amplitude,
    drag_pulse,
    with_amplitude,
    with_beta,
    with_frequency,
    with_measure,
    with_qubit,
    with_readout_frequency,
)
from qpu_calibration.routines.resonator_spectroscopy import readout_frequency

APART = [(0,), (2,), (4,)]


@pytest.mark.parametrize("off_hz", [-180e3, -3e3, 40e3, 250e3])
def test_ramsey_sees_how_far_and_to_which_side(lab, off_hz):
    device = lab()
    bench = device.bench
    for (q,) in APART:
        bench.snapshot = with_frequency(bench.snapshot, q, device.truth.transmons[q].frequency + off_hz)
    outcome = bench.run(routine("ramsey"), APART)
    assert not outcome.refused
    for (q,) in APART:
        error = outcome.fits[(q,)].error("f01")
        assert error < 500
        assert bench.snapshot.qubits[q].frequency == pytest.approx(device.truth.transmons[q].frequency, abs=5 * error + 50)


@pytest.mark.parametrize("off_hz", [-30e6, 25e6])
def test_spectroscopy_finds_a_qubit_that_is_elsewhere(lab, off_hz):
    device = lab()
    bench = device.bench
    for (q,) in APART:
        bench.snapshot = with_frequency(bench.snapshot, q, device.truth.transmons[q].frequency + off_hz)
    assert not bench.run(routine("qubit_spectroscopy"), APART).refused
    for (q,) in APART:
        assert bench.snapshot.qubits[q].frequency == pytest.approx(device.truth.transmons[q].frequency, abs=60e3)


def test_a_qubit_outside_of_the_scan_is_not_found_elsewhere(lab):
    device = lab()
    bench = device.bench
    bench.snapshot = before = with_frequency(bench.snapshot, 0, device.truth.transmons[0].frequency + 120e6)
    outcome = bench.run(routine("qubit_spectroscopy"), [(0,)])
    assert outcome.refused[(0,)]
    assert bench.snapshot is before


def test_beta(lab):
    bench = lab().bench
    truth = bench.snapshot
    for (q,), factor in zip(APART, (0.0, 0.6, 1.7), strict=True):
        bench.snapshot = with_beta(bench.snapshot, q, factor * drag_pulse(truth, q)[1].beta)
    outcome = bench.run(routine("drag"), APART)
    assert not outcome.refused
    for (q,) in APART:
        known = drag_pulse(truth, q)[1].beta
        assert drag_pulse(bench.snapshot, q)[1].beta == pytest.approx(known, abs=4 * outcome.fits[(q,)].error("beta") + 0.01)


def test_fine_amplitudes_of_x_and_sx_apart(lab):
    bench = lab().bench
    truth = bench.snapshot
    for (q,), x, sx in zip(APART, (0.97, 1.02, 1.0), (1.03, 0.98, 1.01), strict=True):
        bench.snapshot = with_amplitude(bench.snapshot, q, "x", x * amplitude(truth, q))
        bench.snapshot = with_amplitude(bench.snapshot, q, "sx", sx * amplitude(truth, q, "sx"))
    outcome = bench.run(routine("fine_amplitude"), APART)
    assert not outcome.refused
    for (q,) in APART:
        for name in ("x", "sx"):
            error = outcome.fits[(q,)].error(f"{name}_amplitude")
            assert amplitude(bench.snapshot, q, name) == pytest.approx(amplitude(truth, q, name), abs=5 * error)
            assert error < 1.5e-3 * amplitude(truth, q, name)


def test_a_stretched_rx_follows_its_x(lab):
    bench = lab().bench
    level = amplitude(bench.snapshot, 0)
    curve = bench.snapshot.gate("rx", 0).pulses[0].amplitude
    other = with_amplitude(bench.snapshot, 0, "x", 1.1 * level).gate("rx", 0).pulses[0].amplitude
    assert other.angle == curve.angle
    assert other.value == pytest.approx([1.1 * value for value in curve.value], abs=1e-8)


def test_readout_frequency_and_line(lab):
    device = lab()
    bench = device.bench
    for (q,) in APART:
        bench.snapshot = with_readout_frequency(bench.snapshot, q, readout_frequency(bench.snapshot, q) + 1.5e6)
        bench.snapshot = with_measure(bench.snapshot, q, angle=0.3, threshold=1e4)
    for name in ("readout_frequency", "readout_kernel", "readout"):
        assert not bench.run(routine(name), APART).refused
    for (q,) in APART:
        resonator = device.truth.resonators[q]
        assert readout_frequency(bench.snapshot, q) == pytest.approx(resonator.frequency, abs=0.1 * resonator.kappa)
        assert bench.snapshot.measure(q).prob_meas0_prep1 < 0.03


def test_lifetimes_do_not_need_to_be_known(lab):
    device = lab()
    bench = device.bench
    for (q,) in APART:
        bench.snapshot = with_qubit(bench.snapshot, q, t1=400e-6, t2=300e-6)
    found = {name: bench.run(routine(name), APART) for name in ("t1", "echo")}
    for (q,) in APART:
        t1, t2 = (found[name].fits[(q,)] for name in ("t1", "echo"))
        assert t1["t1"] == pytest.approx(device.truth.transmons[q].t1, abs=4 * t1.error("t1"))
        assert t2["t2"] == pytest.approx(device.truth.transmons[q].t2, abs=4 * t2.error("t2") + 0.12 * t2["t2"])


@pytest.mark.parametrize(("name", "factor"), [("t1", 0.05), ("t1", 20.0), ("echo", 0.05), ("echo", 20.0)])
def test_a_time_that_was_believed_to_be_another_by_far(lab, name, factor):
    device = lab()
    bench, field = device.bench, {"t1": "t1", "echo": "t2"}[name]
    true = {q: getattr(device.truth.transmons[q], field) for (q,) in APART}
    for q, there in true.items():
        bench.snapshot = with_qubit(bench.snapshot, q, **{field: there * factor})
    outcome = bench.run(routine(name), APART)
    assert not outcome.refused
    for q, there in true.items():
        fit = outcome.fits[(q,)]
        # an echo lets some of the slow noise through
        assert fit[field] == pytest.approx(there, abs=5 * fit.error(field) + (0.2 * there if name == "echo" else 0.0))
        assert fit.error(field) < 0.1 * fit[field]


def test_waits_end_with_the_shot(lab):
    bench = lab().bench
    longest_s = bench.execution.capabilities.limits.max_duration * float(bench.execution.capabilities.limits.dt)
    bench.snapshot = with_qubit(bench.snapshot, 0, t1=longest_s, t2=longest_s)
    for name in ("t1", "echo", "t2_star", "cpmg"):
        one = routine(name)
        for step in one.passes(one.settings):
            plan = one.plan(bench.snapshot, [(0,)], step, bench.execution.capabilities.limits)
            (waits,) = (axis.values for axis in plan.axes if axis.name == "delay")
            assert 0.85 * longest_s < waits.max() < longest_s
            check_table(*plan.schedules[-1], bench.execution.capabilities.limits)
