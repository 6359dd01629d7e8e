"""What the vendor's dummy and q1simulator are told to answer: numbers that anybody can compute again from where they came.

A dummy plays nothing. So that a test can tell whether row, point, shot and column each arrived where they belong, bin ``b`` of
acquisition ``a`` of sequencer ``n`` in slot ``s`` is given the sum

    S = samples * (u + i v),        u = (word >> 52) / 2**11 - 1,    v = (word >> 40 & 0xFFF) / 2**11 - 1
    word = mix(mix(mix(mix(s) + n) + a) + b)        all modulo 2**64, mix is splitmix64

with the length of the window, as if each sample were ``u + iv`` of full scale. A bin that averages holds this number too. Sample
``k`` of a scope trace is ``u + iv`` of acquisition 64, bin ``k``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qpu_drivers.qblox.program import Place, Program, SequencerProgram, Site, acquisition_name

SCOPE = 64
"""In place of the index of an acquisition: there are only 32."""


def answers(place: Place, acquisition: int, bins: ArrayLike) -> NDArray[np.complex128]:
    """The mean sample ``u + iv`` of some bins."""
    word = np.asarray(_mix(np.uint64(place[0])), np.uint64)
    for number in (np.uint64(place[1]), np.uint64(acquisition), np.asarray(bins, np.uint64)):
        word = _mix(word + number)
    real = (word >> np.uint64(52)).astype(np.float64) / 2**11 - 1
    imag = (word >> np.uint64(40) & np.uint64(0xFFF)).astype(np.float64) / 2**11 - 1
    return np.asarray(real + 1j * imag)


def tell_dummy(cluster: Any, program: Program) -> None:
    """Hand the answers to a program to the vendor's dummy cluster, before it is started."""
    from qblox_instruments import DummyBinnedAcquisitionData, DummyScopeAcquisitionData

    for sequencer in program.sequencers:
        slot, number = sequencer.place
        cluster.delete_dummy_binned_acquisition_data(slot, number)
        for index, count in enumerate(sequencer.acquisitions):
            site = _site(program, sequencer, index)
            sums = site.samples * answers(sequencer.place, index, np.arange(count))
            bits, repeats = _bits(sequencer, sums), _repeats(program, site)
            cluster.set_dummy_binned_acquisition_data(
                slot,
                number,
                acquisition_name(index),
                [
                    DummyBinnedAcquisitionData(data=(one.real, one.imag), thres=int(bit), avg_cnt=repeats)
                    for one, bit in zip(sums.tolist(), bits.tolist(), strict=True)
                ],
            )
        if sequencer.settings.scope:
            length = max(site.samples for site in program.sites if site.place == sequencer.place)
            trace = answers(sequencer.place, SCOPE, np.arange(length))
            pairs = list(zip(trace.real.tolist(), trace.imag.tolist(), strict=True))
            cluster.set_dummy_scope_acquisition_data(
                slot, None, DummyScopeAcquisitionData(data=pairs, out_of_range=(False, False), avg_cnt=(1, 1))
            )


def tell_simulator(cluster: Any, program: Program) -> None:
    """Hand the answers to q1simulator: it takes them in the order in which acquisitions are executed, counted from 0."""
    for sequencer in program.sequencers:
        slot, number = sequencer.place
        for index in range(len(sequencer.acquisitions)):
            site = _site(program, sequencer, index)
            sums = site.samples * answers(sequencer.place, index, np.arange(np.prod(program.shape)))
            cluster.modules[slot - 1].sequencers[number].set_acquisition_mock_data([sums.tolist()], acquisition_name(index))


def _site(program: Program, sequencer: SequencerProgram, index: int) -> Site:
    return next(site for site in program.sites if (site.place, site.acquisition) == (sequencer.place, index))


def _repeats(program: Program, site: Site) -> int:
    """How many acquisitions went into each bin: every shot, or one."""
    return program.shape[-1] if site.strides[-1] == 0 else 1


def _bits(sequencer: SequencerProgram, sums: NDArray[np.complex128]) -> NDArray[np.bool_]:
    line = sequencer.settings.discriminator
    if line is None:
        return np.zeros(sums.shape, bool)
    return np.asarray((sums * np.exp(1j * line.angle)).real > line.threshold)


def _mix(words: Any) -> Any:
    """splitmix64."""
    with np.errstate(over="ignore"):
        z = words + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
