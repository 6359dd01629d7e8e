"""CPMG: T2 against the number of pulses that refocus, and the noise that is left at their rhythm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import lcm

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.curve import SLOW, CurveFit, random_effect
from qpu_calibration.edit import known_gate
from qpu_calibration.fit import Estimate, Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Point
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine
from qpu_calibration.routines.t1 import Waits, decay, spread
from qpu_calibration.routines.t2_star import SHARED
from qpu_calibration.search import Asking, Search, Starts, grid

ENERGY = 0
"""So many pulses stand for T1, which is measured with the same waits."""
PARTS = np.array([1, 2.5, 8, 20])
"""The fit of a time starts at these fractions (1 over each) of the longest wait."""
STEP, HIGHEST = 0.02, 32.0
"""Of the frequencies at which a train's filter is summed up: in units of one over its length, and of the pulses' number."""


class CPMGSettings(Waits):
    """How often is refocused, and how long is waited, in units of T2.

    Attributes:
        pulses: Numbers of pulses.
    """

    shots: int = Field(500, ge=1)
    pulses: tuple[int, ...] = Field((1, 2, 4, 8, 16), min_length=3)
    points: int = Field(17, ge=8)
    longest: float = Field(2.5, gt=0)


class CPMG(Routine[CPMGSettings]):
    """Carr, Purcell, Meiboom and Gill's trains; the last pulse forwards and backwards (Bylander et al., Nature Physics 7, 565).

    T2 is the time to 1/e of each train. With T1 taken off, a train of n pulses that lasts T2 tells the noise at n / (2 T2).
    """

    name = "cpmg"
    depends_on = ("fine_amplitude", "echo")
    essential = False
    look_share = 2
    timeout_h = 168.0
    settings = CPMGSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: CPMGSettings) -> Sequence[Axis]:
        """Numbers of pulses, which way the last pulse turns, and waits in all."""
        believed = [snapshot.qubits[q].t2 for (q,) in targets]
        return [
            Axis("pulses", np.array([ENERGY, *sorted(set(settings.pulses))]), stepped=True),
            Axis("last", np.array([0.0, np.pi]), "rad"),
            spread(snapshot, believed, settings, parts=2 * lcm(*settings.pulses)),
        ]

    def play(self, page: Page, at: Point, settings: CPMGSettings) -> None:
        """Pulses about the axis along which the qubit lies, so that their errors do not add up."""
        pulses = int(at.number("pulses"))
        page.sx()
        if pulses == ENERGY:
            page.sx()
            page.wait(at["delay"])
            page.sx()
        for pulse in range(pulses):
            page.wait(at["delay"] / (pulses if pulse else 2 * pulses))
            page.x(phase=np.pi / 2)
        if pulses:
            page.wait(at["delay"] / (2 * pulses))
        page.sx(phase=at["last"])
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """How long a pulse lasts: a train's time is that of its waits and pulses."""
        return {"pulse_s": known_gate(snapshot, "x", target).duration * float(snapshot.timing.dt)}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """A T2 of each train, then a power of their number, and one of the frequency."""
        waits, pulses = data["delay"], data["pulses"][1:]
        y, sigma = excited(data)
        ends, both, sigma = y[:, 0] - y[:, 1], y[:, 0] + y[:, 1], np.hypot(sigma[:, 0], sigma[:, 1])
        lives = {"height": 2.0, "t1": waits[-1] / PARTS, "base": -1.0}
        life = yield Search(decay, waits, -ends[0], sigma[0], lives, {"t1": (waits[-1] / 1000, waits[-1] * 20)})
        rough, trains, times = [], [], np.add.outer(pulses * float(data["pulse_s"]), waits)
        for x, left, unsure in zip(times, ends[1:], sigma[1:], strict=True):
            rough.append((yield from _faded(x, left, unsure)))
        noisy = _shared(times, ends[1:], both[1:], sigma[1:], rough)
        for x, left, unsure, before in zip(times, ends[1:], noisy, rough, strict=True):
            trains.append((yield from _faded(x, left, unsure, before.value)))
        if not _stands(life, 0.5) or not life.error["t1"] < 0.3 * life.value["t1"]:
            return bad("the waits do not tell T1", life)
        if life.value["base"] > -0.4:
            return bad("what decays does not come to rest in 0", life)
        for count, train, before in zip(pulses, trains, rough, strict=True):
            if not _stands(train, 0.3):
                return bad(f"no contrast of {count:.0f} pulses stands out of the noise", train)
            # slow noise explains some of what is off, not all
            if reason := before.fault(SLOW) or train.fault():
                return bad(f"{reason} of {count:.0f} pulses", train)
            if not train.error["t2"] < 0.3 * train.value["t2"]:
                return bad(f"the waits do not tell T2 of {count:.0f} pulses", train)
        t2, error = (np.array([getattr(train, field)["t2"] for train in trains]) for field in ("value", "error"))
        grown = yield Search(power, pulses / pulses[0], t2, error, {"size": t2[0], "exponent": 0.0})
        numbers: dict[str, Estimate] = {
            "gamma": grown.of("exponent"),
            "t2_first": (t2[0], error[0], "s"),
            "t2_last": (t2[-1], error[-1], "s"),
            "t1": life.of("t1", "s"),
        }
        rate, frequency = 1 / t2 - 1 / (2 * life.value["t1"]), pulses / (2 * t2)
        white = np.array([per_rate(int(count), 0.0) for count in pulses])
        noise, off = white * rate, white * _unsure(t2, error, rate, life, 0.0)
        if np.all(noise > 3 * off):
            middle, exponent = float(np.exp(np.mean(np.log(frequency)))), 0.0
            # what a train hears depends on the exponent, by a fifth at most
            for _ in range(3):
                starts = {"size": float(np.mean(noise)), "exponent": -exponent}
                fallen = yield Search(power, frequency / middle, noise, off, starts)
                exponent = -fallen.value["exponent"]
                falls = float(np.clip(exponent, 0, 2))
                scale = np.array([per_rate(int(count), falls) for count in pulses])
                noise, off = scale * rate, scale * _unsure(t2, error, rate, life, falls)
            numbers |= {"noise_exponent": (exponent, fallen.error["exponent"], "")}
        series = {
            "pulses": pulses,
            "t2": t2,
            "t2_error": error,
            "frequency": frequency,
            "noise": noise,
            "noise_error": off,
        }
        return good(grown, **numbers).model_copy(update={"series": {name: tuple(map(float, of)) for name, of in series.items()}})

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """T2 against the number of pulses; where there is none, what all trains and the decay have left."""
        if not fit.series:
            y, sigma = excited(data)
            left, error = y[:, 0] - y[:, 1], np.hypot(sigma[:, 0], sigma[:, 1])
            waits = np.tile(data["delay"], len(left)) * 1e6
            return {"x": waits, "y": left.ravel(), "error": error.ravel(), "label": "wait, us (contrast)"}
        x, fine = np.array(fit.series["pulses"]), np.geomspace(fit.series["pulses"][0], fit.series["pulses"][-1], 201)
        return {
            "x": x,
            "y": np.array(fit.series["t2"]) * 1e6,
            "error": np.array(fit.series["t2_error"]) * 1e6,
            "label": "pulses (T2 in us)",
            "model_x": fine,
            "model": power(fine / x[0], **fit.shape) * 1e6,
        }


