"""Counts of all kinds: their digits, their tails, and what is most probable for them."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import optimize, stats

import hmmfilter as hf
from hmmfilter._kernels import binomials
from hmmfilter.emissions import (
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    Multinomial,
    NegativeBinomial,
    Poisson,
    dispersion,
)
from hmmfilter.emissions.binomial_sides import rest_of_beta
from hmmfilter.emissions.counts import logs_in_parts
from hmmfilter.emissions.dispersion import spread_of
from hmmfilter.emissions.learning import Kept, shown_by
from tests.conftest import needs_exact_betas, note_share
from tests.test_sides import share
from tests.wing import room

DIGITS = 50
RTOL = 2e-15  # of a log-probability, relative to itself, or absolute where it is small
AT_REST = 1e-9  # of a parameter that an optimiser finds

FAMILIES = [NegativeBinomial([2.0, 9.0], [0.8, 0.25]), Binomial(60, [0.2, 0.7]), Geometric([0.6, 0.15])]


def assert_exact(got, exact, room=RTOL):
    assert float(abs(mpmath.mpf(float(got)) - exact)) <= room * max(1.0, float(abs(exact)))


def spread_log_probability(count, mean, dispersion):
    with mpmath.workdps(700 if dispersion < 1e-20 else 80):
        x, m, a = map(mpmath.mpf, (count, mean, dispersion))
        if a == 0:
            return x * mpmath.log(m) - m - mpmath.loggamma(x + 1)
        r = 1 / a
        combinations = mpmath.loggamma(x + r) - mpmath.loggamma(r) - mpmath.loggamma(x + 1)
        return combinations - (x + r) * mpmath.log1p(a * m) + x * mpmath.log(a * m)


@pytest.mark.parametrize("dispersion", [0.0, 1e-300, 1e-13, 1e-3, 0.5, 1.0, 1.7, 1e3, 1e300])
def test_spread_counts_are_exact_for_any_dispersion(dispersion):
    worst = 0.0
    for mean in (1e-300, 1e-10, 0.3, 5.0, 1e8, 1e15, 1e300):
        counts = {0.0, 1.0, 2.0, 15.0, 16.0, 40.0, 1e6, 1e12, 1e15}
        deviation = min(np.sqrt(mean) + min(np.sqrt(dispersion), 1.0) * mean, 1e15)
        counts |= {float(np.floor(mean + z * deviation)) for z in (-1, 0, 1, 5) if 0 <= mean + z * deviation < 1e17}
        table = NegativeBinomial([mean], [dispersion]).log_likelihoods(sorted(counts))
        for count, (got,) in zip(sorted(counts), table, strict=True):
            exact = spread_log_probability(count, mean, dispersion)
            worst = max(worst, float(abs(float(got) - exact)) / (RTOL * max(1.0, float(abs(exact)))))
    note_share("spread counts", worst, f"dispersion {dispersion:g}")
    assert worst <= 1


def test_spread_counts_of_a_million_million():
    """Where SciPy's differences of log Γ were 1.8e-3 off."""
    for count, mean, a in ((1e12, 1e12, 1e-12), (1e12, 1e12, 0.5), (1e12 + 3e6, 1e12, 1e-12)):
        got = NegativeBinomial([mean], [a]).log_likelihoods([count])[0, 0]
        assert_exact(got, spread_log_probability(count, mean, a))


def test_without_dispersion_counts_are_poissons():
    counts, means = [0, 1, 2, 5, 17, 1000, 10**12, None], [0.0, 0.3, 5.0, 900.0]
    poisson = Poisson(means).log_likelihoods(counts)
    np.testing.assert_allclose(NegativeBinomial(means, np.zeros(4)).log_likelihoods(counts), poisson, rtol=RTOL)
    nearly = NegativeBinomial(means[1:], np.full(3, 1e-12)).log_likelihoods(counts[:5])
    assert 0 < np.abs(nearly - poisson[:5, 1:]).max() < 1e-6


