"""Numbers as people read them."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_calibration.fit import bad, good
from qpu_calibration.picture import COLUMNS, LETTERS, format_number, picture, sheet


@pytest.mark.parametrize(
    ("value", "error", "unit", "text"),
    [
        (4.8590574e9, 160.0, "Hz", "4.85905740(16) GHz"),
        (-13290.0, 214.0, "Hz", "-13.29(21) kHz"),
        (134.32e-6, 2.6e-6, "s", "134.3(2.6) us"),
        (134.32e-6, 12.6e-6, "s", "134(13) us"),
        (0.2459, 0.0001, "", "0.24590(10)"),
        (0.5, 0.96, "", "0.50(96)"),
        (0.5, 0.996, "", "0.50(1.00)"),
        (-0.7149, 0.0018, "rad", "-0.7149(18) rad"),
        (0.25, 0.0, "", "0.25"),
        (5e9, float("inf"), "Hz", "5 GHz"),
    ],
)
def test_a_number_is_followed_by_the_error_of_its_last_digits(value: float, error: float, unit: str, text: str) -> None:
    assert format_number(value, error, unit) == text


def test_no_panel_reaches_into_its_neighbour_whatever_is_said_above_it() -> None:
    reason = "a curve must have a peak in the middle half of what was measured; got " + "nothing like it " * 12
    heads = [(good().model_copy(update={"target": (index,)}), ["t1 40(2) us"]) for index in range(COLUMNS)]
    heads.append((bad(reason).model_copy(update={"target": (COLUMNS,)}), []))
    figure, places = sheet("two_words", "qubit", heads)
    figure.canvas.draw()
    boxes = [axes.get_tightbbox() for axes in places]
    assert not any(one.overlaps(other) for index, one in enumerate(boxes) for other in boxes[:index])
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y0 >= 0 and box.y1 <= figure.bbox.height for box in boxes)
    words = places[-1].title
    assert words.get_color() == "tab:red"
    assert " ".join(words.get_text().split()) == f"qubit {COLUMNS} {reason.strip()}"
    assert max(map(len, words.get_text().splitlines())) <= LETTERS


def test_points_have_bars_where_their_errors_are_known() -> None:
    fit = good(t1=(1e-5, 1e-7, "s")).model_copy(update={"target": (3,)})
    points = {"x": np.arange(5.0), "y": np.arange(5.0), "label": "delay, us"}
    figure = picture("t1", "qubit", [(fit, points), (fit, points | {"error": np.ones(5)}), (fit, {})])
    plain, bars, empty = figure.axes
    assert (len(plain.containers), len(bars.containers), len(empty.lines)) == (0, 1, 0)
    assert plain.get_xlabel() == "delay, us"
    assert "t1" in plain.get_title()
