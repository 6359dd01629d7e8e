"""The driver of Qblox clusters: the contract (`qpu_bridge.driver`), and nothing else."""

from __future__ import annotations

import atexit
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from threading import Event

from qpu_bridge.driver import Capabilities, Chunk, Finding, Run, State, Status, check_rep_delay, check_run
from qpu_bridge.errors import DriverFault
from qpu_bridge.schedule import Schedule
from qpu_bridge.schedule.check import check
from qpu_bridge.target import Snapshot
from qpu_drivers.qblox.capabilities import limits
from qpu_drivers.qblox.instrument import Instrument
from qpu_drivers.qblox.playing import Playing, chunks
from qpu_drivers.qblox.rack import Rack

_log = logging.getLogger(__name__)
KEPT = 64
"""Templates that are kept."""


class QbloxDriver:
    """A cluster of QCM, QRM, QCM-RF and QRM-RF modules, or a dummy of one."""

    def __init__(self, device: str, snapshot: Snapshot, options: Mapping[str, object]) -> None:
        self._device, self._rack = device, Rack.read(options, device)
        allowed = limits(self._rack, snapshot)
        self._instrument = Instrument(self._rack, device)
        self._capabilities = Capabilities(
            device=device,
            driver="qblox",
            version=version("qpu-bridge"),
            simulated=self._rack.simulated,
            source=self._instrument.source,
            sign=-1,
            limits=allowed,
        )
        self._held: OrderedDict[bytes, Playing] = OrderedDict()
        self._stop: Event | None = None
        self._fault = ""
        # a process that ends without closing its drivers leaves no outputs on
        atexit.register(self.close)

    @classmethod
    def check(cls, device: str, snapshot: Snapshot, options: Mapping[str, object]) -> Iterator[Finding]:
        """What ``qpu-bridge driver qblox --check`` says; nothing is set or played."""
        from qpu_drivers.qblox.check import findings

        return findings(device, snapshot, options)

    def capabilities(self) -> Capabilities:
        """See `Driver.capabilities`."""
        return self._capabilities

    def load(self, schedule: Schedule) -> None:
        """See `Driver.load`."""
        if schedule.digest in self._held:
            self._held.move_to_end(schedule.digest)
            return
        check(schedule, self._capabilities.limits)
        self._held[schedule.digest] = Playing.of(schedule, self._rack)
        if len(self._held) > KEPT:
            self._held.popitem(last=False)

    def run(self, run: Run) -> Iterator[Chunk]:
        """See `Driver.run`."""
        playing = self._held.get(run.digest)
        check_run(None if playing is None else playing.schedule, run, self._capabilities)
        assert playing is not None
        wait = round(check_rep_delay(run.rep_delay_s, self._capabilities.limits) * 1e9)
        if self._fault:
            self._open_again()
        self._stop, self._fault = (stop := Event()), ""
        try:
            yield from chunks(playing, run.table, run.shots, wait, self._instrument, stop)
        except BaseException as error:
            self._fault = error.sentence if isinstance(error, DriverFault) else ""
            # also when nobody reads on
            self._silence()
            raise
        finally:
            self._stop = None

    def abort(self) -> None:
        """See `Driver.abort`."""
        if (stop := self._stop) is not None:
            stop.set()
            self._instrument.stop()

    def status(self) -> Status:
        """See `Driver.status`."""
        state = State.RUNNING if self._stop is not None else State.FAULTED if self._fault else State.IDLE
        return Status(state=state, message=self._fault, loaded=tuple(digest.hex() for digest in list(self._held)))

    def close(self) -> None:
        """See `Driver.close`."""
        atexit.unregister(self.close)
        if (stop := self._stop) is not None:
            stop.set()
        self._instrument.close()
        self._held.clear()

    def _silence(self) -> None:
        """Stop the sequencers; if that fails too, what went wrong before is what is told."""
        try:
            self._instrument.stop()
        except DriverFault as error:
            _log.error("%s", error.sentence)
            self._fault = self._fault or error.sentence

    def _open_again(self) -> None:
        """After a fault: a cluster that is gone is opened anew, if it is back."""
        if self._instrument.answers():
            return
        with suppress(DriverFault):
            self._instrument.close()
        self._instrument = Instrument(self._rack, self._device)
        _log.warning("%s was opened again", self._device)
