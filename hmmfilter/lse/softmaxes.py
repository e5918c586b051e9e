"""Softmax, the gradient of log-sum-exp, and its log."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter.lse.rows import Axis, Rows


def softmax(x: Any, axis: Axis = None, weights: npt.ArrayLike | None = None, where: npt.ArrayLike | None = None) -> Any:
    """Compute p_i = w_i exp(x_i) / Σ_j w_j exp(x_j), the gradient of `logsumexp`.

    Parameters
    ----------
    x : array_like
        Logs, up to a constant that cancels.
    axis : int, tuple of int or None
        Along which axes the result is to sum to 1; None for all.
    weights : array_like, optional
        Factors w_i from 0 up, which broadcast with `x`; 1 without them.
    where : array_like of bool, optional
        False for an entry that does not count and gets 0; broadcasts with `x`.

    Returns
    -------
    ndarray or scalar
        Probabilities. NaN where there are none: all entries −inf, an entry NaN, and at entries of +inf.

    Raises
    ------
    ValueError, TypeError
        As `logsumexp` does.

    Notes
    -----
    p is the gradient of L = log Σ_i exp(x_i), so that ∂p_i/∂x_j = [i = j] p_i − p_i p_j; and among all distributions it
    is the one at which Σ p_i x_i − Σ p_i log p_i is largest, and equal to L.

    References
    ----------
    Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", IMA Journal of Numerical
    Analysis 41 (2021), equation (1.4).

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lse.softmax([1000.0, 1001.0]).round(4)
    array([0.2689, 0.7311])
    """
    rows = Rows.of(x, axis, weights, where)
    p = np.empty(rows.x.shape)
    _, m, r, _ = rows.split(terms=p)
    with np.errstate(under="ignore"):
        p /= (m + r)[:, None]
    return rows.entries(p)


def log_softmax(
    x: Any, axis: Axis = None, weights: npt.ArrayLike | None = None, where: npt.ArrayLike | None = None
) -> Any:
    """Compute the log of `softmax`, which keeps what a probability is too small to hold.

    log p_i = log w_i + x_i − log Σ_j w_j exp(x_j).

    Parameters
    ----------
    x : array_like
        Logs, up to a constant that cancels.
    axis : int, tuple of int or None
        Along which axes the probabilities are to sum to 1; None for all.
    weights : array_like, optional
        Factors w_i from 0 up, which broadcast with `x`; 1 without them.
    where : array_like of bool, optional
        False for an entry that does not count and gets −inf; broadcasts with `x`.

    Returns
    -------
    ndarray or scalar
        Natural logs of probabilities. NaN where `softmax` is.

    Raises
    ------
    ValueError, TypeError
        As `logsumexp` does.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lse.log_softmax([0.0, -1000.0])
    array([    0., -1000.])
    """
    rows = Rows.of(x, axis, weights, where)
    a, m, r, log_sum = (part[:, None] for part in rows.split(terms=np.empty((1, rows.x.shape[1]))))
    with np.errstate(all="ignore"):
        logs = rows.x - a
        if rows.weights is None:
            logs -= log_sum
        else:  # of a term that is nearly the whole sum, the log is near 0, and so are both parts of the first form
            carried = np.log(rows.weights / m) - np.log1p(r / m)
            logs += np.where(r < m, carried, np.log(rows.weights) - log_sum)
            logs[rows.weights == 0] = -np.inf
    return rows.entries(logs)
