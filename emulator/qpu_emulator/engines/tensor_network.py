"""The tensor-network engine: shallow circuits of any width as matrix product states, by Aer.

Aer's compiled core is asked directly (``qiskit_aer.backends.controller_wrappers``): no circuit of Qiskit is built. No other file
of the emulator loads Aer, and this one only when such a run comes.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import DriverFault, UnsupportedOption
from qpu_emulator.engines.engine import IDLE, ONE, TWO, Index, Plan
from qpu_emulator.engines.unravelling import kraus
from qpu_emulator.noise import Spectrum
from qpu_emulator.windows.basis import Complex, Real, superoperator
from qpu_emulator.windows.library import Library

TRUNCATION = 1e-8
_NEGLIGIBLE = 1e-7
_X = np.array([[0, 1], [1, 0]], complex)
_PAULIS = np.array([_X, [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_EYE = np.eye(4)


class TensorNetwork:
    """One Aer circuit of Kraus channels per cluster and lane; shots of a lane share its slow noise only.

    Args:
        clusters: Qubits of each cluster.
        library: Windows of the device.
        spectrum: Unused; every lane draws its own noise.
        bond: Largest bond dimension.
    """

    name: ClassVar[str] = "tensor_network"
    draws_noise: ClassVar[bool] = True
    noise_grain: ClassVar[float] = 0.05

    def __init__(self, clusters: list[tuple[int, ...]], library: Library, spectrum: Spectrum, bond: int) -> None:
        self._clusters = clusters
        self._library = library
        self._bond = bond
        self.levels = [2] * len(clusters)
        self._draws: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._written: list[list[list[tuple[tuple[int, ...], list[Complex]]]]] = []
        self._waiting: list[list[list[Real]]] = []
        self._turns: list[list[dict[tuple[int, int], Real]]] = []

    def start(self, excited: Real, point: Index, draws: NDArray[np.uint64]) -> None:
        """Ground states, with thermal flips as channels."""
        self._draws = draws
        for cluster in self._clusters:
            starts = []
            for row in point.tolist():
                flips = [float(excited[row, qubit]) for qubit in cluster]
                starts.append([_flip(flip) for flip in flips])
            self._waiting.append(starts)
            self._written.append([[] for _ in starts])
            self._turns.append([{} for _ in starts])

    def evolve(self, number: int, chosen: Index, plan: Plan) -> None:
        """Gather what acts on single qubits; write one channel at every window on two."""
        idle, one, two = self._library.idle[0], self._library.maps(1, 2), self._library.maps(2, 2)
        for place, lane in enumerate(chosen.tolist()):
            waiting, turns, written = self._waiting[number][lane], self._turns[number][lane], self._written[number][lane]
            for step, (kind, a, b) in enumerate(plan.steps.tolist()):
                index, angle = int(plan.index[step, place]), float(plan.angle[step, place])
                if kind == IDLE:
                    waiting[a] = _idle(idle.mixing[index], float(idle.fading[index, 0]), angle) @ waiting[a]
                elif kind == ONE:
                    delta = plan.shift[step, place]
                    waiting[a] = (one[index, 0] + delta * (one[index, 1] + delta * one[index, 2])) @ waiting[a]
                elif kind == TWO:
                    self._settle(written, turns, waiting, {a, b}, (a, b))
                    both = np.kron(waiting[a], waiting[b])
                    if (a, b) in turns or (b, a) in turns:
                        turn = turns.pop((a, b)) if (a, b) in turns else turns.pop((b, a)).T
                        both = both @ superoperator(_exchange(turn), 2, 2, systems=2)
                    written.append(((a, b), _channel(two[index] @ both, 2)))
                    waiting[a], waiting[b] = _EYE, _EYE
                else:
                    seen = np.outer(_axis(waiting[a]), _axis(waiting[b]))
                    turns[a, b] = turns.get((a, b), np.zeros((3, 3))) + angle / 4 * seen

    @staticmethod
    def _settle(
        written: list[tuple[tuple[int, ...], list[Complex]]],
        turns: dict[tuple[int, int], Real],
        waiting: list[Real],
        touched: set[int],
        own: tuple[int, int],
    ) -> None:
        """Write the ZZ turns of some qubits with others."""
        foreign = [pair for pair in turns if touched & set(pair) and set(pair) != set(own)]
        written += [(pair, [_exchange(turns.pop(pair))]) for pair in foreign]

    def excitation(self, number: int, position: int) -> Real:
        """From a few shots of each lane."""
        every = np.arange(len(self._written[number]))
        shots = np.repeat(every, 8)
        found = self.sample(number, every, np.array([position]), self._draws, shots, shots)
        return np.asarray(found.reshape(-1, 8).mean(axis=1))

    def sample(
        self, number: int, chosen: Index, measured: Index, draws: NDArray[np.uint64], shots: Index, where: Index
    ) -> NDArray[np.int64]:
        """Aer's trajectories of the Kraus channels."""
        from qiskit_aer.backends.controller_wrappers import AerCircuit, AerConfig, aer_controller_execute

        qubits = len(self._clusters[number])
        out = np.zeros((len(shots), len(measured)), np.int64)
        circuits: list[Any] = []
        places: list[Index] = []
        for place, lane in enumerate(chosen.tolist()):
            mine = np.flatnonzero(where == place)
            if not len(mine):
                continue
            written, waiting = list(self._written[number][lane]), list(self._waiting[number][lane])
            turns = dict(self._turns[number][lane])
            self._settle(written, turns, waiting, set(range(qubits)), (-1, -1))
            written += [((q,), _channel(waiting[q], 1)) for q in range(qubits) if waiting[q] is not _EYE]
            circuit = AerCircuit()
            circuit.set_header({})
            circuit.num_qubits, circuit.num_memory = qubits, qubits
            for acted, operators in written:
                _write(circuit, acted, operators)
            every = list(range(qubits))
            circuit.measure(every, every, every)
            circuit.shots, circuit.seed = len(mine), (int(self._draws[lane]) + number) % 2**31
            circuit.circ_id = len(circuits)
            circuits.append(circuit)
            places.append(mine)
        config = AerConfig()
        config.method, config.memory, config.memory_slots, config.n_qubits = "matrix_product_state", True, qubits, qubits
        config.matrix_product_state_max_bond_dimension = self._bond
        config.matrix_product_state_truncation_threshold = TRUNCATION
        config.max_parallel_threads = 1
        config.shots = 1
        for circuit, mine in zip(circuits, places, strict=True):
            config.shots, config.seed_simulator = circuit.shots, circuit.seed
            out[mine] = self._run(aer_controller_execute(), circuit, config, len(mine), qubits)[:, measured]
        return out

    @staticmethod
    def _run(core: Any, circuit: Any, config: Any, shots: int, qubits: int) -> NDArray[np.int64]:
        answer = core.execute([circuit], {}, config)
        result = answer["results"][0]
        if not result["success"]:
            raise DriverFault("Aer must simulate the circuit", given=str(result.get("status")))
        words = [int(word, 16) for word in result["data"]["memory"]]
        found = np.array([[word >> q & 1 for q in range(qubits)] for word in words], np.int64)
        assert found.shape == (shots, qubits)
        return found

    def branch(self, parents: Index, children: Index, count: int, draws: NDArray[np.uint64]) -> None:
        """Refused beforehand."""
        raise UnsupportedOption(f"{self.name} must not be asked to follow single shots", given="a measurement on the way")

    def collapse(self, number: int, lanes: Index, position: int, before: Index, after: Index) -> None:
        """Refused beforehand."""
        raise UnsupportedOption(f"{self.name} must not be asked to follow single shots", given="a measurement on the way")


