"""Which numbers of a program stand in instructions and which in registers, and how loops move those."""

from __future__ import annotations

from dataclasses import dataclass

from qpu_bridge.errors import ScheduleError
from qpu_drivers.qblox.compile.code import Argument, Code
from qpu_drivers.qblox.compile.form import FRACTION, Axes, Form, Unit, accumulated, half, quantised
from qpu_drivers.qblox.compile.rows import Sharing, Words
from qpu_drivers.qblox.hardware import REGISTERS, TURN

KEPT = 12
"""Registers that packed phases leave to loops."""


class Bank:
    """Registers that are still free.

    Args:
        where: The line, for the error.
    """

    def __init__(self, where: str) -> None:
        self.where, self._next = where, 0

    def take(self) -> str:
        """A register that nobody has.

        Raises:
            ScheduleError: If there is none left.
        """
        if self._next == REGISTERS:
            raise ScheduleError(
                f"a sequencer has {REGISTERS} registers, for all numbers that axes change, and loops",
                given="more",
                where=self.where,
                remedy="Sweep fewer slots on linear axes, and give the others by rows of the table.",
            )
        self._next += 1
        return f"R{self._next - 1}"

    @property
    def left(self) -> int:
        """How many are free."""
        return REGISTERS - self._next


@dataclass(frozen=True, slots=True)
class Stepped:
    """A number that loops move.

    Attributes:
        form: Which.
        value: Register that instructions read.
        sum: Register that is added to; the same one, where nothing is cut off.
        fraction: Register of the places behind the point, where `sum` has no room for them.
    """

    form: Form
    value: str
    sum: str
    fraction: str | None


