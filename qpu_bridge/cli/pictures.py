"""Pictures of the demonstration's results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

INK, ZERO, ONE = "#22303c", "#3b6fb6", "#c2456b"


def save_points(clouds: NDArray[np.complex128], path: Path) -> None:
    """IQ points of every qubit.

    Args:
        clouds: ``complex[2, shots, qubits]``: prepared in 0, prepared in 1.
        path: Where to.
    """
    from matplotlib.figure import Figure

    qubits = clouds.shape[-1]
    drawn = Figure(figsize=(2.4 * qubits, 2.8), layout="constrained")
    for qubit, axes in enumerate(drawn.subplots(1, qubits, squeeze=False)[0]):
        for cloud, colour, name in zip(clouds, (ZERO, ONE), ("0", "1"), strict=True):
            points = cloud[:, qubit]
            axes.plot(points.real, points.imag, ".", markersize=2, alpha=0.4, color=colour)
            axes.plot(
                points.mean().real, points.mean().imag, "o", markersize=7, color=colour, mec="white", label=f"prepared {name}"
            )
        axes.set_title(f"qubit {qubit}", fontsize=10, color=INK)
        axes.set_aspect("equal", "datalim")
        axes.tick_params(labelsize=7)
    drawn.axes[0].legend(fontsize=7, loc="best")
    drawn.supxlabel("I (arbitrary units)", fontsize=9)
    drawn.supylabel("Q", fontsize=9)
    drawn.savefig(path, dpi=130)


def save_energies(h2: dict[str, Any], exact: float, path: Path) -> None:
    """Energy of H2 along the sweep, at every resilience level.

    Args:
        h2: Level -> ``angles`` (rad), ``energies`` (hartree), ``fit`` (offset, cosine, sine), ``error_mha``.
        exact: Lowest eigenvalue, hartree.
        path: Where to.
    """
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(8, 4.5), layout="constrained")
    axes = drawn.add_subplot()
    smooth = np.linspace(-np.pi, np.pi, 400)
    for level, colour in (("1", ZERO), ("0", ONE)):
        found = h2[level]
        offset, cosine, sine = found["fit"]
        axes.plot(smooth, offset + cosine * np.cos(smooth) + sine * np.sin(smooth), "-", linewidth=1, color=colour)
        label = f"resilience level {level}: {found['error_mha']:+.1f} mHa at the minimum"
        axes.plot(found["angles"], found["energies"], "o", markersize=5, color=colour, label=label)
    axes.axhline(exact, color=INK, linewidth=1, linestyle="--", label=f"exact {exact:.4f}")
    axes.set_xlabel("angle of the trial state (rad)")
    axes.set_ylabel("electronic energy of H2 (hartree)")
    axes.legend(fontsize=9)
    drawn.savefig(path, dpi=130)
