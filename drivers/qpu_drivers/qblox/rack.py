"""What the rack file says of a Qblox cluster: which modules, which socket is which line, and how they are tuned.

The options of the device are this document, so a rack file holds it as ``[devices.NAME.options]`` and tables below; README.md
has a whole one. Names of lines are those of the snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from qpu_bridge.errors import SettingsError

SLOTS = 20
"""Slots of a cluster."""
ADDRESSES = 15
"""Addresses of the trigger network, from 1."""
DUMMY, SIMULATOR = "dummy", "simulator"


class ModuleKind(StrEnum):
    """Kinds of modules that this driver plays on."""

    QCM = "QCM"
    QRM = "QRM"
    QCM_RF = "QCM-RF"
    QRM_RF = "QRM-RF"

    @property
    def rf(self) -> bool:
        """Whether it has mixers and oscillators of its own; each output is then an I/Q pair."""
        return self in (ModuleKind.QCM_RF, ModuleKind.QRM_RF)

    @property
    def readout(self) -> bool:
        """Whether it has inputs."""
        return self in (ModuleKind.QRM, ModuleKind.QRM_RF)

    @property
    def outputs(self) -> int:
        """Sockets that emit."""
        return {ModuleKind.QCM: 4, ModuleKind.QRM: 2, ModuleKind.QCM_RF: 2, ModuleKind.QRM_RF: 1}[self]

    @property
    def inputs(self) -> int:
        """Sockets that listen."""
        return {ModuleKind.QRM: 2, ModuleKind.QRM_RF: 1}.get(self, 0)


class Entry(BaseModel):
    """A table of the options: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Sockets = Annotated[tuple[int, ...], BeforeValidator(lambda given: (given,) if isinstance(given, int) else given)]


class Mixer(Entry):
    """Corrections of an I/Q mixer at one line.

    Attributes:
        gain_ratio: Amplitude of path Q over that of path I.
        phase_degrees: Phase of path Q against path I, degrees.
        offset_volts: Levels added to I and Q against the leakage of the oscillator, V.
    """

    gain_ratio: float = Field(1.0, ge=0.5, le=2)
    phase_degrees: float = Field(0.0, ge=-45, le=45)
    offset_volts: tuple[float, float] = (0.0, 0.0)


class Line(Entry):
    """``wiring.NAME``: where a line of the snapshot is plugged in.

    Attributes:
        slot: Slot of the module, from 1.
        output: Its output: one number; of a baseband module that drives a mixer, the numbers of I and Q.
        input: Its input, in the same way.
        lo: Oscillator of an RF module, Hz, a whole number. An output and the input of the same QRM-RF share it.
        external_lo: Oscillator of a mixer outside of a baseband module, Hz; nobody here sets it. 0 means no mixer.
        attenuation: Of an RF output (0 to 60 dB) or input (0 to 30 dB), in steps of 2 dB.
        gain: Of baseband inputs, dB.
        offset_volts: Level added to a baseband output that has no mixer (a flux bias), V.
        mixer: Corrections of the mixer.
        time_of_flight: From an output to this input and through it, ns; captures begin so much later than the schedule says.
        phase_delay: What the carrier is delayed on its way, beyond the module's own 146 ns, ns.
    """

    slot: int = Field(ge=1, le=SLOTS)
    output: Sockets | None = None
    input: Sockets | None = None
    lo: int | None = Field(None, ge=2_000_000_000, le=18_000_000_000)
    external_lo: float | None = Field(None, ge=0, le=50e9)
    attenuation: int = Field(0, ge=0, le=60, multiple_of=2)
    gain: int = Field(0, ge=-6, le=26)
    offset_volts: float = Field(0.0, ge=-2.5, le=2.5)
    mixer: Mixer = Mixer()
    time_of_flight: int = Field(0, ge=0, le=10_000)
    phase_delay: int = Field(0, ge=-50, le=109)

    @property
    def sockets(self) -> tuple[int, ...]:
        """Numbers of its outputs, or of its inputs."""
        return self.output or self.input or ()

    @property
    def listens(self) -> bool:
        """Whether it is an input."""
        return self.output is None


