"""What a capture gets of the tones of a measurement, through the resonator between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import NONE, Operation, Waveform
from qpu_emulator.chip.device import Resonator
from qpu_emulator.readout.resonator import Probe, Response, loudest, noise, respond_each
from qpu_emulator.score.actions import Action
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.program import Program
from qpu_emulator.score.values import Number, Values
from qpu_emulator.windows.library import Library

_TAU = 2 * np.pi
_SILENCE = Waveform(np.ones(1, complex), np.ones(1, np.int64))
_ARRAYS = ("gathered", "field", "ringing", "tails")


@dataclass(frozen=True, slots=True)
class CaptureSignal:
    """What a capture gets.

    Attributes:
        resonator: Index of the resonator that the tones come through.
        tones: Each tone, and the different frequencies of tone and capture that lanes have, ``float[n, 2]`` in Hz.
        entry: ``int[tones, lanes]``, which of these frequencies, counted on from tone to tone.
        factor: ``complex[tones, lanes]``, amplitude and phase.
    """

    resonator: int
    tones: tuple[tuple[Probe, NDArray[np.float64]], ...]
    entry: NDArray[np.int64]
    factor: NDArray[np.complex128]

    @property
    def dt(self) -> float:
        """Sample of the capture, s."""
        return self.tones[0][0].dt


class CaptureModel:
    """Signals of a run's captures. The response to a tone that is not swept is solved once for a device.

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
        self._tick = program.tick
        self._dt = [float(port.clock.dt) for port in program.schedule.ports]

    def signal(self, action: Action, capture: int, origin: int, chosen: Index) -> CaptureSignal:
        """What of a measurement's tones comes from its resonator into a capture; without a tone, one of strength 0.

        Args:
            action: Has the tones and the resonator.
            capture: Perhaps of another measurement.
            origin: Tick from which the responses count.
            chosen: Lanes.
        """
        events = self._events
        tuned = self._values.of(capture, "frequency", self._lanes, chosen)
        plays = [row for row in action.events if events["operation"][row] == Operation.PLAY] or [NONE]
        tones, known = [], 0
        entry, factor = np.empty((len(plays), len(chosen)), np.int64), np.zeros((len(plays), len(chosen)), np.complex128)
        for number, play in enumerate(plays):
            carrier = tuned if play == NONE else self._values.of(play, "frequency", self._lanes, chosen)
            frequencies, which = _different(carrier, tuned)
            tones.append((self._probe(play, capture, origin, frequencies[0]), frequencies))
            entry[number] = which + known
            known += len(frequencies)
            if play != NONE:
                beats = len(frequencies) > 1 or frequencies[0, 0] != frequencies[0, 1]
                factor[number] = self._factor(play, capture, origin, chosen, tuned - carrier if beats else None)
        return CaptureSignal(action.where, tuple(tones), entry, factor)

    def signal_to_noise(self, signal: CaptureSignal) -> float:
        """Largest magnitude of a signal, in units of the capture's noise."""
        resonator = self._resonator(signal)
        strength = np.abs(signal.factor).max()
        return max(loudest(resonator, *tone) for tone in signal.tones) * float(strength) / noise(resonator, signal.tones[0][0])

    def response(self, signal: CaptureSignal) -> Response:
        """Responses to all tones and their frequencies, one after the other."""
        found = [self._respond(signal, *tone) for tone in signal.tones]
        if len(found) == 1:
            return found[0]
        gathered, field, ringing, tails = (np.concatenate([getattr(one, name) for one in found]) for name in _ARRAYS)
        return replace(found[0], gathered=gathered, field=field, ringing=ringing, tails=tails)

    def _probe(self, play: int, capture: int, origin: int, frequencies: NDArray[np.float64]) -> Probe:
        schedule, events, tick = self._program.schedule, self._events, self._tick
        dt, kernel = self._dt[events["port"][capture]], events["waveform"][capture]
        tone, tone_dt, tone_start = _SILENCE, dt, 0.0
        if play != NONE:
            tone, tone_dt = schedule.waveforms[events["waveform"][play]], self._dt[events["port"][play]]
            tone_start = (events["start"][play] - origin) * tick
        return Probe(
            tone,
            tone_dt,
            tone_start,
            float(frequencies[0]),
            None if kernel < 0 else schedule.waveforms[kernel],
            dt,
            (events["start"][capture] - origin) * tick,
            int(self._samples[capture]),
            float(frequencies[1]),
        )

    def _factor(self, play: int, capture: int, origin: int, chosen: Index, beat: Number | None) -> NDArray[np.complex128]:
        """Amplitude and phase of a tone in the frame of a capture, whose frequency is ``beat`` (Hz) above the tone's."""
        values, lanes = self._values, self._lanes
        amplitude, phase = values.of(play, "amplitude", lanes, chosen), values.of(play, "phase", lanes, chosen)
        phase = phase - values.of(capture, "phase", lanes, chosen)
        if beat is not None:
            phase = phase + _TAU * beat * np.asarray((lanes.time[chosen] + origin) * self._tick, np.float64)
        return np.asarray(amplitude * np.exp(1j * phase), np.complex128)

    def _respond(self, signal: CaptureSignal, probe: Probe, frequencies: NDArray[np.float64]) -> Response:
        if len(frequencies) > 1:
            # nobody will ask for just these again
            return respond_each(self._resonator(signal), probe, frequencies)
        key = (signal.resonator, probe)
        found = self._library.responses.get(key)
        if found is None:
            found = self._library.responses[key] = respond_each(self._resonator(signal), probe, frequencies)
        return found

    def _resonator(self, signal: CaptureSignal) -> Resonator:
        return self._library.device.resonators[signal.resonator]


def _different(carrier: Number, tuned: Number) -> tuple[NDArray[np.float64], Index | int]:
    """The different pairs of both frequencies, ``float[n, 2]``, and which of them each lane has."""
    if not isinstance(carrier, np.ndarray) and not isinstance(tuned, np.ndarray):
        return np.array([[carrier, tuned]]), 0
    pairs, which = np.unique(np.stack(np.broadcast_arrays(carrier, tuned), axis=1), axis=0, return_inverse=True)
    return pairs, which.ravel()
