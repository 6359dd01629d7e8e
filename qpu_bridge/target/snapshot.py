"""The snapshot: what the lab believes of its machine, as one versioned file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Document, Waveform
from qpu_bridge.schedule.limits import ExactSeconds
from qpu_bridge.target import file
from qpu_bridge.target.check import faults
from qpu_bridge.target.gate import GateSpec
from qpu_bridge.target.line import FrameSpec, PortSpec
from qpu_bridge.target.qubit import CouplingSpec, MeasureSpec, QubitSpec
from qpu_bridge.target.shape import Shape, waveform
from qpu_bridge.units import Clock


class TimingSpec(Document):
    """Timing rules of the machine.

    Attributes:
        dt: Timeline clock, exact seconds.
        granularity: Gate durations are multiples of this many ticks.
        default_rep_delay: Wait between shots, s.
        min_rep_delay: Shortest, s.
        max_rep_delay: Longest, s.
        passive_reset: After this wait (s) a qubit counts as cooled to its ground state.
        feedback_latency: Ticks from the end of a capture until a branch may read its bit.
        max_circuit_duration: Longest shot, s.
    """

    dt: ExactSeconds
    granularity: int = Field(1, ge=1)
    default_rep_delay: float
    min_rep_delay: float
    max_rep_delay: float
    passive_reset: float
    feedback_latency: int
    max_circuit_duration: float


_LOOKED_UP = {
    "_lines": "ports",
    "_carriers": "frames",
    "_gates": "gates",
    "_measures": "measures",
    "_following": "frames",
    "_envelopes": "waveforms",
}
"""What is kept of a snapshot beside its fields: of which each was made."""


class Snapshot(Document):
    """What the lab believes of its machine.

    ``reset`` is not listed: it is a measurement, the feedback latency, and a conditional ``x``. ``delay`` and ``id``
    need no pulses.

    Attributes:
        format: Number of the file format.
        device: Name of the device, with an underscore (the client's dry run needs one).
        calibration_id: Names this snapshot in results.
        calibrated_at: When it was made, UTC.
        timing: Timing rules.
        ports: Lines.
        frames: Carriers.
        waveforms: Envelopes and kernels by name.
        qubits: In order of index, 0 to n-1.
        gates: Native gates.
        measures: One per qubit.
        couplings: What is known of pairs of qubits at rest, each pair once.
        max_shots: Largest number of shots per circuit.
        description: One line for people.
    """

    format: Literal[1]
    device: str = Field(pattern="^[A-Za-z0-9]+_[A-Za-z0-9_]+$")
    calibration_id: str
    calibrated_at: datetime
    timing: TimingSpec
    ports: tuple[PortSpec, ...]
    frames: tuple[FrameSpec, ...]
    waveforms: dict[str, Shape]
    qubits: tuple[QubitSpec, ...]
    gates: tuple[GateSpec, ...]
    measures: tuple[MeasureSpec, ...]
    couplings: tuple[CouplingSpec, ...] = ()
    max_shots: int = 1_000_000
    description: str = ""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        found = faults(self)
        if found:
            raise ValueError("; ".join(found))
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other fields, not checked; what was looked up in fields that change is looked up again in the copy."""
        copy = super().model_copy(update=update, deep=deep)
        changed = type(self).model_fields if deep else (update or {})
        for name, field in _LOOKED_UP.items():
            if field in changed:
                copy.__dict__.pop(name, None)
        return copy

    @property
    def clock(self) -> Clock:
        """Timeline clock."""
        return Clock(self.timing.dt)

    @cached_property
    def _lines(self) -> dict[str, PortSpec]:
        return {port.name: port for port in self.ports}

    @cached_property
    def _carriers(self) -> dict[str, FrameSpec]:
        return {frame.name: frame for frame in self.frames}

    @cached_property
    def _gates(self) -> dict[tuple[str, tuple[int, ...]], GateSpec]:
        return {(gate.name, gate.qubits): gate for gate in self.gates}

    @cached_property
    def _measures(self) -> dict[int, MeasureSpec]:
        return {measure.qubit: measure for measure in self.measures}

    @cached_property
    def _following(self) -> dict[int, tuple[FrameSpec, ...]]:
        found: dict[int, list[FrameSpec]] = defaultdict(list)
        for frame in self.frames:
            if frame.follows is not None:
                found[frame.follows].append(frame)
        return {qubit: tuple(frames) for qubit, frames in found.items()}

    @cached_property
    def _envelopes(self) -> dict[str, Waveform]:
        return {}

    def envelope(self, name: str) -> Waveform:
        """The samples of a waveform by name; kept, for to look for an equal shape takes long.

        Raises:
            ScheduleError: As `shape.waveform`.
        """
        found = self._envelopes.get(name)
        if found is None:
            found = self._envelopes[name] = waveform(self.waveforms[name])
        return found

    def port(self, name: str) -> PortSpec:
        """A line by name."""
        return self._lines[name]

    def ticks(self, port: str, samples: int) -> int:
        """Ticks that cover samples of a line."""
        own, tick = self.port(port).dt, self.timing.dt
        # most lines have the machine's own clock
        return samples if own == tick else Clock(tick).ticks_covering(Clock(own), samples)

    def frame(self, name: str) -> FrameSpec:
        """A carrier by name."""
        return self._carriers[name]

    def zz(self, first: int, second: int) -> float | None:
        """ZZ at rest of two qubits in Hz, None if it is not known."""
        return next((one.zz for one in self.couplings if set(one.qubits) == {first, second}), None)

    def gate(self, name: str, *qubits: int) -> GateSpec | None:
        """A native gate on these qubits in this order, None if the machine does not have it."""
        return self._gates.get((name, qubits))

    def measure(self, qubit: int) -> MeasureSpec:
        """How a qubit is measured."""
        return self._measures[qubit]

    def following(self, qubit: int) -> tuple[FrameSpec, ...]:
        """All carriers that turn with the virtual Z of a qubit, in the order of the file."""
        return self._following.get(qubit, ())

    def reset_duration(self, qubit: int) -> int | None:
        """Ticks of ``reset``: capture, feedback latency, conditional ``x``; None if there is no ``x``."""
        flip = self.gate("x", qubit)
        measure = self.measure(qubit)
        if flip is None:
            return None
        capture = self.ticks(self.frame(measure.acquire_frame).port, measure.acquire_duration)
        decided = measure.acquire_start + capture + self.timing.feedback_latency
        return max(decided, measure.duration) + flip.duration

    @classmethod
    def read(cls, path: Path) -> Snapshot:
        """Read and check a file.

        Raises:
            SettingsError: If it cannot be read, is not JSON, has another format number, or holds a wrong field.
        """
        document = file.read(path)
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise SettingsError(
                "the fields of a snapshot must be right", given=file.sentences(error), where=f"snapshot file {path}"
            ) from error

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all; equal snapshots write equal bytes."""
        file.write(path, self.model_dump(mode="json"))
