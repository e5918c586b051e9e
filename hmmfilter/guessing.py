"""A first model of data: guessed, for a fit to start from, or counted where the states are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, emissions
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._distributions import most_likely
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import guesses, registry
from hmmfilter.learning import starts
from hmmfilter.learning.evidence import Evidence, Given, evidence_of
from hmmfilter.model import HMM
from hmmfilter.priors import Prior

STAY = 0.9  # how probable it is, as guessed, that a state lasts for another step


@as_in(HMM.filter)
def guess(
    emission: Any,
    n_states: int,
    observations: Any,
    *,
    lengths: npt.ArrayLike | None = None,
    covariates: Any = None,
    transition: Any = None,
    method: str = "quantiles",
    rng: np.random.Generator | int | None = 0,
    **options: Any,
) -> HMM:
    """Guess a model from nothing but observations, for `hmmfilter.fit` to start from.

    Each observation is put into a group, one for each state, and belongs to its state by nine tenths and evenly to all
    by the rest, so that no state begins with a single observation, which has no spread. Of this comes the emission;
    a tenth of the probability of symbols is even, too, since what begins at zero stays there. The chain begins
    anywhere, and stays where it is with probability 0.9.

    Parameters
    ----------
    emission : str or type
        What observations are like: the name of one of `hmmfilter.emissions`, in capitals or not, as "poisson"; or a
        class, one of these or of your own with a class method ``guessed(observations, weights, **options)``.
    n_states : int
        K.
    observations
        As in `HMM.filter`. Where there may be vectors, tables of several columns are such, and but for "poisson" and
        "bernoulli" also lists of lists of one length; a list of arrays is a list of sequences. A class of your own is
        given them as they came, or one after the other where a frame is grouped.
    lengths, covariates
        As in `HMM.filter`.
    transition : array_like or one of `hmmfilter.transitions`, optional
        How the chain moves, where it is not to stay with probability 0.9.
    method : {"quantiles", "k-means", "points", "responsibilities"}
        How groups are made. Vectors count in units of the standard deviation of each entry, a missing entry as the mean
        of its column; an observation that is missing altogether belongs to all states alike.

        - "quantiles": groups of about the same number, by the order of the observations, or of vectors along their
          first principal direction; equal ones are in one group. Symbols are ordered by their numbers, or as they were
          given, or sorted;
        - "k-means": groups around their means, begun by k-means++;
        - "points": groups around different observations, drawn at random;
        - "responsibilities": no groups; all observations of each of some short stretches of time belong to the states
          by shares that are drawn at random.
    rng : numpy.random.Generator or int, optional
        A generator, or a seed for one; None for fresh randomness.
    options : any
        What ``guessed`` of the class takes, as its help says: for "gaussian", ``covariance="variances"``, "full",
        "tied" or "spherical"; for "product", ``channels``, a kind for each column, and ``columns``; for "mixture",
        ``component`` and ``n_components``; for "regression", ``family``; for "autoregressive", ``order``; for
        "categorical", ``symbols``; for "fromscipy", ``distribution``.

    Returns
    -------
    HMM
        The model; its states ascend by method, but for "responsibilities".

    Raises
    ------
    ValueError, TypeError
        Where there are fewer different observations than states, an argument is not as above, or as in `HMM.filter`.

    References
    ----------
    Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding" (2007).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.guess("poisson", 2, [1, 0, 2, None, 9, 7, 8, 1])
    HMM: 2 states, Poisson emission
      state  initial    to 0    to 1    rate
          0   0.5000  0.9000  0.1000  1.2658
          1   0.5000  0.1000  0.9000   7.541
    """
    cls = _checks.emission_class(emission, registry.known())
    n = _checks.step_count("n_states", n_states)
    word = _checks.one_of("method", method, starts.KINDS)
    evidence = _evidence(cls, observations, lengths, covariates, options, transition)
    if word != "responsibilities":
        _checks.told_apart(starts.are_told_apart(_numbers(evidence), n), n, word)
    return _guessed(cls, n, evidence, word, transition, _checks.generator(rng), options)


def guess_any(
    emission: Any,
    n_states: int,
    observations: Any,
    lengths: npt.ArrayLike | None,
    covariates: Any,
    transition: Any,
    rng: np.random.Generator,
    options: dict[str, Any],
) -> HMM:
    """Guess by quantiles, or where observations are not different enough at random."""
    cls = _checks.emission_class(emission, registry.known())
    evidence = _evidence(cls, observations, lengths, covariates, options, transition)
    return _guessed(cls, n_states, evidence, "quantiles", transition, rng, options)


def _guessed(
    cls: Any,
    n_states: int,
    evidence: Evidence,
    method: str,
    transition: Any,
    rng: np.random.Generator,
    options: dict[str, Any],
) -> HMM:
    belongs = starts.degrees(method, _numbers(evidence), n_states, rng)
    emission = _evened(_shown_by(cls, evidence, belongs, options), 1 - starts.OWN)
    return _lasting(n_states, emission) if transition is None else HMM(_even(n_states), transition, emission)


def _shown_by(cls: Any, evidence: Evidence, belongs: FloatArray, options: dict[str, Any]) -> Any:
    """The emission of observations that belong to the states to such degrees, by what it needs beside them."""
    beside, needed = evidence.beside, {}
    if beside.covariates is not None:
        table: Any = beside.covariates
        needed["covariates"] = table if beside.names is None else _checks.NamedTable(table, beside.names)
    if _looks_back(cls):
        needed["lengths"] = np.diff(beside.starts)
    return cls.guessed(evidence.observations, belongs, **needed, **options)


def _looks_back(cls: Any) -> bool:
    """Whether observations of a class depend on those before them."""
    return hasattr(cls, "_past")


@as_in(guess)
def fit_labelled(
    emission: Any,
    states: Any,
    observations: Any,
    *,
    lengths: npt.ArrayLike | None = None,
    covariates: Any = None,
    prior: Prior | None = None,
    n_states: int | None = None,
    **options: Any,
) -> HMM:
    """Fit a model to observations whose states are all known: by counting.

    The initial distribution and the transition are the shares of what begins and what moves, within sequences, and the
    emission is what is most probable for the observations of each state. With a prior, all of it is the maximum of the
    posterior. Where states are known at some steps only, ``hmmfilter.fit(start, observations, labels=states)`` fits.

    Parameters
    ----------
    emission : str or type
        As in `guess`.
    states : array_like of int or str, (T,), or list or dict of them, or pandas groups
        The state of each step: in one array, or one for each sequence, by the keys that these have. States are numbers
        from 0, or names, which are numbered as they come.
    observations, lengths, covariates
        As in `guess`.
    prior : Prior, optional
        What was believed before.
    n_states : int, optional
        K; without it, as many as the largest of the states says.
    options
        As in `guess`.

    Returns
    -------
    HMM
        The model.

    Raises
    ------
    DegenerateFitError
        Where the observations of a state have no spread, and the emission needs one.
    ValueError, TypeError
        Where a state is unknown, never shows anything, or is never left, so that nothing says where it leads; where an
        argument is not as above, or as in `guess`.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.fit_labelled("poisson", [0, 0, 0, 1, 1, 0], [1, 0, 2, 9, 7, 1])
    HMM: 2 states, Poisson emission
      state  initial    to 0    to 1  rate
          0   1.0000  0.6667  0.3333     1
          1   0.0000  0.5000  0.5000     8
    """
    cls = _checks.emission_class(emission, registry.known())
    evidence = _evidence(cls, observations, lengths, covariates, options)
    lengths_of, keys = np.diff(evidence.starts).tolist(), evidence.labels.keys
    known, n, names = _checks.all_states_known(states, lengths_of, n_states, keys)
    rows = _numbers(evidence).reshape(len(known), -1)
    _checks.all_states_shown(known[np.flatnonzero(~np.isnan(rows).all(axis=1))], n)
    belongs = (known[:, None] == np.arange(n)).astype(np.float64)
    shown = _shown_by(cls, evidence, belongs, options)
    initial, moves = _counts(known, evidence.starts, n)
    if prior is not None:
        prior._admitted_by(_lasting(n, shown))
        initial = initial + (0.0 if prior.initial is None else prior.initial._added(initial.shape))
        moves = moves + (0.0 if prior.transition is None else prior.transition._added(moves.shape))
        if prior.emission is not None:
            shown = _evened(shown, 1.0).estimated(evidence.observations, belongs, prior.emission)
    _checks.all_states_left(moves)
    even = np.full((n, n), 1 / n)
    return HMM(most_likely(initial, even[0]), most_likely(moves, even), shown, names)


def _counts(states: IntArray, starts_of: IntArray, n_states: int) -> tuple[FloatArray, FloatArray]:
    """How often each state begins a sequence, (K,), and how often each follows each other one within one, (K, K)."""
    begins = np.unique(starts_of[starts_of < len(states)])
    initial = np.bincount(states[begins], minlength=n_states)
    is_move = np.ones(len(states), dtype=np.bool_)
    is_move[begins] = False  # into the first step of a sequence
    to = np.flatnonzero(is_move)
    pairs = np.bincount(states[to - 1] * n_states + states[to], minlength=n_states**2)
    return initial.astype(np.float64), pairs.reshape(n_states, n_states).astype(np.float64)


def _lasting(n_states: int, emission: Any) -> HMM:
    """A model that begins anywhere, and whose states last."""
    if n_states == 1:
        return HMM([1.0], [[1.0]], emission)
    transition = np.full((n_states, n_states), (1 - STAY) / (n_states - 1))
    np.fill_diagonal(transition, STAY)
    return HMM(_even(n_states), transition, emission)


def _even(n_states: int) -> FloatArray:
    return np.full(n_states, 1 / n_states)


def _evened(emission: Any, share: float) -> Any:
    """An emission of symbols of which each has some probability, as a zero would be one for good; any other as is."""
    names: frozenset[str] = getattr(emission, "DISTRIBUTIONS", frozenset())
    if not names:
        return emission
    rows = emission._parameters()
    return emission._with(rows | {name: (1 - share) * rows[name] + share / rows[name].shape[1] for name in names})


class _OfOnesOwn:
    """Stands in for an emission of one's own, which is there only when it is guessed: each row is an observation."""

    n_states = 1
    sample = None

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Anything but 0, which stands for what is missing."""
        return np.full((len(observations), 1), -1.0)


def _evidence(
    cls: Any,
    observations: Any,
    lengths: npt.ArrayLike | None,
    covariates: Any,
    options: dict[str, Any],
    transition: Any = None,
) -> Evidence:
    """Let observations in as a class of emissions takes them, of which there is none as yet."""
    _checks.options_taken(cls, options)
    single = HMM([1.0], [[1.0]], _stand_in(cls, observations, lengths, covariates, options))
    needs = {"covariates"}
    are_of_chain = needs <= _checks.needs_of(transition) and not needs & _checks.needs_of(single.emission)
    return evidence_of(single, observations, Given(lengths, covariates=None if are_of_chain else covariates))


def _stand_in(
    cls: Any, observations: Any, lengths: npt.ArrayLike | None, covariates: Any, options: dict[str, Any]
) -> Any:
    """An emission of one state that takes the observations as those of the class will."""
    if cls is emissions.Categorical:
        given = options.get("symbols")
        if given is None:
            numbers = emissions.Categorical([[1.0]])
            sequences, _ = HMM([1.0], [[1.0]], numbers)._sequences(observations, lengths)
            observations = observations if sequences is None else _checks.one_after_the_other(sequences, numbers)
        symbols, n_symbols = _checks.symbols_of(observations, given)
        return emissions.Categorical(np.full((1, n_symbols), 1 / n_symbols), symbols)
    if cls is emissions.Gaussian:
        width = _checks.vector_width(observations, lengths)
        shape = (1,) if width is None else (1, width)
        return emissions.Gaussian(np.zeros(shape), np.ones(shape), kind="variances")
    if cls is emissions.FromScipy:  # any numbers; whole ones are its own affair
        return emissions.Gaussian([0.0], [1.0])
    if not hasattr(cls, "_stand_in"):
        return _OfOnesOwn()
    return cls._stand_in(observations, **guesses.taken_by(cls, covariates=covariates), **options)


def _numbers(evidence: Evidence) -> FloatArray:
    """Observations as numbers or vectors, NaN where missing; words as their places in the alphabet."""
    if evidence.observed is not None:
        numbers: FloatArray = evidence.observed[0]
        return numbers
    return _checks.drawn_observations(evidence.observations, evidence.n_rows)[0]
