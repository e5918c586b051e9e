"""Linear predictors, in two parts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, frozen
from hmmfilter._kernels.predictors import room_for_predictors
from hmmfilter._tiers import kernels


class Predictors(NamedTuple):
    """Of each row, in two parts whose sum it is; the second is what rounding leaves of the first."""

    head: FloatArray  # (T, ...)
    rest: FloatArray

    def plain(self) -> FloatArray:
        """Rounded."""
        return self.head + self.rest

    def off(self, values: FloatArray) -> FloatArray:
        """Values less predictors."""
        return (values - self.head) - self.rest


def predictors(design: FloatArray, coefficients: FloatArray) -> Predictors:
    """Those of each row of a design, (T, P), by coefficients (..., P): (T, ...)."""
    rows = frozen(np.ascontiguousarray(coefficients.reshape(-1, design.shape[1])))
    head, rest = np.empty((2, len(design), len(rows)))
    kernels.fill_predictors(frozen(np.ascontiguousarray(design)), rows, room_for_predictors(*design.shape), head, rest)
    shape = (len(design), *coefficients.shape[:-1])
    return Predictors(head.reshape(shape), rest.reshape(shape))
