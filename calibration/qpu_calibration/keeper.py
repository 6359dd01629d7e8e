"""Monitors: between jobs, look whether the numbers still hold, and repair what does not.

A round sees to all routines on all qubits and couplers: what is fresh by its `Routine.timeout_h` costs nothing, what is stale is
looked at, what is off or failed is calibrated again. It gives way to jobs between any two schedules, and goes on in a later gap.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qpu_bridge.errors import BridgeError, Cancelled, SettingsError
from qpu_bridge.execution import Execution, Gap
from qpu_bridge.target import Snapshot, file
from qpu_bridge.target.versions import Versions
from qpu_calibration.archive import Archive
from qpu_calibration.bench import Bench
from qpu_calibration.conduct import Entry, conduct
from qpu_calibration.decide import maintain
from qpu_calibration.device_clock import read_device_clock
from qpu_calibration.graph import Graph
from qpu_calibration.ledger import LEDGER, Ledger, Moment
from qpu_calibration.log import log_lines
from qpu_calibration.step import Action, Verdict

BEGUN = "monitor.json"
"""File that says when the last round began, in the folder of a device's calibration."""

OPERATOR = "monitor"

SHARE_BESIDE_JOBS = 0.1
"""Share of the time that monitors take while jobs wait: after they have used a gap, jobs have the device nine times as long."""

SOONEST = 0.1
"""Share of `every_h` after which the next round may begin at the earliest, however fast something drifts.

An unfit device is looked at again after as long by this machine's clock: no job moves the device's own."""


