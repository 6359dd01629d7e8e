"""Flags: qubits and couplers that users should not have, and why."""

from __future__ import annotations

from qpu_calibration.bench import Bench
from qpu_calibration.edit import with_operational
from qpu_calibration.graph import Graph, Node, target_name
from qpu_calibration.ledger import Ledger
from qpu_calibration.page import Target

ROUTINE = "flags"
"""What stands as the routine in the provenance of a version that only flags."""

UNSTEADY = 6
"""A number that was wrong at so many looks in a row, though calibrated after each, does not hold still: most often a two-level
system comes and goes."""


ROUGH = "what it had found was replaced by rougher numbers, and could not be found again"


def complaints(graph: Graph, ledger: Ledger, *, over: bool = True) -> dict[Target, str]:
    """Target -> why users should not have it: an essential routine failed, complains, or finds another number each time.

    Args:
        graph: Of the device.
        ledger: What is known.
        over: Whether a round is over: then numbers that are still rough where they were fine are complained about as well.
    """
    found: dict[Target, str] = {}
    rough = set(ledger.rough()) if over else set()
    for name in graph.order:
        if not graph.routines[name].essential:
            continue
        for target in graph.targets(name):
            node = Node(name, target)
            known = ledger[node]
            words = known.failed or known.complaint or (ROUGH if node in rough else "")
            if not words and known.unsteady >= UNSTEADY:
                words = f"it was out of specification at each of the last {known.unsteady} looks, and calibrated after each"
            if words:
                found.setdefault(target, f"{name}: {words}")
    return found


def update_flags(bench: Bench, graph: Graph, ledger: Ledger, *, lower: bool) -> dict[Target, str]:
    """Keep from users what is complained about, and give back what was kept from them for a reason that is gone.

    What somebody else has taken out of operation stays so.

    Args:
        bench: Whose snapshot tells users.
        graph: Of the device.
        ledger: What is known.
        lower: Whether to give back; not in the middle of a round, where what depends on a mended number is still to come.

    Returns:
        What is flagged now.
    """
    wrong = complaints(graph, ledger, over=lower)
    if not lower:
        wrong = ledger.flagged | wrong
    new = {target: reason for target, reason in wrong.items() if target not in ledger.flagged and _operational(bench, target)}
    well = [target for target in ledger.flagged if target not in wrong]
    ledger.flagged = {t: r for t, r in ledger.flagged.items() if t in wrong} | new
    after = bench.snapshot
    for target in new:
        after = with_operational(after, target, False)
    for target in well:
        after = with_operational(after, target, True)
    if new or well:
        words = [f"{target_name(target)} is not operational: {reason}" for target, reason in new.items()]
        words += [f"{target_name(target)} is operational again" for target in well]
        bench.adopt(after, ROUTINE, [*new, *well], "; ".join(words))
    return ledger.flagged


def _operational(bench: Bench, target: Target) -> bool:
    snapshot = bench.snapshot
    if len(target) == 1:
        return snapshot.qubits[target[0]].operational
    return any(gate.operational for gate in snapshot.gates if set(gate.qubits) == set(target))
