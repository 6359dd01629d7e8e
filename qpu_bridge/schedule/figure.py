"""A schedule as a picture: a lane per port, envelopes, captures, control."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import words
from qpu_bridge.schedule.bound import bind, row_values
from qpu_bridge.schedule.event import NONE, Operation
from qpu_bridge.schedule.layout import Layout, layout
from qpu_bridge.schedule.port import PortKind
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _FAINT, _PAPER = "#22303c", "#8a97a3", "#ffffff"
_DRIVE = ("#3b6fb6", "#1f9e9a", "#7a5cc4", "#2a8fd1", "#4f7f3a", "#5b6ee1")
_COLOUR = {PortKind.FLUX: "#e08e2b", PortKind.READOUT: "#c2456b", PortKind.ACQUIRE: "#c2456b"}
_SPAN = {"then": "#2f9e62", "otherwise": "#b5651d", "loop": "#6a5acd", "wait": "#8a97a3", "assign": "#8a97a3"}
_MOST_LABELS = 70
_ROW = 0.36
"""Height of a row of labels, in lanes."""
_LETTER = 0.0058
"""Width of a letter, in pages."""


def figure(
    schedule: Schedule,
    row: int | None = None,
    table: Table | None = None,
    *,
    title: str = "",
    width: float = 12.0,
) -> Figure:
    """Draw a schedule as a figure.

    Filled: the real part of the envelope in its frame; thin line: the imaginary part; both relative to the lane's loudest
    play, whose amplitude stands at the right. A diamond marks a play that a slot changes. Labels (phases, slots) are left
    out where there are too many to read.

    Args:
        schedule: What to draw.
        row: Row of the table to fill in; without it slots stay slots.
        table: Rows of slot values.
        title: Above the picture.
        width: Inches.

    Returns:
        A figure that belongs to no window; ``figure(...).savefig("schedule.png")`` writes it.
    """
    from matplotlib.figure import Figure

    shown = schedule if row is None else bind(schedule, row_values(schedule, row, table or Table.single()))
    page = layout(shown)
    lanes = [index for index in range(len(shown.ports)) if (shown.events["port"] == index).any()] or [0]
    rows = _label_rows(page)
    above = _ROW * (1 + max(rows, default=-1))
    drawn = Figure(figsize=(width, 0.9 + 0.6 * (len(lanes) + above)), facecolor=_PAPER, layout="constrained")
    axes = drawn.add_subplot()
    unit, name = _time_unit(shown, page)
    _frame_axes(axes, shown, page, lanes, above, unit)
    _control(axes, page, rows, len(lanes), unit)
    for lane, port in enumerate(lanes):
        _lane(axes, shown, page, port, len(lanes) - 1 - lane, unit)
    folded = " (each loop once, both arms of a branch in turn)" if page.folded else ""
    axes.set_xlabel(f"time in {name}{folded}", color=_INK, fontsize=9)
    if title:
        axes.set_title(title, loc="left", color=_INK, fontsize=11, fontweight="bold", pad=10)
    return drawn


def _time_unit(schedule: Schedule, page: Layout) -> tuple[float, str]:
    tick = float(schedule.clock.dt)
    return (tick * 1e6, "µs") if page.width * tick >= 2e-6 else (tick * 1e9, "ns")


def _frame_axes(axes: Axes, schedule: Schedule, page: Layout, lanes: list[int], above: float, unit: float) -> None:
    count = len(lanes)
    for lane in range(count):
        if lane % 2 == 0:
            axes.axhspan(lane - 0.5, lane + 0.5, color="#f4f6f8", zorder=0, linewidth=0)
        axes.plot([0, page.width * unit], [lane, lane], color="#c9d1d8", linewidth=0.7, zorder=1)
    axes.set_xlim(-0.01 * page.width * unit, 1.055 * page.width * unit)
    axes.set_ylim(-0.55, count - 0.45 + above)
    axes.set_yticks(range(count), [schedule.ports[port].name for port in reversed(lanes)], fontsize=9)
    axes.tick_params(axis="y", length=0, labelcolor=_INK)
    axes.tick_params(axis="x", labelsize=8, colors=_FAINT)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#c9d1d8")


def _label_rows(page: Layout) -> list[int]:
    """The row above the lanes in which each span's label stands, so that none covers another."""
    ends: list[float] = []
    rows = []
    for span in page.spans:
        row = next((row for row, end in enumerate(ends) if end <= span.start), len(ends))
        ends[row : row + 1] = [span.start + (len(span.label) + 2) * _LETTER * page.width]
        rows.append(row)
    return rows


def _control(axes: Axes, page: Layout, rows: list[int], count: int, unit: float) -> None:
    from matplotlib.patches import Rectangle

    for span, row in zip(page.spans, rows, strict=True):
        colour = _SPAN[span.kind]
        left, size = span.start * unit, (span.stop - span.start) * unit
        level = count - 0.3 + _ROW * row
        axes.plot([left, left], [-0.5, level + 0.15], color=colour, linewidth=0.8, linestyle=":", zorder=2)
        if size:
            hatch = "////" if span.kind == "wait" else None
            shade = Rectangle((left, -0.5), size, count + 0.06, facecolor=colour, edgecolor=colour, hatch=hatch)
            shade.set(linewidth=0, alpha=0.1, zorder=1)
            axes.add_patch(shade)
            axes.add_patch(Rectangle((left, count - 0.5), size, 0.06, facecolor=colour, linewidth=0, zorder=3))
        text = f" {span.label}"
        axes.text(left, level, text, color=colour, fontsize=7.5, va="bottom", ha="left", clip_on=False)


