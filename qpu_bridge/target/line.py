"""Lines and carriers as the file holds them."""

from __future__ import annotations

from qpu_bridge.schedule import Document, PortKind
from qpu_bridge.schedule.limits import ExactSeconds


class PortSpec(Document):
    """A physical line: name, kind, sample clock (exact seconds)."""

    name: str
    kind: PortKind
    dt: ExactSeconds


class FrameSpec(Document):
    """A carrier: name, port, rest frequency in Hz, and the qubit whose virtual Z it follows (None for readout and flux)."""

    name: str
    port: str
    frequency: float
    follows: int | None = None