def power(x: Values, size: float, exponent: float) -> Values:
    """A power law."""
    return np.asarray(size * x**exponent)


def envelope(x: Values, height: float, t2: float, slow: float) -> Values:
    """Contrast against time: white noise fades it as an exponential, slower noise more as a Gaussian; 1/e at ``t2``."""
    time = x / t2
    return np.asarray(height * np.exp(-(1 - slow) * time - slow * time**2))


def per_rate(pulses: int, exponent: float) -> float:
    """Noise of the frequency at the rhythm of the pulses, per rate of dephasing; Hz^2/Hz on one side, times s.

    For noise that falls as ``f**-exponent``, through the filter of the train (Cywinski et al., PRB 77, 174509). Many
    pulses hear their rhythm and its odd multiples only, few hear more: of 1/f noise an echo hears a fifth less.
    """
    logarithm, heard, far = _filter(pulses)
    near = STEP * float(heard @ np.exp(-exponent * logarithm)) if exponent else STEP * float(heard.sum())
    # beyond, the edges of the train no longer interfere
    return float(2 / (near + far * (2 * HIGHEST) ** -exponent / (1 + exponent)) / (2 * np.pi) ** 2)


@lru_cache(maxsize=32)
def _filter(pulses: int) -> tuple[Values, Values, float]:
    """Logarithms of frequencies in units of the rhythm; what a train hears of each; what it hears of all higher ones."""
    highest = HIGHEST * pulses
    frequency = np.arange(STEP / 2, highest, STEP)
    turns = np.concatenate([[0.0], (np.arange(pulses) + 0.5) / pulses, [1.0]])
    waves = np.exp(2j * np.pi * np.multiply.outer(turns, frequency))
    heard = np.abs((-1.0) ** np.arange(pulses + 1) @ np.diff(waves, axis=0)) ** 2 / (2 * np.pi * frequency) ** 2
    return np.log(frequency / (pulses / 2)), heard, (4 * pulses + 2) / (2 * np.pi) ** 2 / highest


