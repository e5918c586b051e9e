"""The recursions as textbooks print them: products of probabilities, not normalised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, Frozen, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter._tiers import kernels


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _NaiveResult(Frozen):
    first_subnormal: int | None
    first_zero: int | None

    def __post_init__(self) -> None:
        self._freeze(**vars(self))

    def _story(self, table: npt.NDArray[Any], letter: str, what: str) -> str:
        n_steps, n_states = table.shape
        subnormal, zero = (
            "never" if step is None else f"from step {step} on" for step in (self.first_subnormal, self.first_zero)
        )
        return (
            f"{type(self).__name__}: {n_steps} steps, {n_states} states, {table.dtype}, {what}; "
            f"{letter} subnormal {subnormal}, zero {zero}"
        )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NaiveFiltered(_NaiveResult):
    """What `forward_filter` returns.

    Attributes
    ----------
    alpha : ndarray, (T, K)
        α_t(k) = p(h_t = k, v_1:t), a probability (or density), in the dtype asked for.
    probabilities : ndarray, (T, K)
        p(h_t = k | v_1:t): α_t over its sum; NaN where that is zero.
    likelihood : float
        p(v_1:T), the sum of the last α; 0 where it has died.
    first_subnormal : int or None
        The first step at which an α that is not zero in exact arithmetic lies below the smallest normal number of the
        dtype: from there on digits are lost.
    first_zero : int or None
        The step from which all α are zero, though not all are in exact arithmetic.

    Examples
    --------
    >>> from hmmfilter import naive
    >>> naive.forward_filter([1.0], [[1.0]], [[1e-160]] * 3)
    NaiveFiltered: 3 steps, 1 states, float64, likelihood 0.0; α subnormal from step 1 on, zero from step 2 on
    """

    alpha: npt.NDArray[Any]
    probabilities: npt.NDArray[Any]
    likelihood: float

    def __repr__(self) -> str:
        return self._story(self.alpha, "α", f"likelihood {self.likelihood}")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@as_in(NaiveFiltered)
class NaiveSmoothed(NaiveFiltered):
    """What `smooth` returns: as `NaiveFiltered`, with β, and probabilities given all observations.

    The product α β dies everywhere at once: where α lives at the beginning, β has died on its way from the end, so that
    a sequence that is too long has no row left.

    Attributes
    ----------
    alpha
        As in `NaiveFiltered`.
    beta : ndarray, (T, K)
        β_t(k) = p(v_t+1:T | h_t = k), a probability (or density), in the dtype asked for.
    probabilities : ndarray, (T, K)
        p(h_t = k | v_1:T): α_t β_t over its sum; NaN where that is zero.
    likelihood, first_subnormal, first_zero
        As in `NaiveFiltered`.

    Examples
    --------
    >>> from hmmfilter import naive
    >>> naive.smooth([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], [[1e-160, 1e-161]] * 3).probabilities
    array([[nan, nan],
           [nan, nan],
           [nan, nan]])
    """

    beta: npt.NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NaiveDecoded(_NaiveResult):
    """What `viterbi` returns.

    Attributes
    ----------
    path : ndarray of int, (T,)
        The best path, as long as δ lives; without meaning where it has died.
    delta : ndarray, (T, K)
        δ_t(k) = max p(h_1:t, v_1:t) over paths to h_t = k, a probability (or density), in the dtype asked for.
    joint_probability : float
        p(path, v_1:T), the largest of the last δ; 0 where it has died.
    first_subnormal, first_zero : int or None
        What they are in `NaiveFiltered`, of δ.

    Examples
    --------
    >>> from hmmfilter import naive
    >>> naive.viterbi([1.0], [[1.0]], [[0.5]] * 3)
    NaiveDecoded: 3 steps, 1 states, float64, joint probability 0.125; δ subnormal never, zero never
    """

    path: IntArray
    delta: npt.NDArray[Any]
    joint_probability: float

    def __repr__(self) -> str:
        return self._story(self.delta, "δ", f"joint probability {self.joint_probability}")


def forward_filter(
    initial: npt.ArrayLike,
    transition: npt.ArrayLike,
    likelihoods: npt.ArrayLike,
    *,
    dtype: npt.DTypeLike = np.float64,
) -> NaiveFiltered:
    """Filter as textbooks print it, α_t(j) = p(v_t | h_t = j) Σ_i α_{t−1}(i) p(h_t = j | h_{t−1} = i). Don't use it.

    Parameters
    ----------
    initial : array_like, (K,)
        p(h_1 = k), probabilities.
    transition : array_like, (K, K)
        p(h_{t+1} = j | h_t = i) at [i, j], probabilities.
    likelihoods : array_like, (T, K)
        p(v_t | h_t = k), probabilities or densities: no logs.
    dtype : float64 or float32
        What to compute in; float32 dies sooner.

    Returns
    -------
    NaiveFiltered
        ``alpha``, ``probabilities``, ``likelihood``, ``first_subnormal``, ``first_zero``.

    Raises
    ------
    ValueError, TypeError
        For negative numbers, NaN, infinities, wrong shapes, empty tables, and any other dtype.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.A, equations (19) to
    (21), and section V.A on why nobody should.

    Examples
    --------
    The casino of Durbin et al., on 500 rolls of one and the same face:

    >>> import hmmfilter as hf
    >>> chain = [0.5, 0.5], [[0.95, 0.05], [0.10, 0.90]], [[1 / 6, 1 / 10]] * 500
    >>> hf.naive.forward_filter(*chain)
    NaiveFiltered: 500 steps, 2 states, float64, likelihood 0.0; α subnormal from step 384 on, zero from step 405 on
    """
    start, a, b, reachable = prepare(initial, transition, likelihoods, dtype)
    alpha = np.empty_like(b)
    with np.errstate(all="ignore"):
        kernels.run_naive_forward(start, a, b, alpha)
        sums = alpha.sum(axis=1, keepdims=True)
        probabilities = alpha / sums
    return NaiveFiltered(
        alpha=alpha, probabilities=probabilities, likelihood=float(sums[-1, 0]), **find_deaths(alpha, reachable)
    )


@as_in(forward_filter)
def smooth(
    initial: npt.ArrayLike,
    transition: npt.ArrayLike,
    likelihoods: npt.ArrayLike,
    *,
    dtype: npt.DTypeLike = np.float64,
) -> NaiveSmoothed:
    """Smooth as textbooks print it, p(h_t = i | v_1:T) = α_t(i) β_t(i) / Σ_k α_t(k) β_t(k). Don't use it.

    Parameters
    ----------
    initial, transition, likelihoods, dtype
        As in `forward_filter`.

    Returns
    -------
    NaiveSmoothed
        ``alpha``, ``beta``, ``probabilities``, ``likelihood``, ``first_subnormal``, ``first_zero``.

    Raises
    ------
    ValueError, TypeError
        As in `forward_filter`.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III, equations (24)-(27).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> chain = [0.5, 0.5], [[0.7, 0.3], [0.3, 0.7]], [[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]]
    >>> hf.naive.smooth(*chain).probabilities.round(4)
    array([[0.8619, 0.1381],
           [0.7992, 0.2008],
           [0.1907, 0.8093]])
    """
    start, a, b, reachable = prepare(initial, transition, likelihoods, dtype)
    alpha, beta = np.empty_like(b), np.empty_like(b)
    with np.errstate(all="ignore"):
        kernels.run_naive_forward(start, a, b, alpha)
        kernels.run_naive_backward(a, b, beta)
        gamma = alpha * beta
        gamma /= gamma.sum(axis=1, keepdims=True)
        likelihood = float(alpha[-1].sum())
    return NaiveSmoothed(
        alpha=alpha, beta=beta, probabilities=gamma, likelihood=likelihood, **find_deaths(alpha, reachable)
    )


@as_in(forward_filter)
def viterbi(
    initial: npt.ArrayLike,
    transition: npt.ArrayLike,
    likelihoods: npt.ArrayLike,
    *,
    dtype: npt.DTypeLike = np.float64,
) -> NaiveDecoded:
    """Decode as textbooks print it, δ_t(j) = p(v_t | h_t = j) max_i δ_{t−1}(i) p(h_t = j | h_{t−1} = i). Don't use it.

    Parameters
    ----------
    initial, transition, likelihoods, dtype
        As in `forward_filter`.

    Returns
    -------
    NaiveDecoded
        ``path``, ``delta``, ``joint_probability``, ``first_subnormal``, ``first_zero``.

    Raises
    ------
    ValueError, TypeError
        As in `forward_filter`.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.B, equations (32) to
    (35).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> chain = [0.5, 0.5], [[0.7, 0.3], [0.3, 0.7]], [[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]]
    >>> hf.naive.viterbi(*chain).path
    array([0, 0, 1])
    """
    start, a, b, reachable = prepare(initial, transition, likelihoods, dtype)
    delta = np.empty_like(b)
    path = np.empty(len(delta), dtype=np.int64)
    with np.errstate(all="ignore"):
        kernels.run_naive_viterbi(start, a, b, delta, path)
    return NaiveDecoded(
        path=path, delta=delta, joint_probability=float(delta[-1].max()), **find_deaths(delta, reachable)
    )


def prepare(
    initial: npt.ArrayLike, transition: npt.ArrayLike, likelihoods: npt.ArrayLike, dtype: npt.DTypeLike
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], BoolArray]:
    """The tables in the dtype asked for, and where α and δ are above zero in exact arithmetic."""
    kind = _checks.naive_dtype(dtype)
    start, a, b = _checks.linear_chain(initial, transition, likelihoods)
    reachable = np.empty(b.shape, dtype=bool)
    kernels.run_reachable(start > 0, a > 0, b > 0, reachable)
    with np.errstate(over="ignore"):
        return start.astype(kind), a.astype(kind), b.astype(kind), reachable


def find_deaths(table: npt.NDArray[Any], reachable: BoolArray) -> dict[str, int | None]:
    """The steps at which a table of α or δ first falls below the normal numbers, and from which it is all zero."""
    return {
        "first_subnormal": first_step(reachable & (table < np.finfo(table.dtype).tiny)),
        "first_zero": first_step(reachable.any(axis=1, keepdims=True) & (table == 0).all(axis=1, keepdims=True)),
    }


def first_step(happens: BoolArray) -> int | None:
    """The first step at which something happens to any state."""
    steps = happens.any(axis=1)
    return int(steps.argmax()) if steps.any() else None
