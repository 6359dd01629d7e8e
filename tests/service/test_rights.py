"""Who may calibrate."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from qpu_bridge.jobs import Role
from qpu_bridge.settings import Calibration
from tests.service import conftest
from tests.service.conftest import Bridge, view

ASK = {"program_id": "calibrate"}


@pytest.fixture
def open_bridge(bridge: Bridge) -> Bridge:
    bridge.check = lambda program_id, params, device: None
    return bridge


def session(http: httpx.Client, mode: str) -> str:
    answer = http.post("/sessions", json={"backend": "lab_two", "mode": mode})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_users_calibrate_in_sessions(open_bridge: Bridge, alice: httpx.Client) -> None:
    refused = open_bridge.post(alice, **ASK)
    assert refused.status_code == 403
    assert "or part of a session" in refused.text
    batch = open_bridge.post(alice, **ASK, session_id=session(alice, "batch"))
    assert batch.status_code != 200
    assert "must not be part of a batch" in batch.text
    assert open_bridge.post(alice, **ASK, session_id=session(alice, "dedicated")).status_code == 200
    assert open_bridge.post(alice, **ASK, start_session=True).status_code == 200


def test_another_ones_session_is_no_door(open_bridge: Bridge, alice: httpx.Client, bob: httpx.Client) -> None:
    assert open_bridge.post(bob, **ASK, session_id=session(alice, "dedicated")).status_code == 400


def test_administrators_calibrate_by_single_jobs(open_bridge: Bridge, alice: httpx.Client) -> None:
    open_bridge.store.users.set_role("alice", Role.ADMINISTRATOR)
    assert open_bridge.post(alice, **ASK).status_code == 200


def test_a_rack_may_keep_it_to_administrators(open_bridge: Bridge, alice: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = replace(view(), calibration=Calibration(by="administrators"))
    monkeypatch.setattr(conftest, "view", lambda: kept)
    with (
        open_bridge.again() as url,
        httpx.Client(
            base_url=f"{url}/api/v1", headers={"authorization": f"apikey {open_bridge.alice}"}, trust_env=False, timeout=60
        ) as http,
    ):
        refused = open_bridge.post(http, **ASK, session_id=session(http, "dedicated"))
        assert refused.status_code == 403
        assert "must be an administrator" in refused.text
        open_bridge.store.users.set_role("alice", Role.ADMINISTRATOR)
        assert open_bridge.post(http, **ASK).status_code == 200
