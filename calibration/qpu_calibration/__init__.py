"""Calibration routines: they measure through the bridge and write new snapshots. See README.md of this room."""
