"""Dynamical decoupling: fill the idle windows of a schedule with pulses that add up to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import lcm

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import (
    EVENT,
    NONE,
    Block,
    Body,
    Branch,
    Frame,
    Linear,
    Operation,
    Port,
    Repeat,
    Rows,
    Schedule,
    Shots,
    Straight,
    Waveform,
    While,
)
from qpu_bridge.suppression.options import DecouplingOptions
from qpu_bridge.suppression.placement import place
from qpu_bridge.suppression.window import NEVER, looped, windows
from qpu_bridge.target import Curve, GateSpec, Snapshot, waveform
from qpu_bridge.units import Clock

PHASES: dict[str, tuple[float, ...]] = {
    "XX": (0.0, 0.0),
    "XpXm": (0.0, np.pi),
    "XY4": (0.0, np.pi / 2, np.pi, -np.pi / 2),
}
"""Phase of each pulse, rad: 0 is +X, pi/2 is +Y, pi is -X."""

RESET = 2
"""Kind of an interval that belongs to a reset (`lowering.Busy.RESET`; the two rooms do not know each other)."""


def decouple(
    schedule: Schedule, occupancy: NDArray[np.void], snapshot: Snapshot, options: DecouplingOptions | None = None
) -> Schedule:
    """Put a decoupling sequence into every idle window that is long enough.

    A window ends where its straight block ends, so that no sequence reaches across a branch. Sequences are the identity
    whatever the virtual Z of the qubit, so their phases are constants. A qubit is left alone after its last operation, inside a
    reset, and if it has no calibrated ``x``.

    Args:
        schedule: What to fill.
        occupancy: When the used qubits are busy: fields ``qubit, block, start, stop, kind``, times in ticks of the block.
        snapshot: The machine.
        options: Choices of the caller.

    Returns:
        The schedule with the sequences in it; slots, columns and the length of every block are unchanged.
    """
    options = options or DecouplingOptions()
    if not len(occupancy):
        return schedule
    straights = schedule.straight_blocks()
    idle = windows(occupancy, straights)
    again = np.array(looped(schedule.body), dtype=np.bool_)
    idle = idle[(idle["after"] != NEVER) | again[idle["block"]]]
    idle = idle[(idle["before"] != RESET) | (idle["after"] != RESET)]
    if options.skip_reset_qubits:
        idle = idle[(idle["before"] != NEVER) & (idle["before"] != RESET)]
    pulses = _Pulses(schedule, snapshot, np.unique(idle["qubit"]).tolist())
    idle = idle[pulses.exists[idle["qubit"]]]
    alignment = lcm(snapshot.timing.granularity, options.alignment)
    phases = PHASES[options.sequence_type]
    begin = -(-idle["start"] // alignment) * alignment
    starts, fits = place(
        idle["stop"] - begin, pulses.duration[idle["qubit"]], len(phases), alignment, options.extra_slack_distribution
    )
    idle, begin, starts = idle[fits], begin[fits], starts[fits]
    if not len(idle):
        return schedule
    times = (begin[:, None] + starts).ravel()
    each = np.repeat(np.arange(len(idle)), len(phases))
    added = pulses.events(idle["qubit"][each], times, np.tile(phases, len(idle)))
    block = idle["block"][each]
    return _merge(schedule, straights, added.ravel(), np.repeat(block, added.shape[1]), pulses)


@dataclass(slots=True)
class _Play:
    start: int
    duration: int
    frame: int
    waveform: int
    amplitude: float
    phase: float


class _Pulses:
    """The calibrated x of each qubit, as events; grows the schedule's tables by what it needs."""

    def __init__(self, schedule: Schedule, snapshot: Snapshot, qubits: list[int]) -> None:
        self.ports: dict[str, int] = {port.name: index for index, port in enumerate(schedule.ports)}
        self.frames: dict[str, int] = {frame.name: index for index, frame in enumerate(schedule.frames)}
        self.waveforms: dict[Waveform, int] = {wave: index for index, wave in enumerate(schedule.waveforms)}
        self.all_ports, self.all_frames = list(schedule.ports), list(schedule.frames)
        self.snapshot, self.clock = snapshot, snapshot.clock
        self.shapes: dict[str, int] = {}
        self.lengths: dict[str, int] = {}
        gates = {qubit: snapshot.gate("x", qubit) for qubit in qubits}
        found = {qubit: gate for qubit, gate in gates.items() if gate is not None and gate.pulses}
        width = max((len(gate.pulses) for gate in found.values()), default=0)
        self.exists = np.zeros(len(snapshot.qubits), np.bool_)
        self.duration = np.ones(len(snapshot.qubits), np.int64)
        self.plays = np.zeros((len(snapshot.qubits), width), EVENT)
        for name in ("amplitude_slot", "phase_slot", "frequency_slot", "phase_variable", "column"):
            self.plays[name] = NONE
        for qubit, gate in found.items():
            plays = list(self._plays(gate))
            if len(plays) != width:
                continue
            self.exists[qubit] = True
            self.duration[qubit] = gate.duration
            for index, play in enumerate(plays):
                row = self.plays[qubit : qubit + 1, index]
                row["start"], row["duration"], row["operation"] = play.start, play.duration, Operation.PLAY
                row["frame"], row["waveform"] = play.frame, play.waveform
                row["port"] = self.all_frames[play.frame].port
                row["amplitude"], row["phase"] = play.amplitude, play.phase
                row["frequency"] = self.all_frames[play.frame].frequency

    def events(self, qubit: NDArray[np.int32], start: NDArray[np.int64], phase: NDArray[np.float64]) -> NDArray[np.void]:
        """``EVENT[sequence pulses, plays per pulse]``."""
        found = self.plays[qubit]
        found["start"] += start[:, None]
        turned = found["phase"] + phase[:, None]
        found["phase"] = np.pi - np.mod(np.pi - turned, 2 * np.pi)
        return found

    def _plays(self, gate: GateSpec) -> Iterator[_Play]:
        for pulse in gate.pulses:
            if isinstance(pulse.amplitude, Curve):
                return
            frame = self._frame(pulse.frame)
            wave = self._waveform(pulse.waveform)
            clock = self.all_ports[self.all_frames[frame].port].clock
            ticks = self.clock.ticks_covering(clock, self.lengths[pulse.waveform])
            yield _Play(pulse.start, ticks, frame, wave, pulse.amplitude, pulse.phase)

    def _frame(self, name: str) -> int:
        if name not in self.frames:
            spec = self.snapshot.frame(name)
            if spec.port not in self.ports:
                line = self.snapshot.port(spec.port)
                self.ports[spec.port] = len(self.all_ports)
                self.all_ports.append(Port(line.name, line.kind, Clock(line.dt)))
            self.frames[name] = len(self.all_frames)
            self.all_frames.append(Frame(name, self.ports[spec.port], spec.frequency))
        return self.frames[name]

    def _waveform(self, name: str) -> int:
        if name not in self.shapes:
            shape = waveform(self.snapshot.waveforms[name])
            self.lengths[name] = shape.duration
            self.shapes[name] = self.waveforms.setdefault(shape, len(self.waveforms))
        return self.shapes[name]


