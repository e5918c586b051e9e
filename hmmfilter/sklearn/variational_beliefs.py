"""What variational estimators believe of parameters: Dirichlet, gamma and Wishart distributions, and normal ones.

A precision Λ, d by d, with a Wishart distribution of n degrees of freedom and scale S⁻¹ has the density

    |B|^a / Γ_d(a) · |Λ|^(a − (d + 1) / 2) · exp(−tr B Λ),        a = n / 2, B = S / 2,

which for d = 1 is that of a gamma distribution, of shape a and rate B.

References
----------
Bishop, "Pattern Recognition and Machine Learning" (2006), sections 10.2 and appendix B.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln, multigammaln

from hmmfilter._arrays import FloatArray


def expected_logs(concentrations: FloatArray) -> FloatArray:
    """E(log p) of rows p with these Dirichlet distributions; −inf where a concentration is 0: p is 0 there."""
    logs: FloatArray = digamma(concentrations) - digamma(concentrations.sum(axis=-1, keepdims=True))
    return logs


def dirichlet_divergence(after: FloatArray, before: FloatArray) -> float:
    """KL(after ‖ before) of Dirichlet distributions, added up over rows; entries that are 0 in both are in neither."""
    is_in = (after != 0) | (before != 0)
    excess = np.where(is_in, after - before, 0.0) * np.where(is_in, expected_logs(after), 0.0)
    return float(np.sum(_log_normalizers(after, is_in) - _log_normalizers(before, is_in) + excess.sum(axis=-1)))


def _log_normalizers(concentrations: FloatArray, is_in: FloatArray) -> FloatArray:
    """log Γ(Σ c) − Σ log Γ(c)."""
    own = np.where(is_in, gammaln(np.where(is_in, concentrations, 1.0)), 0.0)
    logs: FloatArray = gammaln(concentrations.sum(axis=-1)) - own.sum(axis=-1)
    return logs


def log_spread(shape: FloatArray, d: int) -> FloatArray:
    """E(log |Λ|) − log |E(Λ)| of a precision, d by d; from below 0 to 0, the more is known."""
    logs: FloatArray = _multidigamma(shape, d) - d * np.log(shape)
    return logs


def _multidigamma(shape: FloatArray, d: int) -> FloatArray:
    """The derivative of log Γ_d."""
    terms: FloatArray = digamma(shape[..., np.newaxis] - 0.5 * np.arange(d)).sum(axis=-1)
    return terms


def wishart_divergence(shapes: tuple[FloatArray, FloatArray], rates: tuple[FloatArray, FloatArray]) -> float:
    """KL(after ‖ before) of Wishart distributions, added up; shapes, (C,), and rates, (C, d, d), after and before."""
    (a, a_before), (b, b_before), d = shapes, rates, rates[0].shape[-1]
    ratio = np.linalg.solve(b, b_before)
    log_ratio = np.linalg.slogdet(ratio)[1]
    divergence = (
        (a - a_before) * _multidigamma(a, d)
        - (multigammaln(a, d) - multigammaln(a_before, d))
        - a_before * log_ratio
        + a * (np.trace(ratio, axis1=-2, axis2=-1) - d)
    )
    return float(np.sum(divergence))


def normal_divergence(betas: tuple[FloatArray, FloatArray], distances: FloatArray, d: int) -> float:
    """E(KL(after ‖ before)) of normal means of precisions β Λ, added up over states; betas, (K,), after and before.

    Distances, (K,), are squares of the difference of the means, measured by E(Λ).
    """
    after, before = betas
    ratio = before / after
    return float(0.5 * np.sum(d * (ratio - 1.0 - np.log(ratio)) + before * distances))
