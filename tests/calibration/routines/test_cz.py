"""Tunable couplers of which only the design is known: their cz is found, and what it does to the truth is solved."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.target import waveform
from qpu_calibration.catalog import routine
from qpu_calibration.edit import flux_amplitude, flux_pulse, virtual_z, with_flux_amplitude, with_virtual_z, with_waveform
from qpu_emulator.windows.pair import Pair
from tests.calibration.channel import error, solved
from tests.calibration.conftest import raw

CHAIN = ("cz_chevron", "cz_phase", "cz_local_phases")


@pytest.mark.parametrize("seed", [3])
def test_from_the_design_to_twice_the_coherence_limit(lab, seed):
    truth, design = raw("line", 2, "cz", seed)
    bench = lab(truth, solved(truth, design)).bench
    for name in CHAIN:
        outcome = bench.run(routine(name), [(0, 1)])
        assert not outcome.refused, outcome.refused
    wrong, limit = error(truth, bench.snapshot, (0, 1))
    assert wrong + limit < 1.3 * limit


def test_an_amplitude_far_off_is_found_again_and_rzz_follows(lab):
    bench = lab().bench
    known, pair = bench.snapshot, (0, 1)
    bench.snapshot = with_flux_amplitude(known, pair, 0.8 * flux_amplitude(known, pair))
    assert bench.snapshot.gate("rzz", *pair) != known.gate("rzz", *pair)
    for name in ("cz_chevron", "cz_phase"):
        outcome = bench.run(routine(name), [pair])
        assert not outcome.refused
    fit = outcome.fits[pair]
    wanted = flux_amplitude(known, pair)
    assert flux_amplitude(bench.snapshot, pair) == pytest.approx(wanted, abs=4 * fit.error("amplitude") + 2e-5)
    before, after = (s.gate("rzz", *pair).pulses[0].amplitude.value for s in (known, bench.snapshot))
    assert after == pytest.approx(before, abs=2e-3)


def test_phases_of_either_qubit_are_found_again(lab):
    bench = lab().bench
    known, pair = bench.snapshot, (0, 1)
    first, second = virtual_z(known, "cz", pair)
    bench.snapshot = with_virtual_z(known, "cz", pair, (first + 2.5, second - 1.0))
    outcome = bench.run(routine("cz_local_phases"), [pair])
    assert not outcome.refused
    fit = outcome.fits[pair]
    assert fit["first"] == pytest.approx(first, abs=4 * fit.error("first") + 2e-3)
    assert fit["second"] == pytest.approx(second, abs=4 * fit.error("second") + 2e-3)


def test_a_coupler_that_does_nothing_keeps_its_numbers(lab):
    device = lab()
    still = tuple(c.model_copy(update={"flux_per_amplitude": -1e-4}) for c in device.truth.couplers)
    broken = lab(device.truth.model_copy(update={"couplers": still}), device.bench.snapshot)
    before = broken.bench.snapshot
    outcome = broken.bench.run(routine("cz_chevron"), [(0, 1)])
    assert "half a turn" in outcome.refused[(0, 1)]
    assert broken.bench.snapshot is before


def pulsed(truth, snapshot, pair):
    """What the flux pulse of a gate does to the truth, ``complex[9, 9]`` between levels ``3 a + b``."""
    pulse = flux_pulse(snapshot, pair)
    shape = waveform(snapshot.waveforms[pulse.waveform])
    solver = Pair(truth, next(one for one in truth.couplers if one.qubits == pair))
    levels = solver.frequency(pulse.amplitude * shape.samples.real)[None]
    return solver.propagate(levels, shape.repeats, float(snapshot.timing.dt))[0][0]


@pytest.mark.parametrize(("rise", "level"), [(30, 1.0), (16, 1.0), (12, 1.0), (2, 0.8)])
def test_leakage_is_what_one_gate_takes_from_11(lab, rise, level):
    device = lab()
    bench, pair = device.bench, (0, 1)
    shape = bench.snapshot.waveforms["flux"].model_copy(update={"rise": rise})
    reshaped = with_waveform(bench.snapshot, "flux", shape)
    bench.snapshot = with_flux_amplitude(reshaped, pair, level * flux_amplitude(bench.snapshot, pair))
    one = routine("cz_leakage")
    fit = bench.run(one, [pair]).fits[pair]
    assert fit.good, fit.reason
    taken = 1 - abs(pulsed(device.truth, bench.snapshot, pair)[4, 4]) ** 2
    assert fit["leakage"] == pytest.approx(taken, abs=4 * fit.error("leakage"))
    assert fit.error("leakage") < max(2.5e-4, taken / 2)
    if not 1e-3 < taken < 0.02:
        assert bool(one.complaint(bench.snapshot, fit)) == (taken > 0.02)


def test_equal_steps_would_hide_what_leaks(lab):
    """Why waits are random: level 2 comes back by interference."""
    device = lab()
    snapshot = device.bench.snapshot
    shape = snapshot.waveforms["flux"].model_copy(update={"rise": 16})
    gate = pulsed(device.truth, with_waveform(snapshot, "flux", shape), (0, 1))
    taken = 1 - abs(gate[4, 4]) ** 2
    steps = [1 - abs(np.linalg.matrix_power(gate, n)[4, 4]) ** 2 for n in range(1, 41)]
    assert max(steps) < 0.3 * 40 * taken


def test_zz_and_its_sign(lab):
    device = lab()
    pairs = [(0, 1), (3, 4)]
    outcome = device.bench.run(routine("zz"), pairs)
    assert not outcome.refused
    for pair in pairs:
        coupler = next(one for one in device.truth.couplers if one.qubits == pair)
        fit = outcome.fits[pair]
        assert fit.error("zz") < 600
        assert device.bench.snapshot.zz(*pair) == pytest.approx(Pair(device.truth, coupler).zz(), abs=4 * fit.error("zz"))
