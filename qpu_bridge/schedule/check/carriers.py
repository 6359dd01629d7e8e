"""Rules for carriers: each in the range of its line, all of one oscillator within its reach."""

from __future__ import annotations

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.check.place import of_lines, place
from qpu_bridge.schedule.check.ranges import Bounds
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule


def check_carriers(schedule: Schedule, limits: Limits, bounds: Bounds) -> None:
    """Check the frequency of each event with its slot, and the spread over each oscillator."""
    events = schedule.events
    if not len(events):
        return
    ports = limits.ports
    slot, port = events["frequency_slot"], events["port"]
    low, high = bounds.known()
    lowest, highest = events["frequency"] + low[slot], events["frequency"] + high[slot]
    lines = of_lines(limits)
    least, most = lines["min_frequency"][port], lines["max_frequency"][port]
    for broken, value, bound in ((lowest < least, lowest, bounds.low), (highest > most, highest, bounds.high)):
        if np.count_nonzero(broken):
            row = int(np.argmax(broken))
            named = int(slot[row])
            which = bounds.where(named, bound[named])
            raise ScheduleError(
                f"a frequency on this port must be from {least[row]:.12g} Hz to {most[row]:.12g} Hz",
                given=f"{value[row]:.12g} Hz",
                where=place(schedule, row) + (f", {which}" if which else ""),
            )
    if highest.max() - lowest.min() <= lines["bandwidth"].min():
        return
    names = [limit.oscillator or f"port {limit.name}" for limit in ports]
    shared = sorted(set(names))
    group = np.array([shared.index(name) for name in names])[port]
    bottom, top = np.full(len(shared), np.inf), np.full(len(shared), -np.inf)
    np.minimum.at(bottom, group, lowest)
    np.maximum.at(top, group, highest)
    for index, name in enumerate(shared):
        reach = min(limit.bandwidth for limit, member in zip(ports, names, strict=True) if member == name)
        spread = float(top[index] - bottom[index])
        if spread > reach * (1 + 1e-12):
            row = int(np.argmax((group == index) & (highest == top[index])))
            raise ScheduleError(
                f"the carriers of one oscillator must lie within {reach:.12g} Hz",
                given=f"{spread:.12g} Hz",
                where=f"oscillator of {name}; highest: {place(schedule, row)}",
            )
