"""The phase of an oscillator that is reset when its frequency changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qpu_bridge.schedule import Schedule, SlotKind
from qpu_bridge.schedule.shapes import gaussian
from qpu_drivers.qblox.allocation import allocate
from qpu_drivers.qblox.compile.carrier import Carrier
from qpu_drivers.qblox.compile.form import Form, Unit
from qpu_drivers.qblox.rack import Rack
from tests.drivers.qblox.oracle.lab import LO, RACK, Lab

START = Form(Unit.TICKS, 0.0)


def schedule(*frequencies: float, phase: float = 0.0) -> Schedule:
    """Plays of the first carrier at these intermediate frequencies."""
    lab = Lab([4 * 10**7] * 7)
    for _ in frequencies:
        lab.build.play(lab.drive[0], gaussian(20, 5), phase=phase)
    made = lab.build.build()
    events = made.events.copy()
    events["frequency"] = LO["d0"] + np.array(frequencies)
    return replace(made, events=events)


def carrier(made: Schedule) -> Carrier:
    (one,) = allocate(made, Rack.read(RACK, "lab")).sequencers
    return Carrier(made, one, list(range(len(made.events))), "port d0")


def test_one_frequency_is_never_set_and_its_origin_is_the_start_of_the_shot() -> None:
    one = carrier(schedule(40e6, 40e6, phase=0.5))
    assert one.first is None
    assert one.rest == 40e6
    assert one.tune(1, START, 20) is None
    # reset 8 ns before the shot, sampled half a sample behind, and the negative phase
    assert one.phase(1).constant == pytest.approx((-7.5 * 0.04 - 0.5 / (2 * np.pi)) % 1)


def test_a_change_begins_anew_as_if_it_had_run_since_the_start() -> None:
    one = carrier(schedule(40e6, -100e6))
    assert one.first is not None
    tuned = one.tune(1, START.plus(1000), 20)
    assert tuned is not None
    assert tuned.constant == pytest.approx(-100e6)
    assert one.phase(1).constant == pytest.approx((-0.1 * 1020.5) % 1)


def test_behind_a_wait_from_a_slot_the_phase_follows_the_slot() -> None:
    one = carrier(schedule(40e6, -100e6))
    one.tune(1, START.plus(1000, ((1.0, (3,)),)), 20)
    assert one.phase(1).at(np.array([0, 0, 0, 77.0])) % 1 == pytest.approx((-0.1 * 1097.5) % 1)


def test_where_arms_meet_it_is_tuned_again() -> None:
    one = carrier(schedule(40e6, -100e6))
    one.forget()
    assert one.tune(0, START, 0) is not None
    assert one.tune(0, START, 20) is None
    same = carrier(schedule(40e6, 40e6))
    same.forget()
    assert same.tune(0, START, 0) is None


def test_a_slot_moves_frequency_and_phase_together() -> None:
    lab = Lab([4 * 10**7] * 7)
    lab.build.set_frequency(lab.drive[0], lab.build.slot(SlotKind.FREQUENCY))
    lab.build.play(lab.drive[0], gaussian(20, 5))
    one = carrier(lab.build.build())
    assert one.first is not None
    assert one.first.at(np.array([3e6])) == pytest.approx(13e6)
    assert one.phase(0).at(np.array([3e6])) % 1 == pytest.approx((-7.5 * 0.013) % 1)
