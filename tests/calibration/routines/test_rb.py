"""Randomized benchmarking finds what relaxation leaves, and sees a pulse that is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.schedule import Operation, row_values, unroll
from qpu_calibration.catalog import routine
from qpu_calibration.decays import bound, fit_two_decays, survival
from qpu_calibration.edit import amplitude, flux_amplitude, with_amplitude, with_error, with_flux_amplitude
from qpu_calibration.graph import Graph, Node
from qpu_calibration.search import in_step
from qpu_emulator import five, five_ecr
from qpu_emulator.chip.device import Crosstalk

FEW = {"shots": 200, "samples": 3}


def quick(name, lengths):
    return routine(name).settings.model_copy(update={**FEW, "lengths": lengths})


def test_error_of_single_qubits(lab):
    bench = lab().bench
    limit = {q: bench.snapshot.gate("sx", q).error for q in (0, 2)}
    wrong = 0.03
    bench.snapshot = with_amplitude(bench.snapshot, 2, "sx", (1 + wrong) * amplitude(bench.snapshot, 2, "sx"))
    for q in limit:
        bench.snapshot = with_error(bench.snapshot, "sx", (q,), 0.1)
    outcome = bench.run(routine("rb"), [(0,), (2,)], quick("rb", (1, 150, 500)))
    assert not outcome.refused
    right = outcome.fits[(0,)]
    assert right["error"] == pytest.approx(limit[0], rel=0.15, abs=4 * right.error("error"))
    for name in ("sx", "x"):
        assert bench.snapshot.gate(name, 0).error == pytest.approx(right["error"], rel=1e-4)
    # a rotation that is off by an angle loses a sixth of its square
    bad = outcome.fits[(2,)]
    assert bad["error"] == pytest.approx(limit[2] + (wrong * 1.5708) ** 2 / 6, rel=0.2, abs=4 * bad.error("error"))


def test_error_of_a_coupler(lab):
    bench = lab().bench
    limit = bench.snapshot.gate("cz", 0, 1).error
    bench.snapshot = with_flux_amplitude(bench.snapshot, (3, 4), 1.01 * flux_amplitude(bench.snapshot, (3, 4)))
    outcome = bench.run(routine("rb2"), [(0, 1), (3, 4)], quick("rb2", (1, 25, 60)))
    assert outcome.fits[(3, 4)]["error"] > 2 * limit
    right = outcome.fits[(0, 1)]
    assert right["error"] == pytest.approx(limit, rel=0.2, abs=4 * right.error("error"))
    assert right["error_per_clifford"] < 5 * limit
    assert right["bound"] > right["error"]


def test_errors_of_sx_and_x_apart(lab):
    """Only ``x`` turns too far: ``sx``, of which the Cliffords are made, does not."""
    bench = lab().bench
    limit, wrong = bench.snapshot.gate("sx", 0).error, 0.04
    bench.snapshot = with_amplitude(bench.snapshot, 0, "x", (1 + wrong) * amplitude(bench.snapshot, 0, "x"))
    many = quick("rb_interleaved", (1, 150, 500)).model_copy(update={"samples": 10})
    outcome = bench.run(routine("rb_interleaved"), [(0,)], many)
    fit = outcome.fits[(0,)]
    assert fit["x_error"] == pytest.approx(limit + (wrong * np.pi) ** 2 / 6, rel=0.2, abs=4 * fit.error("x_error"))
    assert fit["sx_error"] == pytest.approx(limit, abs=4 * fit.error("sx_error"))
    assert bench.snapshot.gate("x", 0).error == pytest.approx(fit["x_error"], rel=1e-4)
    # what is known better stays
    assert bench.snapshot.gate("sx", 0).error == limit


def test_what_a_neighbour_adds_is_seen_where_its_drive_reaches(lab):
    """The line of qubit 1 drives qubit 0 far from its resonance: only qubit 0 is worse together than alone."""
    reached = five.device().model_copy(update={"crosstalk": (Crosstalk(port="d1", qubit=0, amplitude=0.9),)})
    name, targets = "rb_simultaneous", [(0,), (1,)]
    for truth, most in ((five.device(), False), (reached, True)):
        outcome = lab(truth).bench.run(routine(name), targets, quick(name, (1, 40, 100)).model_copy(update={"samples": 10}))
        assert not outcome.refused
        assert not outcome.changed
        first, second = (outcome.fits[target] for target in targets)
        assert abs(second["added"]) < 4 * second.error("added")
        assert (first["added"] > 4 * first.error("added")) is most
        limit = five.snapshot().gate("sx", 1).error
        assert second["alone"] == pytest.approx(limit, rel=0.2, abs=4 * second.error("alone"))


def test_couplers_side_by_side_play_their_own_sequences_as_alone(lab):
    name, targets = "rb2_simultaneous", [(0, 1), (2, 3)]
    bench = lab().bench
    outcome = bench.run(routine(name), targets, quick(name, (1, 15, 40)))
    for target in targets:
        fit = outcome.fits[target]
        assert fit.good, fit.reason
        assert abs(fit["added"]) < 4 * fit.error("added")
        assert fit["alone"] < 5 * bench.snapshot.gate("cz", *target).error
    data = outcome.looks[0].data
    assert sorted(data["alone"].values[:, 0]) == [0, 0]
    assert sorted(data["alone"].values[0]) == [-1, 0, 1]


@pytest.mark.parametrize("device", [five, five_ecr])
def test_couplers_side_by_side_end_together(device):
    """Who has ended would relax until the others have, the longer the longer sequences are: 1 % of an ecr's error."""
    one, snapshot = routine("rb2_simultaneous"), device.snapshot()
    plan = one.plan(snapshot, [(0, 1), (2, 3)], quick(one.name, (1, 30)))
    for schedule, table in plan.schedules:
        shot = unroll(schedule, row_values(schedule, 0, table))
        ends = {"q0": 0, "q1": 0, "q2": 0, "q3": 0}
        for event in shot.events[shot.events["operation"] == Operation.PLAY]:
            name = schedule.frames[event["frame"]].name
            if name in ends:
                ends[name] = int(event["start"] + event["duration"])
        assert max(ends["q0"], ends["q1"]) == max(ends["q2"], ends["q3"])


