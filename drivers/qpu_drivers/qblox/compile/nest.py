"""The data loops of a run around a shot: shots, linear axes and rows as text."""

from __future__ import annotations

from collections.abc import Callable

from qpu_bridge.schedule import Rows, Shots
from qpu_drivers.qblox.compile.code import Calls, Code, Node
from qpu_drivers.qblox.compile.form import Axes, Form, Unit, total
from qpu_drivers.qblox.compile.latch import Section
from qpu_drivers.qblox.compile.registers import Bank, Registers
from qpu_drivers.qblox.compile.rows import Sharing
from qpu_drivers.qblox.compile.shot import Bins, Writer, depth, numbers
from qpu_drivers.qblox.hardware import LEAD_IN, SHORTEST


def bins_of(axes: Axes) -> Bins:
    """Bins in the order of play; those of means leave the shots out."""
    single, mean = [], []
    for level, loop in enumerate(axes.loops):
        inner = [
            (count, isinstance(other, Shots))
            for count, other in zip(axes.counts[level + 1 :], axes.loops[level + 1 :], strict=True)
        ]
        single.append(total([count for count, _ in inner]))
        mean.append(0 if isinstance(loop, Shots) else total([count for count, shots in inner if not shots]))
    waste = Form(Unit.BIN, float(total(axes.counts)))
    return Bins(Form(Unit.BIN, 0.0, (), tuple(single)), Form(Unit.BIN, 0.0, (), tuple(mean)), waste)


def program(
    section: Section, axes: Axes, bins: Bins, tail: int, where: str, sharing: Sharing, listens: bool
) -> tuple[list[Node], dict[int, int]]:
    """Everything that one sequencer executes.

    Args:
        section: A shot, with its prologue.
        axes: The loops around it.
        bins: Running numbers of bins.
        tail: Ticks from the end of a shot to the next prologue.
        where: The line, for errors.
        sharing: What rows have in common.
        listens: Whether it counts triggers.

    Returns:
        Instructions, and the registers that the host sets.

    Raises:
        ScheduleError: If registers do not suffice, or waits are too short.
    """
    bank, code = Bank(where), Code()
    forms, groups = numbers(section, bins, tail)
    registers = Registers(axes, forms, groups, bank, sharing)
    counters = [bank.take() for _ in range(1 + depth(section))]
    writer = Writer(code, registers, bins, where, counters)
    differing = any(axes.by_row(form) for form in forms)
    nest = _Nest(
        code, registers, bank, lambda: writer.section(section, tail), differing, sharing in (Sharing.PACKED, Sharing.LOADED)
    )
    code.add("wait_sync", SHORTEST, ticks=SHORTEST)
    code.add("set_awg_offs", 0, 0)
    code.add("upd_param", LEAD_IN - SHORTEST * listens, ticks=LEAD_IN - SHORTEST * listens)
    if listens:
        code.add("set_latch_en", 1, SHORTEST, ticks=SHORTEST)
    registers.start(code)
    nest.level(0)
    code.add("stop")
    return code.nodes, registers.given


class _Nest:
    """Writes loops around a body; rows that do not differ are turns of a loop like any other."""

    def __init__(
        self, code: Code, registers: Registers, bank: Bank, shot: Callable[[], None], differing: bool, shared: bool
    ) -> None:
        self._code, self._registers, self._shot = code, registers, shot
        self._differing, self._shared = differing, shared
        self._axes = registers.axes
        self._counters = ["" if differing and isinstance(loop, Rows) else bank.take() for loop in self._axes.loops]
        self._back = bank.take() if differing and shared else ""

    def level(self, level: int) -> None:
        """A loop and all in it."""
        if level == len(self._axes.loops):
            self._shot()
            return
        count = self._axes.counts[level]
        if self._differing and isinstance(self._axes.loops[level], Rows):
            (self._call_rows if self._shared else self._write_rows)(level, count)
            return
        with self._code.loop(count, self._counters[level]):
            self.level(level + 1)
            self._registers.advance(self._code, level)

    def _write_rows(self, level: int, count: int) -> None:
        """Each row has its own body, with its numbers in it."""
        for row in range(count):
            self._registers.row = row
            self._registers.load(self._code, row)
            self.level(level + 1)
            if level or row < count - 1:
                self._registers.advance(self._code, level)
                self._registers.next_row(self._code, row, (row + 1) % count)
        self._registers.row = 0

    def _call_rows(self, level: int, count: int) -> None:
        """All rows share one body; each gives it its numbers, and where to go on."""
        code = self._code
        calls = Calls()
        code.nodes.append(calls)
        body, after = code.name("b"), code.name("r")
        for row in range(count):
            entry: list[Node] = []
            calls.entries.append(entry)
            with code.inside(entry):
                if row:
                    code.label(f"{after}_{row}")
                    self._registers.next_row(code, row - 1, row)
                self._registers.load(code, row)
                code.add("move", f"@{after}_{row + 1}", self._back)
                if row < count - 1:
                    code.add("jmp", f"@{body}")
        with code.inside(calls.body):
            code.label(body)
            self._registers.words.unpack(code)
            self.level(level + 1)
            self._registers.advance(code, level)
            code.add("jmp", self._back)
        code.label(f"{after}_{count}")
        if level:
            self._registers.next_row(code, count - 1, 0)
