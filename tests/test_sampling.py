"""Simulation: the right distribution, nothing impossible, the same from the same seed."""

import numpy as np
from scipy import stats

import hmmfilter as hf
from hmmfilter import sampling

LEAST_P_VALUE = 1e-4

MODEL = hf.HMM(
    [0.0, 0.4, 0.6], [[0.5, 0.5, 0.0], [0.1, 0.2, 0.7], [1.0, 0.0, 0.0]], hf.emissions.Poisson([1.0, 2.0, 3.0])
)


class Uniforms:
    """A generator that draws what it is told."""

    def __init__(self, *values):
        self.values = np.array(values)

    def random(self, n):
        return self.values[:n]


def test_transitions_have_their_frequencies():
    states, _ = MODEL.simulate(30_000, rng=0)
    counts = np.zeros((3, 3))
    np.add.at(counts, (states[:-1], states[1:]), 1)
    assert counts[0, 2] == counts[2, 1] == counts[2, 2] == 0
    for i in (0, 1):
        possible = MODEL.transition[i] > 0
        expected = MODEL.transition[i, possible] * counts[i].sum()
        assert stats.chisquare(counts[i, possible], expected).pvalue > LEAST_P_VALUE


def test_starts_have_their_frequencies():
    rng = np.random.default_rng(1)
    starts = np.array([MODEL.simulate(1, rng)[0][0] for _ in range(2000)])
    counts = np.bincount(starts, minlength=3)
    assert counts[0] == 0
    assert stats.chisquare(counts[1:], [800, 1200]).pvalue > LEAST_P_VALUE


def test_the_same_seed_gives_the_same_run():
    one, other = MODEL.simulate(50, rng=3), MODEL.simulate(50, np.random.default_rng(3))
    assert np.array_equal(one[0], other[0])
    assert np.array_equal(one[1], other[1])
    assert len(MODEL.simulate(5)[0]) == 5


def test_no_draw_falls_beside_the_row():
    """Even where a row sums to less or more than 1, and the uniform is 0 or the largest below 1."""
    largest = np.nextafter(1, 0)
    for last in (0.5 - 1e-9, 0.5 + 1e-9):
        row = np.array([0.0, 0.5, last, 0.0])
        drawn = sampling.draw_categories(row[None], np.zeros(2, dtype=int), Uniforms(0.0, largest))
        assert drawn.tolist() == [1, 2]


def test_cumulate_ends_in_one():
    cumulative = sampling.cumulate(np.array([[0.1] * 10, [1.0] + [0.0] * 9]))
    assert (cumulative[:, -1] == 1).all()
    assert (cumulative[1] == 1).all()
