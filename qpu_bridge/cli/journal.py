"""What our processes say of themselves: lines on standard error, numbers for Prometheus, spans for OpenTelemetry."""

from __future__ import annotations

from pathlib import Path

from qpu_bridge.telemetry import logs, metrics, traces
from qpu_bridge.telemetry.logs import LogFormat


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


def share_metrics(folder: Path) -> None:
    """Let this process's children count in its data folder."""
    metrics.share(folder / "metrics")
