"""Each rule has one schedule that breaks exactly it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    EVENT,
    Builder,
    Limits,
    PortKind,
    Schedule,
    Slot,
    SlotKind,
    Table,
    Variable,
    VariableKind,
    Waveform,
)
from qpu_bridge.schedule.check import check, check_results, check_table
from qpu_bridge.units import Clock

WithEvent = Callable[..., Schedule]


def test_the_whole_schedule_passes(schedule: Schedule, limits: Limits) -> None:
    check(schedule, limits)


@pytest.mark.parametrize(
    ("row", "fields", "message"),
    [
        (0, {"operation": 2}, "operation must be play"),
        (0, {"port": 9}, "event's port must be one of the 4"),
        (0, {"frame": 9}, "event's frame must be one of the 5"),
        (0, {"waveform": 99}, "event's waveform must be one of"),
        (0, {"waveform": -1}, "event's waveform must be one of"),
        (1, {"waveform": -2}, "event's waveform must be one of"),
        (5, {"amplitude_slot": 4}, "event's amplitude slot must be one of the 4"),
        (5, {"amplitude_slot": -2}, "event's amplitude slot must be one of the 4"),
        (3, {"phase_slot": 4}, "event's phase slot must be one of the 4"),
        (5, {"frequency_slot": 4}, "event's frequency slot must be one of the 4"),
        (3, {"phase_variable": 1}, "event's phase variable must be one of the 1"),
        (1, {"column": 2}, "event's column must be one of the 2"),
        (1, {"column": -1}, "event's column must be one of the 2"),
        (0, {"column": 0}, "a play writes no column"),
        (2, {"port": 1}, "must be on the port of its frame, d0; got z0"),
        (5, {"amplitude_slot": 0}, "amplitude slot must be of kind amplitude; got phase"),
        (3, {"phase_slot": 1}, "phase slot must be of kind phase; got amplitude"),
        (5, {"frequency_slot": 2}, "frequency slot must be of kind frequency; got duration"),
        (2, {"start": -1}, "must not start before its block; got -1"),
        (1, {"duration": 0}, "at least one tick; got 0"),
        (1, {"start": 2**63 - 1}, "start must be at most 2**48 ticks"),
        (1, {"duration": 2**63 - 1}, "duration must be at most 2**48 ticks"),
        (2, {"amplitude": np.nan}, "amplitude must be finite"),
        (2, {"phase": np.inf}, "phase must be finite"),
        (2, {"frequency": -np.inf}, "frequency must be finite"),
        (2, {"phase": 1.1e6}, "a phase must be at most 1e+06 rad; got 1100000.0"),
        (2, {"phase": -1e300}, "a phase must be at most 1e+06 rad"),
        (1, {"amplitude": 0.5}, "a capture has no amplitude: 1, without a slot; got amplitude 0.5"),
        (2, {"duration": 31}, "must last as its waveform does, 32 ticks; got 31 ticks"),
        (1, {"duration": 201}, "must last as its waveform does, 200 ticks; got 201 ticks"),
        (1, {"amplitude_slot": 1}, "a capture has no amplitude"),
        (4, {"frequency": 1e6}, "flux port has no carrier"),
        (4, {"phase": 0.5}, "flux port has no carrier"),
        (4, {"phase_slot": 0}, "flux port has no carrier"),
        (4, {"phase_variable": 0}, "flux port has no carrier"),
        (4, {"waveform": 2, "duration": 32}, "flux port must be real"),
        (1, {"operation": 0, "column": -1}, "a play must be on a port that emits; got acquire"),
        (0, {"operation": 1, "column": 0}, "a capture must be on an acquire port; got readout"),
    ],
)
def test_an_event_that_breaks_a_rule_is_refused(
    schedule: Schedule, limits: Limits, with_event: WithEvent, row: int, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ScheduleError) as caught:
        check(with_event(schedule, row, **fields), limits)
    assert message in str(caught.value)
    assert f"event {row}" in caught.value.where


def _port(schedule: Schedule, index: int, **fields: Any) -> Schedule:
    ports = list(schedule.ports)
    ports[index] = replace(ports[index], **fields)
    return replace(schedule, ports=tuple(ports))


def _frame(schedule: Schedule, index: int, **fields: Any) -> Schedule:
    frames = list(schedule.frames)
    frames[index] = replace(frames[index], **fields)
    return replace(schedule, frames=tuple(frames))


HALF = Clock(Fraction(1, 2 * 10**9))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: replace(s, clock=HALF), "timeline clock of 1/1000000000 s"),
        (lambda s: _port(s, 0, name="d9"), "a port must be one of a0, d0, m0, z0; got d9"),
        (lambda s: _port(s, 0, kind=PortKind.FLUX), "port d0 must be of kind drive; got flux"),
        (lambda s: _port(s, 0, clock=HALF), "port d0 must be sampled every 1/1000000000 s"),
        (lambda s: _port(s, 1, name="d0", kind=PortKind.DRIVE), "a port's name must be used once; got d0"),
        (lambda s: _frame(s, 1, name="q0"), "a frame's name must be used once; got q0"),
        (lambda s: _frame(s, 1, port=7), "a frame must name one of the 4 ports; got 7 (frame q0q1)"),
        (lambda s: _frame(s, 1, frequency=np.nan), "a frame's frequency must be finite"),
        (lambda s: replace(s, slots=(Slot(SlotKind.PHASE, 33), *s.slots[1:])), "number of bits, from 0 to 32"),
        (lambda s: replace(s, slots=(s.slots[0], Slot(SlotKind.AMPLITUDE, 2), *s.slots[2:])), "only a phase slot"),
        (lambda s: replace(s, variables=(Variable("angle", VariableKind.FLOAT, 32),)), "a variable must have 1 bit"),
        (lambda s: replace(s, variables=(Variable("angle", VariableKind.UINT, 8),)), "a phase variable must be a float"),
    ],
)
def test_a_table_that_breaks_a_rule_is_refused(
    schedule: Schedule, limits: Limits, change: Callable[[Schedule], Schedule], message: str
) -> None:
    with pytest.raises(ScheduleError) as caught:
        check(change(schedule), limits)
    assert message in str(caught.value)


def test_a_length_is_rounded_up_on_a_clock_that_does_not_divide(limits: Limits, schedule: Schedule) -> None:
    wave = Waveform.of(np.linspace(0, 1, 7))
    odd = Clock(Fraction(3, 10**10))
    assert schedule.clock.ticks_covering(odd, wave.duration) == 3


def test_an_empty_schedule_passes(limits: Limits) -> None:
    empty = Builder(Clock(limits.dt)).build()
    check(empty, limits)
    check_table(empty, Table.single(), limits)
    check_results(empty, 1, 1, limits)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=st.data())
def test_whatever_the_bytes_of_the_events_it_passes_or_is_refused(
    schedule: Schedule, limits: Limits, data: st.DataObject
) -> None:
    raw = bytearray(schedule.events.tobytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ScheduleError):
        check(replace(schedule, events=np.frombuffer(bytes(raw), EVENT)), limits)
