from __future__ import annotations

import pytest
import xarray as xr

from qpu_bridge.errors import Cancelled
from qpu_bridge.target import Snapshot
from qpu_bridge.target.versions import Versions
from qpu_calibration.archive import Archive
from qpu_calibration.bench import Bench
from qpu_calibration.catalog import routine
from qpu_calibration.edit import with_frequency
from qpu_calibration.fit import bad
from qpu_calibration.guard import violations
from qpu_calibration.routines.ramsey import Ramsey
from qpu_calibration.routines.t1 import T1


@pytest.fixture
def kept(lab, tmp_path) -> Bench:
    bench = lab().bench
    return Bench(
        bench.execution,
        bench.snapshot,
        Versions(tmp_path / "store"),
        Archive(tmp_path / "store"),
        seed=bench.seed,
        operator="ada",
    )


def test_what_is_found_is_a_version_with_its_data(kept, tmp_path):
    root = kept.snapshot
    outcome = kept.run(T1(), [(0,), (2,)])
    known = Versions(tmp_path / "store").history()[0]
    assert (known.routine, known.operator, known.parent) == ("t1", "ada", root.calibration_id)
    assert known.targets == ((0,), (2,))
    assert known.data == (outcome.run,)
    assert kept.snapshot.calibration_id == known.calibration_id != root.calibration_id
    assert Versions(tmp_path / "store").current() == kept.snapshot
    assert kept.snapshot.qubits[1].t1 == root.qubits[1].t1
    data = kept.archive.data(outcome.run)
    xr.testing.assert_identical(data.drop_attrs(), outcome.looks[-1].data.drop_attrs())
    # stored data give the same numbers again, years later
    assert T1().fit(data) == tuple(outcome.fits.values()) == kept.archive.fits(outcome.run)
    assert (tmp_path / "store" / outcome.run / "figure.png").stat().st_size > 5000


def test_passes_are_kept_too(kept, tmp_path):
    outcome = kept.run(Ramsey(), [(0,)])
    assert len(outcome.looks) == 2
    assert (tmp_path / "store" / outcome.run / "pass0" / "data.h5").is_file()


def test_nothing_good_makes_no_version_but_keeps_the_data(kept, tmp_path):
    class Doubtful(T1):
        def fit_one(self, data):
            return bad("today is not a day for this")

    before = kept.snapshot
    outcome = kept.run(Doubtful(), [(0,)])
    assert outcome.refused == {(0,): "today is not a day for this"}
    assert kept.snapshot is before
    assert len(Versions(tmp_path / "store").history()) == 1
    assert (tmp_path / "store" / outcome.run / "data.h5").is_file()


def test_one_bad_target_does_not_spoil_the_others_and_keeps_its_own_numbers(kept):
    class HalfBlind(Ramsey):
        def fit(self, data):
            first, *others = super().fit(data)
            # the second pass goes wrong for the first target: what the first pass found of it must go too
            settings = self.settings.model_validate_json(data.attrs["settings"])
            wrong = bad("lost").model_copy(update={"target": first.target})
            return (first if settings.longest_s < self.settings.longest_s else wrong, *others)

    for q in (0, 2):
        kept.snapshot = with_frequency(kept.snapshot, q, kept.snapshot.qubits[q].frequency + 100e3)
    kept.versions = None
    before = [kept.snapshot.qubits[q].frequency for q in (0, 2)]
    outcome = kept.run(HalfBlind(), [(0,), (2,)])
    assert outcome.changed == ((2,),)
    assert outcome.refused == {(0,): "lost"}
    assert kept.snapshot.qubits[0].frequency == before[0]
    assert kept.snapshot.qubits[2].frequency == pytest.approx(before[1] - 100e3, abs=2e3)


def test_a_fit_that_fails_for_one_target_leaves_the_others_theirs(kept):
    class Careless(T1):
        def fit_one(self, data):
            return {0: super().fit_one(data)}[int(data["qubit"])]

    outcome = kept.run(Careless(), [(0,), (2,)])
    assert outcome.refused == {(2,): "the fit must be able to use what was measured; got KeyError: 2"}
    assert outcome.changed == ((0,),)
    assert not outcome.fits[(2,)].parameters


