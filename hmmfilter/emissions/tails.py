"""Distribution functions on either side, as logs, far into the tails: gamma, beta, inverse Gaussian, and of hazards.

In the middle by functions of SciPy; where the probability on one side is small, by continued fractions of how much it
is beside the density there, which is exact.

References
----------
Press et al., "Numerical Recipes", 3rd edition (2007), sections 6.2 and 6.4.
"""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.emissions.sides import FAR

LOG_2 = float(np.log(2.0))
N_TERMS = 200  # of a continued fraction, at most: enough for parameters of any size, so far out
EPSILON = float(np.finfo(np.float64).eps)
Logs = tuple[FloatArray, FloatArray]  # log P(V < v), log P(V > v)


def of_hazard(log_hazard: FloatArray, hazard: FloatArray) -> Logs:
    """Of waiting times whose hazards have added up to as much: 1 − exp(−u) and exp(−u)."""
    with np.errstate(divide="ignore"):
        log_below = np.where(hazard < LOG_2, np.log(-np.expm1(-hazard)), np.log1p(-np.exp(-hazard)))
    return np.where(hazard < EPSILON, log_hazard - hazard / 2, log_below), -hazard


def completed(below: FloatArray, above: FloatArray, log_far_below: FloatArray, log_far_above: FloatArray) -> Logs:
    """Logs of probabilities, and of those that are small, which are told by themselves: the other side is the rest."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log_below = np.where(above < FAR, np.log1p(-np.exp(log_far_above)), np.log(below))
        log_above = np.where(below < FAR, np.log1p(-np.exp(log_far_below)), np.log(above))
        return np.where(below < FAR, log_far_below, log_below), np.where(above < FAR, log_far_above, log_above)


def of_gamma(y: FloatArray, shape: FloatArray, log_at: FloatArray) -> Logs:
    """Of numbers over their scales, (T, K), with the log-densities of these."""
    from scipy.special import gammainc, gammaincc

    y, shape = np.broadcast_arrays(y, shape)
    with np.errstate(all="ignore"):
        below, above = gammainc(shape, y), gammaincc(shape, y)
        below_rest, above_rest = np.zeros(y.shape), np.zeros(y.shape)
        for n in range(N_TERMS, 0, -1):
            below_rest = n * y / (shape + n - y + below_rest)
            above_rest = n * (shape - n) / (y - shape + 2 * n + 1 + above_rest)
        log_far_below = log_at + np.log(y) - np.log(shape - y + below_rest)
        log_far_above = log_at + np.log(y) - np.log(y - shape + 1 + above_rest)
        log_far_below = np.where(y == 0, -np.inf, log_far_below)
    return completed(below, above, log_far_below, log_far_above)


def of_beta(x: FloatArray, rest: FloatArray, a: FloatArray, b: FloatArray, log_at: FloatArray) -> Logs:
    """Of shares and of what is left of 1, (T, K), with log x^a (1 − x)^b / B(a, b)."""
    from scipy.special import betainc

    x, rest, a, b = np.broadcast_arrays(x, rest, a, b)
    with np.errstate(all="ignore"):
        below, above = betainc(a, b, x), betainc(b, a, rest)
        log_far_below = log_at - np.log(a) + _log_fraction_of_beta(x, a, b)
        log_far_above = log_at - np.log(b) + _log_fraction_of_beta(rest, b, a)
        log_far_below, log_far_above = (
            np.where(each == 0, -np.inf, far) for each, far in ((x, log_far_below), (rest, log_far_above))
        )
    return completed(below, above, log_far_below, log_far_above)


def _log_fraction_of_beta(x: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """The log of the continued fraction of I_x(a, b), from its far end."""
    rest = np.ones(x.shape)
    for m in range(N_TERMS, 0, -1):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        rest = 1 + even / (1 + odd / rest)
    fraction: FloatArray = -np.log(1 - (a + b) * x / (a + 1) / rest)
    return fraction


NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(16)
OF_ERFCX = (1.0, -1.0, 3.0, -15.0, 105.0, -945.0, 10395.0, -135135.0, 2027025.0)  # in odd powers of 1 / z, halved


def of_inverse_gaussian(x: FloatArray, mean: FloatArray, shape: FloatArray) -> Logs:
    """½ exp(−E) (erfcx(−s) ± erfcx(t)), of s and t = r (x / μ ∓ 1) / √2 with r = √(λ / x), and E = s²."""
    from scipy.special import erfcx, log_ndtr

    x, mean, shape = np.broadcast_arrays(x, mean, shape)
    with np.errstate(all="ignore"):
        r = np.sqrt(shape / x / 2)
        s, t = r * ((x - mean) / mean), r * (x / mean + 1)
        root = np.sqrt(2.0)
        exponent = s * s
        log_second = np.log(erfcx(t) / 2) - exponent
        log_below = np.logaddexp(log_ndtr(s * root), log_second)
        log_above = np.where(
            s > 0,
            np.log(_difference_of_erfcx(s, t) / 2) - exponent,
            log_ndtr(-s * root) + np.log1p(-np.exp(log_second - log_ndtr(-s * root))),
        )
        log_below = np.where(log_above < np.log(FAR), np.log1p(-np.exp(log_above)), log_below)
        log_above = np.where(log_below < np.log(FAR), np.log1p(-np.exp(log_below)), log_above)
    return np.where(x == 0, -np.inf, log_below), np.where(x == 0, 0.0, log_above)


def _difference_of_erfcx(s: FloatArray, t: FloatArray) -> FloatArray:
    """erfcx(s) − erfcx(t) for 0 < s < t: where they are near, by an integral, or far out by its series."""
    from scipy.special import erfcx

    direct = erfcx(s) - erfcx(t)
    middle, half = (s + t) / 2, (t - s) / 2
    z = middle[..., None] + half[..., None] * NODES
    by_integral = half * ((2 / np.sqrt(np.pi) - 2 * z * erfcx(z)) @ NODE_WEIGHTS)
    log_ratio, by_series = np.log1p((t - s) / s), np.zeros(s.shape)
    for n, term in reversed(list(enumerate(OF_ERFCX))):
        by_series += term * (2 * s * s) ** -float(n) * -np.expm1(-(2 * n + 1) * log_ratio)
    by_series /= s * np.sqrt(np.pi)
    return np.where(s > 8, by_series, np.where(t < 2 * s + 0.5, by_integral, direct))