def _lane(axes: Axes, schedule: Schedule, page: Layout, port: int, level: int, unit: float) -> None:
    from matplotlib.collections import LineCollection, PolyCollection

    events = schedule.events
    peaks = np.array([wave.peak for wave in schedule.waveforms] or [1.0])[events["waveform"]] * np.abs(events["amplitude"])
    here = (events["port"] == port) & ~schedule.captures
    loudest = float(peaks[here].max(initial=0.0)) or 1.0
    solid: dict[str, list[NDArray[np.float64]]] = {}
    thin: list[NDArray[np.float64]] = []
    marks: list[tuple[float, float]] = []
    captures: dict[tuple[float, float, str], list[str]] = {}
    labels = int((events["port"] == port).sum()) <= _MOST_LABELS
    for panel in page.panels:
        for row in range(panel.block.first, panel.block.last):
            event = events[row]
            if event["port"] != port:
                continue
            left = (panel.start + int(event["start"])) * unit
            size = int(event["duration"]) * unit
            colour = _colour(schedule, int(event["frame"]))
            if event["operation"] == Operation.CAPTURE:
                captures.setdefault((left, size, colour), []).append(schedule.columns[event["column"]].name)
                continue
            edge, real, imag = _outline(schedule, row, left, size, loudest)
            solid.setdefault(colour, []).append(np.column_stack([edge, level + 0.42 * real]))
            if imag.any():
                thin.append(np.column_stack([edge, level + 0.42 * imag]))
            if max(event["amplitude_slot"], event["phase_slot"], event["frequency_slot"]) != NONE:
                marks.append((left + size / 2, level + 0.42 * float(real[np.argmax(np.abs(real))])))
            if labels and (text := _label(schedule, row)):
                axes.text(left + size / 2, level - 0.06, text, fontsize=6, color=_INK, ha="center", va="top", zorder=6)
    for colour, shapes in solid.items():
        axes.add_collection(PolyCollection(shapes, facecolors=colour, alpha=0.78, edgecolors=colour, linewidths=0.5, zorder=4))
    if thin:
        axes.add_collection(LineCollection(thin, colors=_INK, linewidths=0.6, alpha=0.7, zorder=5))
    for (left, size, colour), names in captures.items():
        several = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"
        _capture(axes, left, size, level, colour, several if labels else "")
    if marks:
        x, y = zip(*marks, strict=True)
        axes.plot(x, y, "D", color=_PAPER, markeredgecolor=_INK, markeredgewidth=0.7, markersize=3.2, zorder=7)
    if here.any():
        end = 1.008 * page.width * unit
        axes.text(end, level, f"{loudest:.3g}", fontsize=7, color=_FAINT, va="center", ha="left")


def _colour(schedule: Schedule, frame: int) -> str:
    kind = schedule.ports[schedule.frames[frame].port].kind
    return _COLOUR.get(kind) or _DRIVE[frame % len(_DRIVE)]


def _outline(
    schedule: Schedule, row: int, left: float, size: float, loudest: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Corners of the held samples, closed on the base line: times, real and imaginary parts."""
    event = schedule.events[row]
    wave = schedule.waveforms[event["waveform"]]
    edges = np.append(0, np.cumsum(wave.repeats)) / wave.duration
    times = left + size * np.repeat(edges, 2)
    values = np.concatenate([[0], np.repeat(wave.samples, 2), [0]]) * float(event["amplitude"]) / loudest
    return times, values.real.astype(np.float64), values.imag.astype(np.float64)


def _capture(axes: Axes, left: float, size: float, level: int, colour: str, name: str) -> None:
    from matplotlib.patches import Rectangle

    box = Rectangle(
        (left, level - 0.3),
        size,
        0.6,
        facecolor=_PAPER,
        edgecolor=colour,
        linewidth=1.0,
        hatch="....",
        zorder=4,
    )
    box.set_hatch_linewidth(0.3)
    axes.add_patch(box)
    if name:
        axes.text(
            left + size / 2,
            level,
            name,
            fontsize=7.5,
            color=_INK,
            ha="center",
            va="center",
            zorder=6,
            bbox={"boxstyle": "round,pad=0.2", "facecolor": _PAPER, "edgecolor": "none", "alpha": 0.9},
        )


def _label(schedule: Schedule, row: int) -> str:
    """Phase and slots of a play, if any."""
    event = schedule.events[row]
    terms = [words.angle(float(event["phase"])).replace("pi", "π")]
    terms += [f"s{event['phase_slot']}"] if event["phase_slot"] != NONE else []
    terms += [schedule.variables[event["phase_variable"]].name] if event["phase_variable"] != NONE else []
    terms = [term for term in terms if term != "0"]
    text = "∠" + "+".join(terms) if terms else ""
    if event["amplitude_slot"] != NONE:
        text += f" ×s{event['amplitude_slot']}"
    if event["frequency_slot"] != NONE:
        text += f" +s{event['frequency_slot']} Hz"
    return text.strip()
