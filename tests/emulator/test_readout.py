"""Readout: clouds, their distance, what relaxation does to them."""

import numpy as np
import pytest
from scipy.special import erfc

from qpu_bridge.schedule import Acquisition
from qpu_bridge.target.shape import waveform
from qpu_emulator.readout.levels import draw_outcomes
from qpu_emulator.readout.signal import record
from qpu_emulator.readout.trace import sum_traces, trace
from qpu_emulator.stream import normals, streams, uniform_array

GAUSS = {"t1": 0, "t2": 0, "low_frequency": 0, "thermal": 0}


def _clouds(fresh, run, settings, shots=20_000, **options):
    found = []
    for excited in (False, True):
        bench = fresh()
        if excited:
            bench.gate("x", 0)
        bench.measure(0, **options)
        (chunk,) = run(bench.build(), shots=shots, settings=settings)
        found.append(chunk)
    return found


def test_readout_gauss(fresh, run, snapshot):
    """Without relaxation the error is erfc(SNR / sqrt 2) / 2 with the SNR seen in the clouds."""
    zero, one = _clouds(fresh, run, GAUSS)
    a, b = zero.iq[0, :, 0], one.iq[0, :, 0]
    axis = np.exp(-1j * np.angle(b.mean() - a.mean()))
    sigma = np.sqrt(((a * axis).real.var() + (b * axis).real.var()) / 2)
    snr = abs(b.mean() - a.mean()) / (2 * sigma)
    best = erfc(snr / np.sqrt(2)) / 2
    line = ((a.mean() + b.mean()) / 2 * axis).real
    found = (((a * axis).real > line).mean() + ((b * axis).real <= line).mean()) / 2
    assert found == pytest.approx(best, abs=4 * np.sqrt(best / 40_000) + 1e-3)
    assert (a * axis).imag.std() == pytest.approx(sigma, rel=0.03)


def test_readout_t1(fresh, run, snapshot, truth):
    """Relaxation during the readout: both errors against the resonator's equation of motion, T1 five times shorter."""
    shots = 40_000
    quiet = _clouds(fresh, run, GAUSS, shots)
    loud = _clouds(fresh, run, GAUSS | {"t1": 5}, shots)
    spec, lifetime = snapshot.measures[0], truth.transmons[0].t1 / 5
    along = [(chunk.iq[0, :, 0] * np.exp(-1j * spec.angle)).real for chunk in quiet]
    (low, high), sigma = [cloud.mean() for cloud in along], np.sqrt((along[0].var() + along[1].var()) / 2)
    share = _heard_of_one(truth.resonators[0], snapshot)
    x = next(gate.duration for gate in snapshot.gates if gate.name == "x" and gate.qubits == (0,)) * 1e-9
    # what falls in the second half of the gate was never heard
    at = np.concatenate([[x / 2], x / 2 + np.arange(len(share)) * 1e-9, [np.inf]])
    chance = -np.diff(np.exp(-np.concatenate([[0.0], at[1:]]) / lifetime))
    heard = np.concatenate([share, [1.0]])
    missed = np.sum(chance * erfc((low + (high - low) * heard - spec.threshold) / sigma / np.sqrt(2)) / 2)
    wrong = erfc((spec.threshold - low) / sigma / np.sqrt(2)) / 2
    assert missed > 0.02
    assert 1 - loud[1].bits.mean() == pytest.approx(missed, abs=0.002 + 3 * np.sqrt(missed / shots))
    assert loud[0].bits.mean() == pytest.approx(wrong, abs=0.002 + 3 * np.sqrt(wrong / shots))


def _heard_of_one(resonator, snapshot):
    """Share of the way from the cloud of 0 to that of 1, if the qubit falls after so many ns of the tone."""
    spec = snapshot.measures[0]
    frequency = next(frame.frequency for frame in snapshot.frames if frame.name == spec.drive_frame)
    tone, kernel = (waveform(snapshot.waveforms[name]).expand() for name in (spec.waveform, spec.kernel))
    weights = np.concatenate([np.zeros(spec.acquire_start), kernel])
    tone = np.concatenate([tone, np.zeros(max(0, len(weights) - len(tone)))])[: len(weights)]

    pulls = resonator.chi * np.array([-1, 1])
    rate = np.pi * resonator.kappa + 2j * np.pi * (resonator.frequency + pulls - frequency)
    kept = np.exp(-rate * 1e-9)
    fed = (1 - kept) / rate
    falls = np.arange(len(weights) + 1)
    field, total = np.zeros(len(falls), complex), np.zeros(len(falls), complex)
    for sample, weight in enumerate(weights):
        level = (sample < falls).astype(int)
        field = kept[level] * field + fed[level] * tone[sample]
        total += field * weight
    return ((total[:-1] - total[0]) / (total[-1] - total[0])).real


def test_assignment_errors_are_those_that_the_snapshot_believes(fresh, run, snapshot):
    zero, one = _clouds(fresh, run, {})
    spec = snapshot.measures[0]
    assert zero.bits.mean() == pytest.approx(spec.prob_meas1_prep0, abs=4e-3)
    assert 1 - one.bits.mean() == pytest.approx(spec.prob_meas0_prep1, abs=5e-3)
    assert 0.005 < (spec.prob_meas1_prep0 + spec.prob_meas0_prep1) / 2 < 0.02


def test_traces_integrate_to_points(fresh, run, snapshot):
    raw = _clouds(fresh, run, GAUSS | {"readout": 0}, shots=20, acquisition=Acquisition.RAW)
    points = _clouds(fresh, run, GAUSS | {"readout": 0}, shots=20)
    kernel = fresh().waveform(snapshot.measures[0].kernel).expand()
    for heard, point in zip(raw, points, strict=True):
        (samples,) = heard.raw.values()
        assert samples.shape == (1, 20, 800)
        assert samples[0] @ kernel == pytest.approx(point.iq[0, :, 0], rel=1e-4)


