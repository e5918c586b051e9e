"""Matrices of common shapes, ready for a model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._docstrings import as_in
from hmmfilter.transitions.dense import Dense


def uniform(n_states: int) -> Dense:
    """Make a chain whose next state is any of all, with the same probability.

    Parameters
    ----------
    n_states : int
        K, at least 1.

    Returns
    -------
    Dense
        The chain.

    Raises
    ------
    ValueError, TypeError
        Where there is not a whole number of states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.transitions.uniform(2).matrix
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    size = _checks.step_count("n_states", n_states)
    return Dense(np.full((size, size), 1.0 / size))


def loop(n_states: int, stay: npt.ArrayLike) -> Dense:
    """Make a chain that stays where it is with some probability, and else goes to any other state.

    Parameters
    ----------
    n_states : int
        K, at least 1.
    stay : float or array_like, (K,)
        The probability to stay, of all states or of each; of a single one it must be 1.

    Returns
    -------
    Dense
        The chain.

    Raises
    ------
    ValueError, TypeError
        Where there is not a whole number of states, or no probability for each.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.transitions.loop(3, stay=0.9).matrix
    array([[0.9 , 0.05, 0.05],
           [0.05, 0.9 , 0.05],
           [0.05, 0.05, 0.9 ]])
    """
    size = _checks.step_count("n_states", n_states)
    staying = _checks.staying(stay, size)
    others = 1.0 - np.eye(size)
    return Dense(np.diag(staying) + others * ((1.0 - staying) / max(1, size - 1))[:, np.newaxis])


@as_in(loop)
def cycle(n_states: int, stay: npt.ArrayLike) -> Dense:
    """Make a chain that stays where it is with some probability, and else goes on to the next state, round and round.

    Parameters
    ----------
    n_states, stay
        As in `loop`.

    Returns
    -------
    Dense
        The chain; the last state leads to the first.

    Raises
    ------
    ValueError, TypeError
        As in `loop`.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.transitions.cycle(3, stay=0.75).matrix
    array([[0.75, 0.25, 0.  ],
           [0.  , 0.75, 0.25],
           [0.25, 0.  , 0.75]])
    """
    size = _checks.step_count("n_states", n_states)
    staying = _checks.staying(stay, size)
    return Dense(np.diag(staying) + np.roll(np.diag(1.0 - staying), 1, axis=1))


@as_in(loop)
def left_to_right(n_states: int, stay: npt.ArrayLike) -> Dense:
    """Make a chain that stays where it is with some probability, and else goes on to the next state, up to the last.

    Parameters
    ----------
    n_states : int
        K, at least 1.
    stay : float or array_like, (K,)
        The probability to stay, of all states or of each; the last one stays for good, whatever it says.

    Returns
    -------
    Dense
        The chain.

    Raises
    ------
    ValueError, TypeError
        As in `loop`.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.transitions.left_to_right(3, stay=0.75).matrix
    array([[0.75, 0.25, 0.  ],
           [0.  , 0.75, 0.25],
           [0.  , 0.  , 1.  ]])
    """
    size = _checks.step_count("n_states", n_states)
    staying = _checks.last_staying(stay, size)
    return Dense(np.diag(staying) + np.diag(1.0 - staying[:-1], 1))


def local(n_states: int, width: int, window: str = "triangle", *, wrap: bool = False) -> Dense:
    """Make a chain that goes to states nearby, whose numbers are not far from its own.

    Parameters
    ----------
    n_states : int
        K, at least 1.
    width : int
        Among how many states the next one is, its own in their middle: an odd number.
    window : {"triangle", "flat"}
        Whether nearer ones are likelier, in proportion to how far they are inside, or all are alike.
    wrap : bool
        Whether the last state is beside the first; else there are fewer to choose from at both ends.

    Returns
    -------
    Dense
        The chain.

    Raises
    ------
    ValueError, TypeError
        Where there is not a whole number of states, or the width is not odd, or it wraps around and is more than all.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.transitions.local(4, width=3).matrix.round(4)
    array([[0.6667, 0.3333, 0.    , 0.    ],
           [0.25  , 0.5   , 0.25  , 0.    ],
           [0.    , 0.25  , 0.5   , 0.25  ],
           [0.    , 0.    , 0.3333, 0.6667]])
    """
    size = _checks.step_count("n_states", n_states)
    half = _checks.odd_width(width, size, wrap) // 2
    numbers = np.arange(size)
    distance = np.abs(numbers[:, np.newaxis] - numbers)
    if wrap:
        distance = np.minimum(distance, size - distance)
    inside = np.maximum(half + 1.0 - distance, 0.0)
    is_flat = _checks.one_of("window", window, ("triangle", "flat")) == "flat"
    return Dense(np.minimum(inside, 1.0) if is_flat else inside, normalize=True)
