"""T1: how long an excited qubit lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values, delays
from qpu_calibration.edit import COLD, with_t1
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search

SHORT = 0.2
"""A T1 below this share of the others' median is complained about: most often a two-level system nearby takes the energy
(Klimov et al., PRL 121, 090502)."""

FAR = 40.0
"""The first look waits from 1/40 of the shortest T1 that is believed to 40 times the longest."""

GOLDEN = (np.sqrt(5) - 1) / 2
"""Multiples of it, modulo 1, are spread evenly however many they are."""

PARTS = np.array([1, 3, 8, 20, 80, 300])
"""The fit of a time starts at these fractions (1 over each) of the longest wait."""


class Waits(Settings):
    """How long is waited for something that fades.

    Attributes:
        points: Waits.
        longest: The longest, in units of the longest time that is believed of the targets.
        shortest: The shortest but 0, in units of the shortest that is believed: each is then longer than the one before by the
            same factor. 0: they grow with the square.
    """

    points: int = Field(25, ge=8)
    longest: float = Field(4.0, gt=0)
    shortest: float = Field(0.0, ge=0)


class T1Settings(Waits):
    """How long is waited, in units of T1."""

    shots: int = Field(500, ge=1)


class T1(Routine[T1Settings]):
    """An ``x``, a wait, readout."""

    name = "t1"
    # before echo and rb, whose numbers follow from another T1 only where they were found beside the one that was believed
    depends_on = ("ramsey",)
    tells = True
    timeout_h = 1.0  # a look costs little, and users shall know of a defect that has come
    settings = T1Settings()

    def passes(self, settings: T1Settings) -> Sequence[T1Settings]:
        """Far first: what is believed may be off by twenty times either way."""
        return [far(settings), settings]

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: T1Settings) -> Sequence[Axis]:
        """Waits that also fit lives ten times shorter than the longest."""
        return [mixed(spread(snapshot, [snapshot.qubits[q].t1 for (q,) in targets], settings))]

    def play(self, page: Page, at: Point, settings: T1Settings) -> None:
        """One wait."""
        page.x()
        page.wait(at["delay"])
        page.measure()

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """An exponential onto a constant."""
        x = data["delay"]
        y, sigma = excited(data)
        starts = {"height": 1.0, "t1": x.max() / PARTS, "base": 0.0}
        found = yield Search(decay, x, y, sigma, starts, {"t1": (x.max() / 4000, x.max() * 20), "base": (-0.2, 0.5)})
        t1 = found.of("t1", "s")
        if found.value["height"] < 0.3 or found.value["height"] < 6 * found.error["height"]:
            return bad("no decay stands out of the noise", found, t1=t1)
        if found.value["base"] > 0.3:
            return bad("what decays does not come to rest in 0", found, t1=t1)
        if found.value["height"] + found.value["base"] < 0.7:
            return bad("what decays was not prepared in 1", found, t1=t1)
        if not t1[1] < 0.3 * t1[0]:
            return bad("the waits do not tell T1", found, t1=t1)
        return good(found, t1=t1)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The number, and what follows from it."""
        return with_t1(snapshot, fit.qubit, fit["t1"], fit.error("t1"))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of a fifth, and of what the fit leaves open."""
        before = snapshot.qubits[fit.qubit].t1
        return fit.off("t1", before, 0.2 * before)

    def complaint(self, snapshot: Snapshot, fit: Fit) -> str:
        """A T1 far below that of the others."""
        usual = float(np.median([qubit.t1 for qubit in snapshot.qubits if qubit.index != fit.qubit] or [fit["t1"]]))
        if fit["t1"] + 3 * fit.error("t1") > SHORT * usual:
            return ""
        return f"T1 is {1e6 * fit['t1']:.3g} us, below {SHORT:.0%} of the others' median of {1e6 * usual:.3g} us"

    def remark(self, snapshot: Snapshot, fit: Fit) -> str:
        """That shots begin warm, where the machine may not wait for long enough."""
        timing, needed = snapshot.timing, COLD * fit["t1"]
        if needed <= timing.max_rep_delay:
            return ""
        left = np.exp(-timing.passive_reset / fit["t1"])
        return (
            f"{COLD:g} T1 are {1e6 * needed:.0f} us, and the machine may wait {1e6 * timing.max_rep_delay:.0f} us between shots "
            f"(max_rep_delay): {left:.1%} of an excitation is left at the next shot"
        )

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Population against wait."""
        y, sigma = excited(data)
        return drawn(data["delay"], y, decay, fit, "wait, us", sigma, scale=1e6)


W = TypeVar("W", bound=Waits)


def far(settings: W) -> W:
    """Settings of a first look with which a time is found that may be anything."""
    coarse = {"shots": -(-settings.shots // 2), "points": 17, "longest": FAR, "shortest": 1 / FAR}
    return settings.model_copy(update=coarse)


def spread(snapshot: Snapshot, believed_s: Sequence[float], settings: Waits, parts: int = 1) -> Axis:
    """Waits from 0 on, denser where they are short.

    Args:
        snapshot: Its clock is the grid.
        believed_s: Times of all targets in s, in units of which the waits are given.
        settings: The waits.
        parts: In how many equal parts each will be played.
    """
    longest = settings.longest * max(believed_s)
    waits = longest * np.linspace(0, 1, settings.points) ** 2
    if settings.shortest:
        waits = np.append(0.0, np.geomspace(settings.shortest * min(believed_s), longest, settings.points - 1))
    return delays(snapshot, waits, parts=parts)


def mixed(rising: Axis) -> Axis:
    """Short and long waits in turn.

    Any stretch of them is spread over all: what a readout that falls over on the way leaves does not look like what has faded.
    """
    return replace(rising, values=rising.values[np.argsort(np.arange(rising.points) * GOLDEN % 1)])


def decay(x: Values, height: float, t1: float, base: float) -> Values:
    """Population against wait."""
    return base + height * np.exp(-x / t1)
