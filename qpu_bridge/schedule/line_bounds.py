"""Bounds: what a laboratory allows on its lines, of what the driver says they can do."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor
from typing import Any, Self

from pydantic import Field, model_validator

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule.limits import Document, Limits, PortLimits
from qpu_bridge.schedule.port import PortKind

SOUNDING = ("max_amplitude", "max_sum", "max_power_dbm", "full_scale_dbm")
"""Bounds on what is played."""


class LineBounds(Document):
    """Bounds of one line, or of all lines of a kind; None leaves what the driver says.

    Attributes:
        max_amplitude: Largest magnitude of amplitude times envelope, in full scales.
        max_sum: Largest sum of these magnitudes over carriers that sound together, in full scales.
        max_power_dbm: Largest power of all carriers together at the top of a pulse, where ``full_scale_dbm`` was measured, dBm.
        full_scale_dbm: Power that one carrier of amplitude 1 has there, as a spectrum analyser showed it with the attenuation in
            use, dBm.
        min_frequency: Lowest carrier, Hz.
        max_frequency: Highest carrier, Hz.
        max_duration_s: Longest play or capture, s.
    """

    max_amplitude: float | None = Field(None, gt=0, le=1)
    max_sum: float | None = Field(None, gt=0)
    max_power_dbm: float | None = Field(None, ge=-200, le=100)
    full_scale_dbm: float | None = Field(None, ge=-200, le=100)
    min_frequency: float | None = Field(None, ge=0)
    max_frequency: float | None = Field(None, ge=0)
    max_duration_s: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_frequency is not None and self.max_frequency is not None and self.min_frequency > self.max_frequency:
            raise ValueError("min_frequency must not be above max_frequency")
        return self


class Bounds(Document):
    """Bounds of a device: for all lines of a kind, and for single ones. The narrowest holds.

    Attributes:
        drive: Of lines that drive qubits.
        flux: Of lines that tune qubits or couplers.
        readout: Of lines on which readout tones are played.
        acquire: Of lines on which they are heard.
        lines: By name of the line in the snapshot.
    """

    drive: LineBounds = Field(default_factory=LineBounds)
    flux: LineBounds = Field(default_factory=LineBounds)
    readout: LineBounds = Field(default_factory=LineBounds)
    acquire: LineBounds = Field(default_factory=LineBounds)
    lines: dict[str, LineBounds] = {}

    def narrow(self, limits: Limits, where: str = "bounds") -> Limits:
        """What of a device may be used.

        Args:
            limits: What it can do.
            where: Where the bounds stand, for errors.

        Raises:
            SettingsError: If a line does not exist, a bound is of no use on its line, or nothing is left.
        """
        known = {port.name for port in limits.ports}
        for name in self.lines:
            if name not in known:
                raise SettingsError(
                    f"a line with bounds must be one of the device ({', '.join(sorted(known))})",
                    given=name,
                    where=f"{where}.lines",
                )
        return limits.model_copy(update={"ports": tuple(self._narrowed(port, where) for port in limits.ports)})

    def _narrowed(self, port: PortLimits, where: str) -> PortLimits:
        own = self.lines.get(port.name, LineBounds())
        of_kind: LineBounds = getattr(self, port.kind.value)
        place = f"{where}.{port.kind.value}" if own == LineBounds() else f"{where}.lines.{port.name}"
        scale = of_kind.full_scale_dbm if own.full_scale_dbm is None else own.full_scale_dbm
        if scale is not None and of_kind.max_power_dbm is None and own.max_power_dbm is None:
            raise SettingsError("full_scale_dbm is there for max_power_dbm", given="no max_power_dbm", where=place)
        changes: dict[str, Any] = {}
        for bound in (of_kind, own):
            for field, value in _limits(bound, port, place, scale):
                there = changes.get(field, getattr(port, field))
                changes[field] = value if there is None else max(there, value) if field.startswith("min") else min(there, value)
        if not changes:
            return port
        for least, most, unit in (("min_frequency", "max_frequency", "Hz"), ("min_duration", "max_duration", "samples")):
            low, high = (changes.get(field, getattr(port, field)) for field in (least, most))
            if low > high:
                could = f"{getattr(port, least):.9g} to {getattr(port, most):.9g} {unit}"
                must = f"bounds of line {port.name} must leave some of what it can do ({could})"
                raise SettingsError(must, given=f"from {low:.9g} to {high:.9g} {unit}", where=place)
        return port.model_copy(update=changes)


def _limits(bound: LineBounds, port: PortLimits, where: str, full_scale_dbm: float | None) -> Iterator[tuple[str, Any]]:
    """The limits that one table of bounds means: field of `PortLimits`, value."""
    if port.kind is PortKind.ACQUIRE:
        for field in SOUNDING:
            if getattr(bound, field) is not None:
                raise SettingsError("a line that listens has no amplitude to be bounded", given=field, where=where)
    if port.kind is PortKind.FLUX and (bound.min_frequency is not None or bound.max_frequency is not None):
        raise SettingsError("a flux line has no carrier to be bounded", given="a frequency", where=where)
    for field in ("max_amplitude", "max_sum", "min_frequency", "max_frequency"):
        if (value := getattr(bound, field)) is not None:
            yield field, value
    if bound.max_duration_s is not None:
        # a bound that is a whole number of samples but for rounding keeps them all
        yield "max_duration", floor(bound.max_duration_s / float(port.dt) * (1 + 1e-12))
    if bound.max_power_dbm is None:
        return
    if full_scale_dbm is None:
        raise SettingsError(
            f"a bound of power on line {port.name} must go with the power of amplitude 1",
            given="no full_scale_dbm",
            where=where,
            remedy="Measure it, and say full_scale_dbm; or bound max_amplitude.",
        )
    level = 10 ** ((bound.max_power_dbm - full_scale_dbm) / 20)
    yield "max_amplitude", min(1.0, level)
    yield "max_sum", level
