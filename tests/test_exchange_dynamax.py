"""Parameters of dynamax: theirs and ours say the same of observations, and what cannot be said is refused."""

import sys
import warnings
from types import SimpleNamespace as Namespace

import numpy as np
import pytest

import hmmfilter as hf
from tests.conftest import needs_compiled

with warnings.catch_warnings():  # of TensorFlow Probability, about JAX
    warnings.simplefilter("ignore")
    dynamax = pytest.importorskip("dynamax.hidden_markov_model")
    from dynamax.hidden_markov_model.models.initial import ParamsStandardHMMInitialState
    from dynamax.hidden_markov_model.models.transitions import ParamsStandardHMMTransitions
jax = pytest.importorskip("jax")

SINGLE = {"rtol": 2e-4, "atol": 2e-5}  # what dynamax says in single precision
HALF_OF_SINGLE = {"rtol": 1e-6, "atol": 1e-7}  # its parameters, there and back
START, MOVES = np.array([0.6, 0.3, 0.1]), np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.0, 0.3, 0.7]])
SETTLED = hf.stationary_distribution(MOVES)
RNG = np.random.default_rng(5)
MEANS = np.array([[0.0, 1.0], [3.0, 0.0], [-2.0, -1.0]])
TILTED = np.array([[1.0, 0.3], [0.3, 0.5]])
MATRICES = np.stack([TILTED, TILTED * 2, np.eye(2)])
SCALES = np.array([[1.0, 1.5], [0.7, 0.5], [2.0, 1.0]])
RATES = np.array([[1.0, 3.0], [2.0, 0.5], [6.0, 6.0]])
WEIGHTS = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
TABLES = RNG.dirichlet(np.ones(4), (3, 2))
SLOPES = RNG.normal(size=(3, 2))
T = 40
VECTORS, INPUTS = RNG.normal(size=(T, 2)), RNG.normal(size=(T, 2))
SYMBOLS, COUNTS, OUTCOMES = RNG.integers(0, 4, (T, 2)), RNG.poisson(2.0, (T, 2)), RNG.integers(0, 2, (T, 2))
ROWS = RNG.multinomial(7, np.full(4, 0.25), (T, 2))

OTHER_MEANS = np.stack([MEANS, MEANS + 1], axis=1)
CASES = {  # the class, its options, parameters of its emission, observations, and inputs
    "CategoricalHMM": ({"emission_dim": 2, "num_classes": 4}, {"probs": TABLES}, SYMBOLS, None),
    "one CategoricalHMM": ({"emission_dim": 1, "num_classes": 4}, {"probs": TABLES[:, :1]}, SYMBOLS[:, :1], None),
    "PoissonHMM": ({"emission_dim": 2}, {"rates": RATES}, COUNTS, None),
    "one PoissonHMM": ({"emission_dim": 1}, {"rates": RATES[:, :1]}, COUNTS[:, :1], None),
    "BernoulliHMM": ({"emission_dim": 2}, {"probs": WEIGHTS}, OUTCOMES, None),
    "one BernoulliHMM": ({"emission_dim": 1}, {"probs": WEIGHTS[:, :1]}, OUTCOMES[:, :1], None),
    "MultinomialHMM": (
        {"emission_dim": 2, "num_classes": 4, "num_trials": 7},
        {"probs": TABLES},
        ROWS,
        None,
    ),
    "GammaHMM": ({}, {"concentration": RATES[:, 0], "rate": SCALES[:, 0]}, COUNTS[:, 0] + 0.5, None),
    "GaussianHMM": ({"emission_dim": 2}, {"means": MEANS, "covs": MATRICES}, VECTORS, None),
    "DiagonalGaussianHMM": ({"emission_dim": 2}, {"means": MEANS, "scale_diags": SCALES}, VECTORS, None),
    "one DiagonalGaussianHMM": (
        {"emission_dim": 1},
        {"means": MEANS[:, :1], "scale_diags": SCALES[:, :1]},
        VECTORS[:, :1],
        None,
    ),
    "SphericalGaussianHMM": ({"emission_dim": 2}, {"means": MEANS, "scales": SCALES[:, 0]}, VECTORS, None),
    "SharedCovarianceGaussianHMM": ({"emission_dim": 2}, {"means": MEANS, "cov": TILTED}, VECTORS, None),
    "LowRankGaussianHMM": (
        {"emission_dim": 2, "emission_rank": 1},
        {"means": MEANS, "cov_diag_factors": SCALES, "cov_low_rank_factors": MEANS[:, :, None]},
        VECTORS,
        None,
    ),
    "GaussianMixtureHMM": (
        {"num_components": 2, "emission_dim": 2},
        {"weights": WEIGHTS, "means": OTHER_MEANS, "covs": np.stack([MATRICES, MATRICES[::-1]], axis=1)},
        VECTORS,
        None,
    ),
    "DiagonalGaussianMixtureHMM": (
        {"num_components": 2, "emission_dim": 2},
        {"weights": WEIGHTS, "means": OTHER_MEANS, "scale_diags": np.stack([SCALES, SCALES[::-1]], axis=1)},
        VECTORS,
        None,
    ),
    "LinearRegressionHMM": (
        {"input_dim": 2, "emission_dim": 1},
        {"weights": SLOPES[:, None], "biases": MEANS[:, :1], "covs": SCALES[:, :1, None]},
        VECTORS[:, :1],
        INPUTS,
    ),
    "two LinearRegressionHMM": (
        {"input_dim": 2, "emission_dim": 2},
        {
            "weights": np.stack([SLOPES, SLOPES[::-1]], axis=1),
            "biases": MEANS,
            "covs": SCALES[:, :, None] * np.eye(2),
        },
        VECTORS,
        INPUTS,
    ),
    "LogisticRegressionHMM": ({"input_dim": 2}, {"weights": SLOPES, "biases": MEANS[:, 0]}, OUTCOMES[:, 0], INPUTS),
    "CategoricalRegressionHMM": (
        {"num_classes": 4, "input_dim": 2},
        {"weights": RNG.normal(size=(3, 4, 2)), "biases": RNG.normal(size=(3, 4))},
        SYMBOLS[:, 0],
        INPUTS,
    ),
}


