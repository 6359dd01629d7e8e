"""Many jobs at once by many users: ``python -m tests.proofs.load`` (1,000 jobs of 10 users; a minute or two).

All must finish; while everybody has jobs waiting, everybody must get the same device time; polls must be answered quickly
meanwhile; and no process may grow without bound. The loopback device makes each job last as long as it is told to.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from qpu_bridge.jobs import Filter, Job, State, Store
from tests.flow.conftest import Running, children, serving

RACK = """
[bridge]
port = 0
data_dir = "data"

[devices.loop_five]
driver = "loopback"
"""
CIRCUIT = 'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; x $0; c[0] = measure $0;'
POLL_S = 0.1
"""Each user asks for one of their jobs so often: what the client does in a session, five times as often as it does outside."""


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        jobs: How many were submitted.
        users: By so many.
        completed: How many completed.
        submitting_s: From the first submission to the last answer.
        seconds: From the first submission to the last result.
        unfair: Largest relative deviation of a user's device time from the mean of all, while all had jobs waiting and after each
            had got a quarter of theirs.
        polls: How often somebody asked.
        poll_ms: Median, 99th percentile and maximum of the time until an answer.
        submit_ms: The same of submissions.
        megabytes: Process -> most memory that it ever had resident.
    """

    jobs: int
    users: int
    completed: int
    submitting_s: float
    seconds: float
    unfair: float
    polls: int
    poll_ms: tuple[float, float, float]
    submit_ms: tuple[float, float, float]
    megabytes: dict[str, int]


class User:
    """Submits jobs as fast as they are taken, then asks for one after the other until it has ended.

    Args:
        url: Root of the bridge.
        token: Of this user.
        count: How many jobs.
        row_s: How long each keeps the device, s.
    """

    def __init__(self, url: str, token: str, count: int, row_s: float) -> None:
        self.submitted_s: list[float] = []
        self.polled_s: list[float] = []
        self._url, self._token, self._count = url, token, count
        options = {"experimental": {"device": {"row_seconds": row_s}}}
        params = {"pubs": [[CIRCUIT, None, 10]], "version": 2, "options": options}
        self._body = json.dumps({"program_id": "sampler", "backend": "loop_five", "params": params})

    def work(self, all_submitted: threading.Barrier) -> None:
        headers = {"authorization": f"apikey {self._token}", "content-type": "application/json"}
        with httpx.Client(base_url=f"{self._url}/api/v1", headers=headers, trust_env=False, timeout=120) as http:
            made = [str(self._timed(self.submitted_s, http, "POST", "/jobs")["id"]) for _ in range(self._count)]
            all_submitted.wait()
            for job in made:
                while self._timed(self.polled_s, http, "GET", f"/jobs/{job}?exclude_params=true")["state"]["status"] in (
                    "Queued",
                    "Running",
                ):
                    time.sleep(POLL_S)

    def _timed(self, kept: list[float], http: httpx.Client, method: str, path: str) -> Any:
        started = time.perf_counter()
        response = http.request(method, path, content=self._body if method == "POST" else None)
        kept.append(time.perf_counter() - started)
        return response.raise_for_status().json()


def load(jobs: int, users: int, row_s: float) -> Report:
    """Submit so many jobs by so many users, and look."""
    with serving(RACK) as running:
        with closing(Store(running.store)) as store:
            tokens = [store.tokens.create(f"user{number}") for number in range(users)]
        people = [User(running.url, token, jobs // users, row_s) for token in tokens]
        submitted = threading.Barrier(users + 1)
        threads = [threading.Thread(target=user.work, args=(submitted,), daemon=True) for user in people]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        submitted.wait()
        submitting_s = time.perf_counter() - started
        last_accepted = time.time()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        memory = megabytes(running)
        with closing(Store(running.store)) as store:
            done = list(all_jobs(store))
    polls = [second for user in people for second in user.polled_s]
    return Report(
        jobs=len(done),
        users=users,
        completed=sum(job.state is State.COMPLETED for job in done),
        submitting_s=submitting_s,
        seconds=seconds,
        unfair=unfair(done, last_accepted),
        polls=len(polls),
        poll_ms=spread(polls),
        submit_ms=spread([second for user in people for second in user.submitted_s]),
        megabytes=memory,
    )


def all_jobs(store: Store) -> Iterator[Job]:
    offset = 0
    while page := store.page(Filter(owner=None, limit=200, offset=offset)).jobs:
        yield from page
        offset += len(page)


def unfair(done: list[Job], from_s: float) -> float:
    """Largest relative deviation of a user's device time from the mean, once all had a quarter and until somebody has all."""
    total, ended = Counter(job.owner.user for job in done), Counter[str]()
    used = dict.fromkeys(total, 0.0)
    worst = 0.0
    for job in sorted((job for job in done if job.finished is not None), key=lambda job: job.finished):  # type: ignore[arg-type, return-value]
        user = job.owner.user
        used[user] += job.usage_s
        ended[user] += 1
        if ended[user] == total[user]:
            break
        quarter = all(4 * ended[name] >= count for name, count in total.items())
        if quarter and job.finished is not None and job.finished.timestamp() >= from_s:
            mean = sum(used.values()) / len(used)
            worst = max(worst, max(abs(seconds / mean - 1) for seconds in used.values()))
    return worst


def spread(seconds: list[float]) -> tuple[float, float, float]:
    """Median, 99th percentile and maximum, ms."""
    ordered = sorted(seconds)
    return tuple(round(1e3 * value, 1) for value in (statistics.median(ordered), ordered[int(0.99 * len(ordered))], ordered[-1]))  # type: ignore[return-value]


def megabytes(running: Running) -> dict[str, int]:
    """Most memory that each process of the bridge ever had resident."""
    found = {"bridge": peak(running.process.pid)}
    for pid, line in children(running.process.pid):
        words = line.split()
        name = next(
            (word for word in ("api", "runner", "driver") if word in words), "checker" if "checkers" in line else words[-1]
        )
        found[name] = max(found.get(name, 0), peak(pid))
    return found


def peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) // 1024


def main() -> int:
    parser = argparse.ArgumentParser(prog="load", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--row-seconds", type=float, default=0.02, help="how long each job keeps the device")
    given = parser.parse_args()
    report = load(given.jobs, given.users, given.row_seconds)
    print(json.dumps(asdict(report), indent=1))
    good = report.completed == report.jobs and report.unfair <= 0.05 and report.poll_ms[1] <= 100
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
