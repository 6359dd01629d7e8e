"""Which engine plays a run: the cheapest that may, or the one that the user names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qpu_bridge.driver import Setting
from qpu_bridge.errors import UnsupportedOption
from qpu_emulator.engines.cost import work
from qpu_emulator.engines.density_matrix import DensityMatrix
from qpu_emulator.engines.engine import Ensemble, Follower
from qpu_emulator.noise import Spectrum
from qpu_emulator.score.program import Program
from qpu_emulator.windows.library import Library

ENGINE_SETTINGS = (
    Setting(
        name="engine",
        kind="text",
        description="Engine that plays the run; refused if it cannot.",
        choices=("density_matrix", "trajectories", "pauli_frames", "tensor_network"),
    ),
    Setting(
        name="bond_dimension",
        kind="integer",
        description="Largest bond dimension of the tensor network.",
        minimum=1,
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
"""So many shots or more of a density matrix share one path of the slow noise."""
_MOST_SLICES = 64
"""So many paths of the slow noise are drawn for a point at most, however many shots it has."""
_MOST_DENSE = 9
"""Qubits of the largest density matrix; a lane of it takes 2 MiB."""
_MOST_PURE = 22
"""Qubits of the largest pure state; a lane of it takes 32 MiB."""
_BYTES_PER_ACTION = 2000
"""A generous estimate for what Pauli frames write of an action: lines of a circuit of stim, and what waits to be written."""
_BYTES_PER_CHANNEL = 4000
"""The same for the Kraus operators that the tensor network keeps of an action."""
_LEAST_FRAMES = 256
"""Shots for which stim takes memory, also if there are fewer."""
_BOND = 64
"""Largest bond dimension, unless a run names another."""
_MOST_SHARED = 16
"""Shots of a group in the tensor network; the most of a group in trajectories."""
_SHARED_FROM = 8
"""From so many qubits in a cluster on, groups of shots share a trajectory unless a run says otherwise; fewer are fast alone."""
_FEW_TRAJECTORIES = 256
"""Shots share a trajectory only as far as so many trajectories are left."""
_GLOW = "after a measurement on the way, photons in a resonator are those of one shot for all of its group"


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine and how shots are dealt to it.

    Attributes:
        name: Of the engine.
        lanes_per_point: States per row and sweep point.
        bytes_per_lane: Memory of each.
        bytes_per_history: Memory of a lane that has parted from another, if it is less.
        bytes_per_thread: Memory of what a thread works on, beside the states.
        block: Lanes that are played side by side.
        pilots: Lanes that find out where short waits leave the qubits, and how often they try.
        make: Builds the engine for one part of a run.
        levels: Per qubit of each cluster.
        shared: What the notes call the number of shots in a lane.
        approximations: What it leaves out.
        tones_pass: Whether readout tones act on qubits that they do not read.
    """

    name: str
    lanes_per_point: int
    bytes_per_lane: int
    make: Callable[[Program, Library, Spectrum], Ensemble | Follower]
    levels: list[int]
    shared: str
    approximations: tuple[str, ...] = ()
    bytes_per_history: int = 0
    bytes_per_thread: int = 0
    block: int = 1
    pilots: tuple[int, int] = (64, 6)
    tones_pass: bool = True


def choose(program: Program, library: Library, spectrum: Spectrum, shots: int, asked: Mapping[str, object]) -> Choice:
    """The engine for a run: the one that is asked for, or the cheapest (`cost`) of those that may play it.

    * density matrices, up to 9 qubits in a cluster; always up to 3, where they keep three levels;
    * trajectories, up to 22;
    * the tensor network at any width. Who names a bond dimension wants it; who names shots that share a trajectory, it or them;
    * Pauli frames beyond 22 qubits; whoever calls tries them, and takes the tensor network where a window is no Clifford.

    Raises:
        UnsupportedOption: If the engine that is asked for cannot play the program, or has no use for another setting.
    """
    largest = max(map(len, program.clusters), default=0)
    given = asked.get("shots_per_trajectory")
    shared = None if given is None else int(str(given))
    bond = int(str(asked.get("bond_dimension", _BOND)))
    wanted = asked.get("engine") or _cheapest(program, spectrum, shots, asked, shared, bond)
    if shared is not None and wanted in (DensityMatrix.name, "pauli_frames"):
        raise UnsupportedOption("shots_per_trajectory needs an engine of trajectories", given=str(wanted))
    if "bond_dimension" in asked and wanted != "tensor_network":
        raise UnsupportedOption("bond_dimension needs the engine tensor_network", given=str(wanted))
    if wanted == DensityMatrix.name:
        if largest > _MOST_DENSE:
            raise _too_large(DensityMatrix.name, largest, _MOST_DENSE)
        return density_matrix(program, spectrum, shots)
    if wanted == "trajectories":
        if largest > _MOST_PURE:
            raise _too_large("trajectories", largest, _MOST_PURE)
        return trajectories(program, shots, shared)
    if wanted == "pauli_frames":
        return pauli_frames(program, shots)
    return tensor_network(program, shots, shared, bond)


