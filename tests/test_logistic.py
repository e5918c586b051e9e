"""Moves by logits in covariates: probabilities without loss, and coefficients against an optimum in 50 digits."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter._beside import Beside
from hmmfilter.transitions.protocol import Moved
from tests.chain_oracle import optimum

DIGITS = 50
EPSILON = 2.2e-16

CHAIN = hf.transitions.Logistic([[[0, 0], [-1.0, 0.5]], [[0.3, -2.0], [0, 0]]])


@mpmath.workdps(DIGITS)
def exact_logs(coefficients, row):
    n_states = len(coefficients)
    x = [mpmath.mpf(1), *map(mpmath.mpf, map(float, row))]
    table = np.empty((n_states, n_states))
    for i in range(n_states):
        odds = [mpmath.fdot(map(mpmath.mpf, map(float, coefficients[i][j])), x) for j in range(n_states)]
        total = mpmath.log(mpmath.fsum(map(mpmath.exp, odds)))
        table[i] = [float(each - total) for each in odds]
    return table


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 2), st.sampled_from([1e-9, 1.0, 30.0, 1e4]))
@settings(max_examples=30)
def test_logs_have_their_digits(seed, n_states, n_covariates, size):
    rng = np.random.default_rng(seed)
    coefficients = size * rng.normal(size=(n_states, n_states, n_covariates + 1))
    coefficients[np.arange(n_states), np.arange(n_states)] = 0.0
    rows = rng.normal(size=(3, n_covariates))
    chain = hf.transitions.Logistic(coefficients)
    want = np.array([exact_logs(coefficients, row) for row in rows])
    terms = 1 + np.abs(coefficients).sum(axis=2).max() * 3  # of log-odds, which are rounded
    np.testing.assert_allclose(chain._log_matrices(rows), want, rtol=4 * EPSILON, atol=8 * EPSILON * terms)


def test_what_is_next_to_certain():
    """The base has the smallest loss: log(1 − 1e-20) is −1e-20."""
    chain = hf.transitions.Logistic([[[0.0], [np.log(1e-20)]], [[800.0], [0.0]]])
    logs = chain._log_matrices(np.zeros((1, 0)))[0]
    np.testing.assert_allclose(logs, [[-1e-20, np.log(1e-20)], [-np.exp(-800.0), -800.0]], rtol=1e-14, atol=1e-300)


def told(chain, covariates, starts=None, names=None):
    ends = [0, len(covariates)] if starts is None else starts
    return chain._told(Beside(np.array(ends), covariates=np.array(covariates, dtype=float), names=names))


def test_each_row_of_covariates_is_told_once():
    of, which = told(CHAIN, [[2.0], [1.0], [2.0], [9.0], [1.0], [7.0]], [0, 4, 6])
    assert of.tolist() == [[1], [2]]
    assert which.tolist() == [1, 0, 1, 0, 0, 0]


def test_the_same_covariates_are_one_matrix():
    assert told(CHAIN, [[2.0], [2.0], [np.nan]]).which is None
    assert told(CHAIN, [[2.0]]).of.shape == (1, 1)


def test_columns_by_name_and_number():
    coefficients = np.zeros((2, 2, 3))
    coefficients[0, 1], coefficients[1, 0] = [0, 1, 2], [0, 3, 4]
    table = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
    names = ("hour", "distance", "slope")
    by_name = told(hf.transitions.Logistic(coefficients, ["slope", "hour"]), table, names=names)
    by_number = told(hf.transitions.Logistic(coefficients, [2, 0]), table)
    assert by_name.of.tolist() == by_number.of.tolist() == [[3, 1], [6, 4]]


def test_without_covariates_it_is_one_matrix():
    chain = hf.transitions.Logistic([[[0.0], [0.0]], [[np.log(3)], [0.0]]])
    assert chain._needs == frozenset()
    assert CHAIN._needs == {"covariates"}
    of, which = chain._told(Beside(np.array([0, 5])))
    assert which is None
    np.testing.assert_allclose(np.exp(chain._log_matrices(of)), [[[0.5, 0.5], [0.75, 0.25]]])


TABLE = np.array([[1.0, 2.0], [3.0, np.inf], [np.nan, 6.0]])
TELLING = [
    (None, None, None, "covariates must be given, a row of each step"),
    (None, TABLE, None, "covariates must have 1 columns, one for each coefficient after the intercept, got 2"),
    (["slope"], TABLE, ("hour", "distance"), "covariates must have a column 'slope', got hour, distance"),
    (["slope"], TABLE, None, "covariates must have a column 'slope', got no names"),
    ([2], TABLE, None, "covariates must have a column 2, got 2, from 0"),
    ([1], TABLE, None, r"covariates\[1, 0\] must be finite, got inf"),
]


@pytest.mark.parametrize(("columns", "table", "names", "message"), TELLING)
def test_covariates_that_are_refused(columns, table, names, message):
    chain = hf.transitions.Logistic(CHAIN.coefficients, columns)
    with pytest.raises(ValueError, match=message):
        chain._told(Beside(np.array([0, 3]), covariates=table, names=names))


MAKING = [
    (([[[0.0, 1.0]]],), r"coefficients\[0, 0, 1\] must be 0, since staying is what the others are compared with"),
    (([[[0.0]], [[0.0]]],), r"coefficients must have shape \(2, 2, C \+ 1\), got \(2, 1, 1\)"),
    (([[[0.0, np.nan]]],), r"coefficients\[0, 0, 1\] must be finite"),
    (([[[0.0, 0.0]]], ["a", "b"]), r"covariates must be 1 different columns, .*, got \['a', 'b'\]"),
    (([[[0.0, 0.0, 0.0]]], ["a", "a"]), r"covariates must be 2 different columns, .*, got \['a', 'a'\]"),
]


@pytest.mark.parametrize(("arguments", "message"), MAKING)
def test_what_are_no_coefficients(arguments, message):
    with pytest.raises(ValueError, match=message):
        hf.transitions.Logistic(*arguments)


@pytest.mark.parametrize("columns", ["distance", [1.5], [True], [-1]])
def test_what_are_no_columns(columns):
    with pytest.raises(TypeError, match="covariates must be a list of names or numbers of columns"):
        hf.transitions.Logistic(CHAIN.coefficients, columns)


def test_matrices_of_no_such_covariates():
    with pytest.raises(ValueError, match=r"covariates must have shape \(1,\), got \(2,\)"):
        CHAIN.matrix([1.0, 2.0])


def test_printing():
    assert repr(CHAIN).split("\n") == [
        "Logistic: 2 states, log-odds against staying",
        "    move  intercept  covariate 0",
        "  0 to 1         -1          0.5",
        "  1 to 0        0.3           -2",
    ]
    assert "distance" in hf.transitions.Logistic(CHAIN.coefficients, ["distance"])._repr_html_()
    heads = [head for head, _, _ in CHAIN._columns(("calm", "busy"))]
    assert heads == ["to calm: intercept", "to calm: covariate 0", "to busy: intercept", "to busy: covariate 0"]


def test_states_numbered_anew():
    rng = np.random.default_rng(0)
    coefficients = rng.normal(size=(3, 3, 2)) * (1 - np.eye(3))[:, :, np.newaxis]
    chain, order = hf.transitions.Logistic(coefficients, ["x"]), np.array([2, 0, 1])
    again = chain._reordered(order)
    assert again.covariates == ("x",)
    assert again._with(chain._parameters()) == chain
    np.testing.assert_allclose(again.matrix([0.7]), chain.matrix([0.7])[np.ix_(order, order)], rtol=1e-15)


# Learning: a chain of two states, so that all is a logit of one coefficient and an intercept for each.

X = np.array([-1.5, -0.5, 0.0, 0.4, 1.0, 2.5])
COUNTS = np.random.default_rng(5).gamma(2.0, 1.0, (6, 2, 2))
EVIDENCE = Moved(X[:, np.newaxis], COUNTS, COUNTS)


@mpmath.workdps(DIGITS)
def exact_optimum(source):
    """The coefficients at which the slopes are 0, and the standard errors by the second derivatives there."""
    stays = [mpmath.mpf(float(n)) for n in COUNTS[:, source, source]]
    moves = [mpmath.mpf(float(n)) for n in COUNTS[:, source, 1 - source]]
    x = [mpmath.mpf(float(each)) for each in X]

    def slopes(a, b):
        p = [1 / (1 + mpmath.exp(-a - b * each)) for each in x]
        off = [m - (m + s) * share for m, s, share in zip(moves, stays, p, strict=True)]
        return [mpmath.fsum(off), mpmath.fdot(off, x)]

    a, b = mpmath.findroot(slopes, (0, 0))
    p = [1 / (1 + mpmath.exp(-a - b * each)) for each in x]
    w = [(m + s) * share * (1 - share) for m, s, share in zip(moves, stays, p, strict=True)]
    information = mpmath.matrix([[mpmath.fsum(w), mpmath.fdot(w, x)], [mpmath.fdot(w, x), 0]])
    information[1, 1] = mpmath.fsum(each * z**2 for each, z in zip(w, x, strict=True))
    covariance = information**-1
    return [float(a), float(b)], [float(mpmath.sqrt(covariance[0, 0])), float(mpmath.sqrt(covariance[1, 1]))]


@pytest.mark.parametrize("source", [0, 1])
def test_the_step_is_the_optimum_of_50_digits(source):
    best = CHAIN._maximised(EVIDENCE, None, {})
    coefficients, errors = exact_optimum(source)
    np.testing.assert_allclose(best.coefficients[source, 1 - source], coefficients, rtol=1e-12)
    assert not best.coefficients[source, source].any()
    h, at = 1e-4, best.coefficients
    curvature = np.empty((2, 2))
    for c in range(2):
        moved = np.zeros(at.shape)
        moved[source, 1 - source, c] = h
        ends = [best._with({"coefficients": at + sign * moved})._score(EVIDENCE)["coefficients"] for sign in (1, -1)]
        curvature[c] = (ends[0] - ends[1])[source, 1 - source] / (2 * h)
    np.testing.assert_allclose(np.sqrt(np.diag(np.linalg.inv(-curvature))), errors, rtol=1e-6)


def test_slopes_are_those_of_what_is_seen():
    score, h = CHAIN._score(EVIDENCE)["coefficients"], 1e-5
    assert not score[[0, 1], [0, 1]].any()
    for i, j, c in [(0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 0, 1)]:
        moved = np.zeros(CHAIN.coefficients.shape)
        moved[i, j, c] = h
        ends = [CHAIN._with({"coefficients": CHAIN.coefficients + sign * moved}) for sign in (1, -1)]
        heights = [(COUNTS * end._log_matrices(EVIDENCE.of)).sum() for end in ends]
        assert score[i, j, c] == pytest.approx((heights[0] - heights[1]) / (2 * h), rel=1e-7)


def test_coefficients_that_are_held_and_tied():
    groups = np.array([[[-1, -1], [0, 1]], [[2, 1], [-1, -1]]])
    start = CHAIN._with({"coefficients": np.array([[[0, 0], [-1.0, 0.5]], [[0.3, 0.5], [0, 0]]])})
    best = start._maximised(EVIDENCE, None, {"coefficients": groups})
    score = best._score(EVIDENCE)["coefficients"]
    assert best.coefficients[0, 1, 1] == best.coefficients[1, 0, 1] != 0.5
    assert score[0, 1, 1] + score[1, 0, 1] == pytest.approx(0, abs=1e-10)
    held = start._maximised(EVIDENCE, None, {"coefficients": np.where(groups == 2, -1, groups)})
    assert held.coefficients[1, 0, 0] == 0.3


def test_covariates_that_tell_all_end_at_finite_coefficients():
    counts = np.zeros((6, 2, 2))
    counts[:3, 0, 0] = counts[3:, 0, 1] = 1.0
    best = CHAIN._maximised(Moved(X[:, np.newaxis], counts, counts), None, {})
    probabilities = best.matrix(X[:, np.newaxis])
    assert np.isfinite(best.coefficients).all()
    np.testing.assert_allclose(probabilities[:3, 0, 0], 1.0, atol=1e-6)
    np.testing.assert_allclose(probabilities[3:, 0, 1], 1.0, atol=1e-6)
    assert np.array_equal(best.coefficients[1], CHAIN.coefficients[1])  # of which nothing was seen


def test_natural_parameters():
    assert CHAIN._of_natural(CHAIN._natural()) == CHAIN
    assert CHAIN._of_natural(np.full(4, np.inf)) is None
    assert CHAIN._given()["coefficients"].tolist() == [[[True, True], [False, False]], [[False, False], [True, True]]]


def test_no_prior_and_nowhere_to_settle():
    CHAIN._admit(None)
    with pytest.raises(TypeError, match="the prior of the transition must be None, since coefficients of a logit"):
        CHAIN._admit(hf.priors.Dirichlet(2.0))
    with pytest.raises(ValueError, match="Logistic transitions, which move otherwise from step to step"):
        CHAIN.stationary()


def test_a_fit_and_its_standard_errors_are_those_of_50_digits():
    shown = hf.emissions.Gaussian([0.0, 2.0], [0.5, 0.5])
    start = hf.HMM([0.5, 0.5], hf.transitions.Logistic([[[0, 0], [-0.5, 1.0]], [[-0.5, -0.8], [0, 0]]]), shown)
    rng = np.random.default_rng(6)
    covariates = rng.normal(size=(14, 1))
    x = start.simulate(14, rng, covariates=covariates)[1]
    fitted = start.fit(x, covariates=covariates, fixed=["initial", "emission"], tolerance=1e-13)
    found = fitted.model.chain.coefficients[[0, 1], [1, 0]]

    def matrices(p):
        leave = [
            [mpmath.exp(p[2 * i] + p[2 * i + 1] * mpmath.mpf(float(z))) for i in (0, 1)] for z in covariates[:-1, 0]
        ]
        return [mpmath.matrix([[1 / (1 + a), a / (1 + a)], [b / (1 + b), 1 / (1 + b)]]) for a, b in leave]

    best, errors = optimum([0.5, 0.5], matrices, shown.log_likelihoods(x), found)
    np.testing.assert_allclose((found.ravel() - best) / errors, 0.0, atol=1e-6)
    np.testing.assert_allclose(fitted.standard_errors().transition[[0, 1], [1, 0]].ravel(), errors, rtol=1e-5)
    assert np.isnan(fitted.standard_errors().transition[0, 0]).all()
