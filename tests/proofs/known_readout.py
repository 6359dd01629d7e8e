"""What routines of readout should find, from the device file: errors in closed form, levels as a chain of jumps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from qpu_bridge.target import SampledShape
from qpu_calibration.edit import with_measure, with_waveform
from qpu_calibration.fit import Fit
from qpu_calibration.routines.readout_power import ReadoutPowerSettings, with_length
from qpu_emulator.chip.device import Transmon
from tests.proofs.heard import answer, believed
from tests.proofs.known import Truth

Numbers = Mapping[str, float]
TICK = 1e-9

SHARE = 0.2
"""Of a line's full scale, as if five tones shared it: with all of it readout would be best while the resonator still rings up."""


def readout(truth: Truth, fit: Fit) -> Numbers:
    """Errors of the line that was found, where the clouds are, and where a line of the angle that was found is best."""
    clouds = believed(truth.device, truth.believed, 0)
    zero, one = clouds.means
    first, second = clouds.errors(fit["angle"], fit["threshold"])
    return {
        "prob_meas1_prep0": first,
        "prob_meas0_prep1": second,
        "angle": float(np.angle(one - zero)),
        "threshold": clouds.least(fit["angle"])[1],
        "signal_to_noise": abs(one - zero) / (2 * clouds.sigma),
    }


def filtered(truth: Truth, fit: Fit) -> Numbers:
    """What the kernel that was found makes of both levels, and by what factor a matched filter beats equal weights."""
    series = {name: fit.series[name] for name in ("real", "imag")}
    kernel = SampledShape(shape="samples", repeats=tuple(int(n) for n in fit.series["repeats"]), **series)
    snapshot = with_measure(with_waveform(truth.right, "found", kernel), 0, kernel="found")
    zero, one = believed(truth.device, snapshot, 0).means
    middle = (zero + one) / 2 * np.exp(-1j * fit["angle"])
    heard = answer(truth.device, snapshot, 0)
    gap = heard.field[1, heard.first :] - heard.field[0, heard.first :]
    gain = np.sqrt(len(gap)) * np.linalg.norm(gap) / abs(gap.sum())
    return {"angle": float(np.angle(one - zero)), "threshold": float(middle.real), "gain_over_boxcar": float(gain)}


def assignment(truth: Truth, _: Fit) -> Numbers:
    """Both readouts apart: no crosstalk is in the device file."""
    right = []
    for qubit in truth.pair:
        measure = truth.believed.measure(qubit)
        errors = believed(truth.device, truth.believed, qubit).errors(measure.angle, measure.threshold)
        right.append([1 - wrong for wrong in errors])
    kept = {
        f"prob_meas{c}{d}_prep{a}{b}": (right[0][a] if c == a else 1 - right[0][a]) * (right[1][b] if d == b else 1 - right[1][b])
        for a, b, c, d in product((0, 1), repeat=4)
        if (c, d) != (1 - a, 1 - b)
    }
    return kept | {"first_shift": 0.0, "second_shift": 0.0}


def left(truth: Truth, _: Fit) -> Numbers:
    """Populations at a second measurement, of levels that jump during and between both and are flipped by what was read."""
    measure, timing = truth.believed.measure(0), truth.believed.timing
    heard, transmon = believed(truth.device, truth.believed, 0), truth.device.transmons[0]
    chain = heard.chain(measure.angle, measure.threshold)
    quiet = measure.duration - measure.acquire_start - measure.acquire_duration + timing.feedback_latency
    rest = _relaxed(transmon, quiet * TICK)
    ones, (low, high) = chain[:, :, 1].sum(axis=1), (measure.prob_meas1_prep0, 1 - measure.prob_meas0_prep1)
    found = {}
    for prepared, name in enumerate(("_of_0", "")):
        start = np.array([1 - transmon.thermal, transmon.thermal])[:: 1 - 2 * prepared]
        # what each bit leaves, [level, bit]
        after = np.einsum("f,ftb,ts->sb", start, chain, rest)
        for word, levels in (("without", after.sum(axis=1)), ("residual", after[:, 0] + after[::-1, 1])):
            found[word + name] = float((levels @ ones - low) / (high - low))
    return found


def quietest(truth: Truth, fit: Fit) -> Numbers:
    """The length of fewest errors of the loudest tone; louder is never worse."""
    lengths, used = ReadoutPowerSettings().lengths, truth.believed.measure(0)
    best, least = _best(truth, SHARE, used.acquire_duration * np.array([min(lengths), max(lengths)]))
    return {"samples": best, "error": least, "error_in_use": _wrong(truth, used.amplitude)}


def shortest(truth: Truth, fit: Fit) -> Numbers:
    """The length of fewest errors of the tone as loud as it is."""
    used = truth.believed.measure(0)
    best, least = _best(truth, used.amplitude, used.acquire_duration * np.array([0.3, 4.0]))
    return {"samples": best, "error": least, "error_in_use": _wrong(truth, used.amplitude)}


def _best(truth: Truth, amplitude: float, lengths: np.ndarray[Any, Any]) -> tuple[float, float]:
    found = minimize_scalar(
        lambda n: _wrong(truth, amplitude, n), bounds=tuple(lengths), method="bounded", options={"xatol": 4.0}
    )
    return float(found.x), float(found.fun)


def _wrong(truth: Truth, amplitude: float, samples: float | None = None) -> float:
    """Mean error of a line halfway between the middles of both clouds, all samples alike."""
    snapshot = truth.believed if samples is None else with_length(truth.believed, 0, samples)
    heard = believed(truth.device, with_measure(snapshot, 0, kernel=None, amplitude=amplitude), 0)
    zero, one = heard.still
    angle = float(np.angle(one - zero))
    return float(np.mean(heard.errors(angle, float(((zero + one) / 2 * np.exp(-1j * angle)).real))))


def _relaxed(transmon: Transmon, seconds: float) -> np.ndarray[Any, Any]:
    """Chances ``[from, to]``."""
    gone = (1 - np.exp(-seconds * transmon.relaxation_rate)) * np.array([transmon.thermal, 1 - transmon.thermal])
    return np.array([[1 - gone[0], gone[0]], [gone[1], 1 - gone[1]]])
