"""Drawing a figure into the folder of its data, or saying there why there is none."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE, EXCUSE = "figure.png", "figure.txt"


def draw(plot: Callable[[], Figure], place: Path) -> None:
    """Write the figure; what its author or matplotlib did not think of must not cost what was found.

    Args:
        plot: Draws it.
        place: Folder.
    """
    picture = BytesIO()
    try:
        plot().savefig(picture, dpi=110)
    except Exception as error:  # noqa: BLE001  whatever it is, see above
        excuse(place, f"no figure could be drawn: {type(error).__name__}: {error}")
    else:
        # whole or not at all: somebody may look already, or draw the same
        aside = place / f".{os.getpid()}-{FIGURE}"
        aside.write_bytes(picture.getvalue())
        aside.rename(place / FIGURE)
        (place / EXCUSE).unlink(missing_ok=True)


def excuse(place: Path, reason: str) -> None:
    """Say why there is no figure."""
    (place / EXCUSE).write_text(f"{reason}\n")
