"""What normal distributions learn: textbook estimates of every kind, gaps, ties, priors, and states that collapse."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter._kernels import moments as plain
from hmmfilter.emissions import Gaussian
from tests.conftest import COMPILED
from tests.wing import room

EXACT = 1e-13  # relative, of estimates
FLAT = 1e-9  # of slopes at a maximum, to the sums that they are made of
CLIMBED = 1e-3  # the slopes that so many steps leave
DIFFERENCE = 1e-6  # of derivatives, to differences
NAN = np.nan


def emission(kind, n_states=2, n_dimensions=3, seed=0):
    """Any of a kind; of numbers without dimensions."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=(n_states,) if n_dimensions is None else (n_states, n_dimensions))
    if n_dimensions is None:
        return Gaussian(mean, 1.5 if kind == "tied" else rng.uniform(0.5, 2, n_states), kind)
    parts = rng.normal(size=(n_states, n_dimensions, 3 * n_dimensions))
    matrices = parts @ parts.transpose(0, 2, 1) / (3 * n_dimensions)
    covariance = {
        "variances": rng.uniform(0.5, 2, mean.shape),
        "spherical": rng.uniform(0.5, 2, n_states),
        "full": matrices,
        "tied": matrices[0],
    }[kind]
    return Gaussian(mean, covariance, kind)


KINDS = [(kind, None) for kind in ("variances", "tied", "spherical")]
KINDS += [(kind, 3) for kind in ("variances", "full", "tied", "spherical")]
of_every_kind = pytest.mark.parametrize(("kind", "n_dimensions"), KINDS)


