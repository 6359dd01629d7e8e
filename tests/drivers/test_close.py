"""Closing: last, and as often as one likes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qpu_bridge import plugins
from qpu_bridge.driver import Driver
from qpu_bridge.transport import DriverServer, RemoteDriver


@pytest.mark.parametrize("name", plugins.driver_names())
def test_close_may_be_called_twice(name: str, open_driver: Callable[[str], Driver], tmp_path: Path) -> None:
    driver = open_driver(name)
    endpoint = f"ipc://{tmp_path}/d"
    with DriverServer(driver, endpoint):
        remote = RemoteDriver(endpoint)
        assert remote.capabilities().driver == name
        remote.close()
        remote.close()
    driver.close()
    driver.close()
