"""The log-sum-exp family: log Σ_i exp(x_i), and what belongs to it.

Whatever sums exponentials here shifts by the largest term first, log Σ exp(x_i) = a + log Σ exp(x_i − a), but for the
two that show what happens otherwise: `naive_logsumexp` and `logaddexp_reduce`.

The shift holds for any a. Log-sum-exp is the sum of a semiring whose product is +: with x ⊕ y = log(e^x + e^y),

    (x ⊕ y) ⊕ z = x ⊕ (y ⊕ z),    x ⊕ y = y ⊕ x,    x ⊕ −∞ = x,    z + (x ⊕ y) = (z + x) ⊕ (z + y),

and the same holds for max. So a recursion in sums and products of probabilities runs in logs unchanged, with ⊕ in place
of + and + in place of ×; with max in place of ⊕, filtering becomes Viterbi decoding. Each law stated here, or under
Notes below, is a test of its own.

Arguments in common: `x` is anything that numpy takes for an array of real numbers, of any shape; float16 and float32
stay what they are, everything else becomes float64, and the arithmetic is that of float64 throughout. `axis` is one
axis, a tuple of them, or None for all; results have the shape of `x` without these axes, or its own where there is a
result for each entry. An entry that is masked, by ``where=False`` or in a NumPy masked array, has weight zero, and an
entry of weight zero does not exist, be it NaN. Weights must be valid everywhere; below 1e-300 they lose digits.
`logsumexp(x)` and `softmax(x)` of one vector, of any type but float16, can be called from your own ``@njit`` functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray

__all__ = [
    "bounds",
    "log_softmax",
    "logaddexp_reduce",
    "logmeanexp",
    "logsumexp",
    "naive_logsumexp",
    "negative_entropy",
    "smooth_max",
    "softmax",
]

Axis = int | tuple[int, ...] | None


@dataclass(frozen=True)
class _Rows:
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
    ) -> _Rows:
        array, checked, kind = _checks.lse_terms(x, weights, where, name)
        axes = _checks.axes(axis, array.ndim)

        def rows(table: FloatArray) -> FloatArray:
            moved = np.moveaxis(table, axes, range(-len(axes), 0))
            n = math.prod(table.shape[a] for a in axes)
            n_rows = math.prod(moved.shape[: table.ndim - len(axes)])
            flat = np.ascontiguousarray(moved).reshape(
                n_rows, n
            )  # a view at least, so that the caller's stays writeable
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
        return np.ones(self.x.shape, dtype=bool) if self.weights is None else self.weights > 0

    def split(self, terms: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """a, m, r and log(m + r) of every row, (N,): its sum is exp(a) (m + r). Fills the terms of m + r, a ring."""
        from hmmfilter import _kernels

        a, m, r, log_sum = np.empty((4, len(self.x)))
        with np.errstate(all="ignore"):
            _kernels.run_split_sums(self.x, self.weights, terms, a, m, r, log_sum)
        return a, m, r, log_sum

    def log_sums(self) -> tuple[FloatArray, FloatArray]:
        """The log-sum-exp of every row, (N,), in two parts: a and log(m + r)."""
        a, _, _, log_sum = self.split(terms=np.empty((1, self.x.shape[1])))
        return a, log_sum


def logsumexp(
    x: Any,
    axis: Axis = None,
    weights: npt.ArrayLike | None = None,
    where: npt.ArrayLike | None = None,
    keepdims: bool = False,
) -> Any:
    """Compute log Σ_i w_i exp(x_i) without overflow, underflow or a loss of digits.

    The sum is exp(a) (m + r), where a is the largest x_i, m the weight of all entries that are equal to it, and r the
    rest, added up with compensation. The result a + log m + log1p(r / m) keeps its digits near zero, too.

    Parameters
    ----------
    x : array_like
        Logs of what is to be summed; −inf and +inf are welcome.
    axis : int, tuple of int or None
        What to sum over; None for all.
    weights : array_like, optional
        Factors w_i from 0 up, which broadcast with `x`; 1 without them.
    where : array_like of bool, optional
        False for an entry that does not count; broadcasts with `x`.
    keepdims : bool
        Keep the axes that are summed over, with length 1.

    Returns
    -------
    ndarray or scalar
        Natural logs. −inf for a sum of nothing, where all is masked, empty or −inf; +inf where any term is; NaN where
        any term is NaN.

    Raises
    ------
    ValueError, TypeError
        For an `x` that is not of real numbers, an axis that it does not have, weights that are negative or have no
        finite sum, a mask that is not boolean, and shapes that do not broadcast.

    Notes
    -----
    With L(x) = log Σ_i exp(x_i) of n terms, and p = softmax(x):

    - max x_i ≤ L(x) ≤ max x_i + log n: see `bounds`.
    - L rises with each argument: with x_i + h for x_i, by log(1 + p_i (e^h − 1)).
    - Its gradient is ∂L/∂x_i = p_i, its Hessian ∂²L/∂x_i ∂x_j = [i = j] p_i − p_i p_j.
    - L is convex, L(λ x + (1 − λ) y) ≤ λ L(x) + (1 − λ) L(y), but not strictly: L(x + c 1) = L(x) + c. It bends in
      every other direction.
    - x_j + s − s²/2 ≤ L(x) ≤ x_j + s for each j, where s = Σ_{i≠j} exp(x_i − x_j): tight where x_j dominates.
    - log Σ_i w_i exp(x_i) = L(x + log w): a weight of zero is a mask.
    - It is the normaliser of a softmax regression: log p(y = k) = z_k − L(z) for logits z, also where they are ±1e4.

    References
    ----------
    Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", IMA Journal of Numerical
    Analysis 41 (2021), equation (1.3), algorithm 3.1 and section 4.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lse.logsumexp([-1000.0, -1000.0]).round(4)
    np.float64(-999.3069)
    >>> lse.logsumexp([0.0, -40.0])
    np.float64(4.248354255291589e-18)
    >>> lse.logsumexp([[0.0, 1.0], [2.0, 3.0]], axis=1, where=[[True, False], [True, True]]).round(4)
    array([0.    , 3.3133])
    """
    rows = _Rows.of(x, axis, weights, where)
    a, log_sum = rows.log_sums()
    return rows.reduced(log_sum + a, keepdims)


def softmax(x: Any, axis: Axis = None, weights: npt.ArrayLike | None = None, where: npt.ArrayLike | None = None) -> Any:
    """Compute p_i = w_i exp(x_i) / Σ_j w_j exp(x_j), the gradient of `logsumexp`.

    Parameters
    ----------
    x : array_like
        Logs, up to a constant that cancels.
    axis : int, tuple of int or None
        Along which axes the result is to sum to 1; None for all.
    weights : array_like, optional
        Factors w_i from 0 up, which broadcast with `x`; 1 without them.
    where : array_like of bool, optional
        False for an entry that does not count and gets 0; broadcasts with `x`.

    Returns
    -------
    ndarray or scalar
        Probabilities. NaN where there are none: all entries −inf, an entry NaN, and at entries of +inf.

    Raises
    ------
    ValueError, TypeError
        As `logsumexp` does.

    Notes
    -----
    p is the gradient of L = log Σ_i exp(x_i), so that ∂p_i/∂x_j = [i = j] p_i − p_i p_j; and among all distributions it
    is the one at which Σ p_i x_i − Σ p_i log p_i is largest, and equal to L.

    References
    ----------
    Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", IMA Journal of Numerical
    Analysis 41 (2021), equation (1.4).

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lse.softmax([1000.0, 1001.0]).round(4)
    array([0.2689, 0.7311])
    """
    rows = _Rows.of(x, axis, weights, where)
    p = np.empty(rows.x.shape)
    _, m, r, _ = rows.split(terms=p)
    p /= (m + r)[:, None]
    return rows.entries(p)


def log_softmax(
    x: Any, axis: Axis = None, weights: npt.ArrayLike | None = None, where: npt.ArrayLike | None = None
) -> Any:
    """Compute the log of `softmax`, which keeps what a probability is too small to hold.

    log p_i = log w_i + x_i − log Σ_j w_j exp(x_j).

    Parameters
    ----------
    x : array_like
        Logs, up to a constant that cancels.
    axis : int, tuple of int or None
        Along which axes the probabilities are to sum to 1; None for all.
    weights : array_like, optional
        Factors w_i from 0 up, which broadcast with `x`; 1 without them.
    where : array_like of bool, optional
        False for an entry that does not count and gets −inf; broadcasts with `x`.

    Returns
    -------
    ndarray or scalar
        Natural logs of probabilities. NaN where `softmax` is.

    Raises
    ------
    ValueError, TypeError
        As `logsumexp` does.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lse.log_softmax([0.0, -1000.0])
    array([    0., -1000.])
    """
    rows = _Rows.of(x, axis, weights, where)
    a, m, r, log_sum = (part[:, None] for part in rows.split(terms=np.empty((1, rows.x.shape[1]))))
    with np.errstate(all="ignore"):
        logs = rows.x - a
        if rows.weights is None:
            logs -= log_sum
        else:  # of a term that is nearly the whole sum, the log is near 0, and so are both parts of the first form
            carried = np.log(rows.weights / m) - np.log1p(r / m)
            logs += np.where(r < m, carried, np.log(rows.weights) - log_sum)
            logs[rows.weights == 0] = -np.inf
    return rows.entries(logs)


def logmeanexp(
    x: Any,
    axis: Axis = None,
    weights: npt.ArrayLike | None = None,
    where: npt.ArrayLike | None = None,
    keepdims: bool = False,
) -> Any:
    """Compute the log of a mean from logs: log( Σ_i w_i exp(x_i) / Σ_i w_i ).

    Parameters
    ----------
    x : array_like
        Logs of what is to be averaged.
    axis, weights, where, keepdims
        As for `logsumexp`.

    Returns
    -------
    ndarray or scalar
        Natural logs; NaN for a mean of nothing, where all is masked or empty.

    Raises
    ------
    ValueError, TypeError
        As `logsumexp` does.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lse.logmeanexp([-1000.0, -1000.0])
    np.float64(-1000.0)
    """
    rows = _Rows.of(x, axis, weights, where)
    a, log_sum = rows.log_sums()
    total = np.full(len(a), float(rows.x.shape[1])) if rows.weights is None else rows.weights.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_mean = (log_sum - np.log(total)) + a
    return rows.reduced(np.where(total == 0, np.nan, log_mean), keepdims)


def logaddexp_reduce(x: Any, axis: Axis = None) -> Any:
    """Add up in log space one by one, s ← log(e^s + e^x_i): right, but slower and less exact than `logsumexp`.

    Here for comparison. Each step rounds, and on n terms n roundings add up, where the shifted sum rounds its log once:
    of 100,000 terms near −1000 the result has two digits less, and of a million equal ones more than two.

    Parameters
    ----------
    x : array_like
        Logs of what is to be summed.
    axis : int, tuple of int or None
        What to sum over; None for all.

    Returns
    -------
    ndarray or scalar
        Natural logs.

    Raises
    ------
    ValueError, TypeError
        For an `x` that is not of real numbers, or an axis that it does not have.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lse.logaddexp_reduce([-1000.0, -1000.0]).round(4)
    np.float64(-999.3069)
    """
    rows = _Rows.of(x, axis)
    with np.errstate(invalid="ignore"):
        return rows.reduced(np.logaddexp.reduce(rows.x, axis=1, where=rows.counted, initial=-np.inf))


def naive_logsumexp(x: Any, axis: Axis = None) -> Any:
    """Compute log Σ exp(x_i) as it is written, with no shift: +inf from x = 710 on, −inf below x = −746. Don't use it.

    Parameters
    ----------
    x : array_like
        Logs of what is to be summed.
    axis : int, tuple of int or None
        What to sum over; None for all.

    Returns
    -------
    ndarray or scalar
        Natural logs, where the sum lives.

    Raises
    ------
    ValueError, TypeError
        For an `x` that is not of real numbers, or an axis that it does not have.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lse.naive_logsumexp([710.0, 0.0]), lse.naive_logsumexp([-746.0, -746.0])
    (np.float64(inf), np.float64(-inf))
    """
    rows = _Rows.of(x, axis)
    with np.errstate(all="ignore"):
        return rows.reduced(np.log(np.exp(rows.x).sum(axis=1, where=rows.counted)))


def smooth_max(x: Any, temperature: float, axis: Axis = None) -> Any:
    """Compute τ log Σ exp(x_i / τ), a smooth function that tends to max x_i as the temperature τ tends to 0.

    Masks, NaN and infinities mean what they mean to `logsumexp`.

    Parameters
    ----------
    x : array_like
        Real numbers.
    temperature : float
        τ, above 0.
    axis : int, tuple of int or None
        What to take the maximum over; None for all.

    Returns
    -------
    ndarray or scalar
        In the units of `x`.

    Raises
    ------
    ValueError, TypeError
        Where the temperature is not above 0, or `x` not of real numbers.

    Notes
    -----
    With L_τ(x) = τ log Σ_i exp(x_i / τ) of n terms, max x_i ≤ L_τ(x) ≤ max x_i + τ log n, and L_τ falls with τ: it
    tends to the maximum as τ → 0. Where m terms are equal to the maximum and all others at least d below, it lies at
    least τ log m above, and at most τ n exp(−d / τ) more.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> [float(lse.smooth_max([1.0, 2.0], temperature).round(4)) for temperature in (1, 0.1, 0.01)]
    [2.3133, 2.0, 2.0]
    """
    tau = _checks.temperature(temperature)
    rows = _Rows.of(x, axis)
    top = np.max(rows.x, axis=1, initial=-np.inf, where=rows.counted)
    with np.errstate(all="ignore"):
        _, above = replace(rows, x=(rows.x - top[:, None]) / tau).log_sums()
        return rows.reduced(np.where(np.isfinite(top), top + tau * above, top))


def bounds(x: Any, axis: Axis = None) -> tuple[Any, Any]:
    """Compute what log Σ exp(x_i) of n terms lies between: max x_i and max x_i + log n.

    The lower bound is reached where all other terms are −inf, the upper one where all terms are equal; there, the last
    bit of a double may fall on either side.

    Parameters
    ----------
    x : array_like
        Logs of what is to be summed; masked entries do not count.
    axis : int, tuple of int or None
        What to sum over; None for all.

    Returns
    -------
    lower, upper : ndarray or scalar
        In the units of `x`.

    Raises
    ------
    ValueError, TypeError
        For an `x` that is not of real numbers, or an axis that it does not have.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lower, upper = lse.bounds([1.0, 2.0, 2.0])
    >>> print(lower, upper.round(4))
    2.0 3.0986
    """
    rows = _Rows.of(x, axis)
    top = np.max(rows.x, axis=1, initial=-np.inf, where=rows.counted)
    n = np.maximum(rows.counted.sum(axis=1), 1)  # of nothing, both bounds are −inf
    return rows.reduced(top), rows.reduced(top + np.log(n))


def negative_entropy(p: Any, axis: Axis = None) -> Any:
    """Compute Σ p_i log p_i for a distribution p, +inf for anything else: the convex conjugate of `logsumexp`.

    Parameters
    ----------
    p : array_like
        Probabilities.
    axis : int, tuple of int or None
        What to sum over; None for all.

    Returns
    -------
    ndarray or scalar
        In nats, from −log n to 0; +inf off the simplex, where an entry is negative or the sum is not 1 within 1e-8, or
        within the rounding of n numbers of the kind of `p`. NaN where an entry is NaN and none is negative.

    Raises
    ------
    ValueError, TypeError
        For a `p` that is not of real numbers, or an axis that it does not have.

    Notes
    -----
    With L = `logsumexp` and H = `negative_entropy`, for any x and p:

    - L(x) = max_p( Σ p_i x_i − H(p) ), reached at p = softmax(x).
    - H(p) = sup_x( Σ p_i x_i − L(x) ), reached at x = log p; off the simplex, nothing bounds it.
    - So L(x) + H(p) ≥ Σ p_i x_i (Fenchel–Young). For a distribution p the gap is Σ p_i log( p_i / softmax(x)_i ), the
      divergence of p from softmax(x).

    References
    ----------
    Boyd, Vandenberghe, *Convex Optimization* (2004), example 3.25.

    Examples
    --------
    >>> from hmmfilter import lse
    >>> lse.negative_entropy([0.5, 0.5]).round(4), lse.negative_entropy([0.5, 0.6])
    (np.float64(-0.6931), np.float64(inf))
    """
    rows = _Rows.of(p, axis, name="p")
    x = np.where(rows.counted, rows.x, 0.0)
    tolerance = max(_checks.SUM_TOLERANCE, x.shape[1] * float(np.finfo(rows.kind).eps))
    with np.errstate(all="ignore"):
        terms = np.where(x == 0, 0.0, x * np.log(x))
        off = (x < 0).any(axis=1) | (np.abs(x.sum(axis=1) - 1) > tolerance)
    return rows.reduced(np.where(off, np.inf, terms.sum(axis=1)))


def _register_with_numba() -> None:
    """Called by Numba itself, which the package's metadata tell of it, before it first compiles anything.

    Kernels are imported when somebody calls one of these: most of Numba's users never do.
    """
    from hmmfilter._compiling import offer_inside_compiled_code

    offer_inside_compiled_code(logsumexp, _kernels_of_logsumexp)
    offer_inside_compiled_code(softmax, _kernels_of_softmax)


def _kernels_of_logsumexp() -> tuple[Any, Any]:
    from hmmfilter import _kernels

    return _kernels.log_sum_exp_of, _kernels.float32_number


def _kernels_of_softmax() -> tuple[Any, Any]:
    from hmmfilter import _kernels

    return _kernels.softmax_of, _kernels.float32_vector
