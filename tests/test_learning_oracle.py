"""One step of learning against all K**T paths, in mpmath: every family, with all that may come with the data."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.emissions import Bernoulli, Categorical, Gaussian, Poisson
from tests import learning_oracle as oracle

TOLERANCE = 1e-13  # relative to the number, or to 1 where it is smaller
MISSING = 0.2  # of the entries
N_SYMBOLS, N_DIMENSIONS = 3, 2


def assert_near(got, exact, tolerance=TOLERANCE):
    """Compare arrays of doubles with nested lists of mpmath's numbers."""
    if not isinstance(exact, list):
        assert abs(mpmath.mpf(float(got)) - exact) <= tolerance * max(1, abs(exact)), (float(got), float(exact))
        return
    assert len(got) == len(exact)
    for one, other in zip(got, exact, strict=True):
        assert_near(one, other, tolerance)


@dataclass(frozen=True)
class Family:
    """An emission, and the same for the oracle."""

    emission: Any
    density: oracle.Density
    maximised: Callable[[oracle.Degrees], dict[str, Any]]  # the parameters by name
    draw: Callable[[np.random.Generator], Any]  # an observation
    statistics: Callable[[oracle.Degrees], dict[str, Any]] = lambda _: {}  # sums by name, those that are known here

    @property
    def n_states(self) -> int:
        return self.emission.n_states

    def array(self, sequences):
        """What the library is given: NaN where something is missing."""
        rows = [np.nan if x is None else x for x in itertools.chain(*sequences)]
        return np.array(rows, dtype=float)


def _per_state(n_states, estimate):
    return [estimate(k) for k in range(n_states)]


def _or_missing(draw):
    return lambda rng: None if rng.random() < MISSING else draw(rng)


def _vector(rng):
    return tuple(None if rng.random() < MISSING else float(x) for x in rng.normal(0.5, 2, N_DIMENSIONS))


def poisson(n_states):
    rate = np.array([1.5, 4.0, 9.5])[:n_states]

    def statistics(degrees):
        weights, sums = zip(*_per_state(n_states, lambda k: oracle.weights_and_sums(degrees, k)), strict=True)
        return {"weight": list(weights), "sum": list(sums)}

    def maximised(degrees):
        sums = statistics(degrees)
        return {"rate": [total / weight for weight, total in zip(sums["weight"], sums["sum"], strict=True)]}

    return Family(
        Poisson(rate),
        oracle.poisson(oracle.exactly(rate)),
        maximised,
        _or_missing(lambda rng: int(rng.poisson(5))),
        statistics,
    )


def categorical(n_states):
    probabilities = np.random.default_rng(3).dirichlet(np.ones(N_SYMBOLS), n_states)

    def statistics(degrees):
        return {"counts": _per_state(n_states, lambda k: oracle.symbol_counts(degrees, N_SYMBOLS, k))}

    def maximised(degrees):
        return {"probabilities": [oracle.shares(row) for row in statistics(degrees)["counts"]]}

    emission = Categorical(probabilities)
    return Family(
        emission,
        oracle.categorical(oracle.exactly(emission.probabilities)),
        maximised,
        _or_missing(lambda rng: int(rng.integers(N_SYMBOLS))),
        statistics,
    )


def bernoulli(n_states):
    probability = np.array([0.2, 0.7, 0.5])[:n_states]

    def statistics(degrees):
        return {"counts": _per_state(n_states, lambda k: oracle.symbol_counts(degrees, 2, k))}

    def maximised(degrees):
        return {"probability": [oracle.shares(row)[1] for row in statistics(degrees)["counts"]]}

    return Family(
        Bernoulli(probability),
        oracle.bernoulli(oracle.exactly(probability)),
        maximised,
        _or_missing(lambda rng: int(rng.integers(2))),
        statistics,
    )


def _of_numbers(degrees):
    """Numbers as vectors of one entry, for the oracle of normal vectors."""
    return [((x,), row) for x, row in degrees]


