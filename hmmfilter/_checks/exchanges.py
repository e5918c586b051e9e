"""Models of other libraries: what they must have, and what cannot be said here, or there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.errors import shown, shown_name


def known_kind(of: str, value: Any, known: Iterable[str]) -> str:
    """Tell which of some kinds a foreign object is, by the names of its class and of those that it derives from."""
    names = tuple(known)
    for base in type(value).__mro__:
        if base.__name__ in names:
            return base.__name__
    raise TypeError(f"{of} must be one of {', '.join(names)}, got {type(value).__name__} {shown(value)}")


def has_parts(of: str, value: Any, names: Sequence[str], way_on: str) -> None:
    """Insist on a foreign object with what a model is made of, as one that was fitted has it."""
    for name in names:
        if getattr(value, name, None) is None:
            raise TypeError(f"{of} must have {name}, got {type(value).__name__} without it: {way_on}")


def same_rules(of: str, value: Any, kind: str, hooks: Sequence[str]) -> None:
    """Refuse one of a derived class that computes probabilities otherwise than the class that is known."""
    bases = type(value).__mro__
    derived = bases[: [base.__name__ for base in bases].index(kind)]
    for name, hook in [(base.__name__, hook) for base in derived for hook in hooks if hook in vars(base)]:
        raise TypeError(
            f"{of} must compute its probabilities as {kind} does, got {shown_name(name)}, which has {hook} of its own: "
            "give hmmfilter.HMM an emission of your own"
        )


def plain_chain(to: str, chain: Any, is_one_matrix: bool, final: FloatArray | None) -> None:
    """Insist on a chain that another library can have: one matrix, and no ends."""
    if hasattr(chain, "to_dense"):
        raise ValueError(
            f"{to} has chains of one full matrix only, got {type(chain).__name__} transitions: "
            "model.transition.to_dense() makes one"
        )
    if not is_one_matrix:
        raise ValueError(f"{to} has chains of one matrix only, got a model whose transitions depend on more")
    if final is not None:
        raise ValueError(f"{to} has no probabilities of ends, got a model with final={shown(final.tolist())}")


def ends_add_up(rests: FloatArray, ends: FloatArray) -> NoReturn:
    """Refuse edges and ends of which no probabilities can be made."""
    state = int(np.argmax(np.abs(rests)))
    raise ValueError(
        "edges and ends of a pomegranate model must sum to 1 in each state, or edges alone where ends are all alike, "
        f"got {shown(float(1 + rests[state]))} in state {state} with an end of {shown(float(ends[state]))}: fit it, or "
        "set ends that do"
    )


def cannot_be_said(to: str, what: str, way_on: str) -> NoReturn:
    """Refuse what one library can say, and the other cannot."""
    raise ValueError(f"{to} cannot say {what}: {way_on}")


def unknown_parameters(of: str, value: Any, known: Iterable[tuple[str, ...]]) -> NoReturn:
    """Refuse parameters of no emission that is known."""
    came = getattr(value, "_fields", None) or sorted(vars(value))
    sets = ", ".join(f"({', '.join(names)})" for names in known)
    raise TypeError(f"{of} must have one of these sets of parameters: {sets}; got {', '.join(came)}")
