"""Finding the rack file, and the folder in which a bridge keeps what is its own."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qpu_bridge.cli.private import write_private
from qpu_bridge.errors import SettingsError
from qpu_bridge.lock import lock
from qpu_bridge.settings import Rack

if TYPE_CHECKING:
    from qpu_bridge.jobs import Store

RackOption = Annotated[
    Path | None,
    typer.Option(
        "--rack",
        "-r",
        envvar="QPU_BRIDGE_RACK",
        help="The rack file (TOML). Without one: an emulated device of five qubits on 127.0.0.1:8080.",
        show_default=False,
    ),
]
"""The option that every command of the machine's owner has."""

STORE = "jobs.sqlite"
SECRET = "secret"
RUNNING = "serve.lock"
ADDRESS = "address"
"""File that holds the URL of the running bridge."""
LOOK_S = 0.05
"""How often one who waits for the folder looks, s."""
FROZEN = "rack.json"
"""File that holds the rack of the running bridge, as it was when it started."""


def read_rack(path: Path | None) -> Rack:
    """The rack: from a file, or the one that needs no file.

    Raises:
        SettingsError: If it is not usable.
    """
    return Rack() if path is None else Rack.read(path)


def rack_option(path: Path | None) -> str:
    """What to add to a command so that it means this rack; empty if it needs no file."""
    return "" if path is None else f" --rack {shlex.quote(str(path))}"


def open_folder(rack: Rack) -> Path:
    """The data folder, made for its owner only.

    Raises:
        SettingsError: If it cannot be made, or others can look into it.
    """
    folder = rack.bridge.data_dir.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode & 0o777
    except OSError as error:
        raise SettingsError("the data folder must be usable", given=error.strerror, where=str(folder)) from None
    if mode & 0o077:
        raise SettingsError(
            "the data folder must be for its owner only", given=oct(mode), where=str(folder), remedy=f"chmod 700 {folder}"
        )
    return folder


def require_device(rack: Rack, device: str) -> Rack:
    """The rack, if the device stands in it.

    Raises:
        SettingsError: If it does not.
    """
    if device not in rack.devices:
        names = ", ".join(sorted(rack.devices))
        raise SettingsError("the device must be in the rack", given=device, where="devices", remedy=f"Available: {names}.")
    return rack


def open_store(rack: Rack) -> Store:
    """The job store of a rack."""
    # the library of databases takes as long to import as a driver's process takes to be under way
    from qpu_bridge.jobs import Store

    folder = open_folder(rack)
    return Store(rack.bridge.database or folder / STORE, limits=rack.bridge.limits)


@contextmanager
def only_bridge(folder: Path, patience_s: float = 0.0) -> Iterator[None]:
    """Be the one bridge that works in a data folder.

    Args:
        folder: Which.
        patience_s: How long to wait for one without an address, which is about to leave, or to come, s.

    Raises:
        SettingsError: If another one does.
    """
    until_s = time.monotonic() + patience_s
    with ExitStack() as held:
        while not _taken(held, folder):
            address = _address(folder)
            if address is None and time.monotonic() < until_s:
                time.sleep(LOOK_S)
                continue
            remedy = f"It answers at {address}: use that one, or stop it first." if address else "Stop it first."
            raise SettingsError(
                "a data folder must have one bridge", given="another one runs in it", where=str(folder), remedy=remedy
            )
        yield


def _taken(held: ExitStack, folder: Path) -> bool:
    with suppress(BlockingIOError):
        held.enter_context(lock(folder / RUNNING, wait=False))
        return True
    return False


def running_url(rack: Rack) -> str | None:
    """Where the bridge of a rack answers at this moment, if it runs."""
    folder = rack.bridge.data_dir
    try:
        with lock(folder / RUNNING, wait=False):
            return None
    except BlockingIOError:
        # taken: there is a bridge
        return _address(folder)
    except OSError:
        pass
    return None


def require_served(rack: Rack, device: str) -> None:
    """Refuse a device that the bridge which runs in the rack's data folder does not serve: its jobs would wait for nobody.

    Raises:
        SettingsError: If it serves others.
    """
    folder = open_folder(rack)
    served = Rack.model_validate_json((folder / FROZEN).read_bytes()).devices
    if device not in served:
        raise SettingsError(
            "a device must be served by the bridge that runs in its data folder",
            given=device,
            where=str(folder),
            remedy=f"It serves {', '.join(served)}. Stop it, start it again with this rack file, or give that another data_dir.",
        )


def _address(folder: Path) -> str | None:
    with suppress(OSError):
        return (folder / ADDRESS).read_text().strip() or None
    return None


def url_of(rack: Rack) -> str:
    """Where the bridge of a rack answers, now or when it runs.

    Raises:
        SettingsError: If that is known only while it runs.
    """
    running = running_url(rack)
    if running is None and rack.bridge.port == 0:
        raise SettingsError("a bridge at a free port must run to have an address", given="one that does not run")
    scheme = "https" if rack.bridge.tls_certificate else "http"
    return running or f"{scheme}://{rack.bridge.host}:{rack.bridge.port}"


def write_address(folder: Path, url: str) -> Path:
    """Say where the bridge answers; whole or not at all."""
    return write_private(folder / ADDRESS, f"{url}\n")
