"""What is published of a device: the lifetimes, errors and couplings in a file of ``properties``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import Any

from qpu_bridge.errors import SettingsError

_SCALE = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "Hz": 1.0, "MHz": 1e6, "GHz": 1e9, "": 1.0}
BROKEN = 0.5
"""A gate with so large an error is published to say that it does not work."""
_TWO = {"cz": "cz", "rzz": "cz", "ecr": "ecr", "cx": "ecr"}
"""Two-qubit gates and their families."""
_ONE = ("sx", "x", "u2")
"""Gates of one pulse, the first one that is published counts."""


@dataclass(frozen=True, slots=True)
class PublishedQubit:
    """A qubit; s, Hz, probabilities. None is what was not published, and one that is not operational is not for users."""

    t1: float | None = None
    t2: float | None = None
    frequency: float | None = None
    anharmonicity: float | None = None
    prob_meas1_prep0: float = 0.01
    prob_meas0_prep1: float = 0.01
    error: float | None = None
    drive_s: float | None = None
    readout_s: float | None = None
    operational: bool = True


@dataclass(frozen=True, slots=True)
class Published:
    """A device as others know it.

    Attributes:
        name: Of the device.
        family: ``cz`` (tunable couplers) or ``ecr`` (cross-resonance; a published ``cx`` is one).
        qubits: In order of index.
        couplings: Pair, lower index first -> error of its two-qubit gate, None where not published.
        broken: Pairs that are published as not working; they get no coupler.
        drive_s: Length of one-qubit gates where a qubit has none of its own (their median), s.
        pair_s: The same of two-qubit gates.
        lengths: Pair, lower index first -> length of its own two-qubit gate, s.
    """

    name: str
    family: str
    qubits: tuple[PublishedQubit, ...]
    couplings: Mapping[tuple[int, int], float | None]
    broken: tuple[tuple[int, int], ...]
    drive_s: float
    pair_s: float
    lengths: Mapping[tuple[int, int], float] = field(default_factory=dict)


def shipped() -> list[str]:
    """Names of the backend snapshots that ``qiskit-ibm-runtime`` ships."""
    return sorted({path.parent.name for path in _folder().glob("*/props_*.json")})


def of_shipped(name: str) -> Published:
    """A backend snapshot that ``qiskit-ibm-runtime`` ships, by name (``torino``, ``FakeTorino``, ``ibm_torino``).

    Raises:
        SettingsError: If there is none, or it has no two-qubit gate that the emulator knows.
    """
    plain = name.lower().removeprefix("ibm_").removeprefix("fake_").removeprefix("fake").removesuffix("v2")
    path = _folder() / plain / f"props_{plain}.json"
    if not path.is_file():
        raise SettingsError("a shipped snapshot must be one of: " + ", ".join(shipped()), given=name)
    return of_properties(json.loads(path.read_text()), plain)


def of_file(path: Path) -> Published:
    """A file of ``properties``, as ``backend.properties().to_dict()`` or ``GET /backends/NAME/properties`` give it.

    Raises:
        SettingsError: If it cannot be read.
    """
    try:
        return of_properties(json.loads(path.read_text()), path.stem)
    except (OSError, ValueError) as error:
        raise SettingsError("a file of properties must be readable JSON", given=str(error), where=str(path)) from error


def of_properties(properties: Mapping[str, Any], name: str) -> Published:
    """From the document itself.

    Raises:
        SettingsError: If something is missing that cannot be guessed.
    """
    try:
        qubits = [{item["name"]: _value(item) for item in qubit} for qubit in properties["qubits"]]
        gates = [(g["gate"], tuple(g["qubits"]), {p["name"]: _value(p) for p in g["parameters"]}) for g in properties["gates"]]
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError("properties must list qubits and gates as IBM's do", given=repr(error), where=name) from error
    if not qubits:
        raise SettingsError("properties must list at least one qubit", given="none", where=name)
    strange = {qubit for _, on, _ in gates for qubit in on} - set(range(len(qubits)))
    if strange:
        raise SettingsError(f"gates must be on qubits 0 to {len(qubits) - 1}", given=sorted(strange, key=str), where=name)
    kinds = [gate for gate, on, _ in gates if len(on) == 2]
    known = [gate for gate in kinds if gate in _TWO]
    if kinds and not known:
        raise SettingsError(
            "a two-qubit gate must be one of: " + ", ".join(_TWO), given=", ".join(sorted(set(kinds))), where=name
        )
    # without any, lines and readout are those of a chip with tunable couplers
    own = max(set(known), key=lambda kind: (_TWO[kind] == kind, kind != "rzz", known.count(kind)), default="cz")
    family = _TWO[own]
    couplings: dict[tuple[int, int], float | None] = {}
    broken: set[tuple[int, int]] = set()
    lengths: dict[tuple[int, int], float] = {}
    for gate, on, numbers in gates:
        if len(on) != 2 or _TWO.get(gate) != family or (gate == "rzz" and own != "rzz"):
            continue
        pair = (min(on), max(on))
        wrong = numbers.get("gate_error")
        if _faulty(numbers):
            broken.add(pair)
            continue
        couplings[pair] = wrong if couplings.get(pair) is None else couplings[pair]
        if numbers.get("gate_length", 0.0) > 0:
            # some publish one direction with what turns it round: the shorter one is the gate itself
            lengths[pair] = min(numbers["gate_length"], lengths.get(pair, inf))
    ones = {on[0]: numbers for kind in reversed(_ONE) for gate, on, numbers in gates if gate == kind and len(on) == 1}
    drives = [numbers["gate_length"] for numbers in ones.values() if numbers.get("gate_length")]
    lengths = {pair: length for pair, length in lengths.items() if pair not in broken}
    reads = {on[0]: numbers for gate, on, numbers in gates if gate == "measure" and len(on) == 1}
    found = tuple(_qubit(qubit, ones.get(index, {}), reads.get(index, {})) for index, qubit in enumerate(qubits))
    live = {pair: error for pair, error in couplings.items() if pair not in broken}
    medians = (_median(drives, 36e-9), _median(list(lengths.values()), 68e-9))
    return Published(name, family, found, live, tuple(sorted(broken)), *medians, lengths)


def _qubit(numbers: Mapping[str, float], gate: Mapping[str, float], measure: Mapping[str, float]) -> PublishedQubit:
    both = numbers.get("readout_error", 0.01)
    return PublishedQubit(
        t1=numbers.get("T1") or None,
        t2=numbers.get("T2") or None,
        frequency=numbers.get("frequency") or None,
        anharmonicity=numbers.get("anharmonicity") or None,
        prob_meas1_prep0=numbers.get("prob_meas1_prep0", both),
        prob_meas0_prep1=numbers.get("prob_meas0_prep1", both),
        error=gate.get("gate_error"),
        drive_s=gate.get("gate_length") or None,
        readout_s=numbers.get("readout_length") or measure.get("gate_length") or None,
        operational=bool(numbers.get("operational", 1)) and not _faulty(gate),
    )


def _faulty(gate: Mapping[str, float]) -> bool:
    return gate.get("gate_error", 0.0) >= BROKEN or not gate.get("operational", 1)


def _value(item: Mapping[str, Any]) -> float:
    value = float(item["value"]) * _SCALE[item.get("unit", "")]
    chance = item["name"].startswith("prob_") or item["name"].endswith("_error")
    if item["name"] != "anharmonicity" and not 0 <= value <= (1 if chance else inf):
        raise ValueError(f"{item['name']} of {item['value']}")
    return value


def _median(values: list[float], otherwise: float) -> float:
    live = sorted(value for value in values if value > 0)
    return live[len(live) // 2] if live else otherwise


def _folder() -> Path:
    # the files are read where they lie: to import the package would take a second and bring Qiskit
    spec = find_spec("qiskit_ibm_runtime")
    if spec is None or spec.origin is None:
        raise SettingsError("the client qiskit-ibm-runtime must be installed, for it ships the snapshots")
    return Path(spec.origin).parent / "fake_provider" / "backends"
