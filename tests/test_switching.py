"""Regressions and autoregressions whose coefficients follow a chain: steps of EM by all paths, and published fits."""

import ast
import itertools
from functools import cache
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

import hmmfilter as hf
from hmmfilter._tiers import kernels
from hmmfilter.emissions import Autoregressive, Regression
from tests import learning_oracle as exact
from tests.conftest import needs_compiled
from tests.series import FEDERAL_FUNDS

ROUNDING = 1e-12
INITIAL, TRANSITION = [0.3, 0.7], [[0.8, 0.2], [0.3, 0.7]]
Y = np.array([0.3, 1.1, -0.4, 2.0, 1.7, 0.2])
X = np.array([[0.5], [-1.0], [0.2], [1.5], [0.0], [-0.7]])


def normal(coefficients, variance):
    """The density of (y, x) in a state; nothing is known where x is None."""

    def density(seen, k):
        y, x = seen
        if x is None:
            return mpmath.mpf(1)
        off = mpmath.mpf(y) - mpmath.fdot(coefficients[k], [1, *map(mpmath.mpf, x)])
        return mpmath.exp(-(off**2) / variance[k] / 2) / mpmath.sqrt(2 * mpmath.pi * variance[k])

    return density


def least_squares(degrees, k):
    """The most probable coefficients and variance of a state, for pairs that belong to it to known degrees."""
    rows = [(mpmath.mpf(y), [1, *map(mpmath.mpf, x)], row[k]) for (y, x), row in degrees if x is not None]
    n = len(rows[0][1])
    square, right = mpmath.zeros(n), mpmath.zeros(n, 1)
    for y, x, w in rows:
        for a in range(n):
            right[a] += w * x[a] * y
            for b in range(n):
                square[a, b] += w * x[a] * x[b]
    beta = mpmath.lu_solve(square, right)
    squares = mpmath.fsum(w * (y - mpmath.fdot(list(beta), x)) ** 2 for y, x, w in rows)
    return list(beta), squares / mpmath.fsum(w for _, _, w in rows)


def assert_one_step(start, emission, pairs, **given):
    """A step of plain EM is that of all paths."""
    fitted = hf.fit(start, Y, accelerate=False, max_iterations=1, tolerance=0, **given)
    with mpmath.workdps(exact.DIGITS):
        chain = exact.Chain(exact.exactly(INITIAL), exact.exactly(TRANSITION))
        density = normal(exact.exactly(emission.coefficients), exact.exactly(emission.variance))
        expected = exact.expected(chain, density, [pairs], [mpmath.mpf(1)])
        assert fitted.history[0] == pytest.approx(float(expected.log_likelihoods[0]), rel=ROUNDING)
        for k in range(2):
            beta, variance = least_squares(expected.degrees, k)
            assert fitted.model.emission.coefficients[k] == pytest.approx(np.array(beta, float), rel=ROUNDING)
            assert fitted.model.emission.variance[k] == pytest.approx(float(variance), rel=ROUNDING)
        moves = [list(map(float, exact.shares(row))) for row in expected.transition]
        assert fitted.model.transition == pytest.approx(np.array(moves), rel=ROUNDING)


def test_a_step_of_an_autoregression():
    emission = Autoregressive([[0.2, 0.5], [1.0, -0.3]], [1.0, 0.5])
    pairs = [(Y[0], None), *((y, [x]) for y, x in zip(Y[1:], Y[:-1], strict=True))]
    assert_one_step(hf.HMM(INITIAL, TRANSITION, emission), emission, pairs)


def test_a_step_of_a_regression():
    emission = Regression([[0.2, 0.5], [1.0, -0.3]], [1.0, 0.5])
    pairs = list(zip(Y, X.tolist(), strict=True))
    assert_one_step(hf.HMM(INITIAL, TRANSITION, emission), emission, pairs, covariates=X)


# Stata's manual of time series, "mswitch", examples 3 and 4, as a regression test of statsmodels gives them.


def test_the_federal_funds_rate_follows_the_one_before():
    emission = Autoregressive([[0.7, 0.75], [0.0, 1.05]], [0.5, 0.5])
    start = hf.HMM([0.5, 0.5], [[0.7, 0.3], [0.2, 0.8]], emission)
    fitted = hf.fit(start, FEDERAL_FUNDS, initial="stationary", tied={"emission.variance": "all"}, tolerance=1e-12)
    assert fitted.log_likelihood == pytest.approx(-264.7106885, abs=5e-8)
    assert fitted.n_parameters == 7
    found = fitted.model.emission
    assert fitted.model.transition[:, 0] == pytest.approx([0.6378175, 0.1306295], abs=2e-6)
    assert found.coefficients == pytest.approx(np.array([[0.724457, 0.7631424], [-0.0988764, 1.061174]]), abs=2e-6)
    assert np.sqrt(found.variance) == pytest.approx(0.6915759, abs=1e-6)
    errors = fitted.standard_errors()
    assert errors.transition[:, 0] == pytest.approx([0.1202616, 0.0495924], abs=1e-6)
    published = np.array([[0.2886657, 0.0337234], [0.1183838, 0.0185031]])
    assert errors.emission["coefficients"] == pytest.approx(published, abs=1e-6)