class Registers:
    """Numbers of one sequencer's program, each an immediate or in a register.

    Args:
        axes: The loops of the run.
        forms: Numbers, each once.
        groups: Numbers that one instruction takes either all from registers or all not.
        bank: Where registers come from.
        sharing: What rows have in common.
    """

    def __init__(self, axes: Axes, forms: list[Form], groups: list[tuple[Form, ...]], bank: Bank, sharing: Sharing) -> None:
        self.axes = axes
        for form in forms:
            if form.unit is Unit.GAIN and max(map(abs, axes.extremes(form))) > 1 + 1e-9:
                raise ScheduleError(
                    "amplitudes must be within full scale", given=max(axes.extremes(form), key=abs), where=bank.where
                )
        steps = {form: axes.steps(form) for form in forms}
        moved = {form for form in forms if any(s and n > 1 for s, n in zip(steps[form], axes.counts, strict=True))}
        by_row = {form for form in forms if (axes.from_row(form) if sharing is Sharing.GIVEN else axes.by_row(form))}
        held = moved | {form for form in forms if form.unit is Unit.BIN} | (set() if sharing is Sharing.APART else by_row)
        while more := [f for group in groups if any(f in held for f in group) for f in group if f not in held]:
            held |= set(more)
        self.stepped = [self._stepped(form, bank) for form in forms if form in moved]
        self._named = {one.form: one.value for one in self.stepped}
        self.loaded = [form for form in forms if form in held - moved and form in by_row]
        self.fixed = [form for form in forms if form in held - moved and form not in by_row]
        self.words = Words(axes, self.loaded if sharing is Sharing.PACKED else [], bank.left - len(self.fixed) - KEPT, bank.take)
        self.loaded = [form for form in self.loaded if form not in self.words.forms]
        self._named |= self.words.named
        for form in self.loaded + self.fixed:
            self._named[form] = bank.take()
        self._by_row = by_row
        self._given = sharing is Sharing.GIVEN
        self.row = 0
        """The row whose numbers immediates are."""

    def operand(self, form: Form) -> Argument:
        """What an instruction names: a register, or the number in the row at hand."""
        return self._named.get(form) or quantised(form.unit, form.at(self.axes.rows[self.row]))

    @property
    def given(self) -> dict[int, int]:
        """What the host must set registers to: numbers of the only row."""
        if not self._given:
            return {}
        first = self.axes.rows[0]
        return {int(self._named[f][1:]): _word(quantised(f.unit, f.at(first))) for f in self.loaded}

    def phase(self, code: Code, form: Form) -> Argument:
        """What an instruction names for a phase, which may have to be unpacked first."""
        return self.words.bring(code, form) or self.operand(form)

    def start(self, code: Code) -> None:
        """Give all registers what they hold in the first row, at the first point."""
        for form in self.fixed:
            code.add(
                "move", quantised(form.unit, form.constant if not form.slots else form.at(self.axes.rows[0])), self._named[form]
            )
        for one in self.stepped:
            first = self._sum(one.form, 0) + half(one.form.unit)
            if one.fraction:
                code.add("move", _word(first), one.fraction)
                first >>= FRACTION[one.form.unit]
            elif one.form.unit is Unit.FREQUENCY:
                first >>= FRACTION[one.form.unit]
            code.add("move", _word(first), one.sum)
        self._convert(code, self.stepped)

    def load(self, code: Code, row: int) -> None:
        """Give registers what they hold in a row, where no loop moves them."""
        for form in self.loaded:
            code.add("move", quantised(form.unit, form.at(self.axes.rows[row])), self._named[form])
        self.words.load(code, row)

    def advance(self, code: Code, level: int) -> None:
        """Move registers at the end of a turn of a loop, when the loops in it have been through."""
        moved = []
        for one in self.stepped:
            delta = self._step(one.form, level)
            if level + 1 < len(self.axes.counts):
                delta -= self.axes.counts[level + 1] * self._step(one.form, level + 1)
            moved += self._add(code, one, delta)
        self._convert(code, moved)

    def next_row(self, code: Code, before: int, after: int) -> None:
        """Move registers from one row to another, as far as slots do."""
        moved = []
        for one in self.stepped:
            if one.form in self._by_row:
                moved += self._add(code, one, self._sum(one.form, after) - self._sum(one.form, before))
        self._convert(code, moved)

    def _stepped(self, form: Form, bank: Bank) -> Stepped:
        value = bank.take()
        if form.unit in (Unit.PHASE, Unit.GAIN):
            return Stepped(form, value, bank.take(), None)
        cut = 2 ** FRACTION[form.unit]
        starts = {self._sum(form, row) % cut for row in range(len(self.axes.rows))}
        broken = len(starts) > 1 or any(self._step(form, level) % cut for level in range(len(self.axes.counts)))
        return Stepped(form, value, value, bank.take() if broken else None)

    def _sum(self, form: Form, row: int) -> int:
        return accumulated(form.unit, form.at(self.axes.rows[row]))

    def _step(self, form: Form, level: int) -> int:
        return accumulated(form.unit, self.axes.steps(form)[level])

    def _add(self, code: Code, one: Stepped, delta: int) -> list[Stepped]:
        """Add to a register; itself, if there was something to add."""
        if not delta:
            return []
        if one.form.unit is not Unit.FREQUENCY:
            code.add("add", one.sum, _word(delta), one.sum)
            return [one]
        whole, fraction = divmod(delta, 2 ** FRACTION[Unit.FREQUENCY])
        if whole:
            code.add("add", one.sum, _word(whole), one.sum)
        if one.fraction and fraction:
            code.add("add", one.fraction, fraction, one.fraction)
            skip = code.name("c")
            code.add("jae", f"@{skip}")
            code.add("add", one.sum, 1, one.sum)
            code.label(skip)
            code.add("nop")
        return [one]

    def _convert(self, code: Code, moved: list[Stepped]) -> None:
        """Sums to what instructions read."""
        for one in moved:
            if one.form.unit is Unit.PHASE:
                code.add("mulu32h", one.sum, TURN, one.value)
            elif one.form.unit is Unit.GAIN:
                code.add("asr", one.sum, FRACTION[Unit.GAIN], one.value)


def _word(number: int) -> int:
    """A number as a register of 32 bits holds it."""
    return number % 2**32
