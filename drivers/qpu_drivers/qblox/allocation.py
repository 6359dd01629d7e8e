"""Which sequencer of which module plays which carriers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import PortKind, Schedule
from qpu_drivers.qblox.hardware import SEQUENCERS, SHORTEST
from qpu_drivers.qblox.program import Place
from qpu_drivers.qblox.rack import ModuleKind, Rack


@dataclass(frozen=True, slots=True)
class Sequencer:
    """A sequencer, and what it is for.

    Attributes:
        place: Slot and number.
        kind: Its module.
        output: Port of the schedule that it emits on, or None.
        input: Port of the schedule that it listens to, or None.
        frames: Carriers that it plays and captures.
        frequency: Their rest frequency, Hz.
        oscillator: What is added to its own oscillator's frequency behind it, Hz.
        time_of_flight: By how much later its acquisitions begin than the schedule says, ns.
        flux: Whether it plays real levels without a carrier, on path I alone.
    """

    place: Place
    kind: ModuleKind
    output: int | None
    input: int | None
    frames: tuple[int, ...]
    frequency: float
    oscillator: float
    time_of_flight: int = 0
    flux: bool = False


@dataclass(frozen=True, slots=True)
class Allocation:
    """All sequencers of a schedule, in the order of their places."""

    sequencers: tuple[Sequencer, ...]
    of_frame: dict[int, Place]


def allocate(schedule: Schedule, rack: Rack) -> Allocation:
    """Give each carrier a sequencer of the module that its line is wired to.

    A carrier that is emitted and one of the same frequency that is captured share a sequencer of a readout module, and so
    its oscillator, where no play and capture of theirs begin within 4 ns of each other.

    Raises:
        ScheduleError: If a line is not wired as its kind asks, or a module has too few sequencers.
    """
    used = sorted(set(schedule.events["frame"].tolist()))
    for port in {schedule.frames[frame].port for frame in used}:
        _check_wiring(schedule, port, rack)
    free: dict[int, int] = {}
    found: list[Sequencer] = []
    for group in _groups(schedule, used, rack):
        lines = [schedule.frames[frame].port for frame in group]
        out = next((k for k in lines if schedule.ports[k].kind is not PortKind.ACQUIRE), None)
        heard = next((k for k in lines if schedule.ports[k].kind is PortKind.ACQUIRE), None)
        name = schedule.ports[lines[0]].name
        slot = rack.wiring[name].slot
        number = free.get(slot, 0)
        if number == SEQUENCERS:
            raise ScheduleError(
                f"a module has {SEQUENCERS} sequencers, one for each carrier (a readout tone and its capture share one)",
                given=f"more carriers on slot {slot}",
                where=f"frame {schedule.frames[group[0]].name}",
            )
        free[slot] = number + 1
        found.append(
            Sequencer(
                place=(slot, number),
                kind=rack.kind(name),
                output=out,
                input=heard,
                frames=group,
                frequency=schedule.frames[group[0]].frequency,
                oscillator=rack.oscillator(name),
                time_of_flight=0 if heard is None else rack.wiring[schedule.ports[heard].name].time_of_flight,
                flux=schedule.ports[lines[0]].kind is PortKind.FLUX,
            )
        )
    found.sort(key=lambda one: one.place)
    return Allocation(tuple(found), {frame: one.place for one in found for frame in one.frames})


def _check_wiring(schedule: Schedule, port: int, rack: Rack) -> None:
    line = schedule.ports[port]
    if line.name not in rack.wiring:
        raise ScheduleError("a line must be wired in the rack file", given="no entry", where=f"port {line.name}")
    spec, kind = rack.wiring[line.name], rack.kind(line.name)
    if spec.listens != (line.kind is PortKind.ACQUIRE):
        side = "input" if line.kind is PortKind.ACQUIRE else "output"
        raise ScheduleError(f"a line of kind {line.kind} must be wired to an {side}", given=str(spec), where=f"port {line.name}")
    pair = kind.rf or len(spec.sockets) == 2
    if line.kind is PortKind.FLUX and pair:
        raise ScheduleError(
            "a flux line must be wired to one baseband output", given=f"a pair of a {kind}", where=f"port {line.name}"
        )
    if line.kind is not PortKind.FLUX and not pair:
        raise ScheduleError(
            "a line with a carrier must be wired to an RF socket or to an I/Q pair",
            given=f"one socket of a {kind}",
            where=f"port {line.name}",
        )


def _groups(schedule: Schedule, used: list[int], rack: Rack) -> list[tuple[int, ...]]:
    """Frames that share a sequencer, each with its capture."""
    heard = [frame for frame in used if schedule.ports[schedule.frames[frame].port].kind is PortKind.ACQUIRE]
    groups: list[tuple[int, ...]] = []
    for frame in [frame for frame in used if frame not in heard]:
        partner = next((other for other in heard if _shareable(schedule, frame, other, rack)), None)
        if partner is not None:
            heard.remove(partner)
        groups.append((frame,) if partner is None else (frame, partner))
    return groups + [(frame,) for frame in heard]


def _shareable(schedule: Schedule, tone: int, receiver: int, rack: Rack) -> bool:
    sent, got = schedule.frames[tone], schedule.frames[receiver]
    names = schedule.ports[sent.port].name, schedule.ports[got.port].name
    if sent.frequency != got.frequency or rack.wiring[names[0]].slot != rack.wiring[names[1]].slot:
        return False
    if rack.oscillator(names[0]) != rack.oscillator(names[1]):
        return False
    delay = rack.wiring[names[1]].time_of_flight
    for block in schedule.straight_blocks():
        events = schedule.events[block.first : block.last]
        plays = events[events["frame"] == tone]
        captures = events[events["frame"] == receiver]
        apart = plays["start"][:, None] - (captures["start"] + delay)[None, :]
        if (abs(apart) < SHORTEST).any():
            return False
        for name in ("frequency", "frequency_slot"):
            if len(np.unique(np.concatenate([plays[name], captures[name]]))) > 1:
                return False
    return True
