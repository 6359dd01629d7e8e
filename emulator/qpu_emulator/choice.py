"""Which engine plays a run: by cluster size, shots and structure, or as the user says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qpu_bridge.driver import Setting
from qpu_emulator.density_matrix import DensityMatrix
from qpu_emulator.engine import Engine
from qpu_emulator.noise import Spectrum
from qpu_emulator.program import Program
from qpu_emulator.window import Library

WISHES = (
    Setting(
        name="engine",
        kind="text",
        description="Engine that plays the run; refused if it cannot.",
        choices=("density_matrix", "trajectories", "pauli_frames", "tensor_network"),
    ),
    Setting(
        name="shots_per_trajectory",
        kind="integer",
        description="Shots that share one trajectory, its noise and its jumps.",
        minimum=1,
    ),
)
"""What a run may ask for, beside the factors on noise."""

_SHOTS_PER_SLICE = 32
_MOST_SLICES = 64
_MOST_SHARED = 16
_SHARED_FROM = 8
_FEW_TRAJECTORIES = 256


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine and how shots are dealt to it.

    Attributes:
        name: Of the engine.
        lanes_per_point: States per row and sweep point.
        bytes_per_lane: Memory of each.
        make: Builds the engine for one part of a run.
        levels: Per qubit of each cluster.
        shared: What the notes call the number of shots in a lane.
        approximations: What it leaves out.
    """

    name: str
    lanes_per_point: int
    bytes_per_lane: int
    make: Callable[[Program, Library, Spectrum], Engine]
    levels: list[int]
    shared: str
    approximations: tuple[str, ...] = ()


def choose(program: Program, library: Library, spectrum: Spectrum, shots: int, wishes: Mapping[str, object]) -> Choice:
    """The engine for a run."""
    shared = wishes.get("shots_per_trajectory")
    wanted = wishes.get("engine")
    if wanted == "trajectories":
        return trajectories(program, shots, None if shared is None else int(str(shared)))
    return density_matrix(program, spectrum, shots)


def trajectories(program: Program, shots: int, shared: int | None = None) -> Choice:
    """Pure states with jumps."""
    from qpu_emulator.trajectories import Trajectories

    largest = max(map(len, program.clusters), default=0)
    if shared is None:
        shared = 1 if largest < _SHARED_FROM else min(_MOST_SHARED, -(-shots // _FEW_TRAJECTORIES))

    def make(program: Program, library: Library, spectrum: Spectrum) -> Engine:
        return Trajectories(program.clusters, library)

    said = [
        "pure states in single precision; a leaked qubit takes no part in pulses until it relaxes",
        "slow noise is averaged over a twentieth of the correlation time of each process",
        "idle ZZ between two windows on two qubits acts through its mean over the pulses between them",
    ]
    if shared > 1:
        said.append(f"groups of {shared} shots share a trajectory: their noise and jumps are the same")
    lanes = -(-shots // shared)
    size = Trajectories.bytes_per_lane(program.clusters)
    return Choice(Trajectories.name, lanes, size, make, [3] * len(program.clusters), "shots_per_trajectory", tuple(said))


def density_matrix(program: Program, spectrum: Spectrum, shots: int) -> Choice:
    """Density matrices on slices of the slow noise."""
    slices = 1 if spectrum.silent else min(-(-shots // _SHOTS_PER_SLICE), _MOST_SLICES, shots)
    said = ["shots of one slice share their slow frequency noise"] if slices > 1 else []
    if 2 in DensityMatrix.levels_of(program.clusters):
        said.append("clusters of more than 3 qubits keep 2 levels; what leaks counts as excited")

    def make(program: Program, library: Library, spectrum: Spectrum) -> Engine:
        return DensityMatrix(program.clusters, library)

    size, levels = DensityMatrix.bytes_per_lane(program.clusters), DensityMatrix.levels_of(program.clusters)
    return Choice(DensityMatrix.name, slices, size, make, levels, "shots_per_slice", tuple(said))