def test_a_mean_is_the_mean(fresh, run):
    (mean, _) = _clouds(fresh, run, GAUSS, shots=500, average=True)
    (single, _) = _clouds(fresh, run, GAUSS, shots=500)
    assert mean.mean[0, 0] == pytest.approx(single.iq[0, :, 0].mean(), rel=1e-4)


@pytest.mark.parametrize("outcomes", [1, 3, 9])
def test_an_outcome_is_the_first_whose_sum_reaches_what_is_drawn(seed, outcomes):
    draw, shots = np.random.default_rng(seed), np.arange(5, 1000)
    row, chance = draw.integers(0, 7, len(shots)), draw.dirichlet(np.ones(outcomes), 7)
    chance[0] = np.eye(outcomes)[-1]
    drawn = uniform_array(streams(seed, np.arange(1000)))[shots] * chance.sum(axis=1)[row]
    found = draw_outcomes(streams(seed, np.arange(1000)), shots, row, chance)
    sums = chance.cumsum(axis=1)
    assert found.tolist() == [int(np.searchsorted(sums[r], aim)) for r, aim in zip(row, drawn, strict=True)]


@pytest.mark.parametrize("told", [False, True])
def test_signals_are_written_and_added_with_noise_and_told_apart(seed, told):
    """Of some shots, in one column of three."""
    draw, some = np.random.default_rng(seed), np.arange(3, 1000, 2)
    iq, bits = np.zeros((1000, 3), np.complex64, order="F"), np.zeros((1000, 3), bool, order="F")
    own, other, line = draw.normal(size=(len(some), 2)) @ (1, 1j), draw.normal(size=len(some)) + 0j, (told, 0.4, 0.1)
    x, y = np.empty((2, len(some)))
    normals(streams(seed, np.arange(1000))[some], x, y)
    record(iq, bits, streams(seed, np.arange(1000)), some, own, 0.3, 1, True, *line)
    record(iq, bits, streams(seed, np.arange(1000)), some, other, 0.0, 1, False, *line)
    assert iq[some, 1] == pytest.approx(own + 0.3 * (x + 1j * y) + other, abs=1e-5)
    assert (bits[:, 1] == (told & ((iq[:, 1] * np.exp(-0.4j)).real > 0.1))).mean() > 0.995
    for rest in (iq[::2], iq[:3], iq[:, ::2], bits[::2], bits[:, ::2]):
        assert not rest.any()


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("lit", [False, True])
def test_sums_of_traces_are_sums_of_traces(seed, lit, alike):
    """Of lanes with shots that stay in a level, jump once and jump twice, in a resonator that is empty or rings already."""
    draw, shots, samples, first = np.random.default_rng(seed), 300, 50, 8

    def numbers(*shape):
        return draw.normal(size=shape) + 1j * draw.normal(size=shape)

    levels = draw.integers(0, 3, (shots, 3)).astype(np.int8)
    moments = np.sort(draw.uniform(0, 1e-7, (shots, 2)), axis=1)
    moments[draw.random((shots, 2)).cumsum(axis=1) > 0.6] = np.inf
    field, ringing = numbers(2, 3, samples), 0.9 * np.exp(1j * draw.uniform(0, 1, (2, 3)))
    lane = np.repeat(np.arange(6), shots // 6)
    apart = (2, 1 if alike else 6)
    args = (np.arange(shots), lane, levels, moments, 2e-9, 1e-7, numbers(*apart), draw.integers(0, 2, apart), field, ringing)
    before = numbers(shots) if lit else np.zeros(0, complex)
    single, sums = np.zeros((shots, samples - first), np.complex64), np.zeros((3, samples - first), complex)
    trace(streams(seed, np.arange(shots)), *args, first, 0.0, before, single)
    sum_traces(streams(seed, np.arange(shots)), *args, first, 0.0, before, lane // 2, sums)
    assert sums == pytest.approx(single.reshape(3, -1, samples - first).sum(axis=1), abs=1e-3)


def test_a_mean_trace_is_as_noisy_as_it_must_be(fresh, run):
    bench = fresh()
    bench.measure(0, amplitude=0.0, acquisition=Acquisition.RAW, average=True)
    (chunk,) = run(bench.build(), shots=400, settings=GAUSS)
    (trace,) = chunk.raw.values()
    assert trace.real.std() == pytest.approx(300.0 / 20, rel=0.1)
    assert trace.imag.std() == pytest.approx(300.0 / 20, rel=0.1)


def test_noise_grows_with_the_kernel(fresh, run, snapshot):
    """Variance of IQ with no tone: sigma^2 sum |w|^2."""
    bench = fresh()
    bench.measure(0, amplitude=0.0)
    (chunk,) = run(bench.build(), shots=20_000, settings=GAUSS)
    kernel = fresh().waveform(snapshot.measures[0].kernel).expand()
    wanted = 300.0 * np.sqrt((np.abs(kernel) ** 2).sum())
    assert chunk.iq.real.std() == pytest.approx(wanted, rel=0.03)


def test_five_qubits_are_read_on_one_line(bench, run):
    for qubit in (1, 4):
        bench.gate("x", qubit)
    bench.measure(0, 1, 2, 3, 4)
    (chunk,) = run(bench.build(), shots=1000, rep_delay_s=1e-3)
    assert chunk.bits[0].mean(axis=0) == pytest.approx([0, 1, 0, 0, 1], abs=0.04)