@pytest.mark.parametrize("wrong", [AttributeError, ZeroDivisionError])
def test_a_figure_that_cannot_be_drawn_costs_nothing_else(kept, tmp_path, wrong):
    class Unseen(T1):
        def plot(self, data, fits):
            raise wrong("no such axes")

    outcome = kept.run(Unseen(), [(0,)])
    assert outcome.changed == ((0,),)
    run = tmp_path / "store" / outcome.run
    assert (run / "figure.txt").read_text() == f"no figure could be drawn: {wrong.__name__}: no such axes\n"
    assert (run / "fits.json").is_file()
    assert not (run / "figure.png").exists()


def test_a_figure_that_cannot_be_written_costs_nothing_else(kept, tmp_path):
    class Odd(T1):
        def plot(self, data, fits):
            figure = super().plot(data, fits)
            # what matplotlib takes for mathematics is read when the figure is written
            figure.suptitle(r"$\frac{$")
            return figure

    outcome = kept.run(Odd(), [(0,)])
    assert outcome.changed == ((0,),)
    assert "ValueError" in (tmp_path / "store" / outcome.run / "figure.txt").read_text()


def test_what_the_device_cannot_play_for_one_target_does_not_stop_the_others(kept):
    kept.snapshot = with_frequency(kept.snapshot, 0, 30e9)
    kept.versions = None
    outcome = kept.run(T1(), [(0,), (2,)])
    assert "a frequency on this port must be" in outcome.refused[(0,)]
    assert outcome.changed == ((2,),)
    assert kept.run(T1(), [(0,)]).refused.keys() == {(0,)}


def test_a_look_changes_nothing(kept):
    before = kept.snapshot
    (fit,) = kept.look(routine("ramsey"), [(0,)])
    assert fit.good
    assert kept.snapshot is before


def test_who_watches_is_told_when_a_measurement_begins_and_of_each_schedule(kept):
    heard = []
    kept.told = lambda *said: heard.append(said)
    kept.look(routine("readout_duration"), [(0,), (2,)])
    schedules = heard[0][3]
    assert schedules > 1
    assert heard == [("readout_duration", ((0,), (2,)), done, schedules) for done in range(schedules + 1)]


def test_somebody_may_want_the_device_back(kept):
    kept.cancelled = lambda: True
    with pytest.raises(Cancelled):
        kept.run(T1(), [(0,)])


class TestGuard:
    def test_nothing_new_is_no_offence(self, kept):
        limits = kept.execution.capabilities.limits
        assert violations(kept.snapshot, kept.snapshot, limits) == []
        assert violations(kept.snapshot, with_frequency(kept.snapshot, 0, 5e9), limits) == []

    def test_frequencies_amplitudes_and_sums_of_tones(self, kept):
        limits = kept.execution.capabilities.limits
        ports = tuple(
            port.model_copy(update={"min_frequency": 4.9e9, "max_frequency": 5.1e9, "max_amplitude": 0.6})
            if port.name.startswith("d")
            else port
            for port in limits.ports
        )
        narrow = limits.model_copy(update={"ports": ports})

        def said(change) -> str:
            return "; ".join(violations(kept.snapshot, change, narrow))

        assert "frame q0 must be at" in said(with_frequency(kept.snapshot, 0, 5.2e9))
        snapshot: Snapshot = kept.snapshot
        gates = tuple(
            g.model_copy(update={"pulses": tuple(p.model_copy(update={"amplitude": -0.7}) for p in g.pulses)})
            if (g.name, g.qubits) == ("x", (1,))
            else g
            for g in snapshot.gates
        )
        assert "x on [1] must play at most 0.6 on line d1" in said(snapshot.model_copy(update={"gates": gates}))
        loud = tuple(m.model_copy(update={"amplitude": 0.35}) for m in snapshot.measures)
        assert "must add up to at most 1" in said(snapshot.model_copy(update={"measures": loud}))
        # a waveform alone can be what is too loud
        ports = tuple(port.model_copy(update={"max_amplitude": 0.5}) for port in limits.ports)
        shape = snapshot.waveforms["drag1"].model_copy(update={"beta": 0.3})
        reshaped = snapshot.model_copy(update={"waveforms": snapshot.waveforms | {"drag1": shape}})
        found = violations(snapshot, reshaped, limits.model_copy(update={"ports": ports}))
        assert any("x on [1] must play at most 0.5" in offence for offence in found)
        assert not any("on [0]" in offence for offence in found)