def _merge(
    schedule: Schedule, straights: list[Straight], added: NDArray[np.void], block: NDArray[np.int32], pulses: _Pulses
) -> Schedule:
    """Put events into their blocks, in order of start; at the same tick they come after what was there."""
    counts = [straight.last - straight.first for straight in straights]
    rows = np.concatenate([np.arange(straight.first, straight.last) for straight in straights])
    events = np.concatenate([schedule.events[rows], added])
    home = np.concatenate([np.repeat(np.arange(len(straights)), counts), block])
    order = np.lexsort((events["start"], home))
    edges = np.searchsorted(home[order], np.arange(len(straights) + 1)).tolist()
    moved = iter([replace(straight, first=edges[k], last=edges[k + 1]) for k, straight in enumerate(straights)])
    return replace(
        schedule,
        ports=tuple(pulses.all_ports),
        frames=tuple(pulses.all_frames),
        waveforms=tuple(pulses.waveforms),
        events=events[order],
        body=_rebuilt(schedule.body, moved),
    )


def _rebuilt(body: Body, straights: Iterator[Straight]) -> Body:
    """The same tree with other straight blocks, taken in playing order."""
    found: list[Block] = []
    for block in body:
        if isinstance(block, Straight):
            found.append(next(straights))
        elif isinstance(block, Branch):
            then = _rebuilt(block.then, straights)
            found.append(Branch(block.condition, then, _rebuilt(block.otherwise, straights)))
        elif isinstance(block, Repeat | While | Shots | Rows | Linear):
            found.append(replace(block, body=_rebuilt(block.body, straights)))
        else:
            found.append(block)
    return tuple(found)
