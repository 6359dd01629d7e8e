"""The command line: the only place that builds objects. See README.md of the package."""

from __future__ import annotations

import gc

OBJECTS = 50_000
"""Garbage is looked for after so many new objects. What is imported stays: to look there after every 700, as Python does, is
a sixth of the time of a start."""


def main() -> None:
    """Entry point of the program ``qpu-bridge``."""
    gc.set_threshold(OBJECTS)
    # typer and rich are not paid for by those who only ask this package for something else
    from qpu_bridge.cli.app import run

    run()
