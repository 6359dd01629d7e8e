"""The score: a schedule's events as what acts on qubits, and the walk through its blocks."""
