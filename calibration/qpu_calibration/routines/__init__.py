"""One file per routine; each enters by the entry points `qpu_bridge.routines`."""
