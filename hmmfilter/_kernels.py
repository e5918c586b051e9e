"""All compiled code.

A kernel loops over time and writes into arrays that it is given; it never validates and never raises. All kernels
stand in this one file because Numba's cache on disk watches only the file that defines a function: a helper in another
file could change and leave stale machine code behind.

**Wide numbers.** A log-probability of −50,000 is stored to 7e-12 only, and a smoother that subtracts two of them
keeps that error: four digits of the answer are gone. So the recursion carries a log as ``e log 2 + log m``, whole part
and fraction apart: as the number ``m 2**e`` with a double m, near 1, and a whole e of its own. Logs are added by
multiplying m and adding e, and no digit is lost, however large they are: beyond 2**51, e is the sum of two doubles, its
nearest and the rest, and so exact up to 2**104, the sum of 1e9 logs of the largest size that comes in, 1e22. For up to
`FEW_STATES` states m has two parts as well, a head and a tail that collects what roundings lose. What is left is the
error of the exponentials, 3e-17 at most: where nothing is forgotten, it adds up with the steps as a random walk does.

**Two speeds.** As long as the positive entries of a row lie near each other, they have one exponent in common,
and a step is a product of a vector and a matrix (`sweep_few` in registers, `sweep_many`): a log-sum-exp whose shift is
the power of two that is taken out now and then. Where they do not, `lse_update` takes the step in wide numbers. Both
do the same operations on the same numbers, up to powers of two, so that where both will do, they agree to the bit:
a sequence may be cut anywhere, and a step that comes alone may take the exact way.

**Coded numbers.** Posteriors are stored as probabilities where a double holds them, as logs elsewhere: see `coded`.

References
----------
.. [1] Knuth, *The Art of Computer Programming*, volume 2, 3rd edition, section 4.2.2, theorem B (``two_sum``).
.. [2] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), sections III and V.A.
.. [3] Scott, "Bayesian methods for hidden Markov models", Journal of the American Statistical Association 97 (2002).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic, models, overload, register_model
from numba.np.arrayobj import make_array

from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._compiling import allocating, compiled, inlined

NEVER = -math.inf
ROUNDING = 2.0**-53  # of a sum of doubles, at most and relative to it
ADDED_PLAINLY = 16  # so many numbers lose little enough where they are added without a second part
BLOCK = 256  # steps of a decoder between two looks at the size of its scores
MAGNITUDE, INFINITY = 0x7FFF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000  # all bits of a double but its sign; of inf

# Shared by all that follows: numbers of two parts and an exponent, and what they are made of.

HEAD, TAIL, EXPONENT, REST = 0, 1, 2, 3  # the planes of a table of wide numbers; the rest of a near exponent is 0, and
#                                          what stands there is not looked at
PLANES = POSTERIOR = 4  # how many they are; a stream keeps its posterior after them
FEW_STATES = 8  # up to so many, the recursion keeps the state in registers and carries tails

LOG_2, LOG_2_REST, LOG_2_LAST = 0.6931471805599453, 2.3190468138462996e-17, 5.707708438416212e-34
LOG_2_SHORT, LOG_2_LONG = float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33")
LOG2_E = 1.4426950408889634
ROUNDER = 1.5 * 2.0**52  # x + ROUNDER has no room for a fraction: adding and subtracting it rounds to a whole number
EXP_REACH = 2.0**19  # up to which whole multiples of log 2, taken in a short and a long part, are exact
NARROW_LOG = 2.0**36  # up to which a block's logs add up to less than
NEARBY = 2.0**49  # below which two exponents add up to less than
FAR = 2.0**51  # from which on an exponent has a rest
LARGE_LOG, FARTHEST_LOG = 1e15, 2.0**102  # beyond which a log may have such an exponent, and up to which it may
ROUNDER_BITS, HALF_BITS, FRACTION_BITS = 0x4338_0000_0000_0000, 0x3FE0_0000_0000_0000, 0x000F_FFFF_FFFF_FFFF
SPLITTER = 2.0**27 + 1.0
TERMS_OF_EXP = 22  # of its series: the next is below 1e-33 for |x| ≤ log(2)/2
FAINTEST_TERM = -1500.0  # of a sum with weights: e^-1500 times the largest double is nothing
FAR_LOG = 600.0  # from which on a double is no longer at ease with the number
UNLISTED = -1.0
TILE = (0.0,) * 16  # as many columns of a matrix as add up in registers
TILED_STATES = 64  # above, whole rows at a time are faster

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

# The fast steps keep numbers as doubles with one common exponent. Their sum stays within 2^±120, and positive ones at
# least LOWEST of it; A lies from 2^-250 to 2^100, or to the power of two near its largest entry where that is further
# out; b within 2^-200 of its largest, or 2^±100. So no product above zero falls below 2^-1000 or rises to 2^1000: a
# zero is a true zero, and no digit is lost.
LOWEST = 2.0**-300
TRANSITION_SPREAD = 250.0
NEAR_ONE, LIKELIHOOD_SPREAD = 69.0, 138.0  # in nats: |log b| or |log A| up to which no shift is needed: 2^±100
WIDEST, HIGHEST = 280.0, 2.0**120
FADED = 2.0**-600  # a sum below this may have lost terms to underflow

Lanes = tuple[float, ...]  # doubles, one for each state, worked on at once: compiled, a SIMD vector


class LanesType(types.Type):  # pragma: no cover, since only the compiler uses it
    """What `Lanes` are to the compiler."""

    def __init__(self, count: int) -> None:
        super().__init__(name=f"Lanes({count})")
        self.count = count


@register_model(LanesType)
class LanesModel(models.PrimitiveModel):  # pragma: no cover
    """A SIMD vector of doubles."""

    def __init__(self, manager: Any, kind: LanesType) -> None:
        super().__init__(manager, kind, ir.VectorType(ir.DoubleType(), kind.count))


def instruction(plain: Callable[..., Any], typed: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is one instruction of the processor when compiled: what it does in Python, and its types."""
    return plain if config.DISABLE_JIT else cast(Callable[..., Any], intrinsic(typed))


def lanewise(plain: Callable[..., float]) -> Callable[..., Any]:
    """An operation on doubles, or on lanes entry by entry."""
    return lambda *xs: tuple(map(plain, *xs)) if isinstance(xs[0], tuple) else plain(*xs)


def plain_fma(x: float, y: float, z: float) -> float:
    """x y + z, with what the rounding of x y loses, by Dekker's splitting of x and y in halves."""
    x, y = float(x), float(y)
    product = x * y
    x_head, y_head = SPLITTER * x - (SPLITTER * x - x), SPLITTER * y - (SPLITTER * y - y)
    x_tail, y_tail = x - x_head, y - y_head
    lost = ((x_head * y_head - product) + x_head * y_tail + x_tail * y_head) + x_tail * y_tail
    return (product + float(z)) + lost


def emit(name: str) -> Callable[..., Any]:
    """Emit an instruction that LLVM's builder knows by name."""
    return lambda context, builder, signature, values: getattr(builder, name)(*values)  # pragma: no cover


def emit_fma(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover, as all that emits
    kind = values[0].type
    suffix = f"v{kind.count}f64" if isinstance(kind, ir.VectorType) else "f64"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), f"llvm.fma.{suffix}")
    return builder.call(function, values)


def emit_splat(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    vector = ir.Constant(ir.VectorType(ir.DoubleType(), signature.return_type.count), ir.Undefined)
    for k in range(signature.return_type.count):
        vector = builder.insert_element(vector, values[1], ir.IntType(32)(k))
    return vector


def emit_is_any_faint(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    lanes, limit = values
    count = lanes.type.count
    limits = ir.Constant(lanes.type, ir.Undefined)
    for k in range(count):
        limits = builder.insert_element(limits, limit, ir.IntType(32)(k))
    zeros = ir.Constant(lanes.type, [0.0] * count)
    faint = builder.and_(builder.fcmp_ordered("<", lanes, limits), builder.fcmp_ordered("!=", lanes, zeros))
    return builder.icmp_unsigned("!=", builder.bitcast(faint, ir.IntType(count)), ir.IntType(count)(0))


def pointer_to_lanes(context: Any, builder: Any, kind: Any, array: Any, n: Any, count: int) -> Any:  # pragma: no cover
    data = make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [n]), ir.VectorType(ir.DoubleType(), count).as_pointer())


