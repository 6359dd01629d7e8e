"""Whatever a routine plays and whatever a fit says: nothing out of the bounds of the rack file is sent or stored."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpu_bridge import plugins
from qpu_bridge.driver import Chunk, Run
from qpu_bridge.errors import ScheduleError
from qpu_bridge.execution import Execution
from qpu_bridge.schedule import Bounds, Operation, Schedule, render, row_values, unroll
from qpu_bridge.schedule.check import check, check_table
from qpu_bridge.target import Curve, Snapshot, waveform
from qpu_bridge.target.versions import Versions
from qpu_calibration.bench import Bench
from qpu_calibration.catalog import names, routine
from qpu_calibration.conduct import conduct
from qpu_calibration.cross import tone
from qpu_calibration.decide import maintain
from qpu_calibration.edit import amplitude, with_amplitude, with_measure, with_waveform
from qpu_calibration.fit import Fit, good
from qpu_calibration.graph import Graph, Node
from qpu_calibration.guard import violations
from qpu_calibration.ledger import Ledger
from qpu_calibration.plan import Kind
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.routines.cr_rotary import CRRotary
from qpu_calibration.routines.cr_tomography import CRTomography
from qpu_calibration.routines.rabi import Rabi
from qpu_calibration.routines.t1 import T1
from qpu_calibration.step import Verdict

BOUNDS = Bounds.model_validate(
    {
        "drive": {"max_amplitude": 0.7, "min_frequency": 4.5e9, "max_frequency": 5.4e9, "max_duration_s": 2e-6},
        "flux": {"max_amplitude": 0.75, "max_duration_s": 200e-9},
        "readout": {"max_amplitude": 0.25, "max_sum": 0.9, "min_frequency": 6.9e9, "max_frequency": 7.4e9},
        "acquire": {"max_duration_s": 4e-6, "min_frequency": 6.9e9, "max_frequency": 7.4e9},
    }
)
LOUDEST = {"drive": 0.7, "flux": 0.75, "readout": 0.25}
SPAN = {"drive": (4.5e9, 5.4e9), "flux": (0, 0), "readout": (6.9e9, 7.4e9), "acquire": (6.9e9, 7.4e9)}
SHORT = Rabi.settings.model_copy(update={"points": 8, "shots": 2, "most": 1.2})
LONGEST_S = {"drive": 2e-6, "flux": 200e-9, "readout": np.inf, "acquire": 4e-6}


class Witness:
    """A driver that plays nothing, and keeps what it is told to play."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.driver = plugins.open_driver("loopback", snapshot.device, snapshot, {})
        self.schedules: dict[bytes, Schedule] = {}
        self.runs: list[Run] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.driver, name)

    def load(self, schedule: Schedule) -> None:
        self.schedules[schedule.digest] = schedule
        self.driver.load(schedule)

    def run(self, run: Run) -> Iterator[Chunk]:
        self.runs.append(run)
        return self.driver.run(run)

    def testify(self) -> None:
        """Looks at every row that was sent, sample by sample, and knows nothing of the checks."""
        for run in self.runs:
            schedule = self.schedules[run.digest]
            for row in range(len(run.table)):
                values = row_values(schedule, row, run.table)
                for port, signal in render(schedule, values).items():
                    kind = schedule.ports[port].kind.value
                    assert np.abs(signal).max(initial=0) <= (0.9 if kind == "readout" else LOUDEST[kind]) + 1e-6
                events = unroll(schedule, values).events
                for event in events[events["operation"] <= Operation.CAPTURE]:
                    kind = schedule.ports[event["port"]].kind.value
                    assert SPAN[kind][0] <= event["frequency"] <= SPAN[kind][1]
                    assert event["duration"] * float(schedule.clock.dt) <= LONGEST_S[kind] + 1e-12


def within(snapshot: Snapshot) -> None:
    """The bounds once more, in the words of a snapshot."""
    # a file that can be read again
    assert Snapshot.model_validate(json.loads(snapshot.model_dump_json())) == snapshot
    kind = {frame.name: snapshot.port(frame.port).kind.value for frame in snapshot.frames}
    dt = {frame.name: float(snapshot.port(frame.port).dt) for frame in snapshot.frames}
    for frame in snapshot.frames:
        assert SPAN[kind[frame.name]][0] <= frame.frequency <= SPAN[kind[frame.name]][1]
    tones: dict[str, float] = defaultdict(float)
    for measure in snapshot.measures:
        peak = abs(measure.amplitude) * waveform(snapshot.waveforms[measure.waveform]).peak
        assert peak <= 0.25 + 1e-9
        tones[snapshot.frame(measure.drive_frame).port] += peak
        assert measure.acquire_duration * dt[measure.acquire_frame] <= 4e-6 + 1e-12
    assert max(tones.values()) <= 0.9 + 1e-9
    for gate in snapshot.gates:
        for pulse in gate.pulses:
            shape = waveform(snapshot.waveforms[pulse.waveform])
            levels = pulse.amplitude.value if isinstance(pulse.amplitude, Curve) else (pulse.amplitude,)
            assert max(map(abs, levels)) * shape.peak <= LOUDEST[kind[pulse.frame]] + 1e-9
            assert shape.duration * dt[pulse.frame] <= LONGEST_S[kind[pulse.frame]] + 1e-12


