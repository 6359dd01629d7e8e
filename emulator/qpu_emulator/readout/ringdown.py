"""What a measurement on the way leaves in its resonator, and what the next capture gets of it."""

from __future__ import annotations

import numpy as np

from qpu_emulator.chip.device import Device
from qpu_emulator.readout.afterglow import left
from qpu_emulator.readout.field import Complex
from qpu_emulator.readout.measured import Turn
from qpu_emulator.score.actions import Action
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.program import Program
from qpu_emulator.score.values import Values

_TAU = 2 * np.pi
NO_FIELD = np.zeros(0, complex)


class RingDown:
    """Fields between the measurements of a run.

    Args:
        program: What is played.
        device: The chip.
        values: The run's numbers.
        lanes: Of the run; their `Afterglow` holds the fields.
        scale: Factor on photons.
    """

    def __init__(self, program: Program, device: Device, values: Values, lanes: Lanes, scale: float) -> None:
        self._program = program
        self._device = device
        self._values = values
        self._lanes = lanes
        self._scale = scale

    def keep(self, action: Action, plays: list[int], lanes: Index, before: Index, after: Index) -> None:
        """Keep the field that is in the resonator when a measurement ends: that of the level in which the qubit is left.

        Args:
            action: The measurement.
            plays: Rows of its tones.
            lanes: In which it was.
            before: ``int[lanes]``, level in which the qubit was found.
            after: ``int[lanes]``, level in which it is left.
        """
        (qubit,), glow = action.qubits, self._lanes.glow
        if qubit not in glow.places:
            return
        schedule, events, tick = self._program.schedule, self._program.events, self._program.tick
        resonator, seconds = self._device.resonators[action.where], (action.stop - action.start) * tick
        now = np.asarray((self._lanes.time[lanes] + action.stop) * tick, np.float64)
        field = glow.arriving(qubit, lanes, before, now)
        for play in plays:
            tone, dt = schedule.waveforms[events["waveform"][play]], float(schedule.ports[events["port"][play]].clock.dt)
            amplitude, frequency, phase = (
                np.broadcast_to(self._values.of(play, name, self._lanes, lanes), len(lanes))
                for name in ("amplitude", "frequency", "phase")
            )
            begin = (events["start"][play] - action.start) * tick
            few, which = np.unique(frequency, return_inverse=True)
            fields = np.array([left(resonator, tone, dt, begin, float(one), seconds) for one in few])[which.ravel()]
            turned = np.exp(1j * (phase - _TAU * ((frequency - resonator.frequency) * now)))
            field = field + np.sqrt(self._scale) * amplitude * turned * fields[np.arange(len(lanes)), after]
        glow.light(qubit, lanes, field, after, now)

    def signal(self, action: Action, capture: int, turn: Turn, level: Index) -> Complex:
        """What a capture gets of the field that the last measurement has left, ``complex[shots]``; empty if there is none.

        Args:
            action: The measurement.
            capture: Row.
            turn: In which it is.
            level: ``int[shots]``, in which the qubit is found.
        """
        (qubit,), glow = action.qubits, self._lanes.glow
        if not glow.shines(qubit, turn.chosen):
            return NO_FIELD
        resonator = self._device.resonators[action.where]
        frequency, phase = (self._values.of(capture, name, self._lanes, turn.chosen) for name in ("frequency", "phase"))
        start = np.asarray((turn.begun + action.start) * self._program.tick, np.float64)
        field = glow.arriving(qubit, turn.chosen[turn.where], level, start[turn.where])
        turned = np.exp(1j * (resonator.cable_phase - phase - _TAU * (resonator.frequency - frequency) * start))
        return np.asarray(resonator.gain * turned[turn.where] * field)
