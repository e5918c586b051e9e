"""The recursions in linear space, where they underflow, and by the shortcuts that people take; to compare with.

References
----------
.. [1] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III, equations (19)
   to (35), and section V.A, equations (91) to (103), where c_t stands for what is 1 / c_t here.
"""

from __future__ import annotations

import math

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray

from .compiling import allocating, compiled
from .limits import NEVER
from .numbers import largest


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
def run_scaled_forward(
    initial: FloatArray,
    transition: FloatArray,
    likelihoods: FloatArray,
    epsilon: float,
    posterior: FloatArray,
    scales: FloatArray,
) -> None:
    """`run_naive_forward`, each row divided by its sum: f_t(j) = ( b_t(j) Σ_i f_t−1(i) A(i, j) + ε ) / c_t [1]_.

    Fills f and c; Σ log c_t is the log-likelihood.
    """
    n_steps, n_states = likelihoods.shape
    for t in range(n_steps):
        scales[t] = 0.0
        if t > 0:
            naive_update(likelihoods[t], posterior[t - 1], transition, posterior[t])
        for k in range(n_states):
            if t == 0:
                posterior[0, k] = initial[k] * likelihoods[0, k]
            posterior[t, k] += epsilon
            scales[t] += posterior[t, k]
        for k in range(n_states):
            posterior[t, k] = np.divide(posterior[t, k], scales[t])  # 0 / 0 is NaN, and no error


@compiled
def exp_dot_log_update(
    log_b: FloatArray, log_alpha: FloatArray, transition: FloatArray, log_alpha_next: FloatArray
) -> None:
    """log α'(j) = log b(j) + m + log Σ_i exp(log α(i) − m) A(i, j): `lse_update` with one m = max log α for all j."""
    m = largest(log_alpha)
    for j in range(log_b.size):
        total = 0.0
        for i in range(log_b.size):
            total += math.exp(log_alpha[i] - m) * transition[i, j]
        log_alpha_next[j] = log_b[j] + m + (math.log(total) if total != 0.0 else NEVER)


@compiled
def run_exp_dot_log_forward(
    log_initial: FloatArray, transition: FloatArray, log_likelihoods: FloatArray, log_alpha: FloatArray
) -> None:
    """`run_forward` by the shortcut, with nothing normalised: log α_t(j) = log p(h_t = j, v_1:t)."""
    n_steps, n_states = log_likelihoods.shape
    for t in range(n_steps):
        if t == 0:
            for k in range(n_states):
                log_alpha[0, k] = log_initial[k] + log_likelihoods[0, k]
        else:
            exp_dot_log_update(log_likelihoods[t], log_alpha[t - 1], transition, log_alpha[t])


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


@allocating
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