def _independent(degrees, n_states, n_dimensions):
    """Weights, means and sums of squares, by state and entry."""
    return [[oracle.entry_moments(degrees, d, k) for d in range(n_dimensions)] for k in range(n_states)]


def _pooled(moments):
    """The variance that some entries share."""
    return mpmath.fsum(square for _, _, square in moments) / mpmath.fsum(weight for weight, _, _ in moments)


def numbers(n_states, kind):
    mean, spread = np.array([-1.0, 1.0, 2.5])[:n_states], np.array([1.0, 2.0, 0.5])[:n_states]
    covariance = 1.5 if kind == "tied" else spread
    variances = np.broadcast_to(covariance, n_states)
    density = oracle.gaussian(
        oracle.exactly(mean[:, None]), [[[mpmath.mpf(float(variance))]] for variance in variances]
    )

    def maximised(degrees):
        moments = [row[0] for row in _independent(_of_numbers(degrees), n_states, 1)]
        pooled = _pooled(moments) if kind == "tied" else [_pooled([one]) for one in moments]
        return {"mean": [centre for _, centre, _ in moments], "covariance": pooled}

    return Family(
        Gaussian(mean, covariance, kind=kind),
        lambda x, k: density((x,), k),
        maximised,
        _or_missing(lambda rng: float(rng.normal(0.5, 2))),
    )


def _matrices(rng, n):
    factors = rng.normal(size=(n, N_DIMENSIONS, 2 * N_DIMENSIONS))
    return factors @ factors.transpose(0, 2, 1) / (2 * N_DIMENSIONS)


def _diagonal(variances):
    return [
        [[mpmath.mpf(v) if d == e else mpmath.mpf(0) for e in range(len(row))] for d, v in enumerate(row)]
        for row in variances
    ]


def vectors(n_states, kind):
    rng = np.random.default_rng(5)
    mean = rng.normal(size=(n_states, N_DIMENSIONS))
    matrices = _matrices(rng, n_states)
    covariance = {
        "variances": rng.uniform(0.5, 2, (n_states, N_DIMENSIONS)),
        "spherical": rng.uniform(0.5, 2, n_states),
        "full": matrices,
        "tied": matrices[0],
    }[kind]
    if kind in ("full", "tied"):
        exact = oracle.exactly(np.broadcast_to(covariance, matrices.shape))
    else:
        exact = _diagonal(np.broadcast_to(covariance.T, mean.T.shape).T)
    means = oracle.exactly(mean)

    def independent(degrees):
        moments = _independent(degrees, n_states, N_DIMENSIONS)
        variances = {
            "variances": [[_pooled([one]) for one in row] for row in moments],
            "spherical": [_pooled(row) for row in moments],
        }
        return {"mean": [[centre for _, centre, _ in row] for row in moments], "covariance": variances[kind]}

    def joint(degrees):
        moments = [oracle.joint_moments(degrees, means[k], exact[k], k) for k in range(n_states)]
        covariances = [[[x / weight for x in row] for row in scatter] for weight, _, scatter in moments]
        if kind == "tied":
            total, size = mpmath.fsum(weight for weight, _, _ in moments), range(N_DIMENSIONS)
            covariances = [[mpmath.fsum(m[2][d][e] for m in moments) / total for e in size] for d in size]
        return {"mean": [centre for _, centre, _ in moments], "covariance": covariances}

    maximised = joint if kind in ("full", "tied") else independent
    return Family(Gaussian(mean, covariance, kind=kind), oracle.gaussian(means, exact), maximised, _vector)


FAMILIES = {
    "poisson": poisson,
    "categorical": categorical,
    "bernoulli": bernoulli,
    **{f"numbers, {kind}": lambda n, kind=kind: numbers(n, kind) for kind in ("variances", "tied")},
    **{f"vectors, {k}": lambda n, k=k: vectors(n, k) for k in ("variances", "spherical", "full", "tied")},
}


