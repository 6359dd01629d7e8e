"""The only I/O: a Qblox cluster, the vendor's dummy of one, or q1simulator's, behind a few verbs.

The vendor's package is imported when an instrument is opened and not before. Its calls run an event loop that only one thread
may drive, so all of them are made under one lock; the lock is held for a call, never for as long as a program plays.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager
from itertools import count
from tempfile import TemporaryDirectory
from threading import Event, RLock
from typing import Any

import numpy as np

from qpu_bridge.errors import Cancelled, DriverFault, SettingsError
from qpu_drivers.qblox.acquired import Acquired, Bins
from qpu_drivers.qblox.answers import tell_dummy, tell_simulator
from qpu_drivers.qblox.parameters import (
    Parameters,
    Wires,
    module_parameters,
    places,
    sequencer_parameters,
    silent_module_parameters,
    silent_sequencer_parameters,
)
from qpu_drivers.qblox.program import Place, Program, SequencerProgram, acquisition_name
from qpu_drivers.qblox.rack import DUMMY, SIMULATOR, Rack
from qpu_drivers.qblox.vendor import close_cluster, open_cluster, source

_log = logging.getLogger(__name__)
_POLL_S = 0.002
"""Between two looks at a running sequencer."""
_numbers = count()


class Instrument:
    """A cluster, tuned as the rack says.

    Args:
        rack: The rack.
        device: Name of the device, for messages.

    Raises:
        SettingsError: If the vendor's package is not there, or modules are not what the rack says.
        DriverFault: If the cluster cannot be reached, or refuses a setting.
    """

    def __init__(self, rack: Rack, device: str) -> None:
        self._rack, self._device = rack, device
        self._lock = RLock()
        self._room = TemporaryDirectory(prefix="qblox-")
        self._set: dict[tuple[int, int | None, str], object] = {}
        self._uploaded: dict[Place, SequencerProgram] = {}
        self._started_ns = 0
        self._open = True
        with ExitStack() as undo:
            undo.callback(self._room.cleanup)
            with self._speaking("open"):
                self.cluster = open_cluster(rack, f"{device}_{next(_numbers)}")
                undo.callback(close_cluster, self.cluster)
                self.source = source(self.cluster, rack)
                self._tune()
            undo.pop_all()

    def start(self, program: Program, wires: Mapping[Place, Wires]) -> None:
        """Upload what differs from what is there, arm, and start; returns at once.

        Args:
            program: What to play.
            wires: Sequencer -> the lines that it emits on and listens to.

        Raises:
            DriverFault: If a sequence or a setting is refused, with the sequencer.
        """
        used = {sequencer.place for sequencer in program.sequencers}
        with self._speaking("start"):
            for slot, number in places(self._rack):
                if (slot, number) not in used:
                    with self._at((slot, number)):
                        self._configure(slot, number, silent_sequencer_parameters(self._rack.modules[slot]))
            self._tune()
            for sequencer in program.sequencers:
                with self._at(sequencer.place):
                    self._prepare(sequencer, wires[sequencer.place])
            if self._rack.answers == "formula":
                if self._rack.instrument == DUMMY:
                    tell_dummy(self.cluster, program)
                elif self._rack.instrument == SIMULATOR:
                    tell_simulator(self.cluster, program)
            for sequencer in program.sequencers:
                self._sequencer(sequencer.place).arm_sequencer()
            self._started_ns = time.monotonic_ns()
            for sequencer in program.sequencers:
                self._sequencer(sequencer.place).start_sequencer()

    def finish(self, program: Program, stop: Event) -> Acquired:
        """Wait until the program has ended, and fetch what was acquired.

        Args:
            program: What `start` was given.
            stop: Set by another thread to end it early.

        Raises:
            Cancelled: If it was ended early; who hears that stops all sequencers (`stop`), as after a fault.
            DriverFault: If a sequencer reports an error or does not end in time, with its place and flags.
        """
        ends = time.monotonic() + program.duration * 1e-9 + self._rack.timeout_s
        if not self._rack.simulated:
            stop.wait(program.duration * 1e-9)
        waiting = [sequencer.place for sequencer in program.sequencers]
        while waiting := [place for place in waiting if self._running(place)]:
            if time.monotonic() > ends:
                raise DriverFault(
                    f"a program of {program.duration * 1e-9:g} s must end within {self._rack.timeout_s:g} s after that",
                    given=f"{len(waiting)} sequencers that run",
                    where=", ".join(map(_named, waiting)),
                )
            if stop.wait(_POLL_S):
                break
        if stop.is_set():
            raise Cancelled("a run must not be aborted to give all of its rows", given="aborted")
        stopped_ns = time.monotonic_ns()
        with self._speaking("fetch"):
            fetched = [self._fetch(sequencer) for sequencer in program.sequencers if sequencer.acquisitions]
        bins = {(place, index): one for place, found, _ in fetched for index, one in found.items()}
        traces = {place: trace for place, _, trace in fetched if trace is not None}
        return Acquired(bins, traces, self._started_ns, stopped_ns)

    def answers(self) -> bool:
        """Whether the cluster that was opened still answers: after a cable was pulled, the connection does not come back."""
        if not self._open:
            return False
        try:
            with self._speaking("look"):
                return source(self.cluster, self._rack) == self.source
        except DriverFault:
            return False

    def stop(self) -> None:
        """Stop all sequencers and take them off the outputs; oscillators and static levels stay."""
        with self._speaking("stop"):
            if self._open:
                self._silence({})

    def close(self) -> None:
        """Silence everything: sequencers, switches, oscillators, levels. Let go of the cluster. May be called twice."""
        with self._lock:
            if not self._open:
                return
            self._open = False
            try:
                with self._speaking("silence"):
                    self._silence({slot: silent_module_parameters(self._rack, slot) for slot in self._rack.modules})
                _log.info("outputs of %s are silent", self._device)
            finally:
                with self._speaking("close"):
                    close_cluster(self.cluster)
                self._room.cleanup()

    def _tune(self) -> None:
        for slot in self._rack.modules:
            with self._at((slot, None)):
                self._configure(slot, None, module_parameters(self._rack, slot))

    def _prepare(self, sequencer: SequencerProgram, wires: Wires) -> None:
        slot, number = sequencer.place
        one, before = self._sequencer(sequencer.place), self._uploaded.pop(sequencer.place, None)
        self._configure(slot, number, sequencer_parameters(self._rack, sequencer, wires))
        if sequencer.settings.scope:
            self._configure(slot, None, {"scope_acq_sequencer_select": number})
        parts = sequencer.sequence
        if before is not None:
            known = before.sequence
            parts = {part: found for part, found in parts.items() if found != known[part]}
        if parts:
            one.update_sequence(erase_existing=True, **parts)
        if sequencer.acquisitions and "acquisitions" not in parts:
            one.delete_acquisition_data(all=True)
        if sequencer.registers:
            one.set_registers({f"R{register}": value for register, value in sequencer.registers.items()})
        self._uploaded[sequencer.place] = sequencer

    def _fetch(self, sequencer: SequencerProgram) -> tuple[Place, dict[int, Bins], Any]:
        with self._at(sequencer.place):
            one = self._sequencer(sequencer.place)
            if sequencer.settings.scope:
                one.store_scope_acquisition(acquisition_name(0))
            found = one.get_acquisitions(as_numpy=True)
            bins = {
                index: _bins(found[acquisition_name(index)]["acquisition"]["bins"])
                for index in range(len(sequencer.acquisitions))
            }
            trace = None
            if sequencer.settings.scope:
                scope = found[acquisition_name(0)]["acquisition"]["scope"]
                trace = np.asarray(scope["path0"]["data"]) + 1j * np.asarray(scope["path1"]["data"])
            return sequencer.place, bins, trace

    def _running(self, place: Place) -> bool:
        """Whether a sequencer has not ended, or its acquisitions are not all in their bins."""
        with self._speaking("status"), self._at(place):
            status: Any = self._sequencer(place).get_sequencer_status()
        flags = {flag.name: str(flag.value) for flag in status.err_flags}
        stopped = status.state.name == "STOPPED"
        # before, the exit code is nobody's: -1 in q1simulator
        if flags or str(status.status) == "ERROR" or (stopped and status.exit_code):
            said = "; ".join(f"{name} ({text})" for name, text in flags.items()) or str(status)
            raise DriverFault("a sequencer must play its program to the end", given=said, where=_named(place))
        if not stopped:
            return True
        acquires = self._uploaded[place].acquisitions
        return bool(acquires) and "ACQ_BINNING_DONE" not in {flag.name for flag in status.info_flags}

    def _silence(self, modules: Mapping[int, Parameters]) -> None:
        """Silence all sequencers, then these modules. What one refuses keeps no other one on; a cluster that is gone ends it."""
        refused: list[Exception] = []

        def attempt(act: Callable[..., None], *given: Any) -> None:
            try:
                act(*given)
            except OSError:
                raise
            except Exception as error:  # noqa: BLE001  whatever it is, others must be silenced; it is raised behind them
                refused.append(error)

        for place in places(self._rack):
            attempt(self._sequencer(place).stop_sequencer)
        for slot, number in places(self._rack):
            for name, value in silent_sequencer_parameters(self._rack.modules[slot]).items():
                attempt(self._configure, slot, number, {name: value})
        for slot, wanted in modules.items():
            for name, value in wanted.items():
                attempt(self._configure, slot, None, {name: value})
        if refused:
            raise refused[0]

    def _configure(self, slot: int, number: int | None, wanted: Parameters) -> None:
        """Set what is not yet so."""
        module = self.cluster.modules[slot - 1]
        target = module if number is None else module.sequencers[number]
        for name, value in wanted.items():
            key = (slot, number, name)
            if key not in self._set or self._set[key] != value:
                # forgotten first: a setting that fails is not known any more
                self._set.pop(key, None)
                target.parameters[name].set(value)
                self._set[key] = value

    def _sequencer(self, place: Place) -> Any:
        return self.cluster.modules[place[0] - 1].sequencers[place[1]]

    @contextmanager
    def _speaking(self, what: str) -> Iterator[None]:
        """One call at a time, where the dummy's files hurt nobody, and with errors as faults of this driver."""
        with self._lock, _elsewhere(self._rack, self._room.name), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the vendor's remarks on its own interface
            try:
                yield
            except (DriverFault, SettingsError, Cancelled):
                raise
            except Exception as error:
                raise DriverFault(
                    f"the instrument must do what it is told ({what})",
                    given=f"{type(error).__name__}: {error}"[:500],
                    where=self._device,
                ) from error

    @contextmanager
    def _at(self, place: tuple[int, int | None]) -> Iterator[None]:
        """Say which sequencer refused something, and what the assembler said."""
        try:
            yield
        except DriverFault:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            if "ssembl" in said and self._rack.instrument != SIMULATOR:
                log = self.cluster.modules[place[0] - 1].get_assembler_log()
                said = "; ".join(line for line in log.splitlines() if "rror" in line or "GLIBC" in line) or said
            raise DriverFault("an instrument must take what it is given", given=said[:1000], where=_named(place)) from error


def _bins(found: Mapping[str, Any]) -> Bins:
    paths = found["integration"]
    counts = np.nan_to_num(np.asarray(found["avg_cnt"], np.float64)).astype(np.int64)
    sums = np.asarray(paths["path0"], np.float64) + 1j * np.asarray(paths["path1"], np.float64)
    there = counts > 0
    return Bins(np.where(there, sums, 0), np.where(there, np.asarray(found["threshold"], np.float64), 0), counts)


def _named(place: tuple[int, int | None]) -> str:
    return f"slot {place[0]}" + ("" if place[1] is None else f" sequencer {place[1]}")


_FOLDER = RLock()


@contextmanager
def _elsewhere(rack: Rack, folder: str) -> Iterator[None]:
    """The vendor's dummy writes ``tmp.q1asm`` where the process is: let that be a folder of its own, for one at a time."""
    if rack.instrument != DUMMY:
        yield
        return
    with _FOLDER, chdir(folder):
        yield
