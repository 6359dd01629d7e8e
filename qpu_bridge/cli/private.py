"""Files and sockets that are nobody else's business."""

from __future__ import annotations

import os
from pathlib import Path


def keep_private() -> None:
    """Let nobody but this user open what this process and its children make from now on: files, sockets, folders."""
    os.umask(0o077)


def write_private(path: Path, text: str) -> Path:
    """Write a file that only this user may read; whole or not at all, whoever could read the one before."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return aside.replace(path)
