"""Rules for waveform memory: what each line must store."""

from __future__ import annotations

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.waveform import Waveform


def check_memory(schedule: Schedule, limits: Limits) -> None:
    """Check samples and number of the waveforms of each port; each is stored once per port."""
    used: dict[int, list[Waveform]] = {}
    for index, number in schedule.stored:
        used.setdefault(index, []).append(schedule.waveforms[number])
    for index, waveforms in used.items():
        port = limits.ports[index]
        samples = sum(len(wave.samples) if port.held_levels else wave.duration for wave in waveforms)
        held = ", a held level counted once" if port.held_levels else ""
        for what, most, given in (
            (f"samples of waveforms{held}", port.waveform_memory, samples),
            ("different waveforms", port.max_waveforms, len(waveforms)),
        ):
            if given > most:
                raise ScheduleError(
                    f"a port must store at most {most} {what}",
                    given=given,
                    where=f"port {port.name}",
                    remedy="Use fewer or shorter envelopes; amplitudes and phases cost nothing.",
                )
