"""Parameters of dynamax."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter.emissions import (
    Autoregressive,
    Bernoulli,
    Categorical,
    Gamma,
    Gaussian,
    Mixture,
    Multinomial,
    Poisson,
    Regression,
)
from hmmfilter.exchange.parts import (
    chain_and_emission,
    channels_of,
    covariances_of,
    gaussian,
    library,
    means_of,
    numbers,
    of_channels,
)
from hmmfilter.model import HMM

PARTS_OF_PARAMS = "give the parameters that a model of dynamax was initialized or fitted with"
Told = tuple[str, dict[str, Any], dict[str, Any]]  # a class, its options, and parameters of its emission


def from_dynamax(params: Any, state_names: Sequence[str] | None = None) -> HMM:
    """Make a model of the parameters of one that dynamax has.

    Nothing is learnt or rounded. dynamax itself is not imported. Where it runs in single precision, as JAX does unless
    told otherwise, its probabilities sum to 1 within that, and are divided by their sums; what it says of observations
    then has some six digits.

    =============================================================  =====================================================
    dynamax                                                        here
    =============================================================  =====================================================
    ``CategoricalHMM``, ``PoissonHMM``, ``BernoulliHMM``           `hmmfilter.emissions.Categorical`, ``Poisson``,
                                                                   ``Bernoulli``; of several dimensions a ``Product``
    ``MultinomialHMM``                                             `hmmfilter.emissions.Multinomial` of any ``n``, which
                                                                   parameters do not tell
    ``GammaHMM``                                                   `hmmfilter.emissions.Gamma`
    ``GaussianHMM``, ``DiagonalGaussianHMM``,                      `hmmfilter.emissions.Gaussian` of the kinds "full",
    ``SphericalGaussianHMM``, ``SharedCovarianceGaussianHMM``      "variances", "spherical" and "tied"
    ``LowRankGaussianHMM``                                         the same of the kind "full"
    ``GaussianMixtureHMM``, ``DiagonalGaussianMixtureHMM``         `hmmfilter.emissions.Mixture` of Gaussian
    ``LinearRegressionHMM``, ``LogisticRegressionHMM``,            `hmmfilter.emissions.Regression`: what are ``inputs``
    ``CategoricalRegressionHMM``                                   there are ``covariates`` here
    ``LinearAutoregressiveHMM``                                    `hmmfilter.emissions.Autoregressive`
    =============================================================  =====================================================

    dynamax takes the numbers before the first one for 0, or as it is told; here the first ones are given, and tell
    nothing. Regressions of several dimensions can be said where these are independent, autoregressions of one only.

    Parameters
    ----------
    params : object
        What ``initialize`` or a fit returns: it has ``initial``, ``transitions`` and ``emissions``.
    state_names : list of str, optional
        K different names; dynamax has none.

    Returns
    -------
    HMM
        The model.

    Raises
    ------
    TypeError
        Where there is no such thing.
    ValueError
        Where no emission here says it.

    Examples
    --------
    Parameters are told by their names, whatever holds them:

    >>> from types import SimpleNamespace as Namespace
    >>> import hmmfilter as hf
    >>> params = Namespace(
    ...     initial=Namespace(probs=[0.5, 0.5]),
    ...     transitions=Namespace(transition_matrix=[[0.9, 0.1], [0.2, 0.8]]),
    ...     emissions=Namespace(rates=[[1.0], [5.0]]),
    ... )
    >>> hf.from_dynamax(params, ["calm", "busy"])
    HMM: 2 states, Poisson emission
      state  initial  to calm  to busy  rate
       calm   0.5000   0.9000   0.1000     1
       busy   0.5000   0.2000   0.8000     5
    """
    _checks.has_parts("params", params, ("initial", "transitions", "emissions"), PARTS_OF_PARAMS)
    _checks.has_parts("params.initial", params.initial, ("probs",), PARTS_OF_PARAMS)
    _checks.has_parts("params.transitions", params.transitions, ("transition_matrix",), PARTS_OF_PARAMS)
    own, kind = params.emissions, type(params).__name__
    for names, emission_of in EMISSIONS.items():
        if all(hasattr(own, name) for name in names):
            emission = emission_of(kind, *(numbers(getattr(own, name)) for name in names))
            return HMM(
                numbers(params.initial.probs), numbers(params.transitions.transition_matrix), emission, state_names
            )
    _checks.unknown_parameters("params.emissions", own, EMISSIONS)


def _probs(kind: str, probs: Any) -> Any:
    if probs.ndim == 2:
        return of_channels([Bernoulli(column) for column in probs.T])
    of = Multinomial if "Multinomial" in kind else Categorical
    return of_channels([of(probs[:, n]) for n in range(probs.shape[1])])


def _low_rank(kind: str, means: Any, diagonals: Any, factors: Any) -> Any:
    factors = np.asarray(factors, dtype=float)
    matrices = factors @ factors.swapaxes(1, 2) + diagonals[:, np.newaxis] * np.eye(means.shape[1])
    return gaussian(means, matrices, "full")


def _mixture(covariance_kind: str) -> Callable[..., Any]:
    def made(kind: str, weights: Any, means: Any, spread: Any) -> Any:
        spread = spread if covariance_kind == "full" else np.asarray(spread, dtype=float) ** 2
        parts = [gaussian(means[:, m], spread[:, m], covariance_kind) for m in range(weights.shape[1])]
        return Mixture(parts, weights)

    return made


def _linear(kind: str, weights: Any, biases: Any, covs: Any) -> Any:
    """Of each dimension by itself, which they must be."""
    n_dimensions = biases.shape[1]
    coefficients = np.concatenate([biases[:, :, np.newaxis], weights], axis=2)
    if "Autoregressive" in kind:
        if n_dimensions > 1:
            _checks.cannot_be_said("hmmfilter", f"an autoregression of {n_dimensions} dimensions", OWN_EMISSION)
        return Autoregressive(coefficients[:, 0], covs[:, 0, 0])
    if (covs * (1 - np.eye(n_dimensions))).any():
        _checks.cannot_be_said("hmmfilter", "a regression of dimensions that depend on each other", OWN_EMISSION)
    return of_channels([Regression(coefficients[:, n], covs[:, n, n]) for n in range(n_dimensions)])


def _logit(kind: str, weights: Any, biases: Any) -> Any:
    """Of several outcomes there is one more row there than log-odds here, which are against the first."""
    coefficients = np.concatenate([biases[..., np.newaxis], weights], axis=-1)
    if coefficients.ndim == 2:
        return Regression(coefficients, family="bernoulli")
    coefficients = np.asarray(coefficients, dtype=float)
    return Regression(coefficients[:, 1:] - coefficients[:, :1], family="categorical")


OWN_EMISSION = "give hmmfilter.HMM an emission of your own, as hmmfilter.emissions.Emission shows"
EMISSIONS: dict[tuple[str, ...], Callable[..., Any]] = {  # by the names of parameters, of which none begins another
    ("rates",): lambda kind, rates: of_channels([Poisson(column) for column in rates.T]),
    ("probs",): _probs,
    ("concentration", "rate"): lambda kind, shape, rate: Gamma(shape, 1 / np.asarray(rate, dtype=float)),
    ("weights", "means", "covs"): _mixture("full"),
    ("weights", "means", "scale_diags"): _mixture("variances"),
    ("means", "covs"): lambda kind, means, covs: gaussian(means, covs, "full"),
    ("means", "cov"): lambda kind, means, cov: gaussian(means, cov, "tied"),
    ("means", "scale_diags"): lambda kind, means, scales: gaussian(means, _squared(scales), "variances"),
    ("means", "scales"): lambda kind, means, scales: gaussian(means, _squared(scales), "spherical"),
    ("means", "cov_diag_factors", "cov_low_rank_factors"): _low_rank,
    ("weights", "biases", "covs"): _linear,
    ("weights", "biases"): _logit,
}


def _squared(scales: Any) -> Any:
    return np.asarray(scales, dtype=float) ** 2


def to_dynamax(model: HMM) -> tuple[Any, Any, Any]:
    """Make a model of dynamax, its parameters and their properties, that say the same as a model here.

    The three are what `dynamax` asks for: ``dynamax_model.smoother(params, observations)``, or ``fit_em(params,
    properties, observations)`` to learn from there. Observations are tables, (T, D), also where D is 1. JAX keeps
    parameters in single precision unless ``jax_enable_x64`` is set. dynamax must be installed.

    Parameters
    ----------
    model : HMM
        One whose chain moves by one matrix, without ends, and whose emission `from_dynamax` has in its table, with
        covariates that are all columns. Names are lost.

    Returns
    -------
    dynamax_model, params, properties
        As ``initialize`` of a model of dynamax returns the last two.

    Raises
    ------
    ValueError, TypeError
        Where dynamax has no such model.
    ImportError
        Where dynamax is not installed.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    >>> dynamax_model, params, properties = hf.to_dynamax(model)  # doctest: +SKIP
    >>> dynamax_model.smoother(params, [[0.0], [2.0], [7.0]]).smoothed_probs  # doctest: +SKIP
    Array([[0.9568, 0.0432],
           [0.684 , 0.316 ],
           [0.0043, 0.9957]], dtype=float32)
    """
    initial, transition, emission = chain_and_emission("dynamax", model)
    kind, options, parameters = _told(emission)
    made = getattr(library("dynamax", "dynamax.hidden_markov_model"), kind)(len(initial), **options)
    as_array = importlib.import_module("jax.numpy").asarray
    chain = {"initial_probs": as_array(initial), "transition_matrix": as_array(transition)}
    params, properties = made.initialize(**chain)  # which draws an emission
    own = {name: as_array(value) for name, value in parameters.items()}
    return made, params._replace(emissions=params.emissions._replace(**own)), properties


def _told(emission: Any) -> Told:
    """How dynamax says it."""
    for kind, as_channels in CHANNELS.items():
        channels = channels_of(emission, kind)
        told = None if channels is None else as_channels(channels)
        if told is not None:
            return told
    told = TOLD[type(emission)](emission) if type(emission) in TOLD else None
    if told is None:
        _checks.cannot_be_said(
            "dynamax", f"this {type(emission).__name__} emission", "hmmfilter.from_dynamax lists what it has"
        )
    return told


def _as_poisson(channels: list[Any]) -> Told | None:
    rates = np.column_stack([channel.rate for channel in channels])
    has_exposure = any(channel.exposure for channel in channels)
    return None if has_exposure else ("PoissonHMM", {"emission_dim": len(channels)}, {"rates": rates})


def _as_bernoulli(channels: list[Any]) -> Told:
    probs = np.column_stack([channel.probability for channel in channels])
    return "BernoulliHMM", {"emission_dim": len(channels)}, {"probs": probs}


def _as_categorical(channels: list[Any]) -> Told | None:
    """Of as many symbols in each channel."""
    n_symbols = {channel.probabilities.shape[1] for channel in channels}
    if len(n_symbols) > 1:
        return None
    options = {"emission_dim": len(channels), "num_classes": n_symbols.pop()}
    return "CategoricalHMM", options, {"probs": np.stack([channel.probabilities for channel in channels], axis=1)}


def _as_multinomial(channels: list[Any]) -> Told | None:
    """Of as many outcomes, and the same n, in each channel."""
    sizes = {(channel.n, channel.probabilities.shape[1]) for channel in channels}
    n, n_outcomes = sizes.pop()
    if sizes or n is None:
        return None
    options = {"emission_dim": len(channels), "num_classes": n_outcomes, "num_trials": n}
    return "MultinomialHMM", options, {"probs": np.stack([channel.probabilities for channel in channels], axis=1)}


def _as_gamma(emission: Gamma) -> Told:
    return "GammaHMM", {}, {"concentration": emission.shape, "rate": 1 / emission.scale}


def _as_gaussian(emission: Gaussian) -> Told:
    means, matrices = means_of(emission), covariances_of(emission)
    scales = np.sqrt(np.diagonal(matrices, axis1=1, axis2=2))
    kind, spread = {
        "full": ("GaussianHMM", {"covs": matrices}),
        "tied": ("SharedCovarianceGaussianHMM", {"cov": matrices[0]}),
        "variances": ("DiagonalGaussianHMM", {"scale_diags": scales}),
        "spherical": ("SphericalGaussianHMM", {"scales": scales[:, 0]}),
    }[emission.kind]
    return kind, {"emission_dim": means.shape[1]}, {"means": means, **spread}


def _as_mixture(emission: Mixture) -> Told | None:
    if not all(type(component) is Gaussian for component in emission.components):
        return None
    means = np.stack([means_of(component) for component in emission.components], axis=1)
    matrices = np.stack([covariances_of(component) for component in emission.components], axis=1)
    options = {"num_components": emission.n_components, "emission_dim": means.shape[2]}
    shared = {"weights": emission.weights, "means": means}
    if any(component.kind in ("full", "tied") for component in emission.components):
        return "GaussianMixtureHMM", options, {**shared, "covs": matrices}
    return (
        "DiagonalGaussianMixtureHMM",
        options,
        {
            **shared,
            "scale_diags": np.sqrt(np.diagonal(matrices, axis1=2, axis2=3)),
        },
    )


def _as_regression(emission: Regression) -> Told | None:
    """With a row of zeros for the outcome that all others are compared with."""
    table, family = emission.coefficients, emission.family
    options = {"input_dim": table.shape[-1] - 1}
    if emission.covariates is not None or family == "poisson":
        return None
    if family == "gaussian":
        parameters = {"weights": table[:, np.newaxis, 1:], "biases": table[:, :1], "covs": _matrices(emission.variance)}
        return "LinearRegressionHMM", {**options, "emission_dim": 1}, parameters
    if family == "categorical":
        table = np.concatenate([np.zeros_like(table[:, :1]), table], axis=1)
        options["num_classes"] = table.shape[1]
    kind = "CategoricalRegressionHMM" if family == "categorical" else "LogisticRegressionHMM"
    return kind, options, {"weights": table[..., 1:], "biases": table[..., 0]}


def _as_autoregression(emission: Autoregressive) -> Told | None:
    table, order = emission.coefficients, emission.order
    if table.shape[1] > order + 1:
        return None
    parameters = {"weights": table[:, np.newaxis, 1:], "biases": table[:, :1], "covs": _matrices(emission.variance)}
    return "LinearAutoregressiveHMM", {"emission_dim": 1, "num_lags": order}, parameters


def _matrices(variances: Any) -> Any:
    return variances[:, np.newaxis, np.newaxis]


CHANNELS: dict[type, Callable[[list[Any]], Told | None]] = {
    Bernoulli: _as_bernoulli,
    Categorical: _as_categorical,
    Multinomial: _as_multinomial,
    Poisson: _as_poisson,
}
TOLD: dict[type, Callable[[Any], Told | None]] = {
    Autoregressive: _as_autoregression,
    Gamma: _as_gamma,
    Gaussian: _as_gaussian,
    Mixture: _as_mixture,
    Regression: _as_regression,
}
