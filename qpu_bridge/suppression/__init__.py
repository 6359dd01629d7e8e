"""Suppression: dynamical decoupling on the schedule. See README.md of this room."""

from qpu_bridge.suppression.decoupling import decouple
from qpu_bridge.suppression.options import DecouplingOptions

__all__ = ["DecouplingOptions", "decouple"]
