"""The routines there are: the built-in ones and a laboratory's own, by the same door."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import EntryPoints, entry_points
from typing import Any

from qpu_bridge.errors import SettingsError
from qpu_calibration.routine import Routine

ROUTINES = "qpu_bridge.routines"
"""Group of entry points whose entries are subclasses of `Routine` that need no arguments."""


def names() -> tuple[str, ...]:
    """Names of the installed routines, sorted."""
    return tuple(sorted({entry.name for entry in entries()}))


@lru_cache
def entries() -> EntryPoints:
    """Where they are. Asked once: each time all that is installed is looked through."""
    return entry_points(group=ROUTINES)


@lru_cache
def routine(name: str) -> Routine[Any]:
    """A routine by its name.

    Raises:
        SettingsError: If there is none, it cannot be imported, or it is no routine.
    """
    found = list(entries().select(name=name))
    if not found:
        raise SettingsError(f"a routine must be one of {', '.join(names())}", given=name)
    try:
        made = found[0].load()()
    except (ImportError, AttributeError, TypeError) as error:
        raise SettingsError(f"routine {name} must be importable", given=str(error), where=found[0].value) from error
    if not isinstance(made, Routine) or made.name != name:
        raise SettingsError(
            "a routine must be a Routine that bears the name of its entry point", given=name, where=found[0].value
        )
    return made
