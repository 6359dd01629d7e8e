"""What a capture hears of the tones of a measurement, through the resonator between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Operation, Waveform
from qpu_emulator.readout.resonator import Listening, Response, respond
from qpu_emulator.score.actions import Action
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.program import Program
from qpu_emulator.score.values import Number, Values
from qpu_emulator.windows.library import Library

_TAU = 2 * np.pi
_NOTHING: Number = 0.0
_SILENCE = Waveform(np.ones(1, complex), np.ones(1, np.int64))


@dataclass(frozen=True, slots=True)
class Heard:
    """What a capture hears: response and complex strength of each tone in each lane, and the capture's sample in s."""

    entry: NDArray[np.int64]
    factor: NDArray[np.complex128]
    responses: list[Response]
    dt: float


class Ear:
    """The responses that a run needs, each solved once for a device.

    Args:
        program: What is played.
        library: Of the device.
        values: The run's numbers.
        lanes: Of the run.
    """

    def __init__(self, program: Program, library: Library, values: Values, lanes: Lanes) -> None:
        self._program = program
        self._library = library
        self._values = values
        self._lanes = lanes
        self._events = program.events
        self._samples = program.schedule.samples
        self._tick = float(program.schedule.clock.dt)
        self._dt = [float(port.clock.dt) for port in program.schedule.ports]

    def listen(self, action: Action, capture: int, origin: int, chosen: Index) -> Heard:
        """What of a measurement's tones comes from its resonator into a capture; no tone is one of strength 0.

        Args:
            action: Has the tones and the resonator.
            capture: Perhaps of another measurement.
            origin: Tick from which the responses count.
            chosen: Lanes.
        """
        schedule, lanes = self._program.schedule, self._lanes
        events, tick = self._events, self._tick
        dt = self._dt[events["port"][capture]]
        kernel = events["waveform"][capture]
        count = int(self._samples[capture])
        heard = self._values.of(capture, "frequency", lanes, chosen)
        plays = [row for row in action.events if events["operation"][row] == Operation.PLAY] or [-1]
        shape, responses = (len(plays), len(chosen)), list[Response]()
        entry, factor = np.empty(shape, np.int64), np.empty(shape, np.complex128)
        for number, play in enumerate(plays):
            if play < 0:
                tone, tone_dt, tone_start = _SILENCE, dt, 0.0
                frequency, amplitude, phase = heard, _NOTHING, _NOTHING
            else:
                tone = schedule.waveforms[events["waveform"][play]]
                tone_dt = self._dt[events["port"][play]]
                tone_start = (events["start"][play] - origin) * tick
                frequency = self._values.of(play, "frequency", lanes, chosen)
                amplitude = self._values.of(play, "amplitude", lanes, chosen)
                phase = self._values.of(play, "phase", lanes, chosen)
            if isinstance(frequency, np.ndarray) or isinstance(heard, np.ndarray):
                pairs = np.stack(np.broadcast_arrays(frequency, heard), axis=1)
                unlike, which = np.unique(pairs, axis=0, return_inverse=True)
                both = unlike.tolist()
                entry[number] = which.ravel() + len(responses)
            else:
                both = [(frequency, heard)]
                entry[number] = len(responses)
            for tone_frequency, capture_frequency in both:
                listening = Listening(
                    tone,
                    tone_dt,
                    tone_start,
                    tone_frequency,
                    None if kernel < 0 else schedule.waveforms[kernel],
                    dt,
                    (events["start"][capture] - origin) * tick,
                    count,
                    capture_frequency,
                )
                responses.append(self._response(action.where, listening))
            phase = phase - self._values.of(capture, "phase", lanes, chosen)
            if len(both) > 1 or both[0][0] != both[0][1]:
                phase = phase + _TAU * (heard - frequency) * np.asarray((lanes.time[chosen] + origin) * tick, np.float64)
            factor[number] = amplitude * np.exp(1j * phase)
        return Heard(entry, factor, responses, dt)

    def _response(self, where: int, listening: Listening) -> Response:
        key = (where, listening)
        found = self._library.responses.get(key)
        if found is None:
            found = self._library.responses[key] = respond(self._library.device.resonators[where], listening)
        return found
