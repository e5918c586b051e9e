"""Logs of differences, and of what is left to 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray


def logdiffexp(x: Any, y: Any, return_sign: bool = False) -> Any:
    """Compute log(exp(x) − exp(y)), entry by entry, without overflow, underflow or a loss of digits.

    It is x + `log1mexp` (y − x), and y − x loses nothing where it matters: numbers near each other have an exact
    difference.

    Parameters
    ----------
    x, y : array_like
        Logs, which broadcast; no y above its x, unless with `return_sign`. A masked entry is the log of zero.
    return_sign : bool
        Take y above x, too, and return the sign of the difference.

    Returns
    -------
    ndarray or scalar
        Natural logs, with `return_sign` of the difference's magnitude. −inf where x and y are equal, +inf where one of
        them is; NaN where both are +inf, or any is NaN.
    sign : ndarray or scalar, with `return_sign`
        −1.0, 0.0 or 1.0, of the kind and shape of the logs; NaN where they are.

    Raises
    ------
    ValueError, TypeError
        For a y above its x without `return_sign`, what is not of real numbers, and shapes that do not broadcast.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> print(lse.logdiffexp(-1000.0, -1001.0).round(4))
    -1000.4587
    >>> log_magnitude, sign = lse.logdiffexp([1.0, 2.0, 3.0], 2.0, return_sign=True)
    >>> print(log_magnitude.round(4), sign)
    [1.5413   -inf 2.5413] [-1.  0.  1.]
    """
    (x, y), kind = _checks.logs_to_subtract(x=x, y=y)
    is_signed = _checks.flag("return_sign", return_sign)
    if not is_signed:
        _checks.in_order(x, y)
    with np.errstate(all="ignore"):
        log_magnitude = np.maximum(x, y) + _log_of_rest(np.where(x == y, 0.0, -np.abs(x - y)))
        sign = np.where(np.isnan(log_magnitude), np.nan, 1.0 * (x > y) - (x < y))
        result = log_magnitude.astype(kind)[()]
    return (result, sign.astype(kind)[()]) if is_signed else result


def log1mexp(x: Any) -> Any:
    """Compute log(1 − exp(x)), entry by entry: from the log of a probability, the log of what is left to 1.

    Above −log 2 it is log(−expm1(x)), below log1p(−exp(x)): each loses digits where the other keeps them [1]_.

    Parameters
    ----------
    x : array_like
        Logs of numbers from 0 to 1, so none above 0. A masked entry is the log of zero.

    Returns
    -------
    ndarray or scalar
        Natural logs. −inf for the log of 1, −0.0 for the log of 0; NaN where x is.

    Raises
    ------
    ValueError, TypeError
        For an x above 0, and what is not of real numbers.

    References
    ----------
    .. [1] Mächler, "Accurately computing log(1 − exp(−|a|))", vignette of the R package Rmpfr (2012).

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lse.log1mexp([-1e-20, -0.5, -40.0])
    array([-4.60517019e+01, -9.32752130e-01, -4.24835426e-18])
    """
    (x,), kind = _checks.logs_to_subtract(x=x)
    _checks.log_probabilities_of("x", x)
    return _log_of_rest(x).astype(kind)[()]


def _log_of_rest(x: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        rest: FloatArray = np.where(x > -math.log(2), np.log(-np.expm1(x)), np.log1p(-np.exp(x)))
    return rest
