"""Models of observations whose states are known: counts and moments, exactly."""

import itertools
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf

STATES = [0, 0, 0, 1, 1, 0, 1]
COUNTS = [1, 0, 2, 9, 7, 1, None]
EXACT = 4e-16  # a rounding or two


def test_shares_of_begins_moves_and_symbols():
    model = hf.fit_labelled("poisson", STATES, COUNTS)
    assert model.initial.tolist() == [1.0, 0.0]
    assert model.transition.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert model.emission.rate.tolist() == [1.0, 8.0]
    letters = hf.fit_labelled("categorical", STATES, ["a", "a", "b", "b", "b", "a", None], symbols=["b", "a", "c"])
    assert letters.emission.probabilities.tolist() == [[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]]
    assert hf.fit_labelled("bernoulli", STATES, [1, 0, 0, 1, 1, 1, None]).emission.probability.tolist() == [0.5, 1.0]


def test_moves_are_counted_within_sequences():
    model = hf.fit_labelled("poisson", STATES, COUNTS, lengths=[3, 2, 0, 2])
    assert model.initial.tolist() == [2 / 3, 1 / 3]
    assert model.transition.tolist() == [[2 / 3, 1 / 3], [0.0, 1.0]]
    frame = pd.DataFrame({"who": list("aaabbcc"), "count": pd.array(COUNTS, dtype="Int64")})
    parts = [(STATES[:3], COUNTS[:3]), (STATES[3:5], COUNTS[3:5]), (STATES[5:], COUNTS[5:])]
    by_key = dict(zip("abc", [states for states, _ in parts], strict=True))
    for states, observations in [
        ([states for states, _ in parts], [counts for _, counts in parts]),
        (STATES, [counts for _, counts in parts]),
        (by_key, dict(zip("abc", [counts for _, counts in parts], strict=True))),
        (by_key, frame.groupby("who")["count"]),
    ]:
        assert hf.fit_labelled("poisson", states, observations) == model


@given(st.data())
def test_all_of_it_is_exact(data):
    n_states = data.draw(st.integers(1, 4))
    lengths = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=5))
    tail = np.repeat(np.arange(n_states), 2)  # so that each state is left, and shows something
    states = data.draw(st.lists(st.integers(0, n_states - 1), min_size=sum(lengths), max_size=sum(lengths)))
    states = [*states, *tail, *tail[::-1]]
    counts = data.draw(st.lists(st.integers(0, 10**6), min_size=len(states), max_size=len(states)))
    lengths = [*lengths, 4 * n_states]
    model = hf.fit_labelled("poisson", states, counts, lengths=lengths)
    begins, moves, first = [0] * n_states, np.zeros((n_states, n_states), dtype=int), 0
    for length in lengths:
        part = states[first : first + length]
        first += length
        for state in part[:1]:
            begins[state] += 1
        for i, j in itertools.pairwise(part):
            moves[i, j] += 1
    np.testing.assert_allclose(model.initial, [float(Fraction(n, sum(begins))) for n in begins], rtol=EXACT)
    shares = [[float(Fraction(int(n), int(row.sum()))) for n in row] for row in moves]
    np.testing.assert_allclose(model.transition, shares, rtol=EXACT)
    own = [[count for count, state in zip(counts, states, strict=True) if state == k] for k in range(n_states)]
    np.testing.assert_allclose(model.emission.rate, [float(Fraction(sum(c), len(c))) for c in own], rtol=EXACT)


