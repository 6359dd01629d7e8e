"""What a caller may choose about lowering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MeasLevel = Literal["classified", "kerneled", "avg_kerneled", "both"]


@dataclass(frozen=True, slots=True)
class LoweringOptions:
    """What a caller may choose about lowering.

    Attributes:
        meas_level: What comes back of a measurement: the bit, the IQ point of each shot, their mean, or bit and IQ point.
        scheduling: Whether gates are played as late or as soon as the order on their qubits allows.
        active_reset: Whether the used qubits are measured and flipped to the ground state before the circuit.
    """

    meas_level: MeasLevel = "classified"
    scheduling: Literal["alap", "asap"] = "alap"
    active_reset: bool = False
