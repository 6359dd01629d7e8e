"""What our processes say of themselves: lines on standard error, numbers for Prometheus, spans for OpenTelemetry."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from qpu_bridge.telemetry import logs, metrics, traces
from qpu_bridge.telemetry.logs import LogFormat

logger = logging.getLogger(__name__)


def keep_journal(verbose: bool, form: LogFormat | None = None, *, count: bool = False, **known: str | int) -> None:
    """Log, count and trace in this process, in the way of the process that started it.

    Args:
        verbose: Whether to log what is worth no warning too.
        form: Form of log lines; None takes that of the parent.
        count: Whether this process does a part of a job's way, which is counted and traced.
        **known: Facts that hold in the whole process.
    """
    logs.keep_logs(verbose, form, **known)
    if count:
        metrics.count()
        traces.trace("-".join(str(fact) for fact in known.values()))


def say(text: str, level: int = logging.INFO, style: str = "") -> None:
    """Tell whoever started this process: a sentence on standard error, or where all lines are for machines one of these."""
    if logs.for_machines():
        # said in any case, as to people
        logger.handle(logger.makeRecord(logger.name, level, __file__, 0, text.strip(), (), None))
        return
    style = style or {logging.WARNING: "yellow", logging.ERROR: "red"}.get(level, "")
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(text, style=style)


@contextmanager
def patience(text: str) -> Iterator[None]:
    """Show people that something is under way."""
    if logs.for_machines():
        yield
        return
    with Console(stderr=True).status(text):
        yield


def share_metrics(folder: Path) -> None:
    """Let this process's children count in its data folder."""
    metrics.share(folder / "metrics")