def _cheapest(
    program: Program, spectrum: Spectrum, shots: int, asked: Mapping[str, object], shared: int | None, bond: int
) -> str:
    largest = max(map(len, program.clusters), default=0)
    if "bond_dimension" in asked:
        return "tensor_network"
    if shared is None and 2 not in DensityMatrix.levels_of(program.clusters):
        return DensityMatrix.name
    if shared is None and largest > _MOST_PURE:
        return "pauli_frames"
    clusters, costs = work(program), {}
    if shared is None and largest <= _MOST_DENSE:
        found = density_matrix(program, spectrum, shots)
        each = zip(clusters, found.levels, strict=True)
        costs[found.name] = sum(one.density_matrix(shots, found.lanes_per_point, levels) for one, levels in each)
    if largest <= _MOST_PURE:
        found = trajectories(program, shots, shared)
        costs[found.name] = sum(one.trajectories(found.lanes_per_point) for one in clusters)
    found = tensor_network(program, shots, shared, bond)
    costs[found.name] = sum(one.tensor_network(shots, found.lanes_per_point, bond) for one in clusters)
    return min(costs, key=costs.__getitem__)


def _too_large(name: str, largest: int, most: int) -> UnsupportedOption:
    return UnsupportedOption(
        f"a cluster must have at most {most} qubits for the engine {name}",
        given=f"{largest} qubits that pulses or ZZ join",
        remedy="Leave the choice of the engine to the emulator.",
    )


def tensor_network(program: Program, shots: int, shared: int | None = None, bond: int = _BOND) -> Choice:
    """Matrix product states with Kraus channels."""
    from qpu_emulator.engines.matrix_product import TRUNCATION
    from qpu_emulator.engines.tensor_network import TensorNetwork

    if shared is None:
        # where control parts the shots anyway, they begin apart
        shared = 1 if program.control else _MOST_SHARED

    def make(program: Program, library: Library, spectrum: Spectrum) -> Follower:
        return TensorNetwork(program.clusters, library, spectrum, bond)

    said = [
        f"matrix product states of bond dimension at most {bond}, singular values truncated at {TRUNCATION:g}",
        "idle ZZ between two windows on two qubits acts through its mean over the pulses between them",
        "levels above 1 count as 1",
    ]
    if shared > 1:
        said.append(f"groups of {shared} shots share their slow noise")
        said += [_GLOW] * bool(program.lit)
    actions = sum(len(score.actions) for score in program.scores.values())
    # channels, and in each shot a tensor per qubit
    tensors = sum(64 * one.bond(bond) ** 2 * one.qubits for one in work(program))
    size = _BYTES_PER_CHANNEL * actions + shared * tensors
    lanes, levels = -(-shots // shared), [2] * len(program.clusters)
    return Choice(
        TensorNetwork.name, lanes, size, make, levels, "shots_per_trajectory", tuple(said), pilots=(max(4, 16 // shared), 3)
    )


def pauli_frames(program: Program, shots: int) -> Choice:
    """Cliffords with Pauli errors."""
    from qpu_emulator.engines.pauli_frames import PauliFrames

    def make(program: Program, library: Library, spectrum: Spectrum) -> Follower:
        return PauliFrames(program.clusters, library, spectrum)

    said = [
        "windows are the Cliffords they are nearest to, their errors, relaxation and idle ZZ are twirled to Pauli errors: "
        "outside of readout 0 is excited as often as 1 decays",
        "slow noise acts as independent phase errors in each idle time",
        "levels above 1 count as 1",
    ]
    if program.lit:
        said.append(_GLOW)
    if program.passing:
        said.append("readout tones leave the qubits alone that they do not read")
    actions, qubits = sum(len(score.actions) for score in program.scores.values()), sum(map(len, program.clusters))
    # a circuit, and two bits per qubit and shot
    size = _BYTES_PER_ACTION * (actions + qubits) + qubits * max(shots, _LEAST_FRAMES) // 4
    levels, apart = [2] * len(program.clusters), _BYTES_PER_ACTION * qubits
    return Choice(PauliFrames.name, 1, size, make, levels, "shots_per_circuit", tuple(said), apart, tones_pass=False)


def trajectories(program: Program, shots: int, shared: int | None = None) -> Choice:
    """Pure states with jumps."""
    from qpu_emulator.engines.trajectories import Trajectories
    from qpu_emulator.engines.vectors import WIDTH

    largest = max(map(len, program.clusters), default=0)
    if shared is None:
        shared = 1 if largest < _SHARED_FROM else min(_MOST_SHARED, -(-shots // _FEW_TRAJECTORIES))

    def make(program: Program, library: Library, spectrum: Spectrum) -> Ensemble:
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
    levels, scratch = [3] * len(program.clusters), Trajectories.bytes_per_thread(program.clusters)
    return Choice(
        Trajectories.name, lanes, size, make, levels, "shots_per_trajectory", tuple(said), 0, scratch, WIDTH, (WIDTH, 3)
    )


def density_matrix(program: Program, spectrum: Spectrum, shots: int) -> Choice:
    """Density matrices on slices of the slow noise."""
    slices = 1 if spectrum.silent else min(-(-shots // _SHOTS_PER_SLICE), _MOST_SLICES, shots)
    said = [] if spectrum.silent else ["slow noise acts through its mean over angles of 1e-3 rad"]
    if slices > 1:
        said.append("shots of one slice share their slow frequency noise")
    if 2 in DensityMatrix.levels_of(program.clusters):
        said.append("clusters of more than 3 qubits keep 2 levels; what leaks counts as excited")

    def make(program: Program, library: Library, spectrum: Spectrum) -> Ensemble:
        return DensityMatrix(program.clusters, library)

    size, levels = DensityMatrix.bytes_per_lane(program.clusters), DensityMatrix.levels_of(program.clusters)
    return Choice(DensityMatrix.name, slices, size, make, levels, "shots_per_slice", tuple(said))
