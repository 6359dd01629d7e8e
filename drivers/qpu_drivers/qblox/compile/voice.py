"""The events of one sequencer as real-time instructions with their settings."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import NONE, Schedule
from qpu_drivers.qblox.allocation import Sequencer
from qpu_drivers.qblox.compile.carrier import Carrier
from qpu_drivers.qblox.compile.form import Form, Unit
from qpu_drivers.qblox.compile.latch import SILENT, Latch, Pair
from qpu_drivers.qblox.compile.memory import Memory
from qpu_drivers.qblox.compile.pulse import Piece, pieces
from qpu_drivers.qblox.compile.receiver import Receiver
from qpu_drivers.qblox.hardware import SHORTEST, WAVEFORM_SAMPLES, WAVEFORMS

NO_PHASE = Form(Unit.PHASE, 0.0)


class Voice:
    """Plays and captures of one sequencer.

    Where it also acquires, constant phases of plays are put into gains and samples, so that the oscillator that
    demodulates stays as it is while a tone is heard.
    """

    def __init__(self, schedule: Schedule, sequencer: Sequencer, rows: list[int]) -> None:
        self._events = schedule.events
        self._waveforms = schedule.waveforms
        self.sequencer = sequencer
        names = [schedule.ports[k].name for k in (sequencer.output, sequencer.input) if k is not None]
        self.where = f"port {'/'.join(names)}"
        self.memory = Memory(WAVEFORM_SAMPLES, WAVEFORMS, "waveforms", self.where)
        if (self._events["phase_variable"][rows] != NONE).any():
            raise ScheduleError(
                "a phase must not follow a real-time variable on this device", given="one that does", where=self.where
            )
        captures = schedule.captures[rows].tolist()
        heard = [row for row, capture in zip(rows, captures, strict=True) if capture]
        self._captures = frozenset(heard)
        self.receiver = Receiver(schedule, heard, self.where)
        self.carrier = Carrier(schedule, sequencer, rows, self.where)
        self._listens = bool(heard)
        self.listening = 0
        """Ticks that the last acquisition goes on behind the stretch; while one is at work, behind its start."""
        self._heard = NO_PHASE
        """Phase that the oscillator carries meanwhile."""

    def latches(self, starts: list[tuple[int, int]], end: int, now: Form, kept: bool) -> tuple[Latch, ...]:
        """Instructions of a stretch.

        Args:
            starts: Tick and row of each event.
            end: Tick at which the stretch ends.
            now: Tick of the shot at which it begins.
            kept: Whether no later turn overwrites what it captures.

        Raises:
            ScheduleError: If two instructions would be closer than the hardware allows, or an oscillator changed as it listens.
        """
        delay = self.sequencer.time_of_flight
        placed = sorted((at + delay * (row in self._captures), row) for at, row in starts)
        plays = {at for at, row in placed if row not in self._captures}
        busy = [at for at, _ in placed]
        carried: Form | None = None
        found: list[Latch] = []
        for at, row in placed:
            if at > end - SHORTEST:
                raise ScheduleError(
                    f"what a sequencer does must begin at least {SHORTEST} ns before its block ends",
                    given=f"{end - at} ns, {delay} ns of them time of flight" if delay else f"{end - at} ns",
                    where=self._place(row, at),
                )
            tuned = None if self.sequencer.flux else self.carrier.tune(row, now, at)
            if row in self._captures:
                phase = self.carrier.origin if carried is None or tuned else None
                carried = NO_PHASE if carried is None or tuned else carried
                capture = self.receiver.capture(row, carried, at, kept)
                found.append(Latch(at, tuned is not None, tuned, phase, capture=capture, event=row))
                self._heard = carried
                self.listening = max(self.listening, at + self.receiver.windows[capture.acquisition].samples)
            else:
                turn = self._turn(row)
                carried = NO_PHASE if turn is not None else self._carried(row)
                if at < self.listening and (tuned or carried != self._heard):
                    raise ScheduleError(
                        "a play within an acquisition of its carrier must have the same frequency, and phase if a slot sets it",
                        given="another one",
                        where=self._place(row, at),
                    )
                first, *rest = self._play(row, at, turn, busy, plays, end)
                phase = None if self.sequencer.flux else (self.carrier.origin if turn is not None else self.carrier.phase(row))
                found.append(Latch(at, tuned is not None, tuned, phase, first.gain, first.level, first.waves, event=row))
                found += rest
        self.listening = max(0, self.listening - end)
        found.sort(key=lambda latch: latch.at)
        for one, two in pairwise(found):
            if two.at - one.at < SHORTEST:
                raise ScheduleError(
                    f"what a sequencer does must begin at least {SHORTEST} ns apart",
                    given=f"{two.at - one.at} ns",
                    where=self._place(two.event, two.at),
                )
        return tuple(found)

    def _place(self, row: int, at: int) -> str:
        return f"{self.where}, event {row}, tick {at} of its block"

    def _turn(self, row: int) -> complex | None:
        """What turns the samples of a play by its phase, where the oscillator does not; None where it does."""
        if self.sequencer.flux:
            return 1.0 + 0j
        if self._listens and int(self._events["phase_slot"][row]) == NONE:
            return complex(np.exp(-1j * float(self._events["phase"][row])))
        return None

    def _carried(self, row: int) -> Form:
        """Phase of a play that the oscillator takes on, turns."""
        slot = int(self._events["phase_slot"][row])
        terms = () if slot == NONE else ((1 / (2 * np.pi), (slot,)),)
        return Form(Unit.PHASE, float(self._events["phase"][row]) / (2 * np.pi), terms)

    def _play(self, row: int, at: int, turn: complex | None, busy: list[int], plays: set[int], end: int) -> list[Latch]:
        waveform = self._waveforms[int(self._events["waveform"][row])]
        last = at + waveform.duration

        def near(tick: int) -> list[int]:
            around = busy[bisect_right(busy, tick - SHORTEST) : bisect_left(busy, tick + SHORTEST)]
            return [other for other in around if other != at]

        def free(sample: int) -> bool:
            return not near(at + sample)

        crowded = any(tick != last or tick not in plays for tick in near(last))

        found = []
        end_free = not crowded and (last in plays or last <= end - SHORTEST)
        for piece in pieces(waveform, free, end_free, self._place(row, at)):
            if piece.first == waveform.duration and last in plays:
                break  # the next play ends the level
            found.append(self._latch(row, at + piece.first, piece, turn or 1.0 + 0j))
        return found

    def _latch(self, row: int, at: int, piece: Piece, turn: complex) -> Latch:
        samples = np.conj(piece.samples)
        if piece.held:
            return Latch(at, level=self._pair(row, complex(samples[0]) * turn), event=row)
        waves, gain = self._stored(row, samples, turn, at)
        return Latch(at, gain=gain, level=SILENT, waves=waves, event=row)

    def _stored(self, row: int, samples: NDArray[np.complex128], turn: complex, at: int) -> tuple[tuple[int, int], Pair]:
        if not samples.imag.any():
            index = self.memory.index(samples.real, at)
            return (index, index), self._pair(row, turn)
        turned = samples * turn
        waves = self.memory.index(turned.real, at), self.memory.index(turned.imag, at)
        return waves, self._pair(row, 1 + 1j)

    def _pair(self, row: int, factor: complex) -> Pair:
        """Gains or levels of both paths: the play's amplitude times a factor; on a flux line path I alone is connected."""
        amplitude, slot = float(self._events["amplitude"][row]), int(self._events["amplitude_slot"][row])

        def gain(part: float) -> Form:
            scale = round(amplitude * part, 12) + 0.0
            return Form(Unit.GAIN, scale) if slot == NONE or not scale else Form(Unit.GAIN, 0.0, ((scale, (slot,)),))

        return gain(factor.real), gain(factor.real if self.sequencer.flux else factor.imag)
