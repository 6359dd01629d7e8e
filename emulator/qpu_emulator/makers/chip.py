"""Chips: numbers that nobody publishes, drawn so that gates work; a seed makes them again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from qpu_bridge.errors import SettingsError
from qpu_emulator.bring_up.recipe import Recipe
from qpu_emulator.chip.device import Coupling, Crosstalk, Device, Resonator, StaticCoupling, Transmon, TunableCoupler
from qpu_emulator.chip.line import Line, Settling
from qpu_emulator.makers.published import Published, PublishedQubit

Pair = tuple[int, int]

_TONES = 5
"""Resonators on one readout line: their tones share a converter."""
_ALPHA = {"cz": -0.31e9, "ecr": -0.335e9}
_BANDS = {"cz": (4.865e9, 5.03e9), "ecr": (4.895e9, 5.01e9)}
"""Frequencies of the two kinds of qubits; neighbours are of different kinds."""
APART = {"cz": (100e6, 215e6), "ecr": (40e6, 280e6)}
"""How far apart neighbours may be for the family's gates."""
_ALPHAS = {"cz": (0.28e9, 0.38e9), "ecr": (0.2e9, 0.45e9)}
"""And how far apart f01 and f12."""
_SPREAD = 8e6
_MAXIMUM, _IDLE = 5.4e9, 0.3
"""Of couplers between these bands: 0.8 GHz below the qubits at rest."""
_CHAIN = {"kappa": 2.4e6, "chi": 1.15e6, "drive": 1e8, "gain": 25.0, "noise": 300.0}
"""What resonators and their lines are designed to be."""
_LIFETIME_S = 300e-6
"""T1 and T2 that designers hope for: more than chips have, so that shots wait long enough while nobody has measured T1."""
_PI = {"cz": 1.8, "ecr": 4.0}
"""Rabi frequency times the length of a pi pulse; cross-resonance needs several times the amplitude of a pi pulse."""
_CROSS, _SHORTEST_HALF, _EDGES = 13.0, 160e-9, 48e-9
"""The least Rabi frequency times the length of half an echoed gate, of at least so long, without what its edges lack, s."""


def build(published: Published, name: str, seed: int) -> Device:
    """The truth of a chip with the published lifetimes and couplings.

    Frequencies are those published where that leaves the family's gates possible: all neighbours of a cross-resonance chip 40 to
    280 MHz apart, of one with tunable couplers 100 to 215 MHz. Else all are drawn in two bands, since every coupling graph in use
    parts into two kinds of qubits. Anharmonicities are those published from -200 to -450 and from -280 to -380 MHz.

    Raises:
        SettingsError: If the coupling graph has a triangle or another odd ring.
    """
    draw = np.random.default_rng(seed)
    kinds = two_kinds(len(published.qubits), published.couplings)
    family = published.family
    drawn = [_BANDS[family][kind] + draw.uniform(-_SPREAD, _SPREAD) for kind in kinds]
    kept = as_published(published)
    frequencies = [qubit.frequency or 0.0 for qubit in published.qubits] if kept else drawn
    transmons = []
    for index, qubit in enumerate(published.qubits):
        own, (least, most) = qubit.anharmonicity, _ALPHAS[family]
        alpha = own if own and least <= -own <= most else _ALPHA[family] + draw.uniform(-6e6, 6e6)
        t1, t2 = _lifetimes(qubit, draw)
        drive = qubit.drive_s or published.drive_s
        halves = [(length - drive) / 2 for pair, length in published.lengths.items() if index in pair]
        rabi = _rabi(family, drive, min(halves, default=(published.pair_s - drive) / 2)) * draw.uniform(0.9, 1.15)
        transmons.append(
            Transmon(
                frequency=float(np.round(frequencies[index])),
                anharmonicity=float(np.round(alpha)),
                rabi={f"d{index}": float(np.round(rabi))},
                t1=t1,
                t2=t2,
                quasi_static=float(np.round(draw.uniform(300, 900))),
                one_over_f=float(np.round(draw.uniform(150, 350))),
                # who starts in 1 is read wrong whatever is prepared
                thermal=float(
                    np.round(min(draw.uniform(0.002, 0.006), 0.4 * min(qubit.prob_meas1_prep0, qubit.prob_meas0_prep1)), 5)
                ),
            )
        )
    couplers = tuple(_coupler(family, pair, frequencies, draw) for pair in sorted(published.couplings))
    resonators = tuple(_resonator(index, draw) for index in range(len(transmons)))
    return Device(name=name, transmons=tuple(transmons), couplers=couplers, resonators=resonators, seed=seed)


