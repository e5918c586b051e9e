"""What Stirling's formula leaves of gamma functions of parameters, and what else of these would cancel."""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._kernels.columns import SERIES_REACH, atanh_rest

LARGE = 16.0  # from which asymptotic series are exact to a double
HALF_LOG_2_PI = 0.5 * float(np.log(2 * np.pi))
OF_LOG_GAMMA = 1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360  # in odd powers of 1 / a
OF_DIGAMMA = 1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760  # in even powers, from the second
OF_TRIGAMMA = 1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730  # in odd powers, from the third


def series(terms: tuple[float, ...], x: FloatArray) -> FloatArray:
    """Σ_n terms_n x^n."""
    total = np.zeros_like(x)
    for term in reversed(terms):
        total = term + x * total
    return total


def log_gamma_rest(a: FloatArray) -> FloatArray:
    """a log a − a − log Γ(a), of any a above 0: ½ log(a / 2π) less Stirling's error, to the last digits of these."""
    error, b = np.zeros_like(a), a
    for _ in range(int(LARGE)):
        v = 1 / (2 * b + 1)
        with np.errstate(over="ignore"):
            step = np.where(v < SERIES_REACH, 0.5 * atanh_rest(v), (b + 0.5) * (np.log1p(b) - np.log(b)) - 1.0)
        error = error + np.where(b < LARGE, step, 0.0)
        b = np.where(b < LARGE, b + 1, b)
    r = 1 / b
    rest: FloatArray = 0.5 * np.log(a) - HALF_LOG_2_PI - (error + r * series(OF_LOG_GAMMA, r * r))
    return rest


def log_less_digamma(a: FloatArray) -> FloatArray:
    """log a − ψ(a)."""
    from scipy.special import digamma

    r = 1 / np.maximum(a, LARGE)
    return np.where(a < LARGE, np.log(a) - digamma(a), r * (0.5 + r * series(OF_DIGAMMA, r * r)))


def trigamma_less_inverse(a: FloatArray) -> FloatArray:
    """ψ'(a) − 1 / a, minus the slope of that."""
    from scipy.special import polygamma

    r = 1 / np.maximum(a, LARGE)
    small = np.minimum(a, LARGE)
    return np.where(a < LARGE, polygamma(1, small) - 1 / small, r * r * (0.5 + r * series(OF_TRIGAMMA, r * r)))


def log_less_log1p(x: FloatArray) -> FloatArray:
    """x − log(1 + x), also where x is near 0."""
    v = x / (2 + x)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(v) < SERIES_REACH, x * v - v * atanh_rest(v), x - np.log1p(x))
