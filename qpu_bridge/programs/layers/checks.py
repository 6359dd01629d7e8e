"""Bit-flip checks: shots in which a slow pulse failed to flip a qubit, before or after the circuit, are thrown away.

Circuits and rules are those of `qiskit_mitigation.postselection`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.transpiler import PassManager, Target
from qiskit_mitigation.postselection import PostSelector
from qiskit_mitigation.postselection.passes import (
    AddPostCircuitNonMarkovianErrorChecks,
    AddPreCircuitNonMarkovianErrorChecks,
    AddSpectatorPostCircuitNonMarkovianErrorChecks,
    AddSpectatorPreCircuitNonMarkovianErrorChecks,
)

from qpu_bridge.errors import UnsupportedOption

Bits = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of check.

    Attributes:
        x_pulse_type: The slow flip: 20 short ``rx``, or the gate ``xslow`` of machines that have it.
        strategy: Which shots go: ``node``, if a qubit failed; ``edge``, if two neighbours failed.
    """

    x_pulse_type: Literal["xslow", "rx"] = "rx"
    strategy: Literal["node", "edge"] = "node"


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of an experiment, on its qubits and on their neighbours.

    Attributes:
        pre: Before the circuit: flipped slowly and back at once, a qubit must be found in 0.
        post: After the circuit: a measured qubit that is flipped slowly must be found in the other state.
    """

    pre: Check | None = None
    post: Check | None = None

    def require_gates(self, target: Target) -> None:
        """Refuse a check whose pulse the machine does not have.

        Raises:
            UnsupportedOption: If so; names the pulse.
        """
        for place, check in (("pre_circuit", self.pre), ("post_circuit", self.post)):
            if check is not None and check.x_pulse_type not in target.operation_names:
                raise UnsupportedOption(
                    "a bit-flip check must use a pulse that the machine has",
                    given=check.x_pulse_type,
                    where=f"options.bit_flip_checks.{place}.x_pulse_type",
                    remedy="Set x_pulse_type to 'rx'." if "rx" in target.operation_names else "This machine has none.",
                )

    def passes(self, target: Target) -> PassManager | None:
        """What adds the checks to a circuit, their bits in registers of their own; None if there are none."""
        neighbours, passes = target.build_coupling_map(), []
        if self.pre is not None:
            kind = self.pre.x_pulse_type
            passes += [
                AddPreCircuitNonMarkovianErrorChecks(kind),
                AddSpectatorPreCircuitNonMarkovianErrorChecks(neighbours, kind),
            ]
        if self.post is not None:
            kind = self.post.x_pulse_type
            passes += [
                AddPostCircuitNonMarkovianErrorChecks(kind),
                AddSpectatorPostCircuitNonMarkovianErrorChecks(neighbours, kind),
            ]
        return PassManager(passes) if passes else None

    def kept(self, circuit: QuantumCircuit, bits: Mapping[str, Bits], target: Target) -> Bits | None:
        """Which shots pass, ``bool[..., shots]``; None without checks. Bits are as measured: flips are not undone."""
        if self.pre is None and self.post is None:
            return None
        selector = PostSelector.from_circuit(circuit, target.build_coupling_map())
        masks = [
            selector.compute_mask(dict(bits), check.strategy, mode=mode)
            for mode, check in (("pre", self.pre), ("post", self.post))
            if check is not None
        ]
        return np.asarray(np.logical_and.reduce(masks))

    def passed(self, circuit: QuantumCircuit, bits: Mapping[str, Bits], target: Target) -> dict[int, float]:
        """For each qubit that is checked, the share of shots in which it passed all of its checks."""
        if self.pre is None and self.post is None:
            return {}
        found: dict[int, Bits] = {}
        for qubit, good in self._each(circuit, bits, target):
            found[qubit] = found[qubit] & good if qubit in found else good
        return {qubit: float(found[qubit].mean()) for qubit in sorted(found)}

    def _each(self, circuit: QuantumCircuit, bits: Mapping[str, Bits], target: Target) -> Iterator[tuple[int, Bits]]:
        summary = PostSelector.from_circuit(circuit, target.build_coupling_map()).summary
        if self.pre is not None:
            for qubit, (name, index) in summary.measure_map_pre.items():
                yield qubit, ~bits[name][..., index]
        if self.post is not None:
            for qubit, (name, index) in summary.measure_map_ps.items():
                first, position = summary.measure_map[qubit]
                yield qubit, bits[first][..., position] != bits[name][..., index]
