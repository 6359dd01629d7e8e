"""The calibrated x of each qubit, as events ready to be copied; compiled once per snapshot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import EVENT, NONE, Frame, Operation, Port, Schedule, Waveform
from qpu_bridge.target import Curve, GateSpec, Snapshot, waveform
from qpu_bridge.units import Clock


@dataclass(frozen=True, slots=True)
class Pulses:
    """The x of every qubit; frames and waveforms are numbered as in the snapshot.

    Attributes:
        snapshot: Whose pulses.
        exists: ``bool[qubits]``, where there is a calibrated x.
        duration: ``int64[qubits]``, ticks of x.
        plays: ``EVENT[qubits, plays]``, starts counted from the start of the x.
        waveforms: The snapshot's envelopes, in its order.
    """

    snapshot: Snapshot
    exists: NDArray[np.bool_]
    duration: NDArray[np.int64]
    plays: NDArray[np.void]
    waveforms: tuple[Waveform, ...]

    def events(self, qubit: NDArray[np.int32], start: NDArray[np.int64], phase: NDArray[np.float64]) -> NDArray[np.void]:
        """Events ``[pulses, plays]`` of pulses at times (ticks) and phases (rad)."""
        found = self.plays[qubit]
        found["start"] += start[:, None]
        found["phase"] = np.pi - np.mod(np.pi - (found["phase"] + phase[:, None]), 2 * np.pi)
        return found


_KEPT: dict[int, Pulses] = {}
_MOST_KEPT = 8


def pulses_of(snapshot: Snapshot) -> Pulses:
    """The x pulses of a snapshot; compiled once for each of the last few snapshot objects."""
    found = _KEPT.get(id(snapshot))
    if found is None:
        found = _compile(snapshot)
        while len(_KEPT) >= _MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)
        # what is kept holds the snapshot, so its id stays taken as long as the key stands
        _KEPT[id(snapshot)] = found
    return found


def _compile(snapshot: Snapshot) -> Pulses:
    frame_index = {frame.name: index for index, frame in enumerate(snapshot.frames)}
    wave_index = {name: index for index, name in enumerate(snapshot.waveforms)}
    waveforms = tuple(waveform(shape) for shape in snapshot.waveforms.values())
    size = len(snapshot.qubits)
    gates = [snapshot.gate("x", qubit) for qubit in range(size)]
    width = max((len(gate.pulses) for gate in gates if gate is not None), default=0)
    plays = np.zeros((size, width), EVENT)
    for name in ("amplitude_slot", "phase_slot", "frequency_slot", "phase_variable", "column"):
        plays[name] = NONE
    exists, duration = np.zeros(size, np.bool_), np.ones(size, np.int64)
    for qubit, gate in enumerate(gates):
        if gate is None or not _plain(gate, width):
            continue
        exists[qubit], duration[qubit] = True, gate.duration
        for index, pulse in enumerate(gate.pulses):
            frame, wave = snapshot.frame(pulse.frame), wave_index[pulse.waveform]
            row = plays[qubit : qubit + 1, index]
            row["start"], row["operation"] = pulse.start, Operation.PLAY
            row["duration"] = snapshot.ticks(frame.port, waveforms[wave].duration)
            row["frame"], row["waveform"] = frame_index[pulse.frame], wave
            row["amplitude"], row["phase"], row["frequency"] = pulse.amplitude, pulse.phase, frame.frequency
    return Pulses(snapshot, exists, duration, plays, waveforms)


def _plain(gate: GateSpec, width: int) -> bool:
    """Whether a gate can stand for itself: pulses of fixed amplitude, as many as on the other qubits."""
    return len(gate.pulses) == width and not any(isinstance(pulse.amplitude, Curve) for pulse in gate.pulses)


@dataclass(frozen=True, slots=True)
class Tables:
    """A schedule's tables, with what new events need added at the end."""

    ports: tuple[Port, ...]
    frames: tuple[Frame, ...]
    waveforms: tuple[Waveform, ...]


def adopt(schedule: Schedule, pulses: Pulses, events: NDArray[np.void]) -> Tables:
    """Point events at a schedule's tables instead of the snapshot's (in place), adding what is missing there."""
    snapshot = pulses.snapshot
    ports, frames, waves = list(schedule.ports), list(schedule.frames), list(schedule.waveforms)
    port_of = {port.name: index for index, port in enumerate(ports)}
    frame_of = {frame.name: index for index, frame in enumerate(frames)}
    wave_of = {wave: index for index, wave in enumerate(waves)}
    place = np.zeros(len(snapshot.frames), np.int64)
    for index in np.flatnonzero(np.bincount(events["frame"])).tolist():
        spec = snapshot.frames[index]
        if spec.name not in frame_of:
            if spec.port not in port_of:
                line = snapshot.port(spec.port)
                port_of[spec.port] = len(ports)
                ports.append(Port(line.name, line.kind, Clock(line.dt)))
            frame_of[spec.name] = len(frames)
            frames.append(Frame(spec.name, port_of[spec.port], spec.frequency))
        place[index] = frame_of[spec.name]
    shape = np.zeros(len(pulses.waveforms), np.int64)
    for index in np.flatnonzero(np.bincount(events["waveform"])).tolist():
        wave = pulses.waveforms[index]
        if wave not in wave_of:
            wave_of[wave] = len(waves)
            waves.append(wave)
        shape[index] = wave_of[wave]
    events["frame"] = place[events["frame"]]
    events["port"] = np.array([frame.port for frame in frames])[events["frame"]]
    events["waveform"] = shape[events["waveform"]]
    return Tables(tuple(ports), tuple(frames), tuple(waves))
