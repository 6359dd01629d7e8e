"""The snapshot as a file that people read and edit."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qpu_bridge.errors import SettingsError

FORMAT = 1
"""Number of the file format; a reader refuses any other."""

_encode = json.JSONEncoder(ensure_ascii=False).encode


def read(path: Path) -> dict[str, Any]:
    """The fields of a snapshot file, not yet checked but for the format number.

    Raises:
        SettingsError: If the file cannot be read, is not JSON, or has another format number.
    """
    where = f"snapshot file {path}"
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise SettingsError("a snapshot must be a file that can be read", given=error.strerror, where=where) from error
    except ValueError as error:
        raise SettingsError("a snapshot must be JSON", given=error, where=where) from error
    if not isinstance(document, dict):
        raise SettingsError("a snapshot must be a JSON object", given=type(document).__name__, where=where)
    if document.get("format") != FORMAT:
        raise SettingsError(
            f"a snapshot must have format number {FORMAT}",
            given=json.dumps(document.get("format")),
            where=where,
            remedy="Convert the file, or use the release of qpu-bridge that wrote it.",
        )
    return document


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a snapshot file, whole or not at all: a reader sees the old file or the new one."""
    from tempfile import NamedTemporaryFile  # takes longer to import than all of this room's own files, and readers need it not

    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(text(document))
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def text(document: dict[str, Any]) -> str:
    """The file's text: indented, but each list of numbers on one line."""
    return _indented(document, "\n") + "\n"


def _indented(value: Any, margin: str) -> str:
    # json's own indentation is not compiled: it takes three times as long
    inner = margin + "  "
    if isinstance(value, dict) and value:
        return "{" + ",".join([f"{inner}{_encode(key)}: {_indented(one, inner)}" for key, one in value.items()]) + margin + "}"
    if isinstance(value, list) and value and type(value[0]) not in (int, float):
        return "[" + ",".join([inner + _indented(one, inner) for one in value]) + margin + "]"
    return _encode(value)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def sentences(error: ValidationError) -> str:
    """What is wrong with which field, at most five."""
    found = []
    for fault in error.errors(include_url=False, include_context=False)[:5]:
        field = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        found.append(f"{field}: {message}" if field else message)
    return "; ".join(found)
