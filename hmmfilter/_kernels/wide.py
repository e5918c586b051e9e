"""Wide numbers: (head + tail) 2^(exponent + rest), in tables of four planes; exponentials and logs to and from them.

A log-probability of −50,000 is stored to 7e-12 only, and a smoother that subtracts two of them keeps that error: four
digits of the answer are gone. So the recursion carries a log as ``e log 2 + log m``, whole part and fraction apart: as
the number ``m 2**e`` with a double m, near 1, and a whole e of its own. Logs are added by multiplying m and adding e,
and no digit is lost, however large they are: from `FAR` on, e is the sum of two doubles, its nearest and the rest. For
up to `FEW_STATES` states m has two parts as well, a head and a tail that collects what roundings lose. What is left is
the error of the exponentials, 3e-17 at most: where nothing is forgotten, it adds up with the steps as a random walk
does.

References
----------
.. [1] Cody, Waite, *Software Manual for the Elementary Functions* (1980), chapter 6: log 2 in a short and a long part.
"""

from __future__ import annotations

import math

import numpy as np

from hmmfilter._arrays import FloatArray

from .compiling import apart, compiled, inlined
from .lanes import Lanes, fma, larger
from .limits import EXP_REACH, FAR, FARTHEST_LOG, LARGE_LOG, NEAR_ONE, NEARBY, NEVER, ROUNDER, VANISHED, WIDEST
from .numbers import largest, plus, power_of_two, shifted, sum_of, two_product, two_sum

HEAD, TAIL, EXPONENT, REST = 0, 1, 2, 3  # the planes of a table of wide numbers; the rest of a near exponent is 0, and
#                                          what stands there is not looked at
PLANES = POSTERIOR = 4  # how many they are; a stream keeps its posterior after them

LOG_2, LOG_2_REST, LOG_2_LAST = 0.6931471805599453, 2.3190468138462996e-17, 5.707708438416212e-34
LOG_2_SHORT, LOG_2_LONG = float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33")
LOG2_E = 1.4426950408889634
ROUNDER_BITS, HALF_BITS, FRACTION_BITS = 0x4338_0000_0000_0000, 0x3FE0_0000_0000_0000, 0x000F_FFFF_FFFF_FFFF

# (exp(r) − 1 − r)/r² = 1/2 + r/6 + r² g(r), g at its 9 Chebyshev nodes of |r| ≤ log(2)/2: exp(r) is 1.4e-18 off
EXP_POLYNOMIAL = (
    0.5,
    0.16666666666666666,
    0.041666666666666664,
    0.008333333333332155,
    0.0013888888888888048,
    0.0001984126985433861,
    2.4801587310920686e-05,
    2.755728006701698e-06,
    2.7557291258666905e-07,
    2.5095554677111112e-08,
    2.0907786724124373e-09,
)
Q0, Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8, Q9, Q10 = EXP_POLYNOMIAL


@compiled
def exp_parts(x: float, x_tail: float) -> tuple[float, float, float]:
    """exp(x + x_tail) = (head + tail) 2^k, where x = k log 2 + r [1]_, |r| ≤ log(2)/2, for |x| ≤ `EXP_REACH`, to 3e-17.

    exp(r) = 1 + r + r² q(r) with a polynomial q. It has no branch, so that a loop over it becomes SIMD code.
    """
    k = fma(x, LOG2_E, ROUNDER) - ROUNDER
    x_left = fma(-k, LOG_2_SHORT, x)
    r = fma(-k, LOG_2_LONG, x_left)
    r_tail = fma(-k, LOG_2_LONG, x_left - r) + x_tail
    r2 = r * r
    r4 = r2 * r2
    q = fma(
        fma(Q10, r2, fma(Q9, r, Q8)),
        r4 * r4,
        fma(fma(fma(Q7, r, Q6), r2, fma(Q5, r, Q4)), r4, fma(fma(Q3, r, Q2), r2, fma(Q1, r, Q0))),
    )
    one_and_r = 1.0 + r
    rest = fma(r2, q, (r - (one_and_r - 1.0)) + r_tail)
    head = one_and_r + rest
    return head, rest - (head - one_and_r), k


