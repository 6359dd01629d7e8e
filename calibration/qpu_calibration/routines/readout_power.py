"""Readout power: the amplitude and the duration of the tone with which 0 and 1 are confused least."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field
from scipy.special import erfc

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Limits
from qpu_bridge.target import ConstantShape, CosineSquareShape, GaussianSquareShape, Shape, Snapshot, waveform
from qpu_calibration.axis import Axis, Reach, Values
from qpu_calibration.curve import CurveFit
from qpu_calibration.edit import with_measure, with_waveform
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.median import median
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Point
from qpu_calibration.reach import amplitude_range
from qpu_calibration.reading import Reading, binomial_variance
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search, Starts, grid

MOST_APART = 50.0
"""Distance of clouds in units of twice their width, with the longest and loudest tone; beyond five no error is left to see."""
WORST = 0.2
"""A confusion above which there is no readout to be improved."""
GRAIN = 8
"""Captures last multiples of so many samples."""


class ReadoutPowerSettings(Settings):
    """What is tried.

    Attributes:
        amplitudes: How many.
        least: The smallest amplitude, in units of the one that is believed.
        share: The largest, in units of an equal share of the line's full scale among its tones.
        lengths: Captures, in units of the one that is believed.
    """

    shots: int = Field(1500, ge=200)
    amplitudes: int = Field(6, ge=4)
    least: float = Field(0.4, gt=0, lt=1)
    share: float = Field(0.98, gt=0, le=1)
    lengths: tuple[float, ...] = (0.4, 0.7, 1.0, 1.3, 1.7)


class ReadoutPower(Routine[ReadoutPowerSettings]):
    """The clouds of a prepared 0 and a prepared 1 for several amplitudes and durations.

    A louder or longer tone parts the clouds, and a longer one lets more qubits decay. All samples weigh alike: the kernel comes
    later, and a matched filter of a resonator that rings up hardly differs.
    """

    name = "readout_power"
    depends_on = ("readout_frequency",)
    invalidates = ("readout_kernel", "readout")
    essential = False
    timeout_h = 168.0
    reading = Reading.POINTS
    settings = ReadoutPowerSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: ReadoutPowerSettings) -> Sequence[Axis]:
        """What is prepared, how long is listened, and amplitudes of each target's own scan."""
        tops = [_loudest(snapshot, q, settings.share) for (q,) in targets]
        lows = [min(settings.least * snapshot.measure(q).amplitude, 0.5 * top) for (q,), top in zip(targets, tops, strict=True)]
        tones = [snapshot.measure(q) for (q,) in targets]
        shapes = [waveform(snapshot.waveforms[m.waveform]) for m in tones]
        allowed = amplitude_range(snapshot, [m.drive_frame for m in tones], shapes)
        return [
            Axis("prepared", np.array([0.0, 1.0])),
            Axis("length", np.array(settings.lengths), stepped=True, reach=listened(snapshot, targets)),
            Axis("amplitude", np.linspace(lows, tops, settings.amplitudes, axis=1), reach=allowed),
        ]

    def play(self, page: Page, at: Point, settings: ReadoutPowerSettings) -> None:
        """Nothing or an ``x``, then readout of this length."""
        for (q,) in page.targets:
            page.snapshot = with_length(page.snapshot, q, at.number("length") * page.snapshot.measure(q).acquire_duration)
        page.prepare(at["prepared"])
        page.measure(at["amplitude"], plain=True)

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The amplitude in use; the samples of a capture in use, and those of the tone before it."""
        measure = snapshot.measure(target[0])
        return {"level": measure.amplitude, "samples": float(measure.acquire_duration), "before": float(measure.acquire_start)}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """Gaussian clouds that part with amplitude and time, decay during the readout, and what no readout sees."""
        wrong, sigma = _mean(data)
        samples = captured(data["length"], float(data["samples"]))
        longest = samples.max()
        before = float(data["before"])
        x = np.stack([part.ravel() for part in np.meshgrid(samples, before, data["amplitude"], indexing="ij")])
        loud = float(x[2].max())
        parts, lags = np.array([1.0, 2.0, 4.0]) / (loud * longest**0.5), np.array([0.05, 0.2]) * longest
        starts = grid(part=parts, lag=lags, decay=0.003 / longest, floor=0.004)
        bounds = {
            "part": (0.0, MOST_APART / (loud * longest**0.5)),
            "lag": (longest / 100, longest),
            "decay": (0.0, 0.2 / longest),
            "floor": (0.0, 0.2),
        }
        found = yield from counted(confusion, x, wrong.ravel(), sigma.ravel(), starts, bounds, 2 * data["iq"].shape[-1])
        if not np.isfinite(list(found.value.values())).all():
            return bad("no clouds were found", found)
        within, now = (float(samples.min()), float(longest)), (float(data["samples"]), before, float(data["level"]))
        near = found.around()
        best = _best(before, loud, within, **near)
        length, open_, _ = found.told(best)
        span = float(np.ptp(samples)) / np.sqrt(12)
        # where no decay is seen, longer is not worse: a length within reach, and no more is known
        open_ = min(open_, span) if within[0] + GRAIN < length < within[1] - GRAIN else span
        numbers = {
            # louder is never worse
            "amplitude": (loud, 0.0, ""),
            "samples": (length, float(np.hypot(open_, GRAIN / 2)), ""),
            "error": found.told(confusion(_points(best, before, loud), **near)),
            "error_in_use": found.told(confusion(_points(*now), **near)),
        }
        if wrong.min() > WORST:
            return bad("the clouds of 0 and 1 cannot be told apart at any power", found, **numbers)
        if np.ptp(wrong) < 5 * sigma.min():
            return bad("neither amplitude nor duration makes a difference", found, **numbers)
        if found.chi_square > 6:
            return bad("the confusion is not that of a linear resonator", found, **numbers)
        return good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Amplitude and duration, unless those in use are as good; kernel and line are then for other routines to find again."""
        if fit["error_in_use"] < 1.1 * fit["error"] + fit.error("error"):
            return snapshot
        after = with_length(snapshot, fit.qubit, fit["samples"])
        return with_measure(after, fit.qubit, amplitude=round(fit["amplitude"], 6))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """Confusion beyond the least, in units of the least and of what the shots leave open: another readout is much to redo."""
        return (fit["error_in_use"] - fit["error"]) / (fit["error"] + 3 * fit.error("error"))

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Confusion against amplitude, for the length in use."""
        wrong, sigma = _mean(data)
        place = int(np.argmin(np.abs(data["length"] - 1)))
        x, samples = data["amplitude"], captured(data["length"], float(data["samples"]))[place]
        found = {"x": x, "y": wrong[place], "error": sigma[place], "label": f"amplitude, {samples:.0f} samples"}
        if fit.shape:
            fine = np.linspace(x[0], x[-1], 101)
            given = np.stack([np.full(101, samples), np.full(101, float(data["before"])), fine])
            found |= {"model_x": fine, "model": confusion(given, **fit.shape)}
        return found


def with_length(snapshot: Snapshot, qubit: int, samples: float) -> Snapshot:
    """With another length of a qubit's readout: tone and capture; the kernel, which has the old one, is dropped.

    Raises:
        SettingsError: If the tone has no plateau that could be longer or shorter.
    """
    measure = snapshot.measure(qubit)
    tone = snapshot.waveforms[measure.waveform]
    (count,) = captured(np.array([1.0]), samples).astype(int).tolist()
    more = count - measure.acquire_duration
    if more == 0:
        return snapshot
    longer: Shape
    if isinstance(tone, GaussianSquareShape):
        longer = tone.model_copy(update={"duration": tone.duration + more, "width": tone.width + more})
    elif isinstance(tone, ConstantShape | CosineSquareShape):
        longer = tone.model_copy(update={"duration": tone.duration + more})
    else:
        raise SettingsError(
            "a readout tone whose length is varied must have a plateau", given=tone.shape, where=f"readout of qubit {qubit}"
        )
    name = f"readout_q{qubit}"
    after = with_waveform(snapshot, name, longer)
    changes = {"waveform": name, "acquire_duration": count, "duration": measure.duration + more, "kernel": None}
    return with_measure(after, qubit, **changes)


def confusion(x: Values, part: Values | float, lag: Values | float, decay: Values | float, floor: Values | float) -> Values:
    """Mean assignment error.

    Args:
        x: Samples of the capture, of the tone before it, amplitude of the tone.
        part: Distance of the clouds in units of twice their width, per amplitude and square root of samples, once they part.
        lag: Samples in which the resonator rings up.
        decay: Share that decays and is misread, per sample.
        floor: What no readout sees: thermal excitation, wrong pulses.
    """
    samples, before, amplitude = x
    # what all points share is reckoned once
    parted = part * amplitude * rung(samples, before[..., :1], lag) / np.sqrt(samples)
    return np.asarray(erfc(parted / np.sqrt(2)) / 2 + decay * samples + floor)


def _points(samples: Values | float, before: float, amplitude: float) -> Values:
    return np.stack(np.broadcast_arrays(np.atleast_1d(samples), before, amplitude))


def _best(before: float, loud: float, within: tuple[float, float], **shape: Any) -> Values:
    """Samples of least confusion for each of some curves, ``float64[k]``, on grids that close in."""
    (low, high), ways = within, np.linspace(-1, 1, 33)
    middle, reach = np.full(np.broadcast_shapes(*(np.shape(one) for one in shape.values())), (low + high) / 2), (high - low) / 2
    for _ in range(6):
        tried = np.clip(middle + reach * ways[:, None], low, high)
        wrong = confusion(_points(tried, before, loud), **shape)
        middle = np.take_along_axis(tried, np.argmin(wrong, axis=0)[None], axis=0)[0]
        reach /= 8
    return middle


def rung(samples: Values | float, before: Values | float, lag: Values | float) -> Values:
    """What a resonator that rings up has gathered of the distance between 0 and 1, in units of a sample's in the end.

    Readout is best with resonances one linewidth apart, which is taken for granted: their fields part at first with the square
    of time.

    Args:
        samples: Of the capture.
        before: Of the tone before it.
        lag: In which a field rings up, twice over the linewidth.
    """
    begins = before / lag
    ends = begins + samples / lag
    return np.asarray(samples - lag * (np.exp(-begins) * np.cos(begins) - np.exp(-ends) * np.cos(ends)))


def pace(ticks: Values | float, lag: Values | float) -> Values:
    """What it gathers per sample, so many after the tone's beginning."""
    time = ticks / lag
    return np.asarray(1 - np.exp(-time) * (np.cos(time) + np.sin(time)))


