"""``qpu-bridge demo``: everything at work, from nothing, in a minute."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from qpu_bridge.cli import pictures
from qpu_bridge.cli.account import variables_for
from qpu_bridge.cli.child import Asked, command, stop_on_signals
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.draw import lowered, read_circuit, save
from qpu_bridge.cli.rack import open_store, read_rack, running_url
from qpu_bridge.errors import OperatorError
from qpu_bridge.settings import Rack

HERE = Path(__file__).parent / "examples"
START_S = 360.0
"""How long the bridge may take to come up, s: it waits for its drivers, and on a fresh machine the emulator is compiled."""


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where pictures and numbers go.")] = Path("demo-output"),
    keep_log: Annotated[bool, typer.Option("--log", help="Show what the bridge says of itself at the end.")] = False,
) -> None:
    """Start a bridge with an emulated device, run an ordinary Qiskit program on it, show the results, stop everything.

    The program is qpu_bridge/cli/examples/demonstration.py: copy it and change it. It runs as it is, for the environment says
    where the bridge is; changed_line.py beside it shows the other way, which is one changed line.
    """
    stop_on_signals()
    console = Console(highlight=False)
    try:
        _demo(output, keep_log, console)
    except Asked:
        console.print("Interrupted; everything is stopped.")
        raise typer.Exit(130) from None


def _demo(output: Path, keep_log: bool, console: Console) -> None:
    output.mkdir(parents=True, exist_ok=True)
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="qb-") as room:
        folder = Path(room)
        rack_file = folder / "rack.toml"
        rack_file.write_text(f'[bridge]\nport = 0\ndata_dir = "{folder / "data"}"\n\n[devices.emu_five]\ndriver = "emulator"\n')
        rack = read_rack(rack_file)
        with _bridge(rack_file, rack, folder, console, keep_log) as url:
            up_s = time.monotonic() - started_s
            console.print(f"[green]The bridge, its runner and the emulator's driver are up[/] at {url} ({up_s:.1f} s)")
            store = open_store(rack)
            token = store.tokens.create("demo")
            store.close()
            variables = variables_for(url, token)
            _program(console, "Without a changed line", ["demonstration.py", str(output)], variables)
            _program(console, "With one changed line", ["changed_line.py", url, token], _proxies(variables))
            _draw(rack, output)
    results = json.loads((output / "results.json").read_text())
    pictures.save_points(np.load(output / "iq.npy"), output / "iq.png")
    pictures.save_energies(results["h2"], results["exact"], output / "h2.png")
    _show(console, results, output)
    console.print(f"Everything is stopped again. {time.monotonic() - started_s:.0f} s in all.")


@contextmanager
def _bridge(rack_file: Path, rack: Rack, folder: Path, console: Console, keep_log: bool) -> Iterator[str]:
    log = folder / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command("serve", "--rack", str(rack_file), "--with-parent"),
            stdin=subprocess.PIPE,
            stderr=file,
            start_new_session=True,
        )
    try:
        with console.status("the bridge comes up ..."):
            url = _address(process, rack)
        if url is None:
            raise OperatorError("the bridge must come up", given=log.read_text(), where=f"within {START_S:.0f} s")
        yield url
    except Exception:
        # not where somebody pressed Ctrl-C: the hints in it mean a folder that goes away
        console.print(log.read_text(), markup=False, style="dim")
        raise
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()
    if keep_log:
        console.print(log.read_text(), markup=False, style="dim")


def _address(process: subprocess.Popen[bytes], rack: Rack) -> str | None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        url = running_url(rack)
        if url is not None:
            return url
        time.sleep(0.05)
    return None


def _program(console: Console, title: str, arguments: list[str], variables: dict[str, str]) -> None:
    """Run a user's program in a process of its own, and show its lines as they come."""
    script = HERE / arguments[0]
    console.print(f"\n[bold]{title}[/]: python {script.name}")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QISKIT_IBM")} | variables
    process = subprocess.Popen(
        [sys.executable, "-u", "-W", "ignore::DeprecationWarning", str(script), *arguments[1:]],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        # the terminal's Ctrl-C is for us, and we end it
        start_new_session=True,
    )
    try:
        with console.status("jobs run ..."):
            for line in process.stdout or ():
                console.print("  " + line.rstrip(), markup=False)
        if process.wait():
            raise OperatorError("the demonstration must succeed", given=f"exit code {process.returncode}", where=str(script))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _proxies(variables: dict[str, str]) -> dict[str, str]:
    """Of an environment, only what keeps requests to this machine away from a proxy."""
    return {name: value for name, value in variables.items() if name.lower() == "no_proxy"}


def _draw(rack: Rack, output: Path) -> None:
    name, spec = next(iter(rack.devices.items()))
    device = RackDevice(name, spec, rack.bridge.data_dir)
    for circuit in ("bell", "ghz"):
        schedule = lowered(read_circuit(output / f"{circuit}.qpy"), device.snapshot, device.capabilities.limits, "XY4")
        save(schedule, output / f"{circuit}.png", title=f"{circuit} with dynamical decoupling, as {name} plays it")


def _show(console: Console, results: dict[str, Any], output: Path) -> None:
    samples = Table("prepared by", "state", "all bits agree", "most frequent", title="States of many qubits")
    for name, states in results["samples"].items():
        for state, found in states.items():
            best = sorted(found["counts"].items(), key=lambda item: -item[1])[:3]
            samples.add_row(name, state, f"{found['agreement']:.3f}", "  ".join(f"{bits}: {n}" for bits, n in best))
    energies = Table("resilience level", "lowest energy", "error", "at angle", title="Hydrogen molecule")
    for level, found in results["h2"].items():
        energies.add_row(level, f"{found['energy']:.4f} Ha", f"{found['error_mha']:+.1f} mHa", f"{found['angle']:+.3f} rad")
    energies.add_row("exact", f"{results['exact']:.4f} Ha", "", "")
    files = Table("file", "what it shows", title=f"Written to {output}")
    for file, words in (
        ("ghz.png", "what the device played for the GHZ state"),
        ("bell.png", "what it played for the Bell pair"),
        ("h2.png", "the energy along the sweep"),
        ("iq.png", "readout of each qubit prepared in 0 and in 1"),
        ("results.json", "all numbers"),
    ):
        files.add_row(file, words)
    console.print()
    for table in (samples, energies, files):
        console.print(table)
