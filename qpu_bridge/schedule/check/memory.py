"""Rules for waveform memory: what each line must store."""

from __future__ import annotations

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule


def check_memory(schedule: Schedule, limits: Limits) -> None:
    """Check samples and number of the waveforms of each port; each is stored once per port."""
    stored = schedule.events["waveform"] != NONE
    used = np.unique(
        schedule.events["port"][stored].astype(np.int64) * len(schedule.waveforms) + schedule.events["waveform"][stored]
    )
    for index, port in enumerate(limits.ports):
        mine = used[used // max(len(schedule.waveforms), 1) == index] % max(len(schedule.waveforms), 1)
        waveforms = [schedule.waveforms[number] for number in mine]
        samples = sum(len(wave.samples) if port.held_levels else wave.duration for wave in waveforms)
        held = ", a held level counted once" if port.held_levels else ""
        for what, most, given in (
            (f"{port.waveform_memory} samples of waveforms{held}", port.waveform_memory, samples),
            (f"{port.max_waveforms} different waveforms", port.max_waveforms, len(waveforms)),
        ):
            if given > most:
                raise ScheduleError(
                    f"a port must store at most {what}",
                    given=given,
                    where=f"port {port.name}",
                    remedy="Use fewer or shorter envelopes; amplitudes and phases cost nothing.",
                )
