"""Strands: each goes to its next step when its own measurements are done, whatever the others do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qpu_calibration.alternate import Order, Played, Work, alternate
from qpu_calibration.page import Target
from qpu_calibration.step import Action, Finding, Step, Steps, Verdict
from qpu_calibration.strands import Results, Strands


@dataclass
class Result:
    findings: dict[Target, Finding]


@dataclass
class Lab:
    """Counts what is played and decided, in this order.

    Attributes:
        long: Routines that are played for three times.
        said: Strand -> what it was told.
    """

    long: frozenset[str] = frozenset()
    happened: list[str] = field(default_factory=list)
    said: dict[str, list[list[Target]]] = field(default_factory=dict)

    def steps(self, name: str, routines: Sequence[str], targets: tuple[Target, ...]) -> Steps:
        for routine in routines:
            found = yield Step(Action.CALIBRATE, f"{name}.{routine}", targets)
            self.said.setdefault(name, []).append(sorted(found))

    def works(self, step: Step) -> list[Work[Results[Result]]]:
        return [self.work(step, target) for target in step.targets]

    def work(self, step: Step, target: Target) -> Work[Results[Result]]:
        for _ in range(3 if step.routine in self.long else 1):
            yield Order(f"{step.routine} {target[0]}", None, None)  # type: ignore[arg-type]
        return Results((Result({target: Finding(Verdict.GOOD)}),))

    def prepare(self, order: Order) -> Order:
        return order

    def then(self, prepared: Order | None) -> None:
        pass

    def play(self, order: Order, stopped: object) -> Played:
        self.happened.append(order.routine)
        return Played(np.zeros(1), 1, 1.0)

    def wanted(self) -> bool:
        return False

    def stop(self) -> None:
        raise AssertionError("nobody wants it")

    def moved(self) -> None:
        self.happened.append("moved")


def test_strands_take_turns_and_what_was_found_is_told_to_each() -> None:
    lab = Lab()
    strands = Strands([lab.steps("a", "xyz", ((0,),)), lab.steps("b", "xyz", ((1,),))], lab.works, lab.moved)
    assert [list(results[0].findings) for results in alternate(strands.more, lab)] == [[(0,)], [(1,)]] * 3
    assert [one for one in lab.happened if one != "moved"] == ["a.x 0", "b.x 1", "a.y 0", "b.y 1", "a.z 0", "b.z 1"]
    assert lab.said == {"a": [[(0,)]] * 3, "b": [[(1,)]] * 3}
    # each time that both have ended another step
    assert lab.happened.count("moved") == 3


def test_a_long_step_of_one_does_not_hold_the_other() -> None:
    lab = Lab(long=frozenset({"a.x"}))
    strands = Strands([lab.steps("a", "xy", ((0,),)), lab.steps("b", "xyz", ((1,),))], lab.works, lab.moved)
    list(alternate(strands.more, lab))
    played = [one for one in lab.happened if one != "moved"]
    assert played == ["a.x 0", "b.x 1", "a.x 0", "b.y 1", "a.x 0", "b.z 1", "a.y 0"]


def test_one_strand_waits_for_all_its_measurements() -> None:
    lab = Lab()
    strands = Strands([lab.steps("a", "xy", ((0,), (1,), (2,)))], lab.works, lab.moved)
    list(alternate(strands.more, lab))
    assert lab.happened == ["a.x 0", "a.x 1", "a.x 2", "moved", "a.y 0", "a.y 1", "a.y 2", "moved"]
    assert lab.said == {"a": [[(0,), (1,), (2,)]] * 2}


def test_more_strands_than_are_under_way_at_a_time_take_turns() -> None:
    lab = Lab()
    strands = Strands([lab.steps(name, "xy", ((k,),)) for k, name in enumerate("abc")], lab.works, lab.moved)
    list(alternate(strands.more, lab))
    played = [one[:3] for one in lab.happened if one != "moved"]
    assert sorted(played[:3]) == ["a.x", "b.x", "c.x"]
    assert lab.happened.count("moved") == 2


def test_what_could_not_be_measured_at_once_comes_next_and_nothing_is_kept_that_nobody_was_told() -> None:
    lab = Lab()

    def parted(step: Step) -> list[Work[Results[Result]]]:
        return [crowded(step)] if step.routine == "a.x" else lab.works(step)

    def crowded(step: Step) -> Work[Results[Result]]:
        yield from ()
        return Results(rest=tuple(lab.work(step, target) for target in step.targets))

    def moved() -> None:
        assert not any(strand.untold for strand in strands._strands)
        lab.moved()

    strands = Strands([lab.steps("a", "xy", ((0,), (1,))), lab.steps("b", "xyz", ((2,),))], parted, moved)
    shown = [target for results in alternate(strands.more, lab) for one in results for target in one.findings]
    assert sorted(shown) == [(0,)] * 2 + [(1,)] * 2 + [(2,)] * 3
    assert lab.said["a"] == [[(0,), (1,)]] * 2
    assert [one for one in lab.happened if one.startswith("a.x")] == ["a.x 0", "a.x 1"]


def test_who_stops_in_the_middle_is_told_of_what_was_done() -> None:
    lab = Lab()
    strands = Strands([lab.steps("a", "xy", ((0,), (1,))), lab.steps("b", "xy", ((2,),)), iter_nothing()], lab.works, lab.moved)
    doing = alternate(strands.more, lab)
    next(doing)
    doing.close()
    strands.stop()
    assert lab.said["a"] == [[(0,)]]
    # it was played for, and nobody has looked at that
    assert lab.said["b"] == [[]]


def iter_nothing() -> Steps:
    """A strand without steps."""
    yield from ()
