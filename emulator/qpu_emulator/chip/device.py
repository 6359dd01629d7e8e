"""The hidden truth: what the emulated chip is, as one file that no user of the driver ever sees."""

from __future__ import annotations

import cmath
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Document
from qpu_emulator.chip.line import Line
from qpu_emulator.chip.wander import Defect, Wander


class Transmon(Document):
    """A transmon.

    Attributes:
        frequency: f01 in Hz, dressed, all neighbours in their ground state, couplers at rest.
        anharmonicity: f12 - f01 in Hz, negative.
        rabi: Port -> Rabi frequency in Hz per unit of amplitude (H/h = rabi/2 (z a+ + z* a)).
        t1: Relaxation time in s (sum of the two rates), None = no relaxation.
        t2: Decay time in s of a coherence under white noise and relaxation, at most twice t1; None = no white dephasing.
        quasi_static: Standard deviation in Hz of a detuning that is constant within a shot.
        shared: The same of what adds to it from one source for all transmons; of another sign, it moves the other way.
        one_over_f: Amplitude A in Hz of detuning noise with a spectrum A^2/f over the device's `noise_band`.
        thermal: Equilibrium population of the excited state.
        wander: How it drifts, None = it does not.
        defects: Two-level systems that jump in and out of its reach, at most 64; the numbers above hold without any.
    """

    frequency: float = Field(gt=1e6)
    anharmonicity: float = Field(lt=0)
    rabi: dict[str, float] = Field(min_length=1)
    t1: float | None = Field(None, gt=0)
    t2: float | None = Field(None, gt=0)
    quasi_static: float = Field(0.0, ge=0)
    shared: float = 0.0
    one_over_f: float = Field(0.0, ge=0)
    thermal: float = Field(0.0, ge=0, lt=0.5)
    wander: Wander | None = None
    defects: tuple[Defect, ...] = Field((), max_length=64)

    @model_validator(mode="after")
    def _white_noise_cannot_beat_relaxation(self) -> Self:
        if self.t1 is not None and self.t2 is not None and self.t2 > 2 * self.t1 * (1 + 1e-9):
            raise ValueError(f"t2 must be at most 2 t1 = {2 * self.t1} s; got {self.t2} s")
        return self

    @property
    def relaxation_rate(self) -> float:
        """1/T1 in 1/s."""
        return 0.0 if self.t1 is None else 1 / self.t1

    @property
    def dephasing_rate(self) -> float:
        """White pure dephasing in 1/s."""
        return 0.0 if self.t2 is None else max(0.0, 1 / self.t2 - self.relaxation_rate / 2)


class TunableCoupler(Document):
    """Two transmons and a flux-tunable transmon between them.

    The coupler's frequency is ``maximum * sqrt(|cos(pi (idle_flux + flux_per_amplitude * s))|)`` at flux amplitude ``s``.

    Attributes:
        qubits: The two transmons.
        port: Flux line.
        maximum: Coupler frequency at zero flux, Hz.
        anharmonicity: Of the coupler, Hz.
        idle_flux: Flux at rest, flux quanta.
        flux_per_amplitude: Flux quanta per unit of amplitude.
        g: Couplings in Hz of the first and second transmon to the coupler.
        g_direct: Coupling in Hz between the transmons.
    """

    kind: Literal["tunable"] = "tunable"
    qubits: tuple[int, int]
    port: str
    maximum: float = Field(gt=0)
    anharmonicity: float
    idle_flux: float
    flux_per_amplitude: float
    g: tuple[float, float]
    g_direct: float


class StaticCoupling(Document):
    """Two transmons with a constant exchange coupling ``j (a+ b + a b+)``: gates by cross-resonance, and a static ZZ.

    Attributes:
        qubits: The two transmons.
        j: Coupling in Hz.
    """

    kind: Literal["static"] = "static"
    qubits: tuple[int, int]
    j: float


Coupling = Annotated[TunableCoupler | StaticCoupling, Field(discriminator="kind")]


class Resonator(Document):
    """A readout resonator and its lines.

    Attributes:
        qubit: The transmon it reads.
        port: Line of the readout tone.
        acquire_port: Line of the returning signal.
        frequency: Hz, between the pulled frequencies of levels 0 and 1.
        kappa: Linewidth in Hz (energy decays at ``2 pi kappa``).
        chi: Pull in Hz per level: level 0 at ``frequency - chi``, 1 at ``+ chi``, 2 at ``chi_ratio * chi``.
        chi_ratio: Pull of level 2 over that of level 1.
        drive: Field per second and unit of amplitude that the tone feeds in.
        gain: Digitizer units per unit of field.
        noise: Standard deviation of each quadrature of one 1 ns sample, digitizer units.
        cable_phase: Phase that the lines add, rad.
    """

    qubit: int
    port: str
    acquire_port: str
    frequency: float = Field(gt=0)
    kappa: float = Field(gt=0)
    chi: float
    chi_ratio: float = 2.6
    drive: float
    gain: float
    noise: float = Field(ge=0)
    cable_phase: float = 0.0


