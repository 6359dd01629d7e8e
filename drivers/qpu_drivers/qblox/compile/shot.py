"""One shot of a sequencer as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from qpu_bridge.errors import ScheduleError
from qpu_drivers.qblox.compile.code import Code
from qpu_drivers.qblox.compile.form import Form, Unit
from qpu_drivers.qblox.compile.latch import SILENT, Capture, Fork, Latch, Section, Stretch, Turns, latches
from qpu_drivers.qblox.compile.registers import Registers
from qpu_drivers.qblox.compile.wait import wait, wait_register
from qpu_drivers.qblox.hardware import LONGEST, SHORTEST

NOTHING = Form(Unit.TICKS, 0.0)
_ANY, _NONE = 0, 1
"""Operators of a condition: one of the counts has reached its threshold, or none has."""


@dataclass(frozen=True, slots=True)
class Bins:
    """The running number of the bin, of captures that keep every shot, that hold means, and that nobody reads."""

    single: Form
    mean: Form
    waste: Form

    def of(self, capture: Capture) -> Form:
        """The one of a capture."""
        if not capture.kept:
            return self.waste
        return self.mean if capture.average else self.single


def numbers(section: Section, bins: Bins, tail: int) -> tuple[list[Form], list[tuple[Form, ...]]]:
    """All numbers of a shot, and which of them one instruction takes in the same way."""
    forms: dict[Form, None] = {}
    groups: dict[tuple[Form, ...], None] = {}
    for latch in latches(section):
        for single in (latch.frequency, latch.phase):
            if single is not None:
                forms[single] = None
        for group in (latch.gain, latch.level, _capture(latch, bins)):
            if group:
                forms |= dict.fromkeys(group)
                groups[group] = None
    for gap in _gaps(section, tail):
        if gap.slots:
            forms[gap] = None
    return list(forms), list(groups)


def depth(section: Section) -> int:
    """How many loops stand in one another."""
    return max((1 + depth(part.body) for part in section if isinstance(part, Turns)), default=0)


def _capture(latch: Latch, bins: Bins) -> tuple[Form, ...]:
    if latch.capture is None:
        return ()
    weights = latch.capture.weights or ()
    return (bins.of(latch.capture), *(Form(Unit.BIN, index) for index in weights))


def _gaps(section: Section, tail: int) -> Iterator[Form]:
    """Waits that a section needs beside those of its instructions: what `Writer` waits for, number by number."""
    recorder = Writer(None, None, Bins(NOTHING, NOTHING, NOTHING), "", ["", ""])
    recorder.section(section, tail)
    yield from recorder.waited


class Writer:
    """Writes the instructions of a section.

    Args:
        code: Where to; None to find out only which waits there are.
        registers: Where numbers are.
        bins: Running numbers of bins.
        where: The line, for errors.
        counters: A register for long waits, and one for each loop in another.
    """

    def __init__(self, code: Code | None, registers: Registers | None, bins: Bins, where: str, counters: list[str]) -> None:
        self._code, self._registers, self._bins, self._where = code, registers, bins, where
        self._scratch, *self._counters = counters
        self._depth = 0
        self.waited: list[Form] = []

    def section(self, section: Section, tail: int) -> None:
        """A section, and some ticks behind it."""
        pending, open_latch = NOTHING, None
        state = Latch(0, level=SILENT)
        for part in section:
            if isinstance(part, Stretch):
                begun = pending
                for latch in part.latches:
                    self._between(open_latch, begun.plus(latch.at), state)
                    state = _merged(state, open_latch)
                    open_latch, begun = latch, NOTHING.plus(-latch.at)
                pending = begun.plus(part.duration.constant, part.duration.terms)
                continue
            self._between(open_latch, pending, state)
            open_latch, pending, state = None, NOTHING, Latch(0, level=SILENT)
            if isinstance(part, Fork):
                if self._code is not None:
                    self._fork(part)
            elif self._code is None:
                self.section(part.body, 0)
            else:
                with self._code.loop(part.count, self._counters[self._depth]):
                    self._depth += 1
                    self.section(part.body, 0)
                    self._depth -= 1
        self._between(open_latch, pending.plus(tail), state)

    def _between(self, latch: Latch | None, gap: Form, state: Latch) -> None:
        """An instruction, if there is one, and the time until the next."""
        least, most = self._extremes(gap)
        if latch is not None:
            fits = not gap.slots and SHORTEST <= least <= LONGEST
            lasts = int(least) if fits else SHORTEST
            if self._code is not None:
                self._write(latch, lasts, lasts, state)
            gap, least, most = gap.plus(-lasts), least - lasts, most - lasts
        if not gap.slots and not least:
            return
        if least < SHORTEST:
            raise ScheduleError(
                f"waits between what a sequencer does must be at least {SHORTEST} ns ({2 * SHORTEST} ns after a pulse if slots "
                "change them)",
                given=f"{least:g} ns",
                where=self._where + (f", event {latch.event}" if latch else ""),
            )
        if gap.slots:
            self.waited.append(gap)
        if self._code is None:
            return
        assert self._registers is not None
        amount = self._registers.operand(gap) if gap.slots else int(gap.constant)
        if isinstance(amount, int):
            wait(self._code, amount, self._scratch)
        else:
            wait_register(self._code, amount, int(least), int(most), self._scratch)

    def _extremes(self, gap: Form) -> tuple[float, float]:
        if not gap.slots:
            return gap.constant, gap.constant
        if self._registers is None:
            return 2.0 * LONGEST, 2.0 * LONGEST
        return self._registers.axes.extremes(gap)

    def _fork(self, fork: Fork) -> None:
        """Both arms, each instruction under the condition of its arm."""
        assert self._code is not None
        clocks, under = [0, 0], None
        for step in fork.steps:
            if step.first != under:
                holds = _ANY if step.first == fork.wanted else _NONE
                self._code.add("set_cond", 1, 1 << (fork.address - 1), holds, SHORTEST)
                under = step.first
            before = min(clocks)
            clocks = [
                now + (step.length if step.first == first else SHORTEST) for now, first in zip(clocks, (True, False), strict=True)
            ]
            ticks = min(clocks) - before
            if step.latch is None:
                self._code.add("wait", step.length, ticks=ticks)
            else:
                self._write(step.latch, step.length, ticks, Latch(0))
        self._code.add("set_cond", 0, 0, 0, SHORTEST)
        if any(step.latch is not None and step.latch.level not in (None, SILENT) for step in fork.steps):
            self._code.add("set_awg_offs", 0, 0)  # whatever becomes of a level that was set for an instruction that was skipped

    def _write(self, latch: Latch, lasts: int, ticks: int, state: Latch) -> None:
        assert self._code is not None
        assert self._registers is not None
        code, operand = self._code, self._registers.operand
        if latch.reset:
            code.add("reset_ph")
        if latch.frequency is not None:
            code.add("set_freq", operand(latch.frequency))
        if latch.phase is not None and (latch.reset or latch.phase != state.phase):
            code.add("set_ph", self._registers.phase(code, latch.phase))
        for op, pair, before in (("set_awg_gain", latch.gain, state.gain), ("set_awg_offs", latch.level, state.level)):
            if pair is not None and pair != before:
                code.add(op, operand(pair[0]), operand(pair[1]))
        if latch.clears:
            code.add("latch_rst", lasts, ticks=ticks)
        elif latch.capture is not None:
            bin_, *weights = map(operand, _capture(latch, self._bins))
            op = "acquire_weighted" if weights else "acquire"
            code.add(op, latch.capture.acquisition, bin_, *weights, lasts, ticks=ticks)
        elif latch.waves is not None:
            code.add("play", *latch.waves, lasts, ticks=ticks)
        else:
            code.add("upd_param", lasts, ticks=ticks)


def _merged(state: Latch, latch: Latch | None) -> Latch:
    """Settings after an instruction; None where they are not known."""
    if latch is None:
        return state
    phase = latch.phase or (None if latch.reset else state.phase)
    return replace(state, phase=phase, gain=latch.gain or state.gain, level=latch.level or state.level)
