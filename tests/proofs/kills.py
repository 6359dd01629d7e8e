"""kill -9 of the bridge's processes while jobs run: nothing is lost, nothing is doubled, every result is whole and right.

``python -m tests.proofs.kills --kills 200 --seed 1`` is the proof in full, with a real client, real processes, and a stand-in for
a service manager: it holds the listening socket and starts ``qpu-bridge serve`` again as soon as it is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from sqlalchemy import URL, func, select

from qpu_bridge.jobs import FINAL, Store
from qpu_bridge.jobs.tables import chunks, jobs, logs, results, tags, usage
from tests.jobs.postgresql import Server, binaries, own_server
from tests.proofs.known_jobs import POISON, Found, Kinds, Users
from tests.proofs.service_manager import DEVICES, Manager, bridge, processes

VICTIMS = ("serve", "api", "runner", "driver", "all")
MOMENTS = ("accepted", "running", "rows kept", "ended", "any")
"""When a process is killed: just after a change of a job's state that the store shows, or at any time."""


class Killer:
    """Kills a process of the bridge at a moment that the store shows."""

    def __init__(self, manager: Manager, store: Store, rng: random.Random, found: Found) -> None:
        self._manager, self._store, self._rng, self._found = manager, store, rng, found
        self.deaths: Counter[str] = Counter()

    def kill(self, number: int) -> str:
        """Wait for a moment, and kill. Returns the victim."""
        victim, moment = VICTIMS[number % len(VICTIMS)], MOMENTS[number // len(VICTIMS) % len(MOMENTS)]
        device = self._rng.choice(tuple(DEVICES))
        if not self._await(moment):
            moment = "any"
        devices = {"runner": (device,), "driver": (device,), "all": tuple(DEVICES)}.get(victim, ())
        if devices:
            self._spare_the_bereaved(devices)
        bereaved = set(self._running(devices))
        words = {
            "serve": lambda line: line == "serve",
            "api": lambda line: " api " in line,
            "runner": lambda line: f" runner {device}" in line,
            "driver": lambda line: f"--device {device}" in line,
            "all": lambda line: True,
        }
        chosen: list[int] = []
        until_s = time.monotonic() + 20
        while not chosen and time.monotonic() < until_s:
            # one that is not there at the moment is about to be started again
            alive = processes(self._manager.process.pid)
            chosen = [pid for pid, line in alive.items() if words[victim](line)]
        for pid in chosen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # a job may have begun since we looked; nobody has taken up those that are hit so soon
        for job_id in bereaved | set(self._running(devices)):
            self.deaths[job_id] += 1
        if chosen:
            self._found.kills[victim, moment] += 1
        return victim

    def _await(self, moment: str) -> bool:
        """Wait until the store shows something new of a kind."""
        if moment == "any":
            time.sleep(self._rng.uniform(0, 1.5))
            return True
        count = {
            "accepted": select(func.count()).select_from(jobs),
            "running": select(func.coalesce(func.sum(jobs.c.attempts), 0)),
            "rows kept": select(func.coalesce(func.max(chunks.c.at), 0)),
            "ended": select(func.count()).select_from(jobs).where(jobs.c.state.in_(sorted(FINAL))),
        }[moment]
        watch = self._store.database.watch()
        before, until_s = None, time.monotonic() + 10
        try:
            while time.monotonic() < until_s:
                if watch.changed():
                    with self._store.database.read() as connection:
                        now = connection.execute(count).scalar_one()
                    if before is not None and now > before:
                        return True
                    before = now
                time.sleep(0.001)
        finally:
            watch.close()
        return False

    def _running(self, devices: tuple[str, ...]) -> list[str]:
        query = select(jobs.c.id).where(jobs.c.backend.in_(devices), jobs.c.state == "Running")
        with self._store.database.read() as connection:
            return list(connection.execute(query).scalars())

    def _spare_the_bereaved(self, devices: tuple[str, ...]) -> None:
        """A second death ends a job as poison, which is right and proves nothing: now and then, and not always."""
        until_s = time.monotonic() + 10
        while self._rng.random() > 0.01 and time.monotonic() < until_s:
            if not any(self.deaths[job_id] for job_id in self._running(devices)):
                return
            time.sleep(0.02)


def prove(kills: int, seed: int, database: str | None = None, say: Callable[[str], None] = print) -> Found:
    """Kill so many times."""
    say(f"seed {seed}, {kills} kills")
    found, rng = Found(), random.Random(seed)
    with bridge(database) as (manager, store, service, folder):
        kinds = Kinds(service)
        expected = {kind: kinds.result(kind, kinds.submit(kind, f"reference-{kind}")) for kind in kinds.names}
        reference = len(expected)
        users = Users(kinds, expected, found, seed)
        killer = Killer(manager, store, rng, found)
        for number in range(kills):
            victim = killer.kill(number)
            began_s = time.monotonic()
            _answers(manager.url)
            found.back_s.setdefault(victim, []).append(time.monotonic() - began_s)
            if number % 10 == 9:
                say(f"{number + 1} kills, {len(users.acknowledged)} jobs, {len(found.faults)} faults")
        users.join()
        _judge(found, store, users, killer, reference)
        if found.faults:
            say((folder / "log").read_text()[-20000:])
    return found


def _answers(url: str) -> None:
    """Ask once, as a waiting client does: the socket is there whatever died, so nothing is refused."""
    port = int(url.rpartition(":")[2])
    with contextlib.suppress(ConnectionResetError), socket.create_connection(("127.0.0.1", port), timeout=60) as one:
        one.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        one.recv(100)


def _judge(found: Found, store: Store, users: Users, killer: Killer, reference: int) -> None:
    with store.database.read() as connection:
        rows = {row.id: row for row in connection.execute(select(jobs))}
        tagged = Counter(connection.execute(select(tags.c.tag)).scalars())
        with_result = set(connection.execute(select(results.c.job)).scalars())
        charged = Counter(connection.execute(select(usage.c.job_id)).scalars())
        left = set(connection.execute(select(chunks.c.job)).scalars())
        found.resumed = connection.execute(
            select(func.count(func.distinct(logs.c.job))).where(
                logs.c.text.contains("rows were taken over"), ~logs.c.text.contains(": 0 rows were taken over")
            )
        ).scalar_one()
    found.jobs = len(users.acknowledged)
    found.again = sum(row.attempts > 1 for row in rows.values())
    found.poison = sum(row.reason_code in POISON for row in rows.values())
    fault = found.faults.append
    for tag, job_id in users.acknowledged.items():
        if job_id not in rows:
            fault(f"job {job_id} ({tag}) was acknowledged and is lost")
    for tag, count in tagged.items():
        if count != 1:
            fault(f"{tag} was submitted once and is there {count} times")
    if len(rows) > len(users.acknowledged) + reference:
        fault(f"{len(rows) - len(users.acknowledged) - reference} jobs nobody asked for")
    for row in rows.values():
        if row.state not in FINAL:
            fault(f"job {row.id} is {row.state} at the end")
        if (row.number in with_result) != (row.state == "Completed"):
            fault(f"job {row.id} is {row.state} and has {'a' if row.number in with_result else 'no'} result")
        if charged[row.id] != 1:
            fault(f"job {row.id} was charged {charged[row.id]} times")
        if row.number in left:
            fault(f"job {row.id} has ended and left rows behind")
        if row.reason_code in POISON and killer.deaths[row.id] < 2:
            fault(f"job {row.id} ended as poison after {killer.deaths[row.id]} deaths")


@contextlib.contextmanager
def postgresql(url: URL | None = None) -> Iterator[str]:
    """An empty database, at a server or at one of our own."""
    with contextlib.ExitStack() as held:
        server = Server(url or held.enter_context(own_server(binaries()[-1])))
        yield held.enter_context(server.empty())


def main() -> None:
    """The proof in full."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true", help="jobs in PostgreSQL: a server of our own, Debian's")
    given = parser.parse_args()
    began_s = time.monotonic()
    with contextlib.ExitStack() as held:
        database = held.enter_context(postgresql()) if given.postgresql else None
        found = prove(given.kills, given.seed, database, lambda text: print(text, flush=True))
    for (victim, moment), count in sorted(found.kills.items()):
        print(f"  {victim:8} {moment:10} {count}")
    print(f"{sum(found.kills.values())} kills in {time.monotonic() - began_s:.0f} s; {found.jobs} jobs acknowledged")
    print(f"{found.again} run again, {found.resumed} resumed, {found.poison} poison, {found.retried} submissions repeated")
    for victim, back in found.back_s.items():
        print(f"answer after the death of {victim}: median {np.median(back):.2f} s, most {max(back):.2f} s; none was refused")
    print("\n".join(found.faults) or "no job lost, none doubled, no result half, every result right")
    sys.exit(bool(found.faults))


if __name__ == "__main__":
    main()
