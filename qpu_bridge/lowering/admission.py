"""The last look at a template before it is handed on: sizes, and what the device can do in real time."""

from __future__ import annotations

from qpu_bridge.errors import TooLarge, UnsupportedOption
from qpu_bridge.schedule import (
    Assign,
    Body,
    Branch,
    Feature,
    Limits,
    Repeat,
    Schedule,
    Straight,
    While,
    asks_one_bit,
    children,
    walk,
)
from qpu_bridge.target import Snapshot


def admit(schedule: Schedule, snapshot: Snapshot, limits: Limits | None) -> None:
    """Check length, counts and real-time features.

    Raises:
        TooLarge: If the shot is too long or the template has too many events or columns.
        UnsupportedOption: If the device lacks a feature that the circuit needs.
    """
    dt = float(snapshot.timing.dt)
    seconds = longest(schedule.realtime) * dt
    if seconds > snapshot.timing.max_circuit_duration:
        raise TooLarge(
            f"a shot must last at most {snapshot.timing.max_circuit_duration:.6g} s on this device", given=f"{seconds:.6g} s"
        )
    if limits is None:
        return
    for name, most, count in (
        ("ticks", limits.max_duration, longest(schedule.realtime)),
        ("events", limits.max_events, len(schedule.events)),
        ("columns", limits.max_columns, len(schedule.columns)),
    ):
        if count > most:
            raise TooLarge(f"a circuit must need at most {most} {name} on this device", given=count)
    for feature, what in needs(schedule).items():
        if feature not in limits.features:
            raise UnsupportedOption(f"this device cannot do {what}", given=f"a circuit that needs the feature {feature.value!r}")


def needs(schedule: Schedule) -> dict[Feature, str]:
    """Features of real-time control that a schedule uses, each with a phrase for people."""
    found: dict[Feature, str] = {}
    if schedule.variables:
        found[Feature.EXPRESSION] = "real-time variables"
    for block in walk(schedule.realtime):
        if isinstance(block, Branch):
            found[Feature.BRANCH] = "branches on measured bits"
            if not asks_one_bit(block.condition):
                found[Feature.EXPRESSION] = "branches on classical expressions"
        elif isinstance(block, Repeat):
            found[Feature.LOOP] = "real-time loops"
        elif isinstance(block, While):
            found[Feature.WHILE] = "real-time loops with a condition"
            found[Feature.EXPRESSION] = "classical expressions"
        elif isinstance(block, Assign):
            found[Feature.EXPRESSION] = "real-time variables"
    return found


def longest(body: Body) -> int:
    """Ticks of a body at most, swept waits not counted and loops with a condition counted once."""
    total = 0
    for block in body:
        if isinstance(block, Straight):
            total += block.duration
        else:
            total += getattr(block, "count", 1) * max((longest(inner) for inner in children(block)), default=0)
    return total
