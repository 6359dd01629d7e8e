from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Acquisition, Column, Discriminator, Feature, Limits, Output, Schedule, Waveform
from qpu_bridge.schedule.check import check

WithEvent = Callable[..., Schedule]
WithPort = Callable[..., Limits]


def column(schedule: Schedule, **fields: Any) -> Schedule:
    """The column that is returned, changed."""
    return replace(schedule, columns=(schedule.columns[0], replace(schedule.columns[1], **fields)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
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
        ({"acquisition": Acquisition.RAW}, Feature.RAW),
    ],
)
def test_each_kind_of_acquisition_needs_its_feature(
    schedule: Schedule, limits: Limits, fields: dict[str, Any], feature: Feature
) -> None:
    changed = column(schedule, **fields)
    check(changed, limits)
    poor = limits.model_copy(update={"features": limits.features - {feature}})
    with pytest.raises(ScheduleError, match=f"needs a device with the feature {feature.value}"):
        check(changed, poor)


def test_unit_weights_need_no_kernel_feature(schedule: Schedule, limits: Limits) -> None:
    flat = tuple(Waveform([1.0], [200]) if wave.duration == 200 else wave for wave in schedule.waveforms)  # type: ignore[arg-type]
    poor = limits.model_copy(update={"features": limits.features - {Feature.KERNEL}})
    check(replace(schedule, waveforms=flat), poor)


def test_the_longest_kernel_and_trace_of_a_port_hold(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    with pytest.raises(ScheduleError, match="a capture with weights must last at most 128 samples on its port; got 200"):
        check(schedule, with_port(limits, "a0", max_kernel=128))
    check(schedule, with_port(limits, "a0", max_raw=128))
    with pytest.raises(ScheduleError, match="that returns its trace must last at most 128 samples"):
        check(column(schedule, acquisition=Acquisition.RAW), with_port(limits, "a0", max_raw=128))


def test_traces_of_one_column_must_be_of_one_length(schedule: Schedule, limits: Limits, with_event: WithEvent) -> None:
    raw = column(schedule, acquisition=Acquisition.RAW)
    shared = with_event(raw, 1, column=1)
    columns = (Column("herald", discriminator=Discriminator(0.0, 0.0), returned=False), raw.columns[1])
    check(replace(shared, columns=columns), limits)
    short = with_event(shared, 1, waveform=-1, duration=100)
    with pytest.raises(ScheduleError, match="of one length; got 100 and 200 samples"):
        check(replace(short, columns=columns), limits)