@dataclass(frozen=True)
class Data:
    """Sequences, and what is known beside them."""

    sequences: list[list[Any]]
    weights: list[float] | None = None
    labels: list[list[int]] | None = None
    allowed: list[list[list[bool]]] | None = None

    @property
    def exact_weights(self):
        return [mpmath.mpf(weight) for weight in self.weights or [1.0] * len(self.sequences)]

    def masks(self, n_states):
        """What labels and allowed states leave."""
        masks = []
        for n, sequence in enumerate(self.sequences):
            mask = [[True] * n_states for _ in sequence]
            if self.allowed:
                mask = self.allowed[n]
            if self.labels:
                mask = [
                    [may and known in (-1, k) for k, may in enumerate(row)]
                    for row, known in zip(mask, self.labels[n], strict=True)
                ]
            masks.append(mask)
        return masks

    def options(self):
        options = {"lengths": list(map(len, self.sequences))}
        if self.weights:
            options["weights"] = self.weights
        if self.labels:
            options["labels"] = np.concatenate(self.labels)
        if self.allowed:
            options["allowed"] = np.concatenate(self.allowed)
        return options


LENGTHS = {2: ([8], [8, 1, 7]), 3: ([7], [6, 1, 6])}
EVIDENCE = ("one sequence", "several", "weights", "labels", "allowed", "all of it")


def data(family, evidence, seed=0):
    rng = np.random.default_rng(seed)
    n_states = family.n_states
    one, several = LENGTHS[n_states]
    lengths = one if evidence == "one sequence" else several
    sequences = [[family.draw(rng) for _ in range(length)] for length in lengths]
    weights = labels = allowed = None
    if evidence in ("weights", "all of it"):
        weights = [2.0, 0.25, 1.5]
    if evidence in ("labels", "all of it"):
        labels = [[-1] * length for length in lengths]
        labels[0][1] = 1
        labels[2][0] = 0
    if evidence in ("allowed", "all of it"):
        allowed = [[[True] * n_states for _ in range(length)] for length in lengths]
        allowed[0][0][0] = False
        allowed[2][1][n_states - 1] = False
    return Data(sequences, weights, labels, allowed)


def start(emission, seed=1):
    rng = np.random.default_rng(seed)
    n_states = emission.n_states
    return hf.HMM(rng.dirichlet(np.ones(n_states)), rng.dirichlet(np.ones(n_states), n_states), emission)


def chain(model):
    return oracle.Chain(oracle.exactly(model.initial), oracle.exactly(model.transition))


def expected(model, family, given):
    return oracle.expected(
        chain(model), family.density, given.sequences, given.exact_weights, given.masks(family.n_states)
    )


def one_step(model, family, given, **options):
    return model.fit(family.array(given.sequences), **given.options(), max_iterations=1, accelerate=False, **options)


def weighted(found, given):
    return mpmath.fsum(w * x for w, x in zip(given.exact_weights, found.log_likelihoods, strict=True))


def assert_emission(emission, exact):
    for name, values in exact.items():
        assert_near(getattr(emission, name), values)


@pytest.mark.parametrize("evidence", EVIDENCE)
@pytest.mark.parametrize("n_states", [2, 3])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_step_of_expectation_and_maximisation(name, n_states, evidence):
    family = FAMILIES[name](n_states)
    given, model = (
        data(family, evidence, seed=int(n_states == 3)),
        start(family.emission),
    )  # of which no state collapses
    found = expected(model, family, given)
    fitted = one_step(model, family, given)
    assert_near(fitted.history[0], weighted(found, given))
    assert_near(fitted.model.initial, oracle.shares(found.initial))
    assert_near(fitted.model.transition, [oracle.shares(row) for row in found.transition])
    assert_emission(fitted.model.emission, family.maximised(found.degrees))


@pytest.mark.parametrize("evidence", EVIDENCE)
@pytest.mark.parametrize("name", FAMILIES)
def test_expected_statistics(name, evidence):
    family = FAMILIES[name](2)
    given, model = data(family, evidence, seed=2), start(family.emission)
    found = expected(model, family, given)
    statistics = hf.expected_statistics(model, family.array(given.sequences), **given.options())
    assert_near(np.atleast_1d(statistics.log_likelihood), found.log_likelihoods)
    assert_near(statistics.initial, found.initial)
    assert_near(statistics.transition, found.transition)
    for what, exact in family.statistics(found.degrees).items():
        assert_near(statistics.emission[what], exact)


