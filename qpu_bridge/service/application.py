"""What a client says of itself in ``X-Qx-Client-Application``: the part of its library that asks, and its version of Qiskit."""

from __future__ import annotations

import re
from typing import TypedDict

VERSION = re.compile(r"(?:^|[,/])qiskit-(?!version)([0-9][0-9A-Za-z.+!-]{0,31})\*?(?=[,/]|$)")
CALLER = re.compile(r"[0-9A-Za-z_.~-]{1,128}")


class Application(TypedDict):
    """What a client said of itself, as far as it could be read.

    Attributes:
        caller: The part of its library that asks, such as ``qiskit_ibm_runtime~sampler.py``.
        qiskit_version: Its version of Qiskit.
    """

    caller: str | None
    qiskit_version: str | None


def said(header: str) -> Application:
    """Read the header: ``qiskit-version-2/NAME-VERSION[*],.../CALLER[/more]``, all of it optional."""
    version = VERSION.search(header)
    parts = header.split("/")
    place = 2 if header.startswith("qiskit-version-") else 1
    caller = parts[place] if len(parts) > place and CALLER.fullmatch(parts[place]) else None
    return Application(caller=caller, qiskit_version=version.group(1) if version else None)
