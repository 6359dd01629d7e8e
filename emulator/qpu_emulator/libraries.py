"""The device under several conditions: noise scales, moments of its drift, faults. Each has solved pulses of its own."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from qpu_bridge.schedule import Schedule
from qpu_emulator.cache import Cache
from qpu_emulator.chip.device import Device
from qpu_emulator.chip.drift import STEP_S, at, drifts
from qpu_emulator.fault import Fault
from qpu_emulator.scales import Scales
from qpu_emulator.score.program import Program, compile_program
from qpu_emulator.score.wiring import Wiring
from qpu_emulator.windows.library import Library

_KEPT_CONDITIONS = 8
"""So many conditions are kept; what was used longest ago is dropped."""
KEPT_TEMPLATES = 256
"""The same of compiled templates, of each condition."""


@dataclass(slots=True)
class Condition:
    """The device as a run finds it.

    Attributes:
        device: The chip, before noise scales change it.
        library: Its solved pulses.
        age_h: Age for which they hold, None if it does not drift.
        programs: Templates compiled for it, by digest.
        wiring: Of its device.
    """

    device: Device
    library: Library
    age_h: float | None
    programs: OrderedDict[bytes, Program] = field(default_factory=OrderedDict)
    wiring: Wiring = field(init=False)

    def __post_init__(self) -> None:
        self.wiring = Wiring(self.library.device)

    def program(self, schedule: Schedule) -> Program:
        """The template, compiled when it is first asked for."""
        digest = schedule.digest
        if digest not in self.programs:
            self.programs[digest] = compile_program(schedule, self.library.device, self.library.zz, self.wiring)
        self.programs.move_to_end(digest)
        while len(self.programs) > KEPT_TEMPLATES:
            self.programs.popitem(last=False)
        return self.programs[digest]


class Libraries:
    """The last few conditions that were needed.

    Args:
        device: Fresh, at age 0.
        cache: Where windows are kept on disk; None for nowhere.
    """

    def __init__(self, device: Device, cache: Cache | None = None) -> None:
        self.device = device
        self._cache = cache
        self.drifts = drifts(device)
        self._kept: OrderedDict[tuple[object, ...], Condition] = OrderedDict()

    def condition(self, scales: Scales, age_h: float, pinned_h: float | None = None, faults: tuple[Fault, ...] = ()) -> Condition:
        """The device under some noise scales.

        Args:
            scales: Of the run.
            age_h: Age of the device; it drifts in steps of `drift.STEP_S`.
            pinned_h: Exactly this age instead.
            faults: What is wrong with it.
        """
        moves = self.drifts and scales.drift > 0
        step_h = STEP_S / 3600
        now = None if not moves else (age_h // step_h * step_h if pinned_h is None else pinned_h)
        wrong = tuple(fault for fault in faults if fault.change(self.device) is not self.device)
        key = (scales if moves or scales.drift == 1.0 else replace(scales, drift=1.0), now, wrong)
        if key not in self._kept:
            device = self.device if now is None else at(self.device, now, scales.drift)
            for fault in wrong:
                device = fault.change(device)
            # who has drifted comes back to no window that was ever solved
            cache = self._cache if now is None else None
            self._kept[key] = Condition(device, Library(device, scales, cache), now)
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT_CONDITIONS:
            self._kept.popitem(last=False)
        return self._kept[key]

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