@compiled
def far_exp_parts(x: float) -> tuple[float, float, float, float]:
    """`exp_parts` of any x, with the exponent in two parts; beyond 2^102, a power of two near exp(x)."""
    if x == NEVER:
        return 0.0, 0.0, NEVER, 0.0
    if abs(x) > FARTHEST_LOG:
        return 1.0, 0.0, np.rint(x * LOG2_E), 0.0
    left, more, whole = x, 0.0, 0.0
    if abs(x) > LARGE_LOG:
        whole = np.rint(x * (LOG2_E / NEARBY)) * NEARBY
        product, product_tail = two_product(whole, LOG_2)
        less, less_tail = two_product(whole, LOG_2_REST)
        left, more = two_sum(x - product, -product_tail)  # x and the product are so near that no digit is lost
        left, more = plus(left, more, -less)
        left, more = plus(left, more, -(less_tail + whole * LOG_2_LAST))
    k = np.rint(left * LOG2_E)
    product, product_tail = two_product(k, LOG_2)
    left, lost = two_sum(left, -product)
    left, left_tail = two_sum(left, lost - product_tail - k * LOG_2_REST + more)
    head, tail, k_more = exp_parts(left, left_tail)
    exponent, rest = two_sum(whole, k + k_more)
    return head, tail, exponent, rest


@compiled
def shift_of(log_x: FloatArray) -> float:
    """A power of two near the largest exp(log x), or 0 where that is near 1."""
    top = largest(log_x)
    if not NEAR_ONE < abs(top) < math.inf:
        return 0.0
    _, _, k, _ = far_exp_parts(top)
    return k


@compiled
def log_down(log_x: float, k: float) -> float:
    """log(x / 2^k), for a whole k of no more than 36 bits: where it is small, no digit is lost."""
    return fma(-k, LOG_2_REST, fma(-k, LOG_2, log_x))


@compiled
def widen(log_x: FloatArray, head: FloatArray, tail: FloatArray, exponent: FloatArray, rest: FloatArray) -> None:
    """Wide numbers exp(log x) of logs."""
    n_outside = 0
    for i in range(log_x.size):
        near = abs(log_x[i]) <= EXP_REACH
        head[i], tail[i], exponent[i] = exp_parts(log_x[i] if near else 0.0, 0.0)
        n_outside += not near
    if n_outside > 0:
        for i in range(log_x.size):
            if not abs(log_x[i]) <= EXP_REACH:
                head[i], tail[i], exponent[i], rest[i] = far_exp_parts(log_x[i])


@compiled
def widen_row(log_x: FloatArray, x: FloatArray) -> None:
    """Wide numbers, (4, n), of logs, (n,)."""
    widen(log_x, x[HEAD], x[TAIL], x[EXPONENT], x[REST])


@compiled
def settled(head: float, tail: float, exponent: float) -> tuple[float, float, float]:
    """(head + tail) 2^exponent with a head from 1/2 to 1, by its bits; zero has the exponent −inf."""
    bits = np.int64(np.float64(head).view(np.int64))
    k = np.float64(np.int64((bits >> 52) + ROUNDER_BITS - 1022).view(np.float64)) - ROUNDER
    mantissa = np.int64((bits & FRACTION_BITS) | HALF_BITS).view(np.float64)
    is_zero = head == 0.0
    return (
        0.0 if is_zero else mantissa,
        0.0 if is_zero else tail * power_of_two(-k),
        NEVER if is_zero else exponent + k,
    )


@compiled
def rest_of(exponent: float, rest: float) -> float:
    """The second part of an exponent, if it has one."""
    return rest if FAR <= abs(exponent) < math.inf else 0.0