def dirichlet(row, concentration):
    """The log-density of a row, with its constant."""
    parts = [(c - 1) * mpmath.log(p) - mpmath.loggamma(c) for p, c in zip(row, concentration, strict=True)]
    return mpmath.fsum(parts) + mpmath.loggamma(mpmath.fsum(concentration))


def gamma(rate, shape, inverse_scale):
    constant = shape * mpmath.log(inverse_scale) - mpmath.loggamma(shape)
    return constant + (shape - 1) * mpmath.log(rate) - inverse_scale * rate


def _added(counts, concentrations):
    return [count + c - 1 for count, c in zip(counts, concentrations, strict=True)]


def test_a_step_with_priors_of_counts():
    family = poisson(2)
    given, model = data(family, "all of it"), start(family.emission)
    of_rows, of_start = np.array([[3.0, 1.5], [1.0, 2.0]]), 1.25
    prior = hf.Prior(hf.priors.Dirichlet(of_start), hf.priors.Dirichlet(of_rows), hf.priors.Gamma(2.5, 0.75))
    found, rows = expected(model, family, given), oracle.exactly(of_rows)
    fitted = one_step(model, family, given, prior=prior)
    with mpmath.workdps(oracle.DIGITS):
        before, starts = chain(model), [mpmath.mpf(of_start)] * 2
        log_prior = dirichlet(before.initial, starts) + mpmath.fsum(map(dirichlet, before.transition, rows))
        rates = oracle.exactly(family.emission.rate)
        log_prior += mpmath.fsum(gamma(rate, mpmath.mpf(2.5), mpmath.mpf(0.75)) for rate in rates)
        sums = [oracle.weights_and_sums(found.degrees, k) for k in range(2)]
        rate = [(total + mpmath.mpf(1.5)) / (weight + mpmath.mpf(0.75)) for weight, total in sums]
        initial = oracle.shares(_added(found.initial, starts))
        transition = [oracle.shares(_added(*pair)) for pair in zip(found.transition, rows, strict=True)]
    assert_near(fitted.history[0], weighted(found, given) + log_prior)
    assert_near(fitted.model.initial, initial)
    assert_near(fitted.model.transition, transition)
    assert_near(fitted.model.emission.rate, rate)


def test_a_step_with_a_prior_of_symbols():
    family = categorical(3)
    given, model = data(family, "several"), start(family.emission)
    concentration = np.random.default_rng(0).uniform(1, 4, (3, N_SYMBOLS))
    found, exact = expected(model, family, given), oracle.exactly(concentration)
    fitted = one_step(model, family, given, prior=hf.Prior(emission=hf.priors.Dirichlet(concentration)))
    probabilities = oracle.exactly(family.emission.probabilities)
    with mpmath.workdps(oracle.DIGITS):
        log_prior = mpmath.fsum(map(dirichlet, probabilities, exact))
        counts = [oracle.symbol_counts(found.degrees, N_SYMBOLS, k) for k in range(3)]
        rows = [_added(*pair) for pair in zip(counts, exact, strict=True)]
    assert_near(fitted.history[0], weighted(found, given) + log_prior)
    assert_near(fitted.model.emission.probabilities, [oracle.shares(row) for row in rows])


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_a_step_with_a_prior_of_vectors(kind):
    """The mode of what a normal-inverse-Wishart becomes; one matrix for all states has the priors of all of them."""
    family = vectors(2, kind)
    whole = Family(
        family.emission, family.density, family.maximised, lambda rng: tuple(map(float, rng.normal(0.5, 2, 2)))
    )
    given, model = data(whole, "weights"), start(family.emission)
    centre, kappa, df, scale = np.array([0.5, -0.25]), 0.75, 4.5, np.array([[1.5, 0.25], [0.25, 1.0]])
    prior = hf.Prior(emission=hf.priors.NormalInverseWishart(centre, kappa, df, scale))
    found = expected(model, whole, given)
    fitted = one_step(model, whole, given, prior=prior)
    exact = oracle.exactly(np.broadcast_to(family.emission.covariance, (2, 2, 2)))
    means = oracle.exactly(family.emission.mean)
    with mpmath.workdps(oracle.DIGITS):
        before, spread, strength = oracle.exactly(centre), oracle.exactly(scale), mpmath.mpf(kappa)
        after, scatters, weights = [], [], []
        for k in range(2):
            weight, mean, scatter = oracle.joint_moments(found.degrees, means[k], exact[k], k)
            after.append([(strength * b + weight * m) / (strength + weight) for b, m in zip(before, mean, strict=True)])
            pull, away = strength * weight / (strength + weight), [m - b for b, m in zip(before, mean, strict=True)]
            scatters.append(
                [[scatter[d][e] + spread[d][e] + pull * away[d] * away[e] for e in range(2)] for d in range(2)]
            )
            weights.append(weight + mpmath.mpf(df) + 2 + 2)
        if kind == "tied":
            covariance = [[(scatters[0][d][e] + scatters[1][d][e]) / sum(weights) for e in range(2)] for d in range(2)]
        else:
            covariance = [[[x / w for x in row] for row in s] for s, w in zip(scatters, weights, strict=True)]
    assert_near(fitted.model.emission.mean, after)
    assert_near(fitted.model.emission.covariance, covariance)


