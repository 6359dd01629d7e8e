"""What the gates of a layer do to the qubits besides what they should: learned through the device."""

from __future__ import annotations

from qpu_bridge.programs.layers.checks import Check, Checks
from qpu_bridge.programs.layers.layer import Layer, read_layer
from qpu_bridge.programs.layers.learn import LearnOptions, admit_learning, learn_layers
from qpu_bridge.programs.layers.noise import LayerNoise

__all__ = ["Check", "Checks", "Layer", "LayerNoise", "LearnOptions", "admit_learning", "learn_layers", "read_layer"]
