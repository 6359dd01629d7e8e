"""Readout: resonators, receivers, and what is measured."""
