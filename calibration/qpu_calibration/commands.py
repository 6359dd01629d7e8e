"""``qpu-bridge calibrate`` and ``qpu-bridge calibration``."""

from __future__ import annotations

import re
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qpu_bridge.cli.rack import RackOption
from qpu_bridge.cli.tabular import JsonOption, show
from qpu_bridge.errors import Cancelled, SettingsError
from qpu_bridge.lasting import lasting

if TYPE_CHECKING:
    from qpu_bridge.target import Snapshot
    from qpu_calibration.shelf import Shelf

DeviceOption = Annotated[str | None, typer.Option("--device", "-d", help="Name in the rack; not needed if it has one device.")]
VersionArgument = Annotated[str, typer.Argument(help="Calibration id or number of a version, `current` or `previous`.")]

WRONG = 1
"""Exit code if something failed, waits for what failed, or (with --check) is out of specification."""
INTERRUPTED = 130

app = typer.Typer(help="Versions of a device's calibration: what was believed when, and why.", no_args_is_help=True)


def calibrate(
    routine: Annotated[str, typer.Argument(help="A routine, or `all`. What it needs is seen to first.")] = "all",
    qubits: Annotated[str | None, typer.Option(help="Only these: 0,1,4-7.")] = None,
    couplers: Annotated[str | None, typer.Option(help="Only these: 0-1,1-2.")] = None,
    device: DeviceOption = None,
    rack: RackOption = None,
    check: Annotated[bool, typer.Option("--check", help="Only look: change nothing, whatever is found.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Calibrate also what is in specification.")] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Look first at what was never calibrated here: the snapshot may be right.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="For simulated devices: the same seed gives the same results.", min=0)] = None,
    figures: Annotated[bool, typer.Option(help="Draw a figure of each fit.")] = True,
) -> None:
    """Calibrate a device: only what is stale or wrong, going back as far as needed.

    \b
      qpu-bridge calibrate                                   (all of the only device)
      qpu-bridge calibrate rabi --qubits 0,2 --force
      qpu-bridge calibrate all --check --rack lab.toml --device lab_one
    \b
    Exit code 0 if all is in specification, 1 if not. If a bridge serves the device, it does this as a job ahead of the line.
    """
    if check and (force or trust):
        raise SettingsError("--check changes nothing", given="--force" if force else "--trust", remedy="Leave one of them out.")
    from qpu_bridge.cli.connection import coming_up
    from qpu_bridge.cli.rack import running_url
    from qpu_calibration.shelf import Shelf

    shelf = Shelf.open(rack, device)
    asked = {"routine": routine, "qubits": _qubits(qubits), "couplers": _couplers(couplers), "seed": seed}
    asked |= {"check": check, "force": force, "trust": trust, "figures": figures}
    stopped = _interrupted()
    try:
        if running_url(shelf.rack) is not None:
            from qpu_calibration.request import CalibrationRequest
            from qpu_calibration.submission import calibrate_as_job

            well = calibrate_as_job(shelf, CalibrationRequest.model_validate(asked), lambda: bool(stopped))
        else:
            with coming_up(shelf.rack, shelf.device, waits=True) as arrived:
                with lasting():
                    # while the driver's process imports what it needs
                    from qpu_calibration.request import CalibrationRequest
                    from qpu_calibration.terminal import calibrate_here

                well = calibrate_here(shelf, CalibrationRequest.model_validate(asked), arrived, lambda: bool(stopped))
    except Cancelled:
        typer.echo("interrupted; what was found before is kept, unless it was rough where a fine number had been", err=True)
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(0 if well else WRONG)


@app.command("list")
def versions(device: DeviceOption = None, rack: RackOption = None, as_json: JsonOption = False) -> None:
    """List all versions, newest first."""
    from qpu_calibration.shelf import Shelf

    shelf = Shelf.open(rack, device)
    shelf.current()
    rows = [
        {
            "number": known.number,
            "calibration_id": known.calibration_id,
            "made_at": known.made_at,
            "routine": known.routine,
            "targets": ["-".join(map(str, target)) for target in known.targets],
            "operator": known.operator,
            "reason": known.reason,
        }
        for known in shelf.versions.history()
    ]
    show(rows, ("number", "calibration_id", "made_at", "routine", "targets", "operator", "reason"), as_json=as_json)


