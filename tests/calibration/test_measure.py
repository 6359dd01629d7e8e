from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from qpu_calibration.axis import Axis
from qpu_calibration.measure import targets_of
from qpu_calibration.measured import each
from qpu_calibration.plan import Kind, Plan, write
from qpu_calibration.reading import Reading, binomial_variance, excited
from tests.calibration.measuring import measure


def plan(bench, targets, axes, play, reading, shots=200) -> Plan:
    schedules, rounds = write(bench.snapshot, targets, axes, play, reading)
    kind = Kind.QUBIT if len(targets[0]) == 1 else Kind.COUPLER
    return Plan(kind, tuple(targets), tuple(axes), schedules, shots, reading, rounds, {"fact": np.arange(len(targets)) * 1.5})


def test_every_number_comes_back_under_its_names(lab):
    bench = lab().bench
    axes = [
        Axis("flips", np.array([0, 1, 2]), stepped=True),
        Axis("angle", np.array([[0.0, np.pi], [np.pi, 0.0]]), "rad"),
    ]

    def play(page, at):
        for _ in range(int(at.number("flips"))):
            page.x()
        page.sx()
        page.sx(at["angle"])
        page.measure()

    order = plan(bench, [(0,), (3,)], axes, play, Reading.ONES)
    data = measure(order, bench.snapshot, bench.execution, seed=1)
    assert data["ones"].dims == ("qubit", "flips", "angle_point")
    assert data["angle"].attrs["units"] == "rad"
    assert targets_of(data) == [(0,), (3,)]
    assert data["fact"].values.tolist() == [0.0, 1.5]
    # two sx make an x where their phases agree, and undo each other where they are opposite
    flipped = np.array([[1, 0], [0, 1]])
    for index, one in enumerate(each(data)):
        wanted = np.stack([flipped[index], 1 - flipped[index], flipped[index]])
        assert np.abs(excited(one)[0] - wanted).max() < 0.12


def test_joint_outcomes_tell_which_qubit_was_excited(lab):
    bench = lab().bench

    def play(page, at):
        if at.number("which"):
            page.x(of=1)
        page.measure()

    order = plan(bench, [(0, 1), (3, 2)], [Axis("which", np.array([0, 1]), stepped=True)], play, Reading.JOINT)
    data = measure(order, bench.snapshot, bench.execution, seed=1)
    assert data["joint"].dims == ("coupler", "which", "outcome")
    assert data["coupler"].values.tolist() == ["0_1", "3_2"]
    np.testing.assert_allclose(data["joint"].sum("outcome"), 1)
    assert (data["joint"].argmax("outcome").values == [[0, 2], [0, 2]]).all()


def test_a_second_round_sees_what_the_first_left(lab):
    bench = lab().bench

    def play(page, at):
        page.x()
        page.measure()
        page.x()
        page.measure()

    data = measure(plan(bench, [(0,), (1,)], [], play, Reading.ONES), bench.snapshot, bench.execution, seed=1)
    assert data["ones"].dims == ("qubit", "round")
    assert (data["ones"].values.round() == [[1, 0], [1, 0]]).all()


def test_points_and_means_are_of_the_same_clouds(lab):
    bench = lab().bench

    def play(page, at):
        page.measure()

    one = measure(plan(bench, [(0,), (4,)], [], play, Reading.POINTS, 400), bench.snapshot, bench.execution, seed=1)
    mean = measure(plan(bench, [(0,), (4,)], [], play, Reading.MEAN, 400), bench.snapshot, bench.execution, seed=1)
    assert one["iq"].dims == ("qubit", "shot")
    np.testing.assert_allclose(one["iq"].mean("shot"), mean["iq"], rtol=0.02)


@pytest.mark.parametrize("probability", [0.01, 0.3, 0.5, 0.99])
def test_the_variance_of_counted_shares_is_that_of_all_counts_there_may_be(probability):
    shots = 4000
    share = np.arange(shots + 1) / shots
    weights = binom.pmf(np.arange(shots + 1), shots, probability)
    wanted = probability * (1 - probability) / shots
    assert weights @ binomial_variance(share, shots) == pytest.approx(wanted, rel=0.1)


def test_a_share_that_was_never_counted_is_not_sure_to_be_0():
    for outcomes in (2, 4):
        never, always = binomial_variance(np.array([0.0, 1.0]), 100, outcomes)
        assert never > 0
        assert always > 0
    assert binomial_variance(np.array([0.25]), 100, 4)[0] == pytest.approx(0.25 * 0.75 / 104)
