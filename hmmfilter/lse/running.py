"""Log-sum-exps of all beginnings of a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._tiers import kernels
from hmmfilter.lse.rows import Axis, Rows


def logcumsumexp(
    x: Any, axis: Axis = None, weights: npt.ArrayLike | None = None, where: npt.ArrayLike | None = None
) -> Any:
    """Compute log Σ_{j ≤ i} w_j exp(x_j) for each i: the logs of running sums.

    Each term is added once to a sum that has twice the digits of a double and an exponent of its own, so that no
    rounding of one step is left to the next: of a million terms the last result is as exact as `logsumexp` of them.

    Parameters
    ----------
    x : array_like
        Logs of what is to be summed; −inf and +inf are welcome.
    axis : int, tuple of int or None
        Along what to sum. Several axes, and all of them for None, are gone through in C order, the last one fastest.
    weights : array_like, optional
        Factors w_i from 0 up, which broadcast with `x`; 1 without them.
    where : array_like of bool, optional
        False for an entry that does not count, where the sum stays what it was; broadcasts with `x`.

    Returns
    -------
    ndarray or scalar
        Natural logs, in the shape of `x`. −inf as long as there is nothing; from a NaN on NaN, from +inf on +inf.

    Raises
    ------
    ValueError, TypeError
        As `logsumexp` does.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lse.logcumsumexp([-1000.0, -1000.0, -1001.0]).round(4)
    array([-1000.    ,  -999.3069,  -999.138 ])
    """
    rows = Rows.of(x, axis, weights, where)
    log_sums = np.empty(rows.x.shape)
    with np.errstate(all="ignore"):
        kernels.run_running_sums(rows.x, rows.weights, log_sums)
    return rows.entries(log_sums)
