"""What laws of angles have in common: turns taken off, means on the circle, and how concentrated they are."""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import FloatArray, frozen
from hmmfilter.emissions.quadrature import log_falling

TINY = float(np.finfo(float).tiny)
PI = np.pi, 1.2246467991473532e-16
TURN = 6.2831853069365025, 2.4308402025215864e-10, 8.089064995183803e-21  # 2π: twice 33 bits, and the rest
MOST_TURNS = 2.0**20  # whose products with either of the first two are exact

# 1 − I₁(κ) / I₀(κ) = Σ c_n κ^−n, an asymptotic series: exact to a double from LARGE on
EXCESS = (
    *(0.5, 0.125, 0.125, 0.1953125, 0.40625, 1.0478515625, 3.21875, 11.466461181640625, 46.478515625),
    *(211.27614974975586, 1064.67822265625, 5892.0457146167755, 35528.87744140625, 231884.6359563172),
)
LARGE = 30.0
Parts = tuple[FloatArray, FloatArray]
STEPS = 12  # of Newton's method, in logs, where concentrations are nearly powers of what they make


def wrapped(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Angles from −π to π in two parts, of which the second keeps what rounding takes from the first.

    Beyond a million turns, where angles are further apart than 1e-9, they are what they are to a double.
    """
    turns = np.rint(x / (TURN[0] + TURN[1]))
    turns = np.where(np.abs(x) <= np.pi, 0.0, turns)
    first = x - turns * TURN[0]
    second = turns * TURN[1]
    angle = first - second
    back = angle - first
    rest = (first - (angle - back)) - (second + back) - turns * TURN[2]
    is_far = np.abs(turns) > MOST_TURNS
    return (
        frozen(np.where(is_far, np.arctan2(np.sin(x), np.cos(x)), angle)),
        frozen(np.where(is_far, 0.0, rest)),
    )


def apart(x: FloatArray, x_rest: FloatArray, y: FloatArray, y_rest: FloatArray) -> tuple[FloatArray, FloatArray]:
    """x − y of numbers in two parts, in two parts."""
    difference = x - y
    back = difference - x
    return difference, ((x - (difference - back)) - (y + back)) + (x_rest - y_rest)


def half_waves(angle: FloatArray, rest: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The sine and the cosine of half an angle in two parts: all digits of the sine, also for those near 2π."""
    half, half_rest = angle / 2, rest / 2
    sine, cosine = np.sin(half), np.cos(half)
    return sine + cosine * half_rest, cosine - sine * half_rest


def resultant(concentration: FloatArray) -> tuple[FloatArray, FloatArray]:
    """R = I₁(κ) / I₀(κ), the length of the mean of von Mises' angles as points of the circle, and 1 − R."""
    from scipy.special import i0e, i1e

    ratio = i1e(concentration) / i0e(concentration)
    inverse = 1 / np.maximum(concentration, LARGE)
    excess = np.where(concentration < LARGE, 1 - ratio, _series(EXCESS, inverse))
    return np.where(concentration < LARGE, ratio, 1 - excess), excess


def _series(coefficients: tuple[float, ...], x: FloatArray) -> FloatArray:
    """Σ c_n x^n, n from 1."""
    total = np.zeros_like(x)
    for each in reversed(coefficients):
        total = (total + each) * x
    return total


def slope_of_resultant(concentration: FloatArray) -> FloatArray:
    """dR / dκ, which is 1 − R² − R / κ."""
    ratio, _ = resultant(concentration)
    inverse = 1 / np.maximum(concentration, LARGE)
    rising = inverse * _series(tuple(n * each for n, each in enumerate(EXCESS, 1)), inverse)
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.where(concentration > 0, 1 - ratio**2 - ratio / concentration, 0.5)
    return np.where(concentration < LARGE, near, rising)


def concentration_of(excess: FloatArray) -> FloatArray:
    """κ of which 1 − R is that, above 0; 0 where it is 1 or more."""
    excess = np.minimum(excess, 1.0)
    ratio = 1 - excess
    known = np.maximum(ratio, TINY)
    kappa = np.where(excess < 0.5, 0.5 / excess, known * (2 - known**2) / (1 - known**2).clip(0.5))
    for _ in range(STEPS):
        there, left = resultant(kappa)
        is_near = excess < 0.5
        miss = np.where(is_near, np.log(excess / left), np.log(known / there))
        pace = slope_of_resultant(kappa) * kappa * np.where(is_near, -1 / left, 1 / there)
        kappa = kappa * np.exp(miss / pace)
    return np.where(ratio > 0, kappa, 0.0)


def variance_of(log_ratio: FloatArray) -> FloatArray:
    """−2 log R, the square of the circular standard deviation; infinite where R is 0."""
    variance: FloatArray = 0.0 - 2.0 * log_ratio
    return variance


def mixed_directions(
    log_probabilities: FloatArray, mean: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The direction of Σ p_k R_k exp(i μ_k), and −2 log R of its length, for each row of log p_k, (S, K).

    1 − R is Σ p_k (1 − R_k + R_k (1 − cos(μ_k − m))) about the direction m: nothing cancels, however small the spread.
    Where R is 0 there is no direction, and the spread is infinite.
    """
    probabilities = np.exp(log_probabilities)
    pulls = probabilities * np.exp(-variance / 2)
    across, along = pulls @ np.sin(mean), pulls @ np.cos(mean)
    length = np.hypot(across, along)
    direction = np.where(length == 0, np.nan, np.arctan2(across, along))
    bends = 2 * np.square(np.sin((mean - np.where(length == 0, 0.0, direction)[:, None]) / 2))
    excess = probabilities @ -np.expm1(-variance / 2) + (pulls * bends).sum(axis=1)
    with np.errstate(divide="ignore"):
        log_ratio = np.where(excess < 0.5, np.log1p(-np.minimum(excess, 0.5)), np.log(length))
    return direction, variance_of(log_ratio)


def log_arc(begin: Parts, end: Parts, length: FloatArray, concentration: FloatArray) -> FloatArray:
    """log ∫ exp(κ (cos d − 1)) dd from one angle to another, in two parts and from −2π to 2π, so far from each other.

    There are two ways down from the mode at 0, and one from each of those at −2π and 2π. Of each, the integral begins
    with the highest density that it has on the arc.
    """
    total = np.full(length.shape, -np.inf)
    turned = (-end[0], -end[1]), (-begin[0], -begin[1])
    for mode, (near, far) in ((-1, (begin, end)), (0, turned), (0, (begin, end)), (-1, turned)):
        low, high = ((angle - 2 * mode * PI[0]) + (rest - 2 * mode * PI[1]) for angle, rest in (near, far))
        first, last = np.maximum(low, 0.0), np.minimum(high, np.pi)
        piece = np.where((low >= 0) & (high <= np.pi), length, np.maximum(last - first, 0.0))
        total = np.logaddexp(total, _log_way_down(first, np.where(last > first, piece, 0.0), concentration))
    return total


def _log_way_down(first: FloatArray, length: FloatArray, concentration: FloatArray) -> FloatArray:
    """The same from an angle that is so far from the mode further away from it, but not beyond π."""

    def drop(y: FloatArray) -> FloatArray:
        fallen: FloatArray = 2 * concentration * np.sin(y / 2) * np.sin(first + y / 2)
        return fallen

    scale = 1 / (concentration * np.sin(np.minimum(first, np.pi)) + np.sqrt(concentration) + 1)
    log_way = log_falling(drop, scale, np.where(length > 0, length, 1.0))
    return np.where(length > 0, log_way - 2 * concentration * np.sin(first / 2) ** 2, -np.inf)