def behind_lines(truth: Device) -> Device:
    """The chip behind lines as they are in a refrigerator.

    Delays of up to 3 ns; edges that settle in about a nanosecond on drive lines, and are some percent off for tens of them on
    flux lines; neighbours hear 1 to 4 % of each other's drives, and no two readout chains are the same.
    """
    draw = np.random.default_rng([truth.seed, 4])
    drives = {port: qubit for qubit, transmon in enumerate(truth.transmons) for port in transmon.rabi}

    def line(port: str) -> Line:
        weight, time = (
            (-1.0, draw.uniform(0.5e-9, 1e-9)) if port in drives else (draw.uniform(-0.03, 0.03), draw.uniform(15e-9, 40e-9))
        )
        return Line(delay=float(draw.uniform(0, 3e-9)), settling=(Settling(weight=float(weight), time=float(time)),))

    heard = tuple(
        Crosstalk(port=port, qubit=other, amplitude=float(draw.uniform(0.01, 0.04)), phase=float(draw.uniform(-np.pi, np.pi)))
        for port, qubit in drives.items()
        for other in sorted({q for coupler in truth.couplers if qubit in coupler.qubits for q in coupler.qubits} - {qubit})
    )
    resonators = tuple(
        one.model_copy(update={name: getattr(one, name) * float(draw.uniform(0.9, 1.1)) for name in ("kappa", "chi", "drive")})
        for one in truth.resonators
    )
    lines = {port: line(port) for port in [*drives, *(c.port for c in truth.couplers if isinstance(c, TunableCoupler))]}
    return truth.model_copy(update={"lines": lines, "crosstalk": heard, "resonators": resonators})


def two_kinds(size: int, pairs: Iterable[Pair]) -> list[int]:
    """Part qubits into two kinds so that neighbours differ.

    Raises:
        SettingsError: If that cannot be.
    """
    neighbours: list[list[int]] = [[] for _ in range(size)]
    for first, second in pairs:
        neighbours[first].append(second)
        neighbours[second].append(first)
    kinds = [-1] * size
    for root in range(size):
        if kinds[root] >= 0:
            continue
        kinds[root] = 0
        waiting = [root]
        while waiting:
            qubit = waiting.pop()
            for other in neighbours[qubit]:
                if kinds[other] < 0:
                    kinds[other] = 1 - kinds[qubit]
                    waiting.append(other)
                elif kinds[other] == kinds[qubit]:
                    raise SettingsError(
                        "the couplings of an emulated chip must form no ring of odd length", given=f"qubits {qubit} and {other}"
                    )
    return kinds


def as_published(published: Published) -> bool:
    """Whether a chip of the published frequencies can make its family's gates."""
    return all(qubit.frequency for qubit in published.qubits) and not misplaced(published)


def misplaced(published: Published) -> dict[Pair, float]:
    """Neighbours that are published too near or too far apart for the family's gates, and how far apart, Hz."""
    least, most = APART[published.family]
    known = [qubit.frequency for qubit in published.qubits]
    gaps = {(a, b): abs(one - other) for a, b in published.couplings if (one := known[a]) and (other := known[b])}
    return {pair: gap for pair, gap in gaps.items() if not least <= gap <= most}


def _rabi(family: str, drive: float, half: float) -> float:
    """What a drive line is designed to reach at full scale, Hz.

    Args:
        family: Of the chip.
        drive: Length of its pi pulses, s.
        half: Of the shortest half of an echoed gate that it plays, s.
    """
    own = _PI[family] / drive
    return own if family == "cz" else max(own, _CROSS / (max(half, _SHORTEST_HALF) - _EDGES))


