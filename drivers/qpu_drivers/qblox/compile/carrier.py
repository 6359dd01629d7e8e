"""The oscillator of a sequencer through a shot: when it is reset, and what makes its phase that of the schedule.

It is reset `PROLOGUE` ticks before each shot, and again where its frequency changes within one. The phase that is added makes up
for the time of the reset, so that all frequencies coincide at the start of the shot, and for half a sample, which is where
`render` samples a carrier. A mixer at the upper sideband needs the negative phase.
"""

from __future__ import annotations

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import NONE, Schedule
from qpu_drivers.qblox.allocation import Sequencer
from qpu_drivers.qblox.compile.form import Form, Unit, check_linear
from qpu_drivers.qblox.hardware import HIGHEST_FREQUENCY, PROLOGUE

TICK = 1e-9
"""A tick in seconds."""
Key = tuple[float, int]
"""A frequency: Hz, and its slot."""


class Carrier:
    """Frequency and phase of one sequencer.

    Args:
        schedule: The template.
        sequencer: Which, with the oscillator behind it.
        rows: Its events.
        where: The line.
    """

    def __init__(self, schedule: Schedule, sequencer: Sequencer, rows: list[int], where: str) -> None:
        self._schedule, self._sequencer, self._where = schedule, sequencer, where
        events = schedule.events[rows]
        keys = zip(events["frequency"].tolist(), events["frequency_slot"].tolist(), strict=True)
        self._key: dict[int, Key] = dict(zip(rows, keys, strict=True))
        self.keys = list(dict.fromkeys(self._key.values()))
        self._first = self.keys[0]
        self.rewind()

    def rewind(self) -> None:
        """Be at the start of a shot, right behind the prologue."""
        self._current: Key | None = self._first
        self._origin = self._shift(self._first, Form(Unit.TICKS, -PROLOGUE))

    def forget(self) -> None:
        """Be where arms of a branch meet or begin: what is tuned there depends on the arm that was taken."""
        if len(self.keys) > 1:
            self._current = None

    @property
    def rest(self) -> float:
        """Frequency at the start, Hz, without what a slot adds."""
        return self._first[0] - self._sequencer.oscillator

    @property
    def first(self) -> Form | None:
        """What the prologue must set the frequency to; None if it never changes."""
        return self._frequency(self._first) if len(self.keys) > 1 or self._first[1] != NONE else None

    @property
    def origin(self) -> Form:
        """Phase at which the carrier is that of a play of phase 0."""
        return self._origin

    def tune(self, row: int, now: Form, at: int) -> Form | None:
        """Frequency to which an event must change it, with a reset; None if it is there already.

        Args:
            row: The event.
            now: Tick of the shot at which its stretch begins.
            at: Tick of the stretch at which it begins.
        """
        key = self._key[row]
        if key == self._current:
            return None
        self._current = key
        self._origin = self._shift(key, now.plus(at))
        return self._frequency(key)

    def phase(self, row: int) -> Form:
        """Phase for a play, in turns."""
        event = self._schedule.events[row]
        slot = int(event["phase_slot"])
        turns = -float(event["phase"]) / (2 * np.pi)
        terms = () if slot == NONE else ((-1 / (2 * np.pi), (slot,)),)
        return _wrapped(self._origin.plus(turns, terms))

    def _frequency(self, key: Key) -> Form:
        hertz, slot = key
        return Form(Unit.FREQUENCY, hertz - self._sequencer.oscillator, () if slot == NONE else ((1.0, (slot,)),))

    def _shift(self, key: Key, reset: Form) -> Form:
        """Turns of the carrier from the start of the shot to half a sample behind the reset."""
        frequency = self._frequency(key)
        seconds = [((reset.constant + 0.5) * TICK, ()), *((c * TICK, slots) for c, slots in reset.terms)]
        hertz = [(frequency.constant, ()), *frequency.terms]
        shift = Form(Unit.PHASE, 0.0)
        for long, waits in seconds:
            for fast, slots in hertz:
                both = tuple(sorted((*waits, *slots)))
                shift = shift.plus(0.0, ((long * fast, both),)) if both else shift.plus(long * fast)
        return _wrapped(check_linear(shift, self._schedule, self._where))

    def check(self, low: float, high: float) -> None:
        """Refuse frequencies that the oscillator does not reach.

        Raises:
            ScheduleError: With the line.
        """
        if max(abs(low), abs(high)) > HIGHEST_FREQUENCY:
            raise ScheduleError(
                f"a carrier must be within {HIGHEST_FREQUENCY / 1e6:g} MHz of the oscillator of its line",
                given=f"{low / 1e6:g} MHz to {high / 1e6:g} MHz from it",
                where=f"port {self._where}",
            )


def _wrapped(form: Form) -> Form:
    return Form(form.unit, round(form.constant % 1.0, 12) % 1.0, form.terms)