@cache
def of_statsmodels(module, name):
    """A list in a file of statsmodels' own tests, which is read and not run."""
    package = pytest.importorskip("statsmodels")
    path = Path(package.__file__).parent / "tsa" / "regime_switching" / "tests" / f"{module}.py"
    if not path.exists():
        pytest.skip("statsmodels came without its tests")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            assert isinstance(node.value, ast.List)
            return np.array([float(ast.unparse(entry).removeprefix("np.")) for entry in node.value.elts])
    raise AssertionError(name)


def test_the_federal_funds_rate_with_output_gap_and_inflation():
    funds, gap, inflation = (of_statsmodels("test_markov_regression", name) for name in ("fedfunds", "ogap", "inf"))
    emission = Autoregressive([[0.6, 0.8, 0.1, 0.0], [0.0, 0.9, 0.0, 0.2]], [0.3, 0.3], 1)
    start = hf.HMM([0.5, 0.5], [[0.7, 0.3], [0.2, 0.8]], emission)
    covariates = np.column_stack([gap, inflation])[3:]  # of the first step, which is given, inflation is not known
    tied = {"emission.variance": "all"}
    fitted = hf.fit(start, funds[3:], covariates=covariates, initial="stationary", tied=tied, tolerance=1e-12)
    assert fitted.log_likelihood == pytest.approx(-229.2561443, abs=5e-8)
    published = np.array([[0.6554954, 0.8314458, 0.1355425, -0.0273928], [-0.0944924, 0.9292574, 0.0343072, 0.2125275]])
    assert fitted.model.emission.coefficients == pytest.approx(published, abs=5e-6)
    errors = np.array([[0.1373889, 0.0333236, 0.0294113, 0.0408057], [0.1279231, 0.0270852, 0.0240138, 0.0297351]])
    assert fitted.standard_errors().emission["coefficients"] == pytest.approx(errors, abs=2e-6)


# Hamilton, "A new approach to the economic analysis of nonstationary time series and the business cycle", Econometrica
# 57 (1989): the growth of GNP about a mean that switches, whose deviations from it follow the four before them.

STAY, MEANS, PHI = [0.754673, 1 - 0.095915], [-0.358811, 1.163516], [0.013486, -0.057521, -0.246983, -0.212923]
VARIANCE = np.exp(-0.262658) ** 2


def hamilton(stay=STAY, means=MEANS, phi=PHI, variance=VARIANCE):
    """A state is what the last five regimes were: the mean of a step depends on all of them, each by its own mean."""
    moves = np.array([[stay[0], 1 - stay[0]], [1 - stay[1], stay[1]]])
    states = list(itertools.product(range(2), repeat=5))  # the newest regime first
    transition = np.zeros((32, 32))
    for i, j in itertools.product(range(32), repeat=2):
        if states[j][1:] == states[i][:-1]:
            transition[i, j] = moves[states[i][0], states[j][0]]
    intercepts = [means[now] - np.dot(phi, [means[regime] for regime in before]) for now, *before in states]
    coefficients = np.column_stack([intercepts, np.tile(phi, (32, 1))])
    return hf.HMM("stationary", transition, Autoregressive(coefficients, np.full(32, variance))), np.array(states)


def test_the_growth_of_gnp(monkeypatch):
    monkeypatch.setattr(kernels, "budget", np.inf)  # which takes less than machine code for so many states
    growth = of_statsmodels("test_markov_autoregression", "rgnp")
    model, states = hamilton()
    assert model.log_likelihood(growth) == pytest.approx(-181.26339, abs=5e-6)
    is_second = states[:, 0] == 1
    filtered = model.filter(growth).probabilities[4:] @ is_second
    smoothed = model.smooth(growth).probabilities[4:] @ is_second
    for got, name in ((filtered, "hamilton_ar4_filtered"), (smoothed, "hamilton_ar4_smoothed")):
        assert got == pytest.approx(1 - of_statsmodels("test_markov_autoregression", name), abs=1e-5) or (
            got == pytest.approx(of_statsmodels("test_markov_autoregression", name), abs=1e-5)
        )