@app.command("show")
def details(name: VersionArgument = "current", device: DeviceOption = None, rack: RackOption = None) -> None:
    """Show where a version comes from: fits, raw data, figures, and what it changed."""
    from rich.console import Console

    from qpu_calibration.fit import Fit
    from qpu_calibration.graph import target_name
    from qpu_calibration.numbers import diff
    from qpu_calibration.picture import format_number
    from qpu_calibration.shelf import Shelf
    from qpu_calibration.tables import changes

    shelf = Shelf.open(rack, device)
    wanted = shelf.named(name)
    known = next(one for one in shelf.versions.history() if one.calibration_id == wanted)
    console = Console(highlight=False)
    facts = {
        "version": f"{known.number}, {known.calibration_id}",
        "made": f"{known.made_at:%Y-%m-%d %H:%M:%S} UTC by {known.routine}",
        "from": known.parent or "",
        "operator": known.operator,
        "software": known.software,
        "reason": known.reason,
    }
    for word, text in facts.items():
        if text:
            console.print(f"{word:>9}  {text}", markup=False, soft_wrap=True)
    fits = [Fit.model_validate(one) for one in known.fits]
    for fit in fits:
        words = ", ".join(
            f"{key} {format_number(number.value, number.error, number.unit)}" for key, number in fit.parameters.items()
        )
        console.print(f"{target_name(fit.target):>9}  {words}", markup=False, soft_wrap=True)
    for run in known.data:
        for path in sorted((shelf.versions.folder / run).rglob("figure.png")):
            console.print(f"   figure  {path}", markup=False, soft_wrap=True)
        data = shelf.versions.folder / run / "data.h5"
        console.print(f"     data  {data}{'' if data.exists() else ', which somebody has deleted'}", markup=False, soft_wrap=True)
    if known.parent is not None:
        console.print(changes(diff(shelf.version(known.parent), shelf.version(wanted)), fits))


@app.command("draw")
def draw(device: DeviceOption = None, rack: RackOption = None) -> None:
    """Draw the figures that are not there: of runs with --no-figures, and of calibrations that were broken off."""
    from qpu_calibration.archive import Archive
    from qpu_calibration.draw import EXCUSE
    from qpu_calibration.figures import Figures
    from qpu_calibration.shelf import Shelf
    from qpu_calibration.terminal import finish_in_terminal

    stopped = _interrupted()
    missing = Archive(Shelf.open(rack, device).versions.folder).undrawn()
    with Figures() as figures:
        for place, routine in missing:
            figures.ask(place, routine)
        finish_in_terminal(figures, lambda: bool(stopped))
    failed = [] if stopped else [place for place, _ in missing if (place / EXCUSE).exists()]
    for place in failed:
        typer.echo(f"{place}: {(place / EXCUSE).read_text().strip()}", err=True)
    if stopped:
        raise typer.Exit(INTERRUPTED)
    typer.echo(f"{len(missing) - len(failed)} figures drawn")
    raise typer.Exit(WRONG if failed else 0)


@app.command("diff")
def difference(
    first: VersionArgument = "previous", second: VersionArgument = "current", device: DeviceOption = None, rack: RackOption = None
) -> None:
    """Show which numbers differ between two versions."""
    from rich.console import Console

    from qpu_calibration.numbers import diff
    from qpu_calibration.shelf import Shelf
    from qpu_calibration.tables import changes

    shelf = Shelf.open(rack, device)
    found = diff(shelf.version(first), shelf.version(second))
    Console(highlight=False).print(changes(found) if found else "no number differs")