def test_it_is_the_fit_with_all_labels():
    start = hf.guess("poisson", 2, COUNTS)
    fitted = start.fit(COUNTS, labels=STATES).model
    counted = hf.fit_labelled("poisson", STATES, COUNTS)
    for name in ("initial", "transition"):
        np.testing.assert_allclose(getattr(fitted, name), getattr(counted, name), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(fitted.emission.rate, counted.emission.rate, rtol=1e-12)


def test_a_prior_adds_what_it_was_told():
    prior = hf.Prior(
        initial=hf.priors.Dirichlet(2.0),
        transition=hf.priors.sticky(1.0, 3.0),
        emission=hf.priors.Gamma(3.0, 1.0),
    )
    model = hf.fit_labelled("poisson", STATES, COUNTS, prior=prior)
    np.testing.assert_allclose(model.initial, [2 / 3, 1 / 3], rtol=EXACT)
    np.testing.assert_allclose(model.transition, [[5 / 7, 2 / 7], [1 / 5, 4 / 5]], rtol=EXACT)
    np.testing.assert_allclose(model.emission.rate, [(4 + 2) / (4 + 1), (16 + 2) / (2 + 1)], rtol=EXACT)
    symbols = hf.Prior(emission=hf.priors.Dirichlet([1.0, 2.0, 4.0]))
    letters = hf.fit_labelled("categorical", STATES, list("aabbbab"), symbols=["a", "b", "c"], prior=symbols)
    np.testing.assert_allclose(letters.emission.probabilities, [[3 / 8, 2 / 8, 3 / 8], [0, 4 / 7, 3 / 7]], rtol=EXACT)
    alone = hf.fit_labelled("poisson", STATES, COUNTS, prior=hf.Prior())
    assert alone == hf.fit_labelled("poisson", STATES, COUNTS)
    with pytest.raises((ValueError, TypeError), match="Dirichlet"):
        hf.fit_labelled("categorical", STATES, [0, 1, 1, 0, 0, 1, 1], prior=prior)


def test_a_state_that_is_never_left_takes_a_prior():
    with pytest.raises(ValueError, match=r"hold a step after state 1, or nothing says where it leads: give a prior"):
        hf.fit_labelled("poisson", [0, 0, 1], [1, 2, 9])
    prior = hf.Prior(transition=hf.priors.Dirichlet(2.0))
    assert hf.fit_labelled("poisson", [0, 0, 1], [1, 2, 9], prior=prior).transition.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert hf.fit_labelled("poisson", [0], [1]).transition.tolist() == [[1.0]]  # of one state, all is known


@pytest.mark.parametrize(
    ("states", "options", "error", "words"),
    [
        (
            [0, -1, 1, 0],
            {},
            ValueError,
            r"known at every step, got none at step 1 of all: hf\.fit\(start, observations, la",
        ),
        ([0, np.nan, 1, 0], {}, ValueError, "known at every step, got none at step 1"),
        ([0, 2, 2, 0], {}, ValueError, "states must hold each of 0 to 2 at a step with an observation, got none of 1"),
        ([1, 0, 0, 1], {"n_states": 3}, ValueError, "states must hold each of 0 to 2 .* got none of 2"),
        ([0, 0, 0, 1], {}, ValueError, "got none of 1"),  # but where the observation is missing
        ([0, 1, 1], {}, ValueError, "states must have an entry for each of the 4 steps, got 3"),
        ([0, 1, 2, 1], {"n_states": 2}, ValueError, r"states\[2\] must be a state from 0 to 1"),
        ([0, 1, 0, 1], {"n_states": 0}, ValueError, "n_states must be at least 1"),
        ([0, 1, "one", 1], {}, ValueError, r"states\[2\] must be a state from 0 up, or -1 or NaN where unknown"),
        ("0101", {}, TypeError, "states must be a list of states"),
        (10**9 * np.array([0, 1, 0, 1]), {}, ValueError, "got none of 1"),
    ],
)
def test_states_that_are_not_all_known_are_refused_in_words(states, options, error, words):
    with pytest.raises(error, match=words):
        hf.fit_labelled("poisson", states, [1, 2, 9, None], **options)


@pytest.mark.parametrize("covariance", ["variances", "full", "tied", "spherical"])
def test_moments_of_vectors_are_exact(covariance):
    rng = np.random.default_rng(0)
    states = rng.integers(0, 2, 60)
    x = rng.integers(-50, 50, (60, 2)) + 1e8 * states[:, None]
    model = hf.fit_labelled("gaussian", states, x, covariance=covariance)
    own = [[[Fraction(int(v)) for v in row] for row in x[states == k]] for k in range(2)]
    means = [[sum(column) / len(rows) for column in zip(*rows, strict=True)] for rows in own]
    np.testing.assert_allclose(model.emission.mean, np.array(means, dtype=float), rtol=EXACT)

    def scatter(k, i, j):
        return sum((row[i] - means[k][i]) * (row[j] - means[k][j]) for row in own[k])

    n = [len(rows) for rows in own]
    expected = {
        "variances": [[scatter(k, i, i) / n[k] for i in range(2)] for k in range(2)],
        "full": [[[scatter(k, i, j) / n[k] for j in range(2)] for i in range(2)] for k in range(2)],
        "tied": [[sum(scatter(k, i, j) for k in range(2)) / 60 for j in range(2)] for i in range(2)],
        "spherical": [sum(scatter(k, i, i) for i in range(2)) / (2 * n[k]) for k in range(2)],
    }[covariance]
    np.testing.assert_allclose(model.emission.covariance, np.array(expected, dtype=float), rtol=1e-9)


def test_a_state_without_spread_collapses():
    with pytest.raises(hf.DegenerateFitError) as caught:
        hf.fit_labelled("gaussian", [0, 0, 1, 1, 0], [1.0, 2.0, 3.0, 3.0, 5.0])
    assert caught.value.state == 1


def test_states_may_be_called_by_their_names():
    start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
    counts, numbers = [1, 0, 2, 9, 7, 1], [0, -1, 0, 1, None, 0]
    words = ["calm", None, "calm", "busy", None, "calm"]
    named, numbered = (start.fit(counts, labels=labels) for labels in (words, numbers))
    assert named.model == numbered.model
    with pytest.raises(ValueError, match=r"labels\[1\] must be a state from 0 to 1, one of calm, busy, .* got 'idle'"):
        start.fit([1, 2], labels=["calm", "idle"])


def test_states_that_are_words_are_numbered_as_they_come():
    counts, states = [[9, 7, 1], [0, 8]], [["busy", "busy", "calm"], ["calm", "busy"]]
    model = hf.fit_labelled("poisson", states, counts)
    assert model.state_names == ("busy", "calm")
    assert model.emission.rate.tolist() == [8.0, 0.5]
    again = hf.fit_labelled("poisson", [[0, 0, 1], [1, 0]], counts)
    np.testing.assert_array_equal(model.transition, again.transition)
