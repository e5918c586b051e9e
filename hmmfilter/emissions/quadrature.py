"""Integrals of densities that fall, relative to where they begin: the tails of those without a closed form.

A tail is its largest density times ∫ exp(−drop(y)) dy, whose integrand falls from 1 on: it neither underflows nor
cancels, however far out it begins. The trapezoid rule in t, where y = s / (1 + s / length), s = scale exp(t − exp(−t)),
has all digits of such an integral [1]_: log y goes evenly, so that it does not matter where the integrand falls, or how
often, and faster only where y is so near 0 that nothing falls any more.

References
----------
.. [1] Takahasi and Mori, "Double exponential formulas for numerical integration" (1974).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray

STEP = 1 / 8
POINTS = np.arange(-3.75, 38.0, STEP)  # to where y is below 1e-18 scales, and above 1e16 of them


def log_falling(
    drop: Callable[[FloatArray], FloatArray], scale: npt.ArrayLike, length: npt.ArrayLike = np.inf
) -> FloatArray:
    """log ∫ exp(−drop(y)) dy from 0 to a length; `drop` grows from 0 on, by less than about 1 within a scale."""
    lengths, scales = np.broadcast_arrays(length, np.minimum(scale, length))
    total = np.zeros(scales.shape)
    with np.errstate(over="ignore", under="ignore"):
        for t in POINTS:
            s = scales * np.exp(t - np.exp(-t))
            share = 1 / (1 + s / lengths)
            total += np.exp(-drop(s * share)) * (s * share) * share * (1 + np.exp(-t))
    with np.errstate(divide="ignore"):  # of lengths that are hardly any doubles
        log_total: FloatArray = np.log(STEP * total)
    return log_total
