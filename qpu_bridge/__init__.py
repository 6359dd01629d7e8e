"""qpu-bridge: the server side of Qiskit Runtime for a laboratory's own quantum processor."""
