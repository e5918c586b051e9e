"""SciPy's distributions: the frozen ones and the later ones, where their densities fail, and what is known of them."""

import json
import pickle
import re

import mpmath
import numpy as np
import pytest
from scipy import stats

import hmmfilter as hf
from hmmfilter.emissions import FromScipy
from hmmfilter.emissions.scipy_distributions import parameters

NORM = stats.norm()
needs_later = pytest.mark.skipif(not hasattr(stats, "Mixture"), reason="SciPy has these from 1.15 on")


def later(build):
    """What SciPy has from 1.15 on, or None."""
    return build() if hasattr(stats, "Mixture") else None


def model_of(*distributions):
    n = len(distributions)
    return hf.HMM(np.full(n, 1 / n), np.full((n, n), 1 / n), FromScipy(list(distributions)))


REFUSED = [
    ([], TypeError, "distributions must be a list of one distribution for each state, got []"),
    (
        [3],
        TypeError,
        "distributions[0] must be a frozen univariate distribution of scipy.stats, such as scipy.stats.norm(0, 1), "
        "or one such as scipy.stats.Normal(), got 3",
    ),
    (
        [NORM, stats.norm(0, -1)],
        ValueError,
        "distributions[1] must have valid single numbers for parameters, got norm of (0, -1)",
    ),
    (
        [stats.norm([0, 1])],
        ValueError,
        "distributions[0] must have valid single numbers for parameters, got norm of ([0, 1],)",
    ),
    ([NORM, stats.poisson(1)], ValueError, "distributions must be all continuous or all discrete, got some of each"),
]


