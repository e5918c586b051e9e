"""Which of some models sequences are of, such as words that are spoken one by one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, lse
from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.filtering import forward_filter
from hmmfilter.model import HMM
from hmmfilter.results import Classified


@as_in(HMM.filter, forward_filter)
def classify(
    models: Mapping[str, HMM],
    sequences: Any,
    log_prior: npt.ArrayLike | Mapping[str, float] | None = None,
    *,
    lengths: npt.ArrayLike | None = None,
    allowed: Any = None,
    covariates: Any = None,
    times: Any = None,
    transition_index: Any = None,
    log_weights: Any = None,
    impossible: _checks.Impossible = "raise",
    workers: int = 1,
) -> Classified:
    """Compute how probable it is that each sequence is of each of some models.

    By Bayes, from log-likelihoods and what was believed before,

        log p(m | v) = log p(v | m) + log p(m) − log Σ_n exp( log p(v | n) + log p(n) ).

    Parameters
    ----------
    models : dict of HMM
        M models, by their names.
    sequences : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
        Observations of one sequence, or of several, as all models take them.
    log_prior : array_like, (M,), or dict, optional
        log p(m), natural logs up to a constant: in the order of the models, or by their names. Without it, all are
        alike.
    lengths, allowed
        As in `HMM.filter`.
    covariates, times, transition_index
        As in `HMM.filter`. Each model takes those that it needs.
    log_weights
        As in `HMM.filter`.
    impossible : {"raise", "mark"}
        What to do with a sequence that is impossible under all models that may be: raise, or mark it with NaN.
    workers
        As in `forward_filter`.

    Returns
    -------
    Classified
        ``probabilities`` and ``log_probabilities``, (M,), or (N, M) of several sequences; ``best``, names; it prints as
        a table.

    Raises
    ------
    ImpossibleEvidenceError
        Where a sequence is impossible under all models: from the step on at which the last of them gives up.
    ValueError, TypeError
        Where an argument is not as above, or as in `HMM.filter`.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section VI.D.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> calm = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([1.0, 5.0]))
    >>> busy = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([4.0, 9.0]))
    >>> hf.classify({"calm": calm, "busy": busy}, [0, 2, 7])
    Classified: 1 sequence, 2 models; calm
      model  log-likelihood  probability
       calm         -7.6204       0.8606
       busy         -9.4403       0.1394
    >>> hf.classify({"calm": calm, "busy": busy}, [[0, 2, 7], [9, 8]], log_prior={"calm": -4.0, "busy": 0.0}).best
    ['busy', 'busy']
    """
    known = _checks.models_by_name(models)
    names = tuple(known)
    beliefs = _checks.log_prior_of(log_prior, list(names))
    _checks.impossible_policy(impossible)
    everywhere = {"lengths": lengths, "allowed": allowed, "log_weights": log_weights}
    beside = _checks.given_to(known, covariates=covariates, times=times, transition_index=transition_index)
    asked = {name: everywhere | beside[name] for name in known}
    totals = {name: model.log_likelihood(sequences, **asked[name], workers=workers) for name, model in known.items()}
    _checks.alike(totals)
    log_likelihoods = np.stack(list(totals.values()), axis=-1)
    joint = log_likelihoods + beliefs
    _, labels = next(iter(known.values()))._sequences(sequences, lengths)
    if impossible == "raise":
        for n in np.flatnonzero(np.isneginf(np.atleast_2d(joint)).all(axis=1)).tolist()[:1]:
            possible = [name for name, belief in zip(known, beliefs, strict=True) if belief > -np.inf]
            key = labels.names_of(len(joint))[n] if joint.ndim == 2 else None
            step = max(_first_impossible(known[name], sequences, asked[name], key) for name in possible)
            error = _checks.ImpossibleEvidenceError(step, n if joint.ndim == 2 else None)
            _checks.refuse_by_key(error, labels.keys)
    return Classified(
        log_probabilities=lse.log_softmax(joint, axis=-1),
        log_likelihoods=log_likelihoods,
        model_names=names,
        _labels=labels,
    )


def _first_impossible(model: HMM, sequences: Any, asked: dict[str, Any], key: Hashable) -> int:
    """The first step of a sequence, by its key or number, or of the only one, that a model makes impossible."""
    filtered = model.filter(sequences, **asked, impossible="mark")
    increments: FloatArray = (filtered if key is None else filtered[key]).log_increments
    return int(np.flatnonzero(np.isneginf(increments))[0])