class Crosstalk(Document):
    """What a drive line gives to a transmon that is not its own.

    Attributes:
        port: Drive line.
        qubit: The other transmon.
        amplitude: Rabi frequency per unit of amplitude, as a fraction of that of the transmon's own line.
        phase: rad.
    """

    port: str
    qubit: int
    amplitude: float
    phase: float = 0.0


class Device(Document):
    """The chip and its lines.

    Attributes:
        format: Number of the file format.
        name: Of the device.
        transmons: In order of index.
        couplers: Between transmons.
        resonators: One per transmon that can be read.
        noise_band: Lowest and highest corner in Hz of 1/f noise; whole decades.
        lines: Port -> what the line does to drive and flux pulses; a line that is not listed is ideal.
        crosstalk: Between drive lines.
        seed: Of its drift.
    """

    format: Literal[1] = 1
    name: str
    transmons: tuple[Transmon, ...]
    couplers: tuple[Coupling, ...] = ()
    resonators: tuple[Resonator, ...] = ()
    noise_band: tuple[float, float] = (1.0, 1e6)
    lines: dict[str, Line] = {}
    crosstalk: tuple[Crosstalk, ...] = ()
    seed: int = Field(0, ge=0, lt=2**63)

    @model_validator(mode="after")
    def _names_what_it_has(self) -> Self:
        pairs = [tuple(sorted(coupler.qubits)) for coupler in self.couplers]
        named = {qubit for pair in pairs for qubit in pair} | {part.qubit for part in self.crosstalk}
        named |= {resonator.qubit for resonator in self.resonators}
        strange = sorted(qubit for qubit in named if not 0 <= qubit < len(self.transmons))
        if strange:
            raise ValueError(
                f"couplers, resonators and crosstalk must name transmons 0 to {len(self.transmons) - 1}; got {strange}"
            )
        if len(set(pairs)) < len(pairs) or any(first == second for first, second in pairs):
            raise ValueError(f"each coupler must join another pair of different transmons; got {sorted(pairs)}")
        lines = (set(self.lines) | {part.port for part in self.crosstalk}) - self.ports
        if lines:
            raise ValueError(f"lines and crosstalk must name ports of the chip; got {sorted(lines)}")
        return self

    @classmethod
    def read(cls, path: Path) -> Device:
        """Read and check a file.

        Raises:
            SettingsError: If it cannot be read; names the field that is wrong.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise SettingsError("a device file must be readable", given=error.strerror, where=str(path)) from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise SettingsError("a device file must follow its format", given=first["msg"], where=f"{path}: {place}") from error

    def write(self, path: Path) -> None:
        """Write the file."""
        path.write_text(self.model_dump_json(indent=1) + "\n")

    def scaled(self, line: float, crosstalk: float) -> Device:
        """The chip with the imperfections of its lines and its crosstalk times a factor."""
        if (line == 1 or not self.lines) and (crosstalk == 1 or not self.crosstalk):
            return self
        lines = {port: found.scaled(line) for port, found in self.lines.items()}
        weak = tuple(part.model_copy(update={"amplitude": part.amplitude * crosstalk}) for part in self.crosstalk if crosstalk)
        return self.model_copy(update={"lines": lines, "crosstalk": weak})

    def reach(self, qubit: int) -> dict[str, complex]:
        """Line -> complex Rabi frequency in Hz per unit of amplitude on a transmon, crosstalk included."""
        rabi = self.transmons[qubit].rabi
        found: dict[str, complex] = dict(rabi)
        for part in self.crosstalk:
            if part.qubit == qubit:
                size = part.amplitude * max(rabi.values(), default=0.0)
                found[part.port] = found.get(part.port, 0.0) + cmath.rect(size, part.phase)
        return found

    @property
    def ports(self) -> set[str]:
        """All lines of the chip."""
        found = {port for transmon in self.transmons for port in transmon.rabi}
        found |= {coupler.port for coupler in self.couplers if isinstance(coupler, TunableCoupler)}
        return found | {port for resonator in self.resonators for port in (resonator.port, resonator.acquire_port)}

    def line_of(self, qubit: int) -> str:
        """The line that drives a transmon most strongly."""
        rabi = self.transmons[qubit].rabi
        return max(rabi, key=rabi.__getitem__)

    def driven_by(self, port: str) -> int | None:
        """The transmon that a drive line reaches most strongly."""
        reach = [(transmon.rabi[port], index) for index, transmon in enumerate(self.transmons) if port in transmon.rabi]
        return max(reach)[1] if reach else None
