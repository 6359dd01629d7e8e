"""Opening a cluster: a real one, the vendor's dummy, or q1simulator's. What is fetched from packages of others stands here."""

from __future__ import annotations

import fcntl
import os
import re
import sys
import types
from importlib.metadata import version
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from weakref import WeakKeyDictionary

from qpu_bridge.errors import DriverFault, SettingsError
from qpu_drivers.qblox.rack import DUMMY, SIMULATOR, Rack

FIRMWARE = ((0, 13), (3, 0))
"""From which firmware on, and until which one excluded, qblox-instruments 1.1 and newer speak to a cluster (its page on PyPI)."""
INSTRUCTIONS = (2, 0)
"""Oldest instruction set that programs are written for; modules say theirs."""
ASSEMBLER = "It needs glibc 2.38: use Debian 13, Ubuntu 24.04 or newer, or arrange it with .ci/q1asm of the repository."
INSTALL = {"qblox_instruments": "pip install 'qpu-bridge[qblox]'", "q1simulator": "pip install 'qpu-bridge[test]'"}
_claims: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
"""Cluster -> descriptor of the file that is locked for it."""


def open_cluster(rack: Rack, name: str) -> Any:
    """A cluster as the vendor's class, or q1simulator's with the same methods; set back to its defaults.

    Args:
        rack: The rack.
        name: Not used before in this process.

    Raises:
        SettingsError: If a package is not installed, or the cluster is not what the rack says.
        DriverFault: If it cannot be reached, or another driver of this computer plays on it.
    """
    if rack.instrument == SIMULATOR:
        return _simulator(rack, name)
    cluster = connect(rack, name)
    try:
        wrong = [*misplaced(cluster, rack), *outdated(cluster, rack)]
        if wrong:
            raise SettingsError(
                "the cluster must be what the rack says",
                given="; ".join(wrong),
                where=rack.instrument,
                remedy="Mend the rack file.",
            )
        if rack.instrument != DUMMY:
            claim(cluster)
        cluster.reset()
        cluster.reference_source(rack.reference)
        if rack.instrument == DUMMY and (said := assembler_fault(cluster, rack)):
            raise SettingsError("the vendor's assembler must run, which the dummy needs", given=said, remedy=ASSEMBLER)
    except BaseException:
        close_cluster(cluster)
        raise
    return cluster


def connect(rack: Rack, name: str) -> Any:
    """The vendor's cluster, untouched.

    Raises:
        SettingsError: If the vendor's package is not installed.
        DriverFault: If it cannot be reached.
    """
    vendor = _package("qblox_instruments")
    if rack.instrument == DUMMY:
        kinds = {slot: vendor.ClusterType[f"CLUSTER_{kind.name}"] for slot, kind in rack.modules.items()}
        return vendor.Cluster(name, dummy_cfg=kinds)
    try:
        # by default errors are read when sequencers start, and nobody knows any more what they were about
        return vendor.Cluster(name, identifier=rack.instrument, debug=vendor.types.DebugLevel.VERSION_AND_ERROR_CHECK)
    except (OSError, RuntimeError, TimeoutError, KeyError, ValueError) as error:
        raise DriverFault(
            "the cluster must be reachable",
            given=f"{type(error).__name__}: {error}"[:300],
            where=rack.instrument,
            remedy="Is it on, is the address right, and does nobody else hold it?",
        ) from error


def claim(cluster: Any) -> None:
    """Keep other drivers of this computer off a cluster: to open it is to reset it. A process that ends lets go.

    Raises:
        DriverFault: If another one has it.
    """
    serial = str(cluster.get_idn()["serial_number"])
    path = Path(gettempdir()) / f"qpu-bridge-qblox-{re.sub('[^0-9A-Za-z]', '-', serial)}.lock"
    try:  # to ask for its creation is refused where another user has made it
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o444)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise DriverFault(
            "a cluster must have one driver, which resets it at its start",
            given=f"another one on this computer that plays on cluster {serial}",
            where=str(path),
            remedy="Stop that one, or put all lines of the cluster into one device.",
        ) from None
    _claims[cluster] = descriptor


