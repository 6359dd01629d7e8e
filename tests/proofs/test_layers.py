"""The short form of the proof: cancellation and amplification remove the bias of an error that theory knows."""

from __future__ import annotations

import numpy as np

from tests.proofs import layers


def test_known_and_learned_noise_is_taken_out() -> None:
    seed, gates = 5, 8
    print(f"seed {seed}")
    learning = {"layer_pair_depths": [0, 2, 8], "num_randomizations": 32, "shots_per_randomization": 64}
    found = layers.known_error(gates, 0.01, learning, seed)
    print(found)
    raw, deviation = found["raw"]
    assert abs(raw - np.cos(layers.ANGLE) ** gates) < 4 * deviation
    assert 1 - raw > 10 * deviation
    value, deviation = found["pec given"]
    assert abs(value - 1) < 4 * deviation
    # learned rates have errors of their own, which no deviation of the estimate tells of
    assert abs(found["pec"][0] - 1) < 0.25 * (1 - raw)
    # the deviation of an exponential through three points says too little, so only the bias is judged
    assert abs(found["pea"][0] - 1) < 0.5 * (1 - raw)
