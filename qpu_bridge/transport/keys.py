"""Keys: CURVE for every link that leaves the machine. Secret files are the owner's alone."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq import auth

from qpu_bridge.errors import SettingsError
from qpu_bridge.transport.endpoint import is_local


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A public and a secret key, 40 characters of Z85 each."""

    public: bytes
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """A driver's own keys, and the public keys of the clients that may talk to it."""

    own: KeyPair
    allowed: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """A client's own keys, and the public key of the driver that it means to talk to."""

    own: KeyPair
    server: bytes


def make_keys(folder: Path, name: str) -> tuple[Path, Path]:
    """Draw a pair and write ``NAME.key`` (public) and ``NAME.key_secret`` (mode 0600).

    Returns:
        Paths of the public and of the secret file.

    Raises:
        SettingsError: If a pair of that name is there already.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (folder / f"{name}.key_secret").exists():
        raise SettingsError("a key must not be overwritten", given=str(folder / f"{name}.key_secret"))
    before = os.umask(0o077)  # the file must never be readable, not even before a chmod
    try:
        public, secret = auth.create_certificates(str(folder), name)
    finally:
        os.umask(before)
    return Path(public), Path(secret)


def read_public(path: Path) -> bytes:
    """The public key in a file.

    Raises:
        SettingsError: If there is none.
    """
    return _read(path)[0]


def read_pair(path: Path) -> KeyPair:
    """Both keys of a secret file.

    Raises:
        SettingsError: If there are none, or others than the owner may read the file.
    """
    public, secret = _read(path)
    if secret is None:
        raise SettingsError("a secret key file must hold a secret key", given=str(path))
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SettingsError("a secret key file must be readable by its owner only", given=f"mode {mode:o}", where=str(path))
    return KeyPair(public, secret)


def require_keys(endpoint: str, keys: ServerKeys | ClientKeys | None) -> None:
    """Refuse a link that leaves the machine in the open, or that everybody may use.

    Raises:
        SettingsError: With what is missing.
    """
    if not endpoint.startswith(("ipc://", "tcp://", "inproc://")):
        raise SettingsError("an endpoint must begin with ipc:// or tcp://", given=endpoint)
    if keys is None:
        if not is_local(endpoint):
            raise SettingsError("an endpoint that leaves this machine must have CURVE keys", given=endpoint)
    elif isinstance(keys, ServerKeys) and not keys.allowed:
        raise SettingsError(
            "a driver with keys must have a list of the clients that it allows", given="an empty one", where=endpoint
        )
    if keys is not None and not zmq.has("curve"):
        raise SettingsError("this build of ZeroMQ must have CURVE", given="one without libsodium")


def _read(path: Path) -> tuple[bytes, bytes | None]:
    try:
        return auth.load_certificate(str(path))
    except (OSError, ValueError) as error:
        raise SettingsError("a key file must be a readable ZeroMQ certificate", given=str(error), where=str(path)) from None
