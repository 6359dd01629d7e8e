from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qpu_calibration.catalog import routine
from qpu_calibration.edit import with_readout_frequency
from qpu_calibration.measured import each
from qpu_calibration.routines.assignment import STATES, Assignment, distance, product, shifts
from qpu_calibration.routines.resonator_spectroscopy import readout_frequency
from qpu_emulator import five

FIRST, SECOND = np.array([[0.98, 0.05], [0.02, 0.95]]), np.array([[0.9, 0.03], [0.1, 0.97]])
ALONE = np.kron(SECOND, FIRST)


def measured(stored, matrix, shots, rng):
    first = each(stored("assignment"))[0]
    drawn = np.stack([rng.multinomial(shots, column) for column in matrix.T]) / shots
    return replace(first, arrays={"joint": drawn}, attrs={"shots": shots})


def test_a_product_is_its_own_product():
    assert product(ALONE) == pytest.approx(ALONE)
    assert distance(ALONE) == pytest.approx(0)
    assert shifts(ALONE, 1000)[0] == pytest.approx([0, 0])


def test_of_two_qubits_it_is_said_which_hears_the_other():
    matrix = ALONE.copy()
    # the first is read as 1 more often by 0.04 where the second is in 1
    louder = np.array([[0.94, 0.01], [0.06, 0.99]])
    matrix[:, 2:] = np.kron(SECOND, louder)[:, 2:]
    assert shifts(matrix, 1000)[0] == pytest.approx([0.04, 0])
    assert distance(matrix) == pytest.approx(0.02)


def test_errors_that_come_together_are_seen_by_the_distance_alone(stored, rng):
    matrix = ALONE.copy()
    matrix[:, 0] += np.array([1, -1, -1, 1]) * 0.018
    fit = Assignment().fit_one(measured(stored, matrix, 20000, rng))
    assert fit.good
    assert abs(fit["first_shift"]) < 5 * fit.error("first_shift")
    assert fit["distance"] - fit["by_chance"] > 5 * fit.error("by_chance")


def test_errors_are_honest_and_no_crosstalk_is_found_where_none_is(stored, rng):
    z = {name: [] for name in ("first_shift", "second_shift", "prob_meas10_prep00", "prob_meas01_prep11")}
    above = []
    for _ in range(60):
        fit = Assignment().fit_one(measured(stored, ALONE, 2000, rng))
        for name, found in z.items():
            read, prepared = name[9:11], name[-2:]
            true = 0.0 if "shift" in name else ALONE[STATES.index(read), STATES.index(prepared)]
            found.append((fit[name] - true) / fit.error(name))
        above.append((fit["distance"] - fit["by_chance"]) / fit.error("by_chance"))
    for found in [*z.values(), above]:
        assert abs(np.mean(found)) < 0.6
        assert 0.65 < np.std(found) < 1.4


def test_an_emulated_pair_is_read_as_either_alone_and_nothing_changes(lab):
    bench = lab().bench
    before = bench.snapshot
    outcome = bench.run(routine("assignment"), [(0, 1)])
    assert not outcome.refused
    assert bench.snapshot is before
    fit = outcome.fits[(0, 1)]
    for name in ("first_shift", "second_shift"):
        assert fit.error(name) < 0.004
        assert abs(fit[name]) < 5 * fit.error(name)
    for column in STATES:
        assert sum(fit[f"prob_meas{read}_prep{column}"] for read in STATES) == pytest.approx(1)
    # qubit 0 is the first digit: with it alone in 1, 10 is read
    assert fit["prob_meas10_prep10"] > 0.9
    assert fit["prob_meas01_prep01"] > 0.9
    first = before.measure(0)
    ones = sum(fit[f"prob_meas1{second}_prep00"] for second in "01")
    assert ones == pytest.approx(first.prob_meas1_prep0, abs=0.01)


def test_a_tone_close_to_the_neighbours_is_heard(lab):
    """Resonators 12 MHz apart: of what is heard of the first, a part is the second's answer."""
    gap_hz = 12e6
    device, snapshot = five.device(), five.snapshot()
    first, second, *others = device.resonators
    near = (first, second.model_copy(update={"frequency": first.frequency + gap_hz}), *others)
    tone = readout_frequency(snapshot, 0) + gap_hz
    bench = lab(device.model_copy(update={"resonators": near}), with_readout_frequency(snapshot, 1, tone)).bench
    for name in ("readout_kernel", "readout"):
        assert not bench.run(routine(name), [(0,), (1,)]).refused
    (fit,) = bench.look(routine("assignment"), [(0, 1)], routine("assignment").settings)
    assert fit["distance"] > fit["by_chance"] + 20 * fit.error("by_chance")
    assert abs(fit["first_shift"]) > 20 * fit.error("first_shift")
