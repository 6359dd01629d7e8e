"""A schedule as frames: tables as text, waveforms and events as the buffers they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ProtocolError, ScheduleError
from qpu_bridge.schedule import EVENT, Schedule, Waveform
from qpu_bridge.schedule.waveform import LONGEST
from qpu_bridge.wire.frame import Frame
from qpu_bridge.wire.tables import read_tables

FRAMES = 5
"""Frames of a template: tables, lengths, samples, repeats, events."""
_SHORT = 2**15
"""Bytes of a waveform's frames up to which it is remembered: the pulses and kernels of a device come with every template."""


def pack_template(schedule: Schedule) -> list[Frame]:
    """The five frames of a template; events are not copied."""
    waves = schedule.waveforms
    lengths = np.array([len(wave.samples) for wave in waves], "<i8")
    samples = np.concatenate([wave.samples for wave in waves]) if waves else np.zeros(0, "<c16")
    repeats = np.concatenate([wave.repeats for wave in waves]) if waves else np.zeros(0, "<i8")
    columns = (lengths, samples.astype("<c16", copy=False), repeats.astype("<i8", copy=False), schedule.events)
    return [schedule.tables, *(column.view(np.uint8).data for column in columns)]


def unpack_template(digest: bytes, frames: Sequence[Frame]) -> Schedule:
    """The schedule, its events a read-only view of the last frame.

    Raises:
        ProtocolError: If the frames do not fit each other or the digest.
        ScheduleError: If a waveform is not one.
    """
    tables = read_tables(frames[0])
    lengths = _column(frames[1], np.dtype("<i8"), tables.waveforms, "lengths")
    total = len(frames[3]) // 8
    if len(lengths) and (lengths.min() < 1 or lengths.max() > total):
        raise ProtocolError("a waveform's length must be at least 1 and within the frame of samples", where="lengths")
    if int(lengths.sum(dtype=object)) != total:
        raise ProtocolError("the lengths of the waveforms must add up to the frame of repeats", given=total)
    samples = _column(frames[2], np.dtype("<c16"), total, "samples")
    repeats = _column(frames[3], np.dtype("<i8"), total, "repeats")
    schedule = Schedule(
        clock=tables.clock,
        ports=tables.ports,
        frames=tables.frames,
        waveforms=_waveforms(lengths, samples, repeats),
        slots=tables.slots,
        columns=tables.columns,
        variables=tables.variables,
        events=_column(frames[4], EVENT, tables.events, "events"),
        body=tables.body,
    )
    _verify(schedule, frames[0], digest)
    return schedule


def _verify(schedule: Schedule, text: Frame, digest: bytes) -> None:
    """Check the digest over the text as it came: to write it anew would take longer than all else.

    The text is parsed in one way only, so equal digests are equal schedules.
    """
    schedule.__dict__["tables"] = bytes(text)  # what the cached property would find
    if schedule.digest != digest:
        raise ProtocolError(
            "a template must have the digest it is sent under",
            given=schedule.digest.hex()[:16],
            remedy="The digest is over waveforms with equal neighbours merged and without negative zeros: send them so.",
        )


def _waveforms(lengths: NDArray[np.int64], samples: NDArray[np.complex128], repeats: NDArray[np.int64]) -> tuple[Waveform, ...]:
    stops = np.cumsum(lengths)
    if len(repeats) and (repeats.max() > LONGEST or repeats.sum(dtype=np.float64) > LONGEST):
        raise ScheduleError(f"all waveforms together must last at most {LONGEST} samples", given=str(repeats.max()))
    parts = samples.view(np.float64)
    if not ((parts >= -2) & (parts <= 2)).all():  # false for nan as well; keeps the magnitude from overflowing
        raise ScheduleError("a waveform's samples must be finite and of magnitude at most 1")
    found = []
    for length, stop in zip(lengths.tolist(), stops.tolist(), strict=True):
        own = samples[stop - length : stop], repeats[stop - length : stop]
        short = own[0].nbytes + own[1].nbytes <= _SHORT
        found.append(_remembered(own[0].tobytes(), own[1].tobytes()) if short else Waveform(*own))
    return tuple(found)


@lru_cache(maxsize=1024)
def _remembered(samples: bytes, repeats: bytes) -> Waveform:
    """A waveform, checked and hashed when it comes for the first time."""
    return Waveform(np.frombuffer(samples, "<c16"), np.frombuffer(repeats, "<i8"))


def _column(frame: Frame, dtype: np.dtype[Any], count: int, name: str) -> NDArray[Any]:
    if len(frame) != count * dtype.itemsize:
        raise ProtocolError(f"frame {name} must have {count} x {dtype.itemsize} bytes", given=len(frame))
    return np.frombuffer(memoryview(frame).toreadonly(), dtype) if count else np.zeros(0, dtype)
