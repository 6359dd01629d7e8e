"""Numbers for Prometheus, counted by each process in files of its own, and added up when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from qpu_bridge.telemetry.stage import Stage, tell

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import Collector

ENVIRONMENT = "PROMETHEUS_MULTIPROC_DIR"
"""Read by the library when it is imported: `share` sets it, and child processes inherit it."""

STAGE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
HTTP_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of histograms, s."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""A client can send any word: others are counted as one."""


def share(folder: Path) -> None:
    """Let this process and its children count in a folder; what processes that are gone have left there is removed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob("*.db"):
        if not _lives(path.stem.rpartition("_")[2]):
            path.unlink(missing_ok=True)
    os.environ[ENVIRONMENT] = str(folder)


class Metrics:
    """What one process counts. To be made once in a process, after `share` in it or in a parent.

    Args:
        folder: Where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # imported here: the library chooses where to count when it is imported
        from prometheus_client import CollectorRegistry, Counter, Histogram

        own = CollectorRegistry()
        self._stage = Histogram(
            "qpu_bridge_stage_seconds", "Time that a stage of a job took.", ["stage"], registry=own, buckets=STAGE_S
        )
        self._device = Counter(
            "qpu_bridge_device_seconds", "Time that a device was busy, by its own clock.", ["device"], registry=own
        )
        self._http = Histogram(
            "qpu_bridge_http_seconds", "Time until a request was answered.", ["method", "route"], registry=own, buckets=HTTP_S
        )
        self._answers = Counter("qpu_bridge_http_answers", "Answers.", ["method", "route", "status"], registry=own)

    def took(self, stage: Stage, began_ns: int, seconds: float) -> None:
        """See `Watcher`."""
        self._stage.labels(stage.value).observe(seconds)

    def played(self, device: str, seconds: float) -> None:
        """See `Watcher`."""
        self._device.labels(device).inc(seconds)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. The route is its template, never the path: ids are no labels."""
        if method not in METHODS:
            method = "other"
        self._http.labels(method, route).observe(seconds)
        self._answers.labels(method, route, str(status)).inc()


@cache
def count() -> Metrics | None:
    """What this process counts; nothing unless `share` was called in it or in a parent."""
    if ENVIRONMENT not in os.environ:
        return None
    metrics = Metrics(Path(os.environ[ENVIRONMENT]))
    tell(metrics)
    return metrics


def text(folder: Path, others: Iterable[Collector] = ()) -> tuple[bytes, str]:
    """What all processes have counted, and what these collectors find at this moment: a page, and its content type."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(_Files(folder))
    for collector in others:
        registry.register(collector)
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Files:
    """What the processes wrote. Not the library's own collector: that one fails while a process has just made its file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.multiprocess import MultiProcessCollector

        files = [str(path) for path in self._folder.glob("*.db") if path.stat().st_size]
        found: Iterable[Metric] = MultiProcessCollector.merge(files, accumulate=True)  # type: ignore[no-untyped-call]
        return found


def gauge(name: str, help: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    """One gauge with all its values, for a collector."""
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"qpu_bridge_{name}", help, labels=labels)
    for label, value in values:
        family.add_metric(label, value)
    return family


def _lives(pid: str) -> bool:
    with suppress(ValueError, ProcessLookupError, PermissionError):
        os.kill(int(pid), 0)
        return True
    return False
