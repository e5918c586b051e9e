"""All compiled code, and the one decorator that compiles it.

A kernel loops over time and writes into arrays that it is given; it never validates and never raises. All kernels
stand in this one file because Numba's cache on disk watches only the file that defines a function: a helper in another
file could change and leave stale machine code behind.

**Logs in two parts.** A log-probability of −50,000 is stored to 7e-12 only, and a smoother that subtracts two of them
keeps that error: four digits of the answer are gone. So a running log is carried as an unevaluated sum
``head + tail`` of two doubles, ``|tail|`` at most half a unit in the last place of ``head``; additions lose nothing
that matters, and the error of a posterior does not grow with the size of the logs on the way to it, as long as those
stay below 1e15 or so. −inf is stored as head −inf, tail 0. Inputs and outputs are heads alone.

**Rings.** A table that a kernel writes row by row may have fewer rows than there are steps; step t then takes row
``t % rows``, so that a caller who needs only the last rows allocates only those. An update reads the row before the
one that it writes: such tables need two rows.

References
----------
.. [1] Knuth, *The Art of Computer Programming*, volume 2, 3rd edition, section 4.2.2, theorem B (``two_sum``).
.. [2] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import types
from numba.extending import overload

from hmmfilter._arrays import BoolArray, FloatArray, IntArray

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

NEVER = -math.inf


def compiled(kernel: Kernel) -> Kernel:
    """Compile at the first call, cache on disk, release the GIL; no fastmath, which would delete the −inf guards."""
    return cast(Kernel, numba.njit(cache=True, nogil=True)(kernel))


@compiled
def two_sum(x: float, y: float) -> tuple[float, float]:
    """x + y, rounded, and what the rounding lost: the two add up to x + y exactly [1]_."""
    total = x + y
    if total == NEVER:
        return NEVER, 0.0
    y_kept = total - x
    return total, (x - (total - y_kept)) + (y - y_kept)


@compiled
def plus(head: float, tail: float, y: float) -> tuple[float, float]:
    """(head + tail) + y, again in two parts."""
    total, lost = two_sum(head, y)
    return two_sum(total, lost + tail)


@compiled
def exceeds(head: float, tail: float, other_head: float, other_tail: float) -> bool:
    """head + tail > other_head + other_tail."""
    return head > other_head or (head == other_head and tail > other_tail)


@compiled
def log_sum_exp(log_x: FloatArray, log_x_tail: FloatArray) -> tuple[float, float]:
    """log Σ_i exp(x_i) = a + log(1 + Σ_{i ≠ argmax} exp(x_i − a)),  a = max_i x_i."""
    top = 0
    for i in range(1, log_x.size):
        if exceeds(log_x[i], log_x_tail[i], log_x[top], log_x_tail[top]):
            top = i
    if log_x[top] == NEVER:
        return NEVER, 0.0
    rest = 0.0
    for i in range(log_x.size):
        if i != top:
            rest += math.exp((log_x[i] - log_x[top]) + (log_x_tail[i] - log_x_tail[top]))
    return plus(log_x[top], log_x_tail[top], math.log1p(rest))


@compiled
def scaled_exp(w: float, z: float) -> float:
    """w exp(z), also where exp(z) alone would leave the range of a double."""
    if z < -1500.0 or (w == 1.0 and z < -746.0):  # zero, even with the largest weight, and the C library is slow there
        return 0.0
    if w == 1.0 or abs(z) < 700.0:
        return w * math.exp(z)
    quarter = math.exp(0.25 * z)
    return w * quarter * quarter * quarter * quarter


@compiled
def weight_of(weights: FloatArray | None, i: int) -> float:
    """w_i, which is 1 where there are no weights."""
    return 1.0 if weights is None else weights[i]


@compiled
def split_sum(x: FloatArray, weights: FloatArray | None, terms: FloatArray) -> tuple[float, float, float]:
    """Σ_i w_i exp(x_i) = exp(a) (m + r): a = max x_i, m the weight of all x_i that are equal to it, r the rest.

    The last argument is filled with w_i exp(x_i − a). Where a is infinite or NaN, m and r are 1 and 0.
    """
    a = NEVER
    for i in range(x.size):
        if weight_of(weights, i) == 0.0:
            continue
        if math.isnan(x[i]):
            a = math.nan
            break
        a = max(a, x[i])
    m, r, m_tail, r_tail = 0.0, 0.0, 0.0, 0.0
    for i in range(x.size):
        w = weight_of(weights, i)
        if w == 0.0:
            terms[i] = 0.0
        elif x[i] == a and math.isfinite(a):
            terms[i] = w
            m, lost = two_sum(m, w)
            m_tail += lost
        else:
            terms[i] = scaled_exp(w, x[i] - a)
            r, lost = two_sum(r, terms[i])
            r_tail += lost
    if not math.isfinite(a):
        return a, 1.0, 0.0
    return a, m + m_tail, r + r_tail


@compiled
def log_of_sum(m: float, r: float) -> float:
    """log(m + r), which keeps its digits where m is 1 and r small; where m drowns in r, log r."""
    ratio = r / m
    return math.log1p(ratio) + math.log(m) if ratio < 2.0**53 else math.log(r)


@compiled
def log_sum_exp_of(x: FloatArray) -> float:
    """log Σ_i exp(x_i) = a + log(m + r)."""
    a, m, r = split_sum(x, None, np.empty(x.size))
    return log_of_sum(m, r) + a


@compiled
def softmax_of(x: FloatArray) -> FloatArray:
    """p_i = exp(x_i) / Σ_j exp(x_j) = exp(x_i − a) / (m + r)."""
    p = np.empty(x.size)
    _, m, r = split_sum(x, None, p)
    p /= m + r
    return p


@compiled
def run_split_sums(
    x: FloatArray,
    weights: FloatArray | None,
    terms: FloatArray,
    a: FloatArray,
    m: FloatArray,
    r: FloatArray,
    log_sum: FloatArray,
) -> None:
    """`split_sum` of every row, (N, n), and log(m + r); fills terms, a ring, and the last four, (N,)."""
    for k in range(len(x)):
        row = terms[k % len(terms)]
        if weights is None:
            a[k], m[k], r[k] = split_sum(x[k], None, row)
        else:
            a[k], m[k], r[k] = split_sum(x[k], weights[k], row)
        log_sum[k] = log_of_sum(m[k], r[k])


@compiled
def float32_number(x: float) -> np.float32:
    """Round a number."""
    return np.float32(x)  # type: ignore[no-any-return]


@compiled
def float32_vector(x: FloatArray) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Round a vector."""
    return x.astype(np.float32)


