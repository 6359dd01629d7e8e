"""The receiving half of a sequencer: windows, integration weights, and where results belong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import NONE, Acquisition, Output, Schedule
from qpu_drivers.qblox.compile.form import Form, Unit
from qpu_drivers.qblox.compile.latch import Capture
from qpu_drivers.qblox.compile.memory import Memory
from qpu_drivers.qblox.hardware import ACQUISITIONS, INTEGRATION, SCOPE_SAMPLES, WEIGHT_SAMPLES, WEIGHTS


@dataclass(frozen=True, slots=True)
class Window:
    """A capture, as far as rows do not matter.

    Attributes:
        event: Row of ``schedule.events``.
        column: Where it writes.
        average: Whether its bins hold means over the shots.
        samples: Length, ns.
        weights: Index of its weights, or None.
        factor: What the hardware's sum must be multiplied with.
        rotation: By how much it must be turned back, turns.
        trace: Whether it is the trace that counts.
    """

    event: int
    column: int
    average: bool
    samples: int
    weights: int | None
    factor: complex
    rotation: Form
    trace: bool


class Receiver:
    """Windows of one sequencer, in the order of the schedule; the index of each is that of its acquisition."""

    def __init__(self, schedule: Schedule, rows: list[int], where: str) -> None:
        self._schedule, self._where = schedule, where
        self._lengths = {row: int(schedule.samples[row]) for row in rows}
        self._weights = Memory(WEIGHT_SAMPLES, WEIGHTS, "integration weights", where)
        plain = [self._lengths[row] for row in rows if self._plain(row) is not None and not self._lengths[row] % 4]
        plain = [length for length in plain if INTEGRATION[0] <= length <= INTEGRATION[1]]
        self.integration_length = Counter(plain).most_common(1)[0][0] if plain else None
        self.windows: list[Window] = []
        self._index: dict[int, int] = {}

    def capture(self, row: int, carried: Form, tick: int, kept: bool) -> Capture:
        """The acquisition of an event.

        Args:
            row: The event.
            carried: Phase of the play that the oscillator carries meanwhile, turns.
            tick: For errors.
            kept: Whether no later turn overwrites it.
        """
        if row not in self._index:
            self._index[row] = self._add(row, carried, tick)
        index = self._index[row]
        window = self.windows[index]
        weights = None if window.weights is None else (window.weights, window.weights)
        return Capture(index, window.average, kept, weights)

    @property
    def weights(self) -> tuple[tuple[float, ...], ...]:
        """Stored weights."""
        return self._weights.stored

    def _add(self, row: int, carried: Form, tick: int) -> int:
        event = self._schedule.events[row]
        column = self._schedule.columns[int(event["column"])]
        trace = column.acquisition is Acquisition.RAW
        where = f"{self._where}, tick {tick}"
        if len(self.windows) == ACQUISITIONS:
            raise ScheduleError(f"a sequencer must not have more than {ACQUISITIONS} captures", given="more", where=where)
        length = self._lengths[row]
        if trace and length > SCOPE_SAMPLES:
            raise ScheduleError(f"a trace must have at most {SCOPE_SAMPLES} samples", given=length, where=where)
        factor = self._plain(row)
        weights = None
        if trace:
            factor = 1.0 + 0j
        elif factor is None:
            factor, shape = self._shape(row, where)
            weights = self._weights.index(shape, tick)
        elif length != self.integration_length:
            weights = self._weights.index(np.ones(length), tick)
        slot = int(event["phase_slot"])
        own = Form(Unit.PHASE, float(event["phase"]) / (2 * np.pi), () if slot == NONE else ((1 / (2 * np.pi), (slot,)),))
        rotation = own.plus(-carried.constant, tuple((-c, slots) for c, slots in carried.terms))
        average = not column.returned or (column.average and (trace or column.output is Output.IQ))
        self.windows.append(Window(row, int(event["column"]), average, length, weights, factor, rotation, trace))
        return len(self.windows) - 1

    def _plain(self, row: int) -> complex | None:
        """Its weight, if all samples have the same one."""
        kernel = int(self._schedule.events["waveform"][row])
        if kernel == NONE:
            return 1.0 + 0j
        samples = self._schedule.waveforms[kernel].samples
        return complex(samples[0]) if len(samples) == 1 else None

    def _shape(self, row: int, where: str) -> tuple[complex, NDArray[np.float64]]:
        """A kernel as a constant times real weights of peak 1: both paths are weighted alike."""
        kernel = self._schedule.waveforms[int(self._schedule.events["waveform"][row])].expand()
        peak = complex(kernel[int(np.argmax(np.abs(kernel)))])
        if not peak:
            return 0j, np.zeros(len(kernel))
        shape = kernel / peak
        if np.abs(shape.imag).max() > 1e-3:  # files hold few digits, and modules weight with 12 bits
            raise ScheduleError(
                "a kernel must be a real shape times a constant: this device weights I and Q alike",
                given=f"a phase that varies by {np.abs(np.angle(shape[shape != 0])).max():.3g} rad",
                where=where,
            )
        return peak, np.asarray(shape.real)
