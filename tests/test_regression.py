"""Regressions: densities in mpmath, weighted fits against statsmodels, ties, and what is missing."""

import mpmath
import numpy as np
import pytest
from scipy import stats

import hmmfilter as hf
from hmmfilter.emissions import Regression
from hmmfilter.emissions.learning import Kept
from tests import oracle

DENSITY = 2e-15  # of a log-density, relative to itself or to 1
TRIFLE = 2e-17  # of a log-rate
OPTIMUM = 1e-10  # of coefficients, relative
SLOPE = 1e-6  # of differences, relative
RNG = np.random.default_rng(7)
X = np.column_stack([RNG.normal(size=60), RNG.uniform(-1, 1, size=60)])
WEIGHTS = RNG.uniform(size=(60, 2))
FAMILIES = {
    "gaussian": Regression([[0.5, 1.0, -0.5], [3.0, -1.0, 0.0]], [0.5, 2.0]),
    "poisson": Regression([[0.5, 0.3, -0.5], [2.0, -0.4, 0.2]], family="poisson"),
    "bernoulli": Regression([[0.5, 1.0, -0.5], [-1.0, -1.0, 0.3]], family="bernoulli"),
    "categorical": Regression(
        [[[0.5, 1.0, -0.5], [0.2, 0.0, 0.3]], [[-1.0, 0.5, 0.0], [1.0, -1.0, 0.5]]], family="categorical"
    ),
}
STATES = RNG.integers(2, size=60)
SEEN = {name: emission.sample(STATES, 5, covariates=X) for name, emission in FAMILIES.items()}


def exactly(emission, y, x, k):
    """log p(y | h = k) in many digits."""
    number = [mpmath.mpf(1), *map(mpmath.mpf, map(float, x))]
    rows = emission.coefficients[k].reshape(-1, len(number))
    eta = [mpmath.fdot(number, map(mpmath.mpf, map(float, row))) for row in rows]
    if emission.family == "gaussian":
        v = mpmath.mpf(float(emission.variance[k]))
        return -((mpmath.mpf(float(y)) - eta[0]) ** 2 / v + mpmath.log(2 * mpmath.pi * v)) / 2
    if emission.family == "poisson":
        return y * eta[0] - mpmath.exp(eta[0]) - mpmath.loggamma(mpmath.mpf(int(y)) + 1)
    odds = [mpmath.mpf(1), *map(mpmath.exp, eta)]
    return mpmath.log(odds[int(y)] / mpmath.fsum(odds))


def assert_exact(emission, y, x, spare=0.0):
    table = emission.log_likelihoods(y, covariates=x)
    with mpmath.workdps(oracle.DIGITS):
        for row, value, known in zip(table, y, x, strict=True):
            for k in range(emission.n_states):
                exact = exactly(emission, value, known, k)
                assert abs(mpmath.mpf(float(row[k])) - exact) <= DENSITY * max(1.0, abs(float(exact))) + spare


@pytest.mark.parametrize("family", FAMILIES)
def test_densities_are_exact(family):
    assert_exact(FAMILIES[family], SEEN[family], X)


def test_what_is_small_against_its_predictor_is_exact():
    """Residuals of a thousandth, of predictors of millions."""
    x = np.array([[1e6 / 3], [2e6 / 3], [1e6 / 7]])
    line = Regression([[1 / 3, 3.0], [0.1, 3.0 + 1e-9]], [1e-6, 1e-8])
    assert_exact(line, 1 / 3 + 3.0 * x[:, 0] + np.array([1e-3, -2e-3, 3e-3]), x)


@pytest.mark.parametrize("shift", [-1e-3, 0.0, 1e-7, 0.1, 2.0])
@pytest.mark.parametrize("count", [0, 1, 7, 1000, 10**6, 10**12])
def test_counts_of_any_size_are_exact(count, shift):
    """But for what a trifle of the log-rate changes, which is a sum of products, and has no more digits."""
    log_rate = np.log(max(count, 1)) + shift
    emission = Regression([[1.0, 2.0]], family="poisson")
    x = [[(log_rate - 1.0) / 2.0]]
    assert_exact(emission, [count], x, abs(count - np.exp(log_rate)) * TRIFLE)


