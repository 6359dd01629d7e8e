"""What a rack can play: its limits, and whether the snapshot fits it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Feature, Limits, PortKind, PortLimits, SlotKind, Waveform
from qpu_bridge.target import PortSpec, Snapshot, waveform
from qpu_drivers.qblox.hardware import (
    ACQUISITION_PAUSE,
    ACQUISITIONS,
    BRANCH_LEAD,
    HIGHEST_FREQUENCY,
    INTEGRATION,
    PROGRAM_LENGTH,
    PROLOGUE,
    SCOPE_SAMPLES,
    SEQUENCERS,
    SHORTEST,
    TRIGGER_PAUSE,
    WAVEFORM_SAMPLES,
    WAVEFORMS,
    WEIGHT_SAMPLES,
    WEIGHTS,
)
from qpu_drivers.qblox.rack import Rack

MAX_RESULTS = 2**28
"""Numbers that one run may return: what this computer should keep at a time. What fits into the bins is found when it runs."""
MAX_WAIT_S = 10.0


def limits(rack: Rack, snapshot: Snapshot) -> Limits:
    """The limits of a device.

    Args:
        rack: The rack.
        snapshot: What the lab believes; only names and kinds of its lines, its carriers and its waits are used.

    Raises:
        SettingsError: If the snapshot does not fit the rack, with what to change.
    """
    wrong = list(misfits(rack, snapshot))
    if wrong:
        where, must, given, remedy = wrong[0]
        others = f" {len(wrong) - 1} more like this." if len(wrong) > 1 else ""
        raise SettingsError(must, given=given, where=where, remedy=f"{remedy}{others}")
    timing = snapshot.timing
    senders = len({frame.name for frame in snapshot.frames if _kind(snapshot, frame.port) is PortKind.ACQUIRE})
    return Limits(
        dt=timing.dt,
        ports=tuple(_port(rack, snapshot, port) for port in snapshot.ports),
        features=frozenset(Feature) - {Feature.EXPRESSION, Feature.WHILE},
        sweeps=frozenset(SlotKind) - {SlotKind.VALUE},
        branch_latency=latency(rack),
        feedback_separation=TRIGGER_PAUSE,
        max_feedback_frames=len(rack.trigger.addresses),
        decision_ticks=SHORTEST,
        min_wait=SHORTEST,
        equal_arms=True,
        min_rep_delay_s=max(timing.min_rep_delay, (PROLOGUE + _flight(rack)) * 1e-9),
        default_rep_delay_s=timing.default_rep_delay,
        max_rep_delay_s=max(MAX_WAIT_S, timing.max_rep_delay),
        max_events=SEQUENCERS * sum(PROGRAM_LENGTH[kind] for kind in rack.modules.values()),
        max_columns=max(1, ACQUISITIONS * senders),
        max_results=MAX_RESULTS,
        max_branch_nesting=1,
    )


def latency(rack: Rack) -> int:
    """Ticks (ns) from the end of a capture until a branch may read its bit: it comes late, travels, and is asked for."""
    return _flight(rack) + rack.trigger.latency + BRANCH_LEAD


def sequencers_needed(rack: Rack, snapshot: Snapshot) -> dict[int, int]:
    """Sequencers that all carriers of a snapshot take, by slot: a tone and a capture of one frequency share one."""
    taken: dict[int, set[tuple[str, float]]] = defaultdict(set)
    for frame in snapshot.frames:
        if (line := rack.wiring.get(frame.port)) is not None:
            heard = _kind(snapshot, frame.port) in (PortKind.READOUT, PortKind.ACQUIRE) and rack.modules[line.slot].readout
            taken[line.slot].add(("readout" if heard else frame.port, frame.frequency))
    return {slot: len(carriers) for slot, carriers in taken.items()}


def _port(rack: Rack, snapshot: Snapshot, port: PortSpec) -> PortLimits:
    line, carriers = rack.wiring[port.name], sum(frame.port == port.name for frame in snapshot.frames)
    free = SEQUENCERS - sequencers_needed(rack, snapshot).get(line.slot, 0) + carriers
    frames = max(1, min(SEQUENCERS, free))
    common = {"name": port.name, "kind": port.kind, "dt": port.dt, "min_duration": SHORTEST, "max_frames": frames}
    if port.kind is PortKind.FLUX:
        return PortLimits(
            **common,
            waveform_memory=WAVEFORM_SAMPLES * frames,
            max_waveforms=WAVEFORMS * frames,
            min_frequency=0.0,
            max_frequency=0.0,
        )
    centre = rack.oscillator(port.name)
    common |= {
        "min_frequency": max(0.0, centre - HIGHEST_FREQUENCY),
        "max_frequency": centre + HIGHEST_FREQUENCY,
        "bandwidth": 2 * HIGHEST_FREQUENCY,
        "oscillator": _oscillator(rack, port.name),
    }
    if port.kind is not PortKind.ACQUIRE:
        return PortLimits(**common, waveform_memory=WAVEFORM_SAMPLES * frames, max_waveforms=WAVEFORMS * frames)
    shortest, longest = INTEGRATION
    return PortLimits(
        **(common | {"min_duration": shortest}),
        granularity=4,
        max_duration=longest,
        max_captures=ACQUISITIONS,
        max_kernel=WEIGHT_SAMPLES,
        max_raw=SCOPE_SAMPLES,
        waveform_memory=WEIGHT_SAMPLES * frames,
        held_levels=False,
        max_waveforms=WEIGHTS * frames,
        min_separation=ACQUISITION_PAUSE,
    )


def misfits(rack: Rack, snapshot: Snapshot) -> Iterator[tuple[str, str, object, str]]:
    """What of a snapshot does not fit a rack: where, what must hold, what is given, what to change."""
    if snapshot.timing.dt * 10**9 != 1:
        yield (
            "timing.dt",
            "the timeline of a Qblox cluster must be 1 ns",
            f"{float(snapshot.timing.dt)} s",
            "Write another snapshot.",
        )
    for port in snapshot.ports:
        yield from _misfit_port(rack, port)
    for name in sorted(rack.wiring.keys() - {port.name for port in snapshot.ports}):
        yield f"wiring.{name}", "a wired line must be in the snapshot", name, "Take it out of the rack file, or correct its name."
    for frame in snapshot.frames:
        if frame.port in rack.wiring and _kind(snapshot, frame.port) is not PortKind.FLUX:
            centre = rack.oscillator(frame.port)
            if abs(frame.frequency - centre) > HIGHEST_FREQUENCY:
                must = f"a carrier must be within {HIGHEST_FREQUENCY / 1e6:g} MHz of its line's oscillator, {centre / 1e9:g} GHz"
                yield f"frame {frame.name}", must, f"{frame.frequency / 1e9:g} GHz", f"Change wiring.{frame.port}.lo."
    for slot, needed in sorted(sequencers_needed(rack, snapshot).items()):
        if needed > SEQUENCERS:
            must = f"a module must have a sequencer for each of its carriers, and has {SEQUENCERS}"
            yield f"modules.{slot}", must, needed, "Wire one of its lines to another module."
    if snapshot.timing.feedback_latency < latency(rack):
        parts = f"trigger.latency, time_of_flight and {BRANCH_LEAD}"
        must = f"the snapshot's feedback_latency must be at least {latency(rack)} ticks: {parts}"
        yield "timing.feedback_latency", must, snapshot.timing.feedback_latency, "Raise it in the snapshot."
    for measure in snapshot.measures:
        if measure.kernel is not None and not _real_but_for_phase(waveform(snapshot.waveforms[measure.kernel])):
            must = "a kernel must be a real shape times a constant phase, since the paths of a module have real weights"
            yield f"waveforms.{measure.kernel}", must, "a phase that changes", "Take the kernel's projection on one phase."


def _misfit_port(rack: Rack, port: PortSpec) -> Iterator[tuple[str, str, object, str]]:
    where = f"port {port.name}"
    if port.dt * 10**9 != 1:
        yield where, "a Qblox module must be given 1 sample per ns", f"{float(port.dt)} s", "Write another snapshot."
    line = rack.wiring.get(port.name)
    if line is None:
        yield where, "a line of the snapshot must be wired", "no entry", f"Add wiring.{port.name} to the rack file."
        return
    kind, pair = rack.kind(port.name), rack.kind(port.name).rf or len(line.sockets) == 2
    if line.listens != (port.kind is PortKind.ACQUIRE):
        side = "input" if port.kind is PortKind.ACQUIRE else "output"
        yield where, f"a line of kind {port.kind} must be wired to an {side}", f"wiring.{port.name}", "Mend the rack file."
    elif pair == (port.kind is PortKind.FLUX):
        must = "a flux line must have one baseband output, any other line an RF socket or an I/Q pair"
        yield where, must, f"{len(line.sockets)} of a {kind}", f"Mend wiring.{port.name}."


def _real_but_for_phase(kernel: Waveform) -> bool:
    """Whether a kernel is a real shape times a constant phase, to a thousandth of its peak."""
    turn = np.exp(-0.5j * np.angle((kernel.samples**2 * kernel.repeats).sum()))
    return bool(np.abs((kernel.samples * turn).imag).max() <= 1e-3 * kernel.peak)


def _oscillator(rack: Rack, line: str) -> str:
    """Name that lines with a common oscillator share."""
    spec = rack.wiring[line]
    if not rack.kind(line).rf:
        return ""
    return f"slot {spec.slot}" + ("" if rack.modules[spec.slot].readout else f" output {spec.sockets[0]}")


def _kind(snapshot: Snapshot, port: str) -> PortKind:
    return snapshot.port(port).kind


def _flight(rack: Rack) -> int:
    return max((line.time_of_flight for line in rack.wiring.values()), default=0)
