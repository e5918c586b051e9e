"""Which models compete: by numbers of states, on sequences that are held out, or for sequences to classify."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.beside import needs_of
from hmmfilter._checks.errors import DegenerateFitError, shown
from hmmfilter._checks.settings import integer
from hmmfilter._checks.tables import log_potentials


def fold_count(value: int, n_sequences: int, name: str = "folds") -> int:
    """Let a number of folds in, each with a sequence at least, of several."""
    if n_sequences < 2:
        raise ValueError(
            "sequences must be two at least, since whole ones are held out, got one: give lengths, or a list of them"
        )
    folds = integer(name, value)
    if not 2 <= folds <= n_sequences:
        raise ValueError(f"{name} must be from 2 to {n_sequences}, the number of sequences, got {folds}")
    return folds


def held_out(fold: int, n_steps: float) -> None:
    """Insist on something to see in what is held out."""
    if n_steps == 0:
        raise ValueError(f"folds must each have a step that is not missing, got none in fold {fold}: take fewer folds")


def some_fit(n_fits: int, collapsed: Mapping[int, DegenerateFitError]) -> None:
    """Insist on a fit that has not collapsed."""
    if n_fits == 0:
        raise next(iter(collapsed.values()))


def hmm(name: str, value: Any) -> None:
    """Insist on a model."""
    if not hasattr(value, "log_likelihood") or isinstance(value, type):
        raise TypeError(f"{name} must be an HMM, got {shown(value)}")


def models_by_name(value: Any) -> dict[str, Any]:
    """Let models in, by names."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"models must be a dict of models by their names, got {shown(value)}")
    if not value:
        raise ValueError("models must be one at least, got none")
    for name, model in value.items():
        hmm(f"models[{shown(name)}]", model)
    return dict(value)


def given_to(models: Mapping[str, Any], **given: Any) -> dict[str, dict[str, Any]]:
    """Of what is given beside observations, what each model needs; all that is given must be needed by one."""
    needs = {name: needs_of(model.chain) | needs_of(model.emission) for name, model in models.items()}
    for what, value in given.items():
        if value is not None and not any(what in needed for needed in needs.values()):
            raise ValueError(f"{what} must be left out: no model depends on any")
    return {name: {what: value for what, value in given.items() if what in needs[name]} for name in models}


def log_prior_of(value: Any, names: list[str]) -> FloatArray:
    """Let the logs of what is believed of each model beforehand in, up to a constant; without them, all are alike."""
    if value is None:
        return np.zeros(len(names))
    if isinstance(value, Mapping):
        if set(value) != set(names):
            raise ValueError(f"log_prior must have the names of the models, {shown(names)}, got {shown(list(value))}")
        value = [value[name] for name in names]
    logs = log_potentials("log_prior", value, (len(names),))
    if not np.isfinite(logs).any():
        raise ValueError("log_prior must be above -inf for one model at least, got none")
    return logs


def alike(totals: Mapping[str, Any]) -> None:
    """Insist that all models take the observations for as many sequences."""
    counts = {name: None if np.ndim(total) == 0 else len(total) for name, total in totals.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(
            f"models must take the observations for the same sequences, got {shown(counts)} of them: give lengths"
        )