def opened(name: str = "five", versions: Versions | None = None, bounds: Bounds = BOUNDS) -> tuple[Bench, Witness]:
    snapshot = plugins.open_snapshot(name, "lab_five")
    witness = Witness(snapshot)
    capabilities = witness.capabilities()
    narrowed = capabilities.model_copy(update={"limits": bounds.narrow(capabilities.limits)})
    return Bench(Execution(witness, narrowed), snapshot, versions, seed=1, figures=False), witness


def test_the_shipped_snapshots_are_within_them():
    # else the tests below would show nothing
    for name in ("five", "five_ecr"):
        within(plugins.open_snapshot(name))


class Loud(T1):
    """A laboratory's own routine that plays whatever it likes."""

    def __init__(self, level: float = 0.1, hz: float | None = None, seconds: float = 100e-9) -> None:
        self.level, self.hz, self.seconds = level, hz, seconds

    def play(self, page, at, settings):
        from qpu_bridge.schedule.shapes import constant

        page.drive(constant(round(self.seconds * 1e9)), self.level, frequency=self.hz)
        page.measure()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (Loud(level=0.71), "magnitude at most 0.7"),
        (Loud(level=-0.99), "magnitude at most 0.7"),
        (Loud(hz=4.4e9), "from 4500000000 Hz to 5400000000 Hz"),
        (Loud(seconds=2.004e-6), "at most 2000 samples"),
    ],
)
def test_a_wrong_routine_plays_nothing(wrong, says):
    bench, witness = opened()
    outcome = bench.run(wrong, [(0,), (2,)])
    assert says in outcome.refused[(0,)]
    assert (witness.schedules, witness.runs) == ({}, [])
    # and whoever does not look beforehand is stopped on the road
    schedule, table = wrong.plan(bench.snapshot, [(0,)], wrong.settings).schedules[0]
    with pytest.raises(ScheduleError, match=says):
        list(bench.execution.run(schedule, [table], 1))
    assert (witness.schedules, witness.runs) == ({}, [])


@pytest.mark.parametrize(
    ("family", "lowest", "drawn"),
    [
        ("five", 7.015e9, {"cz_chevron", "cz_phase"}),
        ("five_ecr", 7.105e9, set()),
    ],
)
def test_scans_end_where_their_lines_do(family, lowest, drawn):
    """Of lines that allow little more than what is played already, and beyond which scans would go."""
    narrow = {
        "drive": {"max_amplitude": 0.6, "max_duration_s": 1.2e-6, "max_frequency": 5.03e9},
        "flux": {"max_amplitude": 0.44},
        "readout": {"max_amplitude": 0.2, "max_sum": 0.8, "min_frequency": lowest},
        "acquire": {"max_duration_s": 1.5e-6, "min_frequency": lowest},
    }
    before = plugins.open_snapshot(family, "lab_five")
    bench, _ = opened(family, bounds=Bounds.model_validate(narrow))
    graph, limits = Graph.of(before), bench.execution.capabilities.limits
    found = set()
    for name in graph.order:
        one, targets = graph.routines[name], graph.targets(name)[:1]
        for step in one.passes(one.settings) if targets else ():
            wanted = one.axes(before, targets, step)
            within = [axis.within(limits) for axis in wanted]
            if all(np.array_equal(one.values, other.values) for one, other in zip(wanted, within, strict=True)):
                continue
            found.add(name)
            for schedule, table in one.plan(before, targets, step, limits).schedules:
                check(schedule, limits)
                check_table(schedule, table, limits)
    shared = {
        "drive_crosstalk",
        "qubit_spectroscopy",
        "rabi",
        "resonator_spectroscopy",
        "readout_frequency",
        "readout_power",
        "readout_duration",
    }
    assert found == shared | drawn


