"""What a capture hears of the tones of a measurement, through the resonator between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Operation, Waveform
from qpu_emulator.chip.device import Resonator
from qpu_emulator.readout.resonator import Listening, Response, loudest, noise, respond_each
from qpu_emulator.score.actions import Action
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.program import Program
from qpu_emulator.score.values import Number, Values
from qpu_emulator.windows.library import Library

_TAU = 2 * np.pi
_NOTHING: Number = 0.0
_SILENCE = Waveform(np.ones(1, complex), np.ones(1, np.int64))
_ARRAYS = ("gathered", "field", "ringing", "tails")


@dataclass(frozen=True, slots=True)
class Heard:
    """What a capture hears.

    Attributes:
        resonator: Index of what the tones come through.
        tones: Each tone, with its frequencies and those of the capture that differ, ``float[n, 2]`` in Hz.
        entry: ``int[tones, lanes]``, which of these, of all tones one after the other.
        factor: ``complex[tones, lanes]``, amplitude and phase.
    """

    resonator: int
    tones: tuple[tuple[Listening, NDArray[np.float64]], ...]
    entry: NDArray[np.int64]
    factor: NDArray[np.complex128]

    @property
    def dt(self) -> float:
        """Sample of the capture, s."""
        return self.tones[0][0].dt


class Ear:
    """The responses that a run needs; of tones that are not swept each is solved once for a device.

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
        shape, tones, known = (len(plays), len(chosen)), [], 0
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
                entry[number] = which.ravel() + known
            else:
                unlike = np.array([[frequency, heard]])
                entry[number] = known
            listening = Listening(
                tone,
                tone_dt,
                tone_start,
                float(unlike[0, 0]),
                None if kernel < 0 else schedule.waveforms[kernel],
                dt,
                (events["start"][capture] - origin) * tick,
                count,
                float(unlike[0, 1]),
            )
            known += len(unlike)
            tones.append((listening, unlike))
            phase = phase - self._values.of(capture, "phase", lanes, chosen)
            if len(unlike) > 1 or unlike[0, 0] != unlike[0, 1]:
                phase = phase + _TAU * (heard - frequency) * np.asarray((lanes.time[chosen] + origin) * tick, np.float64)
            factor[number] = amplitude * np.exp(1j * phase)
        return Heard(action.where, tuple(tones), entry, factor)

    def loudness(self, heard: Heard) -> float:
        """Largest magnitude of what is heard, in units of the capture's noise."""
        resonator = self._through(heard)
        strength = np.abs(heard.factor).max()
        return max(loudest(resonator, *tone) for tone in heard.tones) * float(strength) / noise(resonator, heard.tones[0][0])

    def response(self, heard: Heard) -> Response:
        """Of all tones and their frequencies, one after the other."""
        found = [self._respond(heard, *tone) for tone in heard.tones]
        if len(found) == 1:
            return found[0]
        gathered, field, ringing, tails = (np.concatenate([getattr(one, name) for one in found]) for name in _ARRAYS)
        return replace(found[0], gathered=gathered, field=field, ringing=ringing, tails=tails)

    def _respond(self, heard: Heard, listening: Listening, frequencies: NDArray[np.float64]) -> Response:
        if len(frequencies) > 1:
            # nobody will ask for just these again
            return respond_each(self._through(heard), listening, frequencies)
        key = (heard.resonator, listening)
        found = self._library.responses.get(key)
        if found is None:
            found = self._library.responses[key] = respond_each(self._through(heard), listening, frequencies)
        return found

    def _through(self, heard: Heard) -> Resonator:
        return self._library.device.resonators[heard.resonator]
