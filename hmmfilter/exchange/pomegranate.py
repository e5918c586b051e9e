"""Models of pomegranate, from version 1 on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.emissions import (
    Bernoulli,
    Categorical,
    Exponential,
    FromScipy,
    Gamma,
    Gaussian,
    LogNormal,
    Mixture,
    Poisson,
    Product,
    StudentT,
)
from hmmfilter.exchange.parts import covariances_of, gaussian, library, means_of, numbers, of_channels
from hmmfilter.model import HMM
from hmmfilter.transitions import Dense

GIVE = "give it all of distributions, edges and starts, or fit it"
OWN_EMISSION = "give hmmfilter.HMM an emission of your own, as hmmfilter.emissions.Emission shows"
ROUNDINGS = 4  # by how many of each state's probabilities a sum may miss 1: they are kept as logs, in half the digits


def from_pomegranate(model: Any, state_names: Sequence[str] | None = None) -> HMM:
    """Make a model of a ``DenseHMM`` or ``SparseHMM`` of pomegranate, from version 1 on.

    Nothing is learnt or rounded. pomegranate itself is not imported. It runs in single precision unless told otherwise,
    so that its probabilities sum to 1 within that, and are divided by their sums; what it says of observations then has
    some six digits.

    Columns that are independent in each state become channels of a `hmmfilter.emissions.Product`. Where states show
    numbers of different kinds, a channel is a `hmmfilter.emissions.FromScipy` of them.

    ==============================================================  ====================================================
    pomegranate                                                     here
    ==============================================================  ====================================================
    ``Normal``                                                      `hmmfilter.emissions.Gaussian`
    ``Bernoulli``, ``Categorical``, ``Exponential``, ``Gamma``,     the emission of that name
    ``LogNormal``, ``Poisson``, ``StudentT``
    ``Uniform``                                                     `hmmfilter.emissions.FromScipy`
    ``IndependentComponents``                                       `hmmfilter.emissions.Product`
    ``GeneralMixtureModel``                                         `hmmfilter.emissions.Mixture`
    ``ends``                                                        ``final``, where they sum to 1 with the edges
    ==============================================================  ====================================================

    There, ``ends`` that were not given are the same in all states, beside edges that sum to 1 by themselves. Such ends
    tell nothing of states, and there are none here: each log-likelihood is without their log, which pomegranate adds.
    Its log-likelihoods of a ``LogNormal`` are those of the logs, without their derivative, log 1 / v for each
    observation v: where all states are log-normal, what is known of them is the same, and else it is not.

    Parameters
    ----------
    model : object
        The model.
    state_names : list of str, optional
        K different names; pomegranate has none.

    Returns
    -------
    HMM
        The model.

    Raises
    ------
    TypeError
        Where it is none of these, or has no parameters yet.
    ValueError
        Where no emission here says it, or edges and ends do not sum to 1.

    Examples
    --------
    What has the names of pomegranate's classes and attributes is taken for its own:

    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> class Poisson:
    ...     def __init__(self, lambdas):
    ...         self.lambdas = lambdas
    >>> class DenseHMM:
    ...     distributions = [Poisson([1.0]), Poisson([5.0])]
    ...     starts, edges, ends = np.log([0.5, 0.5]), np.log([[0.8, 0.1], [0.2, 0.7]]), np.log([0.1, 0.1])
    >>> hf.from_pomegranate(DenseHMM(), ["calm", "busy"])
    HMM: 2 states, Poisson emission
      state  initial  to calm  to busy     end  rate
       calm   0.5000   0.8889   0.1111  0.1000     1
       busy   0.5000   0.2222   0.7778  0.1000     5
    """
    kind = _checks.known_kind("model", model, ("DenseHMM", "SparseHMM"))
    _checks.has_parts("model", model, ("distributions", "starts", "edges"), GIVE)
    distributions = list(model.distributions)
    edges = _sparse_edges(model, len(distributions)) if kind == "SparseHMM" else numbers(model.edges)
    matrix, final = _moves_and_ends(np.exp(edges), None if model.ends is None else np.exp(numbers(model.ends)))
    return HMM(np.exp(numbers(model.starts)), matrix, _emission(distributions), state_names, final=final)


def _sparse_edges(model: Any, n_states: int) -> Any:
    logs = numbers(model._edge_log_probs)
    edges = np.full((n_states, n_states), -np.inf, dtype=logs.dtype)
    edges[numbers(model._edge_idx_starts), numbers(model._edge_idx_ends)] = logs
    return edges


def _moves_and_ends(edges: Any, ends: Any) -> tuple[Any, Any]:
    """A matrix whose rows sum to 1, and ends; none where they tell nothing of states."""
    tolerance = ROUNDINGS * len(edges) * float(np.finfo(edges.dtype).eps)
    edges = edges.astype(float)
    sums = edges.sum(axis=1)
    ends = np.zeros(len(edges)) if ends is None else ends.astype(float)
    if (np.abs(sums - 1) <= tolerance).all() and (ends == ends[0]).all():
        return edges / sums[:, np.newaxis], None
    if (np.abs(sums + ends - 1) > tolerance).any():
        _checks.ends_add_up(sums + ends - 1, ends)
    stays = np.eye(len(edges))  # of a state that always ends, from which no edge leads
    return np.where(sums[:, np.newaxis] > 0, edges, stays) / np.where(sums > 0, sums, 1.0)[:, np.newaxis], ends


def _emission(distributions: list[Any]) -> Any:
    """An emission of one distribution for each state."""
    kinds = {_kind(distribution) for distribution in distributions}
    if kinds == {"GeneralMixtureModel"}:
        return _mixture(distributions)
    if kinds == {"Normal"}:
        return _gaussian(distributions)
    by_state = [_columns(distribution) for distribution in distributions]
    return of_channels([_channel(list(column)) for column in zip(*by_state, strict=True)])


def _kind(distribution: Any) -> str:
    known = (*COLUMNS, "IndependentComponents", "GeneralMixtureModel")
    return _checks.known_kind("a distribution of pomegranate", distribution, known)


def _mixture(mixtures: list[Any]) -> Mixture:
    sizes = sorted({len(mixture.distributions) for mixture in mixtures})
    if len(sizes) > 1:
        _checks.cannot_be_said("hmmfilter", f"mixtures of {sizes} components in one model", "add some of weight 0")
    by_component = zip(*(mixture.distributions for mixture in mixtures), strict=True)
    weights = np.stack([numbers(mixture.priors) for mixture in mixtures])
    return Mixture([_emission(list(components)) for components in by_component], weights)


def _gaussian(distributions: list[Any]) -> Gaussian:
    """Of variances, or of matrices where some state has one."""
    means = np.stack([numbers(normal.means) for normal in distributions])
    spreads = [numbers(normal.covs) for normal in distributions]
    if all(spread.ndim < 2 for spread in spreads):
        return gaussian(means, np.stack([np.broadcast_to(spread, means.shape[1]) for spread in spreads]), "variances")
    unit = np.eye(means.shape[1])
    return gaussian(means, np.stack([spread if spread.ndim == 2 else spread * unit for spread in spreads]), "full")


def _columns(distribution: Any) -> list[tuple[str, Any]]:
    """The kind and the parameters of each column, of which nothing may depend on another one."""
    kind = _kind(distribution)
    if kind == "IndependentComponents":
        return [column for part in distribution.distributions for column in _columns(part)]
    if kind == "GeneralMixtureModel":
        _checks.cannot_be_said("hmmfilter", "a mixture beside what is none", OWN_EMISSION)
    return [(kind, parameters) for parameters in zip(*COLUMNS[kind](distribution), strict=True)]


def _normal(distribution: Any) -> tuple[Any, Any]:
    """Means and variances."""
    means, spread = numbers(distribution.means), numbers(distribution.covs)
    if spread.ndim == 2:
        if (spread * (1 - np.eye(len(spread)))).any():
            name = type(distribution).__name__
            _checks.cannot_be_said("hmmfilter", f"a {name} whose columns depend on each other, here", OWN_EMISSION)
        spread = np.diagonal(spread)
    return means, np.broadcast_to(spread, means.shape)


def _student(distribution: Any) -> tuple[Any, Any, Any]:
    means, variances = _normal(distribution)
    return np.broadcast_to(numbers(distribution.dofs), means.shape), means, variances


COLUMNS: dict[str, Callable[[Any], tuple[Any, ...]]] = {  # for each kind its parameters, of all columns
    "Bernoulli": lambda made: (numbers(made.probs),),
    "Categorical": lambda made: (numbers(made.probs),),
    "Exponential": lambda made: (numbers(made.scales),),
    "Gamma": lambda made: (numbers(made.shapes), numbers(made.rates)),
    "LogNormal": _normal,
    "Normal": _normal,
    "Poisson": lambda made: (numbers(made.lambdas),),
    "StudentT": _student,
    "Uniform": lambda made: (numbers(made.mins), numbers(made.maxs)),
}
EMISSIONS: dict[str, Callable[..., Any]] = {  # of the parameters of all states
    "Bernoulli": Bernoulli,
    "Categorical": Categorical,
    "Exponential": Exponential,
    "Gamma": lambda shapes, rates: Gamma(shapes, 1 / rates),
    "LogNormal": lambda means, variances: LogNormal(means, np.sqrt(variances)),
    "Normal": Gaussian,
    "Poisson": Poisson,
    "StudentT": lambda dofs, means, variances: StudentT(means, np.sqrt(variances), dofs),
}
SCIPY: dict[str, Callable[..., Any]] = {  # of those of one state
    "Bernoulli": lambda stats, p: stats.bernoulli(p),
    "Exponential": lambda stats, mean: stats.expon(scale=mean),
    "Gamma": lambda stats, shape, rate: stats.gamma(shape, scale=1 / rate),
    "LogNormal": lambda stats, mean, variance: stats.lognorm(variance**0.5, scale=np.exp(mean)),
    "Normal": lambda stats, mean, variance: stats.norm(mean, variance**0.5),
    "Poisson": lambda stats, rate: stats.poisson(rate),
    "StudentT": lambda stats, dofs, mean, variance: stats.t(dofs, mean, variance**0.5),
    "Uniform": lambda stats, least, most: stats.uniform(least, most - least),
}


def _channel(column: list[tuple[str, Any]]) -> Any:
    """One emission of what a column is in each state."""
    kinds = {kind for kind, _ in column}
    (kind, *others) = sorted(kinds)
    if not others and kind in EMISSIONS:
        by_parameter = zip(*(parameters for _, parameters in column), strict=True)
        return EMISSIONS[kind](*(_stacked(kind, values) for values in by_parameter))
    if "Categorical" in kinds:
        _checks.cannot_be_said("hmmfilter", f"{' and '.join(sorted(kinds))} for one column", OWN_EMISSION)
    from scipy import stats

    return FromScipy([SCIPY[kind](stats, *map(float, parameters)) for kind, parameters in column])


def _stacked(kind: str, values: Any) -> Any:
    """In double precision, but for probabilities of symbols: that these are in single precision says how they sum."""
    table = np.stack(values)
    return table if kind == "Categorical" else table.astype(float)


def to_pomegranate(model: HMM) -> Any:
    """Make a ``DenseHMM`` of pomegranate, in double precision, that says the same as a model.

    Observations are tensors of shape (sequences, steps, columns); those of symbols and counts may have to be integers
    there. A model without ``final`` gets ``ends`` of 1, which pomegranate counts for nothing. pomegranate must be
    installed.

    Parameters
    ----------
    model : HMM
        One whose chain moves by one matrix, and whose emission is `hmmfilter.emissions.Gaussian`, ``Bernoulli``,
        ``Categorical``, ``Exponential``, ``Gamma``, ``Poisson``, a `hmmfilter.emissions.Product` of those of numbers,
        or a `hmmfilter.emissions.Mixture` of those. Names are lost: there, symbols are their numbers.

    Returns
    -------
    DenseHMM
        The model.

    Raises
    ------
    ValueError, TypeError
        Where pomegranate has no such model.
    ImportError
        Where pomegranate is not installed.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    >>> theirs = hf.to_pomegranate(model)  # doctest: +SKIP
    >>> theirs.predict_proba([[[0.0], [2.0], [7.0]]])  # doctest: +SKIP
    tensor([[[0.9568, 0.0432],
             [0.6840, 0.3160],
             [0.0043, 0.9957]]], dtype=torch.float64)
    """
    _checks.hmm("model", model)
    _checks.plain_chain("pomegranate", model.chain, isinstance(model.chain, Dense), None)
    told = [_told(model.emission, k) for k in range(model.n_states)]
    kinds = library("pomegranate", "pomegranate.distributions")
    final = np.ones(model.n_states) if model.final is None else model.final
    edges = model.transition if model.final is None else model.transition * (1 - final)[:, np.newaxis]
    made = library("pomegranate", "pomegranate.hmm").DenseHMM(
        [_made(kinds, each) for each in told], edges=edges, starts=model.initial, ends=final
    )
    return made.double()


def _told(emission: Any, k: int) -> tuple[str, dict[str, Any]]:
    """How pomegranate says what state k shows: a class, and what it is made of."""
    if type(emission) is Product:
        for channel in emission.channels:
            if getattr(channel, "n_dimensions", None) is not None:
                _checks.cannot_be_said("pomegranate", "channels of vectors", "it has independent columns of numbers")
        return "IndependentComponents", {"distributions": [_told(channel, k) for channel in emission.channels]}
    if type(emission) is Mixture:
        components = [_told(component, k) for component in emission.components]
        return "GeneralMixtureModel", {"distributions": components, "priors": emission.weights[k]}
    if type(emission) is Gaussian:
        matrix = covariances_of(emission)[k]
        has_matrices = emission.n_dimensions is not None and emission.kind in ("full", "tied")
        spread = {"covs": matrix if has_matrices else np.diagonal(matrix)}
        return "Normal", {
            "means": means_of(emission)[k],
            **spread,
            "covariance_type": "full" if has_matrices else "diag",
        }
    if type(emission) not in TOLD or getattr(emission, "exposure", False):
        way_on = "hmmfilter.to_pomegranate lists what it has"
        _checks.cannot_be_said("pomegranate", f"this {type(emission).__name__} emission", way_on)
    kind, parameters = TOLD[type(emission)](emission)
    return kind, {name: values[k : k + 1] for name, values in parameters.items()}


TOLD: dict[type, Callable[[Any], tuple[str, dict[str, FloatArray]]]] = {
    Bernoulli: lambda own: ("Bernoulli", {"probs": own.probability}),
    Categorical: lambda own: ("Categorical", {"probs": own.probabilities}),
    Exponential: lambda own: ("Exponential", {"scales": own.mean}),
    Gamma: lambda own: ("Gamma", {"shapes": own.shape, "rates": 1 / own.scale}),
    Poisson: lambda own: ("Poisson", {"lambdas": own.rate}),
}


def _made(kinds: Any, told: tuple[str, dict[str, Any]]) -> Any:
    kind, options = told
    if "distributions" in options:
        options = {**options, "distributions": [_made(kinds, part) for part in options["distributions"]]}
    if kind == "GeneralMixtureModel":
        return library("pomegranate", "pomegranate.gmm").GeneralMixtureModel(**options)
    return getattr(kinds, kind)(**options)
