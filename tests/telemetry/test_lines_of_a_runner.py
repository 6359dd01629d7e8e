"""A line that a runner logs says which job it is about."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path

from qpu_bridge.jobs import Job, Owner, Request, Runner, Store, Work
from qpu_bridge.telemetry.logs import JsonLines
from qpu_bridge.telemetry.traces import trace_id


def test_job_device_attempt_and_trace(tmp_path: Path) -> None:
    def broken(job: Job, work: Work) -> str:
        raise ZeroDivisionError

    written = io.StringIO()
    output = logging.StreamHandler(written)
    output.setFormatter(JsonLines({"part": "runner"}))
    store = Store(tmp_path / "jobs.db")
    job = store.accept(Owner("ada", "lab"), Request("sampler", "lab_two", b'{"secret": "of mine"}', digest=b"d"))
    logging.getLogger("qpu_bridge").addHandler(output)
    try:
        assert Runner(store, "lab_two", broken).step()
    finally:
        logging.getLogger("qpu_bridge").removeHandler(output)
        store.close()
    (line,) = [json.loads(text) for text in written.getvalue().splitlines()]
    known = {"job": job.id, "device": "lab_two", "attempt": 1, "trace": trace_id(job.id), "part": "runner"}
    assert line | known == line
    assert "ZeroDivisionError" in line["exception"]
    assert "of mine" not in written.getvalue()
