"""The ledger: what is known of each node, and for how long it may be taken for granted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pydantic import Field, ValidationError

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Document
from qpu_bridge.target import file
from qpu_calibration.graph import Graph, Node
from qpu_calibration.page import Target

LEDGER = "ledger.json"
"""Its file, in the folder of a device's calibration."""

EXPECTED_DRIFT = 0.9
"""Drift that is expected from one look to the next, in units of what is tolerated."""

MOST_GROWTH = 1.1
"""Factor by which the time between looks may grow at most from one look to the next (it may halve): one quiet step of a random
walk says little."""

FIRST_SHARE = 1 / 4
"""Share of `Routine.timeout_h` after which what drifts (`Routine.restores`) is looked at until it is known how fast it does."""


class Moment(Document):
    """A time by both clocks.

    Attributes:
        utc: This machine's.
        device_ns: The device's own, None where it has not told; it counts from anywhere and may start again.
        start: How often it had started again by then.
    """

    utc: datetime
    device_ns: int | None = None
    start: int = Field(0, ge=0)

    def hours_until(self, later: Moment) -> float:
        """Hours of device time; of this machine's time where the device's clock was not heard or has started again."""
        if self.start == later.start and self.device_ns is not None and later.device_ns is not None:
            passed_ns = later.device_ns - self.device_ns
            if passed_ns >= 0:
                return passed_ns / 3.6e12
        return (later.utc - self.utc).total_seconds() / 3600


class Record(Document):
    """What is known of a node.

    Attributes:
        target: Its target.
        calibrated: When it was calibrated last, in the ledger's count of events; 0 for never.
        changed: When it was calibrated last in a way that what needs it must feel, in the same count.
        passed: When it was last calibrated or found within specification, in the same count.
        at: The moment of that.
        failed: Why its last calibration changed nothing; empty if it did not fail.
        doubtful: Whether it must be looked at again, whenever it passed.
        drifted: Whether the last look has seen it drift, and could tell how far.
        deviation: How far off the last look has left it, in units of what is tolerated.
        deviation_error: Standard error of the deviation.
        valid_h: Hours of device time for which it may be taken for granted, by the drift that looks have seen; None before any.
        invalid: Whether its numbers were made worthless by another node.
        unsteady: How often in a row it was calibrated because a look had found it wrong.
        complaint: Why users should not have the target though the numbers are right.
    """

    target: Target
    calibrated: int = Field(0, ge=0)
    changed: int = Field(0, ge=0)
    passed: int = Field(0, ge=0)
    at: Moment | None = None
    failed: str = ""
    doubtful: bool = False
    drifted: bool = False
    deviation: float = Field(0.0, ge=0)
    deviation_error: float = Field(0.0, ge=0)
    valid_h: float | None = Field(None, gt=0)
    invalid: bool = False
    unsteady: int = Field(0, ge=0)
    complaint: str = ""


