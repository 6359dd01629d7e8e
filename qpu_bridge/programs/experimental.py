"""The experimental options that this server knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qpu_bridge.driver import Capabilities
from qpu_bridge.errors import BadRequest, UnsupportedOption

GROUPS = ("device", "noise")
"""Keys of ``experimental`` that hold device settings by name; the two mean the same."""


@dataclass(frozen=True, slots=True)
class Experimental:
    """Experimental options, checked.

    Attributes:
        seed: Everything random is drawn from it, instead of a fresh number.
        settings: Device settings for `driver.Run.settings`.
    """

    seed: int | None = None
    settings: Mapping[str, float | int | str | bool] = field(default_factory=dict)


def read_experimental(options: Mapping[str, Any] | None, capabilities: Capabilities) -> Experimental:
    """Check experimental options against what the device can be set to.

    Raises:
        UnsupportedOption: If a key is unknown, or the device has no such setting.
        BadRequest: If a value does not fit.
    """
    seed: int | None = None
    settings: dict[str, float | int | str | bool] = {}
    known = {setting.name: setting for setting in capabilities.settings}
    for key, value in (options or {}).items():
        where = f"options.experimental.{key}"
        if key == "seed":
            seed = _seed(value, where)
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
                "an experimental option must be one of seed, " + ", ".join(GROUPS), given=key, where="options.experimental"
            )
    return Experimental(seed, settings)


def _seed(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise BadRequest("a seed must be a whole number from 0 to 2**63 - 1", given=str(value)[:80], where=where)
    return value
