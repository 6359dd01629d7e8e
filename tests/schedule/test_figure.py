from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from io import BytesIO

import numpy as np

from qpu_bridge.schedule import Schedule, Straight, Table, figure


def test_each_port_has_a_lane_and_each_capture_its_name(schedule: Schedule) -> None:
    axes = figure(schedule, title="everything").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a0", "m0", "z0", "d0"]
    texts = {text.get_text().strip() for text in axes.texts}
    assert {"herald", "c[0]", "if herald", "else", "wait s2", "3 times", "∠0.1+s0+angle", "×s1 +s3 Hz"} <= texts
    assert axes.get_title(loc="left") == "everything"


def test_a_row_is_drawn_without_slots(schedule: Schedule) -> None:
    axes = figure(schedule, 0, Table(np.array([[np.pi, 0.5, 0, 0]]))).axes[0]
    assert not any("s0" in text.get_text() for text in axes.texts)
    assert any("∠π+angle" in text.get_text() for text in axes.texts)


def test_a_figure_can_be_written(schedule: Schedule) -> None:
    for kind in ("png", "svg"):
        out = BytesIO()
        figure(schedule).savefig(out, format=kind)
        assert len(out.getvalue()) > 10_000


def test_a_schedule_without_events_can_be_drawn(schedule: Schedule) -> None:
    figure(replace(schedule, events=schedule.events[:0], body=(Straight(0, 0, 100),)))


def test_matplotlib_is_imported_only_to_draw() -> None:
    code = "import sys, qpu_bridge.schedule; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