def test_outcomes_next_to_certain_and_next_to_never():
    turns = Regression([[0.0, 1.0], [0.0, -1.0]], family="bernoulli")
    assert_exact(turns, [1, 0, 1, 0], [[40.0], [40.0], [800.0], [-3.0]])


@pytest.mark.parametrize("family", FAMILIES)
def test_missing_rows_are_zero(family):
    y = [*SEEN[family][:3], None]
    table = FAMILIES[family].log_likelihoods(y, covariates=X[:4])
    assert table[3].tolist() == [0.0, 0.0]
    assert (table[:3] == FAMILIES[family].log_likelihoods(SEEN[family][:3], covariates=X[:3])).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_has_the_same_bits_alone(family):
    whole = FAMILIES[family].log_likelihoods(SEEN[family], covariates=X)
    for t in range(0, 60, 7):
        one = FAMILIES[family].log_likelihoods(SEEN[family][t : t + 1], covariates=X[t : t + 1])
        assert one.tobytes() == whole[t : t + 1].tobytes()


def test_columns_by_name_or_number():
    pd = pytest.importorskip("pandas")
    emission = FAMILIES["gaussian"]
    frame = pd.DataFrame({"other": 0.0, "b": X[:, 1], "a": X[:, 0]})
    named = Regression(emission.coefficients, emission.variance, covariates=["a", "b"])
    numbered = Regression(emission.coefficients, emission.variance, covariates=[2, 1])
    expected = emission.log_likelihoods(SEEN["gaussian"], covariates=X)
    assert (named.log_likelihoods(SEEN["gaussian"], covariates=frame) == expected).all()
    assert (numbered.log_likelihoods(SEEN["gaussian"], covariates=frame.to_numpy()) == expected).all()


# Learning.


def weighted_log_likelihood(emission, y, x, weights):
    return float((weights * emission.log_likelihoods(y, covariates=x)).sum())


def shown(emission, y, x, weights):
    observed = emission._observed(y, emission._beside(len(y), x))
    return Kept(observed, weights)