def offer_inside_compiled_code(public: Callable[..., Any], kernel: Callable[..., Any], to_float32: Any) -> None:
    """Let users call a public function of one vector from their own compiled code, where it becomes the kernel."""

    @overload(public, strict=False)  # strictly, Numba would want the annotations to agree, too
    def choose(x: Any) -> Callable[..., Any] | None:  # pragma: no cover, since only the compiler calls it
        if not isinstance(x, types.Array) or x.ndim != 1 or x.dtype == types.float16:
            return None
        if x.dtype == types.float32:
            return lambda x: to_float32(kernel(x.astype(np.float64)))
        return lambda x: kernel(x.astype(np.float64))


@compiled
def lse_update(
    log_b: FloatArray,
    log_alpha: FloatArray,
    log_alpha_tail: FloatArray,
    log_transition: FloatArray,
    log_terms: FloatArray,
    log_terms_tail: FloatArray,
    log_alpha_next: FloatArray,
    log_alpha_next_tail: FloatArray,
) -> None:
    """log α'(j) = log b(j) + log Σ_i exp( log α(i) + log A(i, j) ), the recursion of every sum over paths [2]_."""
    n_states = log_b.size
    for j in range(n_states):
        for i in range(n_states):
            log_terms[i], log_terms_tail[i] = plus(log_alpha[i], log_alpha_tail[i], log_transition[i, j])
        total, total_tail = log_sum_exp(log_terms, log_terms_tail)
        log_alpha_next[j], log_alpha_next_tail[j] = plus(total, total_tail, log_b[j])


@compiled
def normalise(log_x: FloatArray, log_x_tail: FloatArray) -> tuple[float, float]:
    """Subtract from x its log-sum-exp, and return it; where that is −inf, x is left as it is."""
    total, total_tail = log_sum_exp(log_x, log_x_tail)
    if total != NEVER:
        for i in range(log_x.size):
            head, tail = plus(log_x[i], log_x_tail[i], -total)
            log_x[i], log_x_tail[i] = plus(head, tail, -total_tail)
    return total, total_tail


