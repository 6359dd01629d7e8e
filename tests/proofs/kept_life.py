"""How a device lives for a day: it ages, monitors have gaps, and a user's jobs come at some moments."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.target import GateSpec, PulseSpec, Snapshot
from qpu_bridge.target.versions import Versions
from qpu_calibration import catalog
from qpu_calibration.bench import Bench
from qpu_calibration.conduct import conduct
from qpu_calibration.decide import maintain
from qpu_calibration.edit import with_frequency
from qpu_calibration.graph import Graph
from qpu_calibration.keeper import OPERATOR, Keeper
from qpu_calibration.ledger import LEDGER, Ledger
from qpu_emulator import five
from qpu_emulator.chip.device import Device
from qpu_emulator.chip.drift import at
from tests.calibration.late import Late
from tests.proofs.kept_day import Day
from tests.proofs.user import Errors, User

MONTHLY = {"rb_simultaneous", "rb2_simultaneous"}
"""Routines that change no number and are looked at once a month: left out, so that they do not make dearer the full calibration
with which the monitors are compared."""

BESIDE = 6
"""So many-th of a day's jobs is played with the numbers of hour 0 as well."""


APART = 2**32
"""Between the seeds of two calibrations: each schedule takes the next one, and side by side both would draw the same noise."""


class _Quiet:
    """A gap in which no job waits."""

    def free(self) -> bool:
        return True

    def wanted(self) -> bool:
        return False

    def over(self) -> bool:
        return False


def right(first: Snapshot, truth: Device, hours: float) -> Snapshot:
    """The numbers of hour 0, moved as the truth has moved since: carriers, and all that drive lines play."""
    weaker: dict[str, float] = {}
    for qubit, (then, now) in enumerate(zip(truth.transmons, at(truth, hours).transmons, strict=True)):
        weaker |= {port: rabi / now.rabi[port] for port, rabi in then.rabi.items()}
        first = with_frequency(first, qubit, first.qubits[qubit].frequency + now.frequency - then.frequency)
    ports = {frame.name: frame.port for frame in first.frames}

    def moved(pulse: PulseSpec) -> PulseSpec:
        level = pulse.amplitude
        # the user plays no gate of any angle
        return (
            pulse.model_copy(update={"amplitude": level * weaker.get(ports[pulse.frame], 1.0)})
            if isinstance(level, float)
            else pulse
        )

    def adjusted(gate: GateSpec) -> GateSpec:
        return gate.model_copy(update={"pulses": tuple(moved(pulse) for pulse in gate.pulses)})

    return first.model_copy(update={"gates": tuple(adjusted(gate) for gate in first.gates)})


def routines(snapshot: Snapshot) -> Graph:
    """All that are installed, but for those of a month."""
    return Graph.of(snapshot, [name for name in catalog.names() if name not in MONTHLY])


@contextmanager
def switched_on(device: Device, family: ModuleType, before_ns: int = 0) -> Iterator[Late]:
    """The device in a driver whose time the proof moves on; its clock says ``before_ns`` at first."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.json"
        device.write(path)
        driver = open_driver("emulator", device.name, family.snapshot(), {"truth": str(path)})
    try:
        yield Late(driver, before_ns=before_ns)
    finally:
        driver.close()


@dataclass
class Fresh:
    """A device that is fully calibrated, at hour 0: nothing has wandered yet.

    Attributes:
        folder: Of its calibration.
        seed: Of the shots, and of the user's circuits.
        graph: Of the routines.
        user: Who plays jobs.
        family: Which of the built-in devices.
        shots: That the calibration took.
        errors: What the user finds then.
        device_ns: What the device's clock says then.
    """

    folder: Path
    seed: int
    graph: Callable[[Snapshot], Graph] = routines
    user: User = field(default_factory=User)
    family: ModuleType = five
    shots: int = 0
    errors: Errors = field(default_factory=dict)
    device_ns: int = 0

    def __post_init__(self) -> None:
        with switched_on(self.family.device().model_copy(update={"seed": self.seed}), self.family) as late:
            bench = calibrated(late, self.family.snapshot(), self.graph, self.seed, self.folder)
            self.shots = late.shots
            self.errors = self.user.errors(late, bench.snapshot, self.seed)
            assert bench.execution.device_ns is not None
            self.device_ns = bench.execution.device_ns


def calibrated(late: Late, snapshot: Snapshot, graph: Callable[[Snapshot], Graph], seed: int, folder: Path) -> Bench:
    """Calibrate everything, whatever is known, and keep it in a folder."""
    bench = Bench(Execution(late, late.capabilities()), snapshot, Versions(folder), seed=seed, figures=False)
    made, ledger = graph(bench.snapshot), Ledger(folder / LEDGER)
    for _ in conduct(bench, made, ledger, maintain(made, ledger, made.nodes())):
        pass
    return bench


def lived(truth: Device, fresh: Fresh, gaps: Sequence[float], jobs: Sequence[float], again: bool = False) -> Day:
    """A day.

    Args:
        truth: The device; its seed is that of the fresh one.
        fresh: How it begins; that stays as it is.
        gaps: Hours at which monitors may use a gap, if they are due.
        jobs: After which of them a user's jobs come.
        again: Whether to calibrate everything anew after the last, to see what that reaches.
    """
    user, seed = fresh.user, fresh.seed
    day = Day(fresh.shots)
    day.errors[0.0] = fresh.errors
    now = datetime.now(UTC)

    with tempfile.TemporaryDirectory() as room, switched_on(truth, fresh.family, fresh.device_ns) as late:
        folder = Path(shutil.copytree(fresh.folder, room, dirs_exist_ok=True))
        versions = Versions(folder)
        first = _current(versions)
        keeper = Keeper(
            folder,
            1.0,
            1,
            lambda line: None,
            clock=lambda: now + timedelta(hours=late.hours),
            graph=fresh.graph,
            seed=seed + APART,
            told=lambda entry: day.entries.append((late.hours, entry)),
        )
        keeper.hear(fresh.device_ns)
        for hour in gaps:
            late.hours = hour
            if keeper.due():
                before, history = late.shots, len(versions.history())
                keeper.keep(Execution(late, late.capabilities()), _current(versions), _Quiet())
                day.kept[hour] = late.shots - before
                made = versions.history()[: len(versions.history()) - history]
                assert all(known.operator == OPERATOR for known in made)
                day.repaired[hour] = [f"{known.routine} {known.targets}" for known in reversed(made)]
            if hour in jobs:
                current = _current(versions)
                day.errors[hour] = user.errors(late, current, seed)
                day.best[hour] = user.errors(late, right(first, truth, hour), seed)
                hidden = at(truth, hour).transmons
                day.t1[hour] = [q.t1 / there.t1 for q, there in zip(current.qubits, hidden, strict=True) if there.t1]
                if jobs.index(hour) % BESIDE == BESIDE - 1:
                    day.control[hour] = user.errors(late, first, seed)
                if again and hour == jobs[-1]:
                    day.anew[hour] = _anew(truth, fresh, first, hour)
    return day


def _anew(truth: Device, fresh: Fresh, first: Snapshot, hour: float) -> Errors:
    """What a user finds after another full calibration, on a driver of its own: its time is none of the day's."""
    with tempfile.TemporaryDirectory() as folder, switched_on(truth, fresh.family) as late:
        late.hours = hour
        made = calibrated(late, first, fresh.graph, fresh.seed + 2 * APART, Path(folder)).snapshot
        return fresh.user.errors(late, made, fresh.seed)


def _current(versions: Versions) -> Snapshot:
    found = versions.current()
    assert found is not None
    return found
