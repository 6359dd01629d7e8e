"""Readout tones that pass: what they drive in resonators of other qubits than the one that they read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qpu_bridge.schedule import Straight
from qpu_emulator.readout.field import Complex, Real, Tones
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.program import Program
from qpu_emulator.score.values import Values

_TAU = 2 * np.pi
_DARK = 1e-4
"""Fewer photons are none: in a microsecond they would turn a qubit by no more than 2e-3 rad."""


class Passing:
    """The tones that pass qubits which they do not read.

    Args:
        program: What is played.
        values: Numbers of every point.
        lanes: Of the run.
        scale: Factor on photons.
    """

    def __init__(self, program: Program, values: Values, lanes: Lanes, scale: float) -> None:
        self._program, self._values, self._lanes, self._scale = program, values, lanes, scale
        self._resonators = program.wiring.reading
        self._loud: dict[tuple[Straight, int], tuple[tuple[int, ...], Real, Complex]] = {}

    def through(self, block: Straight, chosen: Index) -> dict[int, Tones]:
        """The tones of a block for each qubit in whose resonator they make more than 1e-4 photons."""
        if not self._scale:
            return {}
        found = {}
        for qubit, rows in self._program.passing.get(block, {}).items():
            key = block, qubit
            if key not in self._loud:
                self._loud[key] = self._heard(qubit, rows)
            loud, edges, pieces = self._loud[key]
            if loud:
                found[qubit] = self._now(qubit, loud, edges, pieces, chosen)
        return found

    def _heard(self, qubit: int, rows: Sequence[int]) -> tuple[tuple[int, ...], Real, Complex]:
        """Those of some tones that count; the pieces of their envelopes."""
        program, resonator = self._program, self._resonators[qubit]
        events, schedule = program.events, program.schedule
        loud = []
        for row in rows:
            amplitude, frequency = (np.asarray(self._values.at_points(row, name)) for name in ("amplitude", "frequency"))
            rate = np.maximum(np.abs(frequency - resonator.frequency) - abs(resonator.chi), resonator.kappa / 2) * _TAU
            most = np.abs(schedule.waveforms[events["waveform"][row]].samples).max()
            if (self._scale * (resonator.drive * amplitude * most / rate) ** 2).max() > _DARK:
                loud.append(row)
        starts, envelopes = [], []
        for row in loud:
            envelope = schedule.waveforms[events["waveform"][row]]
            tick = float(schedule.ports[events["port"][row]].clock.dt)
            begin = events["start"][row] * program.tick
            starts.append(begin + np.concatenate([[0], np.cumsum(envelope.repeats)]) * tick)
            envelopes.append(np.append(envelope.samples, 0.0))
        edges = np.unique(np.concatenate(starts)) if loud else np.zeros(0)
        pieces = np.zeros((max(len(edges) - 1, 0), len(loud)), complex)
        for tone, (start, envelope) in enumerate(zip(starts, envelopes, strict=True)):
            place = np.searchsorted(start, edges[:-1], side="right") - 1
            pieces[:, tone] = np.where(place >= 0, envelope[place], 0.0) * resonator.drive
        return tuple(loud), edges, pieces

    def _now(self, qubit: int, loud: tuple[int, ...], edges: Real, pieces: Complex, chosen: Index) -> Tones:
        size = len(chosen)
        numbers = [
            [self._values.of(row, name, self._lanes, chosen) for row in loud] for name in ("amplitude", "phase", "frequency")
        ]
        amplitude, phase, frequency = (np.array([np.broadcast_to(one, size) for one in each]) for each in numbers)
        beat = _TAU * (frequency - self._resonators[qubit].frequency)
        begun = np.asarray(self._lanes.time[chosen] * self._program.tick, np.float64)
        return Tones(edges, pieces, np.sqrt(self._scale) * amplitude * np.exp(1j * phase), beat, begun)
