"""What was solved once is kept on disk, under a hash of everything that enters it; bytes only, nothing read is ever executed.

A file that is damaged, cut short or of another version is as good as none, and is replaced.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import platform
import tempfile
import threading
import time
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
from pydantic import BaseModel

ROOM = 256 * 2**20
"""Bytes that the files may take; beyond, those that nobody has wanted for longest go."""

_MARK = b"qpu-bridge 1\n"
_SUM = 16
_OTHERS = 0o022
"""Permissions with which others than the owner might write."""
_SOLVERS = ("bring_up", "chip", "makers", "readout", "windows")
"""Rooms whose code decides what is kept."""
_STALE_S = 3600.0
"""A half-written file of this age belongs to a process that has died, s."""
_WANTED_S = 86_400.0
"""That a file was wanted is noted no more often than this, s."""
_LEFT = 0.75
"""Share of the room that is left filled when old files are deleted."""

logger = logging.getLogger(__name__)


class Cache:
    """A folder of solved things, for any number of processes. Where it cannot be used nothing is kept, and that is said once.

    Args:
        folder: Where; made for its owner only. None is the user's cache folder (``$XDG_CACHE_HOME/qpu-bridge/emulator``).
        room: Bytes that the files may take.
    """

    def __init__(self, folder: Path | None = None, room: int = ROOM) -> None:
        self._folder = _own() if folder is None else folder
        self._room = room
        self._usable: bool | None = None
        self._since_trim = room  # the first file of a process makes it look what others have left
        self._lock = threading.Lock()

    def find(self, key: str) -> bytes | None:
        """What is kept under a key, None if nothing that is whole."""
        if not self._opened():
            return None
        path = self._path(key)
        try:
            written = path.read_bytes()
            if time.time() - path.stat().st_mtime > _WANTED_S:
                os.utime(path)
        except OSError:
            return None
        found = written[len(_MARK) + _SUM :]
        return found if written.startswith(_MARK + _sum(found)) else None

    def keep(self, key: str, value: bytes) -> None:
        """Write a file, whole or not at all; one that is there is replaced."""
        if not self._opened():
            return
        path = self._path(key)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
                file.write(_MARK + _sum(value) + value)
            os.replace(file.name, path)
        except OSError as error:
            self._give_up(str(error))
            return
        with self._lock:
            self._since_trim += len(value)
            full = self._since_trim > self._room / 16
            self._since_trim = 0 if full else self._since_trim
        if full:
            self._trim()

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key[2:]

    def _opened(self) -> bool:
        if self._usable is None:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                status = self._folder.stat()
            except OSError as error:
                self._give_up(str(error))
                return False
            self._usable = True
            if status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
                # whoever may write there could give this device other pulses
                self._give_up(f"{self._folder} belongs to others, or they may write there")
        return bool(self._usable)

    def _give_up(self, reason: str) -> None:
        self._usable = False
        logger.warning("solved pulses are not kept on disk: %s", reason)

    def _trim(self) -> None:
        """Delete what nobody has wanted for longest, and what a process that died has left half written."""
        found: list[tuple[float, int, Path]] = []
        now = time.time()
        for path in self._folder.glob("??/*"):
            with suppress(OSError):
                status = path.stat()
                if path.name.startswith(".new-"):
                    if now - status.st_mtime > _STALE_S:
                        path.unlink()
                    continue
                found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        if total <= self._room:
            return
        for _, size, path in sorted(found):
            with suppress(OSError):
                path.unlink()
            total -= size
            if total <= _LEFT * self._room:
                return


def key(*parts: object) -> str:
    """A hash of things, of the code that solves them, and of the libraries that it solves them with.

    Args:
        *parts: Texts, bytes, numbers, None, arrays, documents, and lists or dictionaries of these.
    """
    found = hashlib.sha256(_code())
    _write(found, parts)
    return found.hexdigest()


def packed(*arrays: np.ndarray) -> bytes:
    """Arrays as bytes, in numpy's own format."""
    out = io.BytesIO()
    for array in arrays:
        np.lib.format.write_array(out, np.asarray(array, order="C"), allow_pickle=False)
    return out.getvalue()


def unpacked(text: bytes) -> list[np.ndarray]:
    """The arrays that `packed` was given."""
    source, out = io.BytesIO(text), []
    while source.tell() < len(text):
        out.append(np.lib.format.read_array(source, allow_pickle=False))
    return out


def _write(out: hashlib._Hash, part: object) -> None:
    if isinstance(part, BaseModel):
        part = part.model_dump_json()
    if isinstance(part, np.ndarray):
        out.update(f"array {part.dtype.str} {part.shape}\n".encode())
        out.update(np.ascontiguousarray(part).tobytes())
    elif isinstance(part, dict):
        _write(out, sorted(part.items()))
    elif isinstance(part, list | tuple):
        out.update(f"list {len(part)}\n".encode())
        for item in part:
            _write(out, item)
    elif isinstance(part, bytes):
        out.update(f"bytes {len(part)}\n".encode() + part)
    elif isinstance(part, complex):
        _write(out, (part.real, part.imag))
    elif isinstance(part, float):
        # one of numpy's is one like any other
        out.update(f"float {float(part).hex()}\n".encode())
    elif isinstance(part, str | int | None):
        text = repr(part).encode()
        out.update(f"{type(part).__name__} {len(text)}\n".encode() + text)
    else:
        raise TypeError(f"a key must be made of plain things; got {type(part).__name__}")


@cache
def _code() -> bytes:
    """The source of all that solves, so that no change of it can meet what another version has solved."""
    found = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(path for room in _SOLVERS for path in (folder / room).glob("*.py")):
        found.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    versions = [f"{name} {metadata.version(name)}" for name in ("qpu-bridge", "numpy", "scipy", "numba")]
    found.update("\n".join([*versions, platform.machine()]).encode())
    return found.digest()


def _own() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # as the standard says, a relative path counts as none
        root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    except RuntimeError:
        # a container's user without a home; whose folder this is, is looked at when it is opened
        return Path(tempfile.gettempdir()) / f"qpu-bridge-emulator-{os.geteuid()}"
    return root / "qpu-bridge" / "emulator"


def _sum(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=_SUM).digest()
