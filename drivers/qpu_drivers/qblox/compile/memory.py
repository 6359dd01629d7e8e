"""Waveforms and weights of a sequencer, each content stored once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError


class Memory:
    """Real arrays by content.

    Args:
        samples: Room for samples.
        entries: Room for arrays.
        what: What they are, for errors.
        where: The line.
    """

    def __init__(self, samples: int, entries: int, what: str, where: str) -> None:
        self._samples, self._entries, self._what, self._where = samples, entries, what, where
        self._index: dict[bytes, int] = {}
        self._stored: list[tuple[float, ...]] = []
        self._used = 0

    def index(self, data: NDArray[np.float64], tick: int) -> int:
        """Index of an array, stored if it is new.

        Raises:
            ScheduleError: If there is no room; `tick` says where it was needed.
        """
        kept = np.round(data, 9) + 0.0  # what a rotation leaves in the last place makes no other waveform
        key = kept.tobytes()
        if key in self._index:
            return self._index[key]
        self._used += len(kept)
        if self._used > self._samples or len(self._stored) == self._entries:
            raise ScheduleError(
                f"{self._what} of a sequencer must not take more than {self._samples} samples in {self._entries} entries",
                given=f"{self._used} samples in {len(self._stored) + 1} entries",
                where=f"{self._where}, tick {tick}",
            )
        self._index[key] = len(self._stored)
        self._stored.append(tuple(kept.tolist()))
        return self._index[key]

    @property
    def stored(self) -> tuple[tuple[float, ...], ...]:
        """All arrays, by index."""
        return tuple(self._stored)