def test_a_mean_of_nothing_shows_nothing():
    table = NegativeBinomial([0.0, 0.0], [0.0, 2.0]).log_likelihoods([0, 1, None])
    np.testing.assert_array_equal(table, [[0, 0], [-np.inf, -np.inf], [0, 0]])


def test_a_dispersion_of_minus_nothing_is_none():
    counts, signed = [0, 5, 1000], NegativeBinomial([9.0, -0.0], [-0.0, -0.0])
    np.testing.assert_array_equal(
        signed.log_likelihoods(counts), NegativeBinomial([9, 0], [0, 0]).log_likelihoods(counts)
    )
    assert not np.signbit([signed.mean, signed.dispersion]).any()


def test_moments_beyond_all_doubles_are_infinite():
    np.testing.assert_array_equal(NegativeBinomial([1e300], [0.5]).moments(), [[1e300], [np.inf]])


def test_spread_kernels_give_the_same_bits_in_any_wing():
    counts = np.array([0, 1, 2, 7, 15, 16, 17, 300, 1e6, 1e15, 1e308, np.nan])
    spread = spread_of(np.array([0.0, 1e-300, 0.3, 5.0, 1e15]), np.array([0.5, 0.0, 1e6, 0.3, 1e-9]))
    tables = np.empty((2, len(counts), 5))
    for wing, table in zip((binomials, room("binomials")), tables, strict=True):
        with np.errstate(all="ignore"):
            wing.fill_spread(counts, spread, binomials.room_for_spread(len(counts)), table)
    np.testing.assert_array_equal(*tables.view(np.int64))


@mpmath.workdps(DIGITS)
def spread_sides(counts, mean, dispersion):
    """By adding up all terms, as far as there is a tail."""
    m, a = mpmath.mpf(mean), mpmath.mpf(dispersion)
    at = mpmath.exp(-mpmath.log1p(a * m) / a) if a else mpmath.exp(-m)
    below, sides = mpmath.mpf(0), {}
    for j in range(int(max(counts)) + 1):
        if j in counts:
            above, term, n = mpmath.mpf(0), at, j
            if below + at > 0.999:
                while term > above * mpmath.mpf(10) ** -30:
                    term *= (1 + a * n) * m / ((1 + a * m) * (n + 1))
                    above, n = above + term, n + 1
            sides[j] = below, above or 1 - below - at
        below, at = below + at, at * (1 + a * j) * m / ((1 + a * m) * (j + 1))
    return sides


@pytest.mark.parametrize(
    "dispersion", [0.0, 1e-300, 1e-15, 1e-8, 0.1, 1.0, pytest.param(40.0, marks=needs_exact_betas)]
)
def test_sides_of_spread_counts_are_exact_far_into_the_tails(dispersion):
    worst = 0.0
    for mean in (1e-5, 0.5, 5.0, 60.0):
        deviation = np.sqrt(mean + dispersion * mean**2)
        counts = {0, 1, 2} | {int(max(mean + z * deviation, 0)) for z in (-5, -1, 0, 1, 4, 12)}
        emission, ordered = NegativeBinomial([mean], [dispersion]), sorted(counts)
        log_below, log_at, log_above = emission.log_sides(ordered)
        np.testing.assert_array_equal(log_at, emission.log_likelihoods(ordered))
        exact = spread_sides(counts, mean, dispersion)
        for t, count in enumerate(ordered):
            below, above = exact[count]
            worst = max(worst, share(log_below[t, 0], below), share(log_above[t, 0], above))
    note_share("sides of spread counts", worst, f"dispersion {dispersion:g}")
    assert worst <= 1


def drawn_counts(seed=0, size=200):
    rng = np.random.default_rng(seed)
    return rng.negative_binomial(2.0, 0.25, size).astype(float), rng.uniform(0.1, 1.0, (size, 1))


