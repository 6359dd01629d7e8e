"""Compile, or load from disk, all machine code before the driver says that it is ready."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from qpu_bridge.schedule import Acquisition, Builder, Column, Discriminator, Output, PortKind, SlotKind, Table, shapes
from qpu_bridge.units import Clock
from qpu_emulator.chip.device import TunableCoupler
from qpu_emulator.engines.choice import density_matrix
from qpu_emulator.noise import Spectrum
from qpu_emulator.performance import Performance
from qpu_emulator.scales import Scales
from qpu_emulator.score.program import compile_program
from qpu_emulator.windows.library import Library


def warm_up(library: Library) -> None:
    """Play a short schedule on the device that calls every compiled function."""
    device = library.device
    builder = Builder(Clock(Fraction(1, 10**9)))
    lines: dict[str, int] = {}
    # what one line delays must not meet what follows on another
    latest = max((-(-line.delay // 1e-9) for line in device.lines.values()), default=0)

    def port(name: str, kind: PortKind) -> int:
        if name not in lines:
            lines[name] = builder.port(name, kind)
        return lines[name]

    pairs, offset = list[tuple[int, int]](), builder.slot(SlotKind.FREQUENCY)
    for resonator in device.resonators[:2]:
        swept = builder.frame(f"swept {resonator.qubit}", port(resonator.port, PortKind.READOUT), resonator.frequency)
        builder.set_frequency(swept, offset)
    # one coupler of each kind
    for coupler in {coupler.kind: coupler for coupler in device.couplers}.values():
        if isinstance(coupler, TunableCoupler):
            builder.play(builder.frame("flux", port(coupler.port, PortKind.FLUX), 0.0), shapes.cosine_square(8, 2), 0.5)
        else:
            control, target = coupler.qubits
            across = device.transmons[target].frequency
            own = port(device.line_of(control), PortKind.DRIVE)
            builder.play(builder.frame("across", own, across), shapes.gaussian_square(12, 1, 8), 0.1)
        builder.wait(int(latest))
    for resonator in device.resonators[:2]:
        transmon = device.transmons[resonator.qubit]
        drive = builder.frame(f"q{resonator.qubit}", port(next(iter(transmon.rabi)), PortKind.DRIVE), transmon.frequency)
        builder.play(drive, shapes.drag(8, 2, 0.1), 0.1)
        tone = builder.frame(f"m{resonator.qubit}", port(resonator.port, PortKind.READOUT), resonator.frequency)
        ear = builder.frame(f"a{resonator.qubit}", port(resonator.acquire_port, PortKind.ACQUIRE), resonator.frequency)
        pairs.append((tone, ear))
        for acquisition in (Acquisition.INTEGRATED, Acquisition.RAW):
            line = Discriminator(0.0, 0.0) if acquisition is Acquisition.INTEGRATED else None
            name = f"{acquisition.value} {resonator.qubit}"
            column = builder.column(Column(name, acquisition, Output.BOTH, discriminator=line))
            builder.wait(int(latest))
            builder.play(tone, shapes.constant(8))
            builder.capture(ear, column, 8)
            builder.barrier()
    # side by side, the last of them swept
    start = max((builder.now(ear) for _, ear in pairs), default=0)
    for number, (tone, ear) in enumerate(pairs):
        builder.play(swept if number == len(pairs) - 1 else tone, shapes.constant(8), at=start)
        builder.capture(ear, builder.column(Column(f"beside {number}", output=Output.IQ)), 8, at=start)
    for tone, ear in pairs[:1]:
        builder.play(tone, shapes.constant(8))
        builder.capture(ear, builder.column(Column("mean", Acquisition.RAW, average=True)), 8)
    schedule = builder.build()
    program = compile_program(schedule, device, library.zz)
    choice = replace(density_matrix(program, Spectrum.of(device, program.qubits, 1.0, 1e-6), 64), pilots=(64, 1))
    performance = Performance(program, library, Scales(), 64, 0, 0.0, choice)
    table = Table(np.array([[0.0], [1e6]]))
    performance.play(table, 0, performance.starting(table, 0), range(performance.lanes))
