"""``qpu-bridge driver qblox --check``: what is there, and what is wrong with it. Nothing is set, reset or played."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from contextlib import chdir
from importlib.metadata import version
from tempfile import TemporaryDirectory
from typing import Any

from qpu_bridge.driver import Finding, Verdict
from qpu_bridge.errors import BridgeError, SettingsError
from qpu_bridge.schedule import PortKind
from qpu_bridge.target import Snapshot
from qpu_drivers.qblox.capabilities import misfits, sequencers_needed
from qpu_drivers.qblox.hardware import SEQUENCERS
from qpu_drivers.qblox.rack import DUMMY, SIMULATOR, Rack
from qpu_drivers.qblox.vendor import (
    ASSEMBLER,
    assembler_fault,
    close_cluster,
    connect,
    firmware,
    misplaced,
    open_cluster,
    outdated,
    source,
)

NEAR_HZ = 10e6
"""A carrier this close to its oscillator has the oscillator's leakage beside it."""


def findings(device: str, snapshot: Snapshot, options: Mapping[str, object]) -> Iterator[Finding]:
    """Look at rack file, snapshot, and cluster, in this order.

    Args:
        device: Name of the device.
        snapshot: What the lab believes.
        options: Those of the rack file.
    """
    try:
        rack = Rack.read(options, device)
    except SettingsError as error:
        yield _wrong(error)
        return
    yield Finding(Verdict.GOOD, "rack file", f"{len(rack.modules)} modules, {len(rack.wiring)} lines")
    yield from _fit(rack, snapshot)
    try:
        with TemporaryDirectory(prefix="qblox-") as folder, chdir(folder):
            cluster = (open_cluster if rack.instrument == SIMULATOR else connect)(rack, f"check_{device}")
            try:
                yield from _cluster(cluster, rack)
            finally:
                close_cluster(cluster)
    except BridgeError as error:
        yield _wrong(error)
    except Exception as error:  # noqa: BLE001  what answers may be anything: old firmware, another instrument, a cable that is pulled
        text = f"it must answer what it is asked; got {type(error).__name__}: {error}"[:300]
        yield Finding(
            Verdict.WRONG, "cluster", text, "Is it a Qblox cluster, is its firmware new enough, and is the cable plugged in?"
        )


def _fit(rack: Rack, snapshot: Snapshot) -> Iterator[Finding]:
    wrong = list(misfits(rack, snapshot))
    for where, must, given, remedy in wrong:
        yield Finding(Verdict.WRONG, where, f"{must}; got {given}", remedy)
    needed = sequencers_needed(rack, snapshot)
    for slot in sorted(rack.modules):
        yield Finding(
            Verdict.GOOD, f"slot {slot}", f"{rack.modules[slot]}, {needed.get(slot, 0)} of {SEQUENCERS} sequencers needed"
        )
    for frame in snapshot.frames:
        if wrong or snapshot.port(frame.port).kind is PortKind.FLUX:
            continue
        off = frame.frequency - rack.oscillator(frame.port)
        text = f"{frame.frequency / 1e9:.6g} GHz, {off / 1e6:+.6g} MHz from the oscillator of {frame.port}"
        if abs(off) < NEAR_HZ and rack.oscillator(frame.port):
            yield Finding(Verdict.NOTE, f"carrier {frame.name}", text, "The oscillator leaks beside it: move lo.")
        else:
            yield Finding(Verdict.GOOD, f"carrier {frame.name}", text)


def _cluster(cluster: Any, rack: Rack) -> Iterator[Finding]:
    yield Finding(Verdict.GOOD, "cluster", f"{source(cluster, rack)}, with qblox-instruments {version('qblox-instruments')}")
    if rack.instrument == SIMULATOR:
        yield Finding(Verdict.NOTE, "cluster", "a simulator executes programs and measures nothing")
        return
    wrong = [*misplaced(cluster, rack), *outdated(cluster, rack)]
    yield from (Finding(Verdict.WRONG, "cluster", sentence, "Mend the rack file, or the cluster.") for sentence in wrong)
    if not wrong:
        text = "firmware " + ("of a dummy" if rack.instrument == DUMMY else firmware(cluster))
        yield Finding(Verdict.GOOD, "cluster", f"{text}, modules are where the rack says")
    if rack.instrument == DUMMY:
        yield Finding(Verdict.NOTE, "cluster", "a dummy plays nothing and measures nothing: its answers are a formula")
        if not wrong:
            yield _assembler(cluster, rack)
    yield from _health(cluster, rack)


def _assembler(cluster: Any, rack: Rack) -> Finding:
    said = assembler_fault(cluster, rack)
    library = " ".join(platform.libc_ver()) or platform.system()
    if said:
        return Finding(Verdict.WRONG, "assembler", f"the vendor's does not run here ({library}): {said}", ASSEMBLER)
    return Finding(Verdict.GOOD, "assembler", f"the vendor's runs here ({library})")


def _health(cluster: Any, rack: Rack) -> Iterator[Finding]:
    clock = str(cluster.reference_source())
    good = clock == rack.reference
    remedy = "" if good else f"It will be set to {rack.reference} when the driver starts."
    yield Finding(Verdict.GOOD if good else Verdict.NOTE, "clock", f"reference {clock}", remedy)
    status = cluster.get_system_status()
    flags = [flag.name for flag in status.flags]
    flags += [f"slot {slot} {flag.name}" for slot, found in enumerate(status.slot_flags, 1) for flag in found]
    well = str(status.status) in ("OKAY", "RESOLVED")
    yield Finding(Verdict.GOOD if well else Verdict.WRONG, "system", f"{status.status}{': ' if flags else ''}{', '.join(flags)}")


def _wrong(error: BridgeError) -> Finding:
    text = error.must + ("" if error.given is None else f"; got {error.given}")
    return Finding(Verdict.WRONG, error.where or "driver", text, error.remedy)
