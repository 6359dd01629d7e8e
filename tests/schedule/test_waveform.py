from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Waveform

levels = st.sampled_from([0, 0.25, -0.5, 0.5j, 0.6 - 0.8j, 1, -0.0, complex(0.0, -0.0)])


@given(st.lists(levels, min_size=1, max_size=60))
def test_samples_come_back_as_they_went_in(samples: list[complex]) -> None:
    wave = Waveform.of(samples)
    assert wave.expand().tolist() == [complex(s) for s in samples]
    assert wave.duration == len(samples)
    assert (wave.samples[1:] != wave.samples[:-1]).all()


@given(st.lists(st.tuples(levels, st.integers(1, 5)), min_size=1, max_size=20))
def test_one_envelope_has_one_form(runs: list[tuple[complex, int]]) -> None:
    samples, repeats = (np.array(part) for part in zip(*runs, strict=True))
    held, plain = Waveform(samples, repeats), Waveform.of(np.repeat(samples, repeats))
    assert held == plain
    assert held.digest == plain.digest
    assert hash(held) == hash(plain)


@given(st.lists(levels, min_size=1, max_size=20), st.lists(levels, min_size=1, max_size=20))
def test_equal_means_equal_samples(one: list[complex], two: list[complex]) -> None:
    assert (Waveform.of(one) == Waveform.of(two)) == (one == two)


def test_a_waveform_cannot_be_changed_and_keeps_its_own_copy() -> None:
    samples = np.array([0.1, 0.2])
    wave = Waveform.of(samples)
    samples[:] = 9
    assert wave.expand().tolist() == [0.1, 0.2]
    for part in (wave.samples, wave.repeats):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1


def test_a_held_level_is_one_run() -> None:
    wave = Waveform.of([0.5, *[1.0] * 1000, 0.5])
    assert len(wave.samples) == 3
    assert wave.repeats.tolist() == [1, 1000, 1]


def test_peak_and_reality_are_told() -> None:
    assert Waveform.of([0.6 - 0.8j, 0.1]).peak == pytest.approx(1.0)
    assert Waveform.of([0.5, -1]).real
    assert not Waveform.of([0.5, 1e-9j]).real


@pytest.mark.parametrize(
    ("samples", "repeats", "message"),
    [
        ([], [], "at least one sample"),
        ([[1.0]], [[1]], "one repeat count for each"),
        ([1.0], [1, 2], "one repeat count for each"),
        ([1.0], [0], "at least 1; got 0"),
        ([np.nan], [1], "must be finite"),
        ([1.001], [1], "magnitude at most 1; got 1.001"),
        ([0.8 + 0.8j], [1], "magnitude at most 1; got 1.13"),
    ],
)
def test_what_is_no_waveform_is_refused(samples: object, repeats: object, message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        Waveform(np.array(samples), np.array(repeats))


def test_a_waveform_must_end() -> None:
    with pytest.raises(ScheduleError, match="must last at most 1099511627776 samples"):
        Waveform(np.array([1.0, 0.5]), np.array([2**62, 2**62]))
    assert Waveform(np.array([1.0]), np.array([2**40])).duration == 2**40
