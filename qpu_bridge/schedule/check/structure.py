"""Rules that hold on every device: tables are named once, indices point at something, events fit what they name."""

from __future__ import annotations

import sys

import numpy as np

from qpu_bridge.schedule.check.place import LONGEST, refuse_where
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.expression import VariableKind
from qpu_bridge.schedule.port import PortKind
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import SlotKind

MOST_PHASE = 1e6
"""Rad: beyond it a double tells phases apart by less than anybody's resolution."""
_MOST = np.array([[sys.float_info.max], [MOST_PHASE], [sys.float_info.max]])

_WHOLE = (
    *("operation", "start", "duration", "port", "frame", "waveform"),
    *("amplitude_slot", "phase_slot", "frequency_slot", "phase_variable", "column"),
)
_WAVEFORM, _COLUMN = _WHOLE.index("waveform"), _WHOLE.index("column")
_LEAST = np.array([0, 0, 1, 0, 0, NONE, NONE, NONE, NONE, NONE, NONE])[:, None]


def check_structure(schedule: Schedule) -> None:
    """Check the events against the tables, which have passed `check_tables`."""
    _whole_numbers(schedule)
    _numbers(schedule)
    _slots(schedule)
    _lengths(schedule)
    _kinds(schedule)


def _whole_numbers(schedule: Schedule) -> None:
    """Each from its least to its most, all columns at one look; then the port of the frame."""
    events, capture = schedule.events, schedule.captures
    ports, frames, waveforms = len(schedule.ports), len(schedule.frames), len(schedule.waveforms)
    slots, variables, columns = len(schedule.slots), len(schedule.variables), len(schedule.columns)
    numbers = np.array([events[name] for name in _WHOLE], np.int64)
    count = np.array([2, LONGEST + 1, LONGEST + 1, ports, frames, waveforms, slots, slots, slots, variables, columns])[:, None]
    broken = (numbers < _LEAST) | (numbers >= count)
    # only a play needs an envelope, only a capture writes a column
    broken[_WAVEFORM] |= (numbers[_WAVEFORM] == NONE) & ~capture
    broken[_COLUMN] |= (numbers[_COLUMN] == NONE) == capture
    if np.count_nonzero(broken):
        place = int(np.argmax(broken.any(axis=1)))
        name, size = _WHOLE[place], int(count[place, 0])
        refuse_where(schedule, broken[place], lambda row: _must(schedule, name, row, size), numbers[place].__getitem__)
    home = np.array([frame.port for frame in schedule.frames] or [0])
    refuse_where(
        schedule,
        home[events["frame"]] != events["port"],
        lambda row: f"an event must be on the port of its frame, {schedule.ports[home[events['frame'][row]]].name}",
        lambda row: schedule.ports[events["port"][row]].name,
    )


def _must(schedule: Schedule, name: str, row: int, size: int) -> str:
    """What must hold of a whole number of an event."""
    if name == "operation":
        return "an operation must be play (0) or capture (1)"
    if name in ("start", "duration"):
        if schedule.events[name][row] > LONGEST:
            return f"an event's {name} must be at most 2**48 ticks"
        return "an event must not start before its block" if name == "start" else "an event must last at least one tick"
    if name == "column" and not schedule.captures[row]:
        return "a play writes no column"
    return f"an event's {name.replace('_', ' ')} must be one of the {size} in the schedule's table"


def _numbers(schedule: Schedule) -> None:
    events = schedule.events
    numbers = np.array([events[name] for name in ("amplitude", "phase", "frequency")])
    if (np.abs(numbers) <= _MOST).all():  # what is no number is below nothing
        return
    for name, number in zip(("amplitude", "phase", "frequency"), numbers, strict=True):
        refuse_where(schedule, ~np.isfinite(number), f"an event's {name} must be finite", number.__getitem__)
    phase = events["phase"]
    refuse_where(schedule, np.abs(phase) > MOST_PHASE, f"a phase must be at most {MOST_PHASE:g} rad", phase.__getitem__)


def _slots(schedule: Schedule) -> None:
    """What events name of slots and variables is of the kind that they want."""
    if not (schedule.slots or schedule.variables):
        return
    events = schedule.events
    for kind in (SlotKind.AMPLITUDE, SlotKind.PHASE, SlotKind.FREQUENCY) if schedule.slots else ():
        index = events[f"{kind.value}_slot"]
        given = schedule.slot_kinds[index]
        refuse_where(
            schedule,
            (index != NONE) & (given != kind.value),
            f"an event's {kind.value} slot must be of kind {kind.value}",
            given.__getitem__,
        )
    if not schedule.variables:
        return
    floats = np.array([variable.kind is VariableKind.FLOAT for variable in schedule.variables])
    variable = events["phase_variable"]
    refuse_where(
        schedule,
        (variable != NONE) & ~floats[variable],
        "a phase variable must be a float",
        lambda row: schedule.variables[variable[row]].kind.value,
    )


def _lengths(schedule: Schedule) -> None:
    """A play lasts as long as its envelope, a capture as its kernel, both rounded up to ticks."""
    events = schedule.events
    ticks = np.zeros((len(schedule.ports), len(schedule.waveforms) + 1), np.int64)
    for port, number in schedule.stored:
        ticks[port, number] = schedule.clock.ticks_covering(schedule.ports[port].clock, schedule.waveforms[number].duration)
    waveform = events["waveform"]
    needed = np.where(waveform == NONE, events["duration"], ticks[events["port"], waveform])
    refuse_where(
        schedule,
        needed != events["duration"],
        lambda row: f"an event must last as its waveform does, {needed[row]} ticks",
        lambda row: f"{events['duration'][row]} ticks",
    )


def _kinds(schedule: Schedule) -> None:
    """What each kind of port can do."""
    events = schedule.events
    port = events["port"]
    capture = schedule.captures
    receives = np.array([p.kind is PortKind.ACQUIRE for p in schedule.ports] or [False])[port]
    refuse_where(
        schedule,
        receives != capture,
        lambda row: "a capture must be on an acquire port" if capture[row] else "a play must be on a port that emits",
        lambda row: schedule.ports[port[row]].kind.value,
    )
    refuse_where(
        schedule,
        capture & ((events["amplitude_slot"] != NONE) | (events["amplitude"] != 1.0)),
        "a capture has no amplitude: 1, without a slot",
        lambda row: f"amplitude {events['amplitude'][row]}, slot {events['amplitude_slot'][row]}",
    )
    flux = np.array([p.kind is PortKind.FLUX for p in schedule.ports] or [False])[port]
    if not np.count_nonzero(flux):
        return
    for line, number in schedule.stored:
        if schedule.ports[line].kind is PortKind.FLUX and not schedule.waveforms[number].real:
            played = (port == line) & (events["waveform"] == number)
            refuse_where(schedule, played, "a waveform on a flux port must be real", lambda row: "imaginary samples")
    turned = (events["frequency"] != 0) | (events["phase"] != 0)
    for name in ("phase_slot", "frequency_slot", "phase_variable"):
        turned |= events[name] != NONE
    refuse_where(
        schedule,
        flux & turned,
        "a play on a flux port has no carrier: frequency 0 and phase 0, without slots",
        lambda row: f"frequency {events['frequency'][row]} Hz, phase {events['phase'][row]} rad",
    )
