"""A fixture for other people's tests: a running bridge with an emulated device, found by the unmodified client.

Loaded by pytest wherever qpu-bridge is installed; until a test asks for the fixture it costs one small import.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from qiskit_ibm_runtime import IBMBackend

    from qpu_bridge.sdk import BridgeService

_READY_S = 360.0
_STOP_S = 30.0
_DRIVER = '{"faults": true}'


@dataclass(frozen=True)
class RunningBridge:
    """A bridge that runs in processes of its own.

    Attributes:
        url: Its address, at a free port of this machine.
        token: Of a user.
        device: Name of its first device.
        folder: Where it keeps its data, until the tests are over.
    """

    url: str
    token: str
    device: str
    folder: Path

    @property
    def log(self) -> str:
        """What its processes have said."""
        return (self.folder / "log").read_text(errors="replace")

    @property
    def variables(self) -> dict[str, str]:
        """The environment in which ``QiskitRuntimeService()`` finds it."""
        from qpu_bridge.sdk import environment

        return environment(self.url, self.token)

    def service(self) -> BridgeService:
        """A `QiskitRuntimeService` of this bridge."""
        from qpu_bridge.sdk import BridgeService

        return BridgeService(self.url, self.token)

    def backend(self) -> IBMBackend:
        """Its device, for ``SamplerV2(mode=...)``."""
        return self.service().backend(self.device)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Settings of the bridge that tests are given."""
    parser.addini("qpu_bridge_snapshot", "the device: a built-in snapshot, or a snapshot file", default="five")
    parser.addini("qpu_bridge_options", "options of the emulator, a JSON object", default=_DRIVER)
    parser.addini("qpu_bridge_rack", "a rack file instead; its data_dir is used as it is", default="")


@pytest.fixture(scope="session")
def qpu_bridge(pytestconfig: pytest.Config) -> Iterator[RunningBridge]:
    """A running bridge; while it runs, ``QiskitRuntimeService()`` without arguments talks to it."""
    # a short path: that of a local socket has 107 bytes
    with tempfile.TemporaryDirectory(prefix="qb-") as room:
        folder = Path(room)
        rack, data = _rack(pytestconfig, folder)
        with _serving(rack, folder, data) as (url, token), pytest.MonkeyPatch.context() as patch:
            bridge = RunningBridge(url, token, _first_device(rack), folder)
            for name, value in bridge.variables.items():
                patch.setenv(name, value)
            yield bridge


def _rack(config: pytest.Config, folder: Path) -> tuple[Path, Path]:
    """The rack file and the data folder."""
    from qpu_bridge.settings import Rack

    given = str(config.getini("qpu_bridge_rack"))
    if given:
        path = config.rootpath / given
        return path, Rack.read(path).bridge.data_dir.absolute()
    try:
        options = json.loads(str(config.getini("qpu_bridge_options")))
    except ValueError as error:
        raise pytest.UsageError(f"qpu_bridge_options must be a JSON object: {error}") from None
    if not isinstance(options, dict):
        raise pytest.UsageError(f"qpu_bridge_options must be a JSON object; got {options!r}")
    snapshot = str(config.getini("qpu_bridge_snapshot"))
    if (config.rootpath / snapshot).is_file():
        snapshot = str(config.rootpath / snapshot)
    text = f'[bridge]\nport = 0\ndata_dir = "data"\n\n[devices.emu_device]\ndriver = "emulator"\nsnapshot = {_toml(snapshot)}\n'
    path = folder / "rack.toml"
    path.write_text(f"{text}options = {_toml(options)}\n")
    return path, folder / "data"


def _toml(value: object) -> str:
    """A JSON value as TOML, whose words, numbers and lists are written alike."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)} = {_toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return json.dumps(value)


def _first_device(rack: Path) -> str:
    from qpu_bridge.settings import Rack

    return next(iter(Rack.read(rack).devices))


class _serving:  # noqa: N801  reads as what it does
    """The processes of a bridge, and a token for it."""

    def __init__(self, rack: Path, folder: Path, data: Path) -> None:
        self._rack, self._folder, self._data = rack, folder, data

    def __enter__(self) -> tuple[str, str]:
        # the client of the tests must not lead the bridge anywhere
        bare = {name: value for name, value in os.environ.items() if not name.startswith(("QISKIT_", "QPU_BRIDGE_"))}
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "qpu_bridge.cli", "serve", "--rack", str(self._rack), "--port", "0", "--with-parent"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=bare,
                cwd=self._folder,
                start_new_session=True,
            )
        # imported while the processes come up
        from qpu_bridge.cli.rack import ADDRESS, STORE
        from qpu_bridge.jobs import Store

        try:
            self._wait(self._data / ADDRESS)
            store = Store(self._data / STORE)
            token = store.tokens.create("pytest")
            store.close()
        except BaseException:
            self.__exit__()
            raise
        return (self._data / ADDRESS).read_text().strip(), token

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdin.close()

    def _wait(self, address: Path) -> None:
        deadline = time.monotonic() + _READY_S
        while not address.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the bridge must come up; it said:\n{(self._folder / 'log').read_text(errors='replace')}")
            time.sleep(0.01)
