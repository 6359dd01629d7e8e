from __future__ import annotations

from qpu_bridge.plugins import open_snapshot


def test_a_copy_does_not_remember_what_was_looked_up_in_the_original():
    snapshot = open_snapshot("five")
    gate = snapshot.gate("x", 0)
    assert gate is not None
    other = gate.model_copy(update={"error": 0.25})
    copy = snapshot.model_copy(update={"gates": tuple(other if one is gate else one for one in snapshot.gates)})
    assert copy.gate("x", 0) is other
    assert snapshot.gate("x", 0) is gate
