"""Crosstalk of drive lines: how strongly the line of a qubit's neighbour drives this qubit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from qpu_bridge.target import CosineSquareShape, Snapshot, waveform
from qpu_calibration import bloch
from qpu_calibration.axis import Axis, Values
from qpu_calibration.curve import CurveFit, several
from qpu_calibration.edit import amplitude, drag_pulse
from qpu_calibration.fit import Estimate, Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, beside
from qpu_calibration.plan import Kind, Point
from qpu_calibration.reach import duration_range
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.routines.cr_tomography import drawn_turn, turning
from qpu_calibration.search import Asking, Search, Starts

TAU = 2 * np.pi
PLACES = ("first", "second")
"""Names of a pair's qubits in the results."""
MOST_TURNS = 8
"""By the longest tone; with more, crosstalk is not told apart."""
DETUNING_HZ = 30e3
"""Turn about z that is taken for possible beforehand: without any turn about x and y the data say nothing of it."""


class DriveCrosstalkSettings(Settings):
    """The tones.

    Attributes:
        level: Of the tone on the neighbour's line, full scale; the neighbour is far from resonance with it.
        longest_s: Longest flat part.
        points: Lengths, from 0 on, denser where they are short.
        rise_s: Each edge, slow enough for the neighbour to be back at rest afterwards.
        turns: Of the qubit by its own line within the longest tone.
    """

    shots: int = Field(300, ge=1)
    level: float = Field(0.2, gt=0, le=1)
    longest_s: float = Field(2e-6, gt=0)
    points: int = Field(10, ge=8)
    rise_s: float = Field(48e-9, gt=0)
    turns: float = Field(1.3, gt=0.3, le=2)