def test_means_and_dispersions_are_where_an_optimiser_ends():
    counts, weights = drawn_counts()

    def fallen(logs):
        return -(weights * NegativeBinomial(*np.exp(logs)[:, None]).log_likelihoods(counts)).sum()

    best = optimize.minimize(fallen, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-11, "fatol": 1e-13})
    got = NegativeBinomial([1.0], [3.0]).estimated(counts, weights)
    np.testing.assert_allclose([got.mean[0], got.dispersion[0]], np.exp(best.x), rtol=1e-6)
    np.testing.assert_allclose(got.mean[0], np.average(counts, weights=weights[:, 0]), rtol=1e-14)


def test_published_mites_on_apple_leaves():
    """Bliss and Fisher (1953), Biometrics 9: red mites on 150 leaves, k = 1.0246 by maximum likelihood."""
    leaves = {0: 70, 1: 38, 2: 17, 3: 10, 4: 9, 5: 3, 6: 2, 7: 1}
    counts, weights = np.array(list(leaves)), np.array([list(leaves.values())]).T
    got = NegativeBinomial([1.0], [0.0]).estimated(counts, weights)
    np.testing.assert_allclose(got.mean, 172 / 150, rtol=1e-15)
    assert abs(1 / got.dispersion[0] - 1.0246) < 5e-5


def test_counts_that_vary_little_have_no_dispersion():
    counts = [3, 4, 4, 5, 4, 3]
    for start in (0.0, 0.5, 1e-12):
        got = NegativeBinomial([1.0], [start]).estimated(counts, np.ones((6, 1)))
        assert got == NegativeBinomial([np.mean(counts)], [0.0])
    assert got.n_parameters == 1
    assert NegativeBinomial([0.5], [0.3]).estimated([0, 0], np.ones((2, 1))) == NegativeBinomial([0.0], [0.3])


def test_slopes_of_dispersions_near_nothing():
    """Against differences in 50 digits, and at 0 half of what squares exceed Poisson's."""
    counts = np.array([0.0, 1.0, 7.0, 15.0, 16.0, 300.0])
    for a in (0.0, 1e-300, 1e-12, 1e-6, 0.01, 0.3, 2.0, 1e5):
        got = NegativeBinomial([6.0], [a])._slopes(counts)
        for x, mean_slope, slope in zip(counts, got["mean"][:, 0], got["dispersion"][:, 0], strict=True):
            with mpmath.workdps(DIGITS):
                exact = ((x - 6) ** 2 - mpmath.mpf(x)) / 2
                if a > 1e-20:
                    exact = mpmath.diff(lambda b, x=x: spread_log_probability(x, 6, b), mpmath.mpf(a), h=a * 1e-20)
            assert_exact(slope, exact, 1e-12)
            assert_exact(mean_slope, (x - 6) / (6 * (1 + 6 * a)))


@pytest.mark.parametrize("rate", [1e-300, 0.37, 1.1, 1e10])
def test_counts_with_exposures_are_exact(rate):
    exposures = [1e-310, 1e-5, 1.0 / 3.0, 17.7, 1e12]
    rows = [(0.0, 0.0), (0.0, 1e5)]
    for exposure in exposures:
        counts = {1.0, 15.0, 1e12} | {float(np.floor(rate * exposure * share)) for share in (0.5, 0.999999, 1.0, 1.1)}
        rows += [(count, exposure) for count in counts if 1 <= count < 1e17]
    for row, (got,) in zip(rows, Poisson([rate], exposure=True).log_likelihoods(rows), strict=True):
        with mpmath.workdps(DIGITS):
            mean, count = mpmath.mpf(rate) * mpmath.mpf(row[1]), mpmath.mpf(row[0])
            exact = (count * mpmath.log(mean) if count else 0) - mean - mpmath.loggamma(count + 1)
            assert_exact(got, exact, 5 * RTOL)


