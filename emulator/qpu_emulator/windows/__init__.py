"""Windows: solved pulses and what they do to qubits."""