@app.command("rollback")
def rollback(name: VersionArgument, device: DeviceOption = None, rack: RackOption = None) -> None:
    """Put the numbers of an older version in use again, as a new version. The next calibration looks whether they hold.

    Nothing louder or elsewhere than the device's lines allow today is taken, whatever was allowed when the version was made.
    """
    from qpu_calibration.shelf import Shelf

    shelf = Shelf.open(rack, device)
    old = shelf.named(name)
    _adopt(shelf, shelf.versions.open(old), "rollback", f"the numbers of {old} again")


@app.command("export")
def export(
    name: VersionArgument = "current",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File; standard output without.", dir_okay=False)] = None,
    device: DeviceOption = None,
    rack: RackOption = None,
) -> None:
    """Write a version as OpenQASM 3 text, each calibrated gate as a defcal."""
    from qpu_calibration.defcal import to_defcal
    from qpu_calibration.shelf import Shelf

    text = to_defcal(Shelf.open(rack, device).version(name))
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, "utf-8")
        typer.echo(f"wrote {out}")


@app.command("import")
def take(
    file: Annotated[Path, typer.Argument(help="OpenQASM 3 text with defcal.", exists=True, dir_okay=False)],
    device: DeviceOption = None,
    rack: RackOption = None,
) -> None:
    """Read OpenQASM 3 text with defcal statements on top of the version in use, as a new version.

    What the text does not say stays as it is. Nothing louder or elsewhere than the device's lines allow is taken.
    """
    from qpu_calibration.defcal import from_defcal
    from qpu_calibration.shelf import Shelf

    shelf = Shelf.open(rack, device)
    before = shelf.current()
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("a calibration's text must be readable", given=str(error), where=str(file)) from None
    after = from_defcal(text, before)
    if after.device != before.device:
        raise SettingsError(
            "a calibration's text must be of the device that takes it",
            given=after.device,
            where=str(file),
            remedy=f"If its numbers are right for {before.device} too, write that name into its pragma `snapshot`.",
        )
    _adopt(shelf, after, "import", file.name)


def _adopt(shelf: Shelf, snapshot: Snapshot, routine: str, reason: str) -> None:
    from rich.console import Console

    from qpu_bridge.jobs.audit import os_user
    from qpu_calibration.guard import violations
    from qpu_calibration.numbers import diff
    from qpu_calibration.tables import changes

    before = shelf.current()
    found = violations(before, snapshot, shelf.device.capabilities.limits)
    if len(snapshot.qubits) != len(before.qubits) or {p.name for p in snapshot.ports} != {p.name for p in before.ports}:
        found.append("the qubits and lines must be those of the device")
    if found:
        raise SettingsError(
            "what is put in use must be within what the device's lines allow",
            given="; ".join(found[:5]),
            where=routine,
            remedy="Choose other numbers, or widen the device's bounds in the rack file if they are too narrow.",
        )
    made = shelf.versions.commit(
        snapshot,
        routine=routine,
        parent=before.calibration_id,
        operator=os_user(),
        software=version("qpu-bridge"),
        reason=reason,
    )
    console = Console(highlight=False)
    console.print(changes(diff(before, made)))
    console.print(f"in use: {made.calibration_id}", soft_wrap=True)


def _qubits(text: str | None) -> list[int] | None:
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*([0-9]+)(?:-([0-9]+))?\s*", part)
        some = range(int(ends[1]), int(ends[2] or ends[1]) + 1) if ends else ()
        if not some:
            raise SettingsError("qubits must be given like 0,1,4-7", given=text)
        found += some
    return found


def _couplers(text: str | None) -> list[tuple[int, ...]] | None:
    if text is None:
        return None
    pairs = [re.fullmatch(r"\s*([0-9]+)-([0-9]+)\s*", part) for part in text.split(",")]
    if not all(pairs):
        raise SettingsError("couplers must be given like 0-1,1-2", given=text)
    return [(int(pair[1]), int(pair[2])) for pair in pairs if pair]


def _interrupted() -> list[int]:
    """A list that is filled when somebody interrupts; the second time ends the process."""
    found: list[int] = []

    def note(number: int, _: object) -> None:
        found.append(number)
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    return found