class Ledger:
    """Records of all nodes of a device.

    Args:
        path: File that `write` writes and that is read now, if it is there; None keeps the records in memory.
        clock: What time it is.

    Attributes:
        trusts: Whether numbers of which nothing is known here may be right.

    Raises:
        SettingsError: If the file cannot be read.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], Moment] = lambda: Moment(utc=datetime.now(UTC))) -> None:
        self.path = path
        self.clock = clock
        self.starts = 0
        self.heard_ns: int | None = None
        self.events = 0
        self.calibration_id = ""
        self.flagged: dict[Target, str] = {}
        self.trusts = False
        self._records: dict[Node, Record] = {}
        if path is not None and path.exists():
            self._read(path)
        self._kept, self._stamp = self._known(), self._stamped()

    def __getitem__(self, node: Node) -> Record:
        return self._records.get(node) or _unknown(node.target)

    def now(self) -> Moment:
        """What time it is; notices that the device's clock has started again."""
        moment = self.clock()
        if moment.device_ns is not None:
            self.starts += self.heard_ns is not None and moment.device_ns < self.heard_ns
            self.heard_ns = moment.device_ns
        return moment.model_copy(update={"start": self.starts})

    def left_h(self, graph: Graph, node: Node) -> float:
        """Check state: for how many more hours of device time a node may be taken for granted; 0 if not at all.

        It passed not too long ago, and nothing happened since that makes that doubtful.
        """
        known = self[node]
        if not known.passed or known.failed or known.doubtful or known.invalid or known.at is None:
            return 0.0
        if any(self[other].changed > known.passed for other in graph.needs(node)):
            return 0.0
        return max(0.0, self._valid_h(graph, node) - known.at.hours_until(self.now()))

    def fresh(self, graph: Graph, node: Node) -> bool:
        """Whether a node may be taken for granted now."""
        return self.left_h(graph, node) > 0

    def rest_h(self, graph: Graph) -> float:
        """When the next of those that may be taken for granted now may be no longer, in hours of device time."""
        return min((left for node in self._records if (left := self.left_h(graph, node)) > 0), default=math.inf)

    def drifts(self, graph: Graph, node: Node) -> bool:
        """Whether a node that only brings back what drifts has been seen to do so fast."""
        routine, valid_h = graph.routines[node.routine], self[node].valid_h
        return routine.restores and not routine.tells and valid_h is not None and valid_h < FIRST_SHARE * routine.timeout_h

    def note_deviation(self, graph: Graph, node: Node, deviation: float, error: float) -> None:
        """Note how far off a look has found a node, and the standard error of that, both in units of what is tolerated.

        From this follows for how long the node may be taken for granted, as the step of an integrator does. The square of a
        random walk grows with time: what moved by ``moved`` in some time will have moved by `EXPECTED_DRIFT` after that time
        multiplied by ``(EXPECTED_DRIFT / moved)**2``. The time may halve; it grows by `MOST_GROWTH` at most, and not at all by a
        look that comes before half of it; it is never longer than `Routine.timeout_h`.
        """
        known = self[node]
        self._change(node, deviation=deviation, deviation_error=error)
        if known.doubtful or known.invalid or known.failed or known.at is None:
            # what was seen is no drift since it passed
            return
        valid_h, passed_h = self._valid_h(graph, node), known.at.hours_until(self.now())
        squared = (deviation - known.deviation) ** 2 - error**2 - known.deviation_error**2
        likely_h = passed_h * EXPECTED_DRIFT**2 / squared if squared > 0 else math.inf
        if likely_h < valid_h or passed_h >= valid_h / 2:
            likely_h = min(max(likely_h, valid_h / 2), MOST_GROWTH * valid_h)
            self._change(node, valid_h=min(likely_h, graph.routines[node.routine].timeout_h))

    def calibrated(self, graph: Graph, node: Node, complaint: str = "") -> None:
        """Note that a node was calibrated; what it spoils becomes invalid.

        What needs it is looked at again, unless it only brings back what had drifted.
        """
        event, before = self._event(), self[node]
        back = graph.routines[node.routine].restores and before.drifted
        self._records[node] = Record(
            target=node.target,
            calibrated=event,
            changed=before.changed if back else event,
            passed=event,
            at=self.now(),
            deviation_error=before.deviation_error,
            valid_h=before.valid_h,
            unsteady=before.unsteady + before.doubtful,
            complaint=complaint,
        )
        for other in graph.spoils(node):
            self._change(other, invalid=True)

    def passed(self, node: Node, complaint: str = "") -> None:
        """Note that a node was found within specification."""
        well = {"failed": "", "doubtful": False, "drifted": False, "invalid": False, "unsteady": 0}
        self._change(node, passed=self._event(), at=self.now(), complaint=complaint, **well)

    def failed(self, node: Node, reason: str) -> None:
        """Note that the calibration of a node changed nothing, and why."""
        self._event()
        self._change(node, failed=reason or "no reason given")

    def drifted(self, node: Node, *, beyond: bool = True) -> None:
        """Note that a look has seen a node drift, beyond what is tolerated or on its way there."""
        self._change(node, doubtful=beyond, drifted=True, **({} if beyond else {"unsteady": 0}))

    def doubt(self, nodes: Iterable[Node] | None = None) -> None:
        """Note that nodes (all, if None) may not be as they were: they will be looked at."""
        for node in list(self._records) if nodes is None else nodes:
            self._change(node, doubtful=True, drifted=False)

    def restarted(self) -> None:
        """Note that the device's clock has started again, for whoever heard that."""
        self.starts, self.heard_ns = self.starts + 1, None

    def rough(self) -> list[Node]:
        """Where numbers that were right, or may have been, were made worthless and not found again yet."""
        return [
            node
            for node, known in self._records.items()
            if known.invalid and not known.failed and (known.passed or known.calibrated or self.trusts)
        ]

    def nodes(self) -> tuple[Node, ...]:
        """All that something is known of."""
        return tuple(self._records)

    def write(self) -> None:
        """Write the file, whole or not at all."""
        self._kept = self._known()
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
            "clock": {"starts": self.starts, "heard_ns": self.heard_ns},
            "calibration_id": self.calibration_id,
            "flagged": flagged,
            "records": records,
        }
        file.write(self.path, document)
        self._stamp = self._stamped()

    def back(self) -> None:
        """Know only what was known when it was read or written last."""
        self.events, flagged, records = self._kept
        self.flagged, self._records = dict(flagged), dict(records)

    def overtaken(self) -> bool:
        """Whether somebody else has written the file since it was read or written here."""
        return self._stamp != self._stamped()

    def _known(self) -> tuple[int, dict[Target, str], dict[Node, Record]]:
        return self.events, dict(self.flagged), dict(self._records)

    def _stamped(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat() if self.path is not None else None
        except OSError:
            return None
        return None if status is None else (status.st_mtime_ns, status.st_ino)

    def _event(self) -> int:
        self.events += 1
        return self.events

    def _valid_h(self, graph: Graph, node: Node) -> float:
        routine = graph.routines[node.routine]
        at_first_h = routine.timeout_h * (FIRST_SHARE if routine.restores and not routine.tells else 1.0)
        return min(self[node].valid_h or at_first_h, routine.timeout_h)

    def _change(self, node: Node, **fields: object) -> None:
        # checked, so that what is written can be read again
        self._records[node] = Record.model_validate(dict(self[node]) | fields)

    def _read(self, path: Path) -> None:
        try:
            document = json.loads(path.read_bytes())
            if document["format"] != 1:
                raise ValueError(f"format {document['format']}")
            self.events, self.calibration_id = int(document["events"]), str(document["calibration_id"])
            self.flagged = {tuple(one["target"]): str(one["reason"]) for one in document["flagged"]}
            self.starts, self.heard_ns = int(document["clock"]["starts"]), document["clock"]["heard_ns"]
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


@cache
def _unknown(target: Target) -> Record:
    """That nothing is known; asked for far more often than there are targets."""
    return Record(target=target)
