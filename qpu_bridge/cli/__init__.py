"""The command line: the only place that builds objects. See README.md of the package."""

from __future__ import annotations


def main() -> None:
    """Entry point of the program ``qpu-bridge``."""
    # typer and rich are not paid for by those who only ask this package for something else
    from qpu_bridge.cli.app import run

    run()