class DriveCrosstalk(Routine[DriveCrosstalkSettings]):
    """A tone at the qubit's frequency on its own line, then on its neighbour's; both qubits of a pair in turn.

    Each turns the Bloch vector about a fixed axis. The ratio of both turns per amplitude is complex: the neighbour's line acts
    like the own one with this amplitude and phase. It says nothing of the path: exchange with the neighbour, which makes a gate
    by cross-resonance, is in it beside stray fields (the neighbour is in its ground state).
    """

    name = "drive_crosstalk"
    kind = Kind.COUPLER
    depends_on: ClassVar[tuple[str, ...]] = ("fine_amplitude", "readout")
    essential = False
    timeout_h = 720.0
    settings = DriveCrosstalkSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: DriveCrosstalkSettings) -> Sequence[Axis]:
        """Which qubit is looked at, whose line has the tone (0: its own), lengths, sides."""
        grid = _grid(snapshot)
        steps = np.unique(np.rint(settings.longest_s * np.linspace(0, 1, settings.points) ** 2 / grid))
        drives = [snapshot.qubits[q].drive_frame for pair in targets for q in pair]
        edges = 2 * round(_rise(settings, grid) / float(snapshot.timing.dt))
        allowed = duration_range(snapshot, drives, [edges] * len(drives))
        return [
            Axis("driven", np.array([0.0, 1.0]), stepped=True),
            Axis("line", np.array([0.0, 1.0]), stepped=True),
            Axis("length", steps * grid, "s", stepped=True, reach=allowed, step=grid),
            bloch.sides(poles=True),
        ]

    def play(self, page: Page, at: Point, settings: DriveCrosstalkSettings) -> None:
        """One tone, by its own carrier on the line of either qubit."""
        driven, line = int(at.number("driven")), int(at.number("line"))
        grid, tick = _grid(page.snapshot), float(page.snapshot.timing.dt)
        rise = round(_rise(settings, grid) / tick)
        shape = CosineSquareShape(shape="cosine_square", duration=2 * rise + round(at.number("length") / tick), rise=rise)
        drives = [[page.snapshot.qubits[q].drive_frame for q in pair] for pair in page.targets]
        tones = [page.snapshot.frame(pair[driven]).frequency for pair in drives]
        own = [_own_level(_area(page.snapshot, pair[driven]), settings) for pair in page.targets]
        levels = [settings.level] * len(own) if line else own
        page.play(
            [pair[driven ^ line] for pair in drives],
            waveform(shape),
            np.array(levels)[:, None],
            frequency=np.array(tones)[:, None],
        )
        page.barrier()
        bloch.look(page, at["side"], driven)
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """Area of either qubit's pi pulse (full scale times s), and the grid of pulses."""
        areas = {f"area_{place}": _area(snapshot, q) for place, q in zip(PLACES, target, strict=True)}
        return {"grid": _grid(snapshot), **areas}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """A turn for each qubit and line."""
        numbers: dict[str, Estimate] = {}
        settings = DriveCrosstalkSettings.model_validate_json(data.attrs["settings"])
        fits: dict[str, CurveFit] = {}
        for driven, place in enumerate(PLACES):
            own = yield from _turn(data, settings, driven, 0)
            other = yield from _turn(data, settings, driven, 1)
            level = _own_level(float(data[f"area_{place}"]), settings)
            expected = settings.turns / settings.longest_s
            fits |= {f"{place} own": own.found, place: other.found}
            both = several(**fits)
            if min(own.found.value["height"], other.found.value["height"]) < 0.6:
                return bad(f"the {place} qubit does not turn steadily under a tone", both, **numbers)
            if not 0.5 < abs(own.rate) / expected < 2 or abs(own.rate) < 10 * max(own.along, own.across):
                return bad(f"the {place} qubit does not turn under its own line as it should", both, **numbers)
            if not np.isfinite([other.along, other.across]).all():
                return bad(f"the {place} qubit does not turn about a fixed axis", both, **numbers)
            numbers |= _ratio(place, own, other, level / settings.level)
        return good(several(**fits), **numbers)

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Components of either qubit's vector, the tone on the neighbour's line."""
        settings = DriveCrosstalkSettings.model_validate_json(data.attrs["settings"])
        lengths = data["length"] + _rise(settings, float(data["grid"]))
        turns = [bloch.vector(data.at(place=k, driven=k, line=1)) for k in (0, 1)]
        return beside(*(drawn_turn(lengths, *turn, fit, place) for turn, place in zip(turns, PLACES, strict=True)))


@dataclass(frozen=True)
class _Turn:
    """A turn about a fixed axis.

    Attributes:
        rate: Hz about x, and about y as the imaginary part.
        along: Standard error of its size, Hz.
        across: Standard error across it, Hz.
        found: The curve, with rates along x, y and z as `turning` takes them.
    """

    rate: complex
    along: float
    across: float
    found: CurveFit


def _turn(data: Measured, settings: DriveCrosstalkSettings, driven: int, line: int) -> Asking[_Turn]:
    """Fit twice: the second time along and across the axis that was found, so that their errors do not mix."""
    vector, sigma = bloch.vector(data.at(place=driven, driven=driven, line=line))
    lengths = data["length"] + _rise(settings, float(data["grid"]))
    length, component = np.meshgrid(lengths, np.arange(3), indexing="ij")
    # the last point is what is known beforehand of the detuning
    x = np.stack([np.append(length, 0), np.append(component, 3)])

    def about(axis: complex) -> Values:
        return np.vstack([x, np.full(x.shape, [[axis.real], [axis.imag]])])

    seen, weights = np.append(vector, 0.0), np.append(sigma, DETUNING_HZ)
    turns, ways = np.linspace(0, MOST_TURNS, 4 * MOST_TURNS + 1), np.exp(1j * np.linspace(0, TAU, 16, endpoint=False))
    rates = np.outer(turns / lengths.max(), ways).ravel()
    starts: Starts = {"height": 0.95, "along": rates.real, "across": rates.imag, "z": 0.0}
    bounds = {"height": (0.0, 1.1)}
    first = yield Search(_turned, about(1.0), seen, weights, starts, bounds)
    rate = complex(first.value["along"], first.value["across"])
    axis = rate / abs(rate) if rate else complex(1.0)
    start = dict(first.value) | {"along": abs(rate), "across": 0.0}
    found = yield Search(_turned, about(axis), seen, weights, start, bounds)
    rate = complex(found.value["along"], found.value["across"]) * axis
    value = {"height": found.value["height"], "x_rate": rate.real, "y_rate": rate.imag, "z_rate": found.value["z"], "edges": 0.0}
    return _Turn(rate, found.error["along"], found.error["across"], CurveFit(value, {}, found.chi_square))


def _turned(x: Values, height: float, along: float, across: float, z: float) -> Values:
    """Components of the vector (3: the turn about z in Hz), rates in Hz being given along and across an axis.

    Args:
        x: Length in s, component, real and imaginary part of the axis.
        height: Length of the vector.
        along: Rate along the axis.
        across: Rate across it.
        z: Rate about z.
    """
    rate: Any = (along + 1j * across) * (x[2] + 1j * x[3])[..., :1]
    ends = turning(x[:2], height, rate.real, rate.imag, z, 0.0)
    return np.where(x[1] == 3, z, ends)


def _ratio(place: str, own: _Turn, other: _Turn, scale: float) -> dict[str, Estimate]:
    """What a unit on the neighbour's line is worth on the own one: size, real and imaginary part.

    Args:
        place: Of the qubit that is driven.
        own: By its own line.
        other: By its neighbour's.
        scale: Level on the own line over that on the neighbour's.
    """
    ratio = scale * other.rate / own.rate
    size = scale / abs(own.rate)
    along = np.hypot(size * other.along, abs(ratio) * own.along / abs(own.rate))
    across = np.hypot(size * other.across, abs(ratio) * own.across / abs(own.rate))
    way = ratio / abs(ratio) if ratio else complex(1.0)
    return {
        place: (abs(ratio), float(along), ""),
        f"{place}_real": (ratio.real, float(np.hypot(along * way.real, across * way.imag)), ""),
        f"{place}_imag": (ratio.imag, float(np.hypot(along * way.imag, across * way.real)), ""),
    }


def _area(snapshot: Snapshot, qubit: int) -> float:
    """Area of the calibrated pi pulse, full scale times s."""
    shape = waveform(drag_pulse(snapshot, qubit)[1])
    return abs(amplitude(snapshot, qubit)) * float(np.sum(shape.samples.real * shape.repeats)) * float(snapshot.timing.dt)


def _own_level(area: float, settings: DriveCrosstalkSettings) -> float:
    """Amplitude of the tone on the qubit's own line, full scale."""
    return min(1.0, 2 * settings.turns * area / settings.longest_s)


def _grid(snapshot: Snapshot) -> float:
    """Lengths of pulses are multiples of so many s."""
    return float(snapshot.timing.dt) * snapshot.timing.granularity


def _rise(settings: DriveCrosstalkSettings, grid: float) -> float:
    """Length of an edge in s; both together turn like a flat top of this length."""
    return float(max(1, round(settings.rise_s / grid)) * grid)
