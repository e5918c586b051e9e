"""What a guess, and a fit to known states, are told: the kind of emission, how wide vectors are, the states."""

from __future__ import annotations

import inspect
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._checks.errors import EntryError, shown
from hmmfilter._checks.labels import keyed
from hmmfilter._checks.learning import MOST_STATES, UNKNOWN, known_states
from hmmfilter._checks.observations import holds_containers, is_container
from hmmfilter._checks.settings import step_count


def emission_class(value: Any, known: Mapping[str, type]) -> Any:
    """Let a class of emissions in, or the name of one of this library, in capitals or not."""
    if isinstance(value, str):
        if value.lower() not in known:
            raise ValueError(f"emission must be one of {', '.join(known)}, or a class, got {shown(value)}")
        value = known[value.lower()]
    if not isinstance(value, type):
        way = ": several columns are a 'product', with channels=" if isinstance(value, (list, tuple, dict)) else ""
        raise TypeError(f"emission must be the name of a kind, or a class, got {shown(value)}{way}")
    if not hasattr(value, "guessed"):
        raise TypeError(f"emission must have guessed, as those of hmmfilter.emissions do, got {value.__name__} without")
    return value


def maker_of_transitions(value: Any) -> None:
    """Insist on what makes a transition of a number of states, if anything."""
    if value is not None and not callable(value):
        raise TypeError(f"transition must be a function of the number of states, got {type(value).__name__}")


def options_taken(kind: Any, options: Mapping[str, Any]) -> None:
    """Insist on what `guessed` of a class takes by name, besides observations, weights, and what lies beside them."""
    parameters = list(inspect.signature(kind.guessed).parameters.values())[2:]
    own = {each.name: each for each in parameters if each.name not in ("covariates", "lengths")}
    named = {name: each for name, each in own.items() if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)}
    strange = [name for name in options if name not in named]
    if strange and not any(each.kind == each.VAR_KEYWORD for each in own.values()):
        need = f"be of {', '.join(named)}" if named else "be left out"
        raise TypeError(f"what is said of {kind.__name__} must {need}, got {', '.join(strange)}")
    lacking = [name for name, each in named.items() if each.default is each.empty and name not in options]
    if lacking:
        got = ", ".join(options) or "nothing"
        raise TypeError(f"what is said of {kind.__name__} must have {', '.join(lacking)}, got {got}")


def vector_width(observations: Any, lengths: Any, *, lists_are_vectors: bool = True) -> int | None:
    """D, where observations are vectors by their looks; None where they are numbers.

    A table of several columns has vectors, and so has a list of lists of one length. A list of arrays, or of lists of
    lists, is a list of sequences, but for those with `lengths`: they are one table. Where numbers are more usual than
    vectors, a list of lists of numbers may be told to be one of sequences, too.
    """
    if isinstance(observations, Mapping):
        parts = list(observations.values())
    elif hasattr(observations, "get_group"):
        parts = keyed(observations, None, None)[0] or []
    elif lengths is None and isinstance(observations, (list, tuple)) and _are_parts(observations):
        parts = list(observations)
    else:
        return _width(observations) if lists_are_vectors or hasattr(observations, "ndim") else None
    widths = [_width(part) for part in parts if is_container(part) and len(part) > 0]
    return widths[0] if widths else None


def _are_parts(entries: Sequence[Any]) -> bool:
    """Whether each entry is a sequence of its own."""
    return any(hasattr(entry, "ndim") and entry.ndim > 0 for entry in entries) or any(
        holds_containers(entry) for entry in entries if isinstance(entry, (list, tuple))
    )


def _width(table: Any) -> int | None:
    """How many columns there are; None for one."""
    if hasattr(table, "ndim"):
        return table.shape[1] if table.ndim == 2 and table.shape[1] > 1 else None
    widths = {len(entry) for entry in table if is_container(entry)} if is_container(table) else set()
    return widths.pop() if len(widths) == 1 and widths != {1} else None


def told_apart(are_different: bool, n_states: int, method: str) -> None:
    """Insist on as many different observations as states, where a method looks at what they are."""
    if not are_different:
        raise ValueError(
            f"observations must have {n_states} different values at least for {n_states} states by method='{method}', "
            "got fewer: method='responsibilities' draws at random, whatever they are"
        )


def all_states_known(
    value: Any, lengths: Sequence[int], n_states: int | None, keys: Sequence[Hashable] | None
) -> tuple[IntArray, int, list[str] | None]:
    """Let the states of all steps in, say how many there are, be it by the largest, and how they are called, if so."""
    most, names = MOST_STATES if n_states is None else step_count("n_states", n_states), list[str]()
    states = known_states(value, lengths, most, keys, "states", names)
    for t in np.flatnonzero(states == UNKNOWN)[:1]:
        raise EntryError(
            f"states must be known at every step, got none at step {t} of all: hf.fit(start, observations, "
            "labels=states) learns where some are",
            (int(t),),
        )
    n_known = int(states.max(initial=0)) + 1 if n_states is None else most
    return states, n_known, names if len(names) == n_known else None


def all_states_shown(states: IntArray, n_states: int) -> None:
    """Insist that each state is among those of steps with an observation."""
    found = np.unique(states)
    if len(found) < n_states:
        missing = int(np.flatnonzero(np.append(found, n_states) != np.arange(len(found) + 1))[0])
        raise ValueError(
            f"states must hold each of 0 to {n_states - 1} at a step with an observation, got none of {missing}: "
            "hf.fit(start, observations, labels=states) keeps what a start says of it"
        )


def all_states_left(counts: FloatArray) -> None:
    """Insist on a move out of each state, counted or believed in, where there are several."""
    for state in np.flatnonzero(counts.sum(axis=1) == 0)[:1]:
        if len(counts) > 1:
            raise ValueError(
                f"states must hold a step after state {state}, or nothing says where it leads: give a prior, as "
                "hf.Prior(transition=hf.priors.Dirichlet(2.0)), or use hf.fit(start, observations, labels=states), "
                "which keeps what a start says of it"
            )
