"""Calibration routines: they measure through the bridge and write a new snapshot. They come in a later version."""