@pytest.mark.parametrize("family", FAMILIES)
def test_estimates_are_those_of_statsmodels(family):
    sm = pytest.importorskip("statsmodels.api")
    best = FAMILIES[family].estimated(SEEN[family], WEIGHTS, covariates=X)
    design = sm.add_constant(X)
    for k in range(2):
        if family == "gaussian":
            fit = sm.WLS(SEEN[family], design, weights=WEIGHTS[:, k]).fit()
            variance = (WEIGHTS[:, k] * fit.resid**2).sum() / WEIGHTS[:, k].sum()
            assert best.variance[k] == pytest.approx(variance, rel=OPTIMUM)
        elif family == "categorical":
            counts = np.rint(8 * WEIGHTS[:, k]).astype(int)
            rows = np.repeat(np.arange(60), counts)
            fit = sm.MNLogit(SEEN[family][rows], design[rows]).fit(method="newton", disp=0, maxiter=100, tol=1e-13)
            whole = FAMILIES[family].estimated(SEEN[family], np.stack([counts, counts], axis=1), covariates=X)
            assert whole.coefficients[k] == pytest.approx(np.asarray(fit.params).T, rel=1e-7, abs=1e-8)
            continue
        else:
            kind = {"poisson": sm.families.Poisson(), "bernoulli": sm.families.Binomial()}[family]
            fit = sm.GLM(SEEN[family], design, kind, freq_weights=WEIGHTS[:, k]).fit(tol=1e-14)
        assert best.coefficients[k] == pytest.approx(fit.params, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_slopes_vanish_at_the_estimate(family):
    best = FAMILIES[family].estimated(SEEN[family], WEIGHTS, covariates=X)
    for slope in best._score(shown(best, SEEN[family], X, WEIGHTS)).values():
        assert slope == pytest.approx(0.0, abs=1e-10)


@pytest.mark.parametrize("family", FAMILIES)
def test_slopes_are_differences(family):
    emission = FAMILIES[family]
    score = emission._score(shown(emission, SEEN[family], X, WEIGHTS))
    step = 1e-5
    for name, values in emission._parameters().items():
        for index in np.ndindex(values.shape):
            heights = []
            for sign in (1, -1):
                moved = {key: value.copy() for key, value in emission._parameters().items()}
                moved[name][index] += sign * step
                heights.append(weighted_log_likelihood(emission._with(moved), SEEN[family], X, WEIGHTS))
            difference = (heights[0] - heights[1]) / (2 * step)
            assert score[name][index] == pytest.approx(difference, rel=SLOPE, abs=SLOPE)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_with_ties_and_held_numbers(family):
    """A slope is shared by both states, an intercept is held; the rest of the slopes vanish."""
    emission = FAMILIES[family]
    values = emission._parameters()
    tied = values["coefficients"].copy()
    tied[..., 1] = 0.25
    emission = emission._with({**values, "coefficients": tied})
    groups = np.arange(tied.size).reshape(tied.shape)
    groups[1, ..., 1] = groups[0, ..., 1]
    groups[1, ..., 0] = -1
    kept = shown(emission, SEEN[family], X, WEIGHTS)
    best = emission._maximised(kept, None, {"coefficients": groups})
    assert (best.coefficients[..., 1] == best.coefficients[:1, ..., 1]).all()
    assert (best.coefficients[1, ..., 0] == emission.coefficients[1, ..., 0]).all()
    assert best.coefficients[0, ..., 1].ravel()[0] != 0.25
    before = best if emission.variance is None else best._with({**values, "coefficients": best.coefficients})
    slope = before._score(kept)["coefficients"]
    assert slope[..., 1].sum(axis=0) == pytest.approx(0.0, abs=1e-9)
    assert slope[0, ..., [0, 2]] == pytest.approx(0.0, abs=1e-9)
    assert weighted_log_likelihood(best, SEEN[family], X, WEIGHTS) > weighted_log_likelihood(
        emission, SEEN[family], X, WEIGHTS
    )


def test_a_variance_that_states_share():
    emission = FAMILIES["gaussian"]
    emission = Regression(emission.coefficients, [1.0, 1.0])
    best = emission._maximised(shown(emission, SEEN["gaussian"], X, WEIGHTS), None, {"variance": np.zeros(2, int)})
    apart = emission.estimated(SEEN["gaussian"], WEIGHTS, covariates=X)
    assert (best.coefficients == apart.coefficients).all()
    pooled = (WEIGHTS.sum(axis=0) * apart.variance).sum() / WEIGHTS.sum()
    assert best.variance == pytest.approx(pooled, rel=OPTIMUM)
    assert best.variance[0] == best.variance[1]


def test_far_covariates_lose_no_digits():
    """Years are far from 0, and next to the intercept; the exact optimum is that of years about their mean."""
    years = 1900.0 + np.arange(60)
    y = 0.25 * (years - 1930) + SEEN["gaussian"]
    start = Regression([[0.0, 0.0]], [1.0])
    far = start.estimated(y, WEIGHTS[:, :1], covariates=1e6 * years)
    near = start.estimated(y, WEIGHTS[:, :1], covariates=years - 1930)
    assert far.coefficients[0, 1] * 1e6 == pytest.approx(near.coefficients[0, 1], rel=1e-11)
    assert far.variance == pytest.approx(near.variance, rel=1e-11)


def test_numbers_far_from_where_the_fit_begins_lose_no_digits():
    """Sums are added up anew about predictors that are nearer by much."""
    y = 1e8 + 0.5 * X[:, 0] + 1e-3 * SEEN["gaussian"]
    start = Regression([[0.0, 0.0]], [1.0])
    far, near = (start.estimated(each, WEIGHTS[:, :1], covariates=X[:, 0]) for each in (y, y - 1e8))
    assert far.coefficients[0, 1] == pytest.approx(near.coefficients[0, 1], rel=1e-13)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_state_of_nothing_keeps_its_parameters(family):
    emission = FAMILIES[family]
    weights = WEIGHTS * [1.0, 0.0]
    best = emission.estimated(SEEN[family], weights, covariates=X)
    assert (best.coefficients[1] == emission.coefficients[1]).all()
    assert (best.coefficients[0] != emission.coefficients[0]).all()
    assert best.variance is None or best.variance[1] == emission.variance[1]


@pytest.mark.parametrize("family", FAMILIES)
def test_guesses_are_estimates(family):
    guess = Regression.guessed(SEEN[family], WEIGHTS, covariates=X, family=family)
    best = FAMILIES[family].estimated(SEEN[family], WEIGHTS, covariates=X)
    assert guess.coefficients == pytest.approx(best.coefficients, rel=1e-8)
    nothing = Regression.guessed(SEEN[family], WEIGHTS * [1.0, 0.0], covariates=X, family=family)
    alone = Regression.guessed(SEEN[family], np.ones((60, 1)), covariates=X, family=family)
    assert nothing.coefficients[1] == pytest.approx(alone.coefficients[0], rel=1e-8)


def test_without_covariates_it_is_the_plain_family():
    y = SEEN["gaussian"]
    guess = Regression.guessed(y, WEIGHTS)
    plain = hf.emissions.Gaussian.guessed(y, WEIGHTS)
    assert guess.coefficients[:, 0] == pytest.approx(plain.mean, rel=1e-12)
    assert guess.variance == pytest.approx(plain.covariance, rel=1e-12)
    assert guess.log_likelihoods(y) == pytest.approx(plain.log_likelihoods(y), rel=1e-12)


def test_numbers_on_a_line_collapse():
    start = Regression([[0.0, 0.0]], [1.0])
    with pytest.raises(hf.DegenerateFitError, match="state 0 collapses"):
        start.estimated(1 / 3 + X[:, 0] / 7, WEIGHTS[:, :1], covariates=X[:, 0])


@pytest.mark.parametrize("family", ["bernoulli", "poisson"])
def test_outcomes_that_covariates_tell_have_no_best_coefficients(family):
    start = Regression([[0.0, 0.0], [0.0, 0.0]], family=family)
    weights = np.stack([np.full(60, 0.5), (X[:, 0] < 0).astype(float)], axis=1)
    seen = (X[:, 0] > 0).astype(int) if family == "poisson" else (X[:, 0] > -0.5).astype(int)
    weights[:, 0] *= 1.0
    seen[3], noise = 1 - seen[3], 3
    weights[noise, 1] = 0.0
    with pytest.raises(hf.DegenerateFitError, match="state 1 has no most probable coefficients"):
        start.estimated(seen, weights, covariates=X[:, 0])


# What follows from the parameters.


@pytest.mark.parametrize("family", ["gaussian", "poisson", "bernoulli"])
def test_moments_and_samples_agree(family):
    emission = FAMILIES[family]
    x = np.tile([0.3, -0.2], (40_000, 1))
    states = np.arange(40_000) % 2
    y = emission.sample(states, 1, covariates=x)
    mean, variance = emission.moments_at(x[:1])
    for k in range(2):
        own = y[states == k]
        assert own.mean() == pytest.approx(mean[0, k], abs=4 * np.sqrt(variance[0, k] / 20_000))
        assert own.var() == pytest.approx(variance[0, k], rel=0.1)


def test_samples_of_outcomes():
    emission = FAMILIES["categorical"]
    x = np.tile([0.3, -0.2], (20_000, 1))
    shares = np.exp(emission.log_likelihoods([0, 1, 2], covariates=x[:3]))
    drawn = np.bincount(emission.sample(np.ones(20_000, int), 1, covariates=x), minlength=3) / 20_000
    assert drawn == pytest.approx(shares[:, 1], abs=0.015)
    with pytest.raises(ValueError, match="family 'categorical' have no moments"):
        emission.moments_at(x)


@pytest.mark.parametrize("family", FAMILIES)
def test_sides_sum_to_one(family):
    y = [*SEEN[family][:20], None]
    sides = FAMILIES[family].log_sides(y, covariates=X[:21])
    assert np.isnan([side[20] for side in sides]).all()
    assert sum(np.exp(side[:20]) for side in sides) == pytest.approx(1.0, abs=1e-13)
    assert all(side.shape == (21, 2) for side in sides)


def test_sides_far_out():
    below, at, above = FAMILIES["gaussian"].log_sides([100.0], covariates=X[:1])
    mean, variance = FAMILIES["gaussian"].moments_at(X[:1])
    assert above == pytest.approx(stats.norm.logsf(100.0, mean, np.sqrt(variance)), rel=1e-12)
    assert (at == -np.inf).all()
    assert (np.exp(below) == 1).all()
    counts = FAMILIES["poisson"].log_sides([40], covariates=X[:1])
    rate, _ = FAMILIES["poisson"].moments_at(X[:1])
    assert counts[2] == pytest.approx(stats.poisson.logsf(40, rate), rel=1e-9)


def test_natural_parameters_and_back():
    for emission in FAMILIES.values():
        back = emission._of_natural(emission._natural())
        assert back.coefficients == pytest.approx(emission.coefficients, rel=1e-15)
    far = FAMILIES["gaussian"]._natural() * 1e5
    assert FAMILIES["gaussian"]._of_natural(far) is None
    assert FAMILIES["gaussian"]._of_natural(-np.abs(far)) is None


def test_states_in_another_order():
    for name, emission in FAMILIES.items():
        turned = emission._reordered(np.array([1, 0]))
        expected = emission.log_likelihoods(SEEN[name], covariates=X)[:, ::-1]
        assert (turned.log_likelihoods(SEEN[name], covariates=X) == expected).all()


def test_free_numbers_are_counted():
    assert [emission.n_parameters for emission in FAMILIES.values()] == [8, 6, 6, 12]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"coefficients": [[0.0]], "family": "gamma"}, "family must be one of gaussian, poisson"),
        ({"coefficients": [0.0]}, r"coefficients must have shape \(K, C \+ 1\)"),
        ({"coefficients": [[0.0]]}, "variance must be given, one for each state, for family 'gaussian'"),
        ({"coefficients": [[0.0]], "variance": [1.0], "family": "poisson"}, "variance must be left out"),
        ({"coefficients": [[0.0]], "variance": [1.0, 1.0]}, r"variance must have shape \(1,\)"),
        ({"coefficients": [[0.0]], "variance": [0.0]}, r"variance\[0\] must be above 0"),
        ({"coefficients": [[np.inf]], "variance": [1.0]}, r"coefficients\[0, 0\] must be finite"),
        ({"coefficients": [[0.0, 1.0]], "variance": [1.0], "covariates": ["a", "b"]}, "covariates must be 1 different"),
    ],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Regression(**given)


