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
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, _stamp(function))


class _Files(IndexDataCacheFile):  # type: ignore[misc]
    """numba's files, of which each is named by what it holds.

    numba numbers them: two processes that compile a function for different arguments at the same time take the same number, and
    whoever comes later is given for one what was made for the other, or, by a number, what an older source was made into.
    """

    def save(self, key: object, data: object) -> None:
        """Keep the machine code for some arguments."""
        overloads = self._load_index()
        number = hashlib.sha256(repr((self._source_stamp, key)).encode()).hexdigest()[:15]
        overloads[key] = name = self._data_name(int(number, 16))
        self._save_data(name, data)
        self._save_index(overloads)
        # of an older source, or lost from the index to a process that wrote it at the same time: then it is made once more
        for path in Path(self._cache_path).glob(self._data_name_pattern.replace("{number:d}", "*")):
            if path.name not in overloads.values():
                path.unlink(missing_ok=True)


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
