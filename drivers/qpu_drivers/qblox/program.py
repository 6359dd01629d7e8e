"""The pure result of compiling: what each sequencer is given, and where its results belong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Discriminator

Place = tuple[int, int]
"""Slot of the module, from 1, and number of the sequencer in it, from 0."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a sequencer is configured before it is armed; sockets, oscillators and mixers are the rack's.

    Attributes:
        frequency: Of the numerically controlled oscillator at the start, Hz.
        modulated: Whether the oscillator multiplies what is played and what is acquired; False on flux lines.
        integration_length: Of acquisitions without weights, ns; None if there are none.
        discriminator: Line by which the sequencer itself tells bits, its threshold in units of the hardware's sum over the window
            (not divided by its length): with the sum ``S``, ``bit = Re(S exp(i angle)) > threshold``. None where only the
            host does.
        sends: Address of the trigger network that carries a 1 of this sequencer; None if it sends none.
        listens: Addresses of which a condition of this sequencer reads the count, which must reach 1.
        scope: Whether the module's scope is triggered by this sequencer.
    """

    frequency: float = 0.0
    modulated: bool = True
    integration_length: int | None = None
    discriminator: Discriminator | None = None
    sends: int | None = None
    listens: tuple[int, ...] = ()
    scope: bool = False


@dataclass(frozen=True, slots=True)
class SequencerProgram:
    """What one sequencer is given.

    Attributes:
        place: Which sequencer.
        text: Q1ASM.
        waveforms: Samples from -1 to 1, by index.
        weights: Integration weights from -1 to 1, by index.
        acquisitions: Number of bins, by index.
        settings: Configuration.
        registers: Register -> number, to be set before the sequencer is armed (``set_registers``).
    """

    place: Place
    text: str
    waveforms: tuple[tuple[float, ...], ...] = ()
    weights: tuple[tuple[float, ...], ...] = ()
    acquisitions: tuple[int, ...] = ()
    settings: Settings = Settings()
    registers: Mapping[int, int] = field(default_factory=dict)

    @property
    def sequence(self) -> dict[str, object]:
        """The document that the vendor's ``sequencer.sequence(...)`` takes."""
        return {
            "waveforms": {f"w{k}": {"data": list(data), "index": k} for k, data in enumerate(self.waveforms)},
            "weights": {f"k{k}": {"data": list(data), "index": k} for k, data in enumerate(self.weights)},
            "acquisitions": {acquisition_name(k): {"num_bins": bins, "index": k} for k, bins in enumerate(self.acquisitions)},
            "program": self.text,
        }


def acquisition_name(index: int) -> str:
    """Name under which the vendor returns an acquisition."""
    return f"a{index}"


@dataclass(frozen=True, slots=True)
class Site:
    """A capture of the schedule: one acquisition of a sequencer.

    With the sum ``S = sum_k v_k u_k`` over the window, of the demodulated samples ``u = I + iQ`` and the weights `v` that were
    played (1 where there are none), the captured value is ``factor * conj(S) * exp(-1j * rotation)``; a bin that holds a mean
    of `n` sums is multiplied in the same way. Whether the vendor has divided the sum by the length of the window is for who
    reads it to know.

    Attributes:
        event: Row of ``schedule.events``.
        column: Where it writes. Sites of one column are in the order of play: the last that was executed counts.
        place: Sequencer.
        acquisition: Index of the acquisition.
        samples: Length of the window, ns.
        weighted: Whether weights are played.
        factor: See above.
        rotation: See above, rad: ``float64``, broadcasts against ``(rows, *linear axes)`` of the program.
        strides: Steps in bins: of a row, of each linear axis, of a shot (0 where the bin holds the mean over shots).
    """

    event: int
    column: int
    place: Place
    acquisition: int
    samples: int
    weighted: bool
    factor: complex
    rotation: NDArray[np.float64]
    strides: tuple[int, ...]

    def bins(self, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Bin of each row, point and shot, ``int64[shape]``; `shape` is ``(rows, *linear axes, shots)`` of the program."""
        grids = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij", sparse=True)
        found = sum(
            (stride * grid for stride, grid in zip(self.strides, grids, strict=True)), np.zeros((1,) * len(shape), np.int64)
        )
        return np.asarray(np.broadcast_to(found, shape), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Program:
    """One run of the instrument.

    Attributes:
        sequencers: In the order of their places; all are synchronised.
        sites: Where results belong: capture sites in the order of the schedule.
        shape: ``(rows, *linear axes, shots)`` of this program.
        lead_in: Ticks (ns) from the synchronisation to the start of the first shot.
        duration: Ticks (ns) from the synchronisation to the end.
    """

    sequencers: tuple[SequencerProgram, ...]
    sites: tuple[Site, ...]
    shape: tuple[int, ...]
    lead_in: int
    duration: int
