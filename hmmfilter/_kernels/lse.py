"""Log-sum-exp kernels of vectors and rows: sums of exponentials, weighted, signed, running.

References
----------
.. [1] Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", IMA Journal of Numerical
   Analysis 41 (2021), equations (1.3) and (1.4), algorithm 3.1 and section 4.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray

from .compiling import allocating, compiled
from .lanes import fma
from .limits import NEVER
from .numbers import plus, shifted, times, two_product, two_sum
from .wide import LOG2_E, LOG_2, LOG_2_LAST, LOG_2_REST, far_exp_parts

TERMS_OF_EXP = 22  # of its series: the next is below 1e-33 for |x| ≤ log(2)/2
FAINTEST_TERM = -1500.0  # of a sum with weights: e^-1500 times the largest double is nothing


@compiled
def scaled_exp(w: float, z: float) -> float:
    """w exp(z), also where exp(z) alone would leave the range of a double."""
    if z < FAINTEST_TERM or (
        w == 1.0 and z < -746.0
    ):  # zero, even with the largest weight, and the C library is slow there
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
    """Σ_i w_i exp(x_i) = exp(a) (m + r): a = max x_i, m the weight of all x_i that are equal to it, r the rest [1]_.

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


@allocating
def log_sum_exp_of(x: FloatArray) -> float:
    """log Σ_i exp(x_i) = a + log(m + r)."""
    a, m, r = split_sum(x, None, np.empty(x.size))
    return log_of_sum(m, r) + a


@allocating
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
def full_exp(x: float, x_tail: float) -> tuple[float, float, float]:
    """exp(x + x_tail) = (head + tail) 2^k, to 1e-31, by Taylor's series and Horner's rule in two doubles."""
    k = np.rint(x * LOG2_E)
    product, lost = two_product(k, LOG_2)
    product_tail, lost_of_tail = two_product(k, LOG_2_REST)
    r_tail, left = two_sum(x_tail, -lost)
    r_tail, left_too = two_sum(r_tail, -product_tail)
    r, r_tail = two_sum(x - product, r_tail)
    r_tail += left + left_too - lost_of_tail - k * LOG_2_LAST
    head, tail = 1.0, 0.0
    for n in range(TERMS_OF_EXP, 0, -1):
        head, tail = times(head, tail, r, r_tail)
        quotient = head / n
        head, tail = two_sum(quotient, (fma(-quotient, float(n), head) + tail) / n)
        head, tail = plus(head, tail, 1.0)
    return head, tail, k


@compiled
def signed_sum(x: FloatArray, weights: FloatArray) -> tuple[float, float, float]:
    """Σ_i w_i exp(x_i) = exp(a) (head + tail) for x in descending order, finite or −inf.

    Terms may cancel, so each has two parts; those of one x are added up before, so that nothing is left of them where
    their weights cancel.
    """
    a, head, tail, i = NEVER, 0.0, 0.0, 0
    while i < x.size and x[i] > NEVER:
        top, w, w_tail = x[i], 0.0, 0.0
        while i < x.size and x[i] == top:
            w, w_tail = plus(w, w_tail, weights[i])
            i += 1
        a = top if head == 0.0 else a
        z, z_tail = two_sum(top, -a)
        if w != 0.0 and z > FAINTEST_TERM:
            exp_z, exp_z_tail, k = full_exp(z, z_tail)
            term, term_tail = times(w, w_tail, exp_z, exp_z_tail)
            head, lost = two_sum(head, math.ldexp(term, int(k)))
            head, tail = two_sum(head, lost + tail + math.ldexp(term_tail, int(k)))
    return a, head, tail


@compiled
def run_signed_sums(x: FloatArray, weights: FloatArray, log_sum: FloatArray, sign: FloatArray) -> None:
    """`signed_sum` of every row, (N, n); fills the last two, (N,), with the log of its magnitude, and its sign."""
    for k in range(len(x)):
        a, head, tail = signed_sum(x[k], weights[k])
        sign[k] = np.sign(head)
        head, tail = abs(head), sign[k] * tail
        if head == 0.0:
            log_sum[k] = NEVER
        elif 0.5 <= head <= 2.0:  # near 1, where all digits of the log count
            log_sum[k] = a + math.log1p(head - 1.0 + tail)
        else:
            log_sum[k] = a + (math.log(head) + tail / head)


@compiled
def run_running_sums(x: FloatArray, weights: FloatArray | None, log_sums: FloatArray) -> None:
    """log Σ_{j ≤ i} w_j exp(x_j) along every row, (N, n); fills the last, (N, n).

    The sum is a wide number, to which each term is added once, so that no rounding of one step is left to the next.
    """
    for n in range(len(x)):
        special, top, top_head, top_tail, top_k = 0.0, NEVER, 0.0, 0.0, NEVER  # the first: of inf and NaN, what is left
        head, tail, k = 0.0, 0.0, NEVER
        for i in range(x.shape[1]):
            w = 1.0 if weights is None else weights[n, i]
            if w > 0.0 and (x[n, i] == math.inf or math.isnan(x[n, i])):
                special += x[n, i]
            elif w > 0.0 and x[n, i] > NEVER:
                term, term_tail, term_k, _ = far_exp_parts(x[n, i])
                if x[n, i] > top:
                    top, top_head, top_tail, top_k = x[n, i], term, term_tail, term_k
                term, term_tail = times(w, 0.0, term, term_tail)
                term, moved = math.frexp(term)
                term_tail, term_k = math.ldexp(term_tail, -moved), term_k + moved
                k_now = max(k, term_k)
                head, tail = shifted(head, k - k_now), shifted(tail, k - k_now)
                head, lost = two_sum(head, shifted(term, term_k - k_now))
                head, tail = two_sum(head, lost + tail + shifted(term_tail, term_k - k_now))
                head, moved = math.frexp(head)
                tail, k = math.ldexp(tail, -moved), k_now + moved
            log_sums[n, i] = top
            if special != 0.0:
                log_sums[n, i] = special
            elif abs(k - top_k) <= 1.0:  # the sum is near its largest term: by how much, to all digits
                rest = (shifted(head, k - top_k) - top_head) + (shifted(tail, k - top_k) - top_tail)
                log_sums[n, i] += math.log1p(rest / top_head)
            elif top > NEVER:
                log_sums[n, i] += math.log(head / top_head) + (k - top_k) * LOG_2


@allocating
def float32_number(x: float) -> np.float32:
    """Round a number."""
    return np.float32(x)


@allocating
def float32_vector(x: FloatArray) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Round a vector."""
    return x.astype(np.float32)