def test_rates_of_long_exposures_may_be_infinite():
    log_below, log_at, log_above = Poisson([1e10], exposure=True).log_sides([[3, 1e308]])
    np.testing.assert_array_equal([log_below, log_at, log_above], [[[-np.inf]], [[-np.inf]], [[0.0]]])


def test_sums_of_counts_beyond_all_doubles_are_refused():
    with pytest.raises(ValueError, match=r"the sum of observations.* must be finite, got inf"):
        Multinomial([[0.5, 0.5]]).log_likelihoods([[1e308, 1e308]])


def test_exposures_of_one_are_none():
    counts, weights = np.array([0.0, 3.0, np.nan, 9.0]), np.array([[1.0, 0.0], [0.5, 0.5], [1.0, 1.0], [0.0, 1.0]])
    rows = np.column_stack([counts, np.ones(4)])
    plain, exposed = Poisson([0.5, 6.0]), Poisson([0.5, 6.0], exposure=True)
    np.testing.assert_array_equal(exposed.log_likelihoods(rows), plain.log_likelihoods(counts))
    np.testing.assert_array_equal(exposed.log_sides(rows), plain.log_sides(counts))
    prior = hf.priors.Gamma(2.0, 0.5)
    np.testing.assert_array_equal(
        exposed.estimated(rows, weights, prior).rate, plain.estimated(counts, weights, prior).rate
    )
    np.testing.assert_array_equal(exposed.sample([0, 1, 1], 0)[:, 0], plain.sample([0, 1, 1], 0))
    mean, variance = exposed.moments()
    np.testing.assert_array_equal(mean, [[0.5, 1.0], [6.0, 1.0]])
    np.testing.assert_array_equal(variance[1], [[6.0, 0.0], [0.0, 0.0]])
    assert exposed != plain
    assert (exposed.n_dimensions, plain.n_dimensions) == (2, None)


def test_rates_are_by_exposure():
    rows, weights = [(4, 2.0), (9, 1.0), (None, 3.0), (0, 3.0)], np.array([[1.0], [1.0], [1.0], [2.0]])
    got = Poisson.guessed(rows, weights, exposure=True)
    assert repr(got) == "Poisson(rate=array([1.44444444]), exposure=True)"
    assert got == Poisson([13 / 9], exposure=True)
    model = hf.HMM([1.0], [[1.0]], got)
    np.testing.assert_array_equal(np.exp(model.online().observe((4, 2.0))), [1.0])


def test_exposures_must_fit():
    exposed = Poisson([1.0], exposure=True)
    for rows, message in [
        ([(1, 1.0), (2, None)], r"observations\[1, 1\] must be an exposure, a number from 0 up, got nan"),
        ([(1, -1.0)], r"observations\[0, 1\] must be an exposure, a number from 0 up, got -1.0"),
        ([(0.5, 1.0)], r"observations\[0, 0\] must be a whole number from 0 up, or missing, got 0.5"),
    ]:
        with pytest.raises(ValueError, match=message):
            exposed.log_likelihoods(rows)


def trials_log_probability(count, n, p):
    with mpmath.workdps(60):
        x, n, p = map(mpmath.mpf, (count, n, p))
        exact = mpmath.loggamma(n + 1) - mpmath.loggamma(x + 1) - mpmath.loggamma(n - x + 1)
        return exact + (x * mpmath.log(p) if x else 0) + ((n - x) * mpmath.log1p(-p) if n > x else 0)


