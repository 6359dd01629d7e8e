"""What `BridgeBackend.run` may be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Literal

from qiskit.circuit import Parameter

from qpu_bridge.errors import BadRequest, UnsupportedOption

MeasLevel = Literal["classified", "kerneled", "avg_kerneled"]

_OTHER_NAMES = {"seed_simulator": "seed"}
"""Names that Qiskit's own primitives use."""

_HARMLESS = {"noise_model", "use_measure_esp", "parameter_values"}
"""Options that are taken if they are not set: others' code passes them along."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of one run.

    Attributes:
        shots: Shots per circuit.
        memory: Whether to return every shot, not only counts.
        meas_level: 2 for bits, 1 for IQ points.
        meas_return: ``single`` shots or ``avg``; for IQ points.
        init_qubits: Whether each shot starts from the ground state.
        rep_delay: Wait between shots, s; None takes the machine's default.
        seed: For simulated devices; None draws one.
        parameter_binds: For each circuit the values of its parameters, one list per parameter; each set is an experiment.
        settings: Settings of the device, for example a noise scale of the emulator.
    """

    shots: int = 1024
    memory: bool = False
    meas_level: int = 2
    meas_return: str = "single"
    init_qubits: bool = True
    rep_delay: float | None = None
    seed: int | None = None
    parameter_binds: Sequence[Mapping[Parameter, Any]] | None = None
    settings: Mapping[str, float | int | str | bool] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> RunOptions:
        """Check options by name and value.

        Raises:
            UnsupportedOption: If one is unknown.
            BadRequest: If a value cannot be.
        """
        known = {option.name for option in fields(cls)}
        named: dict[str, Any] = {}
        for name, value in given.items():
            plain = _OTHER_NAMES.get(name, name)
            if plain in known:
                if value is not None:
                    # Qiskit's own words for levels are enumerations
                    named[plain] = value.value if isinstance(value, Enum) else value
            elif not (name in _HARMLESS and not value):
                raise UnsupportedOption(f"an option of run() must be one of {', '.join(sorted(known))}", given=name)
        options = cls(**named)
        if int(options.shots) != options.shots or options.shots < 1:
            raise BadRequest("shots must be a whole number of at least 1", given=repr(options.shots))
        if options.seed is not None and (int(options.seed) != options.seed or not 0 <= options.seed < 2**63):
            raise BadRequest("a seed must be a whole number from 0 to 2**63 - 1", given=repr(options.seed))
        if options.meas_level not in (1, 2):
            raise BadRequest("meas_level must be 1 (IQ points) or 2 (bits)", given=str(options.meas_level))
        if options.meas_return not in ("single", "avg"):
            raise BadRequest("meas_return must be single or avg", given=str(options.meas_return))
        return options

    @property
    def returned(self) -> MeasLevel:
        """What the executor is asked for."""
        if self.meas_level == 2:
            return "classified"
        return "kerneled" if self.meas_return == "single" else "avg_kerneled"