@compiled
def run_forward(
    log_initial: FloatArray,
    log_transition: FloatArray,
    log_likelihoods: FloatArray,
    log_filtered: FloatArray,
    log_filtered_tail: FloatArray,
    log_increments: FloatArray,
) -> tuple[int, float]:
    """Filter: log f_t = log α_t − log c_t, where log c_t = LSE log α_t = log p(v_t | v_1:t−1).

    The last three arguments are filled, each of them a ring. Returns how many steps are possible (all of them, or the
    number of the first one that is not) and the log-likelihood Σ_t log c_t.
    """
    n_steps, n_states = log_likelihoods.shape
    log_terms, log_terms_tail = np.empty(n_states), np.empty(n_states)
    log_f, log_f_tail = log_filtered[0], log_filtered_tail[0]
    log_likelihood, log_likelihood_tail = 0.0, 0.0
    for t in range(n_steps):
        log_b = log_likelihoods[t]
        log_alpha = log_filtered[t % len(log_filtered)]
        log_alpha_tail = log_filtered_tail[t % len(log_filtered_tail)]
        if t == 0:
            for k in range(n_states):
                log_alpha[k], log_alpha_tail[k] = two_sum(log_initial[k], log_b[k])
        else:
            lse_update(log_b, log_f, log_f_tail, log_transition, log_terms, log_terms_tail, log_alpha, log_alpha_tail)
        log_c, log_c_tail = normalise(log_alpha, log_alpha_tail)
        log_increments[t % len(log_increments)] = log_c
        if log_c == NEVER:
            return t, NEVER
        log_likelihood, log_likelihood_tail = plus(log_likelihood, log_likelihood_tail, log_c)
        log_likelihood, log_likelihood_tail = plus(log_likelihood, log_likelihood_tail, log_c_tail)
        log_f, log_f_tail = log_alpha, log_alpha_tail
    return n_steps, log_likelihood


@compiled
def naive_update(b: FloatArray, alpha: FloatArray, transition: FloatArray, alpha_next: FloatArray) -> None:
    """α'(j) = b(j) Σ_i α(i) A(i, j): `lse_update` in linear space, where it underflows."""
    n_states = b.size
    for j in range(n_states):
        alpha_next[j] = 0.0
        for i in range(n_states):
            alpha_next[j] += alpha[i] * transition[i, j]
        alpha_next[j] *= b[j]


@compiled
def run_naive_forward(initial: FloatArray, transition: FloatArray, likelihoods: FloatArray, alpha: FloatArray) -> None:
    """`run_forward` in linear space, with nothing normalised: α_t(j) = p(h_t = j, v_1:t)."""
    n_steps, n_states = likelihoods.shape
    for t in range(n_steps):
        if t == 0:
            for k in range(n_states):
                alpha[0, k] = initial[k] * likelihoods[0, k]
        else:
            naive_update(likelihoods[t], alpha[t - 1], transition, alpha[t])


@compiled
def run_backward(
    log_transition: FloatArray,
    log_likelihoods: FloatArray,
    log_filtered: FloatArray,
    log_filtered_tail: FloatArray,
) -> None:
    """Smooth in place: turn the rows log f_t of the filter into log γ_t = log f_t + log β_t − LSE.

    The recursion is the forward one on the transposed transition, for the evidence from step t on,
    ω_t(i) = p(v_t:T | h_t = i) = b_t(i) β_t(i), up to a factor that each row's normalisation takes out.
    The last row of the filter is the last row of the smoother.
    """
    n_steps, n_states = log_likelihoods.shape
    log_terms, log_terms_tail = np.empty(n_states), np.empty(n_states)
    log_omega, log_omega_tail = log_likelihoods[n_steps - 1].copy(), np.zeros(n_states)
    log_omega_before, log_omega_before_tail = np.empty(n_states), np.empty(n_states)
    for t in range(n_steps - 2, -1, -1):
        log_b = log_likelihoods[t]
        lse_update(
            log_b,
            log_omega,
            log_omega_tail,
            log_transition.T,
            log_terms,
            log_terms_tail,
            log_omega_before,
            log_omega_before_tail,
        )
        log_omega, log_omega_before = log_omega_before, log_omega
        log_omega_tail, log_omega_before_tail = log_omega_before_tail, log_omega_tail
        normalise(log_omega, log_omega_tail)
        log_gamma, log_gamma_tail = log_filtered[t], log_filtered_tail[t]
        for k in range(n_states):
            if log_gamma[k] != NEVER:  # and then log_b[k] is finite
                head, tail = plus(log_gamma[k], log_gamma_tail[k], log_omega[k])
                head, tail = plus(head, tail, log_omega_tail[k])
                log_gamma[k], log_gamma_tail[k] = plus(head, tail, -log_b[k])
        normalise(log_gamma, log_gamma_tail)


