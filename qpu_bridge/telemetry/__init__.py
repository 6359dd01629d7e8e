"""Telemetry: what the processes of a bridge say of their work. See README.md of this room."""

from qpu_bridge.telemetry.facts import about, facts
from qpu_bridge.telemetry.stage import Stage, played, stage, took

__all__ = ["Stage", "about", "facts", "played", "stage", "took"]
