"""Execution: a template and its rows go to a device, results come back. See README.md of this room."""

from qpu_bridge.execution.cut import rows_per_run
from qpu_bridge.execution.execution import Execution
from qpu_bridge.execution.keeper import Gap, Keeper
from qpu_bridge.execution.pieces import Pieces
from qpu_bridge.execution.prefetch import prefetch
from qpu_bridge.execution.series import Series
from qpu_bridge.execution.span import Span

__all__ = ["Execution", "Gap", "Keeper", "Pieces", "Series", "Span", "prefetch", "rows_per_run"]
