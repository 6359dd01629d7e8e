"""When everything is played, as the text that the client library draws."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qpu_bridge.lowering.lowered import Lowered
from qpu_bridge.schedule import Body, Branch, Straight, children


def timing_text(lowered: Lowered) -> str:
    """Lines ``Branch,Instruction,Channel,T0,Duration,Pulse`` in ticks (the client's ``draw_circuit_schedule_timing``).

    One line per instruction and qubit. ``Branch`` is ``main``, ``then`` or ``else``; both arms of a branch begin at the same
    time, and the body of a loop is shown once. A measurement is ``play`` on the readout channel ``AWGR<qubit>`` (the client
    can hide those) and ``receive`` on the qubit's own; virtual Z is ``shift_phase`` and takes no time.

    Args:
        lowered: A lowered circuit.

    Returns:
        The lines, by time.
    """
    places = list(_places(lowered.schedule.realtime, "main", [0]))
    lines: list[tuple[int, str]] = []
    for timed in lowered.timing:
        branch, begin = places[timed.block]
        start = begin + timed.start
        word = "_".join([timed.name, *map(str, timed.qubits)]) if timed.name != "barrier" else "barrier"
        for qubit in timed.qubits:
            for channel, pulse in _pulses(timed.name, qubit):
                lines.append((start, f"{branch},{word},{channel},{start},{timed.duration},{pulse}"))
    return "\n".join(line for _, line in sorted(lines, key=lambda pair: pair[0]))


def times_of(lowered: Lowered, instructions: Iterable[int]) -> list[int]:
    """When instructions of the circuit, by index, are played, ticks: where control flow comes before, by the longest way."""
    places = list(_places(lowered.schedule.realtime, "main", [0]))
    step_of = {origin: step for step, origin in enumerate(lowered.steps.program.origin)}
    timed = [lowered.timing[step_of[instruction]] for instruction in instructions]
    return [places[one.block][1] + one.start for one in timed]


def _pulses(name: str, qubit: int) -> list[tuple[str, str]]:
    """Channels of an instruction on a qubit, and what they do."""
    own = f"Qubit {qubit}"
    if name == "measure":
        return [(own, "receive"), (f"AWGR{qubit}", "play")]
    if name in ("barrier", "delay"):
        return [(own, name)]
    return [(own, "shift_phase" if name == "rz" else "play")]


def _places(body: Body, branch: str, clock: list[int]) -> Iterator[tuple[str, int]]:
    """Branch and start of every straight block, in playing order; ``clock`` is moved on to the end of the body."""
    for block in body:
        if isinstance(block, Straight):
            yield branch, clock[0]
            clock[0] += block.duration
        elif isinstance(block, Branch):
            now = clock[0]
            ends = []
            for name, arm in (("then", block.then), ("else", block.otherwise)):
                clock[0] = now
                yield from _places(arm, name, clock)
                ends.append(clock[0])
            clock[0] = max(ends)
        else:
            for inner in children(block):
                yield from _places(inner, branch, clock)
