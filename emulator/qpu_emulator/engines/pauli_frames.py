"""The Pauli-frame engine (stim): circuits of any width whose windows are near Cliffords, with twirled noise."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.engine import IDLE, ONE, TWO, Index, Plan, dealt
from qpu_emulator.engines.frames import Frames
from qpu_emulator.engines.track import Pair, Track
from qpu_emulator.engines.twirling import rotation, transfer
from qpu_emulator.noise import Spectrum
from qpu_emulator.windows.basis import Real
from qpu_emulator.windows.library import Library


class PauliFrames:
    """One stim circuit per cluster and lane; a lane is a point, with all its shots that control has sent the same way.

    Args:
        clusters: Qubits of each cluster.
        library: Windows of the device.
        spectrum: Slow noise, which is averaged over.
    """

    name: ClassVar[str] = "pauli_frames"
    draws_noise: ClassVar[bool] = False
    noise_grain: ClassVar[float] = 0.0

    def __init__(self, clusters: list[tuple[int, ...]], library: Library, spectrum: Spectrum) -> None:
        self._clusters = clusters
        self._library = library
        self.levels = [2] * len(clusters)
        touched = sorted(qubit for cluster in clusters for qubit in cluster)
        self._variance = dict(zip(touched, spectrum.variance, strict=True))
        self._tracks: list[list[Track]] = []
        self._frames: list[list[Frames | None]] = []
        self._pairs: dict[bytes, Pair] = library.unravelled.setdefault(-TWO, {})

    def start(self, excited: Real, point: Index, draws: NDArray[np.uint64]) -> None:
        """Ground states with thermal flips."""
        for cluster in self._clusters:
            tracks = [Track(cluster, self._pairs) for _ in point]
            for track, row in zip(tracks, point.tolist(), strict=True):
                for position, qubit in enumerate(cluster):
                    track.excite(position, float(excited[row, qubit]))
            self._tracks.append(tracks)
            self._frames.append([None] * len(point))

    def evolve(self, number: int, chosen: Index, plan: Plan) -> None:
        """Gather what acts on single qubits; write a Clifford and its errors at every window on two."""
        idle, cluster = self._library.idle[0], self._clusters[number]
        one, two = self._library.maps(1, 2), self._library.maps(2, 2)
        for place, lane in enumerate(chosen.tolist()):
            track = self._tracks[number][lane]
            for step, (kind, a, b) in enumerate(plan.steps.tolist()):
                index = int(plan.index[step, place])
                if kind == IDLE:
                    fade = np.exp(-self._variance[cluster[a]] * (2 * np.pi * plan.noisy[step, place]) ** 2 / 2)
                    track.wait(a, _idle(idle.mixing[index], idle.fading[index, 0] * fade, plan.angle[step, place]))
                elif kind == ONE:
                    track.wait(a, transfer(one[index, 0] + self._variance[cluster[a]] * one[index, 2], 1))
                elif kind == TWO:
                    track.window((a, b), transfer(two[index], 2))
                else:
                    track.turn((a, b), plan.angle[step, place])

    def sample(
        self, number: int, chosen: Index, measured: Index, draws: NDArray[np.uint64], shots: Index, where: Index
    ) -> NDArray[np.int64]:
        """Measure by stim's frames."""
        # the shots of a qubit side by side, as stim has them
        out = np.zeros((len(measured), len(shots)), np.int64)
        positions = measured.tolist()
        for lane, mine in dealt(chosen, where):
            seed = int(draws[shots[mine[0]]])
            out[:, mine] = self._advance(number, lane, positions, shots[mine], seed).measure(positions)
        return out.T

    def settle(self, number: int, chosen: Index, position: int, shots: Index, where: Index, changed: NDArray[np.bool_]) -> None:
        """Flip a qubit that has just been measured, where it has jumped since."""
        for lane, mine in dealt(chosen, where):
            frames = self._frames[number][lane]
            assert frames is not None
            assert np.array_equal(frames.shots, shots[mine])
            frames.flip(position, changed[mine])

    def branch(self, parents: Index, children: Index, count: int, draws: NDArray[np.uint64]) -> None:
        """Go on apart; each takes its own shots out of its parent's frames when it is looked at."""
        for tracks, frames in zip(self._tracks, self._frames, strict=True):
            for parent, child in zip(parents.tolist(), children.tolist(), strict=True):
                if child != parent:
                    assert child == len(tracks) < count
                    tracks.append(tracks[parent].copy())
                    frames.append(frames[parent])

    def _advance(self, number: int, lane: int, positions: list[int], shots: Index, seed: int) -> Frames:
        """Play what acts on some qubits of a lane."""
        frames, seed = self._frames[number][lane], (seed + number) % 2**63
        if frames is None:
            frames = Frames(len(self._clusters[number]), shots, seed)
        elif not np.array_equal(frames.shots, shots):
            frames = frames.only(shots, seed)
        self._frames[number][lane] = frames
        frames.play(self._tracks[number][lane].written(positions))
        return frames


def _idle(mixing: Real, fading: float, angle: float) -> Real:
    out = fading * rotation(angle)
    stay = (mixing[0, 0] + mixing[1, 1] - mixing[0, 1] - mixing[1, 0]) / 2
    drift = (mixing[0, 0] - mixing[1, 1] + mixing[0, 1] - mixing[1, 0]) / 2
    out[0, 0], out[3, 3], out[3, 0] = 1.0, stay, drift
    return out