def _flip(chance: float) -> Real:
    if chance == 0.0:
        return _EYE
    return np.asarray((1 - chance) * _EYE + chance * superoperator(_X, 2, 2))


def _idle(mixing: Real, fading: float, angle: float) -> Real:
    out = np.zeros((4, 4))
    out[:2, :2] = mixing
    c, s = fading * np.cos(angle), fading * np.sin(angle)
    out[2, 2], out[2, 3], out[3, 2], out[3, 3] = c, s, -s, c
    return out


def _axis(matrix: Real) -> Real:
    """Where Z was before what is pending."""
    row = (matrix[0] - matrix[1]) / 2
    axis = np.array([np.sqrt(2) * row[2], np.sqrt(2) * row[3], row[0] - row[1]])
    return np.asarray(axis / max(float(np.linalg.norm(axis)), 1e-300))


def _exchange(turn: Real) -> Complex:
    """``exp(-i H)`` of ``H = sum C_jk s_j s_k``."""
    hamiltonian = np.einsum("jk,jab,kcd->acbd", turn, _PAULIS, _PAULIS).reshape(4, 4)
    values, vectors = np.linalg.eigh(hamiltonian)
    return np.asarray((vectors * np.exp(-1j * values)) @ vectors.conj().T)


def _channel(matrix: Real, systems: int) -> list[Complex]:
    """Kraus operators, the negligible ones left away and the rest scaled to keep the trace."""
    operators = [k for k in kraus(matrix, systems, 2) if np.linalg.norm(k) ** 2 > _NEGLIGIBLE]
    whole = np.asarray(sum(k.conj().T @ k for k in operators))
    values, vectors = np.linalg.eigh(whole)
    mend = (vectors / np.sqrt(values)) @ vectors.conj().T
    return [k @ mend for k in operators]


def _write(circuit: Any, acted: tuple[int, ...], operators: list[Complex]) -> None:
    # Aer counts qubits of a matrix from the fastest
    qubits = list(reversed(acted))
    if len(operators) == 1:
        circuit.unitary(qubits, np.asfortranarray(operators[0]), -1, None, "unitary")
    else:
        circuit.kraus(qubits, [np.asfortranarray(k) for k in operators], -1, None)
