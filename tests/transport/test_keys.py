"""A link that leaves the machine is encrypted and authenticated, or it does not start."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from qpu_bridge.driver import Driver
from qpu_bridge.errors import DriverLost, SettingsError
from qpu_bridge.transport import (
    ClientKeys,
    DriverServer,
    RemoteDriver,
    ServerKeys,
    is_local,
    lines,
    make_keys,
    read_pair,
    read_public,
)
from tests.ports import neighbours


def free_endpoint() -> str:
    return f"tcp://127.0.0.1:{neighbours()}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("driver", "host", "stranger"):
        make_keys(tmp_path / "keys", name)
    return tmp_path / "keys"


def client(folder: Path, name: str, server: str = "driver") -> ClientKeys:
    return ClientKeys(read_pair(folder / f"{name}.key_secret"), read_public(folder / f"{server}.key"))


@pytest.fixture
def keys(folder: Path) -> ServerKeys:
    return ServerKeys(read_pair(folder / "driver.key_secret"), frozenset({read_public(folder / "host.key")}))


def test_a_client_on_the_list_is_let_in(loopback: Driver, folder: Path, keys: ServerKeys) -> None:
    endpoint = free_endpoint()
    with DriverServer(loopback, endpoint, keys=keys):
        remote = RemoteDriver(endpoint, keys=client(folder, "host"))
        assert remote.capabilities().driver == "loopback"
        remote.close()


@pytest.mark.parametrize("who", ["a stranger", "the wrong server key", "no keys"])
def test_everybody_else_is_refused_within_the_deadline(loopback: Driver, folder: Path, keys: ServerKeys, who: str) -> None:
    given = {
        "a stranger": client(folder, "stranger"),
        "the wrong server key": client(folder, "host", server="stranger"),
        "no keys": None,
    }
    endpoint = free_endpoint()
    with DriverServer(loopback, endpoint, keys=keys):
        remote = RemoteDriver(endpoint, keys=given[who], answer_s=2)
        asked_at = time.monotonic()
        with pytest.raises(DriverLost):
            remote.capabilities()
        # what else a client may wait for takes minutes
        assert time.monotonic() - asked_at < 60
        remote.close()


@pytest.mark.parametrize(
    "endpoint", ["tcp://0.0.0.0:7001", "tcp://*:7001", "tcp://192.0.2.7:7001", "tcp://lab-pc:7001", "tcp://eth0:7001"]
)
def test_an_endpoint_that_leaves_the_machine_needs_keys(loopback: Driver, endpoint: str) -> None:
    assert not is_local(endpoint)
    with pytest.raises(SettingsError, match="CURVE"):
        DriverServer(loopback, endpoint)
    with pytest.raises(SettingsError, match="CURVE"):
        RemoteDriver(endpoint)


def test_keys_without_a_list_of_clients_are_refused(loopback: Driver, keys: ServerKeys) -> None:
    with pytest.raises(SettingsError, match="list of the clients"):
        DriverServer(loopback, "tcp://0.0.0.0:7001", keys=ServerKeys(keys.own, frozenset()))


@pytest.mark.parametrize(
    "endpoint", ["ipc:///run/x", "inproc://x", "tcp://127.0.0.1:7001", "tcp://[::1]:7001", "tcp://localhost:7001"]
)
def test_what_stays_here_needs_none(endpoint: str) -> None:
    assert is_local(endpoint)


@pytest.mark.parametrize(
    "endpoint", ["udp://127.0.0.1:1", "tcp://127.0.0.1", "tcp://127.0.0.1:65535", "tcp://:1", "ipc://", "", "tcp://1:2:3"]
)
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(SettingsError):
        lines(endpoint)


def test_secret_files_are_the_owners_alone(folder: Path) -> None:
    path = folder / "driver.key_secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_pair(path).secret.decode() not in repr(read_pair(path))
    os.chmod(path, 0o640)
    with pytest.raises(SettingsError, match="owner"):
        read_pair(path)


def test_a_key_is_never_overwritten(folder: Path) -> None:
    with pytest.raises(SettingsError, match="overwritten"):
        make_keys(folder, "driver")


def test_a_public_file_is_no_secret_file(folder: Path) -> None:
    with pytest.raises(SettingsError, match="secret key"):
        read_pair(folder / "driver.key")
