"""What theory says of suppression and mitigation, through jobs and pulses. In full: ``python -m tests.proofs``."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from qpu_emulator import five
from qpu_emulator.windows.pair import Pair
from tests.proofs import benchmarking, day, decoupling, mitigation, recovery, twirling
from tests.proofs.stand import changed, stand

SHOTS = 2000


def test_longer_sequences_keep_an_idle_superposition_longer() -> None:
    with stand(changed(five.device(), quasi_static=0.0, one_over_f=8e3)) as device:
        found = decoupling.sequences(device, [decoupling.ramsey(t) for t in (10, 20, 40)], SHOTS)
    assert np.all(found["none"] + 0.1 < found["XX"])
    assert np.all(found["XX"] < found["XY4"])
    assert np.all(found["XX"][1:] + 0.02 < found["XY4"][1:])


def test_decoupling_keeps_an_idle_ghz_state() -> None:
    with stand() as device:
        found = decoupling.sequences(device, [decoupling.ghz(t) for t in (3, 8)], SHOTS)
    for name in ("XX", "XpXm", "XY4"):
        assert np.all(found[name] > found["none"] + 0.2)


def test_the_best_pulse_interval_lies_inside() -> None:
    found = decoupling.interval([2, 32, 256], 20, 4000)
    assert found[1] > max(found[0], found[2]) + 0.015


def test_neighbours_that_flip_in_turn_lose_their_zz() -> None:
    idle = np.array([5.0, 10.0, 20.0])
    found = decoupling.staggering(idle.tolist(), SHOTS)
    truth = five.device()
    aligned = np.cos(np.pi * Pair(truth, truth.couplers[2]).zz() * idle * 1e-6 / 2) ** 2
    np.testing.assert_allclose(found["aligned"], aligned, atol=4 * 0.5 / np.sqrt(SHOTS) + 0.005)
    assert np.all(found["staggered"] > 0.995)


def test_a_twirled_coherent_error_grows_linearly() -> None:
    gates = [0, 8, 16, 32]
    found = twirling.growth(gates, 4096)
    np.testing.assert_allclose(found["bare"], np.cos(twirling.ANGLE * np.array(gates)), atol=0.07)
    # 64 randomizations: a random walk of the phase with that many samples
    np.testing.assert_allclose(found["twirled"], np.cos(twirling.ANGLE) ** np.array(gates), atol=0.03)


def test_off_diagonal_elements_fall_with_the_number_of_randomizations() -> None:
    few, many = twirling.off_diagonal([1, 64], 8, 8)
    assert many < 0.4 * few


def test_extrapolation_reduces_the_bias() -> None:
    found = mitigation.extrapolation(*mitigation.CASES[0], precision=0.004)
    raw, zne = (abs(found[name][0] - found["ideal"][0]) for name in ("raw", "zne"))
    assert raw > 0.04
    assert zne < 0.4 * raw


def test_cancellation_removes_the_bias_at_the_predicted_variance() -> None:
    gates, randomizations, jobs = 64, 256, 20
    print(f"seeds 0 to {jobs - 1}")
    found = [mitigation.cancellation(gates, 0.02, randomizations, seed) for seed in range(jobs)]
    ideal = {"raw": np.cos(twirling.ANGLE) ** gates, "pec": 1.0}
    assert ideal["raw"] < 0.9
    wanted = mitigation.deviation(gates, 0.02, randomizations)
    for name in ideal:
        values, said = np.array([one[name] for one in found]).T
        assert values.mean() == pytest.approx(ideal[name], abs=4 * wanted / np.sqrt(jobs))
        assert 1e-4 < chi2.cdf(((values - ideal[name]) ** 2).sum() / wanted**2, jobs) < 1 - 1e-4
        assert np.sqrt((said**2).mean()) == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize(
    ("qubits", "lengths", "tolerance"), [((2,), [1, 400, 1200, 2500], 0.15), ((2, 3), [1, 60, 140, 250], 0.2)]
)
def test_rb_coherence_limit(qubits: tuple[int, ...], lengths: list[int], tolerance: float) -> None:
    found = benchmarking.error_per_clifford(qubits, lengths, 3, 1000, 3)
    assert found["error"] == pytest.approx(found["limit"], rel=tolerance, abs=4 * found["deviation"])


def test_an_unknown_chip_is_found_through_schedules() -> None:
    seed = 1
    print(f"seed {seed}")
    found = recovery.recover(seed)
    for name, (tolerance, kind) in recovery.TOLERANCES.items():
        measured, true = found.qubits[name].T
        off = measured - true if kind == "absolute" else measured / true - 1
        assert np.all(np.abs(off) < tolerance), (name, off)
    assert found.zz[0] == pytest.approx(found.zz[1], rel=0.03, abs=300)
    _, measured, true = found.phases
    off = np.angle(np.exp(1j * (measured - true)))
    assert abs(off.mean()) < 0.03
    assert off.std() < 0.06


def test_every_promise_of_the_queue_holds_for_a_while() -> None:
    seed = 7
    print(f"seed {seed}")
    counted = day.day(seed, 0.5)
    assert counted["ended: Completed"] > 30
    assert counted["run: death"] > 0
