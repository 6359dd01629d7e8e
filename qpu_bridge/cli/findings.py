"""``qpu-bridge driver NAME --check``: what a driver finds when it looks at its instruments."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from qpu_bridge import plugins
from qpu_bridge.driver import Finding, Verdict
from qpu_bridge.errors import SettingsError
from qpu_bridge.settings import Rack

COLOUR = {Verdict.GOOD: "green", Verdict.NOTE: "yellow", Verdict.WRONG: "red"}


def look(name: str, device: str, snapshot: str, options: dict[str, object], rack: Path | None) -> int:
    """Print the findings as they come.

    Args:
        name: The driver.
        device: The device; with a rack file, its name there.
        snapshot: Built-in snapshot by name, or a path.
        options: What the driver wants to know.
        rack: Where snapshot and options stand instead.

    Returns:
        Exit code: 1 if something is wrong.

    Raises:
        SettingsError: If driver, device or snapshot are not there.
    """
    if rack is not None:
        spec = Rack.read(rack).devices.get(device)
        if spec is None or spec.driver != name:
            given = device if spec is None else f"{device}, which is played by driver {spec.driver}"
            raise SettingsError(
                f"the rack must have the device, with driver {name}", given=given, where=str(rack), remedy="Give --device."
            )
        snapshot, options = spec.snapshot, {**spec.options, **options}
    console, wrong = Console(), 0
    for finding in plugins.check_driver(name, device, plugins.open_snapshot(snapshot, device), options):
        console.print(_line(finding), style=COLOUR[finding.verdict], markup=False, highlight=False, soft_wrap=True)
        wrong += finding.verdict is Verdict.WRONG
    return int(wrong > 0)


def _line(finding: Finding) -> str:
    return f"{finding.verdict:5}  {finding.place}: {finding.text}" + (f". {finding.remedy}" if finding.remedy else "")