def theirs(case):
    """The model and its parameters."""
    options, values, *_ = CASES[case]
    kind = case.split()[-1]
    return getattr(dynamax, kind)(3, **options), params_of(kind, START, values)


def class_of(name, kind):
    return getattr(sys.modules[getattr(dynamax, kind).__module__], name, None)


def params_of(kind, start, values, moves=MOVES):
    """Parameters as its models have them, without the drawing of a first guess, which takes seconds."""
    as_array = jax.numpy.asarray
    return class_of(f"Params{kind}", kind)(
        ParamsStandardHMMInitialState(as_array(start)),
        ParamsStandardHMMTransitions(as_array(moves)),
        emissions_of(kind)(**{name: as_array(value) for name, value in values.items()}),
    )


def emissions_of(kind):
    return class_of(f"Params{kind}Emissions", kind) or class_of("ParamsLinearRegressionHMMEmissions", kind)


@pytest.fixture
def no_guess(monkeypatch):
    """Let all models begin with zeros."""

    def initialize(made, initial_probs, transition_matrix):
        kind = type(made).__name__
        emissions = dict.fromkeys(emissions_of(kind)._fields, 0.0)
        return params_of(kind, initial_probs, emissions, transition_matrix), "properties"

    for kind in {case.split()[-1] for case in CASES} | {"LinearAutoregressiveHMM"}:
        monkeypatch.setattr(getattr(dynamax, kind), "initialize", initialize)


COSTLY = ("GaussianMixtureHMM", "LowRankGaussianHMM", "CategoricalRegressionHMM")
COMPARED = [  # of one dimension, these go the way of several
    pytest.param(case, marks=needs_compiled if case in COSTLY else ())
    for case in CASES
    if case not in ("one CategoricalHMM", "one PoissonHMM", "one BernoulliHMM")
]


@pytest.mark.parametrize("case", COMPARED)
def test_both_say_the_same(case):
    made, params = theirs(case)
    _, _, observations, inputs = CASES[case]
    model = hf.from_dynamax(params, ["a", "b", "c"])
    assert model.state_names == ("a", "b", "c")
    rows = observations.reshape(T, -1)
    posterior = jax.jit(made.smoother)(params, jax.numpy.asarray(observations), inputs)
    smoothed = model.smooth(rows if rows.shape[1] > 1 else rows[:, 0], covariates=inputs)
    np.testing.assert_allclose(smoothed.probabilities, posterior.smoothed_probs, **SINGLE)
    np.testing.assert_allclose(smoothed.log_likelihood, posterior.marginal_loglik, **SINGLE)


