"""The experimental options that this server knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qpu_bridge.driver import Capabilities
from qpu_bridge.errors import BadRequest, UnsupportedOption

QUASI = "quasi_distribution"
"""Key of ``experimental`` that asks a sampler for quasi-distributions."""

CALIBRATION_SHOTS = 8192
"""In how many shots each state of each qubit is prepared to calibrate its readout, by default."""

GROUPS = ("device", "noise")
"""Keys of ``experimental`` that hold device settings by name; the two mean the same."""


@dataclass(frozen=True, slots=True)
class Experimental:
    """Experimental options, checked.

    Attributes:
        seed: Everything random is drawn from it, instead of a fresh number.
        settings: Device settings for `driver.Run.settings`.
        calibration_shots: Of readout, for quasi-distributions; None if they are not asked for.
    """

    seed: int | None = None
    settings: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    calibration_shots: int | None = None


def read_experimental(options: Mapping[str, Any] | None, capabilities: Capabilities, *, quasi: bool = False) -> Experimental:
    """Check experimental options against what the device can be set to.

    Args:
        options: The options.
        capabilities: Of the device.
        quasi: Whether the program can give quasi-distributions.

    Raises:
        UnsupportedOption: If a key is unknown, or the device has no such setting.
        BadRequest: If a value does not fit.
    """
    seed: int | None = None
    calibration_shots: int | None = None
    settings: dict[str, float | int | str | bool] = {}
    known = {setting.name: setting for setting in capabilities.settings}
    for key, value in (options or {}).items():
        where = f"options.experimental.{key}"
        if key == "seed":
            seed = _seed(value, where)
        elif key == QUASI and quasi:
            calibration_shots = _calibration_shots(value, where)
        elif key in GROUPS:
            if not isinstance(value, Mapping):
                raise BadRequest("device settings must be an object of names and values", given=str(value)[:80], where=where)
            for name, level in value.items():
                setting = known.get(name)
                if setting is None:
                    raise UnsupportedOption(
                        "a device setting must be one that the device has",
                        given=name,
                        where=where,
                        remedy=f"Device {capabilities.device} has: {', '.join(sorted(known)) or 'none'}",
                    )
                setting.check(level)
                if settings.get(name, level) != level:
                    raise BadRequest(
                        "a device setting must have one value", given=f"{settings[name]} and {level} for {name}", where=where
                    )
                settings[setting.name] = level
        else:
            raise UnsupportedOption(
                "an experimental option must be one of " + ", ".join(("seed", *GROUPS, *([QUASI] if quasi else []))),
                given=key,
                where="options.experimental",
                remedy="Quasi-distributions are given by the older sampler (SamplerV2)." if key == QUASI else "",
            )
    return Experimental(seed, settings, calibration_shots)


def _calibration_shots(value: Any, where: str) -> int | None:
    """Shots of the calibration; None if the option says no."""
    if isinstance(value, bool):
        return CALIBRATION_SHOTS if value else None
    if not isinstance(value, Mapping) or not set(value) <= {"calibration_shots"}:
        raise BadRequest(
            "quasi_distribution must be true, or an object with calibration_shots", given=str(value)[:80], where=where
        )
    shots = value.get("calibration_shots", CALIBRATION_SHOTS)
    if isinstance(shots, bool) or not isinstance(shots, int) or shots < 1:
        raise BadRequest("calibration_shots must be a whole number of at least 1", given=str(shots)[:80], where=where)
    return shots


def _seed(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise BadRequest("a seed must be a whole number from 0 to 2**63 - 1", given=str(value)[:80], where=where)
    return value
