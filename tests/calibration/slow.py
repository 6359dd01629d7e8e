"""A figure that takes as long to draw as a test wants."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def endless(run: Path) -> Iterator[Callable[[], None]]:
    """Whoever draws the figure of a run waits for its fits, which come when this ends.

    Yields:
        Waits until somebody draws it.
    """
    kept, fits = run / "fits.json", (run / "fits.json").read_bytes()
    kept.unlink()
    os.mkfifo(kept)
    ends: list[int] = []
    try:
        # opening it for writing waits for a reader
        yield lambda: ends.append(os.open(kept, os.O_WRONLY))
    finally:
        for end in ends:
            # perhaps nobody reads any more
            with suppress(BrokenPipeError):
                os.write(end, fits)
            os.close(end)
