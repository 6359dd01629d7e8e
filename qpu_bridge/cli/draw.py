"""``qpu-bridge draw``: what the device will play for a circuit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.rack import RackOption, read_rack
from qpu_bridge.errors import BadRequest, DriverLost, SettingsError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qpu_bridge.schedule import Limits, Schedule
    from qpu_bridge.target import Snapshot


KINDS = (".png", ".svg", ".pdf")
"""Endings of pictures."""


def draw(
    circuit: Annotated[Path, typer.Argument(help="OpenQASM 3 or 2 (.qasm), or QPY (.qpy).", exists=True, dir_okay=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A picture (.png, .svg, .pdf) instead of text.", show_default=False)
    ] = None,
    device: Annotated[str | None, typer.Option("--device", "-d", help="Which device; by default the first.")] = None,
    decoupling: Annotated[str | None, typer.Option("--dd", help="Dynamical decoupling: XX, XpXm or XY4.")] = None,
    rack: RackOption = None,
) -> None:
    """Draw the pulses of a circuit, as text or as a picture. A circuit of other gates is transpiled first.

    \b
      qpu-bridge draw bell.qasm
      qpu-bridge draw bell.qasm --dd XY4 --output bell.png
    """
    if output is not None:
        _require_kind(output)
    known = read_rack(rack)
    name = device or next(iter(known.devices))
    if name not in known.devices:
        raise SettingsError("the device must be in the rack", given=name, remedy=f"Available: {', '.join(known.devices)}.")
    mine = RackDevice(name, known.devices[name], known.bridge.data_dir)
    try:
        limits = mine.capabilities.limits
    except DriverLost:
        # what the driver can play is known once it has run; until then the snapshot's own rules are checked
        limits = None
    schedule = lowered(read_circuit(circuit), mine.snapshot, limits, decoupling)
    if output is None:
        from qpu_bridge.schedule import draw as text

        typer.echo(text(schedule))
        return
    save(schedule, output, title=f"{circuit.stem} on {name}")
    typer.echo(f"wrote {output}")


def save(schedule: Schedule, path: Path, *, title: str) -> None:
    """Write a picture of a schedule.

    Raises:
        BadRequest: If the kind of file is unknown, or it cannot be written.
    """
    from qpu_bridge.schedule import figure

    _require_kind(path)
    try:
        figure(schedule, title=title).savefig(path, dpi=130)
    except OSError as error:
        raise BadRequest("the picture's file must be writable", given=error.strerror, where=str(path)) from None


def _require_kind(path: Path) -> None:
    if path.suffix.lower() not in KINDS:
        raise BadRequest("the name of a picture must end in .png, .svg or .pdf", given=path.name)


def read_circuit(path: Path) -> QuantumCircuit:
    """The first circuit of a file.

    Raises:
        BadRequest: If there is none.
    """
    from qiskit import QuantumCircuit, qpy
    from qiskit.exceptions import QiskitError

    from qpu_bridge.programs import circuits

    try:
        if path.suffix == ".qpy":
            with path.open("rb") as file:
                found: QuantumCircuit = qpy.load(file)[0]
            return found
        text = path.read_text(encoding="utf-8")
        if text.lstrip().startswith("OPENQASM 2"):
            return QuantumCircuit.from_qasm_str(text)
    except (QiskitError, UnicodeDecodeError, IndexError) as error:
        raise BadRequest("the file must hold a circuit", given=str(error), where=str(path)) from None
    return circuits.from_qasm(text, str(path))


def lowered(circuit: QuantumCircuit, snapshot: Snapshot, limits: Limits | None, decoupling: Any = None) -> Schedule:
    """A circuit as the device will play it, with or without decoupling.

    Raises:
        CallerError: If it cannot be played.
    """
    from qiskit.transpiler import generate_preset_pass_manager

    from qpu_bridge.errors import NotNative
    from qpu_bridge.lowering import build_target, lower
    from qpu_bridge.suppression import DecouplingOptions, decouple

    if decoupling not in (None, "XX", "XpXm", "XY4"):
        raise BadRequest("dynamical decoupling must be XX, XpXm or XY4", given=decoupling)
    try:
        found = lower(circuit, snapshot, limits)
    except NotNative:
        transpile = generate_preset_pass_manager(2, target=build_target(snapshot), seed_transpiler=7)
        found = lower(transpile.run(circuit), snapshot, limits)
    if decoupling is None:
        return found.schedule
    return decouple(found.schedule, found.occupancy, snapshot, DecouplingOptions(sequence_type=decoupling))