def test_what_is_in_use_is_no_part_of_a_scan_and_stays():
    before = plugins.open_snapshot("five_ecr", "lab_five")
    limits = opened("five_ecr", bounds=Bounds.model_validate({"drive": {"max_amplitude": 0.1}}))[0].execution.capabilities.limits
    one = CRRotary()
    (wanted,) = (axis for axis in one.axes(before, [(0, 1)], one.settings) if axis.name == "rotary")
    assert wanted.values[0, [0, -1]] == pytest.approx([abs(tone(before, (0, 1))), 0.12])
    assert wanted.within(limits).values[0, [0, 1, -1]] == pytest.approx([abs(tone(before, (0, 1))), 0.0, 0.1])


def test_a_tone_grows_to_the_longest_that_its_line_allows():
    before = plugins.open_snapshot("five_ecr", "lab_five")
    limits = opened("five_ecr", bounds=Bounds.model_validate({"drive": {"max_duration_s": 0.8e-6}}))[
        0
    ].execution.capabilities.limits
    one = CRTomography()
    plan = one.plan(before, [(0, 1)], one.settings, limits)
    for schedule, table in plan.schedules:
        check(schedule, limits)
        check_table(schedule, table, limits)
    lengths = next(axis.values for axis in plan.axes if axis.name == "length")
    assert lengths.size == one.settings.points
    assert 0.7e-6 < lengths[-1] < 0.8e-6


def test_what_the_bounds_forbid_flags_nobody_and_writes_nothing(tmp_path):
    """Bounds below what a routine must play are the operator's affair."""
    bounds = Bounds.model_validate({"drive": {"max_duration_s": 150e-9}, "lines": {"d2": {"max_duration_s": 2e-6}}})
    bench, witness = opened("five", Versions(tmp_path), bounds)
    graph, ledger = Graph.of(bench.snapshot), Ledger()
    before = bench.snapshot
    for trust in (True, False):
        for name in ("resonator_spectroscopy", "qubit_spectroscopy"):
            ledger.passed(Node(name, (0,)))
        ledger.doubt([Node("qubit_spectroscopy", (0,))])
        entries = list(conduct(bench, graph, ledger, maintain(graph, ledger, graph.nodes("rabi", [0]), trust=trust)))
        found = [(entry.routine, entry.findings[0,]) for entry in entries]
        assert {name for name, _ in found} == {"qubit_spectroscopy"}
        assert all(one.verdict is Verdict.BARRED and "bounds in the rack file" in one.reason for _, one in found)
        assert "must last at most 150 samples" in found[0][1].reason
    assert witness.runs == []
    assert bench.snapshot is before
    assert ledger.flagged == {}
    assert not ledger.fresh(graph, Node("qubit_spectroscopy", (0,)))


def test_a_routine_within_them_is_played():
    bench, witness = opened()
    bench.run(Loud(level=0.69, hz=4.6e9, seconds=1.9e-6), [(0,)])
    assert len(witness.runs) == 1
    witness.testify()


@pytest.mark.parametrize("value", [0.71, -0.9, 1.5, 1e300, -1e300])
def test_a_wrong_pi_amplitude_changes_nothing_and_says_why(value):
    class Wrong(Rabi):
        def fit_one(self, data):
            return good(pi_amplitude=(value, 1e-3, ""))

    bench, witness = opened()
    before = bench.snapshot
    outcome = bench.run(Wrong(), [(0,), (2,)], SHORT)
    assert outcome.changed == ()
    assert bench.snapshot is before
    assert "must play at most 0.7 on line d0" in outcome.refused[(0,)]
    assert len(witness.runs) == 1


@pytest.mark.parametrize(("wanted", "flagged"), [(0.71, False), (0.75, True)])
def test_a_number_beyond_bounds_keeps_the_qubit_from_users_only_where_the_one_that_stays_is_wrong(wanted, flagged):
    """It may be as good as any, and the bound too tight: whoever reads the reason is told what to do."""

    class Stronger(Rabi):
        depends_on = ()
        invalidates = ()
        settings = SHORT

        def fit_one(self, data):
            return good(pi_amplitude=(wanted, 1e-3, ""))

    bench, _ = opened()
    bench.snapshot = with_amplitude(bench.snapshot, 0, "x", 0.699)
    graph, ledger = Graph({"rabi": Stronger()}, [0], ()), Ledger()
    (entry,) = conduct(bench, graph, ledger, maintain(graph, ledger, graph.nodes()))
    found = entry.findings[0,]
    assert found.verdict is (Verdict.BAD if flagged else Verdict.GOOD)
    assert "must play at most 0.7 on line d0, but would play 0.7" in found.reason
    assert "widen it in the rack file" in found.reason
    assert bench.snapshot.qubits[0].operational is not flagged
    assert amplitude(bench.snapshot, 0, "x") == 0.699
    assert list(ledger.flagged.values()) == ([f"rabi: {found.reason}"] if flagged else [])


