"""Nobody's checks keep the others' waiting."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import httpx
import pytest

from qpu_bridge.jobs import Owner
from qpu_bridge.service.turns import Turns
from tests.service.conftest import Bridge

ALICE, BOB, CAROL = (Owner(name, "lab") for name in ("alice", "bob", "carol"))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Checks:
    """Checks that take until they are told to end."""

    def __init__(self, places: int) -> None:
        self.turns = Turns(places)
        self.running: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, name: str, owner: Owner) -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._check(name, owner))
        await settle()

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await settle()

    async def _check(self, name: str, owner: Owner) -> None:
        async with self.turns.turn(owner):
            self.running.append(name)
            await self.ends[name].wait()
            self.running.remove(name)


@pytest.mark.parametrize(("places", "most"), [(1, 1), (2, 1), (4, 3)])
def test_one_owner_leaves_a_place_to_others(places: int, most: int) -> None:
    async def play() -> None:
        checks = Checks(places)
        for number in range(6):
            await checks.start(f"a{number}", ALICE)
        assert len(checks.running) == most
        await checks.start("b0", BOB)
        assert ("b0" in checks.running) == (places > 1)
        for _ in range(7):
            await checks.end(checks.running[0])
        assert not checks.running
        await asyncio.gather(*checks.tasks.values())

    asyncio.run(play())


def test_who_has_none_comes_first_and_a_waiter_may_leave() -> None:
    async def play() -> None:
        checks = Checks(2)
        await checks.start("a0", ALICE)
        await checks.start("b0", BOB)
        await checks.start("a1", ALICE)
        await checks.start("a2", ALICE)
        await checks.start("c0", CAROL)
        await checks.end("b0")
        assert checks.running == ["a0", "c0"]
        checks.tasks["a1"].cancel()
        await checks.end("a0")
        assert checks.running == ["c0", "a2"]
        for name in ("c0", "a2"):
            await checks.end(name)
        with contextlib.suppress(asyncio.CancelledError):
            await checks.tasks["a1"]
        assert checks.turns._free == 2

    asyncio.run(play())


def test_long_checks_of_one_user_do_not_delay_another(bridge: Bridge, alice: httpx.Client, bob: httpx.Client) -> None:
    go_on = threading.Event()

    def check(program_id: str, params: str, device: object) -> None:
        if "slow" in params:
            assert go_on.wait(60)

    bridge.check = check
    threads = [threading.Thread(target=bridge.post, args=(alice,), kwargs={"params": {"slow": n}}) for n in range(8)]
    try:
        for thread in threads:
            thread.start()
        assert bridge.post(bob).status_code == 200
    finally:
        go_on.set()
        for thread in threads:
            thread.join()