def test_a_step_with_rates_that_are_one():
    family = poisson(3)
    family = Family(
        Poisson([2.0, 2.0, 7.0]), oracle.poisson(oracle.exactly([2.0, 2.0, 7.0])), family.maximised, family.draw
    )
    given, model = data(family, "weights"), start(family.emission)
    found = expected(model, family, given)
    fitted = one_step(model, family, given, tied={"emission.rate": [0, 0, 1]})
    (w0, s0), (w1, s1), (w2, s2) = (oracle.weights_and_sums(found.degrees, k) for k in range(3))
    with mpmath.workdps(oracle.DIGITS):
        assert_near(fitted.model.emission.rate, [(s0 + s1) / (w0 + w1)] * 2 + [s2 / w2])


def test_a_step_with_one_variance():
    family = numbers(2, "variances")
    spread = [1.5, 1.5]
    density = oracle.gaussian(oracle.exactly([[-1.0], [1.0]]), [[[mpmath.mpf(1.5)]]] * 2)
    family = Family(Gaussian([-1.0, 1.0], spread), lambda x, k: density((x,), k), family.maximised, family.draw)
    given, model = data(family, "several"), start(family.emission)
    moments = [row[0] for row in _independent(_of_numbers(expected(model, family, given).degrees), 2, 1)]
    fitted = one_step(model, family, given, tied={"emission.covariance": "all"})
    assert_near(fitted.model.emission.mean, [centre for _, centre, _ in moments])
    assert_near(fitted.model.emission.covariance, [_pooled(moments)] * 2)


def test_a_step_of_a_symmetric_chain():
    family = poisson(2)
    given = data(family, "weights")
    model = hf.HMM([0.3, 0.7], [[0.9, 0.1], [0.1, 0.9]], family.emission)
    found = expected(model, family, given)
    fitted = one_step(model, family, given, tied={"transition": [[0, 1], [1, 0]]})
    (a, b), (c, d) = found.transition
    stays, leaves = oracle.shares([a + d, b + c])
    assert_near(fitted.model.transition, [[stays, leaves], [leaves, stays]])


