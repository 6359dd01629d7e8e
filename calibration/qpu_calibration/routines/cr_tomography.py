"""Hamiltonian tomography of cross-resonance: amplitude and phase of the tone, roughly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration import bloch
from qpu_calibration.axis import Axis, Values
from qpu_calibration.cross import complex_amplitude, flat_top, halves, with_axis, with_cross, with_flat_top
from qpu_calibration.curve import CurveFit, several
from qpu_calibration.fit import Estimate, Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, beside, drawn
from qpu_calibration.plan import Kind, Point
from qpu_calibration.reach import duration_range
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search, Starts

TAU = 2 * np.pi
ANGLE = np.pi / 4
"""By which each half of an echoed gate turns the target, forth or back, rad."""
LEVELS = ("control in 0", "control in 1")
"""Names of the two curves."""
USUAL_ZZ_HZ = 60e3
"""What is to be reckoned with where ZZ is not known."""


class CRTomographySettings(Settings):
    """How long the tone is played.

    Attributes:
        longest_s: Longest flat part.
        points: Lengths, from 0 on.
    """

    shots: int = Field(300, ge=1)
    longest_s: float = Field(1.1e-6, gt=0)
    points: int = Field(12, ge=8)


class CRTomography(Routine[CRTomographySettings]):
    """The target's Bloch vector under one tone of growing length, the control in 0 and in 1.

    Each is a turn about a fixed axis; half their sum and difference are IX, IY, IZ and ZX, ZY, ZZ in Hz, with
    ``H/h = sum of AB / 2`` (Sheldon, Magesan, Chow, Gambetta, PRA 93, 060302).
    """

    name = "cr_tomography"
    kind = Kind.COUPLER
    gate = "ecr"
    depends_on: ClassVar[tuple[str, ...]] = ("fine_amplitude", "readout")
    timeout_h = 168.0
    settings = CRTomographySettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: CRTomographySettings) -> Sequence[Axis]:
        """The control's level, lengths of the flat part, sides."""
        tick, grain = float(snapshot.timing.dt), snapshot.timing.granularity
        ticks = np.unique((np.linspace(0, settings.longest_s, settings.points) / tick / grain).round()) * grain
        firsts = [halves(snapshot, pair)[0] for pair in targets]
        edges = [with_flat_top(snapshot, pulse.waveform, grain).duration - grain for pulse in firsts]
        allowed = duration_range(snapshot, [pulse.frame for pulse in firsts], edges)
        return [
            Axis("control", np.array([0.0, 1.0]), stepped=True),
            Axis("length", ticks * tick, "s", stepped=True, reach=allowed, step=grain * tick),
            bloch.sides(poles=True),
        ]

    def play(self, page: Page, at: Point, settings: CRTomographySettings) -> None:
        """The first half's tone alone, longer or shorter."""
        ticks = round(at.number("length") / float(page.snapshot.timing.dt))
        firsts = [halves(page.snapshot, pair)[0] for pair in page.targets]
        if at.number("control"):
            page.x()
        page.barrier()
        shapes = [with_flat_top(page.snapshot, pulse.waveform, ticks) for pulse in firsts]
        levels = np.array([complex_amplitude(pulse) for pulse in firsts])[:, None]
        page.play([pulse.frame for pulse in firsts], shapes, np.abs(levels), np.angle(levels))
        page.barrier()
        bloch.look(page, at["side"], 1)
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The gate's tone, and how long its flat part is."""
        first = halves(snapshot, target)[0]
        played = complex_amplitude(first)
        seconds = flat_top(snapshot, first.waveform) * float(snapshot.timing.dt)
        zz, exposed = snapshot.zz(*target), bloch.exposed(snapshot, target[1])
        turned = {"behind": TAU * (zz or 0.0) * exposed, "behind_open": TAU * (USUAL_ZZ_HZ if zz is None else 0.0) * exposed}
        return {"amplitude": abs(played), "phase": float(np.angle(played)), "flat": seconds, **turned}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """A turn for each level of the control; then what of the tone would make ZX of the right angle, and no ZY."""
        found = [(yield from _turn(data, 0)), (yield from _turn(data, 1))]
        both = several(**dict(zip(LEVELS, found, strict=True)))
        if min(one.value["height"] for one in found) < 0.6:
            return bad("the target does not turn steadily under the tone", both)
        numbers = _terms(found, float(data["behind_open"]))
        if not np.all(np.isfinite([error for _, error, _ in numbers.values()])):
            return bad("the data do not say about which axis the target turns", both)
        zx, zy = (complex(*numbers[name][:2]) for name in ("zx", "zy"))
        rate, axis = float(np.hypot(zx.real, zy.real)), float(np.arctan2(zy.real, zx.real))
        error = float(np.hypot(zx.imag * np.cos(axis), zy.imag * np.sin(axis)))
        across = float(np.hypot(zx.imag * np.sin(axis), zy.imag * np.cos(axis)))
        edges = float(np.mean([one.value["edges"] for one in found]))
        factor = ANGLE / (TAU * max(rate, 1.0) * (float(data["flat"]) + edges))
        played = float(data["amplitude"]) * factor
        # without ZX the edges may seem to be worth less than nothing
        numbers["amplitude"] = (played, abs(played) * error / max(rate, 1.0), "")
        numbers["phase"] = (float(bloch.wrap_phase(float(data["phase"]) - axis)), across / max(rate, 1.0), "rad")
        if rate < 10 * error:
            return bad("no ZX stands out of the noise", both, **numbers)
        if not 0.3 < factor < 3:
            return bad("the amplitude is off by more than a tone's strength follows it", both, **numbers)
        return good(both, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Amplitude of both halves; the phase of all that turns the target, so that the tone beside keeps its axis."""
        played = complex_amplitude(halves(snapshot, fit.target)[0])
        after = with_cross(snapshot, fit.target, lambda level: level * fit["amplitude"] / abs(level))
        return with_axis(after, fit.target, fit["phase"] - float(np.angle(played)))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 15 % and of 0.15 rad: what the whole gate's own routines follow without this one."""
        played = complex_amplitude(halves(snapshot, fit.target)[0])
        turn = abs(float(np.angle(np.exp(1j * fit["phase"]) / played)))
        return max(abs(fit["amplitude"] / abs(played) - 1), turn) / 0.15

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Components of the target's vector, for each level of the control."""
        turns = [_vectors(data, level) for level in (0, 1)]
        parts = [drawn_turn(data["length"], *turn, fit, part) for turn, part in zip(turns, LEVELS, strict=True)]
        return beside(*parts)


def drawn_turn(lengths: Values, vector: Values, sigma: Values, fit: Fit, part: str) -> Curve:
    """Three components of a vector that a tone turns, against the length of its flat part, with the fit of `turning`."""
    return beside(
        *(
            drawn(
                lengths,
                vector[:, axis],
                lambda x, axis=axis, **shape: turning(np.stack([x, np.full_like(x, axis)]), **shape),
                fit,
                "length, ns: x, y, z",
                sigma[:, axis],
                1e9,
                part,
            )
            for axis in range(3)
        )
    )


def _vectors(data: Measured, level: int) -> tuple[Values, Values]:
    """Vectors of the target for one level of the control, and their errors, ``float64[lengths, 3]``."""
    vector, sigma = bloch.vector(data.at(place=1, control=level))
    # ZZ has kept it behind during the pulse that looks
    behind = level * float(data["behind"])
    plane = (vector[..., 0] + 1j * vector[..., 1]) * np.exp(1j * behind)
    return np.stack([plane.real, plane.imag, vector[..., 2]], axis=-1), sigma


def _turn(data: Measured, level: int) -> Asking[CurveFit]:
    """Turn of the target for one level of the control, Hz along x, y and z."""
    vector, sigma = _vectors(data, level)
    length, component = np.meshgrid(data["length"], np.arange(3), indexing="ij")
    x = np.stack([length.ravel(), component.ravel()])
    most = 0.45 / float(np.diff(data["length"]).max())
    rates = np.outer(np.linspace(0.02, 1.0, 25) * most, np.exp(1j * np.linspace(0, TAU, 16, endpoint=False))).ravel()
    starts: Starts = {"height": 0.95, "x_rate": rates.real, "y_rate": rates.imag, "z_rate": 0.0, "edges": 30e-9}
    bounds = {"height": (0.0, 1.1), "edges": (-0.2e-6, 0.3e-6)} | dict.fromkeys(
        ("x_rate", "y_rate", "z_rate"), (-1.2 * most, 1.2 * most)
    )
    return (yield Search(turning, x, vector.ravel(), sigma.ravel(), starts, bounds))


def _terms(found: Sequence[CurveFit], behind: float) -> dict[str, Estimate]:
    """The six terms, Hz; ``behind`` is what an unknown ZZ may have turned one of the axes by while it was looked at, rad."""
    numbers: dict[str, Estimate] = {}
    for name, sign in (("i", 1), ("z", -1)):
        for axis in "xyz":
            first, second = (one.of(f"{axis}_rate") for one in found)
            across = behind * abs(found[1].value[{"x": "y_rate", "y": "x_rate"}[axis]]) if axis in "xy" else 0.0
            error = float(np.sqrt(first[1] ** 2 + second[1] ** 2 + across**2)) / 2
            numbers[name + axis] = ((first[0] + sign * second[0]) / 2, error, "Hz")
    return numbers


def turning(x: Values, height: float, x_rate: float, y_rate: float, z_rate: float, edges: float) -> Values:
    """Components of a vector that began at +z.

    Args:
        x: ``[length in s, component]``.
        height: Length of the vector.
        x_rate: Turn along x, Hz.
        y_rate: Along y, Hz.
        z_rate: Along z, Hz.
        edges: Flat length in s that the edges are worth.
    """
    size = np.maximum(np.sqrt(x_rate**2 + y_rate**2 + z_rate**2), 1e-3)
    along = (x_rate / size, y_rate / size, z_rate / size)
    angle, (is_x, is_y, is_z) = TAU * size * (x[0] + edges), (x[1] == component for component in range(3))
    # Rodrigues' turn of +z
    swept, lifted = is_x * along[1] - is_y * along[0], is_x * along[0] + is_y * along[1] + is_z * along[2]
    back = 1 - np.cos(angle)
    return np.asarray(height * (is_z + swept * np.sin(angle) + (lifted * along[2] - is_z) * back))