class Keeper:
    """Keeps one device calibrated; see `qpu_bridge.execution.Keeper`.

    Args:
        folder: In which its calibration is kept.
        every_h: How often a round begins, in hours of the device's own clock; sooner where something is seen to drift faster.
        least_qubits: With fewer operational qubits than this, users should not have the device.
        note: Takes lines for whoever runs the bridge.
        clock: What time it is, UTC.
        graph: Of the routines; of all that are installed, if None.
        seed: For simulated devices.
        told: Told of each measurement.

    Attributes:
        shots: Played so far.
    """

    def __init__(
        self,
        folder: Path,
        every_h: float,
        least_qubits: int,
        note: Callable[[str], None],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        graph: Callable[[Snapshot], Graph] = Graph.of,
        seed: int | None = None,
        told: Callable[[Entry], None] = lambda entry: None,
    ) -> None:
        self.folder = folder
        self.shots = 0
        # a round that finds nothing to do costs one shot, and reads in the ledger when something will be
        self._every_h, self._rest_h = every_h, (SOONEST if (folder / LEDGER).exists() else 1.0) * every_h
        self._least, self._seed = least_qubits, seed
        self._note, self._clock, self._graph, self._told = note, clock, graph, told
        self._heard = Moment(utc=clock())
        self._begun = self._read_begun()
        self._round: _Round | None = None
        self._unfit = False
        self._ended = self._not_before = clock()

    def hear(self, device_ns: int) -> None:
        """The device's clock says so now, ns."""
        before = self._heard.device_ns if self._heard.device_ns is not None else self._noted_ns()
        if before is not None and device_ns < before:
            self._restarted()
        self._heard = Moment(utc=self._clock(), device_ns=device_ns)
        if self._begun is None:
            self._begin()

    def due(self) -> bool:
        """Whether a round is under way, or should begin, or the device was not heard for so long that one might."""
        now = self._clock()
        if self._round is not None or self._round_is_due():
            return True
        return (now - self._heard.utc) / timedelta(hours=1) >= self._rest_h

    def keep(self, execution: Execution, snapshot: Snapshot, gap: Gap) -> str | None:
        """Go on with the round, or begin one, until it is done or somebody wants the device."""
        began = self._clock()
        if gap.wanted() and began < self._not_before:
            return None
        try:
            return self._go_on(execution, snapshot, gap)
        except Cancelled:
            self._note("a monitor was stopped in the middle of a schedule; its round begins again later")
            self._round = None
        except BridgeError:
            # not again at once: whatever it is, the next hour may do better
            self._round = None
            self._begin()
            raise
        finally:
            now = self._clock()
            self._not_before = now + (now - began) * (1 / SHARE_BESIDE_JOBS - 1)
        return None

    def _go_on(self, execution: Execution, snapshot: Snapshot, gap: Gap) -> str | None:
        if self._round is not None and self._round.overtaken(gap):
            self._round.entries.close()
            self._round = None
        if self._round is None:
            ahead_h = SOONEST * self._every_h
            fresh = _Round(self.folder, execution, snapshot, self._graph, self._seed, ahead_h, gap)
            self.hear(read_device_clock(fresh.bench))
            if not self._round_is_due():
                return None
            self._round = fresh
        current = self._round
        for entry in current.entries:
            self._told(entry)
            if entry.action is Action.CALIBRATE or any(one.verdict is not Verdict.GOOD for one in entry.findings.values()):
                for line in log_lines(entry):
                    self._note(line)
            self.shots += entry.shots
            self.hear(current.heard_ns)
            if gap.wanted():
                return None
        self._round = None
        self._begin()
        self._rest_h = min(self._every_h, max(SOONEST * self._every_h, current.rest_h()))
        self._ended = self._clock()
        complaint = _complaint(current.bench.snapshot, self._least)
        self._unfit = bool(complaint)
        return complaint

    def _round_is_due(self) -> bool:
        if self._unfit and (self._clock() - self._ended) / timedelta(hours=1) >= SOONEST * self._every_h:
            return True
        return self._begun is not None and self._begun.hours_until(self._heard) >= self._rest_h

    def _begin(self) -> None:
        self._begun = self._heard
        self.folder.mkdir(parents=True, exist_ok=True)
        file.write(self.folder / BEGUN, {"utc": self._heard.utc.isoformat()})

    def _noted_ns(self) -> int | None:
        """What the device's clock said last when something was noted in the ledger."""
        try:
            return Ledger(self.folder / LEDGER).heard_ns
        except SettingsError:
            # who calibrates next says so
            return None

    def _restarted(self) -> None:
        """The device's clock has started again: what was noted before is as old as this machine says."""
        if self._begun is not None:
            self._begun = Moment(utc=self._begun.utc)
        if (self.folder / LEDGER).exists():
            ledger = Ledger(self.folder / LEDGER)
            ledger.restarted()
            ledger.write()

    def _read_begun(self) -> Moment | None:
        """When the last round began, by this machine's clock: that of the device may have started again."""
        try:
            return Moment(utc=datetime.fromisoformat(json.loads((self.folder / BEGUN).read_bytes())["utc"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            self._note(f"{self.folder / BEGUN} cannot be read: it is written anew")
            return None


class _Round:
    """A round that is under way, perhaps over several gaps."""

    def __init__(
        self,
        folder: Path,
        execution: Execution,
        snapshot: Snapshot,
        graph: Callable[[Snapshot], Graph],
        seed: int | None,
        ahead_h: float,
        gap: Gap,
    ) -> None:
        self.gap = gap
        self.bench = Bench(
            execution,
            snapshot,
            Versions(folder),
            Archive(folder),
            seed=seed,
            operator=OPERATOR,
            # of the gap that it is in when it is asked
            cancelled=lambda: self.gap.over(),
            figures=False,
        )
        self._graph, self._ledger = graph(self.bench.snapshot), Ledger(folder / LEDGER)
        steps = maintain(self._graph, self._ledger, self._graph.nodes(), trust=True, ahead_h=ahead_h)
        self.entries: Generator[Entry, None, None] = conduct(self.bench, self._graph, self._ledger, steps)

    @property
    def heard_ns(self) -> int:
        """The device's clock, ns."""
        assert self.bench.execution.device_ns is not None
        return self.bench.execution.device_ns

    def rest_h(self) -> float:
        """When something may be out of specification again, in hours of device time."""
        return self._ledger.rest_h(self._graph)

    def overtaken(self, gap: Gap) -> bool:
        """Whether somebody else has calibrated since it was left; if not, it goes on in this gap."""
        self.gap = gap
        return self.bench.overtaken() or self._ledger.overtaken()


def _complaint(snapshot: Snapshot, least: int) -> str:
    well = sum(qubit.operational for qubit in snapshot.qubits)
    if well >= least:
        return ""
    return f"{well} of {len(snapshot.qubits)} qubits are operational, and {least} must be"
