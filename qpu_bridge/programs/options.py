"""How a program is to be executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qpu_bridge.errors import BadRequest
from qpu_bridge.suppression import DecouplingOptions
from qpu_bridge.target import Snapshot


@dataclass(frozen=True, slots=True)
class ExecuteOptions:
    """Options of `executor.execute`.

    Attributes:
        init_qubits: Whether each shot must start from the ground state.
        rep_delay_s: Wait between shots, s; None takes the machine's default.
        rep_delay_at: Where the caller said so, for messages.
        scheduler_timing: Whether to say when each instruction is played.
        stretch_values: Whether to say how stretches were resolved.
        decoupling: Dynamical decoupling on the schedule, or None.
        settings: Device settings.
        seed: Instead of the context's.
        item_shots: Shots of single items, where they differ from the program's.
    """

    init_qubits: bool = True
    rep_delay_s: float | None = None
    rep_delay_at: str = "options.rep_delay"
    scheduler_timing: bool = False
    stretch_values: bool = False
    decoupling: DecouplingOptions | None = None
    settings: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    seed: int | None = None
    item_shots: Mapping[int, int] = field(default_factory=dict)

    def wait_s(self, snapshot: Snapshot) -> float:
        """Wait between shots, s.

        Raises:
            BadRequest: If it is outside of the machine's range.
        """
        timing = snapshot.timing
        if self.rep_delay_s is None:
            return timing.default_rep_delay
        # a client computes with microseconds; a rounding error must not refuse the end of the range
        slack = 1e-9
        if not timing.min_rep_delay - slack <= self.rep_delay_s <= timing.max_rep_delay + slack:
            raise BadRequest(
                f"rep_delay must be between {timing.min_rep_delay:g} s and {timing.max_rep_delay:g} s",
                given=self.rep_delay_s,
                where=self.rep_delay_at,
            )
        return self.rep_delay_s

    def needs_active_reset(self, snapshot: Snapshot) -> bool:
        """Whether the wait is too short for the qubits to cool by themselves, and they must start cold."""
        return self.init_qubits and self.wait_s(snapshot) < snapshot.timing.passive_reset