def close_cluster(cluster: Any) -> None:
    """Let go of a cluster, and of the event loops that the vendor leaves behind."""
    if (descriptor := _claims.pop(cluster, None)) is not None:
        os.close(descriptor)
    transport = getattr(cluster, "_transport", None)
    parts = [transport, *getattr(transport, "_modules", {}).values()]
    loops = {part.loop for part in parts if part is not None}
    cluster.close()
    for loop in loops:
        if not loop.is_running():
            loop.close()


def misplaced(cluster: Any, rack: Rack) -> list[str]:
    """Modules that are not what the rack says, a sentence for each."""
    found = []
    for slot, kind in sorted(rack.modules.items()):
        module = cluster.modules[slot - 1]
        there = "nothing"
        if module.present():
            there = f"{module.module_type}-RF" if module.is_rf_type else f"{module.module_type}"
        if there != str(kind):
            found.append(f"slot {slot} must hold a {kind} and holds {there}")
    return found


def outdated(cluster: Any, rack: Rack) -> list[str]:
    """What of firmware and instruction sets this driver cannot use, a sentence for each; a dummy has no firmware."""
    found = []
    if rack.instrument != DUMMY:
        numbers = re.match(r"v?(\d+)\.(\d+)", firmware(cluster))
        low, high = FIRMWARE
        if numbers is None or not low <= (int(numbers[1]), int(numbers[2])) < high:
            span = f"from {low[0]}.{low[1]} to below {high[0]}.{high[1]}"
            found.append(f"the cluster's firmware must be {span} and is {firmware(cluster) or 'unknown'}")
    for slot in sorted(rack.modules):
        there = tuple(cluster.modules[slot - 1].sequencers[0].isa_version())
        if there < INSTRUCTIONS:
            found.append(f"slot {slot} must know instruction set 2 and knows {there[0]}.{there[1]}: update the firmware")
    return found


def assembler_fault(cluster: Any, rack: Rack) -> str:
    """Why a dummy cannot assemble a program on this computer; empty if it can. It writes files into the working directory."""
    module = cluster.modules[min(rack.modules) - 1]
    try:
        module.sequencers[0].sequence({"program": "stop", "waveforms": {}, "weights": {}, "acquisitions": {}})
    except (RuntimeError, OSError) as error:
        log = [line for line in str(module.get_assembler_log()).splitlines() if "GLIBC" in line or "rror" in line]
        return (log or [str(error)])[0][-300:]
    return ""


def firmware(cluster: Any) -> str:
    """Version of the application that runs in the cluster."""
    return str(cluster.get_idn()["firmware"]["application"]["version"])


def source(cluster: Any, rack: Rack) -> str:
    """Where results come from."""
    if rack.instrument == DUMMY:
        return f"dummy cluster of qblox-instruments {version('qblox-instruments')}"
    if rack.instrument == SIMULATOR:
        return f"q1simulator {version('q1simulator')}"
    return f"Qblox cluster {cluster.get_idn()['serial_number']}"


def _simulator(rack: Rack, name: str) -> Any:
    # it imports a window that needs Qt, which nobody opens here
    sys.modules.setdefault("q1simulator.gui.program_browser", types.ModuleType("q1simulator.gui.program_browser"))
    sys.modules["q1simulator.gui.program_browser"].Q1ProgramBrowser = None  # type: ignore[attr-defined]
    simulator = _package("q1simulator")
    cluster = simulator.Cluster(name, {slot: str(kind) for slot, kind in rack.modules.items()})
    cluster.config("max_core_cycles", 10**8)
    cluster.config("skip_loops", ())  # by default it plays a loop once whose label is _start
    return cluster


def _package(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise SettingsError(
            f"driver qblox must have the package {name.replace('_', '-')}", given=str(error), remedy=f"{INSTALL[name]}."
        ) from error
