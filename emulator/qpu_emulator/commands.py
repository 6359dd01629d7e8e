"""``qpu-bridge device``: make emulated devices, and look at them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from qpu_bridge.errors import SettingsError
from qpu_bridge.settings import DeviceName

if TYPE_CHECKING:
    from qpu_bridge.target import Snapshot
    from qpu_emulator.cache import Cache
    from qpu_emulator.chip.device import Device
    from qpu_emulator.makers.published import Published
    from qpu_emulator.makers.twin import Twin

app = typer.Typer(help="Make emulated devices, and look at them.", no_args_is_help=True)

RACK = """\
# qpu-bridge serve --rack {rack}
[bridge]
data_dir = "data"

[devices.{name}]
driver = "emulator"
snapshot = "{snapshot}"
options = {{ truth = "./{truth}" }}
"""


@app.command("list")
def shipped() -> None:
    """List the devices of which a twin can be made by name."""
    from qpu_emulator.makers import published

    typer.echo("\n".join(published.shipped()))


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Name of the new device, with an underscore: emu_lab.")],
    like: Annotated[str | None, typer.Option(help="A backend snapshot shipped with the client: torino.")] = None,
    properties: Annotated[
        Path | None, typer.Option(help="A file of a device's properties, in IBM's format.", dir_okay=False)
    ] = None,
    snapshot: Annotated[
        Path | None, typer.Option(help="A calibration: a snapshot, or the folder of a device's versions, of which the last.")
    ] = None,
    design: Annotated[str | None, typer.Option(help="At random: line (the default), ring, grid or heavy-hex.")] = None,
    qubits: Annotated[int | None, typer.Option(help="Of a random chip; 5 by default.")] = None,
    family: Annotated[str | None, typer.Option(help="Of a random chip: cz (tunable couplers, the default) or ecr.")] = None,
    seed: Annotated[int, typer.Option(help="For all that is not published.", min=0, max=2**63 - 1)] = 1,
    uncalibrated: Annotated[bool, typer.Option("--uncalibrated", help="Believe the design only; nothing is tuned.")] = False,
    imperfect: Annotated[
        bool, typer.Option("--imperfect", help="With lines that delay and bend pulses, crosstalk, readouts that differ.")
    ] = False,
    drift: Annotated[
        float, typer.Option(help="Let the chip age so many hours after its calibration, at most a century.", min=0.0, max=1e6)
    ] = 0.0,
    folder: Annotated[Path, typer.Option(help="Where to write.", file_okay=False)] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a device of this name.")] = False,
    cache: Annotated[bool, typer.Option(help="Look for solved pulses on disk, and keep them there.")] = True,
) -> None:
    """Make a device: its hidden truth, what the lab believes of it, and a rack file that serves it.

    \b
      qpu-bridge device new emu_torino --like torino
      qpu-bridge device new emu_lab --properties properties.json
      qpu-bridge device new emu_lab --snapshot data/calibration/lab_one
      qpu-bridge device new emu_grid --design grid --qubits 9 --seed 7 --uncalibrated
    """
    drawn = any(option is not None for option in (design, qubits, family))
    if sum(source is not None for source in (like, properties, snapshot)) + drawn > 1:
        raise SettingsError(
            "a device must be made from one thing: --like, --properties, --snapshot, or at random (--design, --qubits, --family)"
        )
    files = _files(folder, name, overwrite)
    from rich.console import Console

    from qpu_emulator.cache import Cache
    from qpu_emulator.makers import chip

    known = _published(like, properties, snapshot)
    known = known or chip.random(design or "line", 5 if qubits is None else qubits, family or "cz", seed)
    kept = Cache() if cache else None
    made = _made(known, name, seed, imperfect, kept)
    truth, believed = made.device, made.snapshot
    if uncalibrated:
        believed = _believed_design(truth, made, kept)
    if drift:
        from qpu_emulator.chip.drift import aged

        truth = aged(truth, drift)
    truth.write(files[0])
    believed.write(files[1])
    files[2].write_text(RACK.format(rack=files[2].name, name=name, snapshot=files[1].name, truth=files[0].name))
    console = Console()
    for remark in made.remarks:
        console.print(f"note: {remark}", style="yellow", highlight=False)
    console.print(f"{len(truth.transmons)} qubits, {len(truth.couplers)} couplers, family {known.family}", highlight=False)
    console.print("wrote " + ", ".join(map(str, files)), highlight=False, soft_wrap=True)
    console.print(f"serve it: qpu-bridge serve --rack {files[2]}", highlight=False, soft_wrap=True)


@app.command("show")
def show(truth: Annotated[Path, typer.Argument(help="The file NAME_device.json.", exists=True, dir_okay=False)]) -> None:
    """Show the hidden truth of a device."""
    from rich.console import Console
    from rich.table import Table

    from qpu_emulator.chip.device import Device

    device = Device.read(truth)
    table = Table("qubit", "f01 GHz", "alpha MHz", "T1 us", "T2 us", "slow Hz", "1/f Hz", "thermal", title=device.name)
    for index, t in enumerate(device.transmons):
        times = (f"{1e6 * time:.1f}" if time else "-" for time in (t.t1, t.t2))
        static = f"{t.quasi_static:.0f}" + (f" {t.shared:+.0f} shared" if t.shared else "")
        slow = (static, f"{t.one_over_f:.0f}", f"{t.thermal:.4f}")
        table.add_row(str(index), f"{t.frequency / 1e9:.6f}", f"{t.anharmonicity / 1e6:.1f}", *times, *slow)
    Console().print(table)


def _files(folder: Path, name: str, overwrite: bool) -> list[Path]:
    """Truth, belief and rack; asked for before anything is solved."""
    try:
        TypeAdapter(DeviceName).validate_python(name)
    except ValidationError as error:
        raise SettingsError("a device's name must fit into a rack file", given=f"{name}: {error.errors()[0]['msg']}") from None
    files = [folder / f"{name}{ending}" for ending in ("_device.json", "_snapshot.json", ".toml")]
    there = [str(path) for path in files if path.exists()]
    if there and not overwrite:
        raise SettingsError(
            "a new device must not replace another",
            given=", ".join(there),
            remedy="Choose another name or --folder, or say --overwrite.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError("a new device must have a folder", given=str(error.strerror), where=str(folder)) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError("a new device must have a folder that can be written", given="one that cannot", where=str(folder))
    return files


def _published(like: str | None, properties: Path | None, snapshot: Path | None) -> Published | None:
    from qpu_emulator.makers import published

    if like is not None:
        return published.of_shipped(like)
    if properties is not None:
        return published.of_file(properties)
    if snapshot is not None:
        from qpu_bridge import target
        from qpu_bridge.target.versions import Versions

        path = Versions(snapshot).path if snapshot.is_dir() else snapshot
        if path is None:
            raise SettingsError("a folder of calibrations must have a version", given="none", where=str(snapshot))
        believed = target.Snapshot.read(path)
        return published.of_properties(target.properties(believed), believed.device)
    return None


def _made(known: Published, name: str, seed: int, imperfect: bool, cache: Cache | None) -> Twin:
    from rich.progress import Progress

    from qpu_emulator.makers.twin import make

    with Progress(transient=True) as progress:
        task = progress.add_task(f"solving the pulses of {name}", total=2 * len(known.qubits) + len(known.couplings))
        date = datetime.now(UTC).replace(microsecond=0)
        return make(known, name, seed, date, lambda _: progress.advance(task), cache, imperfect=imperfect)


def _believed_design(truth: Device, made: Twin, cache: Cache | None) -> Snapshot:
    from qpu_emulator.bring_up import solve_snapshot
    from qpu_emulator.makers.chip import nominal

    believed = solve_snapshot(nominal(truth, made.recipe), made.snapshot.calibrated_at, made.recipe, cache=cache)
    return believed.model_copy(update={"description": f"Begun with the design values of {truth.name}."})
