"""Twins: a truth and a belief whose errors are those that were published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from qpu_bridge.target import Snapshot
from qpu_bridge.target.gate import Curve, GateSpec
from qpu_emulator.bring_up import solve_snapshot
from qpu_emulator.bring_up.discrimination import HOLD
from qpu_emulator.bring_up.echoed import direction
from qpu_emulator.bring_up.recipe import DT, GRAIN, RING, Recipe
from qpu_emulator.cache import Cache
from qpu_emulator.chip.device import Device, Transmon
from qpu_emulator.makers.chip import APART, behind_lines, build, misplaced
from qpu_emulator.makers.published import BROKEN, Published
from qpu_emulator.makers.readout import SHORTEST_TONE, met

_SHORTEST_DRIVE, _SHORTEST_FLUX, _SHORTEST_CROSS = 20, 56, 160
"""What is shorter leaks, or needs more than full scale, ticks."""
_LONGEST_TONE = 8000
"""Nobody listens longer, whatever is published, ticks."""
_NEAR = 0.02
"""What is so little away from what was published is taken for it."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A device made from what is published of another.

    Attributes:
        device: The truth.
        snapshot: The belief.
        recipe: How long its pulses are.
        remarks: What could not be as published, one sentence each.
    """

    device: Device
    snapshot: Snapshot
    recipe: Recipe
    remarks: tuple[str, ...]


def make(
    published: Published,
    name: str,
    seed: int,
    date: datetime,
    done: Callable[[str], None],
    cache: Cache | None = None,
    *,
    imperfect: bool = False,
) -> Twin:
    """Make a device whose T1, T2, gate errors and readout errors are the published ones.

    Lifetimes are the truth's. Readout errors are met by the receiver's noise and the threshold; a measurement lasts as published,
    its tone as long as that and T1 leave. What a gate's error exceeds its relaxation by is a coherent error: the belief's pulses
    turn a little too far or too short, as those of a real laboratory do between two calibrations. A gate that is published as
    better than its qubits' lifetimes allow is as good as they allow.

    Args:
        published: What to be like.
        name: Of the new device, with an underscore.
        seed: For all that is not published.
        date: Of the belief.
        done: Told of each part that is solved.
        cache: Where solved parts are kept on disk; None for nowhere.
        imperfect: Whether lines bend pulses and hear each other (`chip.behind_lines`).

    Raises:
        SettingsError: If the couplings cannot be emulated.
    """
    truth = build(published, name, seed)
    truth = behind_lines(truth) if imperfect else truth
    recipe, short = _recipe(published, truth)
    readings = [met(truth, index, published, recipe, cache) for index in range(len(truth.resonators))]
    tones = {resonator.qubit: reading.tone for resonator, reading in zip(truth.resonators, readings, strict=True)}
    recipe = replace(recipe, readouts={q: (tone, recipe.readout_of(q)[1]) for q, tone in tones.items()})
    resonators = tuple(
        resonator.model_copy(update={"noise": reading.noise, "drive": resonator.drive * reading.louder})
        for resonator, reading in zip(truth.resonators, readings, strict=True)
    )
    transmons = tuple(map(_echoing, truth.transmons))
    truth = truth.model_copy(update={"resonators": resonators, "transmons": transmons})
    believed = solve_snapshot(truth, date, recipe, done, cache)
    gates, remarks = _gates(believed.gates, published, np.random.default_rng([seed, 2]))
    measures = tuple(
        measure.model_copy(
            update={
                "threshold": reading.threshold,
                "prob_meas1_prep0": reading.errors[0],
                "prob_meas0_prep1": reading.errors[1],
            }
        )
        for measure, reading in zip(believed.measures, readings, strict=True)
    )
    qubits = tuple(
        spec.model_copy(update={"operational": known.operational})
        for spec, known in zip(believed.qubits, published.qubits, strict=True)
    )
    description = f"Emulated twin of {published.name}: {len(truth.transmons)} transmons, {len(truth.couplers)} couplers."
    update = {"qubits": qubits, "gates": gates, "measures": measures, "description": description}
    heard = [reading.remark for reading in readings if reading.remark]
    return Twin(truth, believed.model_copy(update=update), recipe, (*_unlike(published, truth), *short, *heard, *remarks))


def _unlike(published: Published, truth: Device) -> list[str]:
    """What of the chip itself is not as published, apart from what nobody publishes."""
    found = [f"coupler {pair} is published as broken and left out" for pair in published.broken]
    found += [
        f"qubit {index} is published as broken: it works, but is not for users"
        for index, qubit in enumerate(published.qubits)
        if not qubit.operational
    ]
    found += _drawn(published)
    for index, (qubit, transmon) in enumerate(zip(published.qubits, truth.transmons, strict=True)):
        for name, own, taken in (("T1", qubit.t1, transmon.t1 or np.inf), ("T2", qubit.t2, transmon.t2 or np.inf)):
            if not own:
                found.append(f"{name} of qubit {index} is not published; here it is {1e6 * taken:.3g} us")
            elif own > (1 + _NEAR) * taken:
                found.append(f"{name} of qubit {index} is published with {1e6 * own:.3g} us; its T1 allows {1e6 * taken:.3g} us")
        if qubit.anharmonicity and abs(qubit.anharmonicity - transmon.anharmonicity) > 1:
            own, taken = (1e-6 * alpha for alpha in (qubit.anharmonicity, transmon.anharmonicity))
            found.append(f"anharmonicity of qubit {index} is published with {own:.1f} MHz; here it is {taken:.1f} MHz")
    return found


def _drawn(published: Published) -> list[str]:
    """Why frequencies are not the published ones."""
    missing = [str(index) for index, qubit in enumerate(published.qubits) if not qubit.frequency]
    if len(missing) == len(published.qubits):
        return []
    if missing:
        return [f"frequencies of the qubits {', '.join(missing)} are not published: all are drawn"]
    wrong = misplaced(published)
    if not wrong:
        return []
    (first, second), gap = next(iter(sorted(wrong.items())))
    least, most = (round(1e-6 * limit) for limit in APART[published.family])
    more = f", {len(wrong) - 1} other pairs are so too" if len(wrong) > 1 else ""
    why = f"{published.family} needs {least} to {most} MHz{more}"
    return [f"qubits {first} and {second} are published {1e-6 * gap:.0f} MHz apart, {why}: all frequencies are drawn"]


def _echoing(transmon: Transmon) -> Transmon:
    """With no more 1/f noise than an echo of the published T2 leaves room for, which has seen that noise already.

    An echo of length t loses ``ln(2)/2 (2 pi A t)**2`` to a spectrum ``A**2 / f`` (Ithier et al., PRB 72, 134519).
    """
    most = np.sqrt(2 * _NEAR / np.log(2)) / (2 * np.pi * (transmon.t2 or np.inf))
    return transmon.model_copy(update={"one_over_f": float(np.floor(min(transmon.one_over_f, most or np.inf)))})


def _recipe(published: Published, truth: Device) -> tuple[Recipe, tuple[str, ...]]:
    """Lengths as published, in whole grains of the controller; and which ones are too short to be made."""
    short: list[str] = []

    def ticks(seconds: float, least: int, what: str = "") -> int:
        grains = round(seconds / float(DT) / GRAIN) * GRAIN
        if grains < least and what:
            short.append(f"{what} is published with {seconds * 1e9:.0f} ns; here it takes {least} ns")
        return max(least, grains)

    usual = ticks(published.drive_s, _SHORTEST_DRIVE)
    drives = {
        index: ticks(qubit.drive_s, _SHORTEST_DRIVE, f"the drive of {index}")
        for index, qubit in enumerate(published.qubits)
        if qubit.drive_s is not None
    }
    crossed = published.family == "ecr"

    def pulse(seconds: float, drive: int, what: str = "") -> int:
        # of an echoed gate two halves, with a pi pulse between them
        if crossed:
            return ticks((seconds - drive * float(DT)) / 2, _SHORTEST_CROSS, what and f"each half of {what}")
        return ticks(seconds, _SHORTEST_FLUX, what)

    # of an echoed gate the control is turned
    controls = {coupler.qubits: direction(truth, coupler)[0] for coupler in truth.couplers}
    pairs = {
        pair: pulse(length, drives.get(controls[pair], usual), f"{published.family} on {pair}")
        for pair, length in published.lengths.items()
    }
    both = pulse(published.pair_s, usual)
    measures = {
        index: ticks(qubit.readout_s, SHORTEST_TONE + RING, f"the measurement of {index}")
        for index, qubit in enumerate(published.qubits)
        if qubit.readout_s is not None
    }
    long = (
        f"the measurement of {q} takes {ticks} ns; its tone {_LONGEST_TONE} ns"
        for q, ticks in measures.items()
        if ticks - RING > _LONGEST_TONE
    )
    short.extend(long)
    recipe = Recipe(
        drive=usual,
        **({"cross": both} if crossed else {"flux": both}),
        drives={qubit: length for qubit, length in drives.items() if length != usual},
        pairs={pair: length for pair, length in pairs.items() if length != both},
        readouts={q: (min(length - RING - length % HOLD, _LONGEST_TONE), length) for q, length in measures.items()},
    )
    return recipe, tuple(short)


def _gates(
    gates: tuple[GateSpec, ...], published: Published, draw: np.random.Generator
) -> tuple[tuple[GateSpec, ...], tuple[str, ...]]:
    """Turn pulses too far or too short by what their published errors leave beside relaxation."""
    found, remarks = [], []
    signs: dict[tuple[int, ...], float] = {}
    for gate in gates:
        if not gate.pulses:
            found.append(gate)
            continue
        single = len(gate.qubits) == 1
        wanted = published.qubits[gate.qubits[0]].error if single else _of_pair(published, gate)
        if wanted is None or wanted >= BROKEN:
            found.append(gate)
            continue
        beyond = wanted - gate.error
        if beyond <= _NEAR * gate.error:
            if gate.name in ("sx", "cz", "ecr") and beyond < -_NEAR * gate.error:
                where = ", ".join(map(str, gate.qubits))
                remarks.append(
                    f"{gate.name} on {where} is published with {wanted:.2g}; here it is {gate.error:.2g}, "
                    "as good as T1, T2 and the best pulse of its length make it"
                )
            found.append(gate)
            continue
        sign = signs.setdefault(gate.qubits, float(draw.choice((-1.0, 1.0))))
        found.append(_spoilt(gate, beyond, sign).model_copy(update={"error": wanted}))
    return tuple(found), tuple(remarks)


def _of_pair(published: Published, gate: GateSpec) -> float | None:
    first, second = sorted(gate.qubits)
    return published.couplings.get((first, second))


def _spoilt(gate: GateSpec, infidelity: float, sign: float) -> GateSpec:
    """A gate with a coherent error of some average infidelity.

    A rotation that is off by ``d`` has ``2/3 sin(d / 2)**2``; virtual Z that are off by ``z`` and ``-z`` have
    ``0.8 (1 - cos(z / 2)**4)`` together.
    """
    if len(gate.qubits) == 1:
        turn = {"sx": np.pi / 2}.get(gate.name, np.pi)
        factor = 1 + sign * 2 * np.arcsin(np.sqrt(1.5 * infidelity)) / turn
        pulses = tuple(pulse.model_copy(update={"amplitude": _scaled(pulse.amplitude, factor)}) for pulse in gate.pulses)
        return gate.model_copy(update={"pulses": pulses})
    turn = sign * float(2 * np.arccos((1 - infidelity / 0.8) ** 0.25))
    phases = tuple(
        phase.model_copy(update={"angle": _shifted(phase.angle, turn * (1 if place == 0 else -1))})
        for place, phase in enumerate(gate.phases)
    )
    return gate.model_copy(update={"phases": phases})


def _scaled(value: float | Curve, factor: float) -> float | Curve:
    if isinstance(value, Curve):
        return value.model_copy(update={"value": tuple(float(np.round(v * factor, 9)) for v in value.value)})
    return float(np.round(value * factor, 9))


def _shifted(value: float | Curve, angle: float) -> float | Curve:
    if isinstance(value, Curve):
        return value.model_copy(update={"value": tuple(float(np.round(v + angle, 9)) for v in value.value)})
    return float(np.round(value + angle, 9))
