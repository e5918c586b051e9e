"""Integrals of densities that fall, relative to where they begin: the tails of those without a closed form.

A tail is its largest density times ∫ exp(−drop(y)) dy, whose integrand falls from 1 on: it neither underflows nor
cancels, however far out it begins. The trapezoid rule in t, where y = s / (1 + s / length), s = scale e^(½π sinh t),
has all digits of such an integral, be its tail exponential or algebraic [1]_.

References
----------
.. [1] Takahasi and Mori, "Double exponential formulas for numerical integration" (1974).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray

STEP, REACH = 1 / 12, 4.1  # of t: 15 digits and more
POINTS = np.arange(-REACH, REACH + STEP, STEP)


def log_falling(
    drop: Callable[[FloatArray], FloatArray], scale: npt.ArrayLike, length: npt.ArrayLike = np.inf
) -> FloatArray:
    """log ∫ exp(−drop(y)) dy from 0 to a length; `drop` grows from 0 on, by about 1 or by less within a scale."""
    scales, lengths = np.broadcast_arrays(scale, length)
    total = np.zeros(scales.shape)
    with np.errstate(over="ignore", under="ignore"):
        for t in POINTS:
            s = scales * np.exp(np.pi / 2 * np.sinh(t))
            share = 1 / (1 + s / lengths)
            total += np.exp(-drop(s * share)) * (s * share) * share * np.cosh(t)
    with np.errstate(divide="ignore"):  # of a length of 0
        log_total: FloatArray = np.log(np.pi / 2 * STEP * total)
    return log_total
