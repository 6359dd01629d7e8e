"""What a device can play: the part of its capability document that a schedule is checked against."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from qpu_bridge.schedule.port import PortKind
from qpu_bridge.schedule.slot import SlotKind

ExactSeconds = Annotated[Fraction, Field(gt=0), PlainSerializer(str, return_type=str)]
"""Seconds as an exact fraction, written ``"1/1000000000"``."""


class Feature(StrEnum):
    """Things that not every controller can do.

    The bit of a shot, for example, needs `INTEGRATED`, `DISCRIMINATE`, `SINGLE_SHOT`, and `KERNEL` where weights differ from 1.
    """

    RAW = "raw"  # return the demodulated samples of a capture instead of one number
    INTEGRATED = "integrated"  # make one number of a capture
    KERNEL = "kernel"  # by a weighted sum (without it: all weights are 1)
    SINGLE_SHOT = "single_shot"  # return the bit, or the trace, of every shot
    SINGLE_SHOT_IQ = "single_shot_iq"  # return the integrated IQ point of every shot
    AVERAGE = "average"  # return IQ points or traces averaged over the shots; bits are never averaged
    DISCRIMINATE = "discriminate"  # tell on which side of a line a point lies; the driver's software may do it after the run
    BRANCH = "branch"  # on one measured bit, which the device itself must then tell in real time
    EXPRESSION = "expression"  # on any classical expression, with real-time variables
    LOOP = "loop"  # real-time loops with a fixed count
    WHILE = "while"  # real-time loops with a condition


class Document(BaseModel):
    """A frozen document that refuses unknown fields, infinity and what is not a number.

    What checks a kind of document is made when the first of its kind is, not at import.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class PortLimits(Document):
    """Limits of one line.

    Attributes:
        name: Name of the port.
        kind: What the line is for.
        dt: Sample clock, exact seconds.
        granularity: Durations must be multiples of this many samples.
        min_duration: Shortest play or capture, samples.
        max_duration: Longest play or capture, samples.
        start_granularity: Starts must be multiples of this many timeline ticks.
        waveform_memory: Samples of all waveforms together; held levels count one sample per run where `held_levels`.
        held_levels: Whether the controller can hold a level without storing it.
        max_waveforms: Different waveforms.
        min_frequency: Lowest carrier, Hz. A line that can return its trace undemodulated (a capture at 0 Hz) allows 0.
        max_frequency: Highest carrier, Hz.
        bandwidth: Widest spread of the carriers of one schedule on this line (an oscillator reaches that far), Hz.
        oscillator: Lines that name the same oscillator share one, and the spread is counted over all of them.
        max_frames: Carriers at a time on this line.
        max_amplitude: Largest magnitude of amplitude times envelope.
        max_sum: Largest sum of these magnitudes over carriers that sound together, since one converter adds them; None only
            where each carrier has a converter of its own.
        min_separation: Ticks from the start of one capture to the next at one carrier of this line.
        max_captures: Captures of one schedule at one carrier of this line.
        max_kernel: Longest capture with weights, samples.
        max_raw: Longest capture that returns its trace, samples.
    """

    name: str
    kind: PortKind
    dt: ExactSeconds
    granularity: int = Field(1, ge=1)
    min_duration: int = Field(1, ge=1)
    max_duration: int = Field(2**31, ge=1)
    start_granularity: int = Field(1, ge=1)
    waveform_memory: int = Field(2**31, ge=1)
    held_levels: bool = True
    max_waveforms: int = Field(2**20, ge=1)
    min_frequency: float = 0.0
    max_frequency: float = 20e9
    bandwidth: float = Field(40e9, ge=0)
    oscillator: str = ""
    max_frames: int = Field(2**10, ge=1)
    max_amplitude: float = Field(1.0, gt=0, le=1)
    max_sum: float | None = Field(1.0, gt=0)
    min_separation: int = Field(0, ge=0)
    max_captures: int = Field(2**20, ge=1)
    max_kernel: int = Field(2**31, ge=1)
    max_raw: int = Field(2**31, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_duration > self.max_duration or self.min_frequency > self.max_frequency:
            raise ValueError(f"port {self.name}: a least duration or frequency must not be above the greatest")
        return self


class Limits(Document):
    """Limits of a device.

    Attributes:
        dt: Timeline clock, exact seconds.
        ports: Limits of every line.
        features: What the device can do.
        sweeps: Kinds of slots that a linear axis may sweep on the device.
        branch_latency: Ticks from the end of a capture until a branch may read its bit.
        feedback_separation: Ticks between the ends of two captures of which real-time control reads one, where all bits go to the
            controllers over one network; captures at carriers that control never reads do not count.
        max_feedback_frames: Acquire frames whose captures real-time control may read in one schedule (addresses of that network).
        decision_ticks: Ticks of straight play that must come before each branch, each test of a loop and each group of
            assignments, counted from the decision before it or the start of the shot.
        min_wait: Shortest wait in ticks, fixed or swept; none at all (0 ticks) is always allowed.
        equal_arms: Whether both arms of a branch must last equally long.
        min_rep_delay_s: Shortest wait after a shot that a run may ask for, s.
        default_rep_delay_s: Wait after a shot of a run that asks for none, s.
        max_rep_delay_s: Longest, s.
        max_events: Events of one schedule.
        max_columns: Columns of one schedule.
        max_duration: Ticks of one shot.
        max_rows: Rows of one run.
        max_shots: Shots of one run.
        max_results: Numbers that one run may return (rows x sweep points x shots x columns, averages count once).
        max_nesting: Depth of real-time control.
        max_branch_nesting: Branches and loops with a condition inside each other.
        max_axes: Linear axes of one schedule; the device sweeps them all in one run.
    """

    dt: ExactSeconds
    ports: tuple[PortLimits, ...]
    features: frozenset[Feature]
    sweeps: frozenset[SlotKind] = frozenset()
    branch_latency: int = Field(0, ge=0)
    feedback_separation: int = Field(0, ge=0)
    max_feedback_frames: int = Field(2**16, ge=0)
    decision_ticks: int = Field(0, ge=0)
    min_wait: int = Field(0, ge=0)
    equal_arms: bool = False
    min_rep_delay_s: float = Field(0.0, ge=0)
    default_rep_delay_s: float = 0.0
    max_rep_delay_s: float = 10.0
    max_events: int = Field(2**24, ge=1)
    max_columns: int = Field(2**16, ge=1)
    max_duration: int = Field(2**40, ge=1)
    max_rows: int = Field(2**20, ge=1)
    max_shots: int = Field(2**24, ge=1)
    max_results: int = Field(2**28, ge=1)
    max_nesting: int = Field(16, ge=0)
    max_branch_nesting: int = Field(16, ge=0)
    max_axes: int = Field(16, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.min_rep_delay_s <= self.default_rep_delay_s <= self.max_rep_delay_s:
            raise ValueError("rep delays must be in order: min_rep_delay_s <= default_rep_delay_s <= max_rep_delay_s")
        names = [port.name for port in self.ports]
        if len(set(names)) < len(names):
            raise ValueError("a port must be described once")
        return self
