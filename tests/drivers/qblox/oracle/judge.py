"""Hold a program against its schedule: assembled by the vendor's binary, executed by q1simulator, compared sample by sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Operation, Schedule, Table, row_values, unroll
from qpu_drivers.qblox.allocation import Allocation, allocate
from qpu_drivers.qblox.compile import compile_schedule
from qpu_drivers.qblox.program import Program, SequencerProgram
from qpu_drivers.qblox.rack import Rack
from tests.drivers.qblox.oracle.expected import Outcome, turns
from tests.drivers.qblox.oracle.lab import RACK
from tests.drivers.qblox.oracle.loopback import Window, overhear
from tests.drivers.qblox.oracle.simulator import Place, play, sequencer, simulating, sockets

TOLERANCE = 1e-3
"""Of full scale, at every sample."""


@dataclass(frozen=True)
class Performance:
    """What was played.

    Attributes:
        flags: What sequencers complained of.
        sockets: (slot, output) -> what it emitted since the synchronisation, ``complex128[ns]``.
        acquired: (sequencer, acquisition) -> ns since the synchronisation and bin of each acquisition, in order.
        windows: Sequencer -> its acquisitions with the state of its oscillator, in order.
        acquisitions: Sequencer -> what the vendor's ``get_acquisitions`` gives.
    """

    flags: Mapping[Place, set[str]]
    sockets: Mapping[Place, NDArray[np.complex128]]
    acquired: Mapping[tuple[Place, int], list[tuple[int, int]]]
    windows: Mapping[Place, list[Window]]
    acquisitions: Mapping[Place, Mapping[str, Any]]


@dataclass(frozen=True)
class Piece:
    """A schedule with what the driver made of it.

    Attributes:
        schedule: The template.
        table: Rows.
        shots: Shots of each row and point.
        rep_delay: Wait after each shot, ns.
        allocation: Which sequencer plays what.
        program: What was compiled.
        options: The rack.
    """

    schedule: Schedule
    table: Table
    shots: int
    rep_delay: int
    allocation: Allocation
    program: Program
    options: Mapping[str, Any]


def compiled(schedule: Schedule, table: Table, shots: int, rep_delay: int, options: Mapping[str, Any] = RACK) -> Piece:
    """Compile all rows into one program."""
    rack = Rack.read(options, "lab")
    allocation = allocate(schedule, rack)
    program = compile_schedule(schedule, allocation, rack).program(table, shots, rep_delay)
    return Piece(schedule, table, shots, rep_delay, allocation, program, options)


def perform(
    piece: Piece,
    render_ns: int = 2_000_000,
    mock: Mapping[tuple[Place, str], Iterable[complex]] | None = None,
) -> Performance:
    """Play a program in a fresh simulator.

    Args:
        piece: The program.
        render_ns: How much of it is rendered.
        mock: (sequencer, acquisition) -> what its acquisitions measure, in the order of execution.
    """
    sequencers, modules = piece.program.sequencers, piece.options["modules"]
    places = [one.place for one in sequencers]
    with simulating(modules, render_ns) as cluster:
        for one in sequencers:
            _configure(sequencer(cluster, one.place), one)
            for socket in _outputs(piece, one.place):
                sequencer(cluster, one.place).connect_sequencer(socket)
        for (place, name), values in (mock or {}).items():
            sequencer(cluster, place).set_acquisition_mock_data([list(values)], name=name)
        windows = {place: overhear(sequencer(cluster, place)) for place in places}
        flags = play(cluster, places)
        acquired = {
            (place, index): [(int(time), int(where)) for time, where in times]
            for place in places
            for index, times in sequencer(cluster, place).rt_renderer.acq_times.items()
        }
        with np.errstate(invalid="ignore"):
            found = {p: sequencer(cluster, p).get_acquisitions(as_numpy=True) for p in places if modules[p[0]][:3] == "QRM"}
        return Performance(flags, {} if flags else sockets(cluster, places), acquired, windows, found)


def _outputs(piece: Piece, place: Place) -> list[str]:
    """The connection that the wiring asks for."""
    (own,) = (one for one in piece.allocation.sequencers if one.place == place)
    if own.output is None:
        return []
    spec = piece.options["wiring"][piece.schedule.ports[own.output].name]
    return ["out" + "_".join(map(str, np.atleast_1d(spec["output"])))]


def _configure(one: Any, program: SequencerProgram) -> None:
    """The settings of a sequencer, in the vendor's words."""
    one.sequence(program.sequence)
    settings = program.settings
    one.sync_en(True)
    one.mod_en_awg(settings.modulated)
    one.nco_freq(settings.frequency)
    for register, value in program.registers.items():
        one.set_register(f"R{register}", value)
    if hasattr(one, "integration_length_acq"):
        one.demod_en_acq(settings.modulated)
        if settings.integration_length is not None:
            one.integration_length_acq(settings.integration_length)
        if settings.discriminator is not None:
            # the simulator turns the other way than the modules do
            one.thresholded_acq_rotation(-np.rad2deg(settings.discriminator.angle) % 360)
            one.thresholded_acq_threshold(settings.discriminator.threshold)
        one.thresholded_acq_trigger_en(settings.sends is not None)
        if settings.sends is not None:
            one.thresholded_acq_trigger_address(settings.sends)
    for address in settings.listens:
        one.set_trigger_thresholding(address, 1, False)


