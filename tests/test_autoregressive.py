"""Autoregressions: rows that know those before them, in sequences and streams; numbers to come, exactly."""

import itertools

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter._beside import Beside
from hmmfilter.emissions import Autoregressive, Regression
from hmmfilter.emissions.learning import Kept

RNG = np.random.default_rng(11)
EMISSION = Autoregressive([[0.5, 0.6, -0.2], [-1.0, -0.5, 0.3]], [0.5, 2.0])
STATES = np.repeat([0, 1, 0, 1], 15)
Y = EMISSION.sample(STATES, 3)
WEIGHTS = RNG.uniform(size=(60, 2))
X = RNG.normal(size=(60, 2))
WITH_X = Autoregressive([[0.5, 0.6, 1.0, 0.0], [-1.0, -0.5, 0.0, 1.0]], [0.5, 2.0], 1)
ROUNDING = 1e-12


def lagged(y, p):
    """The p numbers before each but the first p, the newest first."""
    return np.column_stack([y[p - lag : len(y) - lag] for lag in range(1, p + 1)])


def test_it_is_a_regression_on_what_came_before():
    line = Regression(EMISSION.coefficients, EMISSION.variance)
    table = EMISSION.log_likelihoods(Y)
    assert (table[:2] == 0).all()
    assert (table[2:] == line.log_likelihoods(Y[2:], covariates=lagged(Y, 2))).all()


def test_covariates_come_after_what_came_before():
    line = Regression(WITH_X.coefficients, WITH_X.variance)
    table = WITH_X.log_likelihoods(Y, covariates=X)
    known = np.column_stack([lagged(Y, 1), X[1:]])
    assert (table[1:] == line.log_likelihoods(Y[1:], covariates=known)).all()
    chosen = Autoregressive(WITH_X.coefficients, WITH_X.variance, covariates=[2, 0])
    assert chosen.order == 1
    assert (chosen.log_likelihoods(Y, covariates=np.column_stack([X[:, 1], Y, X[:, 0]])) == table).all()


def test_no_sequence_looks_into_the_one_before():
    lengths = [20, 0, 1, 2, 37]
    table = EMISSION.log_likelihoods(Y, lengths=lengths)
    parts = np.split(Y, np.cumsum(lengths)[:-1])
    alone = [EMISSION.log_likelihoods(part) for part in parts if len(part) > 0]
    assert table.tobytes() == np.concatenate(alone).tobytes()
    assert not table[[0, 1, 20, 21, 22, 23, 24]].any()


def test_what_is_missing_is_missing_for_the_next_ones_too():
    y = Y.copy()
    y[10] = np.nan
    table, whole = EMISSION.log_likelihoods(y), EMISSION.log_likelihoods(Y)
    assert not table[10:13].any()
    assert (np.delete(table, [10, 11, 12], axis=0) == np.delete(whole, [10, 11, 12], axis=0)).all()


def test_a_stream_hands_in_what_it_keeps():
    whole = EMISSION.log_likelihoods(Y)
    row = np.empty((1, 2))
    for t in range(60):
        before = Y[max(t - EMISSION._past, 0) : t].tolist()
        observed = EMISSION._observed([Y[t]], Beside(np.array([0, 1]), before=before))
        EMISSION._fill(observed, 0, 1, row)
        assert row.tobytes() == whole[t : t + 1].tobytes()
    block = EMISSION._observed(Y[5:9], Beside(np.array([0, 4]), before=Y[3:5]))
    table = np.empty((4, 2))
    EMISSION._fill(block, 0, 4, table)
    assert table.tobytes() == whole[5:9].tobytes()


def test_estimates_are_least_squares():
    best = EMISSION.estimated(Y, WEIGHTS, lengths=[30, 30])
    halves = [(half[2:], lagged(half, 2)) for half in (Y[:30], Y[30:])]
    y, known = (np.concatenate(part) for part in zip(*halves, strict=True))
    weights = np.concatenate([WEIGHTS[2:30], WEIGHTS[32:]])
    line = Regression(EMISSION.coefficients, EMISSION.variance).estimated(y, weights, covariates=known)
    assert best.coefficients == pytest.approx(line.coefficients, rel=ROUNDING)
    assert best.variance == pytest.approx(line.variance, rel=ROUNDING)
    guess = Autoregressive.guessed(Y, WEIGHTS, order=2, lengths=[30, 30])
    assert guess.coefficients == pytest.approx(best.coefficients, rel=1e-9)


