"""What lasts as long as its process, so that the garbage collector need not look through it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting() -> Iterator[None]:
    """What is made inside stays: imports, a driver. It is not looked through meanwhile, later, or when the process ends.

    Each full collection would take as long as the objects of all modules are many, some tenths of a second with those of
    calibration. Everything that is there at the end is taken for lasting, what other threads have made too.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
