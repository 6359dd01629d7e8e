"""The process that draws what runs have kept: ``python -m qpu_calibration.painter``."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from qpu_bridge.lasting import lasting

NICE = 5
"""How far it steps back behind those who calibrate and play. Further, and on a busy machine the last figures would take long."""


def draw_kept(place: Path, routine: str) -> None:
    """Draw the figure of a pass.

    Args:
        place: Folder of its data and fits.
        routine: Name of what measured it.
    """
    from qpu_calibration import catalog
    from qpu_calibration.archive import Archive
    from qpu_calibration.draw import draw

    kept = Archive(place)
    draw(lambda: catalog.routine(routine).plot(kept.data("."), kept.fits(".")), place)


def main() -> None:
    """For each line ``[PLACE, ROUTINE]``: draw, and answer with a line. It ends with the lines, whatever it draws then."""
    os.nice(NICE)
    lines: SimpleQueue[str] = SimpleQueue()
    Thread(target=_listen, args=(lines,), daemon=True).start()
    # what a routine prints is no answer
    answers, sys.stdout = sys.stdout, sys.stderr
    with lasting():
        for name in (
            "qpu_calibration.archive",
            "qpu_calibration.catalog",
            "matplotlib.figure",
            "matplotlib.backends.backend_agg",
        ):
            import_module(name)
    while True:
        place, routine = json.loads(lines.get())
        try:
            draw_kept(Path(place), routine)
        except OSError as error:
            # the run was deleted, or the disk is full: there is no place for excuses
            print(f"{place}: {error}", file=sys.stderr)
        print(file=answers, flush=True)


def _listen(lines: SimpleQueue[str]) -> None:
    # not sys.stdin: a process that fails could not close it while a thread reads
    with open(0, closefd=False) as said:
        for line in said:
            lines.put(line)
    # who wants the figure is gone: nobody should find a process that still draws
    os._exit(0)


if __name__ == "__main__":
    main()
