"""What a driver is told: by the rack file, checked before anything else, and by the settings of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, StrictBool, StrictInt, ValidationError

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Document
from qpu_emulator.cache import Cache
from qpu_emulator.fault import Fault
from qpu_emulator.scales import Scales

OLDEST_H = 1e6
"""Greatest age of a device, h: a century."""
Whole = Annotated[StrictInt, Field(ge=1)]


class Options(Document):
    """What the rack says of an emulated device.

    Attributes:
        truth: Path of the device file; None takes the truth of the built-in device that the snapshot is of.
        threads: Parts of a run to play at a time.
        workers: Address of a Dask scheduler whose workers play instead, or how many worker processes to start here.
        memory: Limit in bytes for what a run may take.
        engine: Which engine plays, unless a run says so itself; None lets `choice` decide.
        drift: Whether a device whose file says nothing of drift drifts as a typical one.
        age_h: Age of the device in h when the driver starts: where on its drift it is.
        clock: ``fast``: results as soon as they are there; ``real``: never before the device's own time has passed.
        faults: What goes wrong from the start; ``true``: nothing, but runs may ask for faults; a path: the same, and the faults
            in that file (read before each run) happen. Without it, nothing goes wrong and nobody may ask for it.
        cache: Whether windows on two qubits are kept on disk, in the user's cache folder; or in which folder.
    """

    truth: Path | None = None
    threads: Whole = Field(default_factory=lambda: len(os.sched_getaffinity(0)))
    workers: Whole | Annotated[str, Field(pattern="^(tcp|tls|ucx)://.+")] | None = None
    memory: Whole = 2 * 2**30
    engine: str | None = None
    drift: StrictBool = False
    age_h: float = Field(0.0, ge=0, le=OLDEST_H)
    clock: Literal["fast", "real"] = "fast"
    faults: StrictBool | Path | tuple[Fault, ...] = False
    cache: StrictBool | Path = True

    @property
    def kept(self) -> Cache | None:
        """Where windows are kept."""
        return Cache(None if self.cache is True else self.cache) if self.cache else None

    @classmethod
    def of(cls, given: Mapping[str, object], device: str) -> Self:
        """Check what the rack file holds.

        Raises:
            SettingsError: Naming all options that are unknown, or the first that does not fit.
        """
        unknown = sorted(set(given) - set(cls.model_fields))
        if unknown:
            known = ", ".join(cls.model_fields)
            raise SettingsError(f"an option of the emulator must be one of {known}", given=", ".join(unknown), where=device)
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            name, words = _first(error)
            raise SettingsError(f"option {name} must fit", given=f"{given[name]!r}: {words}", where=device) from None


class Asked(NamedTuple):
    """The settings of a run, by what they are about.

    Attributes:
        scales: Factors on noise.
        age_h: Age at which it happens, None for what the clock says.
        engine: Engine and what it is to do, the driver's options included.
        faults: What goes wrong.
    """

    scales: Scales
    age_h: float | None
    engine: dict[str, object]
    faults: tuple[Fault, ...]


def _first(error: ValidationError) -> tuple[str, str]:
    """The first option that does not fit, and why: of the types that it may have, the one in which the fault lies deepest."""
    found = error.errors()
    name = str(found[0]["loc"][0])
    mine = [one for one in found if one["loc"][0] == name]
    depth = max(len(one["loc"]) for one in mine)
    deepest = [(".".join(map(str, one["loc"][2:])), one["msg"]) for one in mine if len(one["loc"]) == depth]
    return name, "; ".join(f"{place}: {words}" if place else words for place, words in deepest)