@pytest.mark.usefixtures("no_guess")
@pytest.mark.parametrize(
    "case", sorted(set(CASES) - {"LowRankGaussianHMM", "two LinearRegressionHMM", "MultinomialHMM"})
)
def test_back_are_the_same_parameters(case):
    _, params = theirs(case)
    model = hf.from_dynamax(params)
    made, back, properties = hf.to_dynamax(model)
    assert type(made).__name__ == case.split()[-1]
    assert type(back) is type(params)
    assert properties == "properties"
    np.testing.assert_allclose(back.initial.probs, params.initial.probs, **HALF_OF_SINGLE)
    np.testing.assert_allclose(back.transitions.transition_matrix, params.transitions.transition_matrix)
    own = params.emissions
    if case == "CategoricalRegressionHMM":  # only differences of these count
        own = own._replace(weights=own.weights - own.weights[:, :1], biases=own.biases - own.biases[:, :1])
    for name, value in own._asdict().items():
        np.testing.assert_allclose(getattr(back.emissions, name), value, **HALF_OF_SINGLE)


@needs_compiled  # in JAX all the same: its first guess takes seconds
def test_a_model_of_dynamax_learns_from_there():
    model = hf.HMM(START, MOVES, hf.emissions.Regression(SLOPES, SCALES[:, 0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made, params, properties = hf.to_dynamax(model)
    assert properties.emissions.weights.trainable
    assert made.emission_shape == (1,)
    again = hf.from_dynamax(params)
    np.testing.assert_allclose(again.emission.coefficients, SLOPES, **HALF_OF_SINGLE)
    np.testing.assert_allclose(again.transition, model.transition, **HALF_OF_SINGLE)


def test_double_precision_keeps_all_digits(no_guess):
    emission = hf.emissions.Mixture(
        [hf.emissions.Gaussian(MEANS, TILTED, "tied"), hf.emissions.Gaussian(MEANS, SCALES)], WEIGHTS
    )
    with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        made, params, _ = hf.to_dynamax(hf.HMM(START, MOVES, emission))
        assert type(made).__name__ == "GaussianMixtureHMM"
        again = hf.from_dynamax(params)
    np.testing.assert_array_equal(again.initial, START)
    np.testing.assert_array_equal(again.emission.weights, WEIGHTS)
    np.testing.assert_array_equal(again.emission.components[0].covariance, [TILTED] * 3)
    rows = again.emission.log_likelihoods(VECTORS)
    np.testing.assert_allclose(rows, emission.log_likelihoods(VECTORS), rtol=1e-14)  # roots of variances, squared


def test_low_rank_covariances_are_full():
    emission = hf.from_dynamax(theirs("LowRankGaussianHMM")[1]).emission
    assert emission.kind == "full"
    expected = [np.diag(own) + np.outer(factor, factor) for own, factor in zip(SCALES, MEANS, strict=True)]
    np.testing.assert_allclose(emission.covariance, expected, **HALF_OF_SINGLE)


@pytest.mark.usefixtures("no_guess")
def test_multinomial_says_n_on_the_way_there():
    emission = hf.emissions.Product([hf.emissions.Multinomial(TABLES[:, c], 7) for c in range(2)])
    made, params, _ = hf.to_dynamax(hf.HMM(START, MOVES, emission))
    assert made.emission_component.num_trials == 7
    np.testing.assert_allclose(params.emissions.probs, TABLES, **HALF_OF_SINGLE)


def test_autoregressions_agree_once_the_first_numbers_are_given(no_guess):
    """dynamax takes those before the first for 0; with these as the first, a chain that has settled is the same."""
    weights, biases, variances = SLOPES[:, None] / 3, MEANS[:, :1], SCALES[:, :1, None]
    values = {"weights": weights, "biases": biases, "covs": variances}
    made, params = dynamax.LinearAutoregressiveHMM(3, 1, 2), params_of("LinearAutoregressiveHMM", SETTLED, values)
    numbers = VECTORS[:, :1]
    posterior = made.smoother(params, numbers, made.compute_inputs(numbers))
    model = hf.from_dynamax(params)
    assert model.emission.order == 2
    smoothed = model.smooth(np.concatenate([np.zeros(2), numbers[:, 0]]))
    np.testing.assert_allclose(smoothed.probabilities[2:], posterior.smoothed_probs, **SINGLE)
    np.testing.assert_allclose(smoothed.log_likelihood, posterior.marginal_loglik, **SINGLE)
    back, again, _ = hf.to_dynamax(model)
    assert back.num_lags == 2
    np.testing.assert_allclose(again.emissions.weights, params.emissions.weights, **HALF_OF_SINGLE)


OWN = "give hmmfilter.HMM an emission of your own, as hmmfilter.emissions.Emission shows"


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (
            "LinearAutoregressiveHMM",
            {"weights": np.zeros((3, 2, 2)), "biases": MEANS, "covs": MATRICES},
            f"hmmfilter cannot say an autoregression of 2 dimensions: {OWN}",
        ),
        (
            "LinearRegressionHMM",
            {"weights": np.zeros((3, 2, 1)), "biases": MEANS, "covs": MATRICES},
            f"hmmfilter cannot say a regression of dimensions that depend on each other: {OWN}",
        ),
    ],
)
def test_what_cannot_be_said_here_is_refused(kind, values, message):
    with pytest.raises(ValueError, match="cannot say") as caught:
        hf.from_dynamax(params_of(kind, START, values))
    assert str(caught.value) == message


def test_what_are_no_parameters_is_refused():
    way = "give the parameters that a model of dynamax was initialized or fitted with"
    chain = {"initial": Namespace(probs=[1.0]), "transitions": Namespace(transition_matrix=[[1.0]])}
    with pytest.raises(TypeError, match=f"params must have initial, got GaussianHMM without it: {way}"):
        hf.from_dynamax(dynamax.GaussianHMM(2, 1))
    with pytest.raises(TypeError, match=r"params\.initial must have probs, got SimpleNamespace without it"):
        hf.from_dynamax(Namespace(initial=Namespace(), transitions=3, emissions=3))
    with pytest.raises(
        TypeError, match=r"params\.transitions must have transition_matrix, got SimpleNamespace without it"
    ):
        hf.from_dynamax(Namespace(**{**chain, "transitions": Namespace()}, emissions=3))
    with pytest.raises(TypeError, match=r"params\.emissions must have one of these sets .* \(rates\), .*; got a, b$"):
        hf.from_dynamax(Namespace(**chain, emissions=Namespace(b=1, a=2)))


def product(*channels):
    return hf.emissions.Product(list(channels))


@pytest.mark.parametrize(
    "emission",
    [
        hf.emissions.Poisson(RATES[:, 0], exposure=True),
        hf.emissions.Exponential(RATES[:, 0]),
        hf.emissions.Multinomial(TABLES[:, 0]),
        product(hf.emissions.Multinomial(TABLES[:, 0], 7), hf.emissions.Multinomial(TABLES[:, 0], 8)),
        product(hf.emissions.Categorical(TABLES[:, 0]), hf.emissions.Categorical(WEIGHTS)),
        product(hf.emissions.Categorical(TABLES[:, 0]), hf.emissions.Poisson(RATES[:, 0])),
        hf.emissions.Mixture([hf.emissions.Poisson(RATES[:, 0])], [[1.0]] * 3),
        hf.emissions.Regression(SLOPES, SCALES[:, 0], covariates=["heat"]),
        hf.emissions.Regression(SLOPES, family="poisson"),
        hf.emissions.Autoregressive(np.zeros((3, 3)), SCALES[:, 0], 1),
    ],
    ids=lambda emission: type(emission).__name__,
)
def test_emissions_that_dynamax_has_not_are_refused(emission):
    with pytest.raises(ValueError, match="dynamax cannot say") as caught:
        hf.to_dynamax(hf.HMM(START, MOVES, emission))
    name = type(emission).__name__
    assert str(caught.value) == f"dynamax cannot say this {name} emission: hmmfilter.from_dynamax lists what it has"
