"""Covariances of a linear structure: some of their entries are held, or are one number within a matrix.

Their likelihood has no maximum in closed form, and is climbed by scoring [1]_, whose steps are halved until they lead
to a positive definite matrix that is no less probable.

References
----------
.. [1] Anderson, "Asymptotically efficient estimation of covariance matrices with linear structure", Annals of
   Statistics 1 (1973).
"""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

MOST_STEPS = 5  # the next step of learning goes on from there
SHARES = 0.5 ** np.arange(40)  # of a step
NEAR = 1e-13  # of the gain that a step promises, to the weight: no less can be told from rounding


def structured(covariance: FloatArray, scatter: FloatArray, weight: FloatArray, groups: IntArray) -> FloatArray:
    """The most probable covariances, (C, d, d), from those that there were on."""
    numbers = np.unique(groups[groups >= 0])
    patterns = (groups[..., None] == numbers).astype(np.float64)  # (C, d, d, G)
    for _ in range(MOST_STEPS):
        precision = np.linalg.inv(covariance)
        excess = precision @ (scatter - weight[:, None, None] * covariance) @ precision
        slope = 0.5 * np.einsum("cij, cijg -> g", excess, patterns)
        turned = np.einsum("cij, cjkg, ckl -> cilg", precision, patterns, precision)
        information = 0.5 * np.einsum("c, cilg, cilh -> gh", weight, turned, patterns)
        step = np.linalg.pinv(information, hermitian=True) @ slope
        move, value = patterns @ step, _log_probability(covariance, scatter, weight)
        ways = (covariance + share * move for share in SHARES if slope @ step > NEAR * weight.sum())
        better = next((way for way in ways if _log_probability(way, scatter, weight) > value), None)
        if better is None:
            break
        covariance = better
    return covariance


def _log_probability(covariance: FloatArray, scatter: FloatArray, weight: FloatArray) -> float:
    """−½ Σ (W log |Σ| + tr Σ⁻¹ S), −∞ where a matrix is not positive definite."""
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return -np.inf
    logs = 2.0 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    traces = np.trace(np.linalg.solve(covariance, scatter), axis1=1, axis2=2)
    return -0.5 * float(weight @ logs + traces.sum())
