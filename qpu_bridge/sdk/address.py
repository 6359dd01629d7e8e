"""Where a bridge is."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

API = "/api/v1"
"""Path of the runtime API below the root."""

CLIENT_API = "/experimental/api/v1"
"""The same API at a path whose name makes the unmodified client leave the URL alone."""


def root_of(url: str) -> str:
    """The root of a bridge, from whatever a person copied: with or without a path, a slash at the end, or a scheme.

    Raises:
        ValueError: If the text names no host.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the address of a bridge must look like http://host:8080; got {url!r}")
    path = parts.path.rstrip("/")
    for known in (CLIENT_API, API):
        path = path.removesuffix(known)
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
