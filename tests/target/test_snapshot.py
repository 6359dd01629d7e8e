from __future__ import annotations

from fractions import Fraction
from functools import cached_property

from qpu_bridge.plugins import open_snapshot
from qpu_bridge.target import Snapshot, waveform
from qpu_bridge.target.snapshot import _LOOKED_UP


def test_a_copy_does_not_remember_what_was_looked_up_in_the_original():
    snapshot = open_snapshot("five")
    gate = snapshot.gate("x", 0)
    assert gate is not None
    other = gate.model_copy(update={"error": 0.25})
    copy = snapshot.model_copy(update={"gates": tuple(other if one is gate else one for one in snapshot.gates)})
    assert copy.gate("x", 0) is other
    assert snapshot.gate("x", 0) is gate


def test_a_copy_remembers_what_was_looked_up_in_fields_that_stay():
    snapshot = open_snapshot("five")
    gates, measure = snapshot._gates, snapshot.measure(0)
    copy = snapshot.model_copy(update={"measures": tuple(m.model_copy(update={"angle": 1.0}) for m in snapshot.measures)})
    assert copy._gates is gates
    assert copy.measure(0).angle == 1.0 != measure.angle
    assert snapshot.model_copy(deep=True)._gates is not gates
    # of all that is kept it is known where it comes from
    assert {name for name, one in vars(Snapshot).items() if isinstance(one, cached_property)} == set(_LOOKED_UP)


def test_an_envelope_is_that_of_its_shape_also_in_a_copy_with_another():
    snapshot = open_snapshot("five")
    name, other = list(snapshot.waveforms)[:2]
    assert snapshot.envelope(name) == waveform(snapshot.waveforms[name])
    copy = snapshot.model_copy(update={"waveforms": snapshot.waveforms | {name: snapshot.waveforms[other]}})
    assert copy.envelope(name) == snapshot.envelope(other) != snapshot.envelope(name)


def test_samples_of_a_line_are_covered_by_ticks_of_the_machine():
    snapshot = open_snapshot("five")
    port = snapshot.ports[0]
    assert snapshot.ticks(port.name, 7) == 7
    slow = port.model_copy(update={"dt": snapshot.timing.dt * Fraction(3, 2)})
    assert snapshot.model_copy(update={"ports": (slow, *snapshot.ports[1:])}).ticks(port.name, 7) == 11
