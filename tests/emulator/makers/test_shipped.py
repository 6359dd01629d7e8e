"""Two qubits and their coupler of every third snapshot that the client ships: what is not as published is said.

All of all: ``python -m tests.proofs.shipped``.
"""

from dataclasses import replace

import pytest

from qpu_emulator.makers.published import of_shipped, shipped
from tests.proofs.shipped import OFF, made, played, unsaid


def _pair(published):
    """A coupler in the middle and its qubits, which are 0 and 1 then."""
    pairs = sorted(published.couplings)
    if not pairs:
        return replace(published, qubits=published.qubits[:1], broken=())
    pair = pairs[len(pairs) // 2]
    lengths = {(0, 1): published.lengths[pair]} if pair in published.lengths else {}
    qubits = tuple(published.qubits[q] for q in pair)
    return replace(published, qubits=qubits, couplings={(0, 1): published.couplings[pair]}, broken=(), lengths=lengths)


@pytest.mark.parametrize("name", shipped()[::3])
def test_a_pair_of_each_is_as_published_or_says_why_not(name):
    published = _pair(of_shipped(name))
    twin = made(published)
    assert unsaid(published, twin) == []
    errors = {(gate.name, gate.qubits): (error, gate.error) for gate, error in played(twin)}
    assert len(errors) == (5 if published.couplings else 2)
    for gate, (error, believed) in errors.items():
        assert error == pytest.approx(believed, rel=OFF), gate
