"""The one place where numba is asked to compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled() -> Callable[[F], F]:
    """Compile a function to machine code on first use and keep it on disk; it runs without Python's lock.

    Functions are serial: threads take whole chunks of rows instead. numba's own thread pools wait by spinning, which on a
    shared machine was measured to cost 8 ms per call.
    """
    # Contraction (fused multiply-add) only: sums keep their order, so results do not depend on how work was cut.
    decorate: Callable[[F], F] = numba.njit(cache=True, nogil=True, fastmath={"contract"})
    return decorate
