"""A bridge of the fastest device there is, and people of each role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import httpx
import pytest

from qpu_bridge.jobs import Role, Store
from tests.flow.conftest import Running, serving

RACK = """
[bridge]
port = 0
data_dir = "data"
max_body_bytes = 2000000
log_format = "json"

[devices.loop_five]
driver = "loopback"
"""


@dataclass(frozen=True)
class Place:
    """A running bridge and the tokens of its people.

    Attributes:
        running: The bridge.
        user: A token of somebody.
        other: Of somebody else.
        monitor: Of somebody who may look.
        administrator: Of somebody who may everything.
    """

    running: Running
    user: str
    other: str
    monitor: str
    administrator: str

    def http(self, token: str, base: str = "/api/v1") -> httpx.Client:
        headers = {"authorization": f"apikey {token}"} if token else {}
        return httpx.Client(base_url=self.running.url + base, headers=headers, trust_env=False, timeout=60)


@pytest.fixture(scope="session")
def place() -> Iterator[Place]:
    with serving(RACK) as running:
        yield people(running)


def people(running: Running) -> Place:
    with closing(Store(running.store)) as store:
        tokens = {name: store.tokens.create(name) for name in ("ada", "bob", "watch", "root")}
        store.users.set_role("watch", Role.MONITOR)
        store.users.set_role("root", Role.ADMINISTRATOR)
    return Place(running, *tokens.values())


@pytest.fixture
def user(place: Place) -> Iterator[httpx.Client]:
    with place.http(place.user) as http:
        yield http
