"""Maps on real vectors: products and exponentials of generators."""

from __future__ import annotations

import numpy as np

from qpu_emulator.windows.basis import Real

_ALONE = 2**18


def exponential(matrices: Real, norm: float | None = None) -> Real:
    """``exp`` of generators to 1e-13.

    Args:
        matrices: ``float[n, size, size]``.
        norm: What their norms are at most, where results must not depend on who is solved together; looked up without it.
    """
    norm = float(np.abs(matrices).sum(axis=-1).max(initial=0.0)) if norm is None else norm
    squarings = max(0, int(np.ceil(np.log2(max(norm, 1e-9) / 0.03))))
    order, last = 1, norm / 2**squarings
    while last > 1e-13:
        order += 1
        last *= norm / 2**squarings / order
    scaled = matrices / 2**squarings
    one = np.eye(matrices.shape[-1])
    result = one + scaled / order
    for divisor in range(order - 1, 0, -1):
        result = one + product(scaled, result) / divisor
    for _ in range(squarings):
        result = product(result, result)
    return np.asarray(result)


def product(left: Real, right: Real) -> Real:
    """Matrix products in strips small enough that BLAS does not wake its threads (they spin, and cost 8 ms on a busy machine)."""
    rows, inner, columns = left.shape[-2], left.shape[-1], right.shape[-1]
    strip = max(1, _ALONE // max(1, inner * columns))
    parts = [left[..., first : first + strip, :] @ right for first in range(0, rows, strip)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-2)
