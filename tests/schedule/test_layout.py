from __future__ import annotations

from qpu_bridge.schedule import Schedule
from qpu_bridge.schedule.layout import layout


def test_a_page_holds_each_arm_and_each_loop_once(schedule: Schedule) -> None:
    page = layout(schedule)
    assert page.folded
    assert [(span.kind, span.stop - span.start) for span in page.spans] == [
        ("then", 32),
        ("otherwise", 32),
        ("assign", 0),
        ("wait", 19),
        ("loop", 32),
    ]
    assert page.width == 640 + 32 + 32 + 192 + 19 + 32 + 650
