"""``python -m qpu_bridge.cli``: how the bridge starts its own processes, whatever is on the path."""

from qpu_bridge.cli import main

main()
