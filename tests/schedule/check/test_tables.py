"""Each rule about the tables has one schedule that breaks exactly it; those about clocks and lines stand in test_structure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Limits, Schedule, Slot, SlotKind, Variable, VariableKind
from qpu_bridge.schedule.check import check
from qpu_bridge.schedule.shapes import constant


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: replace(s, columns=(s.columns[0], replace(s.columns[1], name="herald"))), "a column's name must be used once"),
        (
            lambda s: replace(s, waveforms=(*s.waveforms, s.waveforms[1])),
            "a waveform must stand in the table once; got waveforms 1",
        ),
        (
            lambda s: replace(s, waveforms=(*s.waveforms, constant(2**40))),
            "all waveforms together must last at most 1099511627776",
        ),
        (lambda s: replace(s, slots=(Slot(SlotKind.PHASE, 2.5), *s.slots[1:])), "number of bits, from 0 to 32"),
        (lambda s: replace(s, slots=(Slot(SlotKind.PHASE, True), *s.slots[1:])), "number of bits, from 0 to 32"),
        (lambda s: replace(s, slots=(Slot(SlotKind.PHASE, -1), *s.slots[1:])), "number of bits, from 0 to 32"),
        (lambda s: replace(s, variables=(*s.variables, Variable("n", VariableKind.UINT, 2.5))), "a variable must have 1 bit"),
    ],
)
def test_a_table_that_breaks_a_rule_is_refused(
    schedule: Schedule, limits: Limits, change: Callable[[Schedule], Schedule], message: str
) -> None:
    with pytest.raises(ScheduleError) as caught:
        check(change(schedule), limits)
    assert message in str(caught.value)