@pytest.mark.parametrize("p", [1e-300, 1e-15, 0.1, 0.5, 0.77, 1 - 1e-16])
def test_successes_are_exact_for_any_number_of_trials(p):
    worst = 0.0
    for n in (1, 2, 40, 1000, 10**8, 10**12, 10**15):
        deviation = np.sqrt(n * p * (1 - p))
        shares = [0, 1, n - 1, n, n / 2, 0.9 * n, *(n * p + z * deviation for z in (-6, -1, 0, 1, 6))]
        counts = sorted({float(np.floor(count)) for count in shares if 0 <= count <= n})
        table = Binomial(n, [p]).log_likelihoods(counts)
        rows = [(count, n) for count in counts]
        np.testing.assert_array_equal(Binomial(probability=[p]).log_likelihoods(rows), table)
        for count, (got,) in zip(counts, table, strict=True):
            exact = trials_log_probability(count, n, p)
            worst = max(worst, float(abs(float(got) - exact)) / (RTOL * float(abs(exact))))
    note_share("successes", worst, f"p {p:g}")
    assert worst <= 1


def test_trials_that_are_sure():
    table = Binomial(3, [0.0, 1.0]).log_likelihoods([0, 3, 1, None])
    np.testing.assert_array_equal(table, [[0, -np.inf], [-np.inf, 0], [-np.inf, -np.inf], [0, 0]])
    np.testing.assert_array_equal(Binomial(probability=[0.3]).log_likelihoods([(0, 0), (None, 4)]), np.zeros((2, 1)))
    np.testing.assert_array_equal(Geometric([1.0]).log_likelihoods([1, 2, None]), [[0], [-np.inf], [0]])
    assert Geometric([0.5]).estimated([1, 1], np.ones((2, 1))) == Geometric([1.0])
    assert Binomial(probability=[0.5]).estimated([(0, 0)], [[1.0]]) == Binomial(probability=[0.5])