@compiled
def sum_exponents(x: float, x_rest: float, y: float, y_rest: float) -> tuple[float, float]:
    """The sum of exponents of two parts, exactly."""
    total, lost = two_sum(x, y)
    return two_sum(total, lost + (rest_of(x, x_rest) + rest_of(y, y_rest)))


@compiled
def has_far(exponent: FloatArray) -> bool:
    """Whether an exponent, other than a zero's, is not `NEARBY`."""
    n_far = 0
    for k in range(exponent.size):
        n_far += (abs(exponent[k]) >= NEARBY) & (exponent[k] != NEVER)
    return n_far > 0


@compiled
def rest_of_top(x: FloatArray, top: float) -> float:
    """The largest rest where the exponent is the largest, too."""
    rest = NEVER
    for k in range(x.shape[1]):
        rest = larger(rest, x[REST, k] if x[EXPONENT, k] == top > NEVER else NEVER)
    return larger(rest, 0.0) if top == NEVER else rest


@compiled
def top_of(x: FloatArray) -> tuple[float, float]:
    """The largest exponent of wide numbers, (4, n), in two parts."""
    top = largest(x[EXPONENT])
    return top, rest_of_top(x, top) if abs(top) >= FAR else 0.0


@compiled
def way_down(x: FloatArray, k: int, top: float, top_rest: float) -> float:
    """How far the exponent of a wide number is from that of the largest, in two parts."""
    return (x[EXPONENT, k] - top) + (rest_of(x[EXPONENT, k], x[REST, k]) - top_rest)


@compiled
def fill_far_terms(x: FloatArray, top: float, top_rest: float, terms: FloatArray) -> None:
    """The terms of `wide_sum`, with exponents of two parts."""
    for i in range(terms.size):
        terms[i] = shifted(x[HEAD, i] + x[TAIL, i], way_down(x, i, top, top_rest))


@apart
def wide_sum(x: FloatArray, terms: FloatArray) -> tuple[float, float, float]:
    """The sum of wide numbers, (4, n), as a double and an exponent; fills the terms, which have the same exponent."""
    head, tail, exponent = x[HEAD], x[TAIL], x[EXPONENT]
    top, top_rest = top_of(x)
    for i in range(head.size):
        down = exponent[i] - top
        terms[i] = (head[i] + tail[i]) * (power_of_two(down) if down > VANISHED else 0.0)
    if abs(top) >= FAR:
        fill_far_terms(x, top, top_rest, terms)
    return sum_of(terms), top, top_rest


@compiled
def log_of_wide(x: float, k: float, rest: float) -> float:
    """log(x 2^(k + rest)): the log of a number near 1/2, and a whole multiple of log 2; the error is absolute."""
    mantissa, k_more = math.frexp(x * math.sqrt(2.0))
    return math.log(mantissa / math.sqrt(2.0)) + (k + (rest + k_more)) * LOG_2


@compiled
def take_far_down(x: FloatArray, top: float, top_rest: float, head: FloatArray, tail: FloatArray) -> None:
    """`take_down`, with exponents of two parts."""
    for k in range(head.size):
        down = way_down(x, k, top, top_rest) if x[EXPONENT, k] > NEVER else NEVER
        head[k], tail[k] = shifted(x[HEAD, k], down), shifted(x[TAIL, k], down)


@compiled
def take_down(x: FloatArray, top: float, top_rest: float, head: FloatArray, tail: FloatArray) -> None:
    """Heads and tails of wide numbers, (4, n), divided by a power of two in two parts, that of the largest."""
    exponent = x[EXPONENT]
    if abs(top) >= FAR:
        take_far_down(x, top, top_rest, head, tail)
        return
    for k in range(head.size):
        scale = power_of_two(exponent[k] - top) if exponent[k] > NEVER and exponent[k] - top > VANISHED else 0.0
        head[k], tail[k] = x[HEAD, k] * scale, x[TAIL, k] * scale


