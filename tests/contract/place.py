"""Who comes in."""

from __future__ import annotations

from contextlib import closing

from qpu_bridge.jobs import Store
from tests.flow.conftest import Running


def two_users(running: Running) -> tuple[str, str]:
    """Tokens of two users of a running bridge."""
    with closing(Store(running.store)) as store:
        return store.tokens.create("ada"), store.tokens.create("bob")
