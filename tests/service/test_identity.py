"""Who comes in: keys, the access tokens that they are exchanged for, and instances."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import jwt
import pytest

from qpu_bridge.errors import SettingsError
from qpu_bridge.service import crn, read_secret

if TYPE_CHECKING:
    from tests.service.conftest import Bridge
from tests.service.test_http import message

GRANT = "urn:ibm:params:oauth:grant-type:apikey"


def exchange(bridge: Bridge, key: str, **fields: str) -> httpx.Response:
    return httpx.post(
        f"{bridge.url}/identity/token", data={"grant_type": GRANT, "apikey": key} | fields, trust_env=False, timeout=60
    )


class TestIdentity:
    def test_an_access_token_opens_the_door(self, bridge: Bridge) -> None:
        answer = exchange(bridge, bridge.alice).json()
        claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
        assert isinstance(claims["iat"], int)
        assert claims["exp"] - claims["iat"] == answer["expires_in"]
        headers = {"authorization": f"Bearer {answer['access_token']}", "service-crn": crn("lab")}
        assert httpx.get(f"{bridge.base}/backends", headers=headers, trust_env=False, timeout=60).status_code == 200

    @pytest.mark.parametrize("key", ["", "qb", "qb-1-2", "x" * 10_000, "qb-000000000000-" + "x" * 43, "é\ud7ff"])
    def test_an_unknown_key_is_refused(self, bridge: Bridge, key: str) -> None:
        response = exchange(bridge, key)
        assert response.status_code == 400
        assert response.json()["errorCode"] == "BXNIM0415E"

    def test_another_grant_is_refused(self, bridge: Bridge) -> None:
        assert exchange(bridge, bridge.alice, grant_type="password").json()["errorCode"] == "BXNIM0107E"

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Bearer",
            "Bearer x.y.z",
            "apikey nobody",
            "Basic YTpi",
            "Bearer " + jwt.encode({"jti": "1", "iat": 1, "exp": 2**31, "aud": "qpu-bridge"}, b"x" * 32, algorithm="HS256"),
            "Bearer " + jwt.encode({"jti": "1", "iat": 1, "exp": 2**31, "aud": "qpu-bridge"}, None, algorithm="none"),
        ],
    )
    def test_nobody_comes_in_without_a_token(self, bridge: Bridge, header: str) -> None:
        for path in ("/backends", "/jobs", "/jobs/x", "/instances/usage", "/tags", "/sessions/x"):
            response = httpx.get(bridge.base + path, headers={"authorization": header}, trust_env=False, timeout=60)
            message(response, 401)
        message(
            httpx.post(f"{bridge.url}/v3/resources/search", headers={"authorization": header}, trust_env=False, timeout=60), 401
        )

    def test_revoking_a_key_ends_its_access_tokens(self, bridge: Bridge) -> None:
        headers = {"authorization": f"Bearer {exchange(bridge, bridge.bob).json()['access_token']}"}
        assert httpx.get(f"{bridge.base}/jobs", headers=headers, trust_env=False, timeout=60).status_code == 200
        bridge.store.tokens.revoke(bridge.bob.split("-")[1])
        message(httpx.get(f"{bridge.base}/jobs", headers=headers, trust_env=False, timeout=60), 401)
        assert exchange(bridge, bridge.bob).status_code == 400

    def test_the_instance_of_another_is_refused(self, bridge: Bridge, alice: httpx.Client) -> None:
        assert "instance" in message(alice.get("/jobs", headers={"service-crn": crn("other")}), 401)
        assert alice.get("/jobs", headers={"service-crn": "lab"}).status_code == 200

    def test_the_secret_is_for_its_owner_only(self, tmp_path: Path) -> None:
        path = tmp_path / "secret"
        assert read_secret(path) == read_secret(path)
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
        with pytest.raises(SettingsError, match="owner only"):
            read_secret(path)
