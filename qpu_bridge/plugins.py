"""Plugins: a name of an installed entry point to a driver, a snapshot, a program. The built-in ones enter by the same door."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

from qpu_bridge.driver import Driver, Finding, Verdict
from qpu_bridge.errors import SettingsError
from qpu_bridge.target import Snapshot

DRIVERS = "qpu_bridge.drivers"
"""Group whose entries are classes, built as ``cls(device, snapshot, options)``."""
SNAPSHOTS = "qpu_bridge.snapshots"
"""Group whose entries are functions ``() -> Snapshot``."""

COMMANDS = "qpu_bridge.commands"
"""Group whose entries are `typer` programs, or functions for a single command; ``qpu-bridge`` gets each under its name."""

PROGRAMS = "qpu_bridge.programs"
"""Group whose entries are modules with ``check(params_json, device_view)`` and ``run(params_json, context)``; see `programs`."""

KEEPERS = "qpu_bridge.keepers"
"""Group whose entries are classes that keep a device calibrated between jobs; see `execution.Keeper`."""

VERBS = ("capabilities", "load", "run", "abort", "status", "close")
"""What a driver can be asked."""


def command_names() -> tuple[str, ...]:
    """Names of commands that installed packages add to ``qpu-bridge``, sorted."""
    return _names(COMMANDS)


def load_command(name: str) -> Any:
    """Such a command: a `typer` program, or a function.

    Raises:
        SettingsError: If it is not installed, or cannot be imported.
    """
    return _load(COMMANDS, "command", name)


def program_names() -> tuple[str, ...]:
    """Ids of programs that installed packages add, sorted."""
    return _names(PROGRAMS)


def load_program(program_id: str) -> Any:
    """The module of such a program.

    Raises:
        SettingsError: If it is not installed, or cannot be imported.
    """
    return _load(PROGRAMS, "program", program_id)


def keepers() -> tuple[Any, ...]:
    """Classes that keep a device calibrated.

    Raises:
        SettingsError: If one cannot be imported.
    """
    return tuple(_load(KEEPERS, "keeper", name) for name in _names(KEEPERS))


def driver_names() -> tuple[str, ...]:
    """Names of the installed drivers, sorted."""
    return _names(DRIVERS)


def snapshot_names() -> tuple[str, ...]:
    """Names of the built-in snapshots, sorted."""
    return _names(SNAPSHOTS)


def load_driver(name: str) -> Callable[[str, Snapshot, Mapping[str, object]], object]:
    """Import a driver's class, and touch no instrument.

    Raises:
        SettingsError: If no such driver is installed, or it cannot be imported.
    """
    return cast("Callable[[str, Snapshot, Mapping[str, object]], object]", _load(DRIVERS, "driver", name))


def open_driver(name: str, device: str, snapshot: Snapshot, options: Mapping[str, object]) -> Driver:
    """Build a driver in this process.

    Args:
        name: Entry point.
        device: Name of the device.
        snapshot: What the lab believes of it.
        options: What the driver wants to know; it refuses what it does not.

    Raises:
        SettingsError: If no such driver is installed, it cannot be imported, or it lacks a verb of `Driver`.
    """
    driver = load_driver(name)(device, snapshot, options)
    if not isinstance(driver, Driver):
        missing = [verb for verb in VERBS if not callable(getattr(driver, verb, None))]
        raise SettingsError(
            f"driver {name} must have the verbs {', '.join(VERBS)}",
            given=f"{type(driver).__module__}.{type(driver).__qualname__} without {', '.join(missing)}",
        )
    return driver


def check_driver(name: str, device: str, snapshot: Snapshot, options: Mapping[str, object]) -> Iterator[Finding]:
    """Look at a device without playing anything, and say what is well and what is not.

    A class that has a classmethod ``check(device, snapshot, options) -> Iterator[Finding]`` is asked; any other driver is
    built, and says what it is.

    Args:
        name: Entry point.
        device: Name of the device.
        snapshot: What the lab believes of it.
        options: What the driver wants to know.

    Raises:
        SettingsError: As `open_driver`; a class that checks itself yields a finding instead where it can go on.
    """
    own = getattr(_load(DRIVERS, "driver", name), "check", None)
    if callable(own):
        yield from cast("Iterator[Finding]", own(device, snapshot, options))
        return
    driver = open_driver(name, device, snapshot, options)
    try:
        capabilities = driver.capabilities()
    finally:
        driver.close()
    measured = "simulated" if capabilities.simulated else "measured"
    yield Finding(
        Verdict.GOOD, device, f"driver {name} {capabilities.version} answers; results are {measured}: {capabilities.source}"
    )
    known = {port.name for port in capabilities.limits.ports}
    for port in snapshot.ports:
        if port.name not in known:
            yield Finding(Verdict.WRONG, f"line {port.name}", "the driver does not know it", "Wire it in the driver's options.")


def require_driver(name: str) -> None:
    """Refuse the name of a driver that is not installed, without importing any.

    Raises:
        SettingsError: With the names of those that are.
    """
    _entry(DRIVERS, "driver", name)


def open_snapshot(name_or_path: str | Path, device: str | None = None) -> Snapshot:
    """A built-in snapshot by its name, or one from a file.

    Args:
        name_or_path: Which.
        device: Name of the device that it is used for; it stands in the snapshot in place of the file's own. None keeps that.

    Raises:
        SettingsError: If there is neither, or the file is not a snapshot.
    """
    if str(name_or_path) in snapshot_names():
        make = cast("Callable[[], Snapshot]", _load(SNAPSHOTS, "snapshot", str(name_or_path)))
        return _named(make(), device)
    path = Path(name_or_path)
    if not path.is_file():
        there = ", ".join(snapshot_names()) or "none"
        raise SettingsError(f"a snapshot must be a file or one of the built-in ones ({there})", given=str(name_or_path))
    return _named(Snapshot.read(path), device)


def _named(snapshot: Snapshot, device: str | None) -> Snapshot:
    return snapshot if device in (None, snapshot.device) else snapshot.model_copy(update={"device": device})


def _names(group: str) -> tuple[str, ...]:
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))


def _entry(group: str, what: str, name: str) -> EntryPoint:
    found: list[EntryPoint] = list(entry_points(group=group, name=name))
    if not found:
        raise SettingsError(
            f"a {what} must be one of the installed ones ({', '.join(_names(group)) or 'none'})",
            given=name,
            remedy=f"Others are found as soon as a package with an entry point in the group {group} is installed.",
        )
    if len({entry.value for entry in found}) > 1:
        raise SettingsError(f"a {what}'s name must be registered once", given=", ".join(sorted(entry.value for entry in found)))
    return found[0]


def _load(group: str, what: str, name: str) -> Any:
    entry = _entry(group, what, name)
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{what} {name} must be importable", given=str(error), where=entry.value) from error
