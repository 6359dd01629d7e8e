"""The target: the machine we have, as one snapshot file. See README.md of this room."""

from qpu_bridge.target.configuration import configuration
from qpu_bridge.target.file import FORMAT
from qpu_bridge.target.gate import Curve, GateSpec, PhaseSpec, PulseSpec
from qpu_bridge.target.line import FrameSpec, PortSpec
from qpu_bridge.target.native import NATIVE, Native
from qpu_bridge.target.properties import properties
from qpu_bridge.target.qubit import CouplingSpec, MeasureSpec, QubitSpec
from qpu_bridge.target.shape import (
    ConstantShape,
    CosineSquareShape,
    DragShape,
    GaussianSquareShape,
    SampledShape,
    Shape,
    waveform,
)
from qpu_bridge.target.snapshot import Snapshot, TimingSpec

__all__ = [
    "FORMAT",
    "NATIVE",
    "ConstantShape",
    "CosineSquareShape",
    "CouplingSpec",
    "Curve",
    "DragShape",
    "FrameSpec",
    "GateSpec",
    "GaussianSquareShape",
    "MeasureSpec",
    "Native",
    "PhaseSpec",
    "PortSpec",
    "PulseSpec",
    "QubitSpec",
    "SampledShape",
    "Shape",
    "Snapshot",
    "TimingSpec",
    "configuration",
    "properties",
    "waveform",
]