@apart
def weigh_far(x: FloatArray, y: FloatArray, like: Lanes | None, product: FloatArray) -> None:
    """`weigh`, with exponents of two parts."""
    for k in range(product.shape[1]):
        z, lost = two_product(x[HEAD, k], y[HEAD, k])
        z_tail = fma(x[TAIL, k], y[HEAD, k], fma(x[HEAD, k], y[TAIL, k], lost))
        far, rest = sum_exponents(x[EXPONENT, k], x[REST, k], y[EXPONENT, k], y[REST, k])
        product[HEAD, k], product[TAIL, k], more = settled(z, z_tail if like is not None else 0.0, 0.0)
        product[EXPONENT, k], product[REST, k] = sum_exponents(far, rest, more, 0.0)


@inlined
def weigh(x: FloatArray, y: FloatArray, like: Lanes | None, product: FloatArray) -> None:
    """The product of wide numbers, (4, K), entry by entry; it may take the place of a factor."""
    head, tail, exponent = product[HEAD], product[TAIL], product[EXPONENT]
    x_head, x_tail, x_exponent = x[HEAD], x[TAIL], x[EXPONENT]
    y_head, y_tail, y_exponent = y[HEAD], y[TAIL], y[EXPONENT]
    if has_far(x_exponent) or has_far(y_exponent):
        weigh_far(x, y, like, product)
        return
    for k in range(head.size):
        z, lost = two_product(x_head[k], y_head[k])
        z_tail = fma(x_tail[k], y_head[k], fma(x_head[k], y_tail[k], lost))
        kept_tail = z_tail if like is not None else 0.0
        head[k], tail[k], exponent[k] = settled(z, kept_tail, x_exponent[k] + y_exponent[k])


@compiled
def take_exponent_out(x: FloatArray, top: float, top_rest: float) -> None:
    """Divide wide numbers, near each other, by a power of two in two parts."""
    for k in range(x.shape[1]):
        x[EXPONENT, k] = way_down(x, k, top, top_rest)


@compiled
def put_exponent_back(x: FloatArray, top: float, top_rest: float, exponents: FloatArray, rests: FloatArray) -> None:
    """Multiply wide numbers, and what was found of some rows, by a power of two in two parts."""
    for k in range(x.shape[1]):
        x[EXPONENT, k], x[REST, k] = sum_exponents(top, top_rest, x[EXPONENT, k], 0.0)
    for row in range(exponents.size):
        rests[row], exponents[row] = exponents[row] + top_rest, top


@compiled
def has_depths(x: FloatArray, top: float, top_rest: float) -> bool:
    """Whether positive ones among wide numbers, (4, n), are further than `WIDEST` below the largest."""
    n_deep = 0
    for k in range(x.shape[1]):
        n_deep += NEVER < way_down(x, k, top, top_rest) < -WIDEST
    return n_deep > 0


@compiled
def copy_wide(x: FloatArray, copy: FloatArray) -> None:
    """Copy wide numbers, (4, n)."""
    for plane in range(PLANES):
        for k in range(x.shape[1]):
            copy[plane, k] = x[plane, k]


@compiled
def widen_linear(row: FloatArray, x: FloatArray) -> None:
    """Wide numbers, (4, n), of numbers, (n,)."""
    for k in range(row.size):
        x[HEAD, k], x[TAIL, k], x[EXPONENT, k] = settled(row[k], 0.0, 0.0)


@compiled
def take_wide_logs(rows: FloatArray, log_rows: FloatArray) -> None:
    """Logs of rows of wide numbers, (n, 4, K)."""
    for n in range(len(rows)):
        x = rows[n]
        for k in range(x.shape[1]):
            number, exponent = x[HEAD, k] + x[TAIL, k], x[EXPONENT, k]
            rest = rest_of(exponent, x[REST, k])
            log_rows[n, k] = log_of_wide(number, exponent, rest) if number > 0.0 else NEVER