@mpmath.workdps(DIGITS)
def test_sides_of_successes_are_exact_far_into_the_tails():
    worst = 0.0
    for n in (1, 2, 40, 120):
        for p in (0.0, 1e-300, 1e-5, 0.3, 0.77, 1 - 1e-16, 1.0):
            q = 1 - mpmath.mpf(p)
            terms = [mpmath.binomial(n, j) * mpmath.mpf(p) ** j * q ** (n - j) for j in range(n + 1)]
            counts = sorted({0, 1, n - 1, n, n // 2, int(n * p), min(int(1.3 * n * p), n)})
            log_below, _, log_above = Binomial(n, [p]).log_sides(counts)
            for t, count in enumerate(counts):
                worst = max(worst, share(log_below[t, 0], mpmath.fsum(terms[:count])))
                worst = max(worst, share(log_above[t, 0], mpmath.fsum(terms[count + 1 :])))
    note_share("sides of successes", worst, "up to 120 trials")
    assert worst <= 1


def test_a_single_trial_is_bernoullis():
    x, weights = [0, 1, 1, None, 0], np.random.default_rng(0).uniform(size=(5, 2))
    one, outcomes = Binomial(1, [0.3, 1.0]), Bernoulli([0.3, 1.0])
    np.testing.assert_array_equal(one.log_likelihoods(x), outcomes.log_likelihoods(x))
    prior = hf.priors.Dirichlet([2.0, 3.5])
    for believed in (None, prior):
        expected = outcomes.estimated(x, weights, believed).probability
        np.testing.assert_allclose(one.estimated(x, weights, believed).probability, expected, rtol=1e-15)
        rows = [(v, 1) for v in x]
        both = Binomial(probability=[0.3, 1.0]).estimated(rows, weights, believed)
        np.testing.assert_allclose(both.probability, expected, rtol=1e-15)
    groups = {"probability": np.array([0, -1])}
    assert one._log_prior(prior, groups) == outcomes._log_prior(prior, groups)
    got, expected = (each._prior_score(prior, groups)["probability"] for each in (one, outcomes))
    np.testing.assert_array_equal(got, expected)
    with pytest.raises(ValueError, match="over failure and success"):
        one._admit(hf.priors.Dirichlet([1.0, 2.0, 3.0]))


def test_geometric_counts_and_a_prior():
    """A prior of one success and two failures more, and failures before the success as negative binomial counts."""
    got = Geometric([0.5]).estimated([1, 4, 3], np.ones((3, 1)), hf.priors.Dirichlet([3.0, 2.0]))
    np.testing.assert_allclose(got.probability, (3 + 1) / (8 + 3))
    counts = np.array([1.0, 2.0, 7.0, 1e6])
    np.testing.assert_allclose(
        Geometric([0.2]).log_likelihoods(counts), NegativeBinomial([4.0], [1.0]).log_likelihoods(counts - 1), rtol=1e-14
    )
    np.testing.assert_allclose(
        Geometric([0.2]).log_likelihoods(counts)[:, 0], stats.geom.logpmf(counts, 0.2), rtol=1e-14
    )
    with pytest.raises(ValueError, match=r"a whole number from 1 up, or missing, got 0\.0"):
        Geometric([0.2]).log_likelihoods([0])


def test_trials_must_fit():
    rows = Binomial(probability=[0.5])
    with pytest.raises(
        ValueError, match=r"observations\[0, 0\] must be at most the number of trials beside it, got 5.0"
    ):
        rows.log_likelihoods([(5, 4)])
    with pytest.raises(ValueError, match=r"observations\[0, 1\] must be a number of trials, a whole number from 0 up"):
        rows.log_likelihoods([(5, 7.5)])
    with pytest.raises(ValueError, match=r"from 0 to 4, or missing, got 5\.0"):
        Binomial(4, [0.5]).log_likelihoods([5])


def test_rows_of_trials_are_learnt_and_drawn():
    rows = [(1, 4), (None, None), (6, 6), (0, 2)]
    got = Binomial.guessed(rows, np.ones((4, 2)) * [1.0, 0.0])
    assert got == Binomial(probability=[7 / 12, 7 / 12])
    np.testing.assert_array_equal(Binomial(probability=[0.0, 1.0]).sample([0, 1], 0), [[0, 1], [1, 1]])
    mean, variance = Binomial(probability=[0.25]).moments()
    assert (mean.tolist(), variance.tolist()) == ([[0.25, 1.0]], [[[0.1875, 0.0], [0.0, 0.0]]])
    model = hf.guess("binomial", 1, rows)
    assert model.emission == Binomial(probability=[7 / 12])
    assert hf.guess("binomial", 1, [1, 3, 2], n=4).emission == Binomial(4, [0.5])


def rows_log_probability(row, p):
    with mpmath.workdps(60):
        exact = mpmath.loggamma(mpmath.fsum(row) + 1)
        for x, share_of in zip(row, p, strict=True):
            exact += (mpmath.mpf(x) * mpmath.log(share_of) if x else 0) - mpmath.loggamma(mpmath.mpf(x) + 1)
        return exact


def test_rows_of_counts_are_exact():
    distributions = np.array([[0.5, 0.3, 0.2 - 1e-9, 1e-9], [1e-300, 0.25, 0.75, 0.0], [0.1, 0.2, 0.3, 0.4]])
    rows = np.array([[1, 2, 3, 0], [0, 1, 1, 0], [5e14, 3e14, 2e14, 1e6], [1e14, 2e14, 3e14, 4e14], [0, 7, 0, 0]])
    rows = np.vstack([rows, [[0, 0, 0, 0], [3, 1, 4, 1], [1000, 2001, 2999, 4000], [1, 25e10, 75e10, 0]]])
    table, worst = Multinomial(distributions).log_likelihoods(rows), 0.0
    for (t, k), got in np.ndenumerate(table):
        if rows[t, 3] > 0 and k == 1:
            assert got == -np.inf
            continue
        exact = rows_log_probability(rows[t], distributions[k])
        worst = max(worst, float(abs(float(got) - exact)) / (RTOL * max(1.0, float(abs(exact)))))
    note_share("rows of counts", worst, "up to 1e15")
    assert worst <= 1


def test_rows_with_one_are_symbols():
    p = np.random.default_rng(0).dirichlet(np.ones(5), 3)
    p[0] = [0.0, 1.0, 0.0, 0.0, 0.0]
    symbols, weights = np.arange(40) % 5, np.random.default_rng(1).uniform(size=(40, 3))
    rows = np.eye(5)[symbols]
    np.testing.assert_array_equal(Multinomial(p).log_likelihoods(rows), Categorical(p).log_likelihoods(symbols))
    for prior in (None, hf.priors.Dirichlet(1.5)):
        np.testing.assert_allclose(
            Multinomial(p).estimated(rows, weights, prior).probabilities,
            Categorical(p).estimated(symbols, weights, prior).probabilities,
            rtol=1e-14,
        )
    model = hf.HMM([0.5, 0.5, 0.0], np.full((3, 3), 1 / 3), Multinomial(p), normalize=True)
    plain = hf.HMM([0.5, 0.5, 0.0], np.full((3, 3), 1 / 3), Categorical(p), normalize=True)
    np.testing.assert_array_equal(model.smooth(rows).probabilities, plain.smooth(symbols).probabilities)
    stream = model.online()
    for row in rows:
        last = stream.observe(row)
    np.testing.assert_array_equal(last, model.filter(rows).log_probabilities[-1])


def test_rows_of_two_counts_are_binomial():
    counts, n = np.array([0.0, 3.0, 9.0, 20.0]), 20
    rows, two = np.column_stack([counts, n - counts]), Multinomial([[0.25, 0.75]], n=n)
    one = Binomial(n, [0.25])
    np.testing.assert_allclose(two.log_likelihoods(rows), one.log_likelihoods(counts), rtol=RTOL)
    np.testing.assert_allclose(np.array(two.log_sides(rows))[:, :, 0], one.log_sides(counts), rtol=RTOL)
    mean, variance = two.moments()
    np.testing.assert_allclose(mean[0, 0], one.moments()[0][0])
    np.testing.assert_allclose(variance[0, 0, 0], one.moments()[1][0])
    assert (two.sample(np.zeros(5, int), 0).sum(axis=1) == n).all()


def test_rows_of_counts_must_fit():
    words = Multinomial([[0.25, 0.25, 0.5]], n=4)
    np.testing.assert_array_equal(words.log_likelihoods([[1, None, 3], [None] * 3]), np.zeros((2, 1)))
    assert np.isnan(words.log_sides([[1, None, 3]])).all()
    with pytest.raises(ValueError, match=r"the sum of observations\[0\] must be 4, got 3.0"):
        words.log_likelihoods([[1, 1, 1]])
    with pytest.raises(
        ValueError, match=r"observations\[0, 1\] must be a whole number from 0 up, or missing, got -1.0"
    ):
        words.log_likelihoods([[1, -1, 4]])


def test_rows_of_counts_are_guessed_and_fitted():
    rng = np.random.default_rng(3)
    truth = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], Multinomial([[0.6, 0.3, 0.1], [0.1, 0.1, 0.8]], n=9))
    rows = truth.simulate(60, rng=rng)[1]
    start = hf.guess("multinomial", 2, rows)
    learnt = hf.fit(start, rows, tolerance=1e-6).model
    assert learnt.log_likelihood(rows) > truth.log_likelihood(rows)
    assert learnt.emission.n_parameters == 4


