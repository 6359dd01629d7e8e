"""What this thread of work is about: job, device, trace. Every line that it logs and every span carries these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_FACTS: ContextVar[Mapping[str, str | int]] = ContextVar("facts", default={})  # noqa: B039  never changed, only replaced


def facts() -> Mapping[str, str | int]:
    """The facts that hold here."""
    return _FACTS.get()


@contextmanager
def about(**known: str | int) -> Iterator[None]:
    """While inside, these facts hold, beside those that held before. Threads take them along in a copy of their context."""
    token = _FACTS.set({**_FACTS.get(), **known})
    try:
        yield
    finally:
        _FACTS.reset(token)
