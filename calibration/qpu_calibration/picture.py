"""The figure of a routine: points, curve and what was found, a panel per target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from qpu_calibration.axis import Values
from qpu_calibration.fit import Fit

if TYPE_CHECKING:
    # who calibrates need not draw
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4
"""Panels in a row of the figure."""
LINES = 4
"""Lines of numbers above a panel; with more numbers, two stand in a line."""
LETTERS = 64
"""Letters in a line above a panel."""
WIDTH, HEIGHT = 3.6, 1.95
"""Width of a panel with its margins, height without, inches."""
BESIDE, BELOW, LINE, TITLE = 0.6, 0.5, 0.12, 0.4
"""Room for the numbers of either axis, a line above a panel, and the figure's title, inches."""
Curve = Mapping[str, Any]
"""What a panel shows: ``x``, ``y``, and perhaps ``error``, ``model_x``, ``model`` and the ``label`` of the abscissa."""


def drawn(
    x: Values,
    y: Values,
    model: Callable[..., Values],
    fit: Fit,
    label: str,
    error: Values | None = None,
    scale: float = 1.0,
    part: str = "",
) -> Curve:
    """Points with the curve that was fitted to them (`Fit.shape`, or one `Fit.part`); the abscissa is shown times a scale."""
    found: dict[str, Any] = {"x": x * scale, "y": y, "label": label}
    if error is not None:
        found["error"] = error
    shape = fit.part(part) if part else fit.shape
    if shape:
        fine = np.linspace(x.min(), x.max(), 401)
        found |= {"model_x": fine * scale, "model": model(fine, **shape)}
    return found


def beside(*curves: Curve) -> Curve:
    """Several curves in one panel, with the label of the first."""
    points = {name: np.concatenate([curve[name] for curve in curves]) for name in ("x", "y", "error")}
    fitted = [curve for curve in curves if "model" in curve]
    # no line leads from one to the next
    named = ("model_x", "model") if fitted else ()
    lines = {name: np.concatenate([np.append(curve[name], np.nan) for curve in fitted]) for name in named}
    return {**points, **lines, "label": curves[0]["label"]}


def picture(title: str, kind: str, panels: Sequence[tuple[Fit, Curve]]) -> Figure:
    """Draw a panel per target; red where the fit is not believed.

    Args:
        title: Of the figure.
        kind: Qubit or coupler.
        panels: Fit and curve of each target.
    """
    figure, places = sheet(title, kind, [(fit, _numbers(fit)) for fit, _ in panels])
    for axes, (_, curve) in zip(places, panels, strict=True):
        if "error" in curve:
            axes.errorbar(curve["x"], curve["y"], curve["error"], fmt=".", ms=4, lw=0.7)
        elif "x" in curve:
            axes.plot(curve["x"], curve["y"], ".", ms=4, zorder=3)
        if "model" in curve:
            axes.plot(curve["model_x"], curve["model"], lw=1.2)
        axes.set_xlabel(curve.get("label", ""), fontsize=8)
    return figure


def sheet(title: str, kind: str, heads: Sequence[tuple[Fit, Sequence[str]]]) -> tuple[Figure, list[Axes]]:
    """A figure with an empty panel per target.

    Margins are laid by counting lines: to find them itself, matplotlib draws everything once more.

    Args:
        title: Of the figure.
        kind: Qubit or coupler.
        heads: Of each panel: the fit, and lines to be shown above it beside target and reason.
    """
    from matplotlib.figure import Figure

    words = [
        [f"{kind} {'-'.join(map(str, fit.target))}", *([] if fit.good else wrap(fit.reason, LETTERS)), *lines]
        for fit, lines in heads
    ]
    top = LINE * (1 + max(map(len, words), default=0))
    across, height = min(COLUMNS, max(1, len(words))), top + HEIGHT + BELOW
    wide, high = WIDTH * across, TITLE + height * -(-len(words) // across)
    figure = Figure(figsize=(wide, high))
    figure.suptitle(title.replace("_", " "), y=1 - LINE / high, va="top")
    places = []
    for index, ((fit, _), lines) in enumerate(zip(heads, words, strict=True)):
        row, column = divmod(index, across)
        low, left = high - TITLE - row * height - top - HEIGHT, column * WIDTH + BESIDE
        axes = figure.add_axes((left / wide, low / high, (WIDTH - 1.2 * BESIDE) / wide, HEIGHT / high))
        axes.tick_params(labelsize=7)
        axes.locator_params(nbins=6)
        axes.set_title("\n".join(lines), fontsize=7, color="black" if fit.good else "tab:red", y=1.0)
        # where they are told to be: to find a place beside the numbers, matplotlib measures each of these
        axes.xaxis.set_label_coords(0.5, -0.6 * BELOW / HEIGHT)
        axes.yaxis.set_label_coords(-0.8 * BESIDE / (WIDTH - 1.2 * BESIDE), 0.5)
        places.append(axes)
    return figure, places


def _numbers(fit: Fit) -> list[str]:
    words = [f"{name} {format_number(p.value, p.error, p.unit)}" for name, p in fit.parameters.items()]
    wide = 1 if len(words) <= LINES else 2
    return [", ".join(words[first : first + wide]) for first in range(0, len(words), wide)][:LINES]


def format_number(value: float, error: float, unit: str) -> str:
    """A number for people: `4.859057(16) GHz`, the error of its last digits behind it; seconds and Hz in steps of a thousand."""
    size = abs(value)
    factor, prefix = 1.0, ""
    if unit in ("s", "Hz") and size > 0:
        place = int(np.clip(np.floor(np.log10(size) / 3), -4, 3))
        factor, prefix = 10.0 ** (3 * place), {-4: "p", -3: "n", -2: "u", -1: "m", 0: "", 1: "k", 2: "M", 3: "G"}[place]
    if error <= 0 or not np.isfinite(error):
        return f"{value / factor:.6g} {prefix}{unit}".rstrip()
    digits = int(np.clip(1 - np.floor(np.log10(error / factor)), 0, 12))
    last = f"{error / factor:.{digits}f}"
    return f"{value / factor:.{digits}f}({last if float(last) >= 1 else last[2:].lstrip('0')}) {prefix}{unit}".rstrip()
