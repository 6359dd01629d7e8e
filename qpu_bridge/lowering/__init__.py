"""Lowering: an ISA circuit to one template of pulses and a slot map. See README.md of this room."""

from qpu_bridge.lowering.columns import column_of
from qpu_bridge.lowering.lower import check, lower
from qpu_bridge.lowering.lowered import OCCUPANCY, Busy, Lowered, TimedInstruction
from qpu_bridge.lowering.options import LoweringOptions, MeasLevel
from qpu_bridge.lowering.qiskit_target import build_target
from qpu_bridge.lowering.slot_map import SlotMap
from qpu_bridge.lowering.timing_text import times_of, timing_text

__all__ = [
    "OCCUPANCY",
    "Busy",
    "Lowered",
    "LoweringOptions",
    "MeasLevel",
    "SlotMap",
    "TimedInstruction",
    "build_target",
    "check",
    "column_of",
    "lower",
    "times_of",
    "timing_text",
]
