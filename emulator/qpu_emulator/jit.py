"""The one place where numba is asked to compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])

prange = numba.prange


def compiled(*, parallel: bool = False) -> Callable[[F], F]:
    """Compile a function to machine code on first use and keep it on disk; it runs without Python's lock."""
    # Contraction (fused multiply-add) only: sums keep their order, so results do not depend on how work was cut.
    decorate: Callable[[F], F] = numba.njit(cache=True, nogil=True, parallel=parallel, fastmath={"contract"})
    return decorate
