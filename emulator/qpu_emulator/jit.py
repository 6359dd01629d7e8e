"""The one place where numba is asked to compile."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

F = TypeVar("F", bound=Callable[..., Any])


def compiled() -> Callable[[F], F]:
    """Compile a function to machine code on first use and keep it on disk; it runs without Python's lock.

    Functions are serial: threads take whole chunks of rows instead. numba's own thread pools wait by spinning, which on a
    shared machine was measured to cost 8 ms per call.
    """

    def decorate(function: F) -> F:
        # Contraction (fused multiply-add) only: sums keep their order, so results do not depend on how work was cut.
        made: Any = numba.njit(nogil=True, fastmath={"contract"})(function)
        made._cache = _Cache(function)
        return made  # type: ignore[no-any-return]

    return decorate


class _Cache(FunctionCache):  # type: ignore[misc]
    """numba's cache, for which a function is new also when a file has changed from which it takes functions or numbers.

    numba alone looks at a function's own file, and goes on with the old machine code of what it calls.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, _stamp(function))


def _stamp(function: Callable[..., Any]) -> str:
    """A hash of the files from which a function is made, and of the numbers that they share."""
    made: dict[str, str] = {}
    _gather(function, made)
    return hashlib.sha256(repr(sorted(made.items())).encode()).hexdigest()


def _gather(function: Callable[..., Any], made: dict[str, str]) -> None:
    """Add the file of a function, and those of the compiled functions that its module knows, as deep as they go."""
    file = inspect.getfile(function)
    if file in made:
        return
    known = vars(sys.modules[function.__module__])
    numbers = {name: value for name, value in known.items() if isinstance(value, int | float)}
    made[file] = hashlib.sha256(Path(file).read_bytes()).hexdigest() + repr(sorted(numbers.items()))
    room = function.__module__.partition(".")[0]
    for value in list(known.values()):
        # of a compiled function, or of an intrinsic
        named = getattr(value, "py_func", None) or getattr(value, "_defn", None)
        if named is not None and str(named.__module__).partition(".")[0] == room:
            _gather(named, made)