@needs_compiled
def test_the_fit_of_the_growth_of_gnp():
    """From afar, by an optimiser of SciPy's, as intercepts are no linear ties of means and coefficients."""
    growth = of_statsmodels("test_markov_autoregression", "rgnp")

    def parts(x):
        return expit(x[:2]), x[2:4], x[4:8], np.exp(x[8])

    def lost(x):
        return -hamilton(*parts(x))[0].log_likelihood(growth)

    found = minimize(lost, [1.0, 2.0, -0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], method="BFGS")
    assert -found.fun == pytest.approx(-181.26339, abs=5e-6)
    stay, means, phi, variance = parts(found.x)
    assert stay == pytest.approx(STAY, abs=2e-4)
    assert means == pytest.approx(MEANS, abs=2e-4)
    assert phi == pytest.approx(PHI, abs=2e-4)
    assert variance == pytest.approx(VARIANCE, abs=2e-4)


# One state is a regression without a chain.


@pytest.mark.parametrize("unit", [1.0, 1e6])
@pytest.mark.parametrize("family", ["gaussian", "poisson", "bernoulli"])
def test_one_state_has_the_standard_errors_of_statsmodels(family, unit):
    """In whatever unit covariates come."""
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.normal(size=50), 3.0 + rng.uniform(size=50)])
    numbers = x @ [0.5, -0.4] + 1.0
    seen = {
        "gaussian": numbers + rng.normal(size=50),
        "poisson": rng.poisson(np.exp(numbers)),
        "bernoulli": (rng.logistic(size=50) < numbers).astype(int),
    }[family]
    start = Regression([[0.0, 0.0, 0.0]], [1.0] if family == "gaussian" else None, family=family)
    fitted = hf.fit(hf.HMM([1.0], [[1.0]], start), seen, covariates=x * unit, tolerance=1e-12)
    kind = {"gaussian": sm.families.Gaussian, "poisson": sm.families.Poisson, "bernoulli": sm.families.Binomial}
    other = sm.GLM(seen, sm.add_constant(x), kind[family]()).fit(tol=1e-13)
    units = np.array([1.0, unit, unit])
    assert fitted.model.emission.coefficients[0] * units == pytest.approx(other.params, rel=1e-9)
    errors = fitted.standard_errors().emission["coefficients"][0] * units
    by_moments = np.sqrt(other.scale / fitted.model.emission.variance[0]) if family == "gaussian" else 1.0
    assert errors * by_moments == pytest.approx(other.bse, rel=1e-7)


@pytest.mark.parametrize("accelerate", [False, True])
def test_sequences_are_learnt_from_without_a_leak(accelerate):
    """Two sequences, as a list, by lengths, or by the rows that each step knows: the same fit, to the bit or nearly."""
    rng = np.random.default_rng(8)
    one, other = np.cumsum(rng.normal(size=25)), 5 + np.cumsum(rng.normal(size=20))
    emission = Autoregressive([[0.0, 0.9], [0.5, 0.2]], [1.0, 2.0])
    start = hf.HMM(INITIAL, TRANSITION, emission)
    options = {"max_iterations": 20, "tolerance": 0, "accelerate": accelerate}
    by_list = hf.fit(start, [one, other], **options).model
    by_lengths = hf.fit(start, np.concatenate([one, other]), lengths=[25, 20], **options).model
    assert by_list == by_lengths
    first_gone = [np.append(np.nan, part[1:]) for part in (one, other)]
    before = [np.append(0.0, part[:-1]) for part in (one, other)]
    lines = hf.HMM(INITIAL, TRANSITION, Regression(emission.coefficients, emission.variance))
    by_rows = hf.fit(lines, first_gone, covariates=before, **options).model
    assert by_rows.emission.coefficients == pytest.approx(by_list.emission.coefficients, rel=1e-6)
    assert by_rows.log_likelihood(first_gone, covariates=before) == pytest.approx(
        by_list.log_likelihood([one, other]), rel=1e-9
    )


@pytest.mark.parametrize("family", ["poisson", "bernoulli", "categorical"])
def test_fits_of_counts_and_outcomes_never_fall(family):
    rng = np.random.default_rng(9)
    x = rng.normal(size=(150, 1))
    coefficients = np.array([[0.2, 0.8], [1.5, -0.5]])
    if family == "categorical":
        coefficients = np.stack([coefficients, coefficients[::-1]], axis=1)
    emission = Regression(coefficients, family=family)
    model = hf.HMM(INITIAL, TRANSITION, emission)
    seen = emission.sample(np.repeat([0, 1, 0, 1, 0], 30), 1, covariates=x)
    fitted = hf.fit(model, seen, covariates=x)
    assert fitted.converged
    assert (np.diff(fitted.history) > -1e-12 * np.abs(fitted.history[0])).all()
    assert fitted.n_parameters == 3 + coefficients.size
