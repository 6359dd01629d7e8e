"""A small laboratory on all four kinds of modules, and schedules drawn at random on its lines."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import pi

import numpy as np
from hypothesis import strategies as st

from qpu_bridge.schedule import Builder, Column, Output, PortKind, Schedule, SlotKind, Table, Waveform
from qpu_bridge.schedule.shapes import constant, cosine_square, drag, gaussian, gaussian_square
from qpu_bridge.units import Clock

LO = {"d0": 4.9e9, "d1": 5.2e9, "d2": 5.0e9, "m0": 7.1e9, "a0": 7.1e9, "m1": 6.8e9, "a1": 6.8e9, "f0": 0.0}
"""Oscillator behind each line, Hz; 0: none."""
KINDS = {"d": PortKind.DRIVE, "m": PortKind.READOUT, "a": PortKind.ACQUIRE, "f": PortKind.FLUX}
RACK = {
    "instrument": "simulator",
    "modules": {2: "QCM-RF", 4: "QRM-RF", 6: "QCM", 8: "QRM"},
    "wiring": {
        "d0": {"slot": 2, "output": 0, "lo": int(LO["d0"])},
        "d1": {"slot": 2, "output": 1, "lo": int(LO["d1"])},
        "m0": {"slot": 4, "output": 0, "lo": int(LO["m0"])},
        "a0": {"slot": 4, "input": 0, "time_of_flight": 152},
        "f0": {"slot": 6, "output": 0},
        "d2": {"slot": 6, "output": (2, 3), "external_lo": LO["d2"]},
        "m1": {"slot": 8, "output": (0, 1), "external_lo": LO["m1"]},
        "a1": {"slot": 8, "input": (0, 1), "external_lo": LO["a1"], "time_of_flight": 152},
    },
}
"""The options of the rack file."""
DRIVES = (("q0", "d0"), ("q1", "d1"), ("q2", "d2"), ("q0q1", "d0"))
READOUTS = (("0", "0"), ("1", "0"), ("2", "1"))
"""Qubit, and the pair of lines on which it is read."""
FREQUENCIES = len(DRIVES) + len(READOUTS)
GRID = 0.25
"""Hz: what the oscillators of the modules can be set to."""


class Lab:
    """A builder with all lines, four drive carriers, three readout carriers on two pairs of lines, and a flux line.

    Args:
        offsets: Intermediate frequencies of the carriers of `DRIVES` and `READOUTS`, in steps of `GRID`.
    """

    def __init__(self, offsets: list[int]) -> None:
        self.build = build = Builder(Clock(Fraction(1, 10**9)))
        ports = {name: build.port(name, KINDS[name[0]]) for name in LO}
        steps = iter(offsets)

        def carrier(line: str) -> float:
            return LO[line] + GRID * next(steps)

        self.drive = [build.frame(name, ports[line], carrier(line)) for name, line in DRIVES]
        self.flux = build.frame("f0", ports["f0"], 0.0)
        self.readout: list[tuple[int, int]] = []
        for name, line in READOUTS:
            frequency = carrier(f"m{line}")
            self.readout.append(
                (build.frame(f"m{name}", ports[f"m{line}"], frequency), build.frame(f"a{name}", ports[f"a{line}"], frequency))
            )

    def measure(self, *columns: int | None, level: float = 0.3, turn: float = 0.0) -> None:
        """Tones of the first qubits side by side, and windows of 300 ns 40 ns later, into their columns."""
        build = self.build
        build.barrier()
        start = build.now(self.flux)
        for qubit, (column, (tone, window)) in enumerate(zip(columns, self.readout, strict=False)):
            if column is not None:
                build.play(tone, gaussian_square(340, 10, 300), amplitude=level, phase=turn + qubit, at=start)
                build.capture(window, column, 300, phase=turn - qubit, at=start + 40)
        build.barrier()


@dataclass(frozen=True)
class Step:
    """One thing that a random schedule does."""

    what: str
    frame: int
    length: int
    level: float
    turn: float

    def shape(self) -> Waveform:
        """An envelope of this length, of a kind that the length chooses too."""
        n = self.length
        return [
            drag(n, n / 4, self.turn / 7),
            gaussian(n, n / 4),
            gaussian_square(4 * n, n / 4, 2 * n),
            constant(3 * n),
            drag(n, n / 5, -0.6),
        ][n % 5]

    def write(self, lab: Lab, column: list[int]) -> None:
        """Write it at the end of what the builder has."""
        build, frame = lab.build, lab.drive[self.frame]
        if self.what == "play":
            build.play(frame, self.shape(), amplitude=self.level, phase=self.turn)
        elif self.what == "z":
            build.shift_phase(frame, self.turn)
        elif self.what == "wait":
            build.wait(self.length)
        elif self.what == "delay":
            build.delay(frame, self.length)
        elif self.what == "flux":
            build.play(lab.flux, cosine_square(2 * self.length, self.length // 2), amplitude=self.level)
        elif self.what == "move":
            build.set_frequency(frame, build._frames[frame].frequency + 4e6 * round(self.turn))
        elif self.what == "measure":
            qubit = self.frame % len(READOUTS)
            column.append(build.column(Column(f"c{len(column)}", output=Output.IQ)))
            lab.measure(*[column[-1] if k == qubit else None for k in range(len(READOUTS))], level=self.level, turn=self.turn)


def steps(*what: str) -> st.SearchStrategy[Step]:
    """Any of these, with any numbers."""
    return st.builds(
        Step,
        what=st.sampled_from(what),
        frame=st.integers(0, len(DRIVES) - 1),
        length=st.integers(8, 60),
        level=st.integers(-45, 45).map(lambda k: k / 100),
        turn=st.integers(-700, 700).map(lambda k: k / 100),
    )


OFFSETS = st.lists(st.integers(-4 * 380_000_000, 4 * 380_000_000), min_size=FREQUENCIES, max_size=FREQUENCIES)
KINDS_OF_STEPS = ("play", "play", "play", "z", "move", "wait", "delay", "flux", "measure")


@st.composite
def fixed_schedules(draw: st.DrawFn) -> tuple[Schedule, Table]:
    """Any steps, no slots: one row."""
    lab, columns = Lab(draw(OFFSETS)), []
    for step in draw(st.lists(steps(*KINDS_OF_STEPS), min_size=4, max_size=12)):
        step.write(lab, columns)
    return lab.build.build(), Table.single()


SWEEPS = {
    SlotKind.PHASE: lambda step: (step.turn, 0.1 + step.turn / 3),
    SlotKind.AMPLITUDE: lambda step: (abs(step.level), -step.level / 5),
    SlotKind.FREQUENCY: lambda step: (1e6 * step.turn, 1e5 * step.turn),
    SlotKind.DURATION: lambda step: (step.length, step.length // 4),
}


@st.composite
def swept_schedules(draw: st.DrawFn) -> tuple[Schedule, Table]:
    """Steps around a linear axis of one or two kinds of slots, and perhaps rows of phases and amplitudes."""
    lab, columns = Lab(draw(OFFSETS)), []
    build = lab.build
    axis = build.axis(draw(st.integers(2, 4)))
    kinds = draw(st.lists(st.sampled_from(list(SWEEPS)), min_size=1, max_size=2, unique=True))
    frame = lab.drive[draw(st.integers(0, len(DRIVES) - 1))]
    swept = {kind: axis.sweep(kind, *SWEEPS[kind](draw(steps("sweep")))) for kind in kinds}
    if SlotKind.FREQUENCY in swept:
        build.set_frequency(frame, swept[SlotKind.FREQUENCY])
    for step in draw(st.lists(steps("play", "play", "z"), min_size=1, max_size=4)):
        step.write(lab, columns)
    options = {"phase": swept[SlotKind.PHASE]} if SlotKind.PHASE in swept else {}
    build.play(frame, drag(24, 6, 0.7), amplitude=swept.get(SlotKind.AMPLITUDE, 0.3), scale=0.8, **options)
    if SlotKind.DURATION in swept:
        build.wait(swept[SlotKind.DURATION])
        build.play(frame, drag(20, 5, -0.4), amplitude=-0.4)
    kinds_after = [what for what in KINDS_OF_STEPS if what != "move"]  # its phase would need a product of slots
    for step in draw(st.lists(steps(*kinds_after), max_size=4)):
        step.write(lab, columns)
    rows = draw(st.integers(1, 3))
    if rows > 1:
        build.play(
            lab.drive[1], gaussian(20, 5), amplitude=build.slot(SlotKind.AMPLITUDE), phase=build.slot(SlotKind.PHASE), scale=0.4
        )
    schedule = build.build(draw(st.sampled_from(["sequential", "cyclic"])))
    values = draw(st.lists(st.integers(-100, 100), min_size=rows * len(schedule.slots), max_size=rows * len(schedule.slots)))
    return schedule, Table(np.array(values, float).reshape(rows, len(schedule.slots)) / 100)


@st.composite
def schedules_with_rows(draw: st.DrawFn) -> tuple[Schedule, Table]:
    """Steps, some of whose phases are slots of few bits, with a row for each twirl."""
    lab, columns = Lab(draw(OFFSETS)), []
    build, bits = lab.build, draw(st.sampled_from([1, 2, 3, None]))
    slots = 0
    for step in draw(st.lists(steps(*KINDS_OF_STEPS, "play", "play"), min_size=3, max_size=10)):
        if step.what == "play" and step.length % 2:
            slots += 1
            build.play(lab.drive[step.frame], drag(20 + step.frame, 5, 0.8), step.level, build.slot(SlotKind.PHASE, bits=bits))
        else:
            step.write(lab, columns)
    rows = draw(st.integers(1, 5))
    words = np.array(draw(st.lists(st.integers(0, 999), min_size=rows * slots, max_size=rows * slots)), float).reshape(
        rows, slots
    )
    return build.build(draw(st.sampled_from(["sequential", "cyclic"]))), Table(
        words * 0.01 if bits is None else words % 2**bits * 2 * pi / 2**bits
    )


@st.composite
def measured_schedules(draw: st.DrawFn) -> tuple[Schedule, Table]:
    """One or two rounds of readout side by side, single shots and means, with kernels and phases, in rows and on an axis."""
    lab = Lab(draw(OFFSETS))
    build = lab.build
    rows, points = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    turned = build.slot(SlotKind.PHASE)
    swept = build.sweep(SlotKind.PHASE, 0.4, 0.9, points) if points > 1 else turned
    phase = draw(st.sampled_from([turned, swept, 1.3]))
    kernel = draw(st.sampled_from([None, Waveform.of(gaussian(300, 80).expand() * np.exp(0.7j)), gaussian_square(300, 20, 200)]))
    build.play(lab.drive[0], drag(20, 5, 0.6), amplitude=0.3, phase=turned)
    for turn in range(draw(st.integers(1, 2))):
        build.barrier()
        start = build.now(lab.flux)
        for qubit in sorted(draw(st.sets(st.integers(0, len(READOUTS) - 1), min_size=1))):
            tone, window = lab.readout[qubit]
            column = build.column(Column(f"c{turn}{qubit}", output=Output.IQ, average=draw(st.booleans())))
            build.play(tone, gaussian_square(400, 10, 360), amplitude=0.2 + 0.1 * qubit, phase=0.5 + turn, at=start)
            build.capture(window, column, 300, kernel=kernel, phase=phase, at=start + 48)
        build.wait(40)
    schedule = build.build(draw(st.sampled_from(["sequential", "cyclic"])))
    return schedule, Table(np.linspace(0.1, 2.1, rows * len(schedule.slots)).reshape(rows, len(schedule.slots)))
