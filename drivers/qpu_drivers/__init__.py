"""Drivers of real boxes, one folder per vendor, and the smallest driver of all."""