@pytest.mark.parametrize("emission", [*FAMILIES, Poisson([1.0], exposure=True), Multinomial([[0.5, 0.5]], n=2)])
def test_counts_as_json(emission, tmp_path):
    n = emission.n_states
    model = hf.HMM(np.full(n, 1 / n), np.full((n, n), 1 / n), emission)
    model.to_json(tmp_path / "model.json")
    assert hf.HMM.from_json(tmp_path / "model.json") == model


def test_other_count_kernels_give_the_same_bits_in_any_wing():
    counts, n = np.array([0, 1, 7, 15, 1e6, np.nan, 3]), np.array([0, 2, 7, 30, 1e7, np.nan, 1e15])
    rate, p = np.array([1e-300, 0.3, 5.0]), np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    exposure, rows = (
        np.array([0.0, 1e-310, 1.0, 3.3, 1e6, np.nan, 7.0]),
        np.array([[1.0, 2, 30], [0, 5, 0], [np.nan] * 3]),
    )
    calls = {
        "fill_trials": (counts, n, Binomial(1, [0.0, 0.3, 1.0])._trials, binomials.room_for_trials(7)),
        "fill_exposed": (counts, exposure, logs_in_parts(exposure), rate, logs_in_parts(rate), np.empty((5, 7))),
        "fill_shares": (rows, Multinomial(p)._shares, binomials.room_for_shares(3, 3)),
    }
    for name, given in calls.items():
        tables = np.empty((2, len(given[0]), 3))
        for wing, table in zip((binomials, room("binomials")), tables, strict=True):
            with np.errstate(all="ignore"):
                getattr(wing, name)(*given, table)
        np.testing.assert_array_equal(*tables.view(np.int64))


