"""Models of hmmlearn, and of whatever has the same attributes, as `hmmfilter.sklearn`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter.emissions import Bernoulli, Categorical, Gaussian, Mixture, Multinomial, Poisson
from hmmfilter.exchange.parts import (
    chain_and_emission,
    channels_of,
    covariances_of,
    gaussian,
    library,
    means_of,
    numbers,
)
from hmmfilter.model import HMM

FIT_FIRST = "fit it, or set it"
HOOKS = ("_compute_log_likelihood", "_compute_likelihood")
Told = tuple[str, dict[str, Any], dict[str, Any], int]  # a class, its options and attributes, and how many features
KINDS = {"full": "full", "diag": "variances", "spherical": "spherical", "tied": "tied"}  # by covariance_type


def from_hmmlearn(estimator: Any, state_names: Sequence[str] | None = None) -> HMM:
    """Make a model of one that hmmlearn has, fitted or with attributes that were set.

    Nothing is learnt or rounded: the numbers are those of the estimator, and what is said of observations is the same
    but for rounding. hmmlearn itself is not imported; an estimator of `hmmfilter.sklearn` serves as well.

    ==================================================  ================================================================
    hmmlearn                                            here
    ==================================================  ================================================================
    ``CategoricalHMM``, ``VariationalCategoricalHMM``   `hmmfilter.emissions.Categorical`
    ``GaussianHMM``, ``VariationalGaussianHMM``         `hmmfilter.emissions.Gaussian` of the same kind of covariances;
                                                        of numbers where there is one feature
    ``PoissonHMM``                                      `hmmfilter.emissions.Poisson`, of several features a ``Product``
    ``MultinomialHMM``                                  `hmmfilter.emissions.Multinomial`
    ``GMMHMM``                                          `hmmfilter.emissions.Mixture` of Gaussian
    ==================================================  ================================================================

    Of a variational estimator the model is that of its posterior means, by which it scores and decodes, too.

    Parameters
    ----------
    estimator : object
        One of the classes above, or of a class that derives from one and keeps how it computes probabilities.
    state_names : list of str, optional
        K different names; hmmlearn has none.

    Returns
    -------
    HMM
        The model.

    Raises
    ------
    TypeError
        Where it is none of these, or has no parameters yet.
    ValueError
        Where its probabilities do not sum to 1 within 1e-8: hmmlearn itself lets 1e-5 pass.

    Examples
    --------
    >>> from hmmlearn.hmm import PoissonHMM
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> calls = PoissonHMM(n_components=2)
    >>> calls.startprob_, calls.transmat_ = np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> calls.lambdas_ = np.array([[1.0], [5.0]])
    >>> model = hf.from_hmmlearn(calls, ["calm", "busy"])
    >>> model
    HMM: 2 states, Poisson emission
      state  initial  to calm  to busy  rate
       calm   0.5000   0.9000   0.1000     1
       busy   0.5000   0.2000   0.8000     5
    >>> model.smooth([0, 2, 7]).probabilities.round(4)
    array([[0.9568, 0.0432],
           [0.684 , 0.316 ],
           [0.0043, 0.9957]])
    >>> calls.predict_proba([[0], [2], [7]]).round(4)
    array([[0.9568, 0.0432],
           [0.684 , 0.316 ],
           [0.0043, 0.9957]])
    """
    kind = _checks.known_kind("estimator", estimator, EMISSIONS)
    _checks.same_rules("estimator", estimator, kind, HOOKS)
    parts, emission_of = EMISSIONS[kind]
    _checks.has_parts("estimator", estimator, ("startprob_", "transmat_", *parts), FIT_FIRST)
    return HMM(numbers(estimator.startprob_), numbers(estimator.transmat_), emission_of(estimator), state_names)


def _categorical(estimator: Any) -> Any:
    return Categorical(numbers(estimator.emissionprob_))


def _poisson(estimator: Any) -> Any:
    rates = numbers(estimator.lambdas_)
    return Poisson(rates if rates.shape[1] > 1 else rates[:, 0])


def _multinomial(estimator: Any) -> Any:
    n_trials = np.unique(numbers(estimator.n_trials))
    return Multinomial(numbers(estimator.emissionprob_), int(n_trials[0]) if len(n_trials) == 1 else None)


def _gaussian(estimator: Any) -> Any:
    means, kind = numbers(estimator.means_), KINDS[estimator.covariance_type]
    matrices = numbers(estimator.covars_)  # (K, D, D), whatever the kind
    if kind == "full":
        return gaussian(means, matrices, kind)
    if kind == "tied":
        return gaussian(means, matrices[0], kind)
    each = matrices[:: len(matrices) // len(means)]  # of "spherical", a fit leaves D matrices for each state
    variances = np.diagonal(each, axis1=1, axis2=2)
    return gaussian(means, variances[:, 0] if kind == "spherical" else variances, kind)


def _gmm(estimator: Any) -> Any:
    """Its "tied" is one matrix for the components of a state: here, the same one in each."""
    kind, means, covariances = estimator.covariance_type, numbers(estimator.means_), numbers(estimator.covars_)
    if kind == "tied":
        kind, covariances = "full", np.repeat(covariances[:, np.newaxis], means.shape[1], axis=1)
    parts = [gaussian(means[:, m], covariances[:, m], KINDS[kind]) for m in range(means.shape[1])]
    return Mixture(parts, numbers(estimator.weights_))


EMISSIONS: dict[str, tuple[tuple[str, ...], Callable[[Any], Any]]] = {
    "CategoricalHMM": (("emissionprob_",), _categorical),
    "GaussianHMM": (("means_", "covars_"), _gaussian),
    "GMMHMM": (("weights_", "means_", "covars_"), _gmm),
    "MultinomialHMM": (("emissionprob_", "n_trials"), _multinomial),
    "PoissonHMM": (("lambdas_",), _poisson),
    "VariationalCategoricalHMM": (("emissionprob_",), _categorical),
    "VariationalGaussianHMM": (("means_", "covars_"), _gaussian),
}


def to_hmmlearn(model: HMM) -> Any:
    """Make an estimator of hmmlearn that says the same as a model.

    Fitting it goes on from the model's numbers, since its ``init_params`` are empty. hmmlearn must be installed.

    Parameters
    ----------
    model : HMM
        One whose chain moves by one matrix, without ends, and whose emission is `hmmfilter.emissions.Categorical`,
        ``Bernoulli``, ``Gaussian``, ``Mixture`` of Gaussian, ``Poisson``, also of several channels, or ``Multinomial``
        of an ``n``. Names of states and of symbols are lost: there, symbols are their numbers.

    Returns
    -------
    estimator
        A ``CategoricalHMM``, ``GaussianHMM``, ``GMMHMM``, ``PoissonHMM`` or ``MultinomialHMM``.

    Raises
    ------
    ValueError, TypeError
        Where hmmlearn has no such model.
    ImportError
        Where hmmlearn is not installed.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Gaussian([0.0, 3.0], [1.0, 4.0]))
    >>> estimator = hf.to_hmmlearn(model)
    >>> estimator.predict_proba([[0.0], [2.0], [4.0]]).round(4)
    array([[0.5068, 0.4932],
           [0.1354, 0.8646],
           [0.0011, 0.9989]])
    >>> model.smooth([0.0, 2.0, 4.0]).probabilities.round(4)
    array([[0.5068, 0.4932],
           [0.1354, 0.8646],
           [0.0011, 0.9989]])
    """
    initial, transition, emission = chain_and_emission("hmmlearn", model)
    kind, options, attributes, n_features = _told(emission)
    estimator = getattr(library("hmmlearn", "hmmlearn.hmm"), kind)(len(initial), init_params="", **options)
    estimator.n_features = n_features
    for name, value in {"startprob_": initial, "transmat_": transition, **attributes}.items():
        setattr(estimator, name, np.array(value))
    return estimator


def _told(emission: Any) -> Told:
    """How hmmlearn says it."""
    channels = channels_of(emission, Poisson)
    if channels is not None and not any(channel.exposure for channel in channels):
        return "PoissonHMM", {}, {"lambdas_": np.column_stack([channel.rate for channel in channels])}, len(channels)
    told = TOLD[type(emission)](emission) if type(emission) in TOLD else None
    if told is None:
        _checks.cannot_be_said(
            "hmmlearn",
            f"this {type(emission).__name__} emission",
            "it has Bernoulli, Categorical, Gaussian, mixtures of Gaussian, Poisson, and Multinomial of an n; "
            "hmmfilter.sklearn.BaseHMM takes a _compute_log_likelihood of your own",
        )
    return told


def _as_categorical(emission: Categorical) -> Told:
    return "CategoricalHMM", {}, {"emissionprob_": emission.probabilities}, emission.probabilities.shape[1]


def _as_two_symbols(emission: Any) -> Told:
    return "CategoricalHMM", {}, {"emissionprob_": np.column_stack([1 - emission.probability, emission.probability])}, 2


def _as_multinomial(emission: Multinomial) -> Told | None:
    attributes = {"emissionprob_": emission.probabilities}
    n_features = emission.probabilities.shape[1]
    return None if emission.n is None else ("MultinomialHMM", {"n_trials": emission.n}, attributes, n_features)


def _as_gaussian(emission: Gaussian) -> Told:
    means, matrices = means_of(emission), covariances_of(emission)
    spread = {
        "full": matrices,
        "tied": matrices[0],
        "variances": np.diagonal(matrices, axis1=1, axis2=2),
        "spherical": matrices[:, 0, 0],
    }[emission.kind]
    options = {"covariance_type": TYPES[emission.kind]}
    return "GaussianHMM", options, {"means_": means, "covars_": spread}, means.shape[1]


def _as_gmm(emission: Mixture) -> Told | None:
    if not all(type(component) is Gaussian for component in emission.components):
        return None
    means = np.stack([means_of(component) for component in emission.components], axis=1)
    matrices = np.stack([covariances_of(component) for component in emission.components], axis=1)
    are_plain = all(component.kind in ("variances", "spherical") for component in emission.components)
    attributes = {
        "weights_": emission.weights,
        "means_": means,
        "covars_": np.diagonal(matrices, axis1=2, axis2=3) if are_plain else matrices,
    }
    options = {"n_mix": emission.n_components, "covariance_type": "diag" if are_plain else "full"}
    return "GMMHMM", options, attributes, means.shape[2]


TYPES = {kind: word for word, kind in KINDS.items()}
TOLD: dict[type, Callable[[Any], Told | None]] = {
    Bernoulli: _as_two_symbols,
    Categorical: _as_categorical,
    Gaussian: _as_gaussian,
    Mixture: _as_gmm,
    Multinomial: _as_multinomial,
}