def test_estimates_are_those_of_statsmodels():
    ar_model = pytest.importorskip("statsmodels.tsa.ar_model")
    fit = ar_model.AutoReg(Y, 2).fit()
    best = Autoregressive.guessed(Y, np.ones((60, 1)), order=2)
    assert best.coefficients[0] == pytest.approx(fit.params, rel=1e-9)
    log_likelihood = best.log_likelihoods(Y).sum()
    assert log_likelihood == pytest.approx(fit.llf, rel=1e-12)


def test_a_guess_with_covariates():
    guess = Autoregressive.guessed(Y, WEIGHTS, covariates=X)
    best = WITH_X.estimated(Y, WEIGHTS, covariates=X)
    assert guess.order == 1
    assert guess.coefficients == pytest.approx(best.coefficients, rel=1e-9)


def test_samples_follow_those_before_them():
    """What is drawn, less what is expected of it, is the noise of its own state, also where a sequence begins."""
    states, lengths = np.repeat([0, 1], 4), [0, 3, 5]
    drawn = EMISSION.sample(states, 5, lengths=lengths)
    noise = np.random.default_rng(5).standard_normal(8) * np.sqrt(EMISSION.variance)[states]
    settled = EMISSION.coefficients[:, 0] / (1 - EMISSION.coefficients[:, 1:].sum(axis=1))
    for begin, end in ((0, 3), (3, 8)):
        past = [settled[states[begin]]] * 2
        for t in range(begin, end):
            constant, *phi = EMISSION.coefficients[states[t]]
            assert drawn[t] == pytest.approx(constant + phi[0] * past[-1] + phi[1] * past[-2] + noise[t], rel=ROUNDING)
            past.append(drawn[t])


def test_samples_with_covariates_and_what_came_before():
    states = np.array([1, 0])
    beside = Beside(np.array([0, 2]), covariates=X[:2], before=[4.0])
    drawn = WITH_X._sampled(states, np.random.default_rng(2), beside)
    noise = np.random.default_rng(2).standard_normal(2)
    assert drawn[0] == pytest.approx(-1.0 - 0.5 * 4.0 + X[0, 1] + np.sqrt(2.0) * noise[0], rel=ROUNDING)
    assert drawn[1] == pytest.approx(0.5 + 0.6 * drawn[0] + X[1, 0] + np.sqrt(0.5) * noise[1], rel=ROUNDING)


def test_a_walk_begins_at_zero():
    walk = Autoregressive([[1.0, 1.0]], [1.0]).sample([0, 0], 4)
    noise = np.random.default_rng(4).standard_normal(2)
    assert walk == pytest.approx(np.cumsum(1.0 + noise), rel=ROUNDING)


def moments_by_paths(emission, first, matrices, shifts, past):
    """The mean and the variance of each number to come, by all paths."""
    n_steps, order = len(shifts), emission.order
    means, squares = np.zeros(n_steps), np.zeros(n_steps)
    for path in itertools.product(range(2), repeat=n_steps):
        probability = first[path[0]] * np.prod([m[i, j] for m, i, j in zip(matrices, path, path[1:], strict=False)])
        mean, covariance = np.array(past), np.zeros((order, order))  # of the last numbers, the newest last
        for s, k in enumerate(path):
            phi = emission.coefficients[k, 1 : order + 1][::-1]
            newest, along = shifts[s, k] + phi @ mean[-order:], covariance[:, -order:] @ phi
            own = phi @ covariance[-order:, -order:] @ phi + emission.variance[k]
            mean = np.append(mean, newest)
            covariance = np.block([[covariance, along[:, None]], [along[None], np.array([[own]])]])
        means += probability * mean[order:]
        squares += probability * (np.diag(covariance)[order:] + mean[order:] ** 2)
    return means, squares - means**2


