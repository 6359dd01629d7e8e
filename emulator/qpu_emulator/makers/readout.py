"""A twin's readout: tone, receiver and threshold that make the published errors."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from qpu_emulator.bring_up.discrimination import HOLD, Reading
from qpu_emulator.bring_up.recipe import DT, Recipe
from qpu_emulator.bring_up.rotation import relaxed
from qpu_emulator.cache import Cache, key
from qpu_emulator.chip.device import Device
from qpu_emulator.makers.published import BROKEN, Published, PublishedQubit

SHORTEST_TONE = 240
"""What is shorter does not fill a resonator, ticks."""
_CHANCE = 0.9
"""Sum of both readout errors that is still met: at 1 a readout tells nothing."""
_UNSEEN = 2e-4
"""So small a readout error is one that was not seen in some thousand shots."""
_RELAXED = 0.9
"""Share of the smaller readout error that relaxation during the tone may make; the rest is the receiver's."""
_LOUDER = 3.0
"""A tone may be so much louder than designed, 27 photons, where no receiver is as quiet as the published errors want."""
_DEAFENING = 1e6
"""No receiver is so noisy."""
_NEAR = 0.02
"""What is so little away from what was published is taken for it."""
_OWN = 0.1
"""Share of a published error after 1 that is left to the readout, however badly the 1 is prepared."""


@dataclass(frozen=True, slots=True)
class Readout:
    """Length of a tone, how much louder than designed it is, noise and threshold that make the published errors.

    An error after 1 contains that of the x before it.
    """

    tone: int
    louder: float
    noise: float
    threshold: float
    errors: tuple[float, float]
    remark: str = ""


def met(truth: Device, index: int, published: Published, recipe: Recipe, cache: Cache | None) -> Readout:
    """As it was met before, or met now."""
    resonator, qubit = truth.resonators[index], published.qubits[index]
    errors, lengths = [qubit.prob_meas1_prep0, qubit.prob_meas0_prep1], recipe.readout_of(resonator.qubit)
    unturned = _unturned(qubit, truth, index, recipe.drive_of(index))
    name = key("reading", index, resonator, truth.transmons[resonator.qubit], *lengths, errors, unturned)
    text = None if cache is None else cache.find(name)
    if text is not None:
        tone, louder, noise, threshold, errors, remark = json.loads(text)
        return Readout(tone, louder, noise, threshold, tuple(errors), remark)
    found = _met(truth, index, qubit, *lengths, unturned)
    if cache is not None:
        cache.keep(
            name, json.dumps([found.tone, found.louder, found.noise, found.threshold, found.errors, found.remark]).encode()
        )
    return found


def _unturned(qubit: PublishedQubit, truth: Device, index: int, ticks: int) -> float:
    """Chance that an x with the published error leaves a qubit in 0: what is not relaxation is an angle (`twin`)."""
    known = qubit.error is not None and qubit.error < BROKEN
    beyond = max(0.0, (qubit.error or 0.0) - relaxed(truth, index, ticks)) if known else 0.0
    # in the mean over its pulse the qubit is half excited
    relaxes = ticks * float(DT) / (2 * (truth.transmons[index].t1 or np.inf))
    return float(1 - (1 - 1.5 * beyond) * np.exp(-relaxes))


def _met(truth: Device, index: int, qubit: PublishedQubit, longest: int, whole: int, unturned: float) -> Readout:
    """The mean of both errors is met by the receiver's noise, their difference by the threshold.

    The tone is as long as the measurement leaves, or shorter, so that the qubit relaxes no more than its errors allow. In a time
    ``t`` no receiver finds both quadratures of a field with less variance than ``1/(2 kappa t)`` of each (Clerk et al., RMP 82,
    1155): where less noise is wanted the tone is louder instead.
    """
    transmon, resonator = truth.transmons[index], truth.resonators[index]
    first, second = qubit.prob_meas1_prep0, qubit.prob_meas0_prep1
    if first + second > _CHANCE:
        first, second = (error * _CHANCE / (first + second) for error in (first, second))
    wanted, least = first + second, _OWN * second
    second = (second - unturned * (1 - first)) / (1 - unturned)
    badly, second = second < least, max(second, least)
    limit = resonator.gain / np.sqrt(2 * 2 * np.pi * resonator.kappa * float(DT))
    quietest = float(limit / _LOUDER)

    def wrong(reading: Reading, noise: float) -> tuple[float, float]:
        reading.louder(noise)
        return reading.errors(reading.leaning(first - second))

    def relaxes(ticks: int) -> bool:
        # their difference is the threshold's: the smaller one says what relaxation has left of both
        return min(wrong(Reading(truth, resonator, ticks), quietest)) > _RELAXED * max(min(first, second), _UNSEEN)

    ticks = longest
    if relaxes(longest):
        tones = range(SHORTEST_TONE, longest, HOLD)
        ticks = tones[max(bisect_left(tones, True, key=relaxes) - 1, 0)]
    reading = Reading(truth, resonator, ticks)
    noise = quietest
    if sum(wrong(reading, quietest)) < first + second:
        span = np.log(quietest), np.log(_DEAFENING)
        best = brentq(lambda log_noise: sum(wrong(reading, float(np.exp(log_noise)))) - first - second, *span, xtol=1e-5)
        noise = float(np.exp(best))
    reading.louder(noise)
    threshold = reading.leaning(first - second)
    low, high = reading.errors(threshold)
    errors = low, (1 - unturned) * high + unturned * (1 - low)
    said = f"readout of qubit {index} is published with errors of {qubit.prob_meas1_prep0:.2g} and {qubit.prob_meas0_prep1:.2g}"
    here = f"{errors[0]:.2g} and {errors[1]:.2g}"
    if qubit.prob_meas1_prep0 + qubit.prob_meas0_prep1 > _CHANCE:
        remark = f"{said}, which tells nothing; here they are {here}"
    elif sum(errors) > (1 + _NEAR) * wanted and badly:
        remark = f"{said}; its x fails with {unturned:.2g}: here they are {here}"
    elif sum(errors) > (1 + _NEAR) * wanted:
        remark = f"{said}; its T1 of {1e6 * (transmon.t1 or 0):.3g} us leaves {here} to a tone of {ticks} ns"
    elif ticks < longest:
        remark = f"{said} in {whole} ns; its T1 of {1e6 * (transmon.t1 or 0):.3g} us leaves these to a tone of {ticks} ns"
    else:
        remark = ""
    louder = max(1.0, float(limit) / noise)
    return Readout(ticks, louder, float(np.round(louder * noise, 3)), float(np.round(louder * threshold, 4)), errors, remark)
