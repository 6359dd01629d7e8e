"""All proofs in full: ``python -m tests.proofs`` writes pictures and numbers to ``emulator/figures``; a few minutes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from rich.progress import track

from qpu_emulator import five
from qpu_emulator.windows.pair import Pair
from tests.proofs import benchmarking, decoupling, mitigation, recovery, twirling
from tests.proofs.stand import changed, stand

FIGURES = Path(__file__).parents[2] / "emulator" / "figures"


def decoupled(axes: list[Axes]) -> dict[str, Any]:
    """Idle states under each sequence, the best pulse interval, and neighbours in turn."""
    waits = [2, 5, 10, 15, 20, 30, 40, 60]
    with stand(changed(five.device(), quasi_static=0.0, one_over_f=8e3)) as device:
        idle = decoupling.sequences(device, [decoupling.ramsey(t) for t in waits], 8000)
    long = [0.5, 1, 2, 3, 5, 8, 12]
    with stand() as device:
        ghz = decoupling.sequences(device, [decoupling.ghz(t) for t in long], 8000)
    for name in idle:
        axes[0].plot(waits, idle[name], "o-", label=name)
        axes[1].plot(long, ghz[name], "o-", label=name)
    axes[0].set(xlabel="idle time in µs", ylabel="return to the ground state", title="one qubit, 1/f noise")
    axes[1].set(xlabel="idle time in µs", title="GHZ state of five qubits")
    counts = [2, 4, 8, 16, 32, 64, 128, 256]
    kept = decoupling.interval(counts, 20, 20000)
    axes[2].semilogx([20 / n for n in counts], kept, "o-")
    axes[2].set(xlabel="pulse interval in µs", ylabel="mean fidelity", title="X pulses that turn 0.2 % too far")
    times = [1.0, 2.0, 5.0, 10.0, 15.0, 20.0]
    turns = decoupling.staggering(times, 20000)
    for name, values in turns.items():
        axes[3].plot(times, values, "o", label=name)
    truth = five.device()
    fine = np.linspace(0, 20, 200)
    axes[3].plot(fine, np.cos(np.pi * Pair(truth, truth.couplers[2]).zz() * fine * 1e-6 / 2) ** 2, "k:", label="cos²(πζT/2)")
    axes[3].set(xlabel="idle time in µs", title="a coupled pair, X2")
    for axis in axes[:2] + axes[3:]:
        axis.legend()
    return {
        "idle_us": waits,
        "idle": idle,
        "ghz_us": long,
        "ghz": ghz,
        "pulses_in_20_us": counts,
        "kept": kept,
        "pair_us": times,
        "pair": turns,
    }


def twirled(axes: list[Axes]) -> dict[str, Any]:
    """A coherent error under many gates, and what randomizations leave of it."""
    gates = list(range(0, 50, 2))
    growth = twirling.growth(gates, 16384)
    fine = np.linspace(0, 48, 200)
    for name, values in growth.items():
        axes[0].plot(gates, values, "o", label=name)
    axes[0].plot(fine, np.cos(twirling.ANGLE * fine), "k:", fine, np.cos(twirling.ANGLE) ** fine, "k--")
    axes[0].set(xlabel="CZ gates", ylabel="⟨X⟩", title=f"{twirling.ANGLE} rad too far in each gate")
    axes[0].legend()
    numbers = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    left = twirling.off_diagonal(numbers, 8, 24)
    axes[1].loglog(numbers, left, "o-", numbers, left[0] / np.sqrt(numbers), "k:")
    axes[1].set(xlabel="randomizations", ylabel="root mean square of X → Y", title="eight gates")
    return {"gates": gates, "growth": growth, "randomizations": numbers, "off_diagonal": left}


def mitigated(axes: list[Axes]) -> dict[str, Any]:
    """Extrapolation on four circuits, cancellation over many gates."""
    found = {pauli: mitigation.extrapolation(seed, pauli, 0.004) for seed, pauli in mitigation.CASES}
    for place, (name, mark) in enumerate({"raw": "s", "zne": "o"}.items()):
        bias = [abs(case[name][0]) - abs(case["ideal"][0]) for case in found.values()]
        error = [case[name][1] for case in found.values()]
        axes[0].errorbar(np.arange(4) + 0.1 * place, bias, error, fmt=mark, label=name)
    axes[0].set(xticks=range(4), xticklabels=list(found), ylabel="|value| - |ideal|", title="zero-noise extrapolation")
    gates = [8, 16, 32, 64]
    cancelled = {n: mitigation.cancellation(n, 0.01) for n in gates}
    for name, mark in {"raw": "s", "pec": "o"}.items():
        values, errors = zip(*(case[name] for case in cancelled.values()), strict=True)
        axes[1].errorbar(gates, values, errors, fmt=mark, label=name)
    axes[1].plot(gates, np.cos(twirling.ANGLE) ** np.array(gates), "k:", [8, 64], [1, 1], "k--")
    axes[1].set(xlabel="CZ gates", ylabel="⟨X⟩", title="probabilistic error cancellation")
    for axis in axes:
        axis.axhline(0 if axis is axes[0] else 1, color="gray", lw=0.5)
        axis.legend()
    return {"zne": found, "pec": cancelled, "pec_deviations": [mitigation.deviation(n, 0.01) for n in gates]}


def benchmarked(axes: list[Axes]) -> dict[str, Any]:
    """Error per Clifford beside its coherence limit."""
    found = {
        str(qubits): benchmarking.error_per_clifford(qubits, lengths, 8, 4000, 3)
        for qubits, lengths in {
            (0,): [1, 300, 900, 2000, 3500],
            (2,): [1, 300, 900, 2000, 3500],
            (0, 1): [1, 40, 100, 180, 300],
            (2, 3): [1, 40, 100, 180, 300],
        }.items()
    }
    for place, case in enumerate(found.values()):
        axes[0].errorbar(place, case["error"], case["deviation"], fmt="o", color="C0")
        axes[0].plot([place - 0.2, place + 0.2], [case["limit"]] * 2, "k-")
    axes[0].set(xticks=range(4), xticklabels=list(found), yscale="log", ylabel="error per Clifford", title="and coherence limit")
    return found


def recovered(axes: list[Axes]) -> dict[str, Any]:
    """Ten random chips, two qubits and a coupler each."""
    found = [recovery.recover(seed) for seed in range(10)]
    numbers: dict[str, Any] = {}
    for place, (name, (tolerance, kind)) in enumerate(recovery.TOLERANCES.items()):
        pairs = np.concatenate([case.qubits[name] for case in found])
        off = pairs[:, 0] - pairs[:, 1] if kind == "absolute" else pairs[:, 0] / pairs[:, 1] - 1
        axes[0].plot(off / tolerance, np.full(len(off), place), "o", alpha=0.6)
        numbers[name] = {"kind": kind, "tolerance": tolerance, "off": off}
    axes[0].axvline(-1, color="k", ls=":")
    axes[0].axvline(1, color="k", ls=":")
    axes[0].set(yticks=range(len(recovery.TOLERANCES)), yticklabels=list(recovery.TOLERANCES), xlabel="error / tolerance")
    zz = np.array([case.zz for case in found])
    axes[1].plot(zz[:, 1] / 1e3, (zz[:, 0] - zz[:, 1]), "o")
    axes[1].set(xlabel="ζ in kHz", ylabel="error in Hz", title="ZZ by JAZZ")
    amplitudes, measured, true = found[0].phases
    axes[2].plot(amplitudes, np.unwrap(true), "k-", amplitudes, np.unwrap(measured), "o")
    axes[2].set(xlabel="flux amplitude", ylabel="conditional phase in rad")
    return numbers | {"zz": zz, "shots_per_chip": found[0].shots}


PROOFS: dict[str, tuple[Callable[[list[Axes]], dict[str, Any]], int]] = {
    "decoupling": (decoupled, 4),
    "twirling": (twirled, 2),
    "mitigation": (mitigated, 2),
    "benchmarking": (benchmarked, 1),
    "recovery": (recovered, 3),
}


def plain(value: object) -> object:
    """Arrays as rounded lists."""
    return np.round(value, 8).tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def main() -> None:
    """Run all, and write what was found."""
    FIGURES.mkdir(exist_ok=True)
    numbers: dict[str, Any] = {"made": datetime.now(UTC).date().isoformat()}
    for name, (prove, panels) in track(PROOFS.items(), "proofs"):
        figure, axes = plt.subplots(1, panels, figsize=(4.2 * panels, 3.6), layout="constrained", squeeze=False)
        numbers[name] = prove(list(axes[0]))
        figure.savefig(FIGURES / f"{name}.png", dpi=80)
        plt.close(figure)
    (FIGURES / "numbers.json").write_text(json.dumps(numbers, default=plain, indent=1) + "\n")


if __name__ == "__main__":
    main()