def emit_load(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    _, kind, _ = signature.args
    pointer = pointer_to_lanes(context, builder, kind, values[1], values[2], signature.return_type.count)
    return builder.load(pointer, align=8)


def emit_store(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    lanes, kind, _ = signature.args
    builder.store(values[0], pointer_to_lanes(context, builder, kind, values[1], values[2], lanes.count), align=8)
    return context.get_dummy_value()


def lanes_for(n_states: int) -> Lanes | None:
    """What tells the recursion to keep the state in registers; None where there are too many states."""
    return (0.0,) * n_states if n_states <= FEW_STATES else None


def plain_store(x: Lanes, array: FloatArray, n: int) -> None:
    """Put lanes into a C-ordered array, as if it were one row, from entry n on."""
    array.reshape(-1)[n : n + len(x)] = x


add = instruction(lanewise(operator.add), lambda _, x, y: (x(x, x), emit("fadd")))
subtract = instruction(lanewise(operator.sub), lambda _, x, y: (x(x, x), emit("fsub")))
multiply = instruction(lanewise(operator.mul), lambda _, x, y: (x(x, x), emit("fmul")))
negative = instruction(lanewise(operator.neg), lambda _, x: (x(x), emit("fneg")))
fma = instruction(lanewise(plain_fma), lambda _, x, y, z: (x(x, x, x), emit_fma))
lane = instruction(lambda x, k: x[k], lambda _, x, k: (types.float64(x, types.int32), emit("extract_element")))
splat = instruction(
    lambda like, x: (x,) * len(like), lambda _, like, x: (LanesType(like.count)(like, types.float64), emit_splat)
)
is_any_faint = instruction(
    lambda x, limit: any(0.0 != entry < limit for entry in x),
    lambda _, x, limit: (types.boolean(x, types.float64), emit_is_any_faint),
)
load = instruction(
    lambda like, array, n: tuple(array.reshape(-1)[n : n + len(like)].tolist()),
    lambda _, like, array, n: (LanesType(like.count)(like, array, n), emit_load),
)
store = instruction(plain_store, lambda _, x, array, n: (types.none(x, array, n), emit_store))


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
def times(x: float, x_tail: float, y: float, y_tail: float) -> tuple[float, float]:
    """(x + x_tail)(y + y_tail), again in two parts."""
    product, lost = two_product(x, y)
    return two_sum(product, lost + (x * y_tail + x_tail * y))


@compiled
def full_exp(x: float, x_tail: float) -> tuple[float, float, float]:
    """exp(x + x_tail) = (head + tail) 2^k, to 1e-31, by the series that everybody knows."""
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


# ---------------------------------------------------------------------------------------------------------------------
# Wide numbers: (head + tail) 2^(exponent + rest), in tables of four planes
# ---------------------------------------------------------------------------------------------------------------------


@compiled
def power_of_two(k: float) -> float:
    """2^k for a whole k from −1022 to 1023: k is put where a double keeps its exponent."""
    bits = np.int64(np.float64(k + ROUNDER).view(np.int64))
    return np.int64((bits + 1023) << 52).view(np.float64)


@compiled
def exp_parts(x: float, x_tail: float) -> tuple[float, float, float]:
    """exp(x) = (head + tail) 2^k, where x = k log 2 + r, |r| ≤ log(2)/2, for |x| ≤ `EXP_REACH`, to 3e-17.

    exp(r) = 1 + r + r² q(r) with a polynomial q. It has no branch, so that a loop over it becomes SIMD instructions.
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
def widen(log_x: FloatArray, head: FloatArray, tail: FloatArray, exponent: FloatArray, rest: FloatArray) -> None:
    """Wide numbers exp(log x) of logs."""
    n_far = 0
    for i in range(log_x.size):
        near = abs(log_x[i]) <= EXP_REACH
        head[i], tail[i], exponent[i] = exp_parts(log_x[i] if near else 0.0, 0.0)
        n_far += not near
    if n_far > 0:
        for i in range(log_x.size):
            if not abs(log_x[i]) <= EXP_REACH:
                head[i], tail[i], exponent[i], rest[i] = far_exp_parts(log_x[i])


@compiled
def widen_row(log_x: FloatArray, x: FloatArray) -> None:
    """Wide numbers, (4, n), of logs, (n,)."""
    widen(log_x, x[HEAD], x[TAIL], x[EXPONENT], x[REST])


@compiled
def larger(x: float, y: float) -> float:
    """max(x, y) of two numbers, in the form that processors have in their vectors."""
    return x if x > y else y


@compiled
def largest(x: FloatArray) -> float:
    """max_i x_i, in four chains that the processor follows side by side; −inf of nothing."""
    a = b = c = d = NEVER
    last = x.size - x.size % 4
    for i in range(0, last, 4):
        a, b, c, d = larger(a, x[i]), larger(b, x[i + 1]), larger(c, x[i + 2]), larger(d, x[i + 3])
    for i in range(last, x.size):
        a = larger(a, x[i])
    return larger(larger(a, b), larger(c, d))


@compiled
def sum_of(x: FloatArray) -> float:
    """Σ_i x_i: of few states one after the other, as `total_of` adds them up, of many in four chains."""
    a = b = c = d = 0.0
    last = x.size - x.size % 4 if x.size > FEW_STATES else 0
    for i in range(0, last, 4):
        a, b, c, d = a + x[i], b + x[i + 1], c + x[i + 2], d + x[i + 3]
    for i in range(last, x.size):
        a += x[i]
    return (a + b) + (c + d)


@compiled
def spread(x: FloatArray) -> float:
    """max x_i − min x_i over those that are not −inf; 0 where there are none."""
    top = largest(x)
    bottom = top
    for i in range(x.size):
        bottom = x[i] if NEVER < x[i] < bottom else bottom
    return top - bottom if top > NEVER else 0.0


@compiled
def shifted(x: float, k: float) -> float:
    """x 2^k, or zero where k is below −1000."""
    return x * (power_of_two(k) if k > -1000.0 else 0.0)


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


@compiled
def wide_sum(x: FloatArray, terms: FloatArray) -> tuple[float, float, float]:
    """The sum of wide numbers, (4, n), as a double and an exponent; fills the terms, which have the same exponent."""
    head, tail, exponent = x[HEAD], x[TAIL], x[EXPONENT]
    top, top_rest = top_of(x)
    for i in range(head.size):
        down = exponent[i] - top
        terms[i] = (head[i] + tail[i]) * (power_of_two(down) if down > -1000.0 else 0.0)
    if abs(top) >= FAR:
        fill_far_terms(x, top, top_rest, terms)
    return sum_of(terms), top, top_rest


@compiled
def log_of_wide(x: float, k: float, rest: float) -> float:
    """log(x 2^(k + rest)): the log of a number near 1, and a whole multiple of log 2."""
    mantissa, k_more = math.frexp(x * math.sqrt(2.0))
    return math.log(mantissa / math.sqrt(2.0)) + (k + (rest + k_more)) * LOG_2


@compiled
def divided(x: Any, y: Any, one_over_y: Any) -> Any:
    """x / y by its reciprocal, and a step of Newton's that corrects the last digit."""
    quotient = multiply(x, one_over_y)
    return fma(fma(negative(quotient), y, x), one_over_y, quotient)


# ---------------------------------------------------------------------------------------------------------------------
# The recursion
# ---------------------------------------------------------------------------------------------------------------------


class Tables(NamedTuple):
    """The tables of a call, all sequences one after the other; a row is a step of one of them."""

    log_initial: FloatArray  # (1, K), or (N, K): one for each sequence
    log_transition: FloatArray  # (M, K, K)
    transition_index: IntArray  # (rows,): which matrix leads from a row to the next, and in the last entry, where rows
    #                             have gone before, which one leads to the first; empty where M = 1 or M = rows
    log_likelihoods: FloatArray  # (rows, K)
    starts: IntArray  # (N + 1,): the first row of each sequence, and the end; below 0 where rows have gone before


@compiled
def initial_at(tables: Tables, n: int) -> int:
    """Which row of the initial ones sequence n starts from."""
    return n if len(tables.log_initial) > 1 else 0


@compiled
def matrix_at(tables: Tables, t: int) -> int:
    """Which matrix leads from row t to the next."""
    if tables.transition_index.size > 0:
        return tables.transition_index[t]
    return t if len(tables.log_transition) > 1 else 0


@compiled
def steady_until(tables: Tables, t: int, end: int) -> int:
    """How far the matrix of row t leads: to the first row that another one leads to, or the end."""
    if len(tables.log_transition) == 1:
        return end
    stop = t + 2
    while stop < end and matrix_at(tables, stop - 1) == matrix_at(tables, t):
        stop += 1
    return min(stop, end)


@compiled
def steady_since(tables: Tables, t: int, begin: int) -> int:
    """The first row from which on the same matrix leads on as from row t, or the beginning."""
    if len(tables.log_transition) == 1:
        return begin
    while t > begin and matrix_at(tables, t - 1) == matrix_at(tables, t):
        t -= 1
    return t


class Chain(NamedTuple):
    """One matrix of a transition, or its transpose, ready for the recursion. All tables have `tiled` K columns."""

    log_transition: FloatArray  # (K, ·)
    linear: FloatArray  # (2, K, ·): heads and, for few states, tails as doubles, divided by 2^exponent
    exponent: float
    is_narrow: bool  # its positive entries lie within `TRANSITION_SPREAD`, and their logs within `NARROW_LOG`
    is_far: bool  # it has logs beyond `NARROW_LOG`
    wide: FloatArray  # (4, K, ·), and
    sources: FloatArray  # (2, K, ·), in a row for each state, how many lead to it and which, once they are listed


@compiled
def tiled(n_states: int) -> int:
    """How many columns a matrix has in whole tiles; few states need none."""
    return n_states if n_states <= FEW_STATES else -(-n_states // len(TILE)) * len(TILE)


LOGS, LINEAR, WIDE, SOURCES = 0, 1, 3, 7  # the tables of a slot for a chain, and as single numbers,
HELD, SHARED_EXPONENT, NARROW, LARGE, TABLES = 9, 10, 11, 12, 13  # the matrix that it holds, from 1, and its facts


def slots_for_chains(n_slots: int, n_states: int) -> FloatArray:
    """Room for as many chains; as yet, none is held."""
    return np.zeros((n_slots, TABLES, n_states, tiled(n_states)))


@compiled
def held_chain(slot: FloatArray) -> Chain:
    """The chain that a slot holds."""
    return Chain(
        slot[LOGS],
        slot[LINEAR:WIDE],
        slot[SHARED_EXPONENT, 0, 0],
        slot[NARROW, 0, 0] == 1.0,
        slot[LARGE, 0, 0] == 1.0,
        slot[WIDE:SOURCES],
        slot[SOURCES:HELD],
    )


@compiled
def hold_chain(log_transition: FloatArray, m: int, is_backward: bool, slot: FloatArray) -> None:
    """Make a slot hold matrix m of a transition, or its transpose."""
    chain = held_chain(slot)
    n_states, n_columns = chain.log_transition.shape
    for i in range(n_states):
        for j in range(n_states):
            chain.log_transition[i, j] = log_transition[m, j, i] if is_backward else log_transition[m, i, j]
        for j in range(n_states, n_columns):
            chain.log_transition[i, j] = NEVER
    is_far = largest_magnitude(chain.log_transition) > NARROW_LOG
    slot[SHARED_EXPONENT, 0, 0], is_narrow = take_exponentials(chain)
    slot[NARROW, 0, 0], slot[LARGE, 0, 0] = 1.0 if is_narrow and not is_far else 0.0, 1.0 if is_far else 0.0
    slot[HELD, 0, 0] = m + 1.0
    chain.sources[0, 0, 0] = UNLISTED


@compiled
def chain_at(log_transition: FloatArray, m: int, is_backward: bool, slots: FloatArray) -> Chain:
    """Matrix m of a transition, or its transpose, from the slot that holds it, or is made to hold it."""
    slot = slots[m % len(slots)]
    if slot[HELD, 0, 0] != m + 1.0:
        hold_chain(log_transition, m, is_backward, slot)
    return held_chain(slot)


@compiled
def take_exponentials(chain: Chain) -> tuple[float, bool]:
    """Fill the linear table of a chain; return its exponent, and whether it is narrow."""
    log_transition, linear = chain.log_transition, chain.linear
    n_states, n_columns = log_transition.shape
    top = largest(log_transition.reshape(-1))
    _, _, exponent, rest = far_exp_parts(top) if NEAR_ONE < abs(top) < math.inf else (0.0, 0.0, 0.0, 0.0)
    n_far, n_small = 0, 0
    for i in range(n_states):
        head, tail = linear[HEAD, i], linear[TAIL, i]
        for j in range(n_states):
            near = abs(log_transition[i, j]) <= EXP_REACH
            x_head, x_tail, k = exp_parts(log_transition[i, j] if near else 0.0, 0.0)
            scale = power_of_two(k - exponent) if k - exponent > -1000.0 else 0.0
            head[j] = x_head * scale
            if n_states <= FEW_STATES:
                tail[j] = x_tail * scale
            n_far += not near
            n_small += near and k - exponent < -TRANSITION_SPREAD
        for j in range(n_states, n_columns):
            head[j] = 0.0
    if n_far > 0:
        for i in range(n_states):
            for j in range(n_states):
                if not abs(log_transition[i, j]) <= EXP_REACH:
                    x_head, x_tail, k, k_rest = far_exp_parts(log_transition[i, j])
                    down = (k - exponent) + (k_rest - rest)
                    linear[HEAD, i, j], linear[TAIL, i, j] = shifted(x_head, down), shifted(x_tail, down)
                    n_small += NEVER < down < -TRANSITION_SPREAD
    return exponent, n_small == 0


@compiled
def list_sources(chain: Chain) -> None:
    """Fill what only exact steps need."""
    wide, (n_sources, sources) = chain.wide, (chain.sources[0], chain.sources[1])
    widen(
        chain.log_transition.reshape(-1),
        wide[HEAD].reshape(-1),
        wide[TAIL].reshape(-1),
        wide[EXPONENT].reshape(-1),
        wide[REST].reshape(-1),
    )
    for j in range(len(sources)):
        n_listed = 0
        for i in range(len(sources)):
            if chain.log_transition[i, j] > NEVER:
                sources[j, n_listed] = i
                n_listed += 1
        n_sources[j, 0] = n_listed


@compiled
def lanes_two_sum(x: Lanes, y: Lanes) -> tuple[Lanes, Lanes]:
    """`two_sum`, entry by entry."""
    total = add(x, y)
    y_kept = subtract(total, x)
    return total, add(subtract(x, subtract(total, y_kept)), subtract(y, y_kept))


@compiled
def two_product(x: Any, y: Any) -> tuple[Any, Any]:
    """x y, rounded, and what the rounding lost; of tuples, entry by entry."""
    product = multiply(x, y)
    return product, fma(x, y, negative(product))


@compiled
def predict_few(p: Lanes, p_tail: Lanes, transition: FloatArray, like: Lanes) -> tuple[Lanes, Lanes]:
    """s_j = Σ_i p_i A_ij, with all that roundings lose collected in the tails."""
    n_states = len(like)
    p_i = splat(like, lane(p, 0))
    s, s_tail = two_product(p_i, load(like, transition[HEAD], 0))
    s_tail = fma(p_i, load(like, transition[TAIL], 0), s_tail)
    for i in range(1, n_states):
        p_i = splat(like, lane(p, i))
        term, term_tail = two_product(p_i, load(like, transition[HEAD], i * n_states))
        s, lost = lanes_two_sum(s, term)
        s_tail = add(s_tail, add(lost, fma(p_i, load(like, transition[TAIL], i * n_states), term_tail)))
    for i in range(n_states):  # last, since each step waits for the tails of the one before
        s_tail = fma(splat(like, lane(p_tail, i)), load(like, transition[HEAD], i * n_states), s_tail)
    return s, s_tail


@compiled
def predict_many(p: FloatArray, transition: FloatArray, s: FloatArray) -> None:
    """s_j = Σ_i p_i A_ij, for A and s of whole tiles.

    Tile by tile in registers, or four rows of A at a time, so that s is loaded and stored a quarter as often.
    """
    n_states, n_columns = transition.shape
    if n_states <= TILED_STATES:
        for j in range(0, n_columns, len(TILE)):
            total = splat(TILE, 0.0)
            for i in range(n_states):
                total = fma(splat(TILE, p[i]), load(TILE, transition, i * n_columns + j), total)
            store(total, s, j)
        return
    last = n_states - n_states % 4
    for j in range(n_columns):
        s[j] = 0.0
    for i in range(0, last, 4):
        for j in range(n_columns):
            s[j] += (p[i] * transition[i, j] + p[i + 1] * transition[i + 1, j]) + (
                p[i + 2] * transition[i + 2, j] + p[i + 3] * transition[i + 3, j]
            )
    for i in range(last, n_states):
        for j in range(n_columns):
            s[j] += p[i] * transition[i, j]


@compiled
def term_exponent(state: FloatArray, i: int, wide: FloatArray, j: int) -> tuple[float, float]:
    """The exponent of α_i A_ij, in two parts."""
    return sum_exponents(state[EXPONENT, i], state[REST, i], wide[EXPONENT, i, j], wide[REST, i, j])


@compiled
def exact_prediction(state: FloatArray, chain: Chain, j: int, is_far: bool) -> tuple[float, float, float, float]:
    """log Σ_i exp( log α_i + log A_ij ), shifted by the largest of its terms, as a wide number.

    It has to be said where α or A has exponents that are not `NEARBY`.
    """
    if chain.sources[0, 0, 0] == UNLISTED:
        list_sources(chain)
    n_sources, sources = int(chain.sources[0, j, 0]), chain.sources[1, j]
    if is_far:
        return far_prediction(state, chain, j, sources[:n_sources])
    exponent, step_exponent = state[EXPONENT], chain.wide[EXPONENT]
    top = NEVER
    for n in range(n_sources):
        i = int(sources[n])
        top = larger(top, exponent[i] + step_exponent[i, j])
    total, tail = 0.0, 0.0
    for n in range(n_sources):
        i = int(sources[n])
        k = exponent[i] + step_exponent[i, j]
        if k > NEVER and k - top > -200.0:  # below, it is beyond the last digit of the tail
            total, tail = add_term(state, chain, i, j, k - top, total, tail)
    return total, tail, top, 0.0


@compiled
def far_prediction(state: FloatArray, chain: Chain, j: int, sources: FloatArray) -> tuple[float, float, float, float]:
    """`exact_prediction` with exponents of two parts."""
    top, top_rest = NEVER, 0.0
    for source in sources:
        k, k_rest = term_exponent(state, int(source), chain.wide, j)
        top, top_rest = (k, k_rest) if exceeds(k, k_rest, top, top_rest) else (top, top_rest)
    total, tail = 0.0, 0.0
    for source in sources:
        k, k_rest = term_exponent(state, int(source), chain.wide, j)
        if k > NEVER and (k - top) + (k_rest - top_rest) > -200.0:
            total, tail = add_term(state, chain, int(source), j, (k - top) + (k_rest - top_rest), total, tail)
    return total, tail, top, top_rest


@compiled
def add_term(
    state: FloatArray, chain: Chain, i: int, j: int, down: float, total: float, tail: float
) -> tuple[float, float]:
    """Add α_i A_ij to a sum in two parts, where its exponent is so far from that of the sum."""
    scale = power_of_two(down)
    head, step_head = state[HEAD, i] * scale, chain.wide[HEAD, i, j]
    term, term_tail = two_product(head, step_head)
    term_tail += head * chain.wide[TAIL, i, j] + state[TAIL, i] * scale * step_head
    total, lost = two_sum(total, term)
    return total, tail + (lost + term_tail)


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
        scale = power_of_two(exponent[k] - top) if exponent[k] > NEVER and exponent[k] - top > -1000.0 else 0.0
        head[k], tail[k] = x[HEAD, k] * scale, x[TAIL, k] * scale


@compiled
def set_far_exponents(p: FloatArray, top: float, top_rest: float, exponent: float, predicted: FloatArray) -> None:
    """The exponents of a prediction p in two parts, where p is above zero; what it is divided by has two exponents."""
    for j in range(p.size):
        if p[j] > 0.0:
            _, _, k = settled(p[j], 0.0, exponent)
            predicted[EXPONENT, j], predicted[REST, j] = sum_exponents(top, top_rest, k, 0.0)


@inlined
def lse_prediction(
    state: FloatArray, chain: Chain, like: Lanes | None, scratch: FloatArray, predicted: FloatArray
) -> None:
    """log s_j = LSE_i( log α_i + log A_ij ) = a + log Σ_i exp( log α_i − a ) A_ij.

    The shift a is the largest power of two in α. Where a sum is so small that underflow may have taken a share, or A
    has no such shift, the shift is its own largest term instead.
    """
    n_states = state.shape[1]
    p, p_tail = scratch[HEAD, :n_states], scratch[TAIL, :n_states]
    s, s_tail, s_exponent = predicted[HEAD], predicted[TAIL], predicted[EXPONENT]
    top, top_rest = top_of(state)
    take_down(state, top, top_rest, p, p_tail)
    if like is None:
        predict_many(p, chain.linear[HEAD], scratch[TAIL])
        for j in range(n_states):
            s[j], s_tail[j] = scratch[TAIL, j], 0.0
    else:
        lanes, lanes_tail = predict_few(load(like, p, 0), load(like, p_tail, 0), chain.linear, like)
        store(lanes, s, 0)
        store(lanes_tail, s_tail, 0)
    is_shared = abs(chain.exponent) < NEARBY
    n_faded = 0
    for j in range(n_states):
        p[j] = s[j] if is_shared else 0.0
        s[j], s_tail[j], s_exponent[j] = settled(s[j], s_tail[j], top + chain.exponent)
        n_faded += p[j] < FADED
    if abs(top) >= NEARBY:
        set_far_exponents(p, top, top_rest, chain.exponent, predicted)
    if n_faded > 0:
        is_far = chain.is_far or has_far(state[EXPONENT])
        for j in range(n_states):
            if p[j] < FADED:
                total, total_tail, own_top, own_rest = exact_prediction(state, chain, j, is_far)
                if like is None:
                    total, total_tail = total + total_tail, 0.0
                s[j], s_tail[j], k = settled(total, total_tail, 0.0)
                s_exponent[j], predicted[REST, j] = sum_exponents(own_top, own_rest, k, 0.0)


@compiled
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
def coded(x: float, k: float) -> float:
    """x 2^k where a double holds it; else its log, L as L where that is negative, and as −1/L where it is positive.

    The same number gives the same bits however it is split into x and k, as fast steps and exact ones do differently.
    """
    if k == 0.0 or x == 0.0:
        return x
    if abs(k) < 500.0 and 1.0 / HIGHEST < x < HIGHEST:
        return x * power_of_two(k)
    log_x = log_of_wide(x, k, 0.0)
    if abs(log_x) < FAR_LOG:
        return math.ldexp(x, int(k))
    return log_x if log_x < 0.0 else -1.0 / log_x


@compiled
def code_far_shares(x: FloatArray, top: float, top_rest: float, one_over_total: float, row: FloatArray) -> None:
    """What `store_posterior` does with shares that a double cannot hold, with exponents of two parts."""
    for k in range(row.size):
        down = way_down(x, k, top, top_rest)
        if down <= -900.0 and x[HEAD, k] > 0.0:
            row[k] = log_roughly(x[HEAD, k] * one_over_total) + down * LOG_2


@inlined
def store_posterior(x: FloatArray, row: FloatArray) -> tuple[float, float, float]:
    """Divide wide numbers by their sum; the sum, as a double and an exponent in two parts, is returned.

    A share that a double cannot hold is stored `coded`, as its log.
    """
    head, exponent = x[HEAD], x[EXPONENT]
    total, top, top_rest = wide_sum(x, row)
    divide_row(row, total, row)
    one_over_total = 1.0 / total
    if abs(top) >= FAR:
        code_far_shares(x, top, top_rest, one_over_total, row)
        return total, top, top_rest
    n_far = 0
    for k in range(row.size):
        n_far += (exponent[k] - top <= -900.0) & (head[k] > 0.0)
    if n_far > 0:
        for k in range(row.size):
            log_share = log_roughly(head[k] * one_over_total) + (exponent[k] - top) * LOG_2
            row[k] = log_share if (exponent[k] - top <= -900.0) & (head[k] > 0.0) else row[k]
    return total, top, top_rest


@compiled
def log_roughly(x: float) -> float:
    """log x = k log 2 + 2 artanh( (m − 1)/(m + 1) ), x = m 2^k, to 1e-13: added to the log of 2^-900, that is exact."""
    bits = np.int64(np.float64(x * math.sqrt(2.0)).view(np.int64))
    k = np.float64(np.int64((bits >> 52) + ROUNDER_BITS - 1023).view(np.float64)) - ROUNDER
    m = x * power_of_two(-k)
    r = (m - 1.0) / (m + 1.0)
    r2 = r * r
    low = fma(fma(fma(1 / 7, r2, 1 / 5), r2, 1 / 3), r2, 1.0)
    high = fma(fma(fma(1 / 15, r2, 1 / 13), r2, 1 / 11), r2, 1 / 9)
    r4 = r2 * r2
    return 2.0 * r * fma(high, r4 * r4, low) + k * LOG_2


class Block(NamedTuple):
    """Likelihoods of a block of steps as doubles, each row divided by a power of two."""

    linear: FloatArray  # (2, B K): heads and tails, row after row
    exponents: FloatArray  # (B,): the powers; of a row that is done, that of its state
    is_narrow: FloatArray  # (B,): 1 where the row's positive entries lie within `LIKELIHOOD_SPREAD`, else 0
    begins: FloatArray  # (B,): 1 where the recursion begins, with the first row of a sequence or, backwards, the last
    totals: FloatArray  # (B,): Σ α of a row that is done, to be multiplied by 2^(exponent + rest)
    rests: FloatArray  # (B,): of these exponents


class Origin(NamedTuple):
    """What the recursion begins with: the initial distribution or, backwards, ones."""

    wide: FloatArray  # (4, K)
    linear: FloatArray  # (2, K), divided by 2^exponent
    exponent: float
    is_narrow: bool  # its positive entries lie within `WIDEST`, their exponents are `NEARBY`


@compiled
def origin_of(wide: FloatArray, linear: FloatArray) -> Origin:
    """Make an origin of wide numbers; fills the linear ones."""
    exponent = largest(wide[EXPONENT])
    is_narrow = abs(exponent) < NEARBY and spread(wide[EXPONENT]) <= WIDEST
    if is_narrow:
        for k in range(wide.shape[1]):
            scale = shifted(1.0, wide[EXPONENT, k] - exponent)
            linear[HEAD, k], linear[TAIL, k] = wide[HEAD, k] * scale, wide[TAIL, k] * scale
    return Origin(wide, linear, exponent, is_narrow)


@compiled
def set_begins(tables: Tables, n: int, is_backward: bool, t: int, stop: int, block: Block) -> None:
    """Mark the rows from t to stop, of sequence n and those after it, with which the recursion begins."""
    for i in range(stop - t):
        block.begins[i] = 0.0
    while n < len(tables.starts) - 1 and tables.starts[n] < stop:
        row = tables.starts[n + 1] - 1 if is_backward else tables.starts[n]
        if t <= row < stop:
            block.begins[row - t] = 1.0
        n += 1


@compiled
def mistrust_begins(origin: Origin, n_rows: int, block: Block) -> None:
    """Where the origin is beyond the fast steps, so are the rows that begin with it."""
    if not origin.is_narrow:
        for i in range(n_rows):
            block.is_narrow[i] = 0.0 if block.begins[i] == 1.0 else block.is_narrow[i]


@compiled
def fill_block(log_b: FloatArray, block: Block, wide: FloatArray) -> None:
    """Take the exponentials of rows of log-likelihoods, (n, K)."""
    n_rows = len(log_b)
    flat, head, tail = log_b.reshape(-1), block.linear[HEAD], block.linear[TAIL]
    n_outside = 0
    for n in range(flat.size):
        x = flat[n]
        near = abs(x) <= NEAR_ONE
        x_head, x_tail, k = exp_parts(x if near else 0.0, 0.0)
        scale = power_of_two(k) if near else 0.0
        head[n], tail[n] = x_head * scale, x_tail * scale
        n_outside += not near
    for i in range(n_rows):
        block.exponents[i], block.is_narrow[i], block.rests[i] = 0.0, 1.0, 0.0
    if n_outside > 0:
        for i in range(n_rows):
            fill_row(log_b[i], block, i, wide)


@compiled
def fill_row(log_b: FloatArray, block: Block, i: int, wide: FloatArray) -> None:
    """One row of a block, divided by a power of two near its largest entry."""
    is_narrow = spread(log_b) <= LIKELIHOOD_SPREAD and not NARROW_LOG < abs(largest(log_b)) < math.inf
    block.is_narrow[i] = 1.0 if is_narrow else 0.0
    if block.is_narrow[i] == 0.0:
        return
    widen_row(log_b, wide)
    top = largest(wide[EXPONENT])
    block.exponents[i] = top if top > NEVER else 0.0
    n_states = log_b.size
    for k in range(n_states):
        scale = shifted(1.0, wide[EXPONENT, k] - block.exponents[i])
        n = i * n_states + k
        block.linear[HEAD, n], block.linear[TAIL, n] = wide[HEAD, k] * scale, wide[TAIL, k] * scale


@compiled
def is_faint(row: FloatArray, limit: float) -> bool:
    """Whether an entry, other than zero, is below a limit."""
    faint = False
    for k in range(row.size):
        faint |= (row[k] < limit) & (row[k] != 0.0)
    return faint


@compiled
def total_of(p: Lanes, like: Lanes) -> float:
    """Σ_k p_k."""
    total = lane(p, 0)
    for k in range(1, len(like)):
        total += lane(p, k)
    return total


@compiled
def sweep_few(
    state: FloatArray,
    origin: Origin,
    chain: Chain,
    block: Block,
    i: int,
    end: int,
    like: Lanes,
    pair: FloatArray,
    rows: FloatArray,
    increments: FloatArray | None,
) -> int:
    """Fast steps from row i of a block on, with the state in registers: p'_j = (Σ_i p_i A_ij) b_j, and its tail.

    Where it begins, the origin is in place of the sum. Likelihoods are overwritten by what the posteriors
    are made of: forwards, p; backwards, without increments, the sum in brackets, which is β. Returns where it came to:
    the end, or a row that is beyond the fast steps.
    """
    n_states = len(like)
    exponent = largest(state[EXPONENT])
    for k in range(n_states):
        scale = shifted(1.0, state[EXPONENT, k] - exponent)
        pair[HEAD, k], pair[TAIL, k] = state[HEAD, k] * scale, state[TAIL, k] * scale
    p, p_tail = load(like, pair, 0), load(like, pair, n_states)
    before, before_exponent = total_of(add(p, p_tail), like), exponent
    way = -1 if increments is None else 1
    t = i
    while t != end:
        row = np.uint64(t)
        n = row * np.uint64(n_states)
        if increments is None and is_any_faint(load(like, rows, n), LOWEST):
            break
        if block.begins[row] == 1.0:
            s, s_tail, exponent = load(like, origin.linear, 0), load(like, origin.linear, n_states), origin.exponent
        else:
            s, s_tail = predict_few(p, p_tail, chain.linear, like)
            exponent += chain.exponent
        b, b_tail = load(like, block.linear[HEAD], n), load(like, block.linear[TAIL], n)
        p, lost = two_product(s, b)
        p_tail = fma(s_tail, b, fma(s, b_tail, lost))
        exponent += block.exponents[row]
        store(p if increments is not None else s, block.linear[HEAD], n)
        store(p_tail if increments is not None else s_tail, block.linear[TAIL], n)
        block.exponents[row] = exponent
        total = total_of(p, like)
        if total == 0.0:
            break
        t += way
        if not 1.0 / HIGHEST < total < HIGHEST:
            _, down = math.frexp(total)
            scale = power_of_two(float(-down))
            p, p_tail = multiply(p, splat(like, scale)), multiply(p_tail, splat(like, scale))
            exponent += down
            total *= scale
        if is_any_faint(p, LOWEST * total):
            break
    for k in range(n_states):
        state[HEAD, k], state[TAIL, k], state[EXPONENT, k] = settled(lane(p, k), lane(p_tail, k), exponent)
    normalise_few(block, i, t, before, before_exponent, like, rows, increments)
    return t


@compiled
def normalise_few(
    block: Block,
    i: int,
    end: int,
    before: float,
    before_exponent: float,
    like: Lanes,
    rows: FloatArray,
    increments: FloatArray | None,
) -> None:
    """Make posteriors of what `sweep_few` left in a block: p / Σ p, or f β / Σ f β. No row waits for another here."""
    way = -1 if increments is None else 1
    while i != end:
        row = np.uint64(i)
        n = row * np.uint64(len(like))
        i += way
        begins = block.begins[row] == 1.0
        if increments is None and begins:  # β is 1, and the filtered row is the smoothed one
            continue
        posterior = add(load(like, block.linear[HEAD], n), load(like, block.linear[TAIL], n))
        if increments is None:
            posterior = multiply(posterior, load(like, rows, n))
        total = total_of(posterior, like)
        if increments is not None:
            if begins:
                before, before_exponent = 1.0, 0.0
            increments[row] = coded(total / before, block.exponents[row] - before_exponent)
            before, before_exponent = total, block.exponents[row]
            block.totals[row] = total
        store(divided(posterior, splat(like, total), splat(like, 1.0 / total)), rows, n)


@compiled
def sweep_many(
    state: FloatArray,
    origin: Origin,
    chain: Chain,
    block: Block,
    i: int,
    end: int,
    like: None,
    pair: FloatArray,
    rows: FloatArray,
    increments: FloatArray | None,
) -> int:
    """`sweep_few` for many states, without tails: vectors in memory, and posteriors at once."""
    p, s = pair[0, : state.shape[1]], pair[1, : state.shape[1]]
    exponent = largest(state[EXPONENT])
    for k in range(p.size):
        p[k] = state[HEAD, k] * shifted(1.0, state[EXPONENT, k] - exponent)
    before, before_exponent = sum_of(p), exponent
    way = -1 if increments is None else 1
    while i != end:
        t = np.uint64(i)
        row = rows[t]
        if increments is None and is_faint(row, LOWEST):
            break
        b = block.linear[HEAD, i * p.size : (i + 1) * p.size]
        if block.begins[t] == 1.0:
            multiply_rows(origin.linear[HEAD], b, p)
            exponent, before, before_exponent = origin.exponent, 1.0, 0.0
        else:
            predict_many(p, chain.linear[HEAD], pair[1])
            multiply_rows(s, b, p)
            exponent += chain.exponent
        total = sum_of(p)
        if total == 0.0:
            break
        exponent += block.exponents[t]
        if increments is not None:
            increments[t] = coded(total / before, exponent - before_exponent)
            divide_row(p, total, row)
            block.totals[t], block.exponents[t] = total, exponent
        elif block.begins[t] == 0.0:
            multiply_rows(s, row, s)
            divide_row(s, sum_of(s), row)
        i += way
        if not 1.0 / HIGHEST < total < HIGHEST:
            _, down = math.frexp(total)
            scale = power_of_two(float(-down))
            for k in range(p.size):
                p[k] *= scale
            exponent += down
            total *= scale
        before, before_exponent = total, exponent
        if is_faint(p, LOWEST * total):
            break
    for k in range(p.size):
        state[HEAD, k], state[TAIL, k], state[EXPONENT, k] = settled(p[k], 0.0, exponent)
    return i


@compiled
def multiply_rows(x: FloatArray, y: FloatArray, product: FloatArray) -> None:
    """The product of vectors, entry by entry."""
    for k in range(x.size):
        product[k] = x[k] * y[k]


@compiled
def divide_row(x: FloatArray, y: float, quotient: FloatArray) -> None:
    """A vector divided by a number."""
    one_over_y = 1.0 / y
    for k in range(x.size):
        quotient[k] = divided(x[k], y, one_over_y)


class Scratch(NamedTuple):
    """Room for one step."""

    predicted: FloatArray  # (4, K)
    other: FloatArray  # (4, K)
    after: FloatArray  # (4, K)
    p: FloatArray  # (2, `tiled` K)
    origin: FloatArray  # (4, K), and
    origin_linear: FloatArray  # (2, K)


@compiled
def scratch_size(n_states: int) -> int:
    """How long it is as one vector."""
    return (4 * PLANES + 2) * n_states + 2 * tiled(n_states)


def room_for_steps(n_rows: int, n_states: int) -> FloatArray:
    """Room for `Scratch`, and for a `Block` of so many rows and its α, all of it in one vector."""
    return np.empty(scratch_size(n_states) + n_rows * ((PLANES + 2) * n_states + 5))


@compiled
def scratch_in(room: FloatArray, n_states: int) -> Scratch:
    """The first part of a room."""
    end = (4 * PLANES + 2) * n_states
    wide = room[:end].reshape(4 * PLANES + 2, n_states)
    p = room[end : scratch_size(n_states)].reshape(2, tiled(n_states))
    return Scratch(wide[:4], wide[4:8], wide[8:12], p, wide[12:16], wide[16:])


@compiled
def block_in(room: FloatArray, n_rows: int, n_states: int) -> Block:
    """The second part of a room."""
    start = scratch_size(n_states)
    end = start + 2 * n_rows * n_states
    facts = room[end : end + 5 * n_rows].reshape(5, n_rows)
    return Block(room[start:end].reshape(2, n_rows * n_states), facts[0], facts[1], facts[2], facts[3], facts[4])


def sweep_narrow(state: Any, origin: Any, chain: Any, block: Any, i: Any, end: Any, like: Any, *filled: Any) -> int:
    """`sweep_few` or `sweep_many`, which is known when this is compiled."""
    return (sweep_many if like is None else sweep_few)(state, origin, chain, block, i, end, like, *filled)


@overload(sweep_narrow, strict=False, jit_options={"_nrt": False})
def compile_sweep_narrow(
    state: Any, origin: Any, chain: Any, block: Any, i: Any, end: Any, like: Any, *filled: Any
) -> Any:  # pragma: no cover, since only the compiler calls it
    chosen = sweep_many if isinstance(like, types.NoneType) else sweep_few
    return lambda state, origin, chain, block, i, end, like, *filled: chosen(  # noqa: PLW0108
        state, origin, chain, block, i, end, like, *filled
    )


@compiled
def sweep(
    state: FloatArray,
    origin: Origin,
    chain: Chain,
    block: Block,
    i: int,
    like: Lanes | None,
    scratch: Scratch,
    rows: FloatArray,
    increments: FloatArray | None,
) -> int:
    """Fast steps as far as they are safe, from where the positive entries of the state are near each other.

    What a far exponent has in common is taken out before, and put back after; up to where the recursion begins anew.
    """
    top, top_rest = top_of(state)
    is_far = abs(top) >= NEARBY
    if not (is_far or spread(state[EXPONENT]) <= WIDEST) or (is_far and has_depths(state, top, top_rest)):
        return i
    way = -1 if increments is None else 1
    end = i
    while 0 <= end < len(rows) and block.is_narrow[end] == 1.0 and not (is_far and block.begins[end] == 1.0):
        end += way
    if is_far:
        take_exponent_out(state, top, top_rest)
    reached = sweep_narrow(state, origin, chain, block, i, end, like, scratch.p, rows, increments)
    if is_far:
        put_exponent_back(state, top, top_rest, block.exponents[i:reached], block.rests[i:reached])
    return reached


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


@inlined
def lse_update(log_b: FloatArray, chain: Chain, like: Lanes | None, scratch: Scratch, state: FloatArray) -> None:
    """log α'(j) = log b(j) + log Σ_i exp( log α(i) + log A(i, j) ), the recursion of every sum over paths [2]_.

    α, α', A and b are wide numbers m 2^e, that is, logs whose whole part e and fraction log2 m are kept apart: adding
    logs adds e and multiplies m, and the shift of the log-sum-exp is a power of two. The size of logs costs no digit.
    """
    lse_prediction(state, chain, like, scratch.p, scratch.predicted)
    widen_row(log_b, scratch.other)
    weigh(scratch.predicted, scratch.other, like, state)


@compiled
def start_chain(log_b: FloatArray, like: Lanes | None, scratch: Scratch, state: FloatArray) -> None:
    """log α_1(k) = log p(h_1 = k) + log b_1(k), the first step of all; the state is the initial one before it."""
    widen_row(log_b, scratch.other)
    weigh(state, scratch.other, like, state)


@compiled
def forward_block(
    log_b: FloatArray,
    origin: Origin,
    chain: Chain,
    state: FloatArray,
    block: Block,
    like: Lanes | None,
    scratch: Scratch,
    rows: FloatArray,
    increments: FloatArray,
) -> int:
    """Filter a block: the rows are filled with f_t = α_t / Σ α_t, and the state goes from α before to α after it.

    Returns how many steps are possible.
    """
    fill_block(log_b, block, scratch.other)
    mistrust_begins(origin, len(log_b), block)
    i = 0
    while i < len(log_b):
        begins = block.begins[i] == 1.0
        if begins:
            copy_wide(origin.wide, state)
        if largest(state[EXPONENT]) > NEVER and chain.is_narrow and block.is_narrow[i] == 1.0:
            reached = sweep(state, origin, chain, block, i, like, scratch, rows, increments)
            if reached > i:
                i = reached
                continue
        if largest(state[EXPONENT]) == NEVER:
            break
        before, before_exponent, before_rest = 1.0, 0.0, 0.0
        if begins:
            start_chain(log_b[i], like, scratch, state)
        else:
            before, before_exponent, before_rest = wide_sum(state, scratch.p[0, : state.shape[1]])
            lse_update(log_b[i], chain, like, scratch, state)
        if largest(state[EXPONENT]) == NEVER:
            break
        total, exponent, rest = store_posterior(state, rows[i])
        increments[i] = coded(total / before, (exponent - before_exponent) + (rest - before_rest))
        block.totals[i], block.exponents[i], block.rests[i] = total, exponent, rest
        i += 1
    return i


@compiled
def mark(x: FloatArray) -> None:
    """Put NaN where nothing is known, as the evidence is impossible."""
    for k in range(x.size):
        x[k] = math.nan


class Trace(NamedTuple):
    """α_t of a block as wide numbers, computed where they are asked for."""

    table: FloatArray  # (B, 4, K)
    tables: Tables
    slots: FloatArray  # for the chains


@compiled
def trace_in(room: FloatArray, n_rows: int, tables: Tables, slots: FloatArray) -> Trace:
    """The third part of a room."""
    n_states = tables.log_likelihoods.shape[1]
    return Trace(room[room.size - PLANES * n_rows * n_states :].reshape(n_rows, PLANES, n_states), tables, slots)


@compiled
def fill_trace(
    trace: Trace, n: int, start: int, end: int, checkpoints: FloatArray, like: Lanes | None, scratch: Scratch
) -> None:
    """Compute α_t from row start, in sequence n, to end again, from the state before them, the first checkpoint."""
    tables = trace.tables
    for t in range(start, end):
        state = trace.table[t - start]
        n += t == tables.starts[n + 1]
        if t == tables.starts[n]:
            widen_row(tables.log_initial[initial_at(tables, n)], state)
            start_chain(tables.log_likelihoods[t], like, scratch, state)
        else:
            copy_wide(checkpoints[0] if t == start else trace.table[t - start - 1], state)
            chain = chain_at(tables.log_transition, matrix_at(tables, t - 1), False, trace.slots)
            lse_update(tables.log_likelihoods[t], chain, like, scratch, state)


@compiled
def backward_block(
    log_b: FloatArray,
    origin: Origin,
    chain: Chain,
    state: FloatArray,
    block: Block,
    like: Lanes | None,
    scratch: Scratch,
    alphas: FloatArray,
    rows: FloatArray,
) -> None:
    """Smooth a block in place: f_t becomes γ_t = f_t β_t / Σ f_t β_t, and the state goes from ω after to ω before it.

    ω_t(i) = p(v_t:T | h_t = i) = b_t(i) β_t(i) follows the forward recursion on the transposed transition, from the
    end. Where a row of the filter holds logs, which are rounded, α is taken from a table of its own.
    """
    fill_block(log_b, block, scratch.other)
    i = len(log_b) - 1
    while i >= 0:
        begins = block.begins[i] == 1.0
        if begins:
            copy_wide(origin.wide, state)
        if chain.is_narrow and block.is_narrow[i] == 1.0:
            reached = sweep(state, origin, chain, block, i, like, scratch, rows, None)
            if reached < i:
                i = reached
                continue
        if begins:
            start_chain(log_b[i], like, scratch, state)
        else:
            lse_update(log_b[i], chain, like, scratch, state)
            if has_logs(rows[i]):
                weigh(scratch.predicted, alphas[i], like, scratch.predicted)
            else:
                widen_linear(rows[i], scratch.other)
                weigh(scratch.predicted, scratch.other, like, scratch.predicted)
            store_posterior(scratch.predicted, rows[i])
        i -= 1


@compiled
def has_logs(x: FloatArray) -> bool:
    """Whether there are logs among `coded` numbers."""
    found = False
    for k in range(x.size):
        found |= x[k] < 0.0
    return found


@compiled
def take_logs(x: FloatArray, logs: FloatArray) -> None:
    """Logs of `coded` numbers."""
    for k in range(x.size):
        if x[k] > 0.0:
            logs[k] = math.log(x[k])
        elif x[k] == 0.0:
            logs[k] = NEVER
        else:  # or NaN, which stays
            logs[k] = -1.0 / x[k] if x[k] > -1.0 else x[k]


@compiled
def take_numbers(x: FloatArray, numbers: FloatArray) -> None:
    """Numbers of `coded` ones, none above 1; what is below 5e-324 rounds to 0."""
    for k in range(x.size):
        numbers[k] = math.exp(x[k]) if x[k] < 0.0 else x[k]


@compiled
def are_logs(x: FloatArray, largest: float) -> bool:
    """Whether all numbers are −inf, or finite and no larger than that."""
    n_wrong = 0
    for k in range(x.size):
        n_wrong += (not abs(x[k]) <= largest) & (x[k] != NEVER)
    return n_wrong == 0


@compiled
def are_chain(log_initial: FloatArray, log_transition: FloatArray, log_likelihoods: FloatArray, largest: float) -> bool:
    """`are_logs` of the three tables of a chain, each as one vector."""
    return are_logs(log_initial, largest) and are_logs(log_transition, largest) and are_logs(log_likelihoods, largest)


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
def last_together(tables: Tables, n: int, t: int, end: int) -> int:
    """The last of the whole sequences, from n, which begins at row t, that share a block; n itself may be longer."""
    if len(tables.log_initial) == 1 and len(tables.log_transition) == 1:
        while n < len(tables.starts) - 2 and tables.starts[n + 2] <= end:
            n += 1
    return n


@compiled
def first_together(tables: Tables, n: int, begin: int, end: int, n_possible: IntArray) -> int:
    """The first of the whole sequences, all possible, up to n, that share a block; n itself may be longer."""
    starts = tables.starts
    if len(tables.log_initial) == 1 and len(tables.log_transition) == 1 and end == starts[n + 1]:
        while (
            n > 0
            and starts[n - 1] >= begin
            and is_possible(starts, n_possible, n)
            and is_possible(starts, n_possible, n - 1)
        ):
            n -= 1
    return n


@compiled
def is_possible(starts: IntArray, n_possible: IntArray, n: int) -> bool:
    """Whether a sequence is possible to its end."""
    return n_possible[n] == starts[n + 1] - starts[n]


@compiled
def block_rows(n_states: int) -> int:
    """How many steps make a block: their likelihoods stay in the processor's nearest cache."""
    return max(64, 2048 // n_states)


@compiled
def run_forward(
    log_initial: FloatArray,
    log_transition: FloatArray,
    transition_index: IntArray,
    log_likelihoods: FloatArray,
    starts: IntArray,
    n: int,
    begin: int,
    end: int,
    like: Lanes | None,
    slots: FloatArray,
    room: FloatArray,
    state: FloatArray,
    checkpoints: FloatArray,
    rows: FloatArray,
    increments: FloatArray,
    n_possible: IntArray,
    log_likelihood: FloatArray,
) -> None:
    """Filter the rows of `Tables` from begin, in sequence n, to end.

    Fills rows, of this part alone, with f_t = α_t / Σ α_t, and increments with c_t = Σ α_t / Σ α_t−1, p(v_t | v_1:t−1),
    both `coded`; they may be as short as a block, if nobody reads them. Short sequences share a block. The state goes
    from α before to α after these rows, and the states before each block but the first of its sequence go into the
    checkpoints, a ring.
    Of each sequence that ends here, the log-likelihood log Σ α_T is kept, and of one that is impossible, how many steps
    of it are possible.
    """
    tables = Tables(log_initial, log_transition, transition_index, log_likelihoods, starts)
    n_states = log_likelihoods.shape[1]
    n_rows = block_rows(n_states)
    scratch, block = scratch_in(room, n_states), block_in(room, min(n_rows, end - begin), n_states)
    widen_row(log_initial[0], scratch.origin)
    origin = origin_of(scratch.origin, scratch.origin_linear)
    is_kept = len(rows) >= end - begin, len(increments) >= end - begin
    n_checkpoints = 0
    t = begin
    while t < end:
        start, is_first = starts[n], t == starts[n]
        if is_first and len(log_initial) > 1:
            widen_row(log_initial[n], scratch.origin)
            origin = origin_of(scratch.origin, scratch.origin_linear)
        if not is_first and (t - start) % n_rows == 0:
            copy_wide(state, checkpoints[n_checkpoints % len(checkpoints)])
            n_checkpoints += 1
        last = last_together(tables, n, t, min(end, t + n_rows)) if is_first else n
        stop = min(starts[last + 1], end, t + n_rows - (t - start) % n_rows)
        led = t if is_first else t - 1
        m = matrix_at(tables, led) if led + 1 < stop else 0
        stop = steady_until(tables, led, stop)
        row, increment = t - begin if is_kept[0] else 0, t - begin if is_kept[1] else 0
        n_done = 0
        if is_first or largest(state[EXPONENT]) > NEVER:
            set_begins(tables, n, False, t, stop, block)
            n_done = forward_block(
                log_likelihoods[t:stop],
                origin,
                chain_at(log_transition, m, False, slots),
                state,
                block,
                like,
                scratch,
                rows[row : row + stop - t],
                increments[increment : increment + stop - t],
            )
            while n < len(starts) - 1 and starts[n + 1] <= t + n_done:
                i = starts[n + 1] - 1 - t
                log_likelihood[n] = log_of_wide(block.totals[i], block.exponents[i], block.rests[i])
                n += 1
            if t + n_done < stop:
                n_possible[n] = t + n_done - starts[n]
        if t + n_done < stop:
            stop = min(starts[n + 1], stop)
            mark(rows[row + n_done : row + stop - t].reshape(-1))
            mark(increments[increment + n_done : increment + stop - t])
            if n_possible[n] == t + n_done - starts[n]:
                increments[increment + n_done] = 0.0
            log_likelihood[n] = NEVER
            n += stop == starts[n + 1]
        t = stop


@compiled
def run_trace(
    log_initial: FloatArray,
    log_transition: FloatArray,
    transition_index: IntArray,
    log_likelihoods: FloatArray,
    starts: IntArray,
    n: int,
    begin: int,
    end: int,
    like: Lanes | None,
    slots: FloatArray,
    room: FloatArray,
    state: FloatArray,
    alphas: FloatArray,
) -> None:
    """Fill wide α_t, (rows, 4, K), of the rows from begin, in sequence n, to end, from the state before them.

    These are the numbers behind the rows of `run_forward`, which round where they are logs.
    """
    tables = Tables(log_initial, log_transition, transition_index, log_likelihoods, starts)
    n_states = log_likelihoods.shape[1]
    checkpoints = state.reshape(1, PLANES, n_states)
    fill_trace(Trace(alphas, tables, slots), n, begin, end, checkpoints, like, scratch_in(room, n_states))


@compiled
def run_update(
    log_b: FloatArray,
    is_first: bool,
    slot: FloatArray,
    like: Lanes | None,
    room: FloatArray,
    state: FloatArray,
    log_posterior: FloatArray,
) -> float:
    """Take a single step of `run_forward`, to the same bits, by a chain that a slot holds.

    The state goes from α before to α after the step, and has a fifth plane, for the `coded` posterior, whose logs are
    filled in. Returns the log-likelihood log Σ α; where that is −inf, all is left as it was.
    """
    scratch = scratch_in(room, log_b.size)
    after = scratch.after
    copy_wide(state, after)
    if is_first:
        start_chain(log_b, like, scratch, after)
    else:
        lse_update(log_b, held_chain(slot), like, scratch, after)
    if largest(after[EXPONENT]) == NEVER:
        return NEVER
    copy_wide(after, state)
    total, exponent, rest = store_posterior(state, state[POSTERIOR])
    take_logs(state[POSTERIOR], log_posterior)
    return log_of_wide(total, exponent, rest)


@compiled
def run_backward(
    log_initial: FloatArray,
    log_transition: FloatArray,
    transition_index: IntArray,
    log_likelihoods: FloatArray,
    starts: IntArray,
    n: int,
    begin: int,
    end: int,
    like: Lanes | None,
    slots: FloatArray,
    backward_slots: FloatArray,
    room: FloatArray,
    state: FloatArray,
    checkpoints: FloatArray,
    rows: FloatArray,
    n_possible: IntArray,
) -> None:
    """Smooth in place what `run_forward` left of the rows from begin to end, in sequence n, and in checkpoints.

    The state goes from ω after to ω before these rows. Rows of impossible sequences are marked.
    """
    tables = Tables(log_initial, log_transition, transition_index, log_likelihoods, starts)
    n_states = log_likelihoods.shape[1]
    n_rows = min(block_rows(n_states), end - begin)
    scratch, block = scratch_in(room, n_states), block_in(room, n_rows, n_states)
    for k in range(n_states):
        scratch.origin[HEAD, k], scratch.origin[TAIL, k], scratch.origin[EXPONENT, k] = 1.0, 0.0, 0.0
    origin = origin_of(scratch.origin, scratch.origin_linear)
    trace = trace_in(room, n_rows, tables, slots)
    n_checkpoints = len(checkpoints)
    while end > begin:
        first = first_together(tables, n, max(begin, end - n_rows), end, n_possible)
        start = starts[first]
        block_start = max(begin, end - 1 - (end - 1 - start) % block_rows(n_states)) if first == n else start
        if block_start > start:
            n_checkpoints -= 1
        if not is_possible(starts, n_possible, n):
            mark(rows[block_start - begin : end - begin].reshape(-1))
        else:
            if has_logs(rows[block_start - begin : end - begin].reshape(-1)):
                fill_trace(trace, first, block_start, end, checkpoints[n_checkpoints:], like, scratch)
            stop = end
            while stop > block_start:
                led = stop - 2 if stop == starts[n + 1] else stop - 1
                t = steady_since(tables, led, block_start) if led >= block_start else block_start
                m = matrix_at(tables, led) if led >= block_start else 0
                set_begins(tables, first, True, t, stop, block)
                backward_block(
                    log_likelihoods[t:stop],
                    origin,
                    chain_at(log_transition, m, True, backward_slots),
                    state,
                    block,
                    like,
                    scratch,
                    trace.table[t - block_start :],
                    rows[t - begin : stop - begin],
                )
                stop = t
        end = block_start
        n = first - 1 if end == start else n


@compiled
def pick(weights: FloatArray, level: float) -> int:
    """The first state at which the running sum of the weights comes up to a level above zero: one that has a weight.

    Where the level is the sum of all, and rounding lets the running sum end below it, the last such state.
    """
    running = 0.0
    for i in range(weights.size):
        running += weights[i]
        if running >= level:
            return i
    i = weights.size - 1
    while weights[i] == 0.0:
        i -= 1
    return i


@compiled
def draw_few(f: FloatArray, into: FloatArray, level: float) -> tuple[int, float]:
    """`draw_many` for few states, without a table: their sum is the last of the running ones.

    To count all that are below the level takes less time than to guess wrongly where they are no more.
    """
    total = 0.0
    for i in range(f.size):
        total += larger(f[i], 0.0) * into[i]
    running, n_below = 0.0, 0
    for i in range(f.size):
        running += larger(f[i], 0.0) * into[i]
        n_below += running < level * total
    return n_below, total


@compiled
def draw_many(f: FloatArray, into: FloatArray, level: float, weights: FloatArray) -> tuple[int, float]:
    """Draw a state i by its weight f_t(i) A_ij, given the ways into j; the sum of the weights is returned, too.

    A sum of `FADED` or more may do without what the doubles lack, all of it 2^-200 of it or less: logs in f, which are
    of numbers below 2^-900 and count as zero here; entries of A below 2^-1000; and what underflows.
    """
    for i in range(f.size):
        weights[i] = larger(f[i], 0.0) * into[i]
    total = sum_of(weights)
    return pick(weights, level * total), total


@compiled
def fill_weights_exactly(alpha: FloatArray, backward_chain: Chain, j: int, weights: FloatArray) -> float:
    """Fill α_t(i) A_ij, given the ways into j, up to the power of two of the largest; and return their sum."""
    if backward_chain.sources[0, 0, 0] == UNLISTED:
        list_sources(backward_chain)
    wide = backward_chain.wide
    head, exponent, rest = wide[HEAD, j], wide[EXPONENT, j], wide[REST, j]
    top, top_rest = NEVER, 0.0
    for i in range(weights.size):
        k, k_rest = sum_exponents(alpha[EXPONENT, i], alpha[REST, i], exponent[i], rest[i])
        top, top_rest = (k, k_rest) if exceeds(k, k_rest, top, top_rest) else (top, top_rest)
    for i in range(weights.size):
        k, k_rest = sum_exponents(alpha[EXPONENT, i], alpha[REST, i], exponent[i], rest[i])
        weights[i] = shifted(alpha[HEAD, i] * head[i], (k - top) + (k_rest - top_rest))
    return sum_of(weights)


@compiled
def draw_block(
    begin: int,
    end: int,
    is_end: bool,
    backward_chain: Chain,
    alphas: FloatArray,
    filtered: FloatArray,
    weights: FloatArray,
    paths: IntArray,
) -> bool:
    """Draw the steps from end down to begin of each path, h_t = i with a probability ∝ f_t(i) A_ij, j = h_t+1.

    At the end of a sequence nothing comes after. Before it is drawn, an entry of a path holds a uniform number from
    above 0 up to 1, by the bits of its double, which are no state's number; what is drawn already stays. Returns False
    where a step needs α, and there is none.
    """
    n_states = weights.size
    for n in range(len(paths)):
        path = paths[n]
        j = 0 if is_end else path[end]
        for t in range(end - 1, begin - 1, -1):
            if path[t] < n_states:
                j = path[t]
                continue
            f, level = filtered[t - begin], np.int64(path[t]).view(np.float64)
            if is_end and t == end - 1:
                for i in range(n_states):
                    weights[i] = larger(f[i], 0.0)
                j = pick(weights, level * sum_of(weights))
            else:
                into = backward_chain.linear[HEAD, j]
                i, total = draw_few(f, into, level) if n_states <= FEW_STATES else draw_many(f, into, level, weights)
                if total < FADED:
                    if len(alphas) == 0:
                        return False
                    total = fill_weights_exactly(alphas[t - begin], backward_chain, j, weights)
                    i = pick(weights, level * total)
                j = i
            path[t] = j
    return True


@compiled
def run_draws(
    log_initial: FloatArray,
    log_transition: FloatArray,
    transition_index: IntArray,
    log_likelihoods: FloatArray,
    starts: IntArray,
    n: int,
    begin: int,
    end: int,
    backward_slots: FloatArray,
    alphas: FloatArray,
    filtered: FloatArray,
    weights: FloatArray,
    paths: IntArray,
    n_possible: IntArray,
) -> int:
    """Draw paths through the rows from end − 1, in sequence n, back to begin, as `draw_block` does [3]_.

    The paths are (size, all rows), and where a sequence goes on at row end, its state there is drawn. Filtered rows are
    those from begin to end. Impossible sequences are marked by −1. Where a row needs wide α, and there are none, it
    stops; a row from which on all is drawn is returned, else the first.
    """
    tables = Tables(log_initial, log_transition, transition_index, log_likelihoods, starts)
    n_states = log_likelihoods.shape[1]
    while end > begin:
        start = max(begin, starts[n], end - block_rows(n_states))
        if not is_possible(starts, n_possible, n):
            for path in paths:
                for t in range(start, end):
                    path[t] = -1
        else:
            is_end = end == starts[n + 1]
            led = end - 2 if is_end else end - 1
            m = 0
            if led >= start:
                start, m = steady_since(tables, led, start), matrix_at(tables, led)
            chain = chain_at(log_transition, m, True, backward_slots)
            rows = slice(start - begin, end - begin)
            if not draw_block(start, end, is_end, chain, alphas[rows], filtered[rows], weights, paths):
                return end
        end = start
        n -= end == starts[n]
    return end


@compiled
def take_wide_logs(rows: FloatArray, log_rows: FloatArray) -> None:
    """Logs of rows of wide numbers, (n, 4, K)."""
    for n in range(len(rows)):
        x = rows[n]
        for k in range(x.shape[1]):
            number, exponent = x[HEAD, k] + x[TAIL, k], x[EXPONENT, k]
            rest = rest_of(exponent, x[REST, k])
            log_rows[n, k] = log_of_wide(number, exponent, rest) if number > 0.0 else NEVER


@compiled
def run_prediction(
    log_x: FloatArray, slot: FloatArray, like: Lanes | None, room: FloatArray, steps: int, log_predicted: FloatArray
) -> None:
    """Fill the rows with log(x A), log(x A A), ..., up to so many steps, by a held chain; nothing is normalised.

    The rows are a ring, and hold the last steps where there are fewer of them than steps.
    """
    n_states = log_x.size
    scratch, chain = scratch_in(room, n_states), held_chain(slot)
    state = scratch.after
    widen_row(log_x, state)
    for s in range(steps):
        lse_prediction(state, chain, like, scratch.p, scratch.predicted)
        copy_wide(scratch.predicted, state)
        if steps - s <= len(log_predicted):
            row = s % len(log_predicted)
            take_wide_logs(state.reshape(1, PLANES, n_states), log_predicted[row : row + 1])


@compiled
def run_products(rows: FloatArray, slot: FloatArray, products: FloatArray) -> None:
    """Multiply rows of wide numbers, (n, 4, K), with the wide matrix of a slot, and lose no digit of either part.

    The products may be the rows from the second on: then each is the one before it, a step on.
    """
    chain = held_chain(slot)
    for n in range(len(rows)):
        product, is_far = products[n], chain.is_far or has_far(rows[n, EXPONENT])
        for j in range(product.shape[1]):
            total, tail, top, rest = exact_prediction(rows[n], chain, j, is_far)
            total, tail = two_sum(total, tail)
            product[HEAD, j], product[TAIL, j], k = settled(total, tail, 0.0)
            product[EXPONENT, j], product[REST, j] = sum_exponents(top, rest, k, 0.0)


@compiled
def predict_any(p: FloatArray, transition: FloatArray, s: FloatArray) -> None:
    """s_j = Σ_i p_i A_ij, whatever the number of states, which is not known when this is compiled."""
    if p.size > FEW_STATES:
        predict_many(p, transition, s)
        return
    for j in range(p.size):
        s[j] = 0.0
    for i in range(p.size):
        for j in range(p.size):
            s[j] += p[i] * transition[i, j]


@compiled
def sweep_pairs(
    chain: Chain,
    filtered: FloatArray,
    smoothed: FloatArray,
    r: FloatArray,
    table: FloatArray,
    pairs: FloatArray,
    sums: FloatArray,
) -> int:
    """ξ_t(i, j) = f_t(i) A(i, j) r_t(j), r_t(j) = γ_t+1(j) / Σ_i f_t(i) A(i, j), in doubles from the last row back.

    Rows of pairs are filled or, where there are none, added to the sums, (2, K, K). Returns where it came to: the first
    row, or that after one where f or γ has positive entries below `LOWEST`; with none, and a narrow A, nothing
    underflows.
    """
    transition, n_states = chain.linear[HEAD], filtered.shape[1]
    is_kept = len(pairs) > 0
    fill_table(table.reshape(-1), 0.0)
    t = len(filtered) - 1
    while t >= 0 and not is_faint(filtered[t], LOWEST) and not is_faint(smoothed[t + 1], LOWEST):
        predict_any(filtered[t], transition, r)
        for j in range(n_states):
            r[j] = smoothed[t + 1, j] / r[j] if r[j] > 0.0 else 0.0
        for i in range(n_states):
            f = filtered[t, i]
            if is_kept:
                for j in range(n_states):
                    pairs[t, i, j] = f * transition[i, j] * r[j]
            else:
                for j in range(n_states):
                    table[i, j] += f * transition[i, j] * r[j]
        if t % ADDED_PLAINLY == 0:
            add_to_sums(table, sums)
        t -= 1
    add_to_sums(table, sums)
    return t + 1


@compiled
def tally_table(x: FloatArray, total: FloatArray, lost: FloatArray) -> None:
    """`tally`, entry by entry."""
    for k in range(x.size):
        total[k], lost[k] = tally(total[k], lost[k], x[k])


@compiled
def fill_table(x: FloatArray, value: float) -> None:
    """Put a number everywhere."""
    for k in range(x.size):
        x[k] = value


@compiled
def add_to_sums(table: FloatArray, sums: FloatArray) -> None:
    """Add a table to sums in two parts, (2, K, K), and begin a new one."""
    tally_table(table.reshape(-1), sums[0].reshape(-1), sums[1].reshape(-1))
    fill_table(table.reshape(-1), 0.0)


@compiled
def join_sums(part: FloatArray, total: FloatArray) -> None:
    """Add sums in two parts, (G, 2, K, K), to others."""
    for group in range(len(part)):
        head, tail = part[group, 0].reshape(-1), part[group, 1].reshape(-1)
        total_head, total_tail = total[group, 0].reshape(-1), total[group, 1].reshape(-1)
        tally_table(head, total_head, total_tail)
        tally_table(tail, total_head, total_tail)


@compiled
def pair_exactly(
    alpha: FloatArray, chain: Chain, row: FloatArray, gamma: FloatArray, f: FloatArray, s: FloatArray, xi: FloatArray
) -> None:
    """ξ_t(i, j) as `sweep_pairs` has it, `coded`: in doubles where they do, else in wide numbers, with α in place of f.

    A sum of `FADED` or more lacks nothing that counts, as `draw_many` says; nor does a product as large.
    """
    transition = chain.linear[HEAD]
    for i in range(f.size):
        f[i] = larger(row[i], 0.0)
    predict_any(f, transition, s)
    for j in range(f.size):
        is_near = s[j] >= FADED and gamma[j] >= LOWEST
        ratio = gamma[j] / s[j] if is_near else 0.0
        n_wide = 0
        for i in range(f.size):
            product = f[i] * transition[i, j]
            xi[i, j] = product * ratio if product >= FADED else 0.0
            n_wide += xi[i, j] == 0.0 and alpha[HEAD, i] > 0.0 and chain.log_transition[i, j] > NEVER
        if n_wide > 0 and gamma[j] != 0.0:
            add_wide_pairs(alpha, chain, gamma[j], j, xi)


@compiled
def add_wide_pairs(alpha: FloatArray, chain: Chain, gamma: float, j: int, xi: FloatArray) -> None:
    """ξ_t(i, j) = α_t(i) A(i, j) / Σ_i α_t(i) A(i, j) · γ_t+1(j) in wide numbers, where it is still zero."""
    s, s_tail, s_exponent, s_rest = exact_prediction(alpha, chain, j, True)
    g, g_tail, g_exponent = settled(gamma, 0.0, 0.0)
    g_rest = 0.0
    if gamma < 0.0:
        g, g_tail, g_exponent, g_rest = far_exp_parts(gamma)
    up, up_rest = sum_exponents(g_exponent, g_rest, -s_exponent, -s_rest)
    for i in range(len(xi)):
        if xi[i, j] == 0.0 and alpha[HEAD, i] > 0.0 and chain.log_transition[i, j] > NEVER:
            a = chain.wide[HEAD, i, j] + chain.wide[TAIL, i, j]
            x = (alpha[HEAD, i] + alpha[TAIL, i]) * a / (s + s_tail) * (g + g_tail)
            k, k_rest = term_exponent(alpha, i, chain.wide, j)
            xi[i, j] = coded(x, sum_exponents(k, k_rest, up, up_rest)[0])


@compiled
def run_pairs(
    log_initial: FloatArray,
    log_transition: FloatArray,
    transition_index: IntArray,
    log_likelihoods: FloatArray,
    starts: IntArray,
    n: int,
    begin: int,
    end: int,
    slots: FloatArray,
    alphas: FloatArray,
    filtered: FloatArray,
    smoothed: FloatArray,
    n_possible: IntArray,
    room: FloatArray,
    table: FloatArray,
    pairs: FloatArray,
    sums: FloatArray,
    is_by_sequence: bool,
) -> int:
    """Find ξ_t(i, j) = p(h_t = i, h_t+1 = j | v_1:T) from row end − 1, in sequence n, back to begin [2]_.

    Filtered rows are those from begin to end, smoothed ones one more. Either the pairs, (rows, K, K), are filled, with
    `coded` numbers, zeros where a sequence ends, and marks where it is impossible. Or, where there are no pairs, they
    are added to sums in two parts, (G, 2, K, K): of all, of each sequence, or of the moves by each matrix. A row that
    needs wide α, where there are none, ends it. Returns the row that it came to.
    """
    tables = Tables(log_initial, log_transition, transition_index, log_likelihoods, starts)
    while end > begin:
        t = end - 1
        n -= t < starts[n]
        is_marked = not is_possible(starts, n_possible, n)
        if is_marked or end == starts[n + 1]:
            if len(pairs) > 0:
                fill_table(pairs[t - begin].reshape(-1), math.nan if is_marked else 0.0)
            end = t
            continue
        first = steady_since(tables, t, max(begin, starts[n]))
        m = matrix_at(tables, t)
        chain = chain_at(log_transition, m, False, slots)
        its_sums = sums[n if is_by_sequence else m if len(sums) > 1 else 0]
        if chain.is_narrow:
            fs, gammas = filtered[first - begin : end - begin], smoothed[first - begin : end + 1 - begin]
            kept = pairs[first - begin : end - begin] if len(pairs) > 0 else pairs
            end = first + sweep_pairs(chain, fs, gammas, room[1], table, kept, its_sums)
        if end > t:
            if len(alphas) == 0:
                return end
            xi = pairs[t - begin] if len(pairs) > 0 else table
            f, gamma = filtered[t - begin], smoothed[t + 1 - begin]
            pair_exactly(alphas[t - begin], chain, f, gamma, room[0, : f.size], room[1], xi)
            if len(pairs) == 0:
                take_numbers(xi.reshape(-1), xi.reshape(-1))
                add_to_sums(xi, its_sums)
            end = t
    return begin


@compiled
def run_best_states(
    starts: IntArray,
    n: int,
    begin: int,
    end: int,
    smoothed: FloatArray,
    n_possible: IntArray,
    path: IntArray,
    n_correct: FloatArray,
) -> None:
    """Find arg max_k γ_t(k) from row end − 1, in sequence n, back to begin; add up max_k γ_t(k), in two parts, (2, N).

    Where a sequence is impossible, the path is −1, and NaN is added.
    """
    for t in range(end - 1, begin - 1, -1):
        n -= t < starts[n]
        path[t], best = -1, math.nan
        if is_possible(starts, n_possible, n):
            row = smoothed[t - begin]
            best = largest(row)
            path[t] = 0
            while row[path[t]] < best:
                path[t] += 1
        n_correct[0, n], n_correct[1, n] = tally(n_correct[0, n], n_correct[1, n], best)


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
    """`run_naive_forward`, each row divided by its sum: f_t(j) = ( b_t(j) Σ_i f_t−1(i) A(i, j) + ε ) / c_t [2]_.

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
            total += np.exp(log_alpha[i] - m) * transition[i, j]
        log_alpha_next[j] = log_b[j] + m + np.log(total)  # log 0 is −inf, and no error


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


@compiled
def best_sum(x: FloatArray, y: FloatArray) -> float:
    """max_i( x_i + y_i )."""
    best = NEVER
    for i in range(x.size):
        best = larger(best, x[i] + y[i])
    return best


@compiled
def advance_two(
    log_transition: FloatArray, log_likelihoods: FloatArray, log_delta: FloatArray, start: int, stop: int
) -> None:
    """`advance_many` for two states, which stay in registers."""
    a, b = log_transition[0, 0], log_transition[0, 1]
    c, d = log_transition[1, 0], log_transition[1, 1]
    x, y = log_delta[start - 1, 0], log_delta[start - 1, 1]
    for t in range(start, stop):
        x, y = larger(x + a, y + c) + log_likelihoods[t, 0], larger(x + b, y + d) + log_likelihoods[t, 1]
        log_delta[t, 0], log_delta[t, 1] = x, y


@compiled
def best_of_four(x: float, y: float, z: float, w: float, log_transition: FloatArray, j: int) -> float:
    """max_i( log δ(i) + log A(i, j) ) over four states."""
    return larger(
        larger(x + log_transition[0, j], y + log_transition[1, j]),
        larger(z + log_transition[2, j], w + log_transition[3, j]),
    )


@compiled
def advance_four(
    log_transition: FloatArray, log_likelihoods: FloatArray, log_delta: FloatArray, start: int, stop: int
) -> None:
    """`advance_many` for three or four states, which stay in registers; of three, the fourth remains at −inf."""
    last = log_delta.shape[1] - 1
    x, y, z = log_delta[start - 1, 0], log_delta[start - 1, 1], log_delta[start - 1, 2]
    w = log_delta[start - 1, 3] if last == 3 else NEVER
    for t in range(start, stop):
        x, y, z, w = (
            best_of_four(x, y, z, w, log_transition, 0) + log_likelihoods[t, 0],
            best_of_four(x, y, z, w, log_transition, 1) + log_likelihoods[t, 1],
            best_of_four(x, y, z, w, log_transition, 2) + log_likelihoods[t, 2],
            best_of_four(x, y, z, w, log_transition, 3) + log_likelihoods[t, last],
        )
        log_delta[t, 0], log_delta[t, 1], log_delta[t, last], log_delta[t, 2] = x, y, w, z


@compiled
def advance_many(
    log_transition: FloatArray, log_likelihoods: FloatArray, log_delta: FloatArray, start: int, stop: int, decoder: Any
) -> None:
    """Fill log δ_t(j) = log b_t(j) + max_i( log δ_{t−1}(i) + log A(i, j) ), given log A padded, from start to stop.

    Four rows of log A are taken at a time, and every other step begins with the last of them, still in the cache.
    """
    n_padded, n_states = len(log_transition), log_delta.shape[1]
    x, top = decoder.x, decoder.top
    for j in range(n_padded):
        x[j] = log_delta[start - 1, j] if j < n_states else NEVER
    for t in range(start, stop):
        for j in range(n_padded):
            top[j] = NEVER
        for group in range(0, n_padded, 4):
            i = group if t % 2 else n_padded - 4 - group
            a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
            for j in range(n_padded):
                one = larger(larger(top[j], a + log_transition[i, j]), b + log_transition[i + 1, j])
                two = larger(c + log_transition[i + 2, j], d + log_transition[i + 3, j])
                top[j] = larger(one, two)
        for j in range(n_states):
            x[j] = top[j] + log_likelihoods[t, j]
            log_delta[t, j] = x[j]


@compiled
def largest_magnitude(table: FloatArray) -> float:
    """max |x| over the finite x of a table, by their bits: the compiler makes vectors of integers alone."""
    bits = table.reshape(-1).view(np.int64)
    largest = 0
    for k in range(bits.size):
        magnitude = bits[k] & MAGNITUDE
        largest = max(largest, magnitude if magnitude < INFINITY else 0)
    return float(np.int64(largest).view(np.float64))


@compiled
def first_impossible(log_delta: FloatArray, start: int, stop: int) -> int:
    """The first of the rows from start to stop that is −inf throughout."""
    t = stop
    while t > start and best_sum(log_delta[t - 1], log_delta[t - 1]) == NEVER:
        t -= 1
    return t


class Moves(NamedTuple):
    """One matrix of a transition, ready for the decoder."""

    padded: FloatArray  # with states that are never reached, up to a multiple of four
    into: FloatArray  # transposed: a row has the ways into a state
    largest: float  # `largest_magnitude`


@compiled
def padded_size(n_states: int) -> int:
    """The next multiple of four."""
    return -(-n_states // 4) * 4


PADDED, INTO, HELD_MOVES, LARGEST, MOVES = 0, 1, 2, 3, 4  # the tables of a slot for moves; of the last two, a number


def slots_for_moves(n_slots: int, n_states: int) -> FloatArray:
    """Room for as many moves; as yet, none are held."""
    return np.zeros((n_slots, MOVES, padded_size(n_states), padded_size(n_states)))


@compiled
def moves_at(log_transition: FloatArray, m: int, slots: FloatArray) -> Moves:
    """Matrix m of a transition, from the slot that holds it, or is made to hold it."""
    n_states = log_transition.shape[1]
    slot = slots[m % len(slots)]
    padded, into = slot[PADDED], slot[INTO]
    if slot[HELD_MOVES, 0, 0] != m + 1.0:
        for i in range(len(padded)):
            for j in range(len(padded)):
                padded[i, j] = log_transition[m, i, j] if max(i, j) < n_states else NEVER
                into[j, i] = padded[i, j]
        slot[HELD_MOVES, 0, 0], slot[LARGEST, 0, 0] = m + 1.0, largest_magnitude(padded)
    return Moves(padded, into, slot[LARGEST, 0, 0])


class Decoder(NamedTuple):
    """Room for decoding one sequence after the other."""

    slots: FloatArray  # for moves
    x: FloatArray  # (padded K,)
    top: FloatArray  # (padded K,)
    live: IntArray  # (K,)
    log_rest: FloatArray  # (4, K)


def room_for_decoding(n_states: int) -> FloatArray:
    """Room for a `Decoder`, all of it in one vector."""
    return np.empty(2 * padded_size(n_states) + 5 * n_states)


@compiled
def decoder_in(room: FloatArray, slots: FloatArray, n_states: int) -> Decoder:
    """A decoder in a room."""
    end_of_x = padded_size(n_states)
    end_of_top, end_of_live = 2 * end_of_x, 2 * end_of_x + n_states
    live = room[end_of_top:end_of_live].view(np.int64)
    return Decoder(slots, room[:end_of_x], room[end_of_x:end_of_top], live, room[end_of_live:].reshape(4, n_states))


@compiled
def fill_log_delta(tables: Tables, n: int, decoder: Decoder, log_delta: FloatArray) -> tuple[int, float]:
    """log δ_t(j) = log b_t(j) + max_i( log δ_{t−1}(i) + log A(i, j) ), less its maximum at the end of every block.

    Returns how many steps are possible, and how far an entry may be off: an addition is rounded by at most
    u = 2**-53 of its result, max loses nothing, and of a row's two additions neither comes to more than D + A, where
    D and A are the largest finite magnitudes in the block and in log A. The bound is four times their sum, so that it
    covers the subtraction as well, and all that is rounded when scores are compared on the way back.
    """
    first, end = tables.starts[n], tables.starts[n + 1]
    log_initial, log_likelihoods = tables.log_initial[initial_at(tables, n)], tables.log_likelihoods[first:end]
    n_steps, n_states = log_likelihoods.shape
    error = 0.0
    for k in range(n_states):
        log_delta[0, k] = log_initial[k] + log_likelihoods[0, k]
    start = 0
    while start < n_steps:
        stop = min(n_steps, start + BLOCK - start % BLOCK)
        largest_move = 0.0
        if n_steps > 1:
            led = first + max(start, 1) - 1
            stop = steady_until(tables, led, first + stop) - first
            moves = moves_at(tables.log_transition, matrix_at(tables, led), decoder.slots)
            largest_move = moves.largest
            if n_states == 2:
                advance_two(moves.padded, log_likelihoods, log_delta, max(start, 1), stop)
            elif n_states in (3, 4):
                advance_four(moves.padded, log_likelihoods, log_delta, max(start, 1), stop)
            else:
                advance_many(moves.padded, log_likelihoods, log_delta, max(start, 1), stop, decoder)
        top = NEVER
        for k in range(n_states):
            top = larger(top, log_delta[stop - 1, k])
        if top == NEVER:
            return first_impossible(log_delta, start, stop), error
        largest_score = largest_magnitude(log_delta[max(start - 1, 0) : stop])
        error += (stop - start) * 8.0 * ROUNDING * (largest_score + largest_move)
        if stop % BLOCK == 0:
            for k in range(n_states):
                log_delta[stop - 1, k] -= top
        start = stop
    return n_steps, error


@compiled
def tally(total: float, lost: float, x: float) -> tuple[float, float]:
    """Add to a running total, and what the addition loses to a total of its own."""
    total, lost_now = two_sum(total, x)
    return total, lost + lost_now


@compiled
def lead(x: float, y: float, tolerance: float) -> int:
    """1 where x is above y by more than the tolerance, −1 where y is above x, 0 where neither is."""
    return int(x > y + tolerance) - int(y > x + tolerance)


@compiled
def live_of_two(log_into: FloatArray, log_delta: FloatArray, tolerance: float, t: int, j: int) -> tuple[int, int]:
    """How many of two states may come before j at step t, and which; for either j, so that little waits for j."""
    x, y = log_delta[t - 1, 0], log_delta[t - 1, 1]
    lead_into_0 = lead(x + log_into[0, 0], y + log_into[0, 1], tolerance)
    lead_into_1 = lead(x + log_into[1, 0], y + log_into[1, 1], tolerance)
    lead_into_j = lead_into_1 if j else lead_into_0
    return 2 - abs(lead_into_j), int(lead_into_j < 0)


@compiled
def follow(
    log_into: FloatArray,
    log_likelihoods: FloatArray,
    log_delta: FloatArray,
    tolerance: float,
    t: int,
    last: int,
    path: IntArray,
    total: float,
    lost: float,
) -> tuple[int, float, float]:
    """Walk back from path[t] to step last for as long as one state alone can come before.

    Returns where that ends, and the tally.
    """
    n_states = log_delta.shape[1]
    j = path[t]
    while t > last:
        if n_states == 2:
            n_live, i_live = live_of_two(log_into, log_delta, tolerance, t, j)
        else:
            best = log_delta[t, j] - log_likelihoods[t, j]
            if (t + 1) % BLOCK == 0:  # a maximum has been subtracted from this row
                best = best_sum(log_delta[t - 1], log_into[j])
            least = best - tolerance
            n_live, i_live = 0, 0
            for i in range(n_states):
                if log_delta[t - 1, i] + log_into[j, i] >= least:
                    n_live += 1
                    i_live += i
        if n_live != 1:
            break
        total, lost = tally(total, lost, log_likelihoods[t, j])
        total, lost = tally(total, lost, log_into[j, i_live])
        t, j = t - 1, i_live
        path[t] = j
    return t, total, lost


@compiled
def reveal(
    tables: Tables,
    first: int,
    best_next: FloatArray,
    t: int,
    stop: int,
    path: IntArray,
    total: float,
    lost: float,
) -> tuple[float, float]:
    """Walk on from path[t] to stop, by the table of the states that come next; return the tally."""
    for s in range(t + 1, stop + 1):
        path[s] = int(best_next[s, path[s - 1]])
        total, lost = tally(total, lost, tables.log_likelihoods[first + s, path[s]])
        m = matrix_at(tables, first + s - 1)
        total, lost = tally(total, lost, tables.log_transition[m, path[s - 1], path[s]])
    return total, lost


@compiled
def keep_live(log_delta: FloatArray, log_rest: FloatArray, tolerance: float, live: IntArray) -> int:
    """List the states through which the best path may lead, those within the tolerance of the best sum."""
    best = best_sum(log_delta, log_rest)
    least = best - tolerance - 8.0 * ROUNDING * abs(best)
    n_live = 0
    for i in range(live.size):
        if log_delta[i] + log_rest[i] >= least:
            live[n_live] = i
            n_live += 1
    return n_live


@compiled
def step_back(
    log_into: FloatArray, log_b: FloatArray, live: IntArray, log_rest: FloatArray, best_next: FloatArray
) -> None:
    """log ρ_{t−1}(i) = max_j( log A(i, j) + log b_t(j) + log ρ_t(j) ) over the live j, in two parts; and its j."""
    n_live = live.size
    rest, rest_tail, head, tail = log_rest[0], log_rest[1], log_rest[2], log_rest[3]
    for n in range(n_live):
        head[n], tail[n] = plus(rest[live[n]], rest_tail[live[n]], log_b[live[n]])
    for i in range(log_b.size):
        rest[i], rest_tail[i], best_next[i] = NEVER, 0.0, live[0]
        for n in range(n_live):
            score, score_tail = plus(head[n], tail[n], log_into[live[n], i])
            if exceeds(score, score_tail, rest[i], rest_tail[i]):
                rest[i], rest_tail[i], best_next[i] = score, score_tail, live[n]


@compiled
def trace_back(
    tables: Tables, n: int, decoder: Decoder, log_delta: FloatArray, tolerance: float, path: IntArray
) -> float:
    """Fill the best path from its end, and return its log-probability; two parts only within the tolerance.

    ρ_t(j) is what the best path has from j at step t on, j's own b_t aside, up to a factor. As long as a single state
    is live, every path of interest leads through it, and ρ may begin anew there at 1. The row of log δ that has been
    left behind then holds the next state of each live one.
    """
    first = tables.starts[n]
    log_initial, log_likelihoods = (
        tables.log_initial[initial_at(tables, n)],
        tables.log_likelihoods[first : tables.starts[n + 1]],
    )
    live, log_rest = decoder.live, decoder.log_rest
    rest, rest_tail = log_rest[0], log_rest[1]
    for k in range(live.size):
        rest[k], rest_tail[k] = 0.0, 0.0
    total, lost = 0.0, 0.0
    t = known = len(path) - 1
    n_live = keep_live(log_delta[t], rest, tolerance, live)
    while t > 0:
        moves = moves_at(tables.log_transition, matrix_at(tables, first + t - 1), decoder.slots)
        if n_live == 1:
            path[t] = live[0]
            total, lost = reveal(tables, first, log_delta, t, known, path, total, lost)
            last = steady_since(tables, first + t - 1, first) - first
            t, total, lost = follow(moves.into, log_likelihoods, log_delta, tolerance, t, last, path, total, lost)
            known, live[0] = t, path[t]
            rest[path[t]], rest_tail[path[t]] = 0.0, 0.0
            if t == last:
                continue
        step_back(moves.into, log_likelihoods[t], live[:n_live], log_rest, log_delta[t])
        t -= 1
        n_live = keep_live(log_delta[t], rest, tolerance, live)
    best, best_tail = NEVER, 0.0
    for i in live[:n_live]:
        score, score_tail = plus(rest[i], rest_tail[i], log_initial[i])
        score, score_tail = plus(score, score_tail, log_likelihoods[0, i])
        if exceeds(score, score_tail, best, best_tail):
            path[0], best, best_tail = i, score, score_tail
    total, lost = reveal(tables, first, log_delta, 0, known, path, total, lost)
    total, lost = tally(total, lost, log_likelihoods[0, path[0]])
    total, lost = tally(total, lost, log_initial[path[0]])
    return total + lost


@compiled
def run_viterbi(
    log_initial: FloatArray,
    log_transition: FloatArray,
    transition_index: IntArray,
    log_likelihoods: FloatArray,
    starts: IntArray,
    n: int,
    begin: int,
    end: int,
    slots: FloatArray,
    room: FloatArray,
    log_delta: FloatArray,
    path: IntArray,
    n_possible: IntArray,
    log_joint: FloatArray,
) -> None:
    """Decode the sequences of `Tables` from row begin, where n begins, to end: log δ forwards, then the path back [2]_.

    Fills the path, with −1 where a sequence is impossible; log δ has room for the longest. Of each sequence, the best
    path's log-probability is kept, and of an impossible one, how many steps of it are possible. Of equal paths the
    lexicographically smallest wins.
    """
    tables = Tables(log_initial, log_transition, transition_index, log_likelihoods, starts)
    n_states = log_likelihoods.shape[1]
    decoder = decoder_in(room, slots, n_states)
    while begin < end:
        stop = starts[n + 1]
        n_possible[n], error = fill_log_delta(tables, n, decoder, log_delta[: stop - begin])
        if n_possible[n] == stop - begin:
            log_joint[n] = trace_back(tables, n, decoder, log_delta[: stop - begin], 2.0 * error, path[begin:stop])
        else:
            log_joint[n] = NEVER
            for t in range(begin, stop):
                path[t] = -1
        begin, n = stop, n + 1


@compiled
def copy(x: FloatArray, y: FloatArray) -> None:
    """Put x into y: an assignment would allocate, in case they are the same."""
    for k in range(x.size):
        y[k] = x[k]


@compiled
def surpasses(head: float, tail: float, other_head: float, other_tail: float) -> bool:
    """`exceeds`, of tails that may have grown beyond the last digit of their heads."""
    return head > NEVER and (head - other_head) + (tail - other_tail) > 0.0


@compiled
def best_into(
    log_transition: FloatArray, head: FloatArray, tail: FloatArray, best: FloatArray, best_tail: FloatArray
) -> None:
    """max_i( log x(i) + log A(i, j) ) in two parts, without a branch and row after row, so that it vectorises."""
    n_states = head.size
    for j in range(n_states):
        best[j], best_tail[j] = NEVER, 0.0
    for i in range(n_states):
        for j in range(n_states):
            score, lost = two_sum(head[i], log_transition[i, j])
            score_tail = tail[i] + lost
            is_better = surpasses(score, score_tail, best[j], best_tail[j])
            best[j] = score if is_better else best[j]
            best_tail[j] = score_tail if is_better else best_tail[j]


@compiled
def fill_delta_in_parts(tables: Tables, n: int, head: FloatArray, tail: FloatArray) -> int:
    """log δ_t(j) = log b_t(j) + max_i( log δ_{t−1}(i) + log A(i, j) ) in two parts, and how many steps are possible.

    Where there are fewer rows than steps, they are filled in turn.
    """
    first, now = tables.starts[n], 0
    n_steps = tables.starts[n + 1] - first
    for t in range(n_steps):
        before, now = now, t % len(head)
        row, row_tail, log_b = head[now], tail[now], tables.log_likelihoods[first + t]
        if t == 0:
            copy(tables.log_initial[initial_at(tables, n)], row)
            row_tail[:] = 0.0
        else:
            log_transition = tables.log_transition[matrix_at(tables, first + t - 1)]
            best_into(log_transition, head[before], tail[before], row, row_tail)
        highest = NEVER
        for j in range(row.size):
            row[j], row_tail[j] = tally(row[j], row_tail[j], log_b[j])
            highest = larger(highest, row[j])
        if highest == NEVER:
            return t
    return n_steps


@compiled
def join_rests(
    tables: Tables, n: int, slots: FloatArray, rests: FloatArray, head: FloatArray, tail: FloatArray
) -> None:
    """Add log ρ_t(i) = max_j( log A(i, j) + log b_{t+1}(j) + log ρ_{t+1}(j) ) to log δ_t(i), and round once."""
    first, n_steps = tables.starts[n], len(head)
    rest, rest_tail, ahead, ahead_tail = rests[0], rests[1], rests[2], rests[3]
    rests[:] = 0.0
    for t in range(n_steps - 1, -1, -1):
        if t < n_steps - 1:
            log_b = tables.log_likelihoods[first + t + 1]
            for j in range(log_b.size):
                ahead[j], ahead_tail[j] = tally(rest[j], rest_tail[j], log_b[j])
            moves = moves_at(tables.log_transition, matrix_at(tables, first + t), slots)
            best_into(moves.into, ahead, ahead_tail, rest, rest_tail)
        for k in range(rest.size):
            joint, lost = two_sum(head[t, k], rest[k])
            head[t, k] = joint + (lost + (tail[t, k] + rest_tail[k]))


@compiled
def run_max_marginals(
    log_initial: FloatArray,
    log_transition: FloatArray,
    transition_index: IntArray,
    log_likelihoods: FloatArray,
    starts: IntArray,
    n: int,
    begin: int,
    end: int,
    slots: FloatArray,
    rests: FloatArray,
    tail: FloatArray,
    rows: FloatArray,
    n_possible: IntArray,
) -> None:
    """The best log-joint through each state, of the sequences of `Tables` from row begin, where n begins, to end.

    Fills the rows, with NaN where a sequence is impossible; there are tails for the longest.
    """
    tables = Tables(log_initial, log_transition, transition_index, log_likelihoods, starts)
    while begin < end:
        stop = starts[n + 1]
        n_possible[n] = fill_delta_in_parts(tables, n, rows[begin:stop], tail[: stop - begin])
        if n_possible[n] == stop - begin:
            join_rests(tables, n, slots, rests, rows[begin:stop], tail)
        else:
            mark(rows[begin:stop].reshape(-1))
        begin, n = stop, n + 1


class Lists(NamedTuple):
    """Room for the n best ways on from each state; way r from state j is number j n + r."""

    log_rest: FloatArray  # (2, K, n): log ρ of each, the best first, heads and tails; −inf where there are fewer
    log_ahead: FloatArray  # (2, K, n + 1): the same and the evidence that they begin with; the last is never taken
    log_next: FloatArray  # (2, K): what the best of each list comes to that has not been taken yet
    taken: IntArray  # (K,): how many of each list have been
    log_best: FloatArray  # (2, n): of whole paths
    way: IntArray  # (n,): that each path is on
    next_way: IntArray  # (B, K, n): which one each goes on with, for the moves of a block
    checkpoints: FloatArray  # (blocks, 2, K, n): log ρ where the moves of a block end


MOST_WAYS = 2**20  # up to so many, 8 MB, are kept from all steps; of more, those of one block at a time


def room_for_lists(n_steps: int, n_states: int, n_best: int) -> Lists:
    """Room for sequences of so many steps or fewer, in one block, or in blocks of the square root of that."""
    n_moves = n_steps - 1
    n_block = max(1, n_moves if n_moves * n_states * n_best <= MOST_WAYS else math.isqrt(n_moves) + 1)
    return Lists(
        np.empty((2, n_states, n_best)),
        np.full((2, n_states, n_best + 1), NEVER),
        np.empty((2, n_states)),
        np.empty(n_states, dtype=np.int64),
        np.empty((2, n_best)),
        np.empty(n_best, dtype=np.int64),
        np.empty((n_block, n_states, n_best), dtype=np.int64),
        np.empty((-(-n_moves // n_block), 2, n_states, n_best)),
    )


@compiled
def look_ahead(log_b: FloatArray, lists: Lists) -> None:
    """log b_t(j) + log ρ_t^r(j), for all r."""
    rest, rest_tail = lists.log_rest[0], lists.log_rest[1]
    ahead, ahead_tail = lists.log_ahead[0], lists.log_ahead[1]
    for j in range(rest.shape[0]):
        for r in range(rest.shape[1]):
            ahead[j, r], ahead_tail[j, r] = plus(rest[j, r], rest_tail[j, r], log_b[j])


@compiled
def merge(log_move: FloatArray, lists: Lists, best: FloatArray, best_tail: FloatArray, way: IntArray) -> None:
    """The n best of log A(j) + log b_t(j) + log ρ_t^r(j) over all j and r; of equal ones, the lower j, then r, first.

    Each list is sorted, so that the next best is the first that has not been taken, of one of them.
    """
    ahead, ahead_tail = lists.log_ahead[0], lists.log_ahead[1]
    score, score_tail = lists.log_next[0], lists.log_next[1]
    taken = lists.taken
    for j in range(log_move.size):
        taken[j] = 0
        score[j], score_tail[j] = plus(ahead[j, 0], ahead_tail[j, 0], log_move[j])
    for r in range(way.size):
        top = 0
        for j in range(1, log_move.size):
            if exceeds(score[j], score_tail[j], score[top], score_tail[top]):
                top = j
        best[r], best_tail[r], way[r] = score[top], score_tail[top], top * way.size + taken[top]
        taken[top] += 1
        score[top], score_tail[top] = plus(ahead[top, taken[top]], ahead_tail[top, taken[top]], log_move[top])


@compiled
def rank_ways(tables: Tables, first: int, begin: int, stop: int, lists: Lists) -> None:
    """From log ρ at step stop to log ρ at step begin, and which way each goes on with from the steps between."""
    rest, rest_tail = lists.log_rest[0], lists.log_rest[1]
    for t in range(stop - 1, begin - 1, -1):
        look_ahead(tables.log_likelihoods[first + t + 1], lists)
        log_transition = tables.log_transition[matrix_at(tables, first + t)]
        for i in range(len(rest)):
            merge(log_transition[i], lists, rest[i], rest_tail[i], lists.next_way[t - begin, i])


@compiled
def rank_paths(tables: Tables, n: int, lists: Lists) -> None:
    """The n best paths, each as the way that it is on at the first step: log ρ backwards, and a look at the start."""
    first, n_moves, n_block = tables.starts[n], tables.starts[n + 1] - tables.starts[n] - 1, len(lists.next_way)
    rest = lists.log_rest
    rest[:], rest[0, :, 0], rest[1] = NEVER, 0.0, 0.0
    for block in range((n_moves - 1) // n_block, -1, -1):
        copy(rest.reshape(-1), lists.checkpoints[block].reshape(-1))
        rank_ways(tables, first, block * n_block, min(n_moves, (block + 1) * n_block), lists)
    look_ahead(tables.log_likelihoods[first], lists)
    merge(tables.log_initial[initial_at(tables, n)], lists, lists.log_best[0], lists.log_best[1], lists.way)


@compiled
def read_paths(tables: Tables, n: int, lists: Lists, paths: IntArray) -> None:
    """Walk along the ways forwards, block by block; those of the first block are still there."""
    first, n_moves, n_block = tables.starts[n], paths.shape[1] - 1, len(lists.next_way)
    n_best = lists.way.size
    for begin in range(0, n_moves, n_block):
        stop = min(n_moves, begin + n_block)
        if begin > 0:
            copy(lists.checkpoints[begin // n_block].reshape(-1), lists.log_rest.reshape(-1))
            rank_ways(tables, first, begin, stop, lists)
        for m in range(len(paths)):
            way = lists.way[m]
            for t in range(begin, stop):
                paths[m, t] = way // n_best
                way = lists.next_way[t - begin, way // n_best, way % n_best]
            lists.way[m] = way
    for m in range(len(paths)):
        paths[m, n_moves] = lists.way[m] // n_best


@compiled
def run_viterbi_n_best(
    log_initial: FloatArray,
    log_transition: FloatArray,
    transition_index: IntArray,
    log_likelihoods: FloatArray,
    starts: IntArray,
    n: int,
    begin: int,
    end: int,
    lists: Lists,
    log_delta: FloatArray,
    paths: IntArray,
    n_possible: IntArray,
    log_joints: FloatArray,
) -> None:
    """`run_viterbi` for the n best paths of each sequence: the ways on are ranked backwards, and read forwards.

    Where there are fewer paths, the others, and their log-probabilities, are left as they are.
    """
    tables = Tables(log_initial, log_transition, transition_index, log_likelihoods, starts)
    while begin < end:
        stop = starts[n + 1]
        rank_paths(tables, n, lists)
        n_found = 0
        while n_found < lists.way.size and lists.log_best[0, n_found] > NEVER:
            log_joints[n, n_found] = lists.log_best[0, n_found]
            n_found += 1
        if n_found > 0:
            n_possible[n] = stop - begin
            read_paths(tables, n, lists, paths[:n_found, begin:stop])
        else:
            n_possible[n] = fill_delta_in_parts(tables, n, log_delta[0], log_delta[1])
        begin, n = stop, n + 1


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


@allocating
def draw_path(
    cumulative_initial: FloatArray, cumulative_transition: FloatArray, uniforms: FloatArray, states: IntArray
) -> None:
    """Walk the chain by inversion: at each step the first state whose cumulative probability exceeds the uniform."""
    cumulative = cumulative_initial
    for t in range(states.size):
        states[t] = np.searchsorted(cumulative, uniforms[t], side="right")
        cumulative = cumulative_transition[states[t]]
