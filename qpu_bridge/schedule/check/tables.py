"""Rules for the tables: the device's clocks and lines, names used once, sizes within bounds."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.expression import VariableKind
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import SlotKind
from qpu_bridge.schedule.waveform import LONGEST


def check_tables(schedule: Schedule, limits: Limits) -> None:
    """Check the clock and the tables that events name."""
    _clock_and_ports(schedule, limits)
    _names(schedule)
    _waveforms(schedule)
    _rest(schedule)


def _clock_and_ports(schedule: Schedule, limits: Limits) -> None:
    if schedule.clock.dt != limits.dt:
        raise ScheduleError(
            f"a schedule must be on the device's timeline clock of {limits.dt} s",
            given=f"{schedule.clock.dt} s",
            remedy="retime() moves it.",
        )
    for port, there in zip(schedule.ports, limits.ports, strict=True):
        if there.kind is not port.kind:
            raise ScheduleError(f"port {port.name} must be of kind {there.kind.value}", given=port.kind.value)
        if there.dt != port.clock.dt:
            raise ScheduleError(f"port {port.name} must be sampled every {there.dt} s", given=f"{port.clock.dt} s")


def _names(schedule: Schedule) -> None:
    for what, names in (
        ("port", [port.name for port in schedule.ports]),
        ("frame", [frame.name for frame in schedule.frames]),
        ("column", [column.name for column in schedule.columns]),
    ):
        twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
        if twice is not None:
            raise ScheduleError(f"a {what}'s name must be used once", given=twice)


def _waveforms(schedule: Schedule) -> None:
    first: dict[bytes, int] = {}
    for index, wave in enumerate(schedule.waveforms):
        if first.setdefault(wave.digest, index) != index:
            raise ScheduleError("a waveform must stand in the table once", given=f"waveforms {first[wave.digest]} and {index}")
    samples = sum(wave.duration for wave in schedule.waveforms)
    if samples > LONGEST:
        raise ScheduleError(f"all waveforms together must last at most {LONGEST} samples", given=samples)


def _rest(schedule: Schedule) -> None:
    for frame in schedule.frames:
        if not 0 <= frame.port < len(schedule.ports):
            raise ScheduleError(
                f"a frame must name one of the {len(schedule.ports)} ports", given=frame.port, where=f"frame {frame.name}"
            )
        if not np.isfinite(frame.frequency):
            raise ScheduleError("a frame's frequency must be finite", given=frame.frequency, where=f"frame {frame.name}")
    for index, slot in enumerate(schedule.slots):
        if slot.bits is None:
            continue
        if slot.kind is not SlotKind.PHASE or not whole(slot.bits) or not 0 <= slot.bits <= 32:
            raise ScheduleError(
                "only a phase slot has a number of bits, from 0 to 32",
                given=f"{slot.kind.value} with {slot.bits} bits",
                where=f"slot {index}",
            )
    for variable in schedule.variables:
        if not fits(variable.kind, variable.width):
            raise ScheduleError(
                "a variable must have 1 bit (bool), 64 bits (float) or 1 to 64 bits (uint)",
                given=f"{variable.kind.value} of {variable.width} bits",
                where=f"variable {variable.name}",
            )


def fits(kind: VariableKind, width: int) -> bool:
    """Whether a type has this width."""
    if not whole(width):
        return False
    return {VariableKind.BOOL: width == 1, VariableKind.FLOAT: width == 64}.get(kind, 1 <= width <= 64)


def whole(number: object) -> bool:
    """Whether something is an integer, and no boolean."""
    return type(number) is int or (isinstance(number, Integral) and not isinstance(number, bool))
