"""What a caller may choose about dynamical decoupling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sequence = Literal["XX", "XpXm", "XY4"]


@dataclass(frozen=True, slots=True)
class DecouplingOptions:
    """What a caller may choose about dynamical decoupling.

    Attributes:
        sequence_type: Pulses of a window: ``XX`` (+X +X), ``XpXm`` (+X -X), or ``XY4`` (+X +Y -X -Y).
        extra_slack_distribution: Where ticks go that the grid keeps from being spread evenly.
        scheduling_method: How the circuit is scheduled; lowering reads it, this room does not.
        skip_reset_qubits: Leave a qubit alone from the start of the shot, or from a reset, until its first gate.
        alignment: Pulses start at multiples of this many ticks (and of the snapshot's granularity).
    """

    sequence_type: Sequence = "XX"
    extra_slack_distribution: Literal["middle", "edges"] = "middle"
    scheduling_method: Literal["alap", "asap"] = "alap"
    skip_reset_qubits: bool = False
    alignment: int = 1
