"""The schedule: what is played when on which line, as columns. See README.md of this room."""

from qpu_bridge.schedule.block import (
    MAX_DEPTH,
    Assign,
    Block,
    Body,
    Branch,
    Linear,
    Repeat,
    Rows,
    Shots,
    Straight,
    Sweep,
    While,
    children,
    duration_of,
    walk,
)
from qpu_bridge.schedule.bound import bind, row_values
from qpu_bridge.schedule.builder import Builder
from qpu_bridge.schedule.carrier import SlotRef
from qpu_bridge.schedule.check import check, check_once, check_results, check_table
from qpu_bridge.schedule.column import Acquisition, Column, Discriminator, Output
from qpu_bridge.schedule.draw_text import draw
from qpu_bridge.schedule.event import EVENT, NONE, Operation
from qpu_bridge.schedule.expression import (
    Apply,
    Bits,
    Constant,
    Expression,
    Operator,
    Read,
    SlotValue,
    Variable,
    VariableKind,
    asks_one_bit,
    columns_of,
    evaluate,
    kind_of,
    parts,
)
from qpu_bridge.schedule.figure import figure
from qpu_bridge.schedule.limits import Document, Feature, Limits, PortLimits
from qpu_bridge.schedule.line_bounds import Bounds, LineBounds
from qpu_bridge.schedule.openpulse import to_openpulse
from qpu_bridge.schedule.port import Frame, Port, PortKind
from qpu_bridge.schedule.render import render, residuals
from qpu_bridge.schedule.results import raw_samples, result_shapes
from qpu_bridge.schedule.retime import retime
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import Slot, SlotKind, Table
from qpu_bridge.schedule.unroll import Shot, unroll
from qpu_bridge.schedule.waveform import Waveform

__all__ = [
    "EVENT",
    "MAX_DEPTH",
    "NONE",
    "Acquisition",
    "Apply",
    "Assign",
    "Bits",
    "Block",
    "Body",
    "Bounds",
    "Branch",
    "Builder",
    "Column",
    "Constant",
    "Discriminator",
    "Document",
    "Expression",
    "Feature",
    "Frame",
    "Limits",
    "LineBounds",
    "Linear",
    "Operation",
    "Operator",
    "Output",
    "Port",
    "PortKind",
    "PortLimits",
    "Read",
    "Repeat",
    "Rows",
    "Schedule",
    "Shot",
    "Shots",
    "Slot",
    "SlotKind",
    "SlotRef",
    "SlotValue",
    "Straight",
    "Sweep",
    "Table",
    "Variable",
    "VariableKind",
    "Waveform",
    "While",
    "asks_one_bit",
    "bind",
    "check",
    "check_once",
    "check_results",
    "check_table",
    "children",
    "columns_of",
    "draw",
    "duration_of",
    "evaluate",
    "figure",
    "kind_of",
    "parts",
    "raw_samples",
    "render",
    "residuals",
    "result_shapes",
    "retime",
    "row_values",
    "to_openpulse",
    "unroll",
    "walk",
]
