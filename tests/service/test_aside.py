"""What blocks is done aside, in one other thread per request, and strangers are refused before that."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest

from qpu_bridge.service.aside import Aside, Claim
from qpu_bridge.telemetry import about
from qpu_bridge.telemetry.facts import facts
from tests.service.conftest import Bridge


def bearer(bridge: Bridge, key: str) -> str:
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key}
    answer = httpx.post(f"{bridge.url}/identity/token", data=form, trust_env=False, timeout=60)
    return f"Bearer {answer.json()['access_token']}"


def test_it_runs_in_another_thread_with_the_facts_that_hold_here() -> None:
    aside = Aside()

    async def ask() -> tuple[int, dict[str, object]]:
        with about(job="j1"):
            return await aside(lambda: (threading.get_ident(), dict(facts())))

    thread, known = asyncio.run(ask())
    assert thread != threading.get_ident()
    assert known == {"job": "j1"}


def test_an_endpoint_that_blocks_holds_up_no_other() -> None:
    aside, told = Aside(), threading.Event()
    waits = aside.endpoint(lambda: told.wait(60))
    tells = aside.endpoint(lambda name: told.set() or name)

    async def both() -> list[object]:
        return await asyncio.gather(waits(), tells(name=Claim(lambda: "alice")))

    assert asyncio.run(both()) == [True, "alice"]


def test_who_asks_and_what_they_ask_for_are_looked_up_in_one_thread(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def seen(thing: Any, name: str) -> None:
        real = getattr(thing, name)

        def noted(*args: Any) -> Any:
            threads.append(threading.get_ident())
            return real(*args)

        monkeypatch.setattr(thing, name, noted)

    seen(bridge.store.tokens, "valid")
    seen(bridge.store, "job")
    with bridge.http(bridge.alice) as http:
        job = bridge.submit(http)
        access = bearer(bridge, bridge.alice)
        for _ in range(5):
            threads.clear()
            http.get(f"/jobs/{job}", headers={"authorization": access}).raise_for_status()
            assert len(threads) == 2
            assert len(set(threads)) == 1


@pytest.mark.parametrize("header", ["", "apikey wrong", "Bearer wrong", "Basic wrong"])
def test_a_stranger_learns_nothing_of_what_is_wrong_with_their_request(bridge: Bridge, header: str) -> None:
    with httpx.Client(base_url=bridge.base, headers={"authorization": header}, trust_env=False, timeout=60) as http:
        assert http.get("/jobs?limit=x").status_code == 401
        assert http.post("/jobs", content=b"{").status_code == 401
        assert http.post("/admin/users", json={}).status_code == 401


def test_a_token_that_was_taken_back_ends_what_it_was_exchanged_for(bridge: Bridge) -> None:
    access = bearer(bridge, bridge.alice)
    with httpx.Client(base_url=bridge.base, headers={"authorization": access}, trust_env=False, timeout=60) as http:
        assert http.get("/jobs").status_code == 200
        bridge.store.tokens.revoke(bridge.alice.split("-")[1])
        for answer in (http.get("/jobs"), bridge.post(http), http.post("/sessions", json={}), http.get("/admin/users")):
            assert answer.status_code == 401, answer.text
