"""What a gate of a snapshot does: its pulses, played by the emulator on a basis of operators instead of states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Builder, Schedule, Table
from qpu_bridge.target import Snapshot
from qpu_bridge.target.gate import GateSpec
from qpu_bridge.target.shape import waveform
from qpu_emulator.bring_up.echoed import ECR
from qpu_emulator.chip.device import Device
from qpu_emulator.chip.line import IDEAL as IDEAL_LINE
from qpu_emulator.engines.choice import density_matrix
from qpu_emulator.engines.density_matrix import DensityMatrix
from qpu_emulator.engines.engine import Index, Real
from qpu_emulator.noise import Spectrum
from qpu_emulator.performance import Performance
from qpu_emulator.scales import Scales
from qpu_emulator.score.program import compile_program
from qpu_emulator.score.values import Values
from qpu_emulator.score.wiring import Wiring
from qpu_emulator.windows.basis import superoperator
from qpu_emulator.windows.library import Library

_X = np.array([[0, 1], [1, 0]])
IDEAL = {
    "sx": (np.eye(2) - 1j * _X) / np.sqrt(2),
    "x": -1j * _X,
    "cz": np.diag([1, 1, 1, -1]).astype(complex),
    "ecr": ECR,
}
_QUBIT = [0, 1, 3, 4]
"""Of the nine operators of a transmon of three levels, the qubit's: populations, X and Y."""


class _Basis(DensityMatrix):
    """Each lane begins with an operator of the basis."""

    def start(self, excited: Real, point: Index, draws: NDArray[np.uint64]) -> None:
        (cluster,) = self._clusters
        single = np.eye(9)[:, _QUBIT]
        self.states = [single if len(cluster) == 1 else np.kron(single, single)]


class Player:
    """Plays single gates of a device, with relaxation, without slow noise and neighbours, and compares them with their matrices.

    Args:
        device: The truth.
        snapshot: Whose pulses.
    """

    def __init__(self, device: Device, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._scales = Scales(low_frequency=0, zz=0, readout=0, thermal=0)
        self._library, self._wiring = Library(device, self._scales), Wiring(device)
        # a line that delays a carrier turns the axes about which its pulses turn
        delays = [device.lines.get(device.line_of(q), IDEAL_LINE).delay for q in range(len(device.transmons))]
        self._axes = [2 * np.pi * (t.frequency * delay % 1.0) for t, delay in zip(device.transmons, delays, strict=True)]

    def infidelity(self, gate: GateSpec) -> float:
        """Average infidelity of a gate; what has leaked is lost."""
        size = len(gate.qubits)
        program = compile_program(self._alone(gate), self._library.device, self._library.zz, self._wiring)
        # rows stand for the operators of the basis
        table = Table(np.zeros((4**size, 0)))
        choice = density_matrix(program, Spectrum.in_program(program, self._library.device, 0.0), 1)
        choice = replace(choice, make=lambda program, library, spectrum: _Basis(program.clusters, library))
        performance = Performance(program, self._library, self._scales, 1, 1, 1.0, choice)
        values = Values.of_rows(program, table)
        cold = np.zeros((len(values.points), len(self._library.device.transmons)))
        _, _, engine = performance._once(values, cold, len(table), 0, range(1))
        assert isinstance(engine, _Basis)
        (cluster,) = program.clusters
        kept = _QUBIT if size == 1 else [9 * a + b for a in _QUBIT for b in _QUBIT]
        found = engine.states[0][kept]
        # populations come first in each transmon's four
        populations = [0, 1] if size == 1 else [0, 1, 4, 5]
        seen = found[np.ix_(populations, populations)].sum() / 2**size
        process = (superoperator(self._ideal(gate, cluster)[None], 2, 2, size)[0] * found).sum() / 4**size
        return float(1 - (2**size * process + seen) / (2**size + 1))

    def _alone(self, gate: GateSpec) -> Schedule:
        snapshot = self._snapshot
        builder = Builder(snapshot.clock)
        known = {frame.name: frame for frame in snapshot.frames}
        kinds = {port.name: port.kind for port in snapshot.ports}
        names = dict.fromkeys(pulse.frame for pulse in gate.pulses)
        ports = {port: builder.port(port, kinds[port]) for port in dict.fromkeys(known[name].port for name in names)}
        frames = {name: builder.frame(name, ports[known[name].port], known[name].frequency) for name in names}
        for pulse in gate.pulses:
            shape = waveform(snapshot.waveforms[pulse.waveform])
            assert isinstance(pulse.amplitude, float)
            assert isinstance(pulse.phase, float | int)
            builder.play(frames[pulse.frame], shape, pulse.amplitude, pulse.phase, at=pulse.start)
        builder.barrier()
        builder.wait(gate.duration - builder.now(next(iter(frames.values()))))
        return builder.build()

    def _ideal(self, gate: GateSpec, cluster: tuple[int, ...]) -> NDArray[np.complex128]:
        """The matrix that the pulses alone should be: without the gate's virtual Z, the cluster's first qubit varying slowest."""
        turns = dict.fromkeys(gate.qubits, 0.0)
        for phase in gate.phases:
            assert isinstance(phase.angle, float | int)
            turns[phase.qubit] += phase.angle
        undone, axes = np.ones(1), np.ones(1)
        for qubit in gate.qubits:
            undone = np.kron(undone, np.exp([0.5j * turns[qubit], -0.5j * turns[qubit]]))
            axes = np.kron(axes, [1, np.exp(1j * self._axes[qubit])])
        ideal = undone[:, None] * axes[:, None] * IDEAL[gate.name] * axes.conj()
        if cluster != gate.qubits:
            other = [0, 2, 1, 3]
            ideal = ideal[np.ix_(other, other)]
        return np.asarray(ideal)
