"""Readout errors in closed form: of a believed readout on a hidden truth, and of the best that its receiver's noise allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import erfc

from qpu_bridge.schedule import Waveform
from qpu_bridge.schedule.shapes import constant
from qpu_bridge.target import Snapshot, waveform
from qpu_emulator.chip.device import Device
from qpu_emulator.readout.probe import Probe
from qpu_emulator.readout.resonator import Response, respond

TICK = 1e-9
RISE_TICKS = 32
"""Of a tone before the capture, as designed."""
SHARE = 0.98
"""Of a line's full scale that all its tones together may take."""


@dataclass(frozen=True)
class Clouds:
    """Where points of a prepared 0 and 1 come to lie.

    Attributes:
        still: ``complex[2]``, where a level that stays is.
        moved: ``complex[2, moments]``, where one that leaves in a moment is: 0 upwards, 1 downwards.
        share: ``float[2, moments]``, how often that happens.
        sigma: Standard deviation of each quadrature.
        thermal: Share of the other level at the start.
    """

    still: NDArray[np.complex128]
    moved: NDArray[np.complex128]
    share: NDArray[np.float64]
    sigma: float
    thermal: float

    @classmethod
    def of(cls, device: Device, qubit: int, response: Response, amplitude: float, before_s: float = 0.0) -> Clouds:
        """From a solved resonator; a second jump within one measurement is left out.

        Args:
            device: The truth.
            qubit: Which.
            response: To a tone of unit amplitude.
            amplitude: Of the tone.
            before_s: How long a prepared 1 has relaxed before the measurement begins.
        """
        transmon = device.transmons[qubit]
        moments = response.jumps.shape[1]
        rates = transmon.relaxation_rate * np.array([transmon.thermal, 1 - transmon.thermal])
        ends = np.arange(moments + 1) * TICK
        ends[-1] = np.inf
        gone = 1 - np.exp(-np.multiply.outer(rates, ends))
        share = np.diff(gone, axis=1)
        # whoever leaves after the last sample has stayed
        share[:, -1] = 0.0
        share[1, 0] += rates[1] * before_s
        return cls(response.still[:2] * amplitude, response.jumps[:2] * amplitude, share, response.noise, transmon.thermal)

    def errors(self, angle: float, threshold: float) -> tuple[float, float]:
        """Chance to read 1 after a preparation of 0, and 0 after one of 1."""
        chain = self.chain(angle, threshold)
        first, second = float(chain[0, :, 1].sum()), float(chain[1, :, 0].sum())
        rest = self.thermal
        return first * (1 - rest) + (1 - second) * rest, second * (1 - rest) + (1 - first) * rest

    def chain(self, angle: float, threshold: float) -> NDArray[np.float64]:
        """Chances ``[level at the start, level at the end, what is read]``."""
        turn, found = np.exp(-1j * angle), np.zeros((2, 2, 2))
        for level in (0, 1):
            stays = _beyond(((self.still[level] * turn).real - threshold) / -self.sigma)
            leaves = _beyond(((self.moved[level] * turn).real - threshold) / -self.sigma)
            kept = 1 - self.share[level].sum()
            found[level, level] = kept * (1 - stays), kept * stays
            found[level, 1 - level] = self.share[level] @ (1 - leaves), self.share[level] @ leaves
        return found

    @property
    def means(self) -> NDArray[np.complex128]:
        """Mean points of a prepared 0 and 1."""
        own = (1 - self.share.sum(axis=1)) * self.still + (self.share * self.moved).sum(axis=1)
        return np.asarray(own * (1 - self.thermal) + own[::-1] * self.thermal)

    def least(self, angle: float | None = None) -> tuple[float, float]:
        """The fewest errors of a line across the arm between the clouds, both kinds together, and where it stands.

        Args:
            angle: Across this instead, rad.
        """
        arm = self.still[1] - self.still[0]
        angle = float(np.angle(arm)) if angle is None else angle
        middle = float((self.still.mean() * np.exp(-1j * angle)).real)
        found = minimize_scalar(
            lambda part: sum(self.errors(angle, middle + part * abs(arm))),
            bounds=(-0.3, 0.3),
            method="bounded",
            options={"xatol": 1e-5},
        )
        return float(found.fun), middle + float(found.x) * abs(arm)


def believed(device: Device, snapshot: Snapshot, qubit: int, amplitude: float | None = None) -> Clouds:
    """Of the readout that a snapshot says, after its own ``x``."""
    flip = snapshot.gate("x", qubit)
    assert flip is not None
    level = snapshot.measure(qubit).amplitude if amplitude is None else amplitude
    return Clouds.of(device, qubit, answer(device, snapshot, qubit), level, flip.duration / 2 * TICK)


def answer(device: Device, snapshot: Snapshot, qubit: int) -> Response:
    """Of the resonator to a tone of unit amplitude, otherwise as a snapshot says."""
    measure = snapshot.measure(qubit)
    resonator = next(one for one in device.resonators if one.qubit == qubit)
    tones = [snapshot.frame(name).frequency for name in (measure.drive_frame, measure.acquire_frame)]
    kernel = None if measure.kernel is None else waveform(snapshot.waveforms[measure.kernel])
    tone, start = waveform(snapshot.waveforms[measure.waveform]), measure.acquire_start * TICK
    return respond(resonator, Probe(tone, TICK, 0.0, tones[0], kernel, TICK, start, measure.acquire_duration, tones[1]))


def best(device: Device, qubit: int) -> float:
    """Fewest errors of both kinds together over all tones: any length, as loud as an equal share of the line allows.

    A louder tone parts the clouds of a linear resonator further, and midway between both levels' resonances they are parted
    furthest; the kernel is the matched filter.
    """
    resonator = next(one for one in device.resonators if one.qubit == qubit)
    amplitude = SHARE / sum(other.port == resonator.port for other in device.resonators)

    def wrong(length: float) -> float:
        ticks = round(length)
        tone = constant(RISE_TICKS + ticks)

        def heard(kernel: Waveform | None) -> Response:
            where = resonator.frequency
            return respond(resonator, Probe(tone, TICK, 0.0, where, kernel, TICK, RISE_TICKS * TICK, ticks, where))

        field = heard(None).field[:, RISE_TICKS:]
        matched = np.conj(field[1] - field[0])
        return Clouds.of(device, qubit, heard(Waveform.of(matched / abs(matched).max())), amplitude).least()[0]

    tries = np.arange(200, 3001, 200)
    top = int(np.argmin([wrong(float(length)) for length in tries]))
    low, high = tries[max(top - 1, 0)], tries[min(top + 1, len(tries) - 1)]
    return float(minimize_scalar(wrong, bounds=(low, high), method="bounded", options={"xatol": 4.0}).fun)


def _beyond(distance: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Share of a unit normal above a distance."""
    return np.asarray(erfc(np.asarray(distance) / np.sqrt(2)) / 2)