def _faded(x: Values, y: Values, sigma: Values, begin: Starts | None = None) -> Asking[CurveFit]:
    starts = begin or grid(height=1.0, t2=x[-1] / PARTS, slow=[0.0, 0.6])
    # a little beyond what noise can do, lest the error of T2 be cut at the edge
    bounds = {"t2": (x[-1] / 1000, x[-1] * 20), "slow": (-0.6, 1.6), "height": (-0.5, 1.5)}
    return (yield Search(envelope, x, y, sigma, starts, bounds))


def _shared(x: Values, y: Values, both: Values, sigma: Values, found: Sequence[CurveFit]) -> Values:
    """Errors with slow noise, which shots of a point share in part: phases of a Gaussian spread that the envelopes tell.

    All trains share it alike, and what it moves at one end and at the other moves their sum as far as their difference; but the
    sum stays where it is otherwise.

    Args:
        x: Times, ``float64[trains, waits]``.
        y: Differences of both ends.
        both: Sums of both ends.
        sigma: Errors of either, of the shots alone.
        found: Envelopes of all trains.
    """
    if not all(np.isfinite(one.chi_square) for one in found):
        return sigma
    rest = np.array([envelope(time, **one.value) for time, one in zip(x, found, strict=True)]) - y
    pattern = np.array([_turning(time, **one.value) for time, one in zip(x, found, strict=True)])
    steady = both - np.average(both, weights=sigma**-2.0)
    free = sum(len(one.value) for one in found) + 1
    twice = [np.concatenate([one.ravel(), other.ravel()]) for one, other in ((sigma, sigma), (pattern, pattern), (rest, steady))]
    return random_effect(twice[0], twice[1], twice[2], free, SHARED)[: x.size].reshape(x.shape)


def _turning(x: Values, height: float, t2: float, slow: float) -> Values:
    """What all shots of a point would move an end by, if they shared the slow part of the noise."""
    time, share = x / t2, min(max(slow, 0.0), 1.0)
    return np.asarray(height * np.exp(-(1 - share) * time) * (1 - np.exp(-2 * share * time**2)) / 2)


def _unsure(t2: Values, error: Values, rate: Values, life: CurveFit, exponent: float) -> Values:
    """Errors of rates, beside noise that falls as ``f**-exponent``: too short a T2 is too high a rate at too high a frequency."""
    return np.hypot(error / t2 * (1 / t2 + exponent * rate), life.error["t1"] / (2 * life.value["t1"] ** 2))


def _stands(found: CurveFit, least: float) -> bool:
    return found.value["height"] > least and found.value["height"] > 6 * found.error["height"]