def test_the_readouts_of_a_line_are_bounded_together():
    bench, _ = opened()
    limits, snapshot = bench.execution.capabilities.limits, bench.snapshot
    for qubit in range(4):
        snapshot = with_measure(snapshot, qubit, amplitude=0.17)
    assert violations(bench.snapshot, snapshot, limits) == []
    louder = with_measure(snapshot, 4, amplitude=0.24)
    assert violations(snapshot, louder, limits) == ["the tones of line r must add up to at most 0.9, but would make 0.92"]
    # what was too much before may become less step by step, and qubits that others spoiled can be calibrated
    assert violations(louder, with_measure(louder, 4, amplitude=0.23), limits) == []
    assert violations(louder, with_measure(louder, 0, angle=0.1), limits) == []


def test_what_is_no_number_is_not_stored():
    bench, _ = opened()
    limits, snapshot = bench.execution.capabilities.limits, bench.snapshot
    for value in (float("nan"), float("inf"), "loud"):
        (found,) = violations(snapshot, with_measure(snapshot, 1, threshold=value), limits)
        assert "measures[1]: threshold" in found
    shape = snapshot.waveforms["drag1"].model_copy(update={"beta": 1e4})
    (found, *_) = violations(snapshot, with_waveform(snapshot, "drag1", shape), limits)
    assert "waveforms.drag1: a waveform's samples must have magnitude at most 1" in found


def test_too_long_pulses_are_not_stored():
    bench, _ = opened()
    limits, snapshot = bench.execution.capabilities.limits, bench.snapshot
    name = snapshot.gate("cz", 0, 1).pulses[0].waveform
    longer = snapshot.waveforms[name].model_copy(update={"duration": 300})
    assert "must last at most 200 samples on line c01" in violations(snapshot, with_waveform(snapshot, name, longer), limits)[0]
    assert (
        "must last at most 4000 samples on line a"
        in violations(snapshot, with_measure(snapshot, 0, acquire_duration=4001), limits)[0]
    )


class Anything(Fit):
    """A fit that has a number for whatever it is asked."""

    numbers: tuple[float, ...]
    asked: list[str] = []

    def __getitem__(self, name: str) -> float:
        if name not in self.asked:
            self.asked.append(name)
        return self.numbers[self.asked.index(name) % len(self.numbers)]

    def error(self, name: str) -> float:
        return abs(self[name]) / 100


wild = st.one_of(
    st.floats(-1.2, 1.2),
    st.floats(4e9, 8e9),
    st.sampled_from([0.0, 0.7, 0.7000001, 0.8, -0.95, 1e-9, 5.6e9, 6.5e9, 7.7e9, 1e308, -1e308]),
    st.floats(allow_nan=False, allow_infinity=False),
)
CHANGING = [name for name in names() if type(routine(name)).update is not Routine.update]


@pytest.mark.filterwarnings("ignore:.* encountered in:RuntimeWarning")
@settings(max_examples=40, deadline=None)
@given(
    data=st.data(), numbers=st.lists(wild, min_size=1, max_size=3), series=st.lists(st.floats(-3, 3), min_size=1, max_size=400)
)
def test_whatever_a_fit_returns_nothing_beyond_is_sent_or_stored(data, numbers, series, tmp_path_factory):
    """A fit of any numbers is taken, then the next routine measures with what is believed after it."""
    name = data.draw(st.sampled_from(CHANGING))
    one = type(routine(name))
    gate = one.gate or "cz"
    versions = Versions(tmp_path_factory.mktemp("versions"))
    bench, witness = opened("five_ecr" if gate == "ecr" else "five", versions)
    target = (2,) if one.kind is Kind.QUBIT else next(g.qubits for g in bench.snapshot.gates if g.name == gate)
    parts = {"real": tuple(series), "imag": tuple(series), "repeats": tuple(abs(int(n)) for n in series)}

    class Wild(one):
        def passes(self, settings: Settings) -> Any:
            return [settings, settings]

        def plan(self, snapshot, targets, settings, limits=None):
            # what is measured does not matter here
            return Rabi().plan(snapshot, [(q,) for q in target], SHORT, limits)

        def fit(self, measured) -> Any:
            return (Anything.model_construct(target=target, good=True, series=parts, numbers=tuple(numbers), asked=[]),)

    before = bench.snapshot
    try:
        bench.run(Wild(), [target])
    finally:
        within(bench.snapshot)
        witness.testify()
    within(versions.current() or before)
    # with what is believed now, the calibrated gates are played, or refused
    witness.runs.clear()
    bench.look(Rabi(), [(0,), (2,)], SHORT.model_copy(update={"most": data.draw(st.floats(0.5, 20))}))
    witness.testify()
