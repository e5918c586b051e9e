"""The door to learning: from a model to start from, and observations, to the most probable model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter.learning.evidence import Given, Model
from hmmfilter.results import Fitted


def fit(
    start: Model,
    observations: Any,
    *,
    lengths: npt.ArrayLike | None = None,
    allowed: Any = None,
    covariates: Any = None,
    times: Any = None,
    transition_index: Any = None,
    log_weights: Any = None,
    labels: Any = None,
    weights: Any = None,
    initial: str = "free",
    fixed: Any = (),
    tied: Any = None,
    prior: Any = None,
    restarts: int = 0,
    rng: np.random.Generator | int | None = None,
    max_iterations: int = 1000,
    tolerance: float = 1e-8,
    accelerate: bool = True,
    workers: int = 1,
    progress: bool = False,
    callback: Callable[[int, Any, float], Any] | None = None,
) -> Fitted:
    """Find the most probable model for observations, climbing from one to start from: Baum–Welch, accelerated.

    What is climbed is log p(observations), or with labels log p(observations, labels), or with a prior log
    p(observations, parameters) with all constants: ``fitted.history`` has it after each iteration, and it never falls
    by more than rounding explains. There is no floor and there are no pseudo-counts. A zero in the initial
    distribution, the transition or a distribution of symbols stays zero; one that is reached is exact, and flagged in
    ``fitted.at_boundary``.

    Parameters
    ----------
    start : HMM
        Where to start. States that are alike in it stay alike: `hmmfilter.guess` makes one of observations.
    observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
        What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission is one
        of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``.
    lengths : array_like of int, (N,), optional
        The lengths of N sequences that stand one after the other.
    allowed : array_like of bool, (T, K), or list or dict of them, optional
        Which states are possible at each step.
    covariates, times, transition_index : array_like, (T, C), (T,) and (T,), or list or dict of them, optional
        What the emission and the chain depend on besides, as in `HMM.filter`.
    log_weights : array_like, (T, K), or list or dict of them, optional
        Soft evidence, natural logs, added to the log-likelihoods of the states at each step.
    labels : array_like of int or str, (T,), or list or dict of them, or pandas groups, optional
        The states that are known, by their numbers or names; −1, NaN or None where one is not.
    weights : array_like, (N,), or dict, optional
        How often each sequence counts, from 0: a weight of 2 is the sequence given twice.
    initial : {"free", "stationary", "fixed"}
        Whether the initial distribution is learnt, is that where the transition settles, or stays as it is.
    fixed : str, or list of str, or dict of bool or array_like of bool
        What stays as it is: "initial", "transition", "final", "emission", or a parameter, as "emission.rate",
        "transition.generator" or "transition.coefficients"; or, by such names, masks of entries.
    tied : dict, optional
        Which entries are one number, by the names of parameters: "all" for all states; groups of states, (K,), as
        ``[0, 0, 1]``; or groups of entries, in the shape of the parameter. They start from their mean.
    prior : Prior, optional
        What is believed before, as `hmmfilter.Prior` says.
    restarts : int
        How many more models to start from: quantiles, k-means, random responsibilities and random points in turn. All
        climb for 20 iterations, and the best three to the end; ``fitted.restarts`` says what each came to. Of those
        that come to one top the first counts, so that states keep the order and the names of the start where they can.
    rng : numpy.random.Generator or int, optional
        A generator, or a seed for one, for restarts.
    max_iterations : int
        How many expectation steps there may be, from 0, of each climb to the end.
    tolerance : float
        By how much the objective may still rise: a bound of all that is to come, by Aitken, and no last gain.
    accelerate : bool
        Whether to leap ahead (SQUAREM) where that does not lower the objective. Emissions that learn as a whole, such
        as your own, take plain steps.
    workers : int
        How many threads take the sequences; −1 for as many as there are cores. Answers have the same bits for any
        number.
    progress : bool
        Whether to show a bar of iterations, if tqdm is installed.
    callback : callable, optional
        Called after each iteration as ``callback(n, model, objective)``, with the best model so far: keep it, and an
        interruption loses nothing. If it returns True, the fit ends.

    Returns
    -------
    Fitted
        ``model``, ``log_likelihood``, ``objective``, ``history``, ``converged``, ``aic``, ``bic``, and more; it prints
        as a table.

    Raises
    ------
    DegenerateFitError
        Where a state collapses onto so few observations that its density has no bound.
    ImpossibleEvidenceError
        Where no path through the states of the start can have produced the observations.
    ObjectiveFellError
        Where an emission of your own lowers the objective.
    ValueError, TypeError
        Where an argument is not as above.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.C. Varadhan, Roland,
    "Simple and globally convergent methods for accelerating the convergence of any EM algorithm", Scandinavian Journal
    of Statistics 35 (2008).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> counts = [1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8]
    >>> start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2.0, 5.0]))
    >>> fitted = hf.fit(start, counts)
    >>> fitted.model.emission.rate.round(4)
    array([0.8637, 8.7417])
    """
    from hmmfilter.learning import running

    _checks.hmm("start", start)
    given = Given(lengths, allowed, labels, weights, covariates, times, transition_index, log_weights)
    n_workers = _checks.workers(workers)
    problem = running.problem_of(start, observations, given, initial, fixed, tied, prior, n_workers)
    settings = running.Settings(
        n_steps=_checks.whole_count("max_iterations", max_iterations),
        tolerance=_checks.tolerance(tolerance),
        accelerate=_checks.flag("accelerate", accelerate),
        restarts=_checks.whole_count("restarts", restarts),
        rng=_checks.generator(rng),
        progress=progress,
        callback=_checks.callback(callback),
    )
    return running.fitted(problem, start, settings)
