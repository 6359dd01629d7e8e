"""The command line: the only place that builds objects. See README.md of the package."""

from __future__ import annotations

import gc


def main() -> None:
    """Entry point of the program ``qpu-bridge``."""
    # what is imported stays: to look for garbage in it after every 700 new objects takes a sixth of the time of a start
    gc.set_threshold(50_000)
    # typer and rich are not paid for by those who only ask this package for something else
    from qpu_bridge.cli.app import run

    run()
