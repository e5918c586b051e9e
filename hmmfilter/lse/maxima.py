"""What lies around log-sum-exp: the maximum that it smooths, its bounds, and its convex conjugate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter.lse.rows import Axis, Rows


def smooth_max(x: Any, temperature: float, axis: Axis = None) -> Any:
    """Compute τ log Σ exp(x_i / τ), a smooth function that tends to max x_i as the temperature τ tends to 0.

    Masks, NaN and infinities mean what they mean to `logsumexp`.

    Parameters
    ----------
    x : array_like
        Real numbers.
    temperature : float
        τ, above 0.
    axis : int, tuple of int or None
        What to take the maximum over; None for all.

    Returns
    -------
    ndarray or scalar
        In the units of `x`.

    Raises
    ------
    ValueError, TypeError
        Where the temperature is not above 0, or `x` not of real numbers.

    Notes
    -----
    With L_τ(x) = τ log Σ_i exp(x_i / τ) of n terms, max x_i ≤ L_τ(x) ≤ max x_i + τ log n, and L_τ falls with τ: it
    tends to the maximum as τ → 0. Where m terms are equal to the maximum and all others at least d below, it lies at
    least τ log m above, and at most τ n exp(−d / τ) more.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> [float(lse.smooth_max([1.0, 2.0], temperature).round(4)) for temperature in (1, 0.1, 0.01)]
    [2.3133, 2.0, 2.0]
    """
    tau = _checks.temperature(temperature)
    rows = Rows.of(x, axis)
    top = np.max(rows.x, axis=1, initial=-np.inf, where=rows.counted)
    with np.errstate(all="ignore"):
        _, above = replace(rows, x=(rows.x - top[:, None]) / tau).log_sums()
        return rows.reduced(np.where(np.isfinite(top), top + tau * above, top))


def bounds(x: Any, axis: Axis = None) -> tuple[Any, Any]:
    """Compute what log Σ exp(x_i) of n terms lies between: max x_i and max x_i + log n.

    The lower bound is reached where all other terms are −inf, the upper one where all terms are equal; there, the last
    bit of a double may fall on either side.

    Parameters
    ----------
    x : array_like
        Logs of what is to be summed; masked entries do not count.
    axis : int, tuple of int or None
        What to sum over; None for all.

    Returns
    -------
    lower, upper : ndarray or scalar
        In the units of `x`.

    Raises
    ------
    ValueError, TypeError
        For an `x` that is not of real numbers, or an axis that it does not have.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lower, upper = lse.bounds([1.0, 2.0, 2.0])
    >>> print(lower, upper.round(4))
    2.0 3.0986
    """
    rows = Rows.of(x, axis)
    top = np.max(rows.x, axis=1, initial=-np.inf, where=rows.counted)
    n = np.maximum(rows.counted.sum(axis=1), 1)  # of nothing, both bounds are −inf
    return rows.reduced(top), rows.reduced(top + np.log(n))


def negative_entropy(p: Any, axis: Axis = None) -> Any:
    """Compute Σ p_i log p_i for a distribution p, +inf for anything else: the convex conjugate of `logsumexp`.

    Parameters
    ----------
    p : array_like
        Probabilities.
    axis : int, tuple of int or None
        What to sum over; None for all.

    Returns
    -------
    ndarray or scalar
        In nats, from −log n to 0; +inf off the simplex, where an entry is negative or the sum is not 1 within 1e-8, or
        within the rounding of n numbers of the kind of `p`. NaN where an entry is NaN and none is negative.

    Raises
    ------
    ValueError, TypeError
        For a `p` that is not of real numbers, or an axis that it does not have.

    Notes
    -----
    With L = `logsumexp` and H = `negative_entropy`, for any x and p:

    - L(x) = max_p( Σ p_i x_i − H(p) ), reached at p = softmax(x).
    - H(p) = sup_x( Σ p_i x_i − L(x) ), reached at x = log p; off the simplex, nothing bounds it.
    - So L(x) + H(p) ≥ Σ p_i x_i (Fenchel–Young). For a distribution p the gap is Σ p_i log( p_i / softmax(x)_i ), the
      divergence of p from softmax(x).

    References
    ----------
    Boyd, Vandenberghe, *Convex Optimization* (2004), example 3.25.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> print(lse.negative_entropy([0.5, 0.5]).round(4), lse.negative_entropy([0.5, 0.6]))
    -0.6931 inf
    """
    rows = Rows.of(p, axis, name="p")
    x = np.where(rows.counted, rows.x, 0.0)
    tolerance = max(_checks.SUM_TOLERANCE, x.shape[1] * float(np.finfo(rows.kind).eps))
    with np.errstate(all="ignore"):
        terms = np.where(x == 0, 0.0, x * np.log(x))
        off = (x < 0).any(axis=1) | (np.abs(x.sum(axis=1) - 1) > tolerance)
    return rows.reduced(np.where(off, np.inf, terms.sum(axis=1)))