def _lifetimes(qubit: PublishedQubit, draw: np.random.Generator) -> tuple[float, float]:
    t1 = qubit.t1 or float(draw.uniform(100e-6, 250e-6))
    t2 = qubit.t2 or t1 * float(draw.uniform(0.6, 1.4))
    return t1, min(t2, 1.999 * t1)


def _coupler(family: str, pair: Pair, frequencies: list[float], draw: np.random.Generator) -> Coupling:
    if family == "ecr":
        return StaticCoupling(qubits=pair, j=float(np.round(draw.uniform(1.75e6, 2.05e6))))
    return TunableCoupler(
        qubits=pair,
        port=f"c{pair[0]}_{pair[1]}",
        maximum=float(np.round(_maximum([frequencies[qubit] for qubit in pair]) + draw.uniform(-15e6, 15e6))),
        anharmonicity=-0.2e9,
        idle_flux=float(np.round(_IDLE + draw.uniform(-0.001, 0.001), 5)),
        flux_per_amplitude=-0.2,
        g=(90e6, 90e6),
        g_direct=-10e6,
    )


def _maximum(frequencies: list[float]) -> float:
    """Of a coupler that lies as far below its qubits as between the bands; that of the bands for qubits in them."""
    beyond = np.mean(frequencies) - np.mean(_BANDS["cz"])
    return float(_MAXIMUM + (beyond / np.sqrt(np.cos(np.pi * _IDLE)) if abs(beyond) > _SPREAD else 0.0))


def _resonator(index: int, draw: np.random.Generator) -> Resonator:
    line, place = divmod(index, _TONES)
    return Resonator(
        qubit=index,
        port=f"r{line}",
        acquire_port=f"a{line}",
        frequency=float(np.round(7.02e9 + 0.06e9 * place + draw.uniform(-4e6, 4e6))),
        cable_phase=float(np.round(draw.uniform(-np.pi, np.pi), 4)),
        **_CHAIN,
    )


def line(size: int) -> list[Pair]:
    """Qubits in a row."""
    return [(q, q + 1) for q in range(size - 1)]


def ring(size: int) -> list[Pair]:
    """Qubits in a ring; an even number, for neighbours to differ."""
    return [*line(size), (0, size - 1)]


def grid(size: int) -> list[Pair]:
    """Qubits in a square of ``size = n * n``, row by row."""
    side = round(size**0.5)
    if side * side != size:
        raise SettingsError("a grid must have a square number of qubits", given=size)
    across = [(q, q + 1) for q in range(size) if (q + 1) % side]
    return across + [(q, q + side) for q in range(size - side)]


def heavy_hex(size: int) -> list[Pair]:
    """Hexagons with a qubit on each edge, as on IBM's chips: rows of ``4 d - 1`` qubits joined by single ones, cut to a size."""
    width = max(7, 4 * round((size / 4.9) ** 0.5) - 1)
    pairs: list[Pair] = []
    row, first, offset = list(range(width)), width, 0
    pairs += line(width)
    while first < size:
        bridges = {column: first + place for place, column in enumerate(range(offset, width, 4))}
        start = first + len(bridges)
        below = list(range(start, start + width))
        pairs += [(row[column], bridge) for column, bridge in bridges.items()]
        pairs += [(bridge, below[column]) for column, bridge in bridges.items()]
        pairs += [(q, q + 1) for q in below[:-1]]
        row, first, offset = below, start + width, 2 - offset
    return [pair for pair in pairs if max(pair) < size]


def pieces(size: int, pairs: Iterable[Pair]) -> int:
    """In how many parts a coupling graph is."""
    first, second = np.array(list(pairs), dtype=int).reshape(-1, 2).T
    joined = coo_array((np.ones(len(first)), (first, second)), shape=(size, size))
    return int(connected_components(joined, directed=False)[0])