@compiled
def run_naive_backward(transition: FloatArray, likelihoods: FloatArray, beta: FloatArray) -> None:
    """The backward pass in linear space: β_t(i) = p(v_t+1:T | h_t = i) = Σ_j A(i, j) b_t+1(j) β_t+1(j)."""
    n_steps, n_states = likelihoods.shape
    beta[n_steps - 1] = 1.0
    for t in range(n_steps - 2, -1, -1):
        for i in range(n_states):
            beta[t, i] = 0.0
            for j in range(n_states):
                beta[t, i] += transition[i, j] * likelihoods[t + 1, j] * beta[t + 1, j]


@compiled
def run_viterbi(
    log_initial: FloatArray,
    log_transition: FloatArray,
    log_likelihoods: FloatArray,
    best_previous: IntArray,
    path: IntArray,
) -> tuple[int, float]:
    """Decode: log δ_t(j) = log b_t(j) + max_i( log δ_{t−1}(i) + log A(i, j) ), then follow the best back [2]_.

    The last two arguments are filled. Returns how many steps are possible and the best path's log δ. Of equal scores
    the lowest state wins.
    """
    n_steps, n_states = log_likelihoods.shape
    log_delta, log_delta_tail = np.empty((2, n_states)), np.empty((2, n_states))
    best = 0
    for t in range(n_steps):
        now, before = t % 2, (t - 1) % 2
        for j in range(n_states):
            if t == 0:
                top, top_tail = log_initial[j], 0.0
            else:
                top, top_tail = NEVER, 0.0
                best_previous[t, j] = 0
                for i in range(n_states):
                    score, tail = plus(log_delta[before, i], log_delta_tail[before, i], log_transition[i, j])
                    if exceeds(score, tail, top, top_tail):
                        top, top_tail = score, tail
                        best_previous[t, j] = i
            log_delta[now, j], log_delta_tail[now, j] = plus(top, top_tail, log_likelihoods[t, j])
        best = 0
        for j in range(1, n_states):
            if exceeds(log_delta[now, j], log_delta_tail[now, j], log_delta[now, best], log_delta_tail[now, best]):
                best = j
        if log_delta[now, best] == NEVER:
            return t, NEVER
    path[n_steps - 1] = best
    for t in range(n_steps - 1, 0, -1):
        path[t - 1] = best_previous[t, path[t]]
    return n_steps, log_delta[(n_steps - 1) % 2, best]


@compiled
def run_naive_viterbi(
    initial: FloatArray, transition: FloatArray, likelihoods: FloatArray, delta: FloatArray, path: IntArray
) -> None:
    """`run_viterbi` in linear space: δ_t(j) = b_t(j) max_i( δ_t−1(i) A(i, j) ), then the best path back."""
    n_steps, n_states = likelihoods.shape
    for t in range(n_steps):
        for j in range(n_states):
            if t == 0:
                delta[0, j] = initial[j]
            else:
                delta[t, j] = 0.0
                for i in range(n_states):
                    delta[t, j] = max(delta[t, j], delta[t - 1, i] * transition[i, j])
            delta[t, j] *= likelihoods[t, j]
    path[n_steps - 1] = np.argmax(delta[n_steps - 1])
    for t in range(n_steps - 1, 0, -1):
        path[t - 1] = np.argmax(delta[t - 1] * transition[:, path[t]])


@compiled
def run_reachable(initial: BoolArray, transition: BoolArray, likelihoods: BoolArray, reachable: BoolArray) -> None:
    """Where α_t is above zero in exact arithmetic, however small: any path leads there."""
    n_steps, n_states = likelihoods.shape
    for t in range(n_steps):
        for j in range(n_states):
            reachable[t, j] = initial[j] if t == 0 else False
            if t > 0:
                for i in range(n_states):
                    reachable[t, j] |= reachable[t - 1, i] & transition[i, j]
            reachable[t, j] &= likelihoods[t, j]


@compiled
def draw_path(
    cumulative_initial: FloatArray, cumulative_transition: FloatArray, uniforms: FloatArray, states: IntArray
) -> None:
    """Walk the chain by inversion: at each step the first state whose cumulative probability exceeds the uniform."""
    cumulative = cumulative_initial
    for t in range(states.size):
        states[t] = np.searchsorted(cumulative, uniforms[t], side="right")
        cumulative = cumulative_transition[states[t]]
