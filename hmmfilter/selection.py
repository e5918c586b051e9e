"""How many states: by criteria, or by sequences that are held out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._docstrings import as_in
from hmmfilter._drivers.jobs import progress_bar
from hmmfilter.guessing import guess, guess_any
from hmmfilter.learning import fit
from hmmfilter.learning.evidence import Given, evidence_of
from hmmfilter.model import HMM
from hmmfilter.priors import Prior
from hmmfilter.results import CrossValidated, Fitted, Selected

SEEDS = 2**32


@as_in(guess, fit)
def select(
    emission: Any,
    n_states: Iterable[int],
    observations: Any,
    *,
    lengths: npt.ArrayLike | None = None,
    transition: Any = None,
    covariates: Any = None,
    times: Any = None,
    transition_index: Any = None,
    log_weights: Any = None,
    criterion: str = "bic",
    restarts: int = 10,
    rng: np.random.Generator | int | None = 0,
    weights: Any = None,
    initial: str = "free",
    fixed: Any = (),
    tied: Any = None,
    prior: Prior | None = None,
    max_iterations: int = 1000,
    tolerance: float = 1e-8,
    accelerate: bool = True,
    workers: int = 1,
    progress: bool = False,
    **options: Any,
) -> Selected:
    """Fit models with different numbers of states, and select the one whose criterion is smallest.

    Each is fitted from a guess by quantiles and from others, as `hmmfilter.fit` makes them, and depends on the seed and
    its own number of states only. One all of whose starts collapse is marked, and out of the race.

    Parameters
    ----------
    emission
        As in `guess`.
    n_states : iterable of int
        The numbers of states, such as ``range(1, 6)``.
    observations, lengths
        As in `guess`.
    transition : callable, optional
        What makes the start's transition of a number of states, as `guess` takes it, such as
        ``lambda n: hf.transitions.Rates(np.ones((n, n)), unit="D")``.
    covariates, times, transition_index, log_weights
        As in `fit`.
    criterion : {"bic", "aic"}
        −2 log L + p log n, or −2 log L + 2 p, of p free parameters and n observed steps.
    restarts : int
        How many starts there are besides the guess.
    rng : numpy.random.Generator or int, optional
        A generator, or a seed for one; None for fresh randomness.
    weights, initial, fixed, tied, prior, max_iterations, tolerance, accelerate, workers
        As in `fit`.
    progress : bool
        Whether to show a bar of the fits, if tqdm is installed.
    options
        As in `guess`.

    Returns
    -------
    Selected
        ``best``, the fit that is selected; ``fits``, all of them by their numbers of states; it prints as a table.

    Raises
    ------
    DegenerateFitError
        Where all starts of all numbers of states collapse.
    ValueError, TypeError
        Where an argument is not as above, or as in `guess` and `fit`.

    References
    ----------
    Zucchini, MacDonald, Langrock, "Hidden Markov models for time series", second edition (2016), section 6.1.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> counts = [1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8]
    >>> selected = hf.select("poisson", [1, 2, 3], counts, restarts=2)
    >>> selected.best.model.n_states
    2
    """
    numbers = sorted(set(_checks.state_counts("n_states", n_states)))
    word = _checks.one_of("criterion", criterion, ("bic", "aic"))
    _checks.maker_of_transitions(transition)
    seed = int(_checks.generator(rng).integers(SEEDS))
    fits: dict[int, Fitted] = {}
    collapsed: dict[int, _checks.DegenerateFitError] = {}
    with progress_bar(len(numbers), _checks.flag("progress", progress), " fits") as bar:
        for n in numbers:
            generator = np.random.default_rng(seed)
            try:
                moves = None if transition is None else transition(n)
                start = guess_any(emission, n, observations, lengths, covariates, moves, generator, options)
                fits[n] = fit(
                    start,
                    observations,
                    lengths=lengths,
                    covariates=covariates,
                    times=times,
                    transition_index=transition_index,
                    log_weights=log_weights,
                    weights=weights,
                    initial=initial,
                    fixed=fixed,
                    tied=tied,
                    prior=prior,
                    restarts=restarts,
                    rng=generator,
                    max_iterations=max_iterations,
                    tolerance=tolerance,
                    accelerate=accelerate,
                    workers=workers,
                )
            except _checks.DegenerateFitError as error:
                collapsed[n] = error
            bar.update(1)
    _checks.some_fit(len(fits), collapsed)
    return Selected(fits=fits, collapsed=collapsed, criterion=word)


@as_in(fit)
def cross_validate(
    start: HMM,
    sequences: Any,
    folds: int = 5,
    *,
    lengths: npt.ArrayLike | None = None,
    allowed: Any = None,
    covariates: Any = None,
    times: Any = None,
    transition_index: Any = None,
    log_weights: Any = None,
    weights: Any = None,
    workers: int = 1,
    progress: bool = False,
    **options: Any,
) -> CrossValidated:
    """Fit a model to some of several sequences, and see how probable it makes the others; all in turn.

    Sequence n is in fold n mod `folds`. Each fold is held out once: the model is fitted to all others, from the same
    start, and the log-likelihood of the fold is divided by the number of its observed steps.

    Parameters
    ----------
    start : HMM
        Where each fit starts.
    sequences : list or dict of sequences, or pandas groups, or array_like with lengths
        Several of them, as ``observations`` of a fit.
    folds : int
        How many there are, from 2 to the number of sequences.
    lengths, allowed, covariates, times, transition_index, log_weights, weights, workers
        As in `fit`.
    progress : bool
        Whether to show a bar of the folds, if tqdm is installed.
    options : any
        What else `fit` takes, such as ``restarts``, ``prior`` and ``initial``. Labels help to fit, and are not asked
        for where sequences are held out.

    Returns
    -------
    CrossValidated
        ``log_likelihoods``, of a step in each fold; ``mean`` and ``spread``; ``fits``; it prints as a table.

    Raises
    ------
    DegenerateFitError
        Where a fit collapses.
    ImpossibleEvidenceError
        Where the start makes the sequences of a fit impossible; those that are held out may be, with −inf.
    ValueError, TypeError
        Where there is one sequence, more folds than sequences, or a fold without an observed step; as in `fit`.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2.0, 5.0]))
    >>> validated = hf.cross_validate(start, [[1, 0, 2, 9], [7, 11, 8, 0], [1, 1, 0, 2, 10, 8]], folds=3)
    >>> validated.log_likelihoods.round(4)
    array([-2.1023, -6.0077, -2.0668])
    """
    asked = {
        "lengths": lengths,
        "allowed": allowed,
        "covariates": covariates,
        "times": times,
        "transition_index": transition_index,
        "log_weights": log_weights,
    }
    evidence = evidence_of(start, sequences, Given(**asked, weights=weights))
    n_sequences = len(evidence.weights)
    n_folds = _checks.fold_count(folds, n_sequences)
    names = evidence.labels.names_of(n_sequences)
    fold_of = np.arange(n_sequences) % n_folds
    fits, per_step, n_observations = [], [], []
    with progress_bar(n_folds, _checks.flag("progress", progress), " folds") as bar:
        for fold in range(n_folds):
            is_held = fold_of == fold
            fitted = fit(
                start,
                sequences,
                **asked,
                weights=np.where(is_held, 0.0, evidence.weights),
                workers=workers,
                **options,
            )
            n_steps = evidence.n_observations - fitted.n_observations
            _checks.held_out(fold, n_steps)
            totals = fitted.model.log_likelihood(sequences, **asked, workers=workers)
            counts = evidence.weights * is_held
            fits.append(fitted)
            per_step.append(float((counts * totals)[counts > 0].sum()) / n_steps)
            n_observations.append(n_steps)
            bar.update(1)
    return CrossValidated(
        log_likelihoods=np.array(per_step),
        n_observations=np.array(n_observations),
        folds=tuple(tuple(names[n] for n in range(fold, n_sequences, n_folds)) for fold in range(n_folds)),
        fits=tuple(fits),
    )