def counted(
    model: Callable[..., Values],
    x: Values,
    share: Values,
    sigma: Values,
    starts: Starts,
    bounds: Mapping[str, tuple[float, float]],
    shots: int,
) -> Asking[CurveFit]:
    """Fit shares of few counts: points that are low by luck would be trusted more, so the curve itself says their errors."""
    first = yield Search(model, x, share, sigma, starts, bounds)
    if not np.isfinite(list(first.value.values())).all():
        return first
    likely = np.clip(model(x, **first.value), 1 / shots, 0.5)
    return (yield Search(model, x, share, np.sqrt(likely * (1 - likely) / shots), first.value, bounds))


def listened(snapshot: Snapshot, targets: Sequence[Target]) -> Reach:
    """Lengths of captures, in units of those that are believed, that all targets' lines allow for tone and capture."""

    def reach(limits: Limits) -> tuple[Values, Values]:
        lines = {line.name: line.max_duration for line in limits.ports}
        most = []
        for spec in (snapshot.measure(q) for (q,) in targets):
            tone = waveform(snapshot.waveforms[spec.waveform]).duration
            rings, hears = (lines[snapshot.frame(name).port] for name in (spec.drive_frame, spec.acquire_frame))
            longest = min(hears, rings - tone + spec.acquire_duration)
            most.append(longest // GRAIN * GRAIN / spec.acquire_duration)
        return np.zeros(1), np.array([min(most)])

    return reach


def _loudest(snapshot: Snapshot, qubit: int, share: float) -> float:
    ports = [snapshot.frame(measure.drive_frame).port for measure in snapshot.measures]
    own = snapshot.frame(snapshot.measure(qubit).drive_frame).port
    return share / ports.count(own)


def captured(lengths: Values, samples: float) -> Values:
    """Samples of captures whose lengths are in units of one of so many samples."""
    return np.maximum(np.rint(lengths * samples / GRAIN), 1) * GRAIN


def confused(data: Measured) -> tuple[Values, Values]:
    """Assignment error ``[prepared, length, ...]`` with the line halfway between the clouds, and its standard error."""
    points = data["iq"]
    parts, shots = (points.real.copy(), points.imag.copy()), points.shape[-1]
    middles = [median(part)[..., None] for part in parts]
    way = np.arctan2(*(middle[1] - middle[0] for middle in reversed(middles)))
    for part, middle, share in zip(parts, middles, (np.cos(way), np.sin(way)), strict=True):
        part -= middle.mean(axis=0)
        part *= share
    along = np.add(*parts, out=parts[0])
    share = np.stack([np.count_nonzero(along[0] > 0, axis=-1), np.count_nonzero(along[1] <= 0, axis=-1)]) / shots
    return share, np.sqrt(binomial_variance(share, shots))


def _mean(data: Measured) -> tuple[Values, Values]:
    """Mean assignment error of both levels and its standard error, ``[length, amplitude]``."""
    wrong, sigma = confused(data)
    return wrong.mean(axis=0), np.hypot(*sigma) / 2
