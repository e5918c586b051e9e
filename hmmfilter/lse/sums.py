"""The log of a sum or a mean: as it should be computed, one by one, and as it is written."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.lse.rows import Axis, Rows


def logsumexp(
    x: Any,
    axis: Axis = None,
    weights: npt.ArrayLike | None = None,
    where: npt.ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
) -> Any:
    """Compute log Σ_i w_i exp(x_i) without overflow, underflow or a loss of digits.

    The sum is exp(a) (m + r), where a is the largest x_i, m the weight of all entries that are equal to it, and r the
    rest, added up with compensation. The result a + log m + log1p(r / m) keeps its digits near zero, too.

    Parameters
    ----------
    x : array_like
        Logs of what is to be summed; −inf and +inf are welcome.
    axis : int, tuple of int or None
        What to sum over; None for all.
    weights : array_like, optional
        Factors w_i from 0 up, or with `return_sign` of any sign, which broadcast with `x`; 1 without them.
    where : array_like of bool, optional
        False for an entry that does not count; broadcasts with `x`.
    keepdims : bool
        Keep the axes that are summed over, with length 1.
    return_sign : bool
        Return the sign of the sum, too: without it a sum below zero would have no log.

    Returns
    -------
    ndarray or scalar
        Natural logs, with `return_sign` of the sum's magnitude. −inf for a sum of nothing, where all is masked, empty
        or −inf, and where all of it cancels; +inf where any term is; NaN where any term is NaN, or +inf − inf.
    sign : ndarray or scalar, with `return_sign`
        −1.0, 0.0 or 1.0, of the kind and shape of the logs; NaN where they are.

    Raises
    ------
    ValueError, TypeError
        For an `x` that is not of real numbers, an axis that it does not have, weights that are negative without
        `return_sign` or have no finite sum, a mask that is not boolean, and shapes that do not broadcast.

    Notes
    -----
    With L(x) = log Σ_i exp(x_i) of n terms, and p = softmax(x):

    - max x_i ≤ L(x) ≤ max x_i + log n: see `bounds`.
    - L rises with each argument: with x_i + h for x_i, by log(1 + p_i (e^h − 1)).
    - Its gradient is ∂L/∂x_i = p_i, its Hessian ∂²L/∂x_i ∂x_j = [i = j] p_i − p_i p_j.
    - L is convex, L(λ x + (1 − λ) y) ≤ λ L(x) + (1 − λ) L(y), but not strictly: L(x + c 1) = L(x) + c. It bends in
      every other direction.
    - x_j + s − s²/2 ≤ L(x) ≤ x_j + s for each j, where s = Σ_{i≠j} exp(x_i − x_j): tight where x_j dominates.
    - log Σ_i w_i exp(x_i) = L(x + log w): a weight of zero is a mask.
    - Terms of both signs cancel. They are taken to 31 digits, and weights of equal x_i added up before, so that the log
      has all its digits unless more than 15 cancel.
    - It is the normaliser of a softmax regression: log p(y = k) = z_k − L(z) for logits z, also where they are ±1e4.

    References
    ----------
    Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", IMA Journal of Numerical
    Analysis 41 (2021), equation (1.3), algorithm 3.1 and section 4.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> print(lse.logsumexp([-1000.0, -1000.0]).round(4))
    -999.3069
    >>> print(lse.logsumexp([0.0, -40.0]))
    4.248354255291589e-18
    >>> lse.logsumexp([[0.0, 1.0], [2.0, 3.0]], axis=1, where=[[True, False], [True, True]]).round(4)
    array([0.    , 3.3133])
    >>> log_magnitude, sign = lse.logsumexp([-1000.0, -1001.0], weights=[1.0, -3.0], return_sign=True)
    >>> print(log_magnitude.round(4), sign)  # e^-1000 − 3 e^-1001
    -1002.2668 -1.0
    """
    is_kept = _checks.flag("keepdims", keepdims)
    if not _checks.flag("return_sign", return_sign):
        rows = Rows.of(x, axis, weights, where, of_weights="at least 0, or come with return_sign=True")
        a, log_sum = rows.log_sums()
        return rows.reduced(log_sum + a, is_kept)
    rows = Rows.of(x, axis, weights, where, of_weights=None)
    log_sum, sign = rows.signed_log_sums()
    return rows.reduced(log_sum, is_kept), rows.reduced(sign, is_kept)


@as_in(logsumexp)
def logmeanexp(
    x: Any,
    axis: Axis = None,
    weights: npt.ArrayLike | None = None,
    where: npt.ArrayLike | None = None,
    keepdims: bool = False,
) -> Any:
    """Compute the log of a mean from logs: log( Σ_i w_i exp(x_i) / Σ_i w_i ).

    Parameters
    ----------
    x : array_like
        Logs of what is to be averaged.
    axis
        As in `logsumexp`.
    weights : array_like, optional
        Factors w_i from 0 up, which broadcast with `x`; 1 without them.
    where, keepdims
        As in `logsumexp`.

    Returns
    -------
    ndarray or scalar
        Natural logs; NaN for a mean of nothing, where all is masked or empty.

    Raises
    ------
    ValueError, TypeError
        As `logsumexp` does.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> print(lse.logmeanexp([-1000.0, -1000.0]))
    -1000.0
    """
    rows = Rows.of(x, axis, weights, where)
    a, log_sum = rows.log_sums()
    with np.errstate(divide="ignore", invalid="ignore"):
        log_mean = (log_sum - _log_of_weights(rows)) + a
    return rows.reduced(log_mean, _checks.flag("keepdims", keepdims))


def _log_of_weights(rows: Rows) -> FloatArray | float:
    """log Σ_i w_i, or NaN for nothing.

    Of n ones as the kernels take it, so that it cancels with theirs: NumPy's log may be another.
    """
    if rows.weights is not None:
        total = rows.weights.sum(axis=1)
        return np.log(np.where(total == 0, np.nan, total))
    n = rows.x.shape[1]
    return math.log(n) if n > 0 else math.nan


def logaddexp_reduce(x: Any, axis: Axis = None) -> Any:
    """Add up in log space one by one, s ← log(e^s + e^x_i): right, but slower and less exact than `logsumexp`.

    Here for comparison. Each step rounds, and on n terms n roundings add up, where the shifted sum rounds its log once:
    of 100,000 terms near −1000 the result has two digits less, and of a million equal ones more than two.

    Parameters
    ----------
    x : array_like
        Logs of what is to be summed.
    axis : int, tuple of int or None
        What to sum over; None for all.

    Returns
    -------
    ndarray or scalar
        Natural logs.

    Raises
    ------
    ValueError, TypeError
        For an `x` that is not of real numbers, or an axis that it does not have.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> print(lse.logaddexp_reduce([-1000.0, -1000.0]).round(4))
    -999.3069
    """
    rows = Rows.of(x, axis)
    with np.errstate(invalid="ignore"):
        return rows.reduced(np.logaddexp.reduce(rows.x, axis=1, where=rows.counted, initial=-np.inf))


def naive_logsumexp(x: Any, axis: Axis = None) -> Any:
    """Compute log Σ exp(x_i) as it is written, with no shift: +inf from x = 710 on, −inf below x = −746. Don't use it.

    Parameters
    ----------
    x : array_like
        Logs of what is to be summed.
    axis : int, tuple of int or None
        What to sum over; None for all.

    Returns
    -------
    ndarray or scalar
        Natural logs, where the sum lives.

    Raises
    ------
    ValueError, TypeError
        For an `x` that is not of real numbers, or an axis that it does not have.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> print(lse.naive_logsumexp([710.0, 0.0]), lse.naive_logsumexp([-746.0, -746.0]))
    inf -inf
    """
    rows = Rows.of(x, axis)
    with np.errstate(all="ignore"):
        return rows.reduced(np.log(np.exp(rows.x).sum(axis=1, where=rows.counted)))
