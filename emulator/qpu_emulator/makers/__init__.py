"""Makers of devices: from what a provider or a laboratory publishes, or at random from a chip's design."""
