"""What libraries say about input that they cannot read, made fit to be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from qpu_bridge.errors import BadRequest, BridgeError

LONGEST = 300
"""Characters that are shown."""

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]")
"""Colours, cursor movements, and titles of terminals."""

_HEADING = re.compile(r"[╺━┅\s]*\bBacktrace\b[╺━┅╸\s]*")
"""What a Rust library writes over its list of causes."""

_PLACE = re.compile(r"\bat \S*?crates/\S+\.rs:\d+")
"""A line of a library's source, which is none of a user's business."""


def said(error: BaseException, *, kind: bool = False) -> str:
    """What an error says, in one line, without colours, control characters and headings, cut to `LONGEST` characters.

    Args:
        error: What a library raised.
        kind: Whether to start with the name of its class.
    """
    text = _PLACE.sub(" ", _HEADING.sub(" ", _ESCAPE.sub("", str(error))))
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return (f"{type(error).__name__}: {text}" if kind else text)[:LONGEST].rstrip()


@contextmanager
def preparing() -> Iterator[None]:
    """Let the client's own code prepare pubs: of what it does not like it raises many kinds, and its user reads one.

    Raises:
        BadRequest: For whatever it raised that is no error of ours.
    """
    try:
        yield
    except BridgeError:
        raise
    except Exception as error:
        raise BadRequest(
            "the pubs must be such that the client's own code can prepare them", given=said(error).rstrip(".")
        ) from error