def test_priors_are_refused():
    with pytest.raises(TypeError, match="the prior of the emission, Regression, must be None"):
        FAMILIES["gaussian"].estimated(SEEN["gaussian"], WEIGHTS, hf.priors.Gamma(1.0, 1.0), covariates=X)


def test_models_as_json(tmp_path):
    autoregressive = hf.emissions.Autoregressive([[0.5, 0.5, 1.0], [0.0, 0.1, 0.0]], [1.0, 2.0], covariates=["gap"])
    counts = Regression([[0.5, 0.5], [0.0, 0.1]], family="poisson", covariates=[1])
    for emission in (*FAMILIES.values(), counts, autoregressive):
        model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], emission)
        model.to_json(tmp_path / "model.json")
        assert hf.HMM.from_json(tmp_path / "model.json") == model


def test_columns_of_a_printed_model():
    heads = {name: [head for head, _, _ in emission._columns()] for name, emission in FAMILIES.items()}
    assert heads["gaussian"] == ["intercept", "x[0]", "x[1]", "sd"]
    assert heads["categorical"][:4] == ["1: intercept", "1: x[0]", "1: x[1]", "2: intercept"]
    assert [head for head, _, _ in Regression([[0.0, 1.0]], [1.0], covariates=["age"])._columns()][1] == "age"