@pytest.mark.parametrize(("distributions", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_other_distributions_are_refused(distributions, error, message):
    with pytest.raises(error) as caught:
        FromScipy(distributions)
    assert str(caught.value) == message


UNDERFLOWN = [
    (stats.laplace(), 800.0, "laplace()"),
    (stats.laplace(3.0, scale=2.0), -2000.0, "laplace(3, scale=2)"),
    (stats.hypsecant(), 800.0, "hypsecant()"),
    (stats.rice(1.0), 45.0, "rice(1)"),
    (stats.levy(), 1e-4, "levy()"),
    (stats.foldcauchy(1.0), 1e200, "foldcauchy(1)"),
    (stats.dlaplace(1.0), 800, "dlaplace(1)"),
]


@pytest.mark.parametrize(("distribution", "x", "name"), UNDERFLOWN, ids=[name for *_, name in UNDERFLOWN])
def test_a_density_that_underflows_is_no_impossible_evidence(distribution, x, name):
    model = model_of(stats.poisson(5.0) if isinstance(x, int) else stats.gamma(2.0), distribution)
    message = (
        f"observations[1] must have a density that SciPy can compute, got {float(x)!r}, for which that of {name} "
        "in state 1 fails: it is above 0, and underflows"
    )
    for door in (
        model.log_likelihood,
        model.filter,
        lambda seen: model.smooth(seen, impossible="mark"),
        lambda seen: model.online().observe(seen[1]),
    ):
        with pytest.raises(ValueError, match=re.escape(message[15:])) as caught:
            door([1, x, None])
        assert not isinstance(caught.value, hf.ImpossibleEvidenceError)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        model.emission.log_likelihoods([1, x, None])
    assert caught.value.index == (1,)


HISTOGRAM = stats.rv_histogram((np.array([0, 2, 0, 1, 0]), np.arange(6)), density=False)

# Observations that a distribution rightly has no probability for.
IMPOSSIBLE = [
    (stats.gamma(2.0), [-1.0, 0.0]),
    (stats.uniform(), [-0.5, 1.5]),
    (stats.dweibull(2.0), [0.0]),
    (HISTOGRAM(), [0.5, 2.5, 4.5, 7.0]),
    (stats.rv_discrete(values=([0, 1, 3, 4], [0.0, 0.5, 0.5, 0.0]))(), [-1, 0, 2, 4]),
    (stats.binom(5, 0.0), [1, 5, 6]),
    (stats.binom(5, 1.0), [0, 4]),
    (stats.bernoulli(1.0), [0]),
    (stats.poisson(0.0), [1, 10**6]),
    (stats.geom(1.0), [2, 0]),
    (stats.poisson(2.0), [-1]),
]


@pytest.mark.parametrize(("distribution", "x"), IMPOSSIBLE, ids=[each.dist.name for each, _ in IMPOSSIBLE])
def test_a_density_of_zero_may_be_right(distribution, x):
    assert FromScipy([distribution]).log_likelihoods(x).tolist() == [[-np.inf]] * len(x)
    with pytest.raises(hf.ImpossibleEvidenceError):
        model_of(distribution).filter(x)


@needs_later
def test_a_gap_of_a_mixture_is_right():
    gap = later(lambda: stats.Mixture([stats.Uniform(a=0.0, b=1.0), stats.Uniform(a=2.0, b=3.0)]))
    assert FromScipy([gap]).log_likelihoods([1.5, 7.0]).tolist() == [[-np.inf], [-np.inf]]


class Gap(stats.rv_continuous):
    """Nothing between two blocks, of which only the density is told; it counts how often it is asked for."""

    asked = 0

    def _pdf(self, x):
        type(self).asked += np.size(x)
        return np.where((np.abs(x) > 1) & (np.abs(x) < 3), 0.25, 0.0)


def test_a_gap_of_ones_own_is_right_and_soon_told():
    Gap.asked = 0
    table = FromScipy([Gap(a=-3.0, b=3.0)()]).log_likelihoods(np.linspace(-0.9, 0.9, 5000))
    assert (table == -np.inf).all()
    assert 5000 <= Gap.asked < 20_000  # an integral for each of them would take a hundred times as many


def test_a_pole_is_reported_where_it_is():
    message = "observations[2] must be at no pole, got 0.0, where the density of gamma(0.5) in state 1 is infinite"
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        model_of(NORM, stats.gamma(0.5)).log_likelihood([1.0, None, 0.0])
    assert caught.value.index == (2,)


class NotANumber(stats.rv_continuous):
    def _logpdf(self, x):
        return np.full_like(x, np.nan)


def test_a_density_that_is_no_number_is_reported_where_it_is():
    message = "observations[0] must have a density, got 1.0, for which SciPy finds none for odd() in state 0 but nan"
    with pytest.raises(ValueError, match=re.escape(message)):
        model_of(NotANumber(name="odd")()).log_likelihood([1.0])


def test_a_picture_shows_densities_that_fail_far_out():
    pytest.importorskip("matplotlib")
    model_of(stats.laplace(), stats.laplace(1e4)).plot()


class Bell(stats.rv_continuous):
    """The normal distribution, of which only the density is told."""

    def _pdf(self, x):
        return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


class Tail(stats.rv_continuous):
    """A density that has a mean for an exponent below −2, and a variance below −3."""

    def _pdf(self, x, power):
        return (power - 1) * x**-power


class Slow(stats.rv_continuous):
    """A density that counts how often it is asked for."""

    asked = 0

    def _pdf(self, x):
        type(self).asked += np.size(x)
        return np.where(np.sin(1 / np.where(x == 0, 1, x)) > 0, 1.0, 0.5)  # which no integral finds its way through


class Power(stats.rv_continuous):
    """A density with two parameters that must not be taken for each other."""

    def _pdf(self, x, power, top):
        return (power + 1) * x**power / top ** (power + 1)

    def _get_support(self, power, top):
        return 0.0, top


class Partly(stats.rv_continuous):
    """The exponential distribution, of which the mean is told and the variance is not."""

    def _pdf(self, x):
        return np.exp(-x)

    def _stats(self):
        return 1.0, None, None, None


class Wholly(Partly):
    def _stats(self):
        return 1.0, 1.0, None, None


class ByPowers(Partly):
    def _munp(self, n):
        return {1: 1.0, 2: 2.0}[n]


def moment(power, density, bounds):
    """A moment by mpmath, of a density that need not be normalised."""
    total = mpmath.quad(density, bounds)
    return float(mpmath.quad(lambda x: x**power * density(x), bounds) / total)


def gompertz(x):
    return mpmath.exp(x - mpmath.expm1(x))


NAN = np.nan
INTEGRATED = [
    (Bell()(), 0.0, 1.0),
    (Bell()(1e9, scale=2.0), 1e9, 4.0),
    (Partly(a=0.0)(scale=3.0), 3.0, 9.0),
    (Wholly(a=0.0)(), 1.0, 1.0),
    (ByPowers(a=0.0)(), 1.0, 1.0),
    (Tail(a=1.0)(power=4.5), 1.4, 7 / 3 - 1.4**2),
    (Tail(a=1.0)(power=2.5), 3.0, NAN),
    (Tail(a=1.0)(power=1.5), NAN, NAN),
    (Power()(top=3.0, power=1.0), 2.0, 0.5),
    (Bell(a=0.0)(), NAN, NAN),  # half of a bell is no density
    (stats.vonmises_line(2.0), 0.0, moment(2, lambda x: mpmath.exp(2 * mpmath.cos(x)), [-mpmath.pi, mpmath.pi])),
    (stats.vonmises_line(1e4), 0.0, 1.0000500054e-4),
    (stats.vonmises(2.0), NAN, NAN),  # of angles: as a density of numbers it has no end
    (stats.gompertz(1.0), moment(1, gompertz, [0, 5]), moment(2, gompertz, [0, 5]) - moment(1, gompertz, [0, 5]) ** 2),
]


@pytest.mark.parametrize(("distribution", "mean", "variance"), INTEGRATED, ids=range(len(INTEGRATED)))
def test_moments_that_nobody_states_are_integrated(distribution, mean, variance):
    forecast = model_of(distribution).forecast([None], 1)
    np.testing.assert_allclose(forecast.mean, [mean], rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(forecast.variance, [variance], rtol=1e-7)


def test_the_effort_for_moments_is_bounded():
    Slow.asked = 0
    assert np.isnan(FromScipy([Slow(a=0.0, b=1.0)()]).moments()).all()
    assert 0 < Slow.asked < 20_000


LATER = {
    "Normal": lambda: (stats.Normal(mu=1.0, sigma=2.0), stats.norm(1.0, 2.0)),
    "standard": lambda: (stats.Normal(), stats.norm()),
    "Uniform": lambda: (stats.Uniform(a=0.0, b=4.0), stats.uniform(0.0, 4.0)),
    "made": lambda: (stats.make_distribution(stats.gamma)(a=2.0), stats.gamma(2.0)),
    "transformed": lambda: (stats.exp(stats.Normal(mu=0.0, sigma=1.0)), stats.lognorm(1.0)),
    "Mixture": lambda: (
        stats.Mixture([stats.Normal(mu=1.0, sigma=2.0), stats.Normal(mu=1.0, sigma=2.0)], weights=[0.3, 0.7]),
        stats.norm(1.0, 2.0),
    ),
}


@needs_later
@pytest.mark.parametrize("name", LATER)
def test_the_later_distributions_are_as_good_as_the_frozen_ones(name):
    one, frozen = LATER[name]()
    emission, same = FromScipy([one, one]), FromScipy([frozen, frozen])
    x = [0.5, None, 3.25]
    np.testing.assert_allclose(emission.log_likelihoods(x), same.log_likelihoods(x), rtol=1e-13)
    np.testing.assert_allclose(emission.moments(), same.moments(), rtol=1e-8)
    states = np.repeat([0, 1], 20_000)
    drawn = emission.sample(states, 3)
    assert np.array_equal(drawn, emission.sample(states, np.random.default_rng(3)))
    mean, variance = same.moments()
    assert np.abs(drawn.mean() - mean[0]) < 5 * np.sqrt(variance[0] / len(drawn))
    assert len(emission.sample([0, 0], 3)) == 2
    assert model_of(one, frozen).simulate(5, rng=0)[1].shape == (5,)


@needs_later
def test_later_discrete_distributions():
    for one, frozen in (
        (stats.make_distribution(stats.poisson)(mu=3.0), stats.poisson(3.0)),
        *([(stats.Binomial(n=5, p=0.3), stats.binom(5, 0.3))] if hasattr(stats, "Binomial") else []),
    ):
        counts = [0, 2, None, 5]
        np.testing.assert_allclose(
            FromScipy([one]).log_likelihoods(counts), FromScipy([frozen]).log_likelihoods(counts), rtol=1e-13
        )
        with pytest.raises(ValueError, match=r"observations\[0\] must be a whole number"):
            FromScipy([one]).log_likelihoods([0.5])
        assert FromScipy([one]).log_likelihoods([-1]).tolist() == [[-np.inf]]
        with pytest.raises(ValueError, match="all continuous or all discrete"):
            FromScipy([one, NORM])


@needs_later
@pytest.mark.parametrize(
    "build",
    [lambda: stats.Normal(mu=[0.0, 1.0], sigma=1.0), lambda: stats.Normal(mu=0.0, sigma=-1.0)],
    ids=["several", "invalid"],
)
def test_later_distributions_have_valid_single_parameters(build):
    with pytest.raises(
        ValueError, match=r"distributions\[0\] must have valid single numbers for parameters, got Normal"
    ):
        FromScipy([build()])
    with pytest.raises(TypeError, match=r"distributions\[0\] must be a frozen univariate distribution"):
        FromScipy([stats.Normal])


@needs_later
@pytest.mark.parametrize("name", ["Normal", "standard", "Uniform", "Mixture"])
def test_later_distributions_survive_a_file(name, tmp_path):
    model = model_of(LATER[name]()[0], stats.norm(1 / 3))
    path = tmp_path / "model.json"
    model.to_json(path)
    twin = hf.HMM.from_json(path)
    assert twin == model
    assert hash(twin) == hash(model)
    assert twin != model_of(stats.norm(1 / 3), stats.norm(1 / 3))
    twin.to_json(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


@needs_later
@pytest.mark.parametrize("name", ["made", "transformed"])
def test_what_scipy_has_no_name_for_is_not_written(name, tmp_path):
    made = LATER[name]()[0]
    for one in (made, stats.Mixture([stats.Normal(), made])):
        with pytest.raises(TypeError, match=r"must be one of scipy\.stats to be written as JSON, got '"):
            model_of(one).to_json(tmp_path / "model.json")
    assert not list(tmp_path.iterdir())


@needs_later
@pytest.mark.parametrize(
    ("distribution", "message"),
    [
        ({"name": "Mixture", "components": [], "weights": []}, "holds no valid model"),
        ({"name": "Mixture", "components": {}, "weights": []}, "components must be a JSON array, got dict"),
        ({"name": "Mixture", "components": [{"name": "norm"}], "weights": [1]}, "a distribution must have the keys"),
        ({"name": "Mixture", "components": ["norm"], "weights": [1]}, "a distribution must be a JSON object, got str"),
        ({"name": "Mixture", "args": [], "kwds": {}}, "a mixture must have the keys"),
        ({"name": "Normal", "args": [1.0], "kwds": {}}, "holds no valid model"),
        ({"name": "Normal", "args": [], "kwds": {"mu": [0.0], "sigma": 1.0}}, "kwds must"),
        ({"name": "Normal", "args": [], "kwds": {"mu": 0.0, "sigma": -1.0}}, "valid single numbers"),
        ({"name": "rv_continuous", "args": [], "kwds": {}}, "the name of a distribution must be one of"),
    ],
)
def test_a_broken_later_distribution_in_a_file(distribution, message, tmp_path):
    path = tmp_path / "model.json"
    model_of(NORM).to_json(path)
    document = json.loads(path.read_text())
    document["emission"]["distributions"] = [distribution]
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=re.escape(message)):
        hf.HMM.from_json(path)


MINE = Bell(name="mine")()


def test_distributions_are_compared_by_name_and_parameters():
    one = FromScipy([stats.gamma(2, scale=3), stats.norm()])
    for same in (
        FromScipy([stats.gamma(a=2.0, loc=0, scale=3.0), stats.norm(0, 1)]),
        FromScipy((stats.gamma(2, 0, 3), stats.norm(scale=1))),
        pickle.loads(pickle.dumps(one)),
    ):
        assert one == same
        assert hash(one) == hash(same)
    for other in (
        FromScipy([stats.gamma(2, scale=2), stats.norm()]),
        FromScipy([stats.norm(), stats.gamma(2, scale=3)]),
        FromScipy([stats.gamma(2, scale=3)]),
        FromScipy([stats.gamma(2, scale=3), MINE]),
    ):
        assert one != other
    assert FromScipy([MINE]) == FromScipy([MINE])
    assert FromScipy([MINE]) != FromScipy([Bell(name="mine")()])
    assert FromScipy([HISTOGRAM()]) != FromScipy([HISTOGRAM()])
    assert FromScipy([stats.beta(b=2, a=3)]) == FromScipy([stats.beta(3, 2)])
    assert parameters(stats.gamma(2, 0, 3)) == {"loc": 0, "scale": 3, "a": 2}


def test_an_emission_prints_all_digits():
    emission = FromScipy([stats.gamma(1 / 3, scale=3), MINE])
    assert repr(emission) == "FromScipy([gamma(0.3333333333333333, scale=3), mine()])"


def test_a_model_shows_its_distributions():
    model = hf.HMM([1.0, 0.0], np.eye(2), FromScipy([stats.gamma(1 / 3, scale=3), MINE]), ["wet", "dry"])
    assert repr(model) == (
        "HMM: 2 states, FromScipy emission\n"
        "  state  initial  to wet  to dry             distribution\n"
        "    wet   1.0000  1.0000  0.0000  gamma(0.33333, scale=3)\n"
        "    dry   0.0000  0.0000  1.0000                   mine()"
    )


@needs_later
def test_a_model_shows_its_later_distributions():
    mixture = stats.Mixture([stats.Normal(), stats.Normal(mu=1.0, sigma=2.0)], weights=[0.25, 0.75])
    lines = repr(model_of(mixture, stats.exp(stats.Normal(mu=0.0, sigma=1.0)))).split("\n")
    assert lines[2].endswith(" Mixture(0.25 Normal(), 0.75 Normal(mu=1, sigma=2))")
    assert lines[3].endswith(" exp(Normal(mu=0.0, sigma=1.0))")
