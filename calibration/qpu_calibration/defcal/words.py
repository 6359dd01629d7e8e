"""Words of the text that OpenPulse does not have itself: envelopes, curves, and pragmas for what no pulse says.

The envelopes are those of `qpu_bridge.schedule.shapes`.
"""

from __future__ import annotations

PRAGMA = "qpu_bridge"
"""First word of our pragmas; the second says of what the JSON object after it speaks."""

EXTERNS = """\
// Envelopes of peak 1, lengths in samples of the line; `held`: samples, and for how long each is held.
extern envelope_constant(uint[32]) -> waveform;
extern envelope_drag(uint[32], float[64], float[64]) -> waveform;
extern envelope_gaussian_square(uint[32], float[64], uint[32]) -> waveform;
extern envelope_cosine_square(uint[32], uint[32]) -> waveform;
extern held(waveform, readonly array[uint[32], #dim = 1]) -> waveform;
// Cubic spline through knots (angle, value).
extern spline(angle[64], readonly array[float[64], #dim = 1], readonly array[float[64], #dim = 1]) -> float[64];
extern capture_iq(frame, waveform) -> complex[float[64]];
extern capture_sum(frame, duration) -> complex[float[64]];
extern discriminate(complex[float[64]], float[64], float[64]) -> bit;"""

SHAPES = {
    "constant": ("duration",),
    "drag": ("duration", "sigma", "beta"),
    "gaussian_square": ("duration", "sigma", "width"),
    "cosine_square": ("duration", "rise"),
}
"""Fields of each parametric envelope, in the order of its arguments."""