DESIGNS = {"line": line, "ring": ring, "grid": grid, "heavy-hex": heavy_hex}
LARGEST = 1024
"""Of random chips: pulses of so many qubits are solved in about a minute, and their snapshot has some 15 MB."""


def random(design: str, size: int, family: str, seed: int) -> Published:
    """What a laboratory might publish of a new chip of some design.

    Raises:
        SettingsError: If the design or its size cannot be.
    """
    if design not in DESIGNS:
        raise SettingsError("a design must be one of: " + ", ".join(DESIGNS), given=design)
    if family not in _BANDS:
        raise SettingsError("a family must be cz or ecr", given=family)
    if not 2 <= size <= LARGEST:
        raise SettingsError(f"a random chip must have from 2 to {LARGEST} qubits", given=size)
    if pieces(size, DESIGNS[design](size)) > 1:
        raise SettingsError(
            f"a {design} must hang together", given=f"{size} qubits, in pieces", remedy="Take some more or fewer."
        )
    draw = np.random.default_rng([seed, 1])
    couplings: Mapping[Pair, float | None] = dict.fromkeys(DESIGNS[design](size))
    qubits = tuple(
        PublishedQubit(
            t1=float(t1 := draw.uniform(100e-6, 250e-6)),
            t2=float(t1 * draw.uniform(0.5, 1.4)),
            prob_meas1_prep0=float(low := draw.uniform(0.006, 0.02)),
            prob_meas0_prep1=float(low + draw.uniform(0.003, 0.008)),
        )
        for _ in range(size)
    )
    cross = family == "ecr"
    return Published(design, family, qubits, couplings, (), 36e-9, 460e-9 if cross else 68e-9)


def nominal(truth: Device, recipe: Recipe | None = None) -> Device:
    """What the chip was designed to be: what a laboratory believes before it has measured anything.

    Frequencies are those of their bands (5 MHz off where the truth has others). Everything else is the same for all qubits,
    couplers and resonators, whatever the truth: lifetimes, lines, readout chains too. Nothing is hot, nothing drifts.

    Args:
        truth: Says what there is, and where the bands of a laboratory's own frequencies are.
        recipe: Says how long pulses are, for which lines were designed.
    """
    family = "ecr" if any(isinstance(coupler, StaticCoupling) for coupler in truth.couplers) else "cz"
    bands, draw, lengths = _BANDS[family], np.random.default_rng([truth.seed, 3]), recipe or Recipe()

    def design(index: int, transmon: Transmon) -> Transmon:
        near = min(bands, key=lambda band: abs(band - transmon.frequency))
        frequency = near if abs(near - transmon.frequency) <= _SPREAD else transmon.frequency + draw.uniform(-5e6, 5e6)
        halves = [lengths.cross_of(coupler.qubits) for coupler in truth.couplers if index in coupler.qubits]
        own = _rabi(family, lengths.drive_of(index) * 1e-9, min(halves, default=lengths.cross) * 1e-9)
        rabi = dict.fromkeys(transmon.rabi, own)
        return Transmon(frequency=frequency, anharmonicity=_ALPHA[family], rabi=rabi, t1=_LIFETIME_S, t2=_LIFETIME_S)

    transmons = tuple(design(index, transmon) for index, transmon in enumerate(truth.transmons))

    def between(coupler: TunableCoupler) -> float:
        return _maximum([transmons[qubit].frequency for qubit in coupler.qubits])

    couplers = tuple(
        coupler.model_copy(update={"j": 1.9e6})
        if isinstance(coupler, StaticCoupling)
        else coupler.model_copy(update={"maximum": between(coupler), "idle_flux": _IDLE})
        for coupler in truth.couplers
    )
    resonators = tuple(
        resonator.model_copy(update={"frequency": 7.02e9 + 0.06e9 * (index % _TONES), "cable_phase": 0.0} | _CHAIN)
        for index, resonator in enumerate(truth.resonators)
    )
    return Device(name=truth.name, transmons=transmons, couplers=couplers, resonators=resonators, seed=truth.seed)