def test_a_step_with_entries_held():
    family = categorical(3)
    given, model = data(family, "several"), start(family.emission)
    found = expected(model, family, given)
    is_held = np.array([[True, False, False], [False, False, False], [False, False, True]])
    of_emission = np.array([[False, True, False], [False, False, False], [False, False, False]])
    fixed = {"transition": is_held, "emission.probabilities": of_emission}
    fitted = one_step(model, family, given, fixed=fixed)
    before, of_symbols = chain(model).transition, oracle.exactly(family.emission.probabilities)
    assert_near(
        fitted.model.transition,
        [
            oracle.shares(found.transition[0], {0: before[0][0]}),
            oracle.shares(found.transition[1]),
            oracle.shares(found.transition[2], {2: before[2][2]}),
        ],
    )
    counts = [oracle.symbol_counts(found.degrees, N_SYMBOLS, k) for k in range(3)]
    held = [{1: of_symbols[0][1]}, {}, {}]
    rows = [oracle.shares(row, kept) for row, kept in zip(counts, held, strict=True)]
    assert_near(fitted.model.emission.probabilities, rows)
    assert np.array_equal(fitted.model.transition[is_held], model.transition[is_held])
    assert np.array_equal(fitted.model.emission.probabilities[of_emission], family.emission.probabilities[of_emission])


def test_zeros_of_the_start_stay():
    family = poisson(3)
    given = data(family, "several")
    transition = [[0.5, 0.5, 0.0], [0.0, 0.6, 0.4], [0.3, 0.0, 0.7]]
    model = hf.HMM([0.0, 0.5, 0.5], transition, family.emission)
    found = expected(model, family, given)
    fitted = one_step(model, family, given)
    assert_near(fitted.model.initial, oracle.shares(found.initial))
    assert_near(fitted.model.transition, [oracle.shares(row) for row in found.transition])
    assert np.array_equal(fitted.model.transition == 0, np.array(transition) == 0)


@pytest.mark.parametrize("what", ["initial", "transition", "emission"])
def test_what_is_fixed_is_kept(what):
    family = poisson(2)
    given, model = data(family, "several"), start(family.emission)
    found = expected(model, family, given)
    after = one_step(model, family, given, fixed=(what,)).model
    exact = {
        "initial": oracle.shares(found.initial),
        "transition": [oracle.shares(row) for row in found.transition],
        "emission": family.maximised(found.degrees)["rate"],
    }
    got = {"initial": after.initial, "transition": after.transition, "emission": after.emission.rate}
    before = {"initial": model.initial, "transition": model.transition, "emission": model.emission.rate}
    assert np.array_equal(got[what], before[what])
    for name in exact.keys() - {what}:
        assert_near(got[name], exact[name])


def _stationary(stays_in_first, stays_in_second):
    a, b = 1 - stays_in_first, 1 - stays_in_second
    return oracle.Chain([b / (a + b), a / (a + b)], [[1 - a, a], [b, 1 - b]])


def test_a_stationary_fit_ends_at_an_optimum():
    """The derivatives of the likelihood of all paths are 0 there, and Newton's steps in mpmath lead nowhere else."""
    family = poisson(2)
    sequences = [[0, 1, 2, 9, 8, 1, 2], [11, 9, 3], [2, 1, 0, 7]]
    given = Data(sequences, [1.0, 2.0, 1.0])
    model = hf.HMM([0.5, 0.5], [[0.7, 0.3], [0.4, 0.6]], Poisson([2.0, 8.0]))
    fitted = model.fit(
        family.array(sequences), **given.options(), initial="stationary", tolerance=1e-13, max_iterations=10_000
    )

    def objective(first, second, low, high):
        return oracle.log_likelihood(
            _stationary(first, second), oracle.poisson([low, high]), sequences, given.exact_weights
        )

    def gradient(*x):
        return [mpmath.diff(objective, x, tuple(int(i == d) for i in range(4))) for d in range(4)]

    with mpmath.workdps(30):
        point = [*fitted.model.transition.diagonal(), *fitted.model.emission.rate]
        top = mpmath.findroot(gradient, [mpmath.mpf(float(x)) for x in point], tol=1e-20, maxsteps=6)
        best = objective(*top)
    assert_near(point, list(top), 1e-6)
    assert_near(fitted.log_likelihood, best, 1e-13)
    assert_near(fitted.model.initial, _stationary(*map(mpmath.mpf, point[:2])).initial)
