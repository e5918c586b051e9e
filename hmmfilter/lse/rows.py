"""The way in, and out: many log-sum-exps, each of them a row."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, frozen
from hmmfilter._tiers import kernels

Axis = int | tuple[int, ...] | None


@dataclass(frozen=True)
class Rows:
    """The terms of many log-sum-exps, each of them a row, and the way back to the shape that they came in."""

    x: FloatArray  # (N, n)
    weights: FloatArray | None  # (N, n)
    shape: tuple[int, ...]  # of the input, broadcast
    axes: tuple[int, ...]  # of the input, that make one row
    kind: type[np.floating[Any]]  # of the result

    @classmethod
    def of(
        cls,
        x: Any,
        axis: Axis,
        weights: npt.ArrayLike | None = None,
        where: npt.ArrayLike | None = None,
        name: str = "x",
        of_weights: str | None = "at least 0",
    ) -> Rows:
        """Let terms in, with weights, of any sign where nothing is required of them, and a mask."""
        array, checked, kind = _checks.lse_terms(x, weights, where, name, of_weights)
        axes = _checks.axes(axis, array.ndim)

        def rows(table: FloatArray) -> FloatArray:
            moved = np.moveaxis(table, axes, range(-len(axes), 0))
            n = math.prod(table.shape[a] for a in axes)
            n_rows = math.prod(moved.shape[: table.ndim - len(axes)])
            flat = np.ascontiguousarray(moved).reshape(n_rows, n)  # a view at least: the caller's stays writeable
            flat.flags.writeable = False
            return flat

        return cls(rows(array), None if checked is None else rows(checked), array.shape, axes, kind)

    def reduced(self, values: FloatArray, keepdims: bool = False) -> Any:
        """One value a row, (N,), in the shape that a reduction leaves."""
        kept = [1 if a in self.axes else n for a, n in enumerate(self.shape) if keepdims or a not in self.axes]
        with np.errstate(over="ignore"):
            return values.reshape(kept).astype(self.kind)[()]

    def entries(self, values: FloatArray) -> Any:
        """One value an entry, (N, n), in the shape of the input."""
        others = [n for a, n in enumerate(self.shape) if a not in self.axes]
        moved = values.reshape([*others, *(self.shape[a] for a in self.axes)])
        with np.errstate(over="ignore"):
            return np.moveaxis(moved, range(-len(self.axes), 0), self.axes).astype(self.kind, copy=False)[()]

    @property
    def counted(self) -> BoolArray:
        """Which entries count, (N, n)."""
        return np.ones(self.x.shape, dtype=bool) if self.weights is None else self.weights != 0

    def split(self, terms: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """a, m, r and log(m + r) of every row, (N,): its sum is exp(a) (m + r). Fills the terms of m + r, a ring."""
        a, m, r, log_sum = np.empty((4, len(self.x)))
        with np.errstate(all="ignore"):
            kernels.run_split_sums(self.x, self.weights, terms, a, m, r, log_sum)
        return a, m, r, log_sum

    def log_sums(self) -> tuple[FloatArray, FloatArray]:
        """The log-sum-exp of every row, (N,), in two parts: a and log(m + r)."""
        a, _, _, log_sum = self.split(terms=np.empty((1, self.x.shape[1])))
        return a, log_sum

    def signed_log_sums(self) -> tuple[FloatArray, FloatArray]:
        """The log of the magnitude of every row's sum, (N,), and the sum's sign: −1, 0 or 1, or NaN."""
        log_sum, sign = np.empty((2, len(self.x)))
        is_plain = np.ones(len(self.x), dtype=np.bool_)
        if self.weights is not None:
            np.all(self.weights >= 0, axis=1, out=is_plain)
        a, above = self._of(is_plain).log_sums()
        log_sum[is_plain] = above + a
        sign[is_plain] = np.where(np.isnan(above + a), np.nan, above + a > -np.inf)
        if not is_plain.all():
            log_sum[~is_plain], sign[~is_plain] = self._of(~is_plain)._with_signs()
        return log_sum, sign

    def _of(self, chosen: BoolArray) -> Rows:
        weights = None if self.weights is None else frozen(self.weights[chosen])
        return replace(self, x=frozen(self.x[chosen]), weights=weights)

    def _with_signs(self) -> tuple[FloatArray, FloatArray]:
        assert self.weights is not None
        x = np.where(self.counted & np.isfinite(self.x), self.x, -np.inf)
        order = np.argsort(-x, axis=1, kind="stable")
        log_sum, sign = np.empty((2, len(x)))
        with np.errstate(all="ignore"):
            kernels.run_signed_sums(
                np.take_along_axis(x, order, axis=1), np.take_along_axis(self.weights, order, axis=1), log_sum, sign
            )
            beyond = np.where(self.counted & ~(self.x < np.inf), np.sign(self.weights) * self.x, 0.0).sum(axis=1)
        log_sum[beyond != 0], sign[beyond != 0] = np.abs(beyond[beyond != 0]), np.sign(beyond[beyond != 0])
        return log_sum, sign
