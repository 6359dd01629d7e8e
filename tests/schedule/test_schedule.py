from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpu_bridge.schedule import (
    EVENT,
    Acquisition,
    Column,
    Constant,
    Discriminator,
    Output,
    Rows,
    Schedule,
    Shots,
    Slot,
    SlotKind,
    Straight,
    Variable,
    VariableKind,
    Waveform,
)
from qpu_bridge.schedule.block import Assign
from qpu_bridge.units import Clock


def test_equal_content_is_equal_and_has_one_digest(schedule: Schedule) -> None:
    twin = replace(schedule, events=schedule.events.copy(), waveforms=tuple(Waveform.of(w.expand()) for w in schedule.waveforms))
    assert twin is not schedule
    assert twin == schedule
    assert hash(twin) == hash(schedule)
    assert twin.digest == schedule.digest
    assert len(schedule.digest) == 32


CHANGES: list[Callable[[Schedule], dict[str, Any]]] = [
    lambda s: {"clock": Clock(Fraction(1, 2 * 10**9))},
    lambda s: {"ports": (replace(s.ports[0], name="d1"), *s.ports[1:])},
    lambda s: {"frames": (replace(s.frames[0], frequency=5.0000001e9), *s.frames[1:])},
    lambda s: {"waveforms": (*s.waveforms[:-1], Waveform.of([0.5]))},
    lambda s: {"waveforms": s.waveforms[::-1]},
    lambda s: {"slots": (Slot(SlotKind.PHASE, 3), *s.slots[1:])},
    lambda s: {"slots": (Slot(SlotKind.PHASE), *s.slots[1:])},
    lambda s: {"columns": (replace(s.columns[0], returned=True), s.columns[1])},
    lambda s: {"variables": (Variable("other", VariableKind.FLOAT),)},
    lambda s: {"events": s.events[:-1]},
    lambda s: {"body": (Rows((Shots(s.realtime),)),)},
    lambda s: {"body": (Rows((Shots((*s.realtime, Assign(0, Constant(1)))),)),)},
    lambda s: {"body": (Rows((Shots((*s.realtime, Assign(0, Constant(True)))),)),)},
]


def test_any_change_of_content_changes_the_digest(schedule: Schedule) -> None:
    digests = {replace(schedule, **change(schedule)).digest for change in CHANGES}
    assert len(digests | {schedule.digest}) == len(CHANGES) + 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=st.integers(0, 8), name=st.sampled_from(EVENT.names), value=st.integers(0, 200))
def test_the_digest_changes_if_and_only_if_an_event_does(schedule: Schedule, row: int, name: str, value: int) -> None:
    events = schedule.events.copy()
    events[name][row] = value
    same = events[row] == schedule.events[row]
    assert (replace(schedule, events=events).digest == schedule.digest) == same


def test_a_schedule_cannot_be_changed(schedule: Schedule) -> None:
    with pytest.raises(FrozenInstanceError):
        schedule.body = ()  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        schedule.events["start"] = 0


def test_whoever_gave_the_events_may_write_on_without_harm(schedule: Schedule) -> None:
    events = schedule.events.copy()
    twin = replace(schedule, events=events)
    events["start"] = 7
    assert twin == schedule


def test_a_read_only_buffer_is_taken_without_a_copy(schedule: Schedule) -> None:
    wire = np.frombuffer(schedule.events.tobytes(), EVENT)
    assert np.shares_memory(replace(schedule, events=wire).events, wire)


def test_numbers_of_numpy_count_like_plain_ones(schedule: Schedule) -> None:
    one = replace(schedule, body=(Rows((Shots((Straight(0, 9, 700),)),)),))
    two = replace(schedule, body=(Rows((Shots((Straight(np.int64(0), np.int64(9), np.int64(700)),)),)),))
    assert one.digest == two.digest


def test_the_loops_give_the_shape_of_the_results(schedule: Schedule) -> None:
    assert [type(loop).__name__ for loop in schedule.loops] == ["Rows", "Linear", "Linear", "Shots"]
    assert schedule.sweep_shape == (11, 21)
    assert schedule.realtime == schedule.loops[-1].body


def test_each_kind_of_result_names_its_columns(schedule: Schedule) -> None:
    line = Discriminator(0.0, 0.0)
    columns = (
        Column("bit", discriminator=line),
        Column("iq", output=Output.IQ),
        Column("both", output=Output.BOTH, discriminator=line),
        Column("mean", output=Output.IQ, average=True),
        Column("raw", acquisition=Acquisition.RAW),
        Column("raw mean", acquisition=Acquisition.RAW, average=True),
        Column("hidden", discriminator=line, returned=False),
    )
    many = replace(schedule, columns=columns)
    found = {kind: many.columns_returning(kind) for kind in ("bits", "iq", "mean", "raw", "raw_mean")}
    assert found == {"bits": [0, 2], "iq": [1, 2], "mean": [3], "raw": [4], "raw_mean": [5]}


def test_a_million_events_cost_seventy_megabytes() -> None:
    assert EVENT.itemsize == 69
