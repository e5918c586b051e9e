"""Emissions of counts, symbols and outcomes learn: textbook estimates, priors, ties, slopes, and what is missing."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

import hmmfilter as hf
from hmmfilter._kernels import tallies
from hmmfilter.emissions import Bernoulli, Categorical, Poisson
from hmmfilter.priors import Dirichlet, Gamma
from tests.wing import room

EPS = np.finfo(float).eps
RTOL = 1e-13  # of weighted means against sums by NumPy
SLOPES_RTOL = 1e-7  # of derivatives against central differences

SYMBOLS = ("wet", "dry", 3)
STARTS = {
    "poisson": (Poisson([1.0, 5.0, 20.0]), lambda rng, n: rng.poisson(6.0, n).astype(float), Gamma(3.0, 0.5)),
    "categorical": (
        Categorical([[0.2, 0.3, 0.5], [0.6, 0.2, 0.2], [0.1, 0.8, 0.1]]),
        lambda rng, n: rng.integers(0, 3, n).astype(float),
        Dirichlet([[1.5, 2.0, 1.0], [3.0, 1.0, 1.0], [2.0, 2.0, 2.0]]),
    ),
    "bernoulli": (Bernoulli([0.2, 0.5, 0.9]), lambda rng, n: rng.integers(0, 2, n).astype(float), Dirichlet([1.5, 3])),
}
KINDS = tuple(STARTS)


def case(kind, seed=0, n_rows=50):
    start, draw, prior = STARTS[kind]
    rng = np.random.default_rng(seed)
    return start, draw(rng, n_rows), rng.gamma(0.5, size=(n_rows, 3)), prior


def values(emission):
    ((_, array),) = emission._parameters().items()
    return array


def objective(emission, x, weights, prior=None):
    log_p = emission.log_likelihoods(x)
    expected = (weights * np.where(weights > 0, log_p, 0.0)).sum()
    return expected + (emission._log_prior(prior, {}) if prior is not None else 0.0)


def sums_of(emission, x, weights):
    observed = emission._observed(x)
    sums = emission._sums(observed)
    emission._add(observed, 0, len(weights), weights, sums)
    return sums.sum(axis=0)


def test_a_rate_is_the_weighted_mean():
    start, x, weights, prior = case("poisson")
    np.testing.assert_allclose(start.estimated(x, weights).rate, x @ weights / weights.sum(axis=0), rtol=RTOL)
    mode = (x @ weights + 2.0) / (weights.sum(axis=0) + 0.5)
    np.testing.assert_allclose(start.estimated(x, weights, prior).rate, mode, rtol=RTOL)


def test_probabilities_are_weighted_shares():
    start, x, weights, prior = case("categorical")
    counts = np.array([weights[x == m].sum(axis=0) for m in range(3)]).T
    found = start.estimated(x, weights).probabilities
    np.testing.assert_allclose(found, counts / counts.sum(axis=1, keepdims=True), rtol=RTOL)
    counts += prior.concentration - 1
    found = start.estimated(x, weights, prior).probabilities
    np.testing.assert_allclose(found, counts / counts.sum(axis=1, keepdims=True), rtol=RTOL)


def test_a_probability_is_the_weighted_mean():
    """Of a prior, the first number is that of 0, the second that of 1."""
    start, x, weights, prior = case("bernoulli")
    np.testing.assert_allclose(start.estimated(x, weights).probability, x @ weights / weights.sum(axis=0), rtol=RTOL)
    mode = (x @ weights + 2.0) / (weights.sum(axis=0) + 2.5)
    np.testing.assert_allclose(start.estimated(x, weights, prior).probability, mode, rtol=RTOL)


def test_named_symbols_are_their_columns():
    start, x, weights, prior = case("categorical")
    named = Categorical(start.probabilities, SYMBOLS)
    words = [SYMBOLS[int(m)] for m in x]
    words[3], x[3] = None, np.nan
    for given in (None, prior):
        found = named.estimated(words, weights, given)
        assert found == Categorical(start.estimated(x, weights, given).probabilities, SYMBOLS)
    assert np.isnan(named._observed(words)[0]).tolist() == np.isnan(x).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_of_two_is_the_observation_twice(kind):
    start, x, weights, prior = case(kind)
    doubled = start.estimated(np.repeat(x, 2), np.repeat(weights, 2, axis=0), prior)
    np.testing.assert_allclose(values(start.estimated(x, 2 * weights, prior)), values(doubled), rtol=RTOL)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_missing_says_nothing(kind):
    start, x, weights, prior = case(kind)
    missing = np.arange(len(x)) % 3 == 0
    gaps = np.where(missing, np.nan, x)
    for given in (None, prior):
        expected = values(start.estimated(x[~missing], weights[~missing], given))
        np.testing.assert_allclose(values(start.estimated(gaps, weights, given)), expected, rtol=RTOL)
    assert start.estimated(np.full(50, np.nan), weights) == start


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_without_weight_stays_as_it_is(kind):
    start, x, weights, prior = case(kind)
    weights[:, 1] = 0.0
    found = start.estimated(x, weights)
    assert (values(found)[1] == values(start)[1]).all()
    assert (values(found)[0] != values(start)[0]).all()
    assert (values(start.estimated(x, weights, prior))[1] != values(start)[1]).any(), "the prior says something"


@pytest.mark.parametrize("kind", KINDS)
def test_states_may_be_in_any_order(kind):
    start, x, weights, _ = case(kind)
    order = [2, 0, 1]
    ((name, array),) = start._parameters().items()
    found = start._with({name: array[order]}).estimated(x, weights[:, order])
    assert (values(found) == values(start.estimated(x, weights))[order]).all()


@pytest.mark.parametrize("kind", KINDS)
@hypothesis.given(seed=strategies.integers(0, 2**32 - 1), with_prior=strategies.booleans())
def test_no_other_parameters_are_better(kind, seed, with_prior):
    start, x, weights, prior = case(kind, seed, 20)
    given = prior if with_prior else None
    best = start.estimated(x, weights, given)
    top = objective(best, x, weights, given)
    assert top >= objective(start, x, weights, given) - 1e-12 * abs(top)
    ((name, array),) = best._parameters().items()
    for factor in (0.999, 1.001):
        moved = array.copy()
        moved[..., 0] *= factor
        if name == "probabilities":
            moved /= moved.sum(axis=1, keepdims=True)
        if moved.max() <= 1 or name == "rate":
            assert objective(best._with({name: moved}), x, weights, given) <= top + 1e-12 * abs(top)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_derivatives(kind):
    """With respect to each entry, as if the others of its row stayed."""
    start, x, weights, prior = case(kind)
    ((name, score),) = start._score(sums_of(start, x, weights)).items()
    ((_, of_prior),) = start._prior_score(prior, {}).items()
    for index in np.ndindex(score.shape):
        step = 1e-6

        def at(change, index=index):
            array = values(start).copy()
            array[index] += change
            if name == "probabilities":
                log_p = np.log(array.T[x.astype(int)])
                added = ((prior.concentration - 1) * np.log(array)).sum()
                return (weights * log_p).sum(), added
            moved = start._with({name: array})
            return objective(moved, x, weights), moved._log_prior(prior, {})

        (high, high_prior), (low, low_prior) = at(step), at(-step)
        assert score[index] == pytest.approx((high - low) / (2 * step), rel=SLOPES_RTOL, abs=1e-6)
        assert of_prior[index] == pytest.approx((high_prior - low_prior) / (2 * step), rel=SLOPES_RTOL, abs=1e-6)


def test_scores_at_zeros():
    """What has probability 0, and was not seen, has no slope there; a rate of 0, or one of two outcomes, has."""
    x, weights = [0.0, 0.0], np.array([[1.0, 0.5], [2.0, 0.5]])
    zeros = Poisson([0.0, 1.0])
    assert zeros._score(sums_of(zeros, x, weights))["rate"].tolist() == [-3.0, -1.0]
    zeros = Categorical([[1.0, 0.0], [0.5, 0.5]])
    assert zeros._score(sums_of(zeros, x, weights))["probabilities"].tolist() == [[3.0, 0.0], [2.0, 0.0]]
    zeros = Bernoulli([0.0, 0.5])
    assert zeros._score(sums_of(zeros, x, weights))["probability"].tolist() == [-3.0, -2.0]


def test_zeros_stay_zeros():
    weights = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    start = Categorical([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    for prior in (None, Dirichlet(2.0)):
        found = start.estimated([0, 1, 2], weights, prior)
        assert found.probabilities.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]
    assert found._log_prior(Dirichlet(2.0), {}) == pytest.approx(Dirichlet(2.0).log_density([0.5, 0.5]))


def test_zeros_that_are_estimates_are_exact():
    weights = np.array([[1.0, 0.1], [2.0, 0.2], [0.0, 0.3]])
    assert Poisson([1.0, 1.0]).estimated([0, 0, 5], weights).rate[0] == 0.0
    assert Bernoulli([0.5, 0.5]).estimated([1, 1, 0], weights).probability[0] == 1.0
    assert Categorical([[0.5, 0.5]] * 2).estimated([1, 1, 0], weights).probabilities[0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("kind", ["poisson", "bernoulli"])
def test_tied_numbers_are_one_and_held_ones_stay(kind):
    start, x, weights, prior = case(kind)
    ((name, _),) = start._parameters().items()
    sums = sums_of(start, x, weights)
    first, second, third = values(start._maximised(sums, None, {name: np.array([0, 0, -1])}))
    both = values(start.estimated(np.tile(x, 2), np.tile(weights[:, :2].T.reshape(-1, 1), 3)))
    assert first == second == pytest.approx(both[0], rel=RTOL)
    assert third == values(start)[2]
    first, second, third = values(start._maximised(sums, prior, {name: np.array([1, 1, 0])}))
    assert first == second != third
    held = {name: np.array([-1, 0, 1])}
    whole, rest = start._log_prior(prior, {}), start._log_prior(prior, held)
    alone = start._with({name: values(start)[:1]})._log_prior(prior, {})
    assert rest == pytest.approx(whole - alone, rel=RTOL)
    assert start._prior_score(prior, held)[name][0] == 0.0


def test_held_probabilities_stay():
    start, x, weights, prior = case("categorical")
    held = {"probabilities": np.array([[-1, 0, 1], [2, 3, 4], [5, 6, 7]])}
    sums = sums_of(start, x, weights)
    for given in (None, prior):
        found = start._maximised(sums, given, held).probabilities
        assert found[0, 0] == 0.2
        assert abs(found.sum(axis=1) - 1).max() <= 2 * EPS
        assert (found[1:] == start._maximised(sums, given, {}).probabilities[1:]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_of_rows_come_to_the_same(kind):
    start, x, weights, _ = case(kind, n_rows=20_000)
    x[::7] = np.nan
    observed = start._observed(x)
    table = np.empty((20_000, 3))
    for begin, end in [(0, 11_111), (11_111, 20_000)]:
        start._fill(observed, begin, end, table[begin:end])
    assert (table == start.log_likelihoods(x)).all()
    sums = start._sums(observed)
    for begin, end in [(0, 11_111), (11_111, 20_000)]:
        start._add(observed, begin, end, weights[begin:end], sums)
    np.testing.assert_allclose(sums.sum(axis=0), sums_of(start, x, weights), rtol=RTOL)
    assert (observed[0] == x).tolist() == (~np.isnan(x)).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_sums_keep_their_digits_over_many_rows(kind):
    """The small weights of many blocks are not lost beside a large one."""
    start, x, _, _ = case(kind, n_rows=3)
    x[:] = 1.0
    observed, sums = start._observed(x), None
    sums = start._sums(observed)
    small = 1e-3 * EPS
    start._add(observed, 0, 1, np.ones((1, 3)), sums)
    for _ in range(1000):
        start._add(observed, 1, 2, np.full((1, 3), small), sums)
    assert sums[0].max() == 1.0
    assert sums[1].max() == pytest.approx(1000 * small, rel=RTOL)
    start._add(observed, 2, 3, np.full((1, 3), 4 / EPS), sums)
    assert sums[0].max() == 4 / EPS
    assert sums[1].max() == pytest.approx(1 + 1000 * small, rel=RTOL)


@pytest.mark.parametrize("kind", KINDS)
def test_natural_parameters_lead_back(kind):
    start = STARTS[kind][0]
    np.testing.assert_allclose(values(start._of_natural(start._natural())), values(start), rtol=8 * EPS)


def test_natural_parameters_at_zeros_and_beyond():
    for start in (Poisson([0.0, 1.0]), Bernoulli([0.0, 1.0]), Categorical([[0.0, 1.0], [0.5, 0.5]])):
        assert start._of_natural(start._natural()) == start
    assert Poisson([1.0])._of_natural(np.array([800.0])) is None
    assert Poisson([1.0])._of_natural(np.array([np.nan])) is None
    assert Bernoulli([0.5])._of_natural(np.array([np.nan])) is None
    assert Categorical([[0.5, 0.5]])._of_natural(np.array([np.nan, 0.0])) is None
    assert Categorical([[0.5, 0.5]])._of_natural(np.array([1e3, 1e3 + np.log(3)])).probabilities[0, 1] == pytest.approx(
        0.75
    )


def test_parameters_are_counted_without_zeros():
    assert Poisson([0.0, 1.0]).n_parameters == 1
    assert Bernoulli([0.0, 0.5, 1.0]).n_parameters == 1
    assert Categorical([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]]).n_parameters == 3


@pytest.mark.parametrize("kind", KINDS)
def test_statistics_have_names(kind):
    start, x, weights, _ = case(kind)
    statistics = start._statistics(sums_of(start, x, weights))
    if kind == "poisson":
        np.testing.assert_allclose(statistics["weight"], weights.sum(axis=0), rtol=RTOL)
        np.testing.assert_allclose(statistics["sum"], x @ weights, rtol=RTOL)
    else:
        counts = [weights[x == m].sum(axis=0) for m in range(3 if kind == "categorical" else 2)]
        np.testing.assert_allclose(statistics["counts"], np.transpose(counts), rtol=RTOL)


@pytest.mark.parametrize("kind", KINDS)
def test_a_guess_is_an_estimate_from_nothing(kind):
    start, x, weights, _ = case(kind)
    weights = weights[:, :2].copy()
    weights[:, 1] = 0.0
    guess = type(start).guessed(x, weights)
    assert guess.n_states == 2
    np.testing.assert_allclose(values(guess)[0], values(start.estimated(x, weights[:, [0, 0, 0]]))[0], rtol=RTOL)
    everything = values(start.estimated(x, np.ones((50, 3))))[0]
    np.testing.assert_allclose(values(guess)[1], everything, rtol=RTOL, err_msg="a state to which nothing belongs")
    assert type(start).guessed([np.nan, None], [[1.0, 1.0]] * 2).n_states == 2


def test_symbols_are_guessed():
    ones = np.ones((4, 1))
    assert Categorical.guessed([0, 3, None, 3], ones) == Categorical([[1 / 3, 0.0, 0.0, 2 / 3]])
    assert Categorical.guessed(["wet", "dry", None, "wet"], ones) == Categorical([[1 / 3, 2 / 3]], ["dry", "wet"])
    assert Categorical.guessed([("a", 1), 2, None, 2], ones) == Categorical([[1 / 3, 2 / 3]], [("a", 1), 2])
    given = Categorical.guessed(["wet", "dry", None, "wet"], ones, symbols=["wet", "fog", "dry"])
    assert given == Categorical([[2 / 3, 0.0, 1 / 3]], ["wet", "fog", "dry"])
    with pytest.raises(ValueError, match=r"observations must have shape \(T,\), got \(2, 2\)"):
        Categorical.guessed([[1, 2], [3, 4]], ones[:2])
    with pytest.raises(TypeError, match=r"symbols must be a list of 0, got 5"):
        Categorical.guessed([1, 2], ones[:2], symbols=5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_fit_is_refused(kind):
    start, x, weights, _ = case(kind)
    for wrong, words in [
        (weights[:-1], r"weights must have shape \(50, 3\), got \(49, 3\)"),
        (weights[:, :2], r"weights must have shape \(50, 3\), got \(50, 2\)"),
        (-weights, r"weights\[0, 0\] must be at least 0"),
        (weights * np.nan, r"weights\[0, 0\] must be finite"),
    ]:
        with pytest.raises(ValueError, match=words):
            start.estimated(x, wrong)
    other = Gamma(2.0, 1.0) if kind != "poisson" else Dirichlet(2.0)
    with pytest.raises(TypeError, match=f"the prior of a {kind.title()} emission must be a "):
        start.estimated(x, weights, other)
    misfit = Gamma([2.0] * 2, 1.0) if kind == "poisson" else Dirichlet([2.0] * 4)
    with pytest.raises(ValueError, match="must fit a parameter of shape"):
        start.estimated(x, weights, misfit)
    with pytest.raises(ValueError, match="must fit a parameter of shape"):
        hf.Prior(emission=misfit)._admitted_by(hf.HMM([1.0, 0.0, 0.0], np.eye(3), start))


@pytest.mark.parametrize("n_symbols", [1, 2, 30])
def test_tallies_have_the_same_bits_in_either_wing(n_symbols):
    rng = np.random.default_rng(n_symbols)
    numbers, weights = rng.integers(0, n_symbols, 300), rng.gamma(1.0, size=(300, 5))
    tables = np.zeros((2, n_symbols, 5))
    for table, kernels in zip(tables, (tallies, room("tallies")), strict=True):
        kernels.add_tallies(numbers, weights, table)
    assert (tables[0] == tables[1]).all()
    np.testing.assert_allclose(tables[0], [weights[numbers == m].sum(axis=0) for m in range(n_symbols)], rtol=RTOL)


def test_sums_of_counts_have_the_same_bits_in_either_wing():
    """Products are rounded before they are added."""
    rng = np.random.default_rng(0)
    counts, weights = rng.poisson(9.0, 300).astype(float), rng.gamma(1.0, size=(300, 5))
    counts[::7] = np.nan
    tables = np.zeros((2, 2, 5))
    for table, kernels in zip(tables, (tallies, room("tallies")), strict=True):
        kernels.add_counts(counts, weights, table)
    assert (tables[0] == tables[1]).all()
    seen = ~np.isnan(counts)
    np.testing.assert_allclose(tables[0], [weights[seen].sum(axis=0), counts[seen] @ weights[seen]], rtol=RTOL)


@pytest.mark.parametrize("most", [3, 500, 10**6])
def test_rows_of_counts_are_the_same_by_table(most):
    """Whether there are few possible counts, or more than rows, or too many for a table."""
    start, counts = Poisson([1.0, 5.0, 20.0]), np.array([0.0, 2.0, np.nan, most] * 20)
    observed = start._observed(counts)
    table = np.empty((80, 3))
    start._fill(observed, 0, 80, table)
    assert (table == start.log_likelihoods(counts)).all()
