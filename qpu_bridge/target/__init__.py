"""The target: the machine we have, as one snapshot file. See README.md of this room."""

from qpu_bridge.target.snapshot import Snapshot

__all__ = ["Snapshot"]
