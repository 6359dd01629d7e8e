"""Let a driver on q1simulator hear chosen numbers, in the order in which it acquires them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from qpu_drivers.qblox.instrument import Instrument
from qpu_drivers.qblox.program import Program, Site, acquisition_name

Heard = Callable[[int, int, Site, float], complex]
"""Row of the job, shot, capture, and intermediate frequency of its carrier -> the value that is captured."""


@contextmanager
def hearing(value: Heard) -> Iterator[list[Program]]:
    """All instruments of this process hear these values in programs whose shots are innermost; yields the programs played.

    Rows count from the first program on. What an acquisition must sum up to follows from the factor of its site; which one
    it is, from when it happens: q1simulator hands out one number after the other.
    """
    programs: list[Program] = []
    start = Instrument.start

    def primed(instrument: Instrument, program: Program, wires: Any) -> None:
        first = sum(before.shape[0] for before in programs)
        programs.append(program)
        rows, shots = program.shape[0], program.shape[-1]
        for site in program.sites:
            (tuned,) = (one.settings.frequency for one in program.sequencers if one.place == site.place)
            turn = np.broadcast_to(np.ravel(site.rotation), (rows,))
            sums = [
                complex(np.conj(value(first + row, shot, site, tuned) * np.exp(1j * turn[row]) / site.factor))
                for row in range(rows)
                for shot in range(shots)
            ]
            sequencer = instrument.cluster.modules[site.place[0] - 1].sequencers[site.place[1]]
            sequencer.set_acquisition_mock_data([sums], acquisition_name(site.acquisition))
        start(instrument, program, wires)

    with patch.object(Instrument, "start", primed):
        yield programs
