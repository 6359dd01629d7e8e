"""What a capture gets of the tones of a measurement, through the resonator between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from qpu_bridge.schedule import NONE, Operation, Waveform
from qpu_emulator.readout.driven import Complex, Driven, Real
from qpu_emulator.readout.measured import Measured, Turn
from qpu_emulator.readout.probe import Probe
from qpu_emulator.readout.resonator import Response, respond_each
from qpu_emulator.readout.signal import integrate, integrate_swept, linger
from qpu_emulator.score.actions import Action
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.program import Program
from qpu_emulator.score.values import Values
from qpu_emulator.windows.library import Library

_TAU = 2 * np.pi
_SILENCE = Waveform(np.ones(1, complex), np.ones(1, np.int64))
_ARRAYS = ("gathered", "field", "ringing", "tails")
_FIRST = np.zeros(1, np.int64)
_PLAY, _CAPTURE = int(Operation.PLAY), int(Operation.CAPTURE)


class Tone(NamedTuple):
    """One tone, as one capture gets it. If all lanes have the same numbers there is one of each.

    Attributes:
        probe: Tone and capture.
        frequencies: The different frequencies of both at the points, ``float[n, 2]`` in Hz; None if the probe has the only ones.
        entry: ``int[lanes or 1]``, which of these.
        factor: ``complex[lanes or 1]``, amplitude and phase.
    """

    probe: Probe
    frequencies: Real | None
    entry: Index
    factor: Complex


class _Frequencies(NamedTuple):
    """Of a tone and a capture.

    Attributes:
        tone: At the first point, Hz.
        capture: The same.
        different: ``float[n, 2]`` in Hz, all pairs of both; None if there is only one.
        which: ``int[points]``, which of these.
    """

    tone: float
    capture: float
    different: Real | None
    which: Index


class CaptureModel:
    """Signals of a run's captures.

    Args:
        program: What is played.
        library: Of the device.
        values: The run's numbers.
        lanes: Of the run.
    """

    def __init__(self, program: Program, library: Library, values: Values, lanes: Lanes) -> None:
        self._schedule = program.schedule
        self._responses = library.responses
        self._resonators = library.device.resonators
        self._values = values
        self._lanes = lanes
        self._events = program.events
        self._samples: list[int] = program.schedule.samples.tolist()
        self._tick = program.tick
        self._dt = [float(port.clock.dt) for port in program.schedule.ports]
        # of slots: points at which they have different numbers, and which of them each point has
        self._different: dict[tuple[int, ...], tuple[Index, Index]] = {}

    def plays(self, action: Action) -> list[int]:
        """Rows of a measurement's tones."""
        operations = self._events["operation"]
        return [row for row in action.events if operations[row] == _PLAY]

    def captures(self, action: Action) -> list[int]:
        """Rows of its captures."""
        operations = self._events["operation"]
        return [row for row in action.events if operations[row] == _CAPTURE]

    def tones(self, action: Action, capture: int, origin: int, chosen: Index) -> list[Tone]:
        """What of a measurement's tones comes from its resonator into a capture; without a tone, one of strength 0.

        Args:
            action: Has the tones and the resonator.
            capture: Perhaps of another measurement.
            origin: Tick from which the responses count.
            chosen: Lanes.
        """
        return [self._tone(play, capture, origin, chosen) for play in self.plays(action) or (NONE,)]

    def signal_to_noise(self, action: Action, capture: int, origin: int) -> float:
        """Largest magnitude of such a signal at any point, in units of the capture's noise."""
        loudest = strongest = 0.0
        for play in self.plays(action):
            frequencies = self._frequencies(play, capture)
            probe = self._probe(play, capture, origin, frequencies)
            loudest = max(loudest, self._responses.loudness(action.where, probe, frequencies.different))
            amplitude = self._values.at_points(play, "amplitude")
            strongest = max(strongest, abs(amplitude) if isinstance(amplitude, float) else float(np.abs(amplitude).max()))
        return loudest * strongest

    def integrate(
        self, where: int, tones: Sequence[Tone], measured: Measured, turn: Turn, late: float, before: Complex
    ) -> tuple[Complex, float]:
        """What a capture integrates of tones, ``complex[shots]``, and the noise of each quadrature.

        Args:
            where: Index of the resonator that they come through.
            tones: As of `tones`.
            measured: What happens to the qubit meanwhile.
            turn: Shots and lanes.
            late: When it is measured, s after what the responses count from.
            before: ``complex[shots]``, demodulated signal of the field that is there at the start; empty if there is none.
        """
        out, probe = np.zeros(len(turn.shots), complex), tones[0].probe
        history = out, turn.where, measured.levels, measured.left, late, probe.until * probe.dt
        for tone in tones:
            if tone.frequencies is None:
                found = self._responses.find(where, tone.probe)
                noise = found.noise
                integrate(*history, tone.factor, found.gathered, found.field, found.ringing, found.tails)
            else:
                driven = Driven.of(self._resonators[where], tone.probe, tone.frequencies)
                noise = driven.noise(self._resonators[where])
                integrate_swept(*history, tone.factor, tone.entry, *driven)
        if len(before):
            all_of_it, entry = self.responses(where, tones[:1])
            linger(*history, entry[0], all_of_it.ringing, all_of_it.tails, before)
        return out, noise

    def responses(self, where: int, tones: Sequence[Tone]) -> tuple[Response, Index]:
        """Responses to all tones at all frequencies, one after the other, and which it is, ``int[tones, lanes]``.

        Args:
            where: Index of the resonator.
            tones: As of `tones`.
        """
        resonator, before, found, entries = self._resonators[where], 0, list[Response](), list[Index]()
        for probe, frequencies, entry, _ in tones:
            found.append(respond_each(resonator, probe, probe.frequencies if frequencies is None else frequencies))
            entries.append(entry + before)
            before += len(found[-1].field)
        gathered, field, ringing, tails = (np.concatenate([getattr(one, name) for one in found]) for name in _ARRAYS)
        whole = replace(found[0], gathered=gathered, field=field, ringing=ringing, tails=tails)
        return whole, np.stack(np.broadcast_arrays(*entries))

    def _tone(self, play: int, capture: int, origin: int, chosen: Index) -> Tone:
        values, lanes = self._values, self._lanes
        frequencies = self._frequencies(play, capture)
        probe, different = self._probe(play, capture, origin, frequencies), frequencies.different
        entry = _FIRST if different is None else frequencies.which[lanes.point[chosen]]
        if play == NONE:
            return Tone(probe, different, entry, np.zeros(len(entry), complex))
        amplitude, phase = values.of(play, "amplitude", lanes, chosen), values.of(play, "phase", lanes, chosen)
        phase = phase - values.of(capture, "phase", lanes, chosen)
        if different is not None or frequencies.capture != frequencies.tone:
            # the frame of the capture is so many hertz above that of the tone
            beat = frequencies.capture - frequencies.tone if different is None else (different[:, 1] - different[:, 0])[entry]
            phase = phase + _TAU * beat * np.asarray((lanes.time[chosen] + origin) * self._tick, np.float64)
        factor = np.asarray(amplitude * np.exp(1j * phase), np.complex128).reshape(-1)
        if len(entry) != len(factor):
            entry = np.repeat(entry, len(chosen) // len(entry))
            factor = np.repeat(factor, len(chosen) // len(factor))
        return Tone(probe, different, entry, factor)

    def _frequencies(self, play: int, capture: int) -> _Frequencies:
        values, slots = self._values, self._events["frequency_slot"]
        tuned = values.at_points(capture, "frequency")
        carrier = tuned if play == NONE else values.at_points(play, "frequency")
        if not (isinstance(carrier, np.ndarray) or isinstance(tuned, np.ndarray)):
            return _Frequencies(carrier, tuned, None, _FIRST)
        swept = tuple(sorted({slots[capture], slots[capture if play == NONE else play]} - {NONE}))
        if swept not in self._different:
            axis = None if len(swept) == 1 else 0
            first, which = np.unique(values.points[:, swept], axis=axis, return_index=True, return_inverse=True)[1:]
            self._different[swept] = first, which.ravel()
        first, which = self._different[swept]
        pairs = np.empty((len(first), 2))
        for side, number in enumerate((carrier, tuned)):
            pairs[:, side] = number[first] if isinstance(number, np.ndarray) else number
        return _Frequencies(float(pairs[0, 0]), float(pairs[0, 1]), pairs if len(pairs) > 1 else None, which)

    def _probe(self, play: int, capture: int, origin: int, frequencies: _Frequencies) -> Probe:
        schedule, events, tick = self._schedule, self._events, self._tick
        dt, kernel = self._dt[events["port"][capture]], events["waveform"][capture]
        tone, tone_dt, tone_start = _SILENCE, dt, 0.0
        if play != NONE:
            tone, tone_dt = schedule.waveforms[events["waveform"][play]], self._dt[events["port"][play]]
            tone_start = (events["start"][play] - origin) * tick
        return Probe(
            tone,
            tone_dt,
            tone_start,
            frequencies.tone,
            None if kernel < 0 else schedule.waveforms[kernel],
            dt,
            (events["start"][capture] - origin) * tick,
            self._samples[capture],
            frequencies.capture,
        )