class Trigger(Entry):
    """``trigger``: the network that carries measured bits to the other sequencers.

    Attributes:
        addresses: Which of its 15 addresses this device may use.
        latency: From the end of an acquisition until all sequencers know its bit, ns; the manual says 364.
    """

    addresses: tuple[Annotated[int, Field(ge=1, le=ADDRESSES)], ...] = tuple(range(1, ADDRESSES + 1))
    latency: int = Field(364, ge=364, le=10_000)


class Rack(Entry):
    """The options of a device with driver ``qblox``.

    Attributes:
        instrument: Address or name of the cluster; ``dummy`` is the vendor's, which plays nothing; ``simulator`` is q1simulator,
            where that is installed.
        modules: Slot -> kind of module.
        wiring: Line of the snapshot -> socket.
        reference: Clock: the cluster's own, or 10 MHz from outside.
        trigger: The trigger network.
        timeout_s: Beyond the time that a program takes by itself, how long to wait for its end, s.
        answers: What the dummy and the simulator answer: ``formula`` (see `answers.py`) or ``nothing``.
    """

    instrument: str = Field(min_length=1)
    modules: dict[Annotated[int, Field(ge=1, le=SLOTS)], ModuleKind] = Field(min_length=1)
    wiring: dict[str, Line] = Field(min_length=1)
    reference: Literal["internal", "external"] = "internal"
    trigger: Trigger = Trigger()
    timeout_s: float = Field(10.0, gt=0, le=3600)
    answers: Literal["formula", "nothing"] = "formula"

    @classmethod
    def read(cls, options: Mapping[str, object], device: str) -> Rack:
        """Check the options of a device.

        Raises:
            SettingsError: With the path of the entry that is wrong, what must hold, and what was given.
        """
        root = f"devices.{device}.options"
        try:
            rack = cls.model_validate(dict(options))
        except ValidationError as error:
            wrong = [_fault(dict(fault)) for fault in error.errors(include_url=False)]
        else:
            wrong = list(rack._faults())
            if not wrong:
                return rack
        (where, must, given), *others = wrong
        more = "; ".join(f"{place}: {rule}; got {was}" for place, rule, was in others[:4])
        raise SettingsError(must, given=given, where=f"{root}.{where}", remedy=f"Also: {more}." if more else "")

    @property
    def simulated(self) -> bool:
        """Whether no physical instrument is behind it."""
        return self.instrument in (DUMMY, SIMULATOR)

    def kind(self, line: str) -> ModuleKind:
        """Module of a line."""
        return self.modules[self.wiring[line].slot]

    def oscillator(self, line: str) -> float:
        """What is added to a line's intermediate frequency, Hz: of its RF module, of a mixer outside, or 0."""
        spec = self.wiring[line]
        if not self.kind(line).rf:
            return spec.external_lo or 0.0
        shared = [other.lo for other in self.wiring.values() if other.slot == spec.slot and other.lo is not None]
        return float(spec.lo if spec.lo is not None else shared[0])

    def _faults(self) -> Iterator[tuple[str, str, object]]:
        """Path, what must hold, what was given: of everything that fields alone cannot say."""
        taken: dict[tuple[int, str, int], str] = {}
        for name, line in self.wiring.items():
            where = f"wiring.{name}"
            if line.slot not in self.modules:
                there = ", ".join(map(str, sorted(self.modules)))
                yield f"{where}.slot", f"a line's slot must hold a module (those with one: {there})", line.slot
                continue
            if (line.output is None) == (line.input is None):
                yield where, "a line must have either an output or an input", "both" if line.output is not None else "neither"
                continue
            kind, side = self.modules[line.slot], "input" if line.listens else "output"
            yield from self._sockets(f"{where}.{side}", line, kind)
            for socket in line.sockets:
                other = taken.setdefault((line.slot, side, socket), name)
                if other != name:
                    yield f"{where}.{side}", "a socket must belong to one line", f"{socket}, which is line {other}"
            yield from self._tuning(where, line, kind)
        if "answers" in self.model_fields_set and not self.simulated:
            yield "answers", "only a dummy or a simulator must be told its answers", self.answers
        if len(set(self.trigger.addresses)) < len(self.trigger.addresses):
            yield "trigger.addresses", "an address must stand once", ", ".join(map(str, self.trigger.addresses))

    @staticmethod
    def _sockets(where: str, line: Line, kind: ModuleKind) -> Iterator[tuple[str, str, object]]:
        count = kind.inputs if line.listens else kind.outputs
        given = ", ".join(map(str, line.sockets)) or "none"
        if not count:
            yield where, "a module with inputs must be a QRM or QRM-RF", f"{kind} in slot {line.slot}"
        elif not all(0 <= socket < count for socket in line.sockets):
            yield where, f"a socket of this side of a {kind} must be from 0 to {count - 1}", given
        elif kind.rf and len(line.sockets) != 1:
            yield where, f"a line of a {kind} must have one socket, which is I and Q", given
        elif not kind.rf and (len(line.sockets) not in (1, 2) or len(set(line.sockets)) < len(line.sockets)):
            yield where, f"a line of a {kind} must have one socket, or two different ones for I and Q", given

    def _tuning(self, where: str, line: Line, kind: ModuleKind) -> Iterator[tuple[str, str, object]]:
        beside = [other.lo for other in self.wiring.values() if other.slot == line.slot and other.lo is not None]
        if kind.rf and line.lo is None and not (kind is ModuleKind.QRM_RF and beside):
            yield f"{where}.lo", f"a line of a {kind} must have the frequency of its oscillator", "none"
        if kind is ModuleKind.QRM_RF and len(set(beside)) > 1:
            yield f"{where}.lo", "output and input of a QRM-RF must have one oscillator", " and ".join(map(str, beside))
        most = 30 if line.listens else 60
        allowed: dict[str, tuple[bool, str]] = {
            "lo": (kind.rf, "only lines of RF modules have an oscillator of their own; a mixer outside has external_lo"),
            "external_lo": (not kind.rf and len(line.sockets) == 2, "only an I/Q pair of a baseband module has a mixer outside"),
            "attenuation": (
                kind.rf and line.attenuation <= most,
                f"only RF lines attenuate, inputs up to 30 dB, by at most {most}",
            ),
            "gain": (not kind.rf and line.listens, "only inputs of a QRM have gain"),
            "mixer": (not line.listens and (kind.rf or len(line.sockets) == 2), "only outputs with a mixer are corrected"),
            "offset_volts": (
                not kind.rf and not line.listens and len(line.sockets) == 1 and abs(line.offset_volts) <= _volts(kind)[1],
                f"only single outputs of baseband modules have an offset, of at most {_volts(kind)[1]} V",
            ),
            "time_of_flight": (line.listens, "only inputs have a time of flight"),
            "phase_delay": (line.listens, "only inputs have a delay of the carrier"),
        }
        for field, (good, must) in allowed.items():
            if not good and field in line.model_fields_set and getattr(line, field) is not None:
                yield f"{where}.{field}", must, getattr(line, field)
        low, high = _volts(kind)
        if not all(low <= volts <= high for volts in line.mixer.offset_volts):
            yield f"{where}.mixer.offset_volts", f"offsets of a {kind} must be from {low} to {high} V", line.mixer.offset_volts


def _volts(kind: ModuleKind) -> tuple[float, float]:
    """Range of an output's offset, V."""
    if kind.rf:
        return (-0.084, 0.073)
    return (-2.5, 2.5) if kind is ModuleKind.QCM else (-0.5, 0.5)


def _fault(fault: dict[str, Any]) -> tuple[str, str, object]:
    """A fault that pydantic found: path, what must hold, what was given."""
    where = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    if fault["type"] == "extra_forbidden":
        return where, "an entry must be one that driver qblox knows", fault["loc"][-1]
    if fault["type"] == "missing":
        return where, "the entry must be there", "nothing"
    if fault["type"] == "enum":
        return where, "a module must be a QCM, QRM, QCM-RF or QRM-RF; others are not played by this driver", fault["input"]
    said = str(fault["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    return where, f"the entry must be {said}", str(fault["input"])[:100]