def test_numbers_ahead_are_exact():
    first, matrices = np.array([0.3, 0.7]), np.array([[[0.9, 0.1], [0.4, 0.6]], [[0.5, 0.5], [0.0, 1.0]]] * 2)
    beside = Beside(np.array([0, 5]), before=[2.0, -1.0])
    mean, variance = EMISSION._moments_ahead(first, matrices, beside)
    shifts = np.tile(EMISSION.coefficients[:, 0], (5, 1))
    expected = moments_by_paths(EMISSION, first, matrices, shifts, [2.0, -1.0])
    assert mean == pytest.approx(expected[0], rel=1e-11)
    assert variance == pytest.approx(expected[1], rel=1e-11)


def test_numbers_ahead_with_covariates():
    first, matrices = np.array([1.0, 0.0]), np.array([[[1.0, 0.0], [0.4, 0.6]]] * 3)  # a state that is never reached
    beside = Beside(np.array([0, 4]), covariates=X[:4], before=[0.0, 3.0])
    mean, variance = WITH_X._moments_ahead(first, matrices, beside)
    shifts = WITH_X.coefficients[:, 0] + X[:4] @ WITH_X.coefficients[:, 2:].T
    expected = moments_by_paths(WITH_X, first, matrices, shifts, [3.0])
    assert mean == pytest.approx(expected[0], rel=1e-11)
    assert variance == pytest.approx(expected[1], rel=1e-11)


@pytest.mark.parametrize("before", [None, [], [1.0], [1.0, np.nan]])
def test_nothing_is_said_of_numbers_ahead_where_the_last_ones_are_not_known(before):
    beside = Beside(np.array([0, 2]), before=before)
    assert EMISSION._moments_ahead(np.ones(2) / 2, np.full((1, 2, 2), 0.5), beside) is None


def test_sides_are_given_what_came_before():
    below, at, above = EMISSION.log_sides(Y, lengths=[30, 30])
    assert np.isnan(below[[0, 1, 30, 31]]).all()
    line = Regression(EMISSION.coefficients, EMISSION.variance)
    assert (above[2:30] == line.log_sides(Y[2:30], covariates=lagged(Y[:30], 2))[2]).all()
    assert (at[2:30] == -np.inf).all()


def test_slopes_and_statistics():
    observed = EMISSION._observed(Y)
    kept = Kept(observed, WEIGHTS)
    best = EMISSION._maximised(kept, None, {})
    assert all(np.abs(slope).max() < 1e-9 for slope in best._score(kept).values())
    assert (EMISSION._statistics(kept)["weights"] == WEIGHTS).all()


def test_sizes_of_steps():
    """One standard deviation of numbers, by a coefficient of numbers a thousand times as large."""
    observed = EMISSION._observed(1000.0 * Y)
    sizes = EMISSION._sizes(observed)["coefficients"]
    assert sizes[:, 0] == pytest.approx(np.sqrt(EMISSION.variance))
    typical = np.sqrt((lagged(Y, 2) ** 2).mean(axis=0)) * 1000.0
    assert sizes[:, 1:] == pytest.approx(np.sqrt(EMISSION.variance)[:, None] / typical)
    counts = Regression([[0.0, 1.0]], family="poisson")
    sizes = counts._sizes(counts._observed([1, 2, None], counts._beside(3, [2.0, 2.0, 50.0])))
    assert sizes["coefficients"] == pytest.approx(np.array([[1.0, 0.5]]))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"order": 0}, ValueError, "order must be from 1 up and fit the 3 coefficients"),
        ({"order": 3}, ValueError, "order must be from 1 up"),
        ({"order": 1.5}, TypeError, "order must be a whole number"),
        ({"order": True}, TypeError, "order must be a whole number"),
        ({"order": 2, "covariates": ["a"]}, ValueError, "order must be from 1 up and fit"),
        ({"covariates": "ab"}, TypeError, "covariates must be a list"),
        ({"variance": None}, ValueError, "variance must be given, one for each state, for an autoregression"),
    ],
)
def test_what_does_not_fit_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        Autoregressive(**{"coefficients": [[0.0, 0.5, 0.1]], "variance": [1.0], **given})


def test_what_it_is_called():
    assert EMISSION._called == "Autoregressive emission given the first 2 steps"
    assert WITH_X._called == "Autoregressive emission given the first step"
    heads = [head for head, _, _ in Autoregressive([[0.0, 0.5, 1.0]], [1.0], covariates=["gap"])._columns()]
    assert heads == ["intercept", "φ[1]", "gap", "sd"]
    assert hf.emissions.Autoregressive is Autoregressive
