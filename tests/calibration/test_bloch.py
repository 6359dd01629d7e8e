"""Bloch vectors: of states whose vectors are known, through the emulator; and of trains, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import ConstantShape
from qpu_calibration import bloch
from qpu_calibration.axis import Axis
from qpu_calibration.cross import flat_top, halves, rabi_rate, with_flat_top
from qpu_calibration.edit import with_waveform
from qpu_calibration.fit import good
from qpu_calibration.measured import each
from qpu_calibration.plan import Kind
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.train import turned
from qpu_emulator import five_ecr
from tests.calibration.measuring import measure

STATES = {0: [0, 0, 1], 1: [0, 0, -1], 2: [1, 0, 0], 3: [-1, 0, 0], 4: [0, 1, 0], 5: [0, -1, 0], 6: [0, 1, 0]}


class Prepare(Routine[Settings]):
    """Second qubits of couplers in states of known vectors."""

    name = "prepare"
    kind = Kind.COUPLER
    settings = Settings(shots=2000)

    def axes(self, snapshot, targets, settings):
        return [Axis("state", np.array(list(STATES), float), stepped=True), bloch.sides(poles=True)]

    def play(self, page, at, settings):
        state = at.number("state")
        if state == 1:
            page.x(of=1)
        if state > 1:
            page.sx(phase={2: np.pi / 2, 3: -np.pi / 2, 4: np.pi, 5: 0.0, 6: np.pi / 2}[state], of=1)
        if state == 6:
            page.rz(np.pi / 2, of=1)
        bloch.look(page, at["side"], 1)
        page.measure()

    def fit_one(self, data):
        return good(None, nothing=(0.0, 0.0, ""))


def test_vectors_of_known_states(lab):
    bench, one = lab().bench, Prepare()
    plan = one.plan(bench.snapshot, [(0, 1), (3, 4)], one.settings)
    data = measure(plan, bench.snapshot, bench.execution, seed=bench.seed)
    for pair in each(data):
        vector, sigma = bloch.vector(pair.at(place=1))
        assert np.abs(vector - np.array(list(STATES.values()))).max() < 5 * sigma.max() + 0.02
        assert sigma.max() < 0.05


def test_angles_are_less_sure_where_vectors_are_short():
    vectors = np.array([[0.0, 1.0], [0.0, 0.1], [-3.0, 4.0]])
    way, sigma = bloch.angle(vectors, np.array([[0.01, 0.0], [0.01, 0.9], [0.05, 0.05]]))
    assert way == pytest.approx([np.pi / 2, np.pi / 2, np.arctan2(4, -3)])
    assert sigma == pytest.approx([0.01, 0.1, 0.01])


@pytest.mark.parametrize(("control", "sign"), [(0, 1), (1, -1)])
def test_a_perfect_pair_turns_by_a_quarter_forth_or_back(control, sign):
    def after(begin, pairs, **wrong):
        x = np.array([[control] * 3, [begin] * 3, [pairs] * 3, [0, 1, 2]], float)
        numbers = {"angle": np.pi / 2} | dict.fromkeys(("ix", "axis", "iy", "z", "zz", "decay"), 0.0)
        return turned(x, **({"height": 1.0} | numbers | wrong))

    assert after(0, 1) == pytest.approx([0, -sign, 0], abs=1e-12)
    assert after(0, 2) == pytest.approx([0, 0, -1], abs=1e-12)
    assert after(1, 3) == pytest.approx([1, 0, 0], abs=1e-12)
    assert after(1, 1, z=0.3) == pytest.approx([np.cos(0.3), np.sin(0.3), 0])
    assert after(0, 1, axis=0.2) == pytest.approx([sign * np.sin(0.2), -sign * np.cos(0.2), 0], abs=1e-12)
    assert after(0, 4, ix=0.01)[1] == pytest.approx(-np.sin(0.04))


def test_longer_tones_keep_their_edges():
    snapshot = five_ecr.snapshot()
    name = halves(snapshot, (0, 1))[0].waveform
    shape = snapshot.waveforms[name]
    assert flat_top(snapshot, name) == shape.width
    assert with_flat_top(snapshot, name, shape.width).duration == shape.duration
    edges = with_flat_top(snapshot, name, 0).expand()
    assert with_flat_top(snapshot, name, 40).expand()[:40] == pytest.approx(edges[:40], abs=1e-9)
    bare = with_waveform(snapshot, name, ConstantShape(shape="constant", duration=100))
    assert with_flat_top(bare, name, 60).duration == 60
    curved = with_waveform(snapshot, name, snapshot.waveforms["drag0"])
    with pytest.raises(SettingsError, match="flat top"):
        with_flat_top(curved, name, 60)


def test_the_rabi_frequency_follows_from_the_pi_pulse():
    truth, snapshot = five_ecr.device(), five_ecr.snapshot()
    wanted = truth.transmons[1].rabi["x1"] * truth.lines["x1"].gain
    assert rabi_rate(snapshot, 1) == pytest.approx(wanted, rel=0.01)
