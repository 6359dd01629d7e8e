"""The short form of `load`: that everything happens, and that nothing is far off; the long form has the figures."""

from __future__ import annotations

from tests.proofs.load import load


def test_many_jobs_at_once() -> None:
    # jobs that take long beside what a busy machine adds to one of them: it counts as device time
    report = load(jobs=100, users=10, row_s=0.1)
    assert report.completed == report.jobs == 100
    # of ten jobs each, one is a tenth of all
    assert report.unfair <= 0.5
    assert report.poll_ms[1] <= 1000
    assert max(report.megabytes.values()) <= 1024
    assert report.megabytes.keys() >= {"bridge", "api", "runner", "driver"}