def test_means_that_states_share_weigh_more_where_counts_vary_less():
    """The slope along the shared mean is 0, and so are those along the dispersions."""
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.negative_binomial(1.0, 0.2, 60), rng.poisson(4.5, 60)]).astype(float)
    weights = np.repeat(np.eye(2), 60, axis=0)
    start = NegativeBinomial([3.0, 3.0], [0.5, 0.05])
    kept = start._observed(x)
    groups = {"mean": np.array([0, 0])}
    learnt = start._maximised(Kept(kept, weights), None, groups)
    score = learnt._score(Kept(kept, weights))
    assert learnt.mean[0] == learnt.mean[1]
    assert abs(score["mean"].sum()) < 1e-9
    assert (np.abs(score["dispersion"] * learnt.dispersion) < 1e-9).all()
    alone = start.estimated(x, weights)
    assert abs(learnt.mean[0] - alone.mean[1]) < abs(learnt.mean[0] - alone.mean[0])


def test_rounds_of_means_and_dispersions_end(monkeypatch):
    monkeypatch.setattr(dispersion, "MOST_ROUNDS", 1)
    x, weights = np.array([0.0, 1.0, 9.0, 4.0]), np.array([[1.0, 0.1], [0.2, 1.0], [1.0, 0.0], [0.5, 1.0]])
    groups = np.array([0, 0]), np.array([0, 1])
    means, _ = dispersion.likeliest(x, weights, np.array([3.0, 3.0]), np.array([0.5, 0.1]), groups)
    assert means[0] == means[1]


def test_where_a_slope_is_nothing_at_once():
    assert dispersion._zero_between(lambda _: 0.0, 2.0) == 2.0


def test_unequal_probabilities_that_become_one_are_climbed():
    start, x = Binomial(10, [0.2, 0.7]), [1, 2, 8, 9]
    weights = np.repeat(np.eye(2), 2, axis=0)
    groups = {"probability": np.array([0, 0])}
    learnt = start._maximised(shown_by(start, start._observed(x), weights), None, groups)
    np.testing.assert_allclose(learnt.probability, 0.5, rtol=1e-8)


def test_counts_are_printed():
    chain = [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]]
    assert "p(1)" in str(hf.HMM(*chain, Multinomial([[0.5, 0.5], [0.9, 0.1]])))
    assert "dispersion" in str(hf.HMM(*chain, FAMILIES[0]))


def test_what_older_versions_of_scipy_lack():
    """1 − I_x(2, 3) is (1 − x)³ (1 + 3x)."""
    x = np.array([0.0, 0.25, 0.75, 1.0])
    np.testing.assert_allclose(rest_of_beta(2.0, 3.0, x), (1 - x) ** 3 * (1 + 3 * x), rtol=1e-14, atol=0)
