"""The ledger: what is known of each node, and for how long it may be taken for granted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, ValidationError

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Document
from qpu_bridge.target import file
from qpu_calibration.graph import Graph, Node
from qpu_calibration.page import Target

LEDGER = "ledger.json"
"""Its file, in the folder of a device's calibration."""


class Moment(Document):
    """A time by both clocks.

    Attributes:
        utc: This machine's.
        device_ns: The device's own, None where it has not told; it counts from anywhere and may start again.
    """

    utc: datetime
    device_ns: int | None = None

    def hours_until(self, later: Moment) -> float:
        """Hours of device time; of this machine's time where the device's clock was not heard or has started again."""
        if self.device_ns is not None and later.device_ns is not None and later.device_ns >= self.device_ns:
            return (later.device_ns - self.device_ns) / 3.6e12
        return (later.utc - self.utc).total_seconds() / 3600


class Record(Document):
    """What is known of a node.

    Attributes:
        target: Its target.
        calibrated: When it was calibrated last, in the ledger's count of events; 0 for never.
        passed: When it was last calibrated or found within specification, in the same count.
        at: The moment of that.
        failed: Why its last calibration changed nothing; empty if it did not fail.
        doubtful: Whether it must be looked at again, whenever it passed.
        invalid: Whether its numbers were made worthless by another node.
        unsteady: How often in a row it was calibrated because a look had found it wrong.
        complaint: Why users should not have the target though the numbers are right.
    """

    target: Target
    calibrated: int = Field(0, ge=0)
    passed: int = Field(0, ge=0)
    at: Moment | None = None
    failed: str = ""
    doubtful: bool = False
    invalid: bool = False
    unsteady: int = Field(0, ge=0)
    complaint: str = ""


class Ledger:
    """Records of all nodes of a device.

    Args:
        path: File that `write` writes and that is read now, if it is there; None keeps the records in memory.
        clock: What time it is.

    Raises:
        SettingsError: If the file cannot be read.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], Moment] = lambda: Moment(utc=datetime.now(UTC))) -> None:
        self.path = path
        self.clock = clock
        self.events = 0
        self.calibration_id = ""
        self.flagged: dict[Target, str] = {}
        self._records: dict[Node, Record] = {}
        if path is not None and path.exists():
            self._read(path)

    def __getitem__(self, node: Node) -> Record:
        return self._records.get(node) or Record(target=node.target)

    def fresh(self, graph: Graph, node: Node) -> bool:
        """Check state: whether a node passed not too long ago, and nothing happened since that makes that doubtful."""
        known = self[node]
        if not known.passed or known.failed or known.doubtful or known.invalid or known.at is None:
            return False
        if known.at.hours_until(self.clock()) >= graph.routines[node.routine].timeout_h:
            return False
        return all(self[other].calibrated <= known.passed for other in graph.needs(node))

    def calibrated(self, graph: Graph, node: Node, complaint: str = "") -> None:
        """Note that a node was calibrated; what it spoils becomes invalid."""
        event, before = self._event(), self[node]
        self._records[node] = Record(
            target=node.target,
            calibrated=event,
            passed=event,
            at=self.clock(),
            unsteady=before.unsteady + before.doubtful,
            complaint=complaint,
        )
        for other in graph.spoils(node):
            if other in self._records:
                self._change(other, invalid=True)

    def passed(self, node: Node, complaint: str = "") -> None:
        """Note that a node was found within specification."""
        self._change(
            node, passed=self._event(), at=self.clock(), failed="", doubtful=False, invalid=False, unsteady=0, complaint=complaint
        )

    def failed(self, node: Node, reason: str) -> None:
        """Note that the calibration of a node changed nothing, and why."""
        self._event()
        self._change(node, failed=reason or "no reason given")

    def doubt(self, nodes: Iterable[Node] | None = None) -> None:
        """Note that nodes (all, if None) may not be as they were: they will be looked at."""
        for node in list(self._records) if nodes is None else nodes:
            self._change(node, doubtful=True)

    def nodes(self) -> tuple[Node, ...]:
        """All that something is known of."""
        return tuple(self._records)

    def write(self) -> None:
        """Write the file, whole or not at all."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        records: dict[str, list[object]] = {}
        for node, known in self._records.items():
            records.setdefault(node.routine, []).append(known.model_dump(mode="json", exclude_defaults=True))
        flagged = [{"target": list(target), "reason": reason} for target, reason in self.flagged.items()]
        document = {
            "format": 1,
            "events": self.events,
            "calibration_id": self.calibration_id,
            "flagged": flagged,
            "records": records,
        }
        file.write(self.path, document)

    def _event(self) -> int:
        self.events += 1
        return self.events

    def _change(self, node: Node, **fields: object) -> None:
        self._records[node] = self[node].model_copy(update=fields)

    def _read(self, path: Path) -> None:
        try:
            document = json.loads(path.read_bytes())
            if document["format"] != 1:
                raise ValueError(f"format {document['format']}")
            self.events, self.calibration_id = int(document["events"]), str(document["calibration_id"])
            self.flagged = {tuple(one["target"]): str(one["reason"]) for one in document["flagged"]}
            for name, records in document["records"].items():
                for one in records:
                    known = Record.model_validate(one)
                    self._records[Node(name, known.target)] = known
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            raise SettingsError(
                "the ledger of a device's calibration must be readable",
                given=str(error),
                where=str(path),
                remedy="Remove it: everything is calibrated again.",
            ) from error
