"""The declaring half of a builder: lines, carriers, slots, axes, columns and variables."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Sweep
from qpu_bridge.schedule.carrier import Carrier, SlotRef
from qpu_bridge.schedule.column import Column
from qpu_bridge.schedule.expression import SlotValue, Variable, VariableKind
from qpu_bridge.schedule.port import Frame, Port, PortKind
from qpu_bridge.schedule.slot import Slot, SlotKind
from qpu_bridge.units import Clock


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """A linear axis that a builder has declared; all of its sweeps take their steps together.

    Attributes:
        declarations: Whose axis it is.
        count: Number of points.
        sweeps: What has been put on it.
    """

    declarations: Declarations
    count: int
    sweeps: list[Sweep]

    def sweep(self, kind: SlotKind, start: float, step: float) -> SlotRef:
        """Declare a number that this axis sweeps: ``start + k * step``. A frequency is an offset from the frame's."""
        slot = self.declarations.slot(kind)
        self.sweeps.append(Sweep(slot.index, start, step))
        return slot


class Declarations:
    """Tables of a schedule under way.

    Args:
        clock: Timeline clock.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._ports: list[Port] = []
        self._frames: list[Frame] = []
        self._carriers: list[Carrier] = []
        self._slots: list[Slot] = []
        self._columns: list[Column] = []
        self._variables: list[Variable] = []
        self._axes: list[Axis] = []

    def port(self, name: str, kind: PortKind, clock: Clock | None = None) -> int:
        """Declare a line; its sample clock is the timeline clock unless given."""
        self._ports.append(Port(name, kind, clock or self.clock))
        return len(self._ports) - 1

    def frame(self, name: str, port: int, frequency: float) -> int:
        """Declare a carrier on a line, frequency in Hz."""
        self._frames.append(Frame(name, declared("port", port, self._ports), frequency))
        self._carriers.append(Carrier(name, frequency))
        return len(self._frames) - 1

    def slot(self, kind: SlotKind, bits: int | None = None) -> SlotRef:
        """Declare a number that the table fills in per row. A frequency is an offset from the frame's."""
        self._slots.append(Slot(kind, bits))
        return SlotRef(len(self._slots) - 1, kind)

    def slots(self, kinds: Sequence[SlotKind]) -> range:
        """Declare many; returns their indices."""
        first, alike = len(self._slots), {kind: Slot(kind) for kind in SlotKind}
        self._slots += [alike[kind] for kind in kinds]
        return range(first, len(self._slots))

    def axis(self, count: int) -> Axis:
        """Declare a linear axis of some points, inside of those declared before; its `Axis.sweep` puts numbers on it."""
        self._axes.append(Axis(self, count, []))
        return self._axes[-1]

    def sweep(self, kind: SlotKind, start: float, step: float, count: int) -> SlotRef:
        """Declare a number with a linear axis of its own: ``start + k * step`` for ``k < count``."""
        return self.axis(count).sweep(kind, start, step)

    def value(self, slot: SlotRef) -> SlotValue:
        """A slot of kind value, for an expression to read."""
        return SlotValue(slot.of(SlotKind.VALUE))

    def column(self, column: Column) -> int:
        """Declare a place for captures to write."""
        self._columns.append(column)
        return len(self._columns) - 1

    def variable(self, name: str, kind: VariableKind, width: int | None = None) -> int:
        """Declare a real-time variable; without a width, of 1 bit (bool) or 64."""
        widths = {VariableKind.BOOL: 1}
        self._variables.append(Variable(name, kind, widths.get(kind, 64) if width is None else width))
        return len(self._variables) - 1


def declared(what: str, index: int, table: Sized) -> int:
    """An index into one of the tables.

    Raises:
        ScheduleError: If nothing was declared under it.
    """
    if type(index) is int and 0 <= index < len(table):
        return index
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(table):
        raise ScheduleError(f"a {what} must be one of the {len(table)} that were declared", given=str(index))
    return index
