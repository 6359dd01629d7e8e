"""Factors on every source of noise, settable per run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qpu_bridge.driver import Setting
from qpu_bridge.errors import UnsupportedOption
from qpu_emulator.chip.device import Device

_MOST = 100.0
"""Largest factor: beyond, what is weak in the model is not weak any more."""
_MEANING = {
    "t1": "relaxation rate (0: none, and each shot starts cooled)",
    "t2": "rate of white pure dephasing",
    "low_frequency": "size of quasi-static and 1/f frequency noise",
    "zz": "ZZ coupling of idle neighbours",
    "readout": "everything that goes wrong in readout: receiver noise, relaxation during it, crosstalk, photons left after it",
    "readout_crosstalk": "what a readout hears of other resonators on its line",
    "thermal": "thermal population",
    "line": "gain, delay and settling of lines (0: ideal lines)",
    "crosstalk": "crosstalk between drive lines",
    "drift": "drift since time 0, and of what defects do",
}


@dataclass(frozen=True, slots=True)
class Scales:
    """A factor per source; 1 is the device as it is, 0 switches the source off."""

    t1: float = 1.0
    t2: float = 1.0
    low_frequency: float = 1.0
    zz: float = 1.0
    readout: float = 1.0
    readout_crosstalk: float = 1.0
    thermal: float = 1.0
    line: float = 1.0
    crosstalk: float = 1.0
    drift: float = 1.0

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> Scales:
        """The scales of a run.

        Raises:
            UnsupportedOption: If a key is unknown or a value is not a number of at least 0.
        """
        for name, value in settings.items():
            if name not in _MEANING:
                raise UnsupportedOption(f"a setting of the emulator must be one of {', '.join(_MEANING)}", given=name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise UnsupportedOption("a noise scale must be a number of at least 0", given=repr(value), where=name)
        return cls(**{name: float(value) for name, value in settings.items()})  # type: ignore[arg-type]


def settings(device: Device) -> tuple[Setting, ...]:
    """What a run may scale, for the capability document; no factor may heat a qubit of the device beyond a half."""
    hottest = max((transmon.thermal for transmon in device.transmons), default=0.0)
    most = {"thermal": min(_MOST, 0.5 / hottest) if hottest else _MOST}
    return tuple(
        Setting(name=name, kind="number", description=f"Factor on the {text}.", minimum=0.0, maximum=most.get(name, _MOST))
        for name, text in _MEANING.items()
    )
