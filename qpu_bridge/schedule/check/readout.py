"""Rules for captures and columns: what is acquired, what is returned, and whether the device can."""

from __future__ import annotations

from math import isfinite

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.check.lines import overlapping
from qpu_bridge.schedule.check.place import of_lines, place, refuse_where
from qpu_bridge.schedule.column import Acquisition, Column, Output
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.limits import Feature, Limits
from qpu_bridge.schedule.schedule import Schedule


def check_readout(schedule: Schedule, limits: Limits) -> None:
    """Check the columns, then the captures that write them."""
    written = set(schedule.events["column"].tolist())
    for index, column in enumerate(schedule.columns):
        _column(column, limits)
        if column.returned and index not in written:
            raise ScheduleError(
                "a column that is returned must be written by a capture", given="none", where=f"column {column.name}"
            )
    _captures(schedule, limits)
    _overlap(schedule)


def _column(column: Column, limits: Limits) -> None:
    where = f"column {column.name}"
    bit = column.acquisition is Acquisition.INTEGRATED and column.returned and column.output is not Output.IQ
    if bit and column.discriminator is None:
        raise ScheduleError("a column that returns bits must have a discriminator", given="none", where=where)
    line = column.discriminator
    if line is not None and not (isfinite(line.angle) and isfinite(line.threshold)):
        raise ScheduleError("a discriminator must be finite", given=column.discriminator, where=where)
    if column.average and column.acquisition is Acquisition.INTEGRATED and column.output is Output.BIT:
        raise ScheduleError("an average must be of IQ values or traces", given="bits", where=where)
    if column.discriminator is not None and column.acquisition is Acquisition.RAW:
        raise ScheduleError("a raw column must have no discriminator", given=str(column.discriminator), where=where)
    for feature in features_of(column):
        if feature not in limits.features:
            raise ScheduleError(
                f"a column that is {_describe(column)} needs a device with the feature {feature.value}",
                given=f"features {', '.join(sorted(limits.features)) or 'none'}",
                where=where,
            )


def features_of(column: Column) -> list[Feature]:
    """What a device must be able to do to give a column, its weights aside."""
    bit = column.acquisition is Acquisition.INTEGRATED and column.output is not Output.IQ
    needed = [Feature.RAW if column.acquisition is Acquisition.RAW else Feature.INTEGRATED]
    if column.returned:
        if column.average:
            needed.append(Feature.AVERAGE)
        if bit or (column.acquisition is Acquisition.RAW and not column.average):
            needed.append(Feature.SINGLE_SHOT)  # bits are never averaged
        if column.acquisition is Acquisition.INTEGRATED and column.output is not Output.BIT and not column.average:
            needed.append(Feature.SINGLE_SHOT_IQ)
    if column.discriminator is not None:
        needed.append(Feature.DISCRIMINATE)
    return needed


def _describe(column: Column) -> str:
    words = [column.acquisition.value, "averaged" if column.average else "returned shot by shot"]
    if not column.returned:
        words[1] = "read by real-time control only"
    if column.discriminator is not None:
        words.append("discriminated")
    return ", ".join(words)


def _captures(schedule: Schedule, limits: Limits) -> None:
    events, capture = schedule.events, schedule.captures
    if not np.count_nonzero(capture):
        return
    weighted = capture & (events["waveform"] != NONE)
    samples = schedule.samples
    raw = np.array([column.acquisition is Acquisition.RAW for column in schedule.columns])
    traced = capture & raw[events["column"]]
    if Feature.KERNEL not in limits.features or np.count_nonzero(traced & weighted):
        plain = {
            int(number): bool((schedule.waveforms[number].samples == 1).all()) for number in set(events["waveform"][weighted])
        }
        shaped = np.zeros(len(events), bool)
        shaped[weighted] = [not plain[number] for number in events["waveform"][weighted].tolist()]
        refuse_where(
            schedule,
            shaped & (Feature.KERNEL not in limits.features),
            "a capture with weights needs a device with the feature kernel",
            lambda row: f"features {', '.join(sorted(limits.features))}",
        )
        refuse_where(
            schedule,
            traced & shaped,
            "a capture that returns its trace has no weights",
            lambda row: f"waveform {events['waveform'][row]}",
        )
    lines, port = of_lines(limits), events["port"]
    allowed = lines["max_captures"][port]
    counted = np.bincount(events["frame"][capture], minlength=len(schedule.frames))[events["frame"]]
    refuse_where(
        schedule,
        capture & (counted > allowed),
        lambda row: f"a carrier must have at most {allowed[row]} captures in one schedule on this device",
        counted.__getitem__,
    )
    _lasting(schedule, weighted, lines["max_kernel"][port], "with weights")
    _lasting(schedule, traced, lines["max_raw"][port], "that returns its trace")
    if not np.count_nonzero(traced):
        return
    length = np.zeros(len(schedule.columns), np.int64)
    np.maximum.at(length, events["column"][traced], samples[traced])
    refuse_where(
        schedule,
        traced & (samples != length[events["column"]]),
        "all captures into a raw column must be of one length",
        lambda row: f"{samples[row]} and {length[events['column'][row]]} samples",
    )


def _lasting(schedule: Schedule, some: NDArray[np.bool_], most: NDArray[np.int64], what: str) -> None:
    samples = schedule.samples
    refuse_where(
        schedule,
        some & (samples > most),
        lambda row: f"a capture {what} must last at most {most[row]} samples on its port",
        samples.__getitem__,
    )


def _overlap(schedule: Schedule) -> None:
    """One column takes one result at a time, so that the last one is known."""
    (captures,) = schedule.captures.nonzero()
    later, before = overlapping(schedule, schedule.events["column"], len(schedule.columns), captures)
    if len(later):
        row, first = int(later[0]), int(before[0])
        raise ScheduleError(
            "captures into one column must not overlap",
            given=f"a start at tick {int(schedule.events['start'][row])}",
            where=f"{place(schedule, row)}; {place(schedule, first)}",
        )
