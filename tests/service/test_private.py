"""Private jobs: what was asked is never shown, and the result is given out once."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import select

from qpu_bridge.errors import BadRequest, StoreFault
from qpu_bridge.jobs import Owner, State
from qpu_bridge.jobs.private import give_away
from qpu_bridge.jobs.tables import chunks, params, results
from qpu_bridge.service import jobs as jobs_file
from tests.service.test_http import end, message

if TYPE_CHECKING:
    from qpu_bridge.jobs import Job, Work
    from qpu_bridge.jobs.database import Database
    from tests.service.conftest import Bridge

BIG = 8 * 2**20
"""Bytes of a result that does not fit into the buffers of a connection."""


def left(bridge: Bridge, job_id: str) -> tuple[int, int, int]:
    """Rows of parameters, results and chunks that a job has."""
    number = bridge.store.job(job_id).number
    with bridge.store.database.read() as connection:
        return tuple(  # type: ignore[return-value]
            len(connection.execute(select(table.c.job).where(table.c.job == number)).all()) for table in (params, results, chunks)
        )


def test_the_result_is_given_out_once(running: Bridge, alice: httpx.Client) -> None:
    job_id = running.submit(alice, private=True, params={"secret": "kilo"})
    assert end(running, job_id).state is State.COMPLETED
    shown = alice.get(f"/jobs/{job_id}").json()
    assert shown["private"] is True
    assert "params" not in shown
    assert left(running, job_id) == (0, 1, 0)
    first = alice.get(f"/jobs/{job_id}/results")
    assert first.status_code == 200
    assert first.headers["cache-control"] == "no-store"
    assert b"PrimitiveResult" in first.content
    again = alice.get(f"/jobs/{job_id}/results")
    assert (again.status_code, again.content) == (204, b"")
    assert left(running, job_id) == (0, 0, 0)
    assert alice.get(f"/jobs/{job_id}").json()["state"] == {"status": "Completed"}


def test_an_ordinary_job_keeps_both(running: Bridge, alice: httpx.Client) -> None:
    job_id = running.submit(alice, params={"n": 1})
    end(running, job_id)
    assert alice.get(f"/jobs/{job_id}").json()["private"] is False
    for _ in range(2):
        assert alice.get(f"/jobs/{job_id}/results").status_code == 200
    assert alice.get(f"/jobs/{job_id}").json()["params"] == {"n": 1}


def test_its_parameters_are_not_shown_while_it_waits_and_go_when_it_is_cancelled(bridge: Bridge, alice: httpx.Client) -> None:
    job_id = bridge.submit(alice, private=True, params={"secret": "kilo"})
    assert left(bridge, job_id)[0] == 1
    assert "kilo" not in alice.get(f"/jobs/{job_id}").text
    alice.post(f"/jobs/{job_id}/cancel")
    assert left(bridge, job_id)[0] == 0


def test_a_private_job_that_failed_says_why_to_its_owner_and_not_in_its_log(running: Bridge, alice: httpx.Client) -> None:
    def run(job: Job, work: Work) -> str:
        work.note("the circuit kilo is being read")
        raise BadRequest("the circuit must be round", given="kilo", where="pubs.0")

    running.run = run
    job_id = running.submit(alice, private=True, log_level="DEBUG")
    end(running, job_id)
    for _ in range(2):
        assert "got kilo" in alice.get(f"/jobs/{job_id}/results").text
    log = alice.get(f"/jobs/{job_id}/logs").text
    assert "attempt 1 starts" in log
    assert "code 1001" in log
    assert "kilo" not in log
    assert left(running, job_id) == (0, 0, 0)


def test_a_client_that_goes_away_in_the_middle_can_come_back(running: Bridge, alice: httpx.Client) -> None:
    running.run = lambda job, work: '"' + "x" * BIG + '"'
    job_id = running.submit(alice, private=True)
    end(running, job_id)
    host, port = running.url.removeprefix("http://").split(":")
    head = f"GET /api/v1/jobs/{job_id}/results HTTP/1.1\r\nHost: x\r\nAuthorization: apikey {running.alice}\r\n\r\n"
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(30)
        raw.connect((host, int(port)))
        raw.sendall(head.encode())
        assert raw.recv(1000).startswith(b"HTTP/1.1 200")
    assert left(running, job_id)[1] == 1
    whole = alice.get(f"/jobs/{job_id}/results")
    assert len(whole.content) == BIG + 2
    assert alice.get(f"/jobs/{job_id}/results").status_code == 204


def test_a_result_that_cannot_be_deleted_is_there_again(
    running: Bridge, alice: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = running.submit(alice, private=True)
    end(running, job_id)

    faults = [StoreFault("the job store must be usable", given="SQLITE_FULL")]

    def full_at_first(database: Database, job: Job) -> None:
        if faults:
            raise faults.pop()
        give_away(database, job)

    monkeypatch.setattr(jobs_file, "give_away", full_at_first)
    assert [alice.get(f"/jobs/{job_id}/results").status_code for _ in range(3)] == [200, 200, 204]


@pytest.mark.parametrize("value", [1, "yes", [], {}])
def test_a_word_that_is_neither(bridge: Bridge, alice: httpx.Client, value: object) -> None:
    assert "private must be true or false" in message(bridge.post(alice, private=value), 400)


def test_the_chunks_of_a_private_job_go_with_it(bridge: Bridge, alice: httpx.Client) -> None:
    job_id = bridge.submit(alice, private=True)
    job = bridge.store.job(job_id)
    with bridge.store.database.write() as connection:
        connection.execute(chunks.insert().values(job=job.number, item=0, first_row=0, rows=1, at=0, data=b"x"))
    bridge.store.cancel(job_id, Owner("alice", "lab"))
    assert left(bridge, job_id) == (0, 0, 0)


def test_its_rows_are_not_read_before_it_ends(bridge: Bridge, alice: httpx.Client) -> None:
    job_id = bridge.submit(alice, private=True)
    for path in ("interim_results", "interim_results/stream"):
        assert "private" in message(alice.get(f"/jobs/{job_id}/{path}"), 400)
