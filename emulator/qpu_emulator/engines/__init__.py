"""Engines: what follows the state, and which one is chosen."""
