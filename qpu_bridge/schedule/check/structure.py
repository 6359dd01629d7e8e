"""Rules that hold on every device: tables are named once, indices point at something, events fit what they name."""

from __future__ import annotations

import numpy as np

from qpu_bridge.schedule.check.place import LONGEST, refuse_where, stored
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.expression import VariableKind
from qpu_bridge.schedule.port import PortKind
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import SlotKind

MOST_PHASE = 1e6
"""Rad: beyond it a double tells phases apart by less than anybody's resolution."""


def check_structure(schedule: Schedule) -> None:
    """Check the events against the tables, which have passed `check_tables`."""
    _indices(schedule)
    _slots(schedule)
    _numbers(schedule)
    _lengths(schedule)
    _kinds(schedule)


def _indices(schedule: Schedule) -> None:
    events = schedule.events
    operation = events["operation"]
    refuse_where(schedule, operation > 1, "an operation must be play (0) or capture (1)", lambda row: operation[row])
    play = ~schedule.captures
    sizes = {
        "port": len(schedule.ports),
        "frame": len(schedule.frames),
        "waveform": len(schedule.waveforms),
        "amplitude_slot": len(schedule.slots),
        "phase_slot": len(schedule.slots),
        "frequency_slot": len(schedule.slots),
        "phase_variable": len(schedule.variables),
        "column": len(schedule.columns),
    }
    index = np.array([events[name] for name in sizes], np.int64)
    # what need not name anything: a slot, a variable, the envelope of a capture, the column of a play
    least = np.full(index.shape, NONE)
    least[:2], least[2], least[7] = 0, np.where(play, 0, NONE), np.where(play, NONE, 0)
    strange = (index < least) | (index >= np.array([*sizes.values()])[:, None])
    if np.count_nonzero(strange):
        row = int(np.argmax(strange.any(axis=1)))
        name, size = list(sizes.items())[row]
        must = f"an event's {name.replace('_', ' ')} must be one of the {size} in the schedule's table"
        refuse_where(schedule, strange[row], must, index[row].__getitem__)
    column = events["column"]
    refuse_where(schedule, play & (column != NONE), "a play writes no column", column.__getitem__)
    ports = np.array([frame.port for frame in schedule.frames] or [0])
    refuse_where(
        schedule,
        ports[events["frame"]] != events["port"],
        lambda row: f"an event must be on the port of its frame, {schedule.ports[ports[events['frame'][row]]].name}",
        lambda row: schedule.ports[events["port"][row]].name,
    )


def _slots(schedule: Schedule) -> None:
    events = schedule.events
    kinds = np.array([slot.kind.value for slot in schedule.slots])
    for name, kind in (
        ("amplitude_slot", SlotKind.AMPLITUDE),
        ("phase_slot", SlotKind.PHASE),
        ("frequency_slot", SlotKind.FREQUENCY),
    ):
        index = events[name]
        if not len(kinds) or not np.count_nonzero(index != NONE):
            continue
        given = kinds[index]
        refuse_where(
            schedule,
            (index != NONE) & (given != kind.value),
            f"an event's {kind.value} slot must be of kind {kind.value}",
            given.__getitem__,
        )
    floats = np.array([variable.kind is VariableKind.FLOAT for variable in schedule.variables] or [True])
    variable = events["phase_variable"]
    refuse_where(
        schedule,
        (variable != NONE) & ~floats[variable],
        "a phase variable must be a float",
        lambda row: schedule.variables[variable[row]].kind.value,
    )


def _numbers(schedule: Schedule) -> None:
    events = schedule.events
    refuse_where(schedule, events["start"] < 0, "an event must not start before its block", events["start"].__getitem__)
    refuse_where(schedule, events["duration"] < 1, "an event must last at least one tick", events["duration"].__getitem__)
    for name in ("start", "duration"):
        ticks = events[name]
        refuse_where(schedule, ticks > LONGEST, f"an event's {name} must be at most 2**48 ticks", ticks.__getitem__)
    for name in ("amplitude", "phase", "frequency"):
        number = events[name]
        refuse_where(schedule, ~np.isfinite(number), f"an event's {name} must be finite", number.__getitem__)
    phase = events["phase"]
    refuse_where(schedule, np.abs(phase) > MOST_PHASE, f"a phase must be at most {MOST_PHASE:g} rad", phase.__getitem__)


def _lengths(schedule: Schedule) -> None:
    """A play lasts as long as its envelope, a capture as its kernel, both rounded up to ticks."""
    events = schedule.events
    ratios = [port.clock.dt / schedule.clock.dt for port in schedule.ports]
    ticks = np.zeros((len(schedule.ports), len(schedule.waveforms) + 1), np.int64)
    for port, number in stored(schedule):
        ratio = ratios[port]
        ticks[port, number] = -(-schedule.waveforms[number].duration * ratio.numerator // ratio.denominator)
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
    play = ~schedule.captures
    receives = np.array([p.kind is PortKind.ACQUIRE for p in schedule.ports] or [False])[port]
    kind = [p.kind.value for p in schedule.ports]
    refuse_where(schedule, play & receives, "a play must be on a port that emits", lambda row: kind[port[row]])
    refuse_where(schedule, ~play & ~receives, "a capture must be on an acquire port", lambda row: kind[port[row]])
    refuse_where(
        schedule,
        ~play & ((events["amplitude_slot"] != NONE) | (events["amplitude"] != 1.0)),
        "a capture has no amplitude: 1, without a slot",
        lambda row: f"amplitude {events['amplitude'][row]}, slot {events['amplitude_slot'][row]}",
    )
    flux = np.array([p.kind is PortKind.FLUX for p in schedule.ports] or [False])[port]
    if not np.count_nonzero(flux):
        return
    real = np.array([wave.real for wave in schedule.waveforms] or [True])[events["waveform"]]
    refuse_where(schedule, flux & ~real, "a waveform on a flux port must be real", lambda row: "imaginary samples")
    turned = (events["frequency"] != 0) | (events["phase"] != 0)
    turned |= (events["phase_slot"] != NONE) | (events["frequency_slot"] != NONE) | (events["phase_variable"] != NONE)
    refuse_where(
        schedule,
        flux & turned,
        "a play on a flux port has no carrier: frequency 0 and phase 0, without slots",
        lambda row: f"frequency {events['frequency'][row]} Hz, phase {events['phase'][row]} rad",
    )