def test_both_decays_and_the_bound_of_closed_form(rng):
    """Magesan et al., PRL 109, 080505, equation 5, for numbers of one qubit."""
    lengths, sigma = np.tile([1.0, 50, 100, 200, 400], 4), 1e-3
    x = np.stack([np.repeat(lengths, 2), np.tile([0.0, 1.0], lengths.size)])
    known = {"height": 0.47, "height_more": 0.46, "decay": 2e-3, "more": 5e-3}
    y = survival(x, 0.5, **known) + rng.normal(0, sigma, x.shape[1])
    (found,) = in_step([fit_two_decays(x, y, np.full(x.shape[1], sigma), 0.5)])
    for name, true in known.items():
        assert found.value[name] == pytest.approx(true, abs=4 * found.error[name])
        assert found.error[name] < 0.05 * true
    p, gate = 1 - found.value["decay"], 1 - found.value["more"]
    linear = (abs(p - gate) + 1 - p) / 2
    root = 6 * (1 - p) / (4 * p) + 4 * np.sqrt(3) * np.sqrt(1 - p) / p
    value, error, _ = bound(found, 2)
    assert value == pytest.approx(min(linear, root), rel=1e-9)
    # where the gate is worse than a Clifford the bound is half of what its own decay is
    assert error == pytest.approx(found.error["more"] / 2, rel=1e-6)


@pytest.mark.parametrize("scatter", [0.0, 0.015])
def test_what_sequences_have_in_common_is_no_error_of_what_parts_them(rng, scatter):
    lengths = np.repeat([1.0, 4.0, 10.0, 20.0, 35.0, 60.0], 3)
    x = np.stack([np.tile(lengths, 2), np.repeat([0.0, 1.0], lengths.size)])
    right = survival(x, 0.25, 0.74, 0.74, 0.012, 0.004)
    searches = []
    for _ in range(300):
        own = np.tile(scatter * rng.normal(size=lengths.size), 2)
        searches.append(fit_two_decays(x, right + own + 0.01 * rng.normal(size=right.size), np.full(right.size, 0.01), 0.25))
    found = [(fit.value["more"] - 0.004, fit.error["more"]) for fit in in_step(searches)]
    z = np.array([off / error for off, error in found])
    print(f"scatter {scatter}: z {z.mean():.2f} +- {z.std():.2f}, error {np.median([error for _, error in found]):.2g}")
    assert 0.8 < z.std() < 1.15


def test_couplers_are_benchmarked_after_their_last_number():
    for snapshot, last in ((five.snapshot(), "cz_local_phases"), (five_ecr.snapshot(), "ecr_control_phase")):
        graph = Graph.of(snapshot)
        pair = graph.targets("rb2")[0]
        assert Node(last, pair) in graph.needs(Node("rb2", pair))
        assert {node.routine for node in graph.needs(Node("rb2", pair))} == {"rb", last}