def worst(piece: Piece, got: Performance, wanted: Mapping[str, NDArray[np.complex128]], render_ns: int | None = None) -> float:
    """Largest distance between what was emitted and what must be, over all samples of all sockets, in full scales.

    Args:
        piece: What was compiled.
        got: What was emitted.
        wanted: Line -> what must be, from the first shot on.
        render_ns: Compare no more than so many ns.
    """
    lead, most = piece.program.lead_in, 0.0
    for line, signal in wanted.items():
        spec = piece.options["wiring"][line]
        for k, output in enumerate(np.atleast_1d(spec["output"]).tolist()):
            iq = piece.options["modules"][spec["slot"]].endswith("RF")
            must = signal if iq else [signal.real, signal.imag][k].astype(complex)
            there = got.sockets.get((spec["slot"], output), np.zeros(0, complex))
            both = np.zeros((2, max(len(there), lead + len(must))), complex)
            both[0, : len(there)] = there
            both[1, lead : lead + len(must)] = must
            most = max(most, float(np.abs(both[0] - both[1])[:render_ns].max()))
    return most


def captures(piece: Piece, outcome: Outcome = lambda turn: {}) -> dict[tuple[Place, int], list[tuple[int, int]]]:
    """When each acquisition must happen, and into which bin its result goes: by schedule, wiring and `Program.sites`.

    The instant is the schedule's; of the driver's own words only the number of the bin is believed, which `injected` proves.
    """
    sites = {site.event: site for site in piece.program.sites}
    found: dict[tuple[Place, int], list[tuple[int, int]]] = {(s.place, s.acquisition): [] for s in sites.values()}
    bins = {event: site.bins(piece.program.shape) for event, site in sites.items()}
    now = piece.program.lead_in
    for turn in turns(piece.schedule, len(piece.table), piece.shots):
        row, point, shot = turn
        played = unroll(piece.schedule, row_values(piece.schedule, row, piece.table, point), outcome(turn))
        for event, index in zip(played.events, played.rows.tolist(), strict=True):
            if event["operation"] == Operation.CAPTURE:
                site, line = sites[index], piece.schedule.ports[event["port"]].name
                time = now + int(event["start"]) + piece.options["wiring"][line].get("time_of_flight", 0)
                found[site.place, site.acquisition].append((time, int(bins[index][(row, *point, shot)])))
        now += played.duration + piece.rep_delay
    return {key: sorted(times) for key, times in found.items()}
