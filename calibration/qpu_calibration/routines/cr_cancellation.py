"""Cancellation tone: what cross-resonance turns the target by across the axis of ZX, whatever the control's level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from qpu_bridge.target import Snapshot
from qpu_calibration.cross import rabi_rate, tone, with_tone
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Target
from qpu_calibration.routines.cr_tomography import CRTomography
from qpu_calibration.search import Asking


class CRCancellation(CRTomography):
    """Tomography, from which follows the tone that takes away what turns the target across the axis of ZX.

    IX and IY change their sign with the tone, so that the echo undoes them as far as they commute with ZX: IX whole, IY not.
    The part of the target's tone along ZX is left to the rotary tone, which is of the same line and envelope (Sundaresan et al.,
    PRX Quantum 1, 020318). All axes are counted from that of ZX, which `cr_phase` brings to X for the whole gate.
    """

    name = "cr_cancellation"
    depends_on: ClassVar[tuple[str, ...]] = ("cr_tomography",)
    timeout_h = 48.0

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """How fast the target's own tone turns it at full scale."""
        return {**super().facts(snapshot, target), "rabi": rabi_rate(snapshot, target[1])}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """The tone across the axis of ZX that leaves no turn about it."""
        found = yield from super().fit_one(data)
        numbers = {name: (p.value, p.error, p.unit) for name, p in found.parameters.items() if p.unit == "Hz"}
        if found.parameters:
            zx, own = (complex(found[f"{name}x"], found[f"{name}y"]) for name in ("z", "i"))
            axis, scale = float(np.angle(zx)), float(data["rabi"])
            across = (own * np.exp(-1j * axis)).imag
            error = float(np.hypot(found.error("iy"), abs(own.real) * found.error("zy") / max(abs(zx), 1.0)))
            tilt = found.error("zy") / max(abs(zx), 1.0)
            numbers |= {"quadrature": (-across / scale, error / scale, ""), "axis": (axis, tilt, "rad")}
        made = bad(found.reason, **numbers) if not found.good else good(None, **numbers)
        return made.model_copy(update={"shape": found.shape, "chi_square": found.chi_square})

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The tone's part across the axis of ZX."""
        along = np.exp(1j * fit["axis"])
        return with_tone(snapshot, fit.target, lambda level: complex((level / along).real, fit["quadrature"]) * along)

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 0.3 MHz by which the tone turns the target across the axis of ZX."""
        across = float((tone(snapshot, fit.target) * np.exp(-1j * fit["axis"])).imag)
        return abs(fit["quadrature"] - across) * rabi_rate(snapshot, fit.target[1]) / 300e3
