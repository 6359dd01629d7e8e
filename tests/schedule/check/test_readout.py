from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Acquisition,
    Discriminator,
    Feature,
    Frame,
    Limits,
    Output,
    Rows,
    Schedule,
    Shots,
    Straight,
    Waveform,
)
from qpu_bridge.schedule.check import check

WithEvent = Callable[..., Schedule]
WithPort = Callable[..., Limits]


def column(schedule: Schedule, **fields: Any) -> Schedule:
    """The column that is returned, changed."""
    return replace(schedule, columns=(schedule.columns[0], replace(schedule.columns[1], **fields)))


def raw(schedule: Schedule) -> Schedule:
    """The column that is returned gives its trace, without weights."""
    flat = tuple(Waveform([1.0], [200]) if wave.duration == 200 else wave for wave in schedule.waveforms)  # type: ignore[arg-type]
    return replace(column(schedule, acquisition=Acquisition.RAW, discriminator=None), waveforms=flat)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"acquisition": Acquisition.RAW}, "a raw column must have no discriminator; got Discriminator"),
        ({"acquisition": Acquisition.RAW, "discriminator": None}, "a capture that returns its trace has no weights"),
        ({"discriminator": None}, "returns bits must have a discriminator; got none (column c[0])"),
        ({"discriminator": Discriminator(float("nan"), 0.0)}, "a discriminator must be finite"),
        ({"output": Output.BIT, "average": True}, "an average must be of IQ values or traces"),
    ],
)
def test_a_column_that_breaks_a_rule_is_refused(schedule: Schedule, limits: Limits, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        check(column(schedule, **fields), limits)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "feature"),
    [
        ({}, Feature.INTEGRATED),
        ({}, Feature.SINGLE_SHOT),
        ({}, Feature.DISCRIMINATE),
        ({}, Feature.KERNEL),
        ({"average": True}, Feature.AVERAGE),
        ({}, Feature.RAW),
        ({"average": True}, Feature.SINGLE_SHOT),
        ({"output": Output.IQ}, Feature.SINGLE_SHOT_IQ),
        ({"output": Output.BOTH}, Feature.SINGLE_SHOT_IQ),
    ],
)
def test_each_kind_of_acquisition_needs_its_feature(
    schedule: Schedule, limits: Limits, fields: dict[str, Any], feature: Feature
) -> None:
    changed = raw(schedule) if feature is Feature.RAW else column(schedule, **fields)
    check(changed, limits)
    poor = limits.model_copy(update={"features": limits.features - {feature}})
    with pytest.raises(ScheduleError, match=f"needs a device with the feature {feature.value}"):
        check(changed, poor)


def test_bits_alone_and_averages_need_no_points_of_single_shots(schedule: Schedule, limits: Limits) -> None:
    poor = limits.model_copy(update={"features": limits.features - {Feature.SINGLE_SHOT_IQ}})
    for fields in ({"output": Output.BIT}, {"output": Output.BOTH, "average": True}, {"output": Output.IQ, "average": True}):
        check(column(schedule, **fields), poor)


def test_unit_weights_need_no_kernel_feature(schedule: Schedule, limits: Limits) -> None:
    flat = tuple(Waveform([1.0], [200]) if wave.duration == 200 else wave for wave in schedule.waveforms)  # type: ignore[arg-type]
    poor = limits.model_copy(update={"features": limits.features - {Feature.KERNEL}})
    check(replace(schedule, waveforms=flat), poor)


def test_the_longest_kernel_and_trace_of_a_port_hold(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    with pytest.raises(ScheduleError, match="a capture with weights must last at most 128 samples on its port; got 200"):
        check(schedule, with_port(limits, "a0", max_kernel=128))
    check(schedule, with_port(limits, "a0", max_raw=128))
    with pytest.raises(ScheduleError, match="that returns its trace must last at most 128 samples"):
        check(raw(schedule), with_port(limits, "a0", max_raw=128))


def test_the_number_of_captures_at_a_carrier_holds(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    check(schedule, with_port(limits, "a0", max_captures=2))
    with pytest.raises(ScheduleError, match="a carrier must have at most 1 captures in one schedule on this device; got 2"):
        check(schedule, with_port(limits, "a0", max_captures=1))


def test_traces_of_one_column_must_be_of_one_length(schedule: Schedule, limits: Limits, with_event: WithEvent) -> None:
    shared = with_event(straight(raw(schedule)), 1, column=1)
    check(shared, limits)
    short = with_event(shared, 1, waveform=-1, duration=100)
    with pytest.raises(ScheduleError, match="of one length; got 100 and 200 samples"):
        check(short, limits)


def straight(schedule: Schedule) -> Schedule:
    """The schedule without its control, so that nothing reads a bit."""
    return replace(schedule, body=(Rows((Shots(tuple(schedule.straight_blocks())),)),))


def test_a_column_that_is_returned_is_written(schedule: Schedule, limits: Limits, with_event: WithEvent) -> None:
    unwritten = with_event(straight(schedule), 8, column=0)
    with pytest.raises(ScheduleError, match=r"returned must be written by a capture; got none \(column c\[0\]\)"):
        check(unwritten, limits)
    check(column(unwritten, returned=False), limits)


def test_captures_into_one_column_do_not_overlap(schedule: Schedule, limits: Limits) -> None:
    other = Frame("s1", 3, 7.1e9)
    events = np.concatenate([schedule.events[:2], schedule.events[1:2]])
    events["frame"][2], events["column"][1:] = 5, 1
    together = replace(schedule, frames=(*schedule.frames, other), events=events, columns=schedule.columns[:2])
    for start in (20, 219):
        events["start"][2] = start
        block = (Straight(0, 3, 500),)
        with pytest.raises(ScheduleError, match=f"captures into one column must not overlap; got a start at tick {start}"):
            check(replace(together, events=events, body=(Rows((Shots(block),)),)), limits)
    events["start"][2] = 220
    check(replace(together, events=events, body=(Rows((Shots(block),)),)), limits)