def data(n_dimensions, n_rows=40, n_states=2, share=0.0, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(0.5, 2, (n_rows,) if n_dimensions is None else (n_rows, n_dimensions))
    x[rng.random(x.shape) < share] = NAN
    return x, rng.uniform(0, 1, (n_rows, n_states))


def textbook(x, weights, kind):
    """Means and covariances of a kind, by NumPy."""
    vectors = x.reshape(len(x), -1)
    total = weights.sum(axis=0)
    mean = (weights.T @ vectors) / total[:, None]
    away = vectors[None] - mean[:, None]
    scatter = np.einsum("tk, kti, ktj -> kij", weights, away, away)
    squares = np.diagonal(scatter, axis1=1, axis2=2)
    covariance = {
        "variances": squares / total[:, None],
        "spherical": squares.sum(axis=1) / total / vectors.shape[1],
        "full": scatter / total[:, None, None],
        "tied": scatter.sum(axis=0) / total.sum(),
    }[kind]
    if x.ndim == 1:
        return mean[:, 0], covariance.reshape(() if kind == "tied" else -1)
    return mean, covariance


@of_every_kind
def test_estimates_are_those_of_textbooks(kind, n_dimensions):
    x, weights = data(n_dimensions)
    mean, covariance = textbook(x, weights, kind)
    for estimate in (
        emission(kind, n_dimensions=n_dimensions).estimated(x, weights),
        Gaussian.guessed(x, weights, kind),
    ):
        assert estimate.kind == kind
        np.testing.assert_allclose(estimate.mean, mean, rtol=EXACT, atol=EXACT)
        np.testing.assert_allclose(estimate.covariance, covariance, rtol=EXACT, atol=EXACT)


@of_every_kind
def test_a_weight_of_two_is_to_be_there_twice(kind, n_dimensions):
    x, _ = data(n_dimensions, share=0.2)
    rng = np.random.default_rng(4)
    counts = rng.integers(1, 4, len(x))
    degrees = rng.uniform(0, 1, (len(x), 2))
    start = emission(kind, n_dimensions=n_dimensions)
    once = start.estimated(x, degrees * counts[:, None])
    often = start.estimated(np.repeat(x, counts, axis=0), np.repeat(degrees, counts, axis=0))
    np.testing.assert_allclose(once.mean, often.mean, rtol=EXACT, atol=EXACT)
    np.testing.assert_allclose(once.covariance, often.covariance, rtol=EXACT, atol=EXACT)


@of_every_kind
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_an_offset_leaves_variances_alone(kind, n_dimensions, offset):
    x, weights = data(n_dimensions, n_rows=300)
    shifted = x + offset
    _, covariance = textbook(shifted - offset, weights, kind)
    start = emission(kind, n_dimensions=n_dimensions)
    np.testing.assert_allclose(start.estimated(shifted, weights).covariance, covariance, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(Gaussian.guessed(shifted, weights, kind).covariance, covariance, rtol=1e-6, atol=1e-6)


@of_every_kind
def test_a_mean_from_afar_comes_first_and_then_the_covariance(kind, n_dimensions):
    """A fit has sums about the old mean only; about one so far away no variance is known."""
    x, weights = data(n_dimensions, n_rows=200)
    start = emission(kind, n_dimensions=n_dimensions)
    values = [start]
    for _ in range(3):
        observed = values[-1]._observed(x + 1e9)
        values.append(values[-1]._maximised(values[-1]._summed(observed, weights), None, {}))
    assert np.array_equal(values[1].covariance, start.covariance)
    _, covariance = textbook((x + 1e9) - 1e9, weights, kind)
    np.testing.assert_allclose(values[3].covariance, covariance, rtol=1e-6, atol=1e-6)
    objectives = [(weights * each.log_likelihoods(x + 1e9)).sum() for each in values]
    assert objectives[0] < objectives[1] < objectives[2]


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_correlations_wait_for_a_mean_from_less_far(kind):
    """There variances are known, but not whether entries all but determine each other."""
    rng = np.random.default_rng(0)
    x = 3e5 + rng.normal(size=(200, 1)) + 1e-4 * rng.normal(size=(200, 3))
    weights, values = rng.uniform(size=(200, 2)), [emission(kind)]
    for _ in range(2):
        values.append(values[-1]._maximised(values[-1]._summed(values[-1]._observed(x), weights), None, {}))
    assert np.array_equal(values[1].covariance, values[0].covariance)
    np.testing.assert_allclose(values[2].covariance, textbook(x, weights, kind)[1], rtol=1e-6)


def exact_step(x, weights, start):
    """A step of EM for vectors that lack entries, in mpmath."""
    n_states, n = start.mean.shape
    _, matrices = start.moments()
    means, covariances = [], []
    with mpmath.workdps(40):
        for k in range(n_states):
            total, first, second = mpmath.mpf(0), mpmath.zeros(n, 1), mpmath.zeros(n)
            sigma = mpmath.matrix(matrices[k].tolist())
            for row, weight in zip(x, weights[:, k], strict=True):
                seen = [d for d in range(n) if not np.isnan(row[d])]
                if not seen:
                    continue
                lost = [d for d in range(n) if d not in seen]
                part = mpmath.matrix([[sigma[i, j] for j in seen] for i in seen])
                away = mpmath.matrix([mpmath.mpf(row[d]) - mpmath.mpf(start.mean[k, d]) for d in seen])
                whole = mpmath.zeros(n, 1)
                for place, d in enumerate(seen):
                    whole[d] = away[place]
                spare = mpmath.zeros(n)
                if lost:
                    across = mpmath.matrix([[sigma[i, j] for j in seen] for i in lost]) * mpmath.inverse(part)
                    expected = across * away
                    left = mpmath.matrix([[sigma[i, j] for j in lost] for i in lost])
                    left -= across * mpmath.matrix([[sigma[i, j] for j in lost] for i in seen])
                    for a, d in enumerate(lost):
                        whole[d] = expected[a]
                        for b, e in enumerate(lost):
                            spare[d, e] = left[a, b]
                w = mpmath.mpf(weight)
                total, first, second = total + w, first + w * whole, second + w * (whole * whole.T + spare)
            shift = first / total
            means.append([mpmath.mpf(start.mean[k, d]) + shift[d] for d in range(n)])
            covariances.append((second - total * (shift * shift.T), total))
        if start.kind == "tied":
            pooled = sum((s for s, _ in covariances[1:]), covariances[0][0]) / mpmath.fsum(w for _, w in covariances)
            return np.array(means, dtype=float), np.array(pooled.tolist(), dtype=float)
        return np.array(means, dtype=float), np.array([(s / w).tolist() for s, w in covariances], dtype=float)


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_what_vectors_lack_is_taken_as_expected(kind):
    x, weights = data(3, share=0.4)
    x[5] = NAN
    start = emission(kind)
    mean, covariance = exact_step(x, weights, start)
    estimate = start.estimated(x, weights)
    np.testing.assert_allclose(estimate.mean, mean, rtol=EXACT, atol=EXACT)
    np.testing.assert_allclose(estimate.covariance, covariance, rtol=EXACT, atol=EXACT)


@of_every_kind
def test_blocks_show_what_all_rows_do(kind, n_dimensions):
    x, weights = data(n_dimensions, n_rows=700, share=0.1)
    start = emission(kind, n_dimensions=n_dimensions)
    observed = start._observed(x)
    table, sums = start.log_likelihoods(x), start._sums(observed)
    for begin, end in ((0, 300), (300, 301), (301, 700)):
        part = np.empty((end - begin, 2))
        start._fill(observed, begin, end, part)
        assert np.array_equal(part, table[begin:end])
        start._add(observed, begin, end, weights[begin:end], sums)
    np.testing.assert_allclose(sums.sum(axis=0), start._summed(observed, weights), rtol=EXACT, atol=EXACT)


def log_likelihood(start, x, weights):
    return (weights * start.log_likelihoods(x)).sum()


@of_every_kind
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_score_is_the_derivative(kind, n_dimensions, share):
    x, weights = data(n_dimensions, share=share)
    start = emission(kind, n_dimensions=n_dimensions)
    score = start._score(start._summed(start._observed(x), weights))
    assert_derivative(start, score, lambda moved: log_likelihood(moved, x, weights))


def assert_derivative(start, score, value):
    parameters = start._parameters()
    assert {name: slope.shape for name, slope in score.items()} == {n: v.shape for n, v in parameters.items()}
    for name, slope in score.items():
        for index in np.ndindex(slope.shape):
            places = {index}
            if name in start._symmetric:
                if index[-1] > index[-2]:
                    continue
                places.add((*index[:-2], index[-1], index[-2]))
            ends = []
            for sign in (1, -1):
                moved = parameters[name].copy()
                for place in places:
                    moved[place] += sign * 1e-5
                ends.append(value(start._with(parameters | {name: moved})))
            difference = (ends[0] - ends[1]) / 2e-5
            assert abs(slope[index] - difference) <= DIFFERENCE * max(1, abs(difference))


def prior_of(kind, n_dimensions):
    rng = np.random.default_rng(8)
    if n_dimensions is None:
        return hf.priors.NormalInverseWishart([0.3, -0.2], [0.5, 2.0], 3.5, 1.25)
    if kind in ("full", "tied"):
        parts = rng.normal(size=(2, n_dimensions, 9))
        return hf.priors.NormalInverseWishart(rng.normal(size=3), 0.75, [5.0, 6.0], parts @ parts.transpose(0, 2, 1))
    return hf.priors.NormalInverseWishart(rng.normal(size=(2, 3)), [0.5, 2.0], 2.5, [0.5, 1.0, 2.0])


@of_every_kind
def test_a_prior_is_climbed_with_the_likelihood(kind, n_dimensions):
    """At the maximum the whole objective is flat; its slopes are those of the density with all constants."""
    x, weights = data(n_dimensions)
    start, prior = emission(kind, n_dimensions=n_dimensions), prior_of(kind, n_dimensions)
    assert_derivative(start, start._prior_score(prior, {}), lambda moved: moved._log_prior(prior, {}))
    best = start.estimated(x, weights, prior)
    score, beliefs = best._score(best._summed(best._observed(x), weights)), best._prior_score(prior, {})
    for name, slope in score.items():
        np.testing.assert_allclose(slope, -beliefs[name], rtol=FLAT, atol=FLAT)


@pytest.mark.parametrize("weight", [0.0, 1e-320])
def test_a_state_without_weight_keeps_what_it_has_or_what_is_believed(weight):
    x, weights = data(3)
    weights[:, 1] = weight
    start = emission("full")
    estimate = start.estimated(x, weights)
    assert np.array_equal(estimate.mean[1], start.mean[1])
    assert np.array_equal(estimate.covariance[1], start.covariance[1])
    prior = hf.priors.NormalInverseWishart([1.0, 2.0, 3.0], 2.0, 5.0, 10 * np.eye(3))
    believed = start.estimated(x, weights, prior)
    np.testing.assert_allclose(believed.mean[1], [1, 2, 3], rtol=EXACT)
    np.testing.assert_allclose(believed.covariance[1], np.eye(3), rtol=EXACT, atol=EXACT)


@pytest.mark.parametrize("kind", ["variances", "full", "tied", "spherical"])
def test_states_and_entries_in_another_order(kind):
    x, weights = data(3, share=0.2)
    start, order = emission(kind), [2, 0, 1]
    estimate = start.estimated(x, weights)
    swapped = start._reordered(np.array([1, 0])).estimated(x, weights[:, ::-1])
    np.testing.assert_allclose(swapped.mean, estimate.mean[::-1], rtol=EXACT)
    covariance = start.covariance
    if kind in ("full", "tied"):
        covariance = covariance[..., order, :][..., order]
    elif kind == "variances":
        covariance = covariance[:, order]
    turned = Gaussian(start.mean[:, order], covariance, kind).estimated(x[:, order], weights)
    np.testing.assert_allclose(turned.mean, estimate.mean[:, order], rtol=EXACT, atol=EXACT)
    np.testing.assert_allclose(
        np.diagonal(turned.moments()[1], axis1=1, axis2=2),
        np.diagonal(estimate.moments()[1], axis1=1, axis2=2)[:, order],
        rtol=EXACT,
    )


HELD = -1
STRUCTURES = {
    "means of two states": ("full", {"mean": np.array([[0, 1, 2], [0, 3, 4]])}),
    "a mean held": ("full", {"mean": np.array([[0, HELD, 2], [3, 4, HELD]])}),
    "all of the means held": ("variances", {"mean": np.full((2, 3), HELD)}),
    "one matrix": ("full", {"covariance": np.tile(np.arange(9).reshape(3, 3), (2, 1, 1))}),
    "one matrix held": ("full", {"covariance": np.stack([np.arange(9).reshape(3, 3), np.full((3, 3), HELD)])}),
    "variances of some entries": ("variances", {"covariance": np.array([[0, 0, 1], [0, 2, HELD]])}),
    "means and variances": (
        "variances",
        {"mean": np.array([[0, 1, 2], [0, 1, 3]]), "covariance": np.array([[0, 1, 2], [3, 1, 4]])},
    ),
    "a covariance held": ("full", {"covariance": np.where(np.eye(3) > 0, np.arange(18).reshape(2, 3, 3), HELD)}),
    "equal variances of entries": (
        "tied",
        {"covariance": np.where(np.eye(3) > 0, 0, np.arange(1, 10).reshape(3, 3))},
    ),
    "spheres of one size": ("spherical", {"covariance": np.array([0, 0])}),
}


def numbers_of(start, name, groups):
    """The groups of a parameter, which of matrices are symmetric."""
    shape = start._parameters()[name].shape
    numbers = groups.get(name, np.arange(np.prod(shape)).reshape(shape))
    return np.minimum(numbers, np.swapaxes(numbers, -1, -2)) if name in start._symmetric else numbers


def tied(start, groups):
    """The same with entries that agree, and weaker correlations, so that it is positive definite then, too."""
    parameters = {name: value.copy() for name, value in start._parameters().items()}
    if start._symmetric:
        parameters["covariance"] *= 0.5 + 0.5 * np.eye(3)
    for name in groups:
        numbers = numbers_of(start, name, groups)
        for number in np.unique(numbers[numbers >= 0]):
            parameters[name][numbers == number] = parameters[name][numbers == number].mean()
    return start._with(parameters)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("has_prior", [False, True])
def test_what_is_tied_or_held_stays_so_and_no_step_falls(structure, share, has_prior):
    kind, groups = STRUCTURES[structure]
    x, weights = data(3, n_rows=60, share=share)
    start = tied(emission(kind), groups)
    prior = prior_of(kind, 3) if has_prior else None

    def objective(each):
        return log_likelihood(each, x, weights) + (each._log_prior(prior, groups) if has_prior else 0)

    observed, now = start._observed(x), start
    values = [objective(now)]
    for _ in range(200 if share else 60):
        now = now._maximised(now._summed(observed, weights), prior, groups)
        values.append(objective(now))
    assert np.diff(values).min() >= -4 * np.spacing(abs(np.array(values)).max() * 2)
    score = now._score(now._summed(observed, weights))
    if has_prior:
        score = {name: slope + now._prior_score(prior, groups)[name] for name, slope in score.items()}
    for name in groups:
        before, after = start._parameters()[name], now._parameters()[name]
        numbers = numbers_of(start, name, groups)
        assert np.array_equal(after[numbers == HELD], before[numbers == HELD])
        for number in np.unique(numbers[numbers >= 0]):
            assert np.ptp(after[numbers == number]) == 0
    for name, slope in score.items():
        numbers = numbers_of(start, name, groups)
        lower = np.tril(slope) if name in start._symmetric else slope
        for number in np.unique(numbers[numbers >= 0]):
            assert abs(lower[numbers == number].sum()) <= CLIMBED, (name, number)


COLLAPSES = {
    "constant numbers": (Gaussian([0.0, 1.0], [1.0, 1.0]), np.full(9, 0.1), (1.0,)),
    "zeros": (Gaussian([0.0, 1.0], [1.0, 1.0]), np.zeros(9), (1.0,)),
    "numbers a rounding apart": (Gaussian([0.0, 1.0], [1.0, 1.0]), 1e8 + 1e-8 * (np.arange(9) % 2), (1.0,)),
    "an entry": (emission("variances"), np.array([[n, n**2, 5.0] for n in range(9)]), (0.0, 0.0, 1.0)),
    "an entry of vectors": (emission("full"), np.array([[n, n**2, 5.0] for n in range(9)]), (0.0, 0.0, 1.0)),
    "all in one place": (emission("spherical"), np.ones((9, 3)), (1.0, 0.0, 0.0)),
    "a plane": (
        emission("full"),
        np.array([[n, n**2 % 7, 0.3 * n + 1.7 * (n**2 % 7)] for n in range(9)]),
        np.array([0.3, 1.7, -1.0]) / np.linalg.norm([0.3, 1.7, -1.0]),
    ),
    "a plane far away": (
        emission("tied"),
        np.array([[1e8 + n, n**2 % 7, 2 * (1e8 + n)] for n in range(9)]),
        np.array([2.0, 0.0, -1.0]) / 5**0.5,
    ),
    "a plane but for the last digits of what is far away": (
        emission("full"),
        np.array([[1e10 + n, n**2 % 7, 0.3 * (1e10 + n)] for n in range(9)]),
        np.array([0.3, 0.0, -1.0]) / 1.09**0.5,
    ),
}


@pytest.mark.parametrize("case", COLLAPSES)
def test_a_state_without_spread_collapses(case):
    start, x, direction = COLLAPSES[case]
    weights = np.ones((len(x), 2))
    with pytest.raises(
        hf.DegenerateFitError, match=r"give a prior, tie the covariances of states, or take fewer"
    ) as one:
        start.estimated(x, weights)
    assert one.value.state == 0
    np.testing.assert_allclose(abs(np.dot(one.value.direction, direction)), 1.0, rtol=1e-6)
    prior = hf.priors.NormalInverseWishart(x.mean(axis=0), 0.1, 6.0, 1.0)
    assert np.isfinite(start.estimated(x, weights, prior).log_likelihoods(x)).all()


def test_a_state_of_a_structure_collapses_step_by_step():
    """No maximum is in closed form, and the next best covariance is near."""
    x, weights = data(3)
    x[:, 1] = 7.0
    now, groups = Gaussian(np.zeros((2, 3)), np.tile(np.eye(3), (2, 1, 1))), STRUCTURES["a covariance held"][1]
    observed = now._observed(x)

    def climb(now):
        for _ in range(100):
            now = now._maximised(now._summed(observed, weights), None, groups)

    with pytest.raises(hf.DegenerateFitError) as told:
        climb(now)
    np.testing.assert_allclose(np.abs(told.value.direction), [0, 1, 0], atol=1e-6)


def test_fewer_vectors_than_they_have_dimensions_collapse():
    rng = np.random.default_rng(0)
    weights = np.zeros((20, 2))
    weights[:17, 0], weights[17:, 1] = 1, 1
    with pytest.raises(hf.DegenerateFitError, match="state 1 collapses"):
        emission("full").estimated(rng.normal(size=(20, 3)), weights)


@pytest.mark.parametrize("mean", [1.0, 1e3])
def test_small_variances_are_honest(mean):
    x = mean + 1e-6 * mean * np.random.default_rng(0).normal(size=50)
    weights = np.ones((50, 1))
    estimate = Gaussian([0.0], [1.0]).estimated(x, weights)
    np.testing.assert_allclose(estimate.covariance, [np.var(x)], rtol=1e-6)
    both = np.column_stack([x, x + 1e-6 * np.random.default_rng(1).normal(size=50)])
    np.testing.assert_allclose(
        Gaussian.guessed(both, weights, "full").covariance[0], np.cov(both.T, bias=True), rtol=1e-6
    )


@of_every_kind
def test_fits_are_the_same_at_an_offset(kind, n_dimensions):
    rng = np.random.default_rng(3)
    states = (np.arange(200) // 20) % 2
    x = rng.normal(size=(200,) if n_dimensions is None else (200, n_dimensions))
    x = np.round((x.T + 3 * states).T * 2**20) / 2**20  # digits that an offset leaves
    fits = []
    for offset in (0.0, 2.0**27):
        model = hf.guess("gaussian", 2, x + offset, covariance=kind, method="k-means")
        fits.append(model.fit(x + offset))
        assert np.diff(fits[-1].history).min(initial=0.0) >= 0
    np.testing.assert_allclose(fits[1].log_likelihood, fits[0].log_likelihood, rtol=1e-8)
    np.testing.assert_allclose(fits[1].model.emission.mean - 2.0**27, fits[0].model.emission.mean, atol=1e-4)
    covariances = [fitted.model.emission.covariance for fitted in fits]
    np.testing.assert_allclose(covariances[1], covariances[0], atol=1e-4)


def test_a_fit_tells_which_state_collapses():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], Gaussian([0.0, 5.0], [1.0, 1.0]))
    x = np.concatenate([np.random.default_rng(0).normal(size=30), np.full(30, 5.0)])
    with pytest.raises(hf.DegenerateFitError, match="state 1 collapses") as told:
        model.fit(x)
    assert told.value.direction == (1.0,)
    assert str(told.value).startswith("state 1 collapses: its observations do not vary, so that its density")


@of_every_kind
def test_natural_parameters_lead_back(kind, n_dimensions):
    start = emission(kind, n_dimensions=n_dimensions)
    vector = start._natural()
    back = start._of_natural(vector)
    np.testing.assert_allclose(back.covariance, start.covariance, rtol=EXACT)
    assert np.array_equal(back.mean, start.mean)
    assert start._of_natural(np.where(np.arange(len(vector)) < start.mean.size, vector, -1e4)) is None


@of_every_kind
def test_free_numbers_and_sums_by_name(kind, n_dimensions):
    start = emission(kind, n_dimensions=n_dimensions)
    n = 1 if n_dimensions is None else n_dimensions
    counts = {"variances": 2 * n, "full": 2 * n * (n + 1) // 2, "tied": n * (n + 1) // 2, "spherical": 2}
    assert start.n_parameters == start.mean.size + counts[kind]
    x, weights = data(n_dimensions)
    sums = start._statistics(start._summed(start._observed(x), weights))
    total = weights.sum(axis=0)
    np.testing.assert_allclose(sums["sum"], weights.T @ x, rtol=EXACT)
    np.testing.assert_allclose(sums["weight"].reshape(2, -1)[:, 0], total, rtol=EXACT)
    away = x.reshape(len(x), -1)[None] - start.mean.reshape(2, 1, -1)
    scatter = np.einsum("tk, kti, ktj -> kij", weights, away, away)
    squares = scatter if sums["squares"].ndim == 3 else np.diagonal(scatter, axis1=1, axis2=2)
    np.testing.assert_allclose(sums["squares"].reshape(squares.shape), squares, rtol=EXACT, atol=EXACT)
    assert sums["about"] is start.mean


REFUSED = [
    ("full", hf.priors.Gamma(2.0, 1.0), TypeError, "must be a NormalInverseWishart"),
    ("full", hf.priors.NormalInverseWishart([0.0, 1.0], 1.0, 5.0, 1.0), ValueError, "must fit a parameter of shape"),
    ("full", hf.priors.NormalInverseWishart(0.0, 1.0, 5.0, np.eye(2)), ValueError, "must fit a parameter of shape"),
    ("full", hf.priors.NormalInverseWishart(0.0, 1.0, 1.5, 1.0), ValueError, "df must be above 2"),
    ("variances", hf.priors.NormalInverseWishart(0.0, 1.0, 5.0, np.eye(3)), ValueError, "must fit a parameter of"),
    ("variances", hf.priors.NormalInverseWishart(0.0, [1.0] * 3, 5.0, 1.0), ValueError, "must fit a parameter of"),
]


@pytest.mark.parametrize(("kind", "prior", "error", "message"), REFUSED)
def test_priors_that_do_not_fit_are_refused(kind, prior, error, message):
    x, weights = data(3)
    with pytest.raises(error, match=message):
        emission(kind).estimated(x, weights, prior)


def test_what_is_held_altogether_has_no_prior():
    start, prior = emission("full"), prior_of("full", 3)
    held = {"mean": np.full((2, 3), HELD), "covariance": np.full((2, 3, 3), HELD)}
    assert start._log_prior(prior, held) == 0
    assert not any(slope.any() for slope in start._prior_score(prior, held).values())


@pytest.mark.parametrize("kind", ["variances", "full", "tied", "spherical"])
def test_a_guess_of_vectors_that_lack_entries(kind):
    x, weights = data(3, n_rows=80, share=0.3)
    weights[:, 1] = 0
    x[:5] = NAN
    guess = Gaussian.guessed(x, weights, covariance=kind)
    np.testing.assert_allclose(guess.mean[1], np.nanmean(x, axis=0), atol=0.2)
    nothing = Gaussian.guessed(np.full((4, 2), NAN), np.ones((4, 1)), covariance=kind)
    np.testing.assert_array_equal(nothing.moments()[1], [np.eye(2)])


@pytest.mark.skipif(not COMPILED, reason="compares with machine code")
@pytest.mark.parametrize("n_rows", [1, 7, 8, 255, 256, 257, 600])
@pytest.mark.parametrize("n_dimensions", [1, 3])
def test_sums_have_the_same_bits_in_both_wings(n_rows, n_dimensions):
    x, weights = data(n_dimensions, n_rows=n_rows, share=0.2)
    x, mean = x.reshape(n_rows, -1), np.linspace(-1, 1, 2 * n_dimensions).reshape(2, -1)
    for name, rows, size in (
        ("add_independent", x, 6 * n_dimensions),
        ("add_joint", np.nan_to_num(x), 2 * (1 + n_dimensions + n_dimensions * (n_dimensions + 1) // 2)),
    ):
        found = []
        for wing in (plain, room("moments")):
            found.append(np.zeros((2, size)))
            getattr(wing, name)(rows, mean, weights, plain.room_for_moments(*rows.shape), found[-1])
        assert np.array_equal(*found)


@given(st.integers(1, 60), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_one_step_is_never_less_probable_than_what_was(n_rows, n_dimensions, seed):
    """Nor than anything near it, as it is the maximum."""
    rng = np.random.default_rng(seed)
    x, weights = data(n_dimensions, n_rows=n_rows + 5 * n_dimensions, seed=seed)
    for kind in ("variances", "full", "tied", "spherical"):
        start = emission(kind, n_dimensions=n_dimensions, seed=seed % 1000)
        best = start.estimated(x, weights)
        top = log_likelihood(best, x, weights)
        assert top >= log_likelihood(start, x, weights)
        near = Gaussian(best.mean + 0.01 * rng.normal(size=best.mean.shape), 1.01 * best.covariance, kind)
        assert top >= log_likelihood(near, x, weights)


@pytest.mark.parametrize("kind", ["tied", "full"])
def test_a_covariance_of_all_states_is_tied_whatever_its_kind(kind):
    """Of the kind that is one matrix, there is nothing to tie, also where there are as many entries as states."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(80, 2)) @ [[2.0, 0.0], [1.0, 1.0]] + np.repeat([[0.0, 0.0], [9.0, 4.0]], 40, axis=0)
    covariance = np.eye(2) if kind == "tied" else [np.eye(2)] * 2
    emission = hf.emissions.Gaussian([[0.0, 0.0], [9.0, 4.0]], covariance, kind)
    start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], emission)
    plain = hf.HMM(start.initial, start.transition, hf.emissions.Gaussian(emission.mean, np.eye(2), "tied")).fit(x)
    fitted = start.fit(x, tied={"emission.covariance": "all"})
    assert fitted.n_parameters == plain.n_parameters
    assert fitted.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-7)
    with pytest.raises(ValueError, match=r"tied\['emission.covariance'\] must have shape"):
        start.fit(x, tied={"emission.covariance": [0, 0, 0]})
