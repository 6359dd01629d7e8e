"""What a device's resonators bring to captures: each probe that is not swept is solved once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from qpu_emulator.chip.device import Resonator
from qpu_emulator.readout.driven import Real
from qpu_emulator.readout.probe import Probe
from qpu_emulator.readout.resonator import Response, loudness, respond

_ROOM = 256 * 2**20
"""Bytes that responses may take; those solved first are dropped for others."""
_LOUDNESSES = 100_000
"""Numbers that are remembered of captures and tones of different measurements."""


class Responses:
    """All that has been solved of some resonators.

    Args:
        resonators: Of a device.
    """

    def __init__(self, resonators: Sequence[Resonator]) -> None:
        self._resonators = resonators
        self._solved: OrderedDict[tuple[int, Probe], Response] = OrderedDict()
        self._bytes = 0
        self._loud: dict[tuple[int, Probe], float] = {}
        self._lock = threading.Lock()

    def find(self, where: int, probe: Probe) -> Response:
        """What a tone of unit amplitude and phase zero brings to a capture.

        Args:
            where: Index of the resonator.
            probe: Tone and capture.
        """
        known = self._solved.get((where, probe))
        if known is None:
            known = respond(self._resonators[where], probe)
            self._keep((where, probe), known)
        return known

    def loudness(self, where: int, probe: Probe, frequencies: Real | None) -> float:
        """The largest magnitude of its integrated signal, in units of the capture's noise.

        Args:
            where: Index of the resonator.
            probe: Tone and capture.
            frequencies: ``float[n, 2]`` in Hz, of tone and capture instead of those of the probe; None for these.
        """
        if frequencies is not None:
            # nobody will ask for just these again
            return loudness(self._resonators[where], probe, frequencies)
        known = self._loud.get((where, probe))
        if known is None:
            known = loudness(self._resonators[where], probe, probe.frequencies)
            if len(self._loud) < _LOUDNESSES:
                self._loud[where, probe] = known
        return known

    def _keep(self, key: tuple[int, Probe], response: Response) -> None:
        with self._lock:
            self._solved[key] = response
            self._bytes += response.nbytes
            while self._bytes > _ROOM:
                self._bytes -= self._solved.popitem(last=False)[1].nbytes
