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
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model
from numba.np.arrayobj import make_array

from hmmfilter._arrays import BoolArray, FloatArray, IntArray

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

NEVER = -math.inf
ROUNDING = 2.0**-53  # of a sum of doubles, at most and relative to it
BLOCK = 256  # steps of a decoder between two looks at the size of its scores
MAGNITUDE, INFINITY = 0x7FFF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000  # all bits of a double but its sign; of inf


def compiled(kernel: Kernel) -> Kernel:
    """Compile at the first call, cache on disk, release the GIL; no fastmath, which would delete the −inf guards."""
    return cast(Kernel, numba.njit(cache=True, nogil=True)(kernel))


# Shared by all that follows: numbers of two parts and an exponent, and what they are made of.

HEAD, TAIL, EXPONENT = 0, 1, 2  # the planes of a table of wide numbers
FEW_STATES = 8  # up to so many, the recursion keeps the state in registers and carries tails

LOG_2, LOG_2_REST = 0.6931471805599453, 2.3190468138462996e-17
LOG_2_SHORT, LOG_2_LONG = float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33")
LOG2_E = 1.4426950408889634
ROUNDER = 1.5 * 2.0**52  # x + ROUNDER has no room for a fraction: adding and subtracting it rounds to a whole number
EXP_REACH = 2.0**19  # of the reduction of an argument in one go
FAR_STEP = 2.0**20  # by how many powers of two a larger argument is reduced at once

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

# The fast steps keep numbers as doubles with one common exponent. With p ≤ 2^120, positive p at least LOWEST of their
# sum, A within 2^-250 of its largest entry and b within 2^-200 of its own, no product that is not zero falls below
# 2^-1000: a zero is a true zero, and no digit is lost.
LOWEST = 2.0**-300
TRANSITION_SPREAD, LIKELIHOOD_SPREAD = 250.0, 200.0
NEAR_ONE = 69.0  # |log b| up to which a likelihood needs no shift: 2^±100
WIDEST, HIGHEST = 280.0, 2.0**120
FADED = 2.0**-600  # a sum below this may have lost terms to underflow

Lanes = tuple[float, ...]  # doubles, one for each state, worked on at once: compiled, a SIMD vector


class LanesType(types.Type):  # type: ignore[misc]
    """What `Lanes` are to the compiler."""

    def __init__(self, count: int) -> None:
        super().__init__(name=f"Lanes({count})")
        self.count = count


@register_model(LanesType)
class LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    """A SIMD vector of doubles."""

    def __init__(self, manager: Any, kind: LanesType) -> None:
        super().__init__(manager, kind, ir.VectorType(ir.DoubleType(), kind.count))


def instruction(plain: Callable[..., Any], typed: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is one instruction of the processor when compiled: what it does in Python, and its types."""
    return plain if numba.config.DISABLE_JIT else cast(Callable[..., Any], intrinsic(typed))


def lanewise(plain: Callable[..., float]) -> Callable[..., Any]:
    """An operation on doubles, or on lanes entry by entry."""
    return lambda *xs: tuple(map(plain, *xs)) if isinstance(xs[0], tuple) else plain(*xs)


def plain_fma(x: float, y: float, z: float) -> float:
    """x y + z, rounded once."""
    return float(Fraction(x) * Fraction(y) + Fraction(z))


def emit(name: str) -> Callable[..., Any]:
    """Emit an instruction that LLVM's builder knows by name."""
    return lambda context, builder, signature, values: getattr(builder, name)(*values)


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
    """What tells the recursion to keep the state in registers, and how many there are; None where there are too many."""
    return (0.0,) * n_states if n_states <= FEW_STATES else None


def plain_store(x: Lanes, array: FloatArray, n: int) -> None:
    """Put lanes into a C-ordered array, as if it were one row, from entry n on."""
    array.reshape(-1)[n : n + len(x)] = x


add = instruction(lanewise(operator.add), lambda _, x, y: (x(x, x), emit("fadd")))
subtract = instruction(lanewise(operator.sub), lambda _, x, y: (x(x, x), emit("fsub")))
multiply = instruction(lanewise(operator.mul), lambda _, x, y: (x(x, x), emit("fmul")))
divide = instruction(lanewise(operator.truediv), lambda _, x, y: (x(x, x), emit("fdiv")))
negative = instruction(lanewise(operator.neg), lambda _, x: (x(x), emit("fneg")))
fma = instruction(lanewise(plain_fma), lambda _, x, y, z: (x(x, x, x), emit_fma))
lane = instruction(lambda x, k: x[k], lambda _, x, k: (types.float64(x, types.int32), emit("extract_element")))
splat = instruction(
    lambda like, x: (x,) * len(like), lambda _, like, x: (LanesType(like.count)(like, types.float64), emit_splat)
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


# ---------------------------------------------------------------------------------------------------------------------
# Wide numbers: (head + tail) 2^exponent, in tables of three planes
# ---------------------------------------------------------------------------------------------------------------------


@compiled
def power_of_two(k: float) -> float:
    """2^k for a whole k from −1022 to 1023: k is put where a double keeps its exponent."""
    bits = np.int64(np.float64(k + ROUNDER).view(np.int64))
    return np.int64((bits + 1023) << 52).view(np.float64)  # type: ignore[no-any-return]


@compiled
def exp_parts(x: float, x_tail: float) -> tuple[float, float, float]:
    """exp(x) = (head + tail) 2^k, where x = k log 2 + r, |r| ≤ log(2)/2, for |x| ≤ `EXP_REACH`; 1e-17 off.

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
def far_exp_parts(x: float) -> tuple[float, float, float]:
    """`exp_parts` of any x; beyond 1e15, where doubles lie further apart than 1/8, a power of two near exp(x)."""
    if x == NEVER:
        return 0.0, 0.0, NEVER
    far = np.rint(x * (LOG2_E / FAR_STEP)) * FAR_STEP
    product, product_tail = two_product(far, LOG_2)
    left, lost = two_sum(x, -product)
    left, left_tail = two_sum(left, lost - product_tail - far * LOG_2_REST)
    if abs(left) > EXP_REACH:
        return 1.0, 0.0, far
    head, tail, k = exp_parts(left, left_tail)
    return head, tail, k + far


@compiled
def widen(log_x: FloatArray, x: FloatArray) -> None:
    """Wide numbers exp(log x), (3, n), of logs, (n,)."""
    n_far = 0
    for i in range(log_x.size):
        near = abs(log_x[i]) <= EXP_REACH
        x[HEAD, i], x[TAIL, i], x[EXPONENT, i] = exp_parts(log_x[i] if near else 0.0, 0.0)
        n_far += not near
    if n_far > 0:
        for i in range(log_x.size):
            if not abs(log_x[i]) <= EXP_REACH:
                x[HEAD, i], x[TAIL, i], x[EXPONENT, i] = far_exp_parts(log_x[i])


@compiled
def largest_exponent(x: FloatArray) -> float:
    """The largest exponent among wide numbers, (3, n); −inf where all are zero."""
    top = NEVER
    for i in range(x.shape[1]):
        top = max(top, x[EXPONENT, i])
    return top


@compiled
def spread(x: FloatArray) -> float:
    """By how many powers of two positive wide numbers differ; 0 where all are zero."""
    top, bottom = NEVER, math.inf
    for i in range(x.shape[1]):
        if x[EXPONENT, i] > NEVER:
            top, bottom = max(top, x[EXPONENT, i]), min(bottom, x[EXPONENT, i])
    return max(top - bottom, 0.0)


@compiled
def shifted(x: float, k: float) -> float:
    """x 2^k, or zero where k is below −1000."""
    return x * power_of_two(k) if k > -1000.0 else 0.0


@compiled
def settle(head: float, tail: float, exponent: float, x: FloatArray, i: int) -> None:
    """x_i = (head + tail) 2^exponent, with a head from 1/2 to 1."""
    if head == 0.0:
        x[HEAD, i], x[TAIL, i], x[EXPONENT, i] = 0.0, 0.0, NEVER
    else:
        mantissa, k = math.frexp(head)
        x[HEAD, i], x[TAIL, i], x[EXPONENT, i] = mantissa, tail * power_of_two(float(-k)), exponent + k


@compiled
def wide_total(x: FloatArray) -> tuple[float, float, float]:
    """The sum of wide numbers, (3, n), as one."""
    top = largest_exponent(x)
    total, tail = 0.0, 0.0
    for i in range(x.shape[1]):
        if x[EXPONENT, i] > NEVER:
            total, lost = two_sum(total, shifted(x[HEAD, i], x[EXPONENT, i] - top))
            tail += lost + shifted(x[TAIL, i], x[EXPONENT, i] - top)
    return total, tail, top


@compiled
def log_of_wide(head: float, tail: float, exponent: float) -> float:
    """The natural log of a wide number: that of its head, which is near 1, and exponent times log 2."""
    if head == 0.0:
        return NEVER
    mantissa, k = math.frexp(head * math.sqrt(2.0))
    return (math.log(mantissa / math.sqrt(2.0)) + tail / head) + (exponent + k) * LOG_2


# ---------------------------------------------------------------------------------------------------------------------
# The recursion
# ---------------------------------------------------------------------------------------------------------------------


class Chain(NamedTuple):
    """A transition, ready for the recursion."""

    wide: FloatArray  # (3, K, K)
    linear: FloatArray  # (2, K, K): heads and tails as doubles, divided by 2^exponent
    exponent: float
    sources: IntArray  # (K, K + 1): of each state, how many states lead to it, and which
    is_narrow: bool  # its positive entries lie within `TRANSITION_SPREAD`


@compiled
def chain_of(log_transition: FloatArray) -> Chain:
    """Take the exponentials of a transition once, and list what leads where."""
    n_states = len(log_transition)
    wide = np.empty((3, n_states * n_states))
    widen(log_transition.reshape(-1), wide)
    top = max(largest_exponent(wide), -1e300)
    linear = np.empty((2, n_states * n_states))
    for n in range(n_states * n_states):
        scale = shifted(1.0, wide[EXPONENT, n] - top)
        linear[HEAD, n], linear[TAIL, n] = wide[HEAD, n] * scale, wide[TAIL, n] * scale
    sources = np.empty((n_states, n_states + 1), dtype=np.int64)
    for j in range(n_states):
        sources[j, 0] = 0
        for i in range(n_states):
            if log_transition[i, j] > NEVER:
                sources[j, 0] += 1
                sources[j, sources[j, 0]] = i
    return Chain(
        wide.reshape((3, n_states, n_states)),
        linear.reshape((2, n_states, n_states)),
        top,
        sources,
        spread(wide) <= TRANSITION_SPREAD,
    )


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
    """s_j = Σ_i p_i A_ij, four rows of A at a time: s is loaded and stored a quarter as often."""
    n_states = p.size
    last = n_states - n_states % 4
    for j in range(n_states):
        s[j] = 0.0
    for i in range(0, last, 4):
        for j in range(n_states):
            s[j] += (p[i] * transition[i, j] + p[i + 1] * transition[i + 1, j]) + (
                p[i + 2] * transition[i + 2, j] + p[i + 3] * transition[i + 3, j]
            )
    for i in range(last, n_states):
        for j in range(n_states):
            s[j] += p[i] * transition[i, j]


@compiled
def exact_prediction(state: FloatArray, chain: Chain, j: int) -> tuple[float, float, float]:
    """log Σ_i exp( log α_i + log A_ij ) with the largest term for the shift, as a wide number."""
    top = NEVER
    for n in range(1, chain.sources[j, 0] + 1):
        i = chain.sources[j, n]
        top = max(top, state[EXPONENT, i] + chain.wide[EXPONENT, i, j])
    total, tail = 0.0, 0.0
    if top > NEVER:
        for n in range(1, chain.sources[j, 0] + 1):
            i = chain.sources[j, n]
            scale = shifted(1.0, state[EXPONENT, i] + chain.wide[EXPONENT, i, j] - top)
            if scale > 0.0:
                term, term_tail = two_product(state[HEAD, i] * scale, chain.wide[HEAD, i, j])
                term_tail += (
                    state[HEAD, i] * scale * chain.wide[TAIL, i, j] + state[TAIL, i] * scale * chain.wide[HEAD, i, j]
                )
                total, lost = two_sum(total, term)
                tail += lost + term_tail
    return total, tail, top


@compiled
def lse_prediction(
    state: FloatArray, chain: Chain, like: Lanes | None, scratch: FloatArray, predicted: FloatArray
) -> None:
    """log s_j = LSE_i( log α_i + log A_ij ) = a + log Σ_i exp( log α_i − a ) A_ij, with a common shift a, a power of two.

    Where that sum is so small that underflow may have taken a share in it, the shift is the largest term's own.
    """
    n_states = state.shape[1]
    top = largest_exponent(state)
    for i in range(n_states):
        scale = shifted(1.0, state[EXPONENT, i] - top) if state[HEAD, i] > 0.0 else 0.0
        scratch[HEAD, i], scratch[TAIL, i] = state[HEAD, i] * scale, state[TAIL, i] * scale
    if like is None:
        predict_many(scratch[HEAD], chain.linear[HEAD], predicted[HEAD])
        for j in range(n_states):
            predicted[TAIL, j] = 0.0
    else:
        s, s_tail = predict_few(load(like, scratch, 0), load(like, scratch, n_states), chain.linear, like)
        store(s, predicted, 0)
        store(s_tail, predicted, n_states)
    for j in range(n_states):
        if predicted[HEAD, j] >= FADED:
            settle(predicted[HEAD, j], predicted[TAIL, j], top + chain.exponent, predicted, j)
        else:
            total, tail, own_top = exact_prediction(state, chain, j)
            if like is None:
                total, tail = total + tail, 0.0
            settle(total, tail, own_top, predicted, j)


@compiled
def weigh(x: FloatArray, y: FloatArray, like: Lanes | None, product: FloatArray) -> None:
    """The product of wide numbers, (3, K), entry by entry; it may take the place of a factor."""
    for k in range(x.shape[1]):
        head, tail = two_product(x[HEAD, k], y[HEAD, k])
        tail += x[HEAD, k] * y[TAIL, k] + x[TAIL, k] * y[HEAD, k]
        if like is None:
            tail = 0.0
        settle(head, tail, x[EXPONENT, k] + y[EXPONENT, k], product, k)


@compiled
def coded(x: float, k: float) -> float:
    """x 2^k where a double holds it; else its log L, as L where that is negative, as −1/L where it is positive."""
    if x == 0.0:
        return 0.0
    if abs(k) <= 1000.0 and 1e-290 < x * power_of_two(k) < 1e290:
        return x * power_of_two(k)
    log_x = math.log(x) + k * LOG_2
    return log_x if log_x < 0.0 else -1.0 / log_x


@compiled
def store_posterior(x: FloatArray, row: FloatArray) -> tuple[float, float]:
    """Divide wide numbers by their sum; the sum, as a double and an exponent, is returned.

    A share that a double cannot hold is stored `coded`, as its log.
    """
    total, total_tail, top = wide_total(x)
    total += total_tail
    for k in range(row.size):
        share = (x[HEAD, k] + x[TAIL, k]) / total
        row[k] = coded(share, x[EXPONENT, k] - top) if share > 0.0 else 0.0
    return total, top


class Block(NamedTuple):
    """Likelihoods of a block of steps as doubles, each row divided by a power of two."""

    linear: FloatArray  # (2, B, K): heads and tails
    exponents: FloatArray  # (B,): the powers
    is_narrow: BoolArray  # (B,): whether the row's positive entries lie within `LIKELIHOOD_SPREAD`


@compiled
def empty_block(n_rows: int, n_states: int) -> Block:
    """Room for a block."""
    return Block(np.empty((2, n_rows, n_states)), np.empty(n_rows), np.empty(n_rows, dtype=np.bool_))


@compiled
def fill_block(log_b: FloatArray, block: Block, wide: FloatArray) -> None:
    """Take the exponentials of rows of log-likelihoods, (n, K)."""
    n_rows, n_states = log_b.shape
    flat, head, tail = log_b.reshape(-1), block.linear[HEAD].reshape(-1), block.linear[TAIL].reshape(-1)
    n_outside = 0
    for n in range(flat.size):
        x = flat[n]
        near = abs(x) <= NEAR_ONE
        x_head, x_tail, k = exp_parts(x if near else 0.0, 0.0)
        scale = power_of_two(k) if near else 0.0
        head[n], tail[n] = x_head * scale, x_tail * scale
        n_outside += not near
    for i in range(n_rows):
        block.exponents[i], block.is_narrow[i] = 0.0, True
    if n_outside > 0:
        for i in range(n_rows):
            fill_row(log_b[i], block, i, wide)


@compiled
def fill_row(log_b: FloatArray, block: Block, i: int, wide: FloatArray) -> None:
    """One row of a block, divided by a power of two near its largest entry."""
    widen(log_b, wide)
    block.exponents[i] = max(largest_exponent(wide), -1e300)
    block.is_narrow[i] = spread(wide) <= LIKELIHOOD_SPREAD
    for k in range(log_b.size):
        scale = shifted(1.0, wide[EXPONENT, k] - block.exponents[i])
        block.linear[HEAD, i, k], block.linear[TAIL, i, k] = wide[HEAD, k] * scale, wide[TAIL, k] * scale


@compiled
def is_faint(row: FloatArray, limit: float) -> bool:
    """Whether an entry, other than zero, is below a limit."""
    faint = False
    for k in range(row.size):
        faint |= (row[k] < limit) & (row[k] != 0.0)
    return faint


@compiled
def is_any_faint(p: Lanes, limit: float, like: Lanes) -> bool:
    """`is_faint` for lanes."""
    faint = False
    for k in range(len(like)):
        faint |= (lane(p, k) < limit) & (lane(p, k) != 0.0)
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
    chain: Chain,
    block: Block,
    i: int,
    end: int,
    like: Lanes,
    pair: FloatArray,
    rows: FloatArray,
    increments: FloatArray | None,
) -> int:
    """Fast steps from row i of a block on, with the state in registers: p = (Σ_i p_i A_ij) b_j, and its tail.

    Forwards, `rows` is filled with p / Σ p. Backwards, without `totals`, it is multiplied by Σ_i p_i A_ij, which is β,
    and normalised. Returns where it came to: the end, or a row that is beyond the fast steps.
    """
    n_states = len(like)
    exponent = largest_exponent(state)
    for k in range(n_states):
        scale = shifted(1.0, state[EXPONENT, k] - exponent)
        pair[HEAD, k], pair[TAIL, k] = state[HEAD, k] * scale, state[TAIL, k] * scale
    p, p_tail = load(like, pair, 0), load(like, pair, n_states)
    before = total_of(add(p, p_tail), like)
    way = -1 if increments is None else 1
    while i != end:
        t = np.uint64(i)
        if increments is None and is_faint(rows[t], LOWEST):
            break
        n = t * np.uint64(n_states)
        s, s_tail = predict_few(p, p_tail, chain.linear, like)
        b, b_tail = load(like, block.linear[HEAD], n), load(like, block.linear[TAIL], n)
        p, lost = two_product(s, b)
        p_tail = fma(s_tail, b, fma(s, b_tail, lost))
        shift = chain.exponent + block.exponents[t]
        exponent += shift
        if increments is None:
            total = total_of(p, like)
            posterior = multiply(add(s, s_tail), load(like, rows, n))
            posterior_total = total_of(posterior, like)
        else:
            posterior = add(p, p_tail)
            total = posterior_total = total_of(posterior, like)
            increments[t] = total / before if shift == 0.0 else coded(total / before, shift)
            if total == 0.0:
                break
        store(divide(posterior, splat(like, posterior_total)), rows, n)
        i += way
        if not 1.0 / HIGHEST < total < HIGHEST:
            _, down = math.frexp(total)
            scale = power_of_two(float(-down))
            p, p_tail = multiply(p, splat(like, scale)), multiply(p_tail, splat(like, scale))
            exponent += down
            total *= scale
        before = total
        if is_any_faint(p, LOWEST * total, like):
            break
    for k in range(n_states):
        settle(lane(p, k), lane(p_tail, k), exponent, state, k)
    return i


@compiled
def sweep_many(
    state: FloatArray,
    chain: Chain,
    block: Block,
    i: int,
    end: int,
    like: None,
    pair: FloatArray,
    rows: FloatArray,
    increments: FloatArray | None,
) -> int:
    """`sweep_few` for many states, without tails: vectors in memory."""
    p, s = pair[0], pair[1]
    exponent = largest_exponent(state)
    for k in range(p.size):
        p[k] = state[HEAD, k] * shifted(1.0, state[EXPONENT, k] - exponent)
    before = total_of_many(p)
    way = -1 if increments is None else 1
    while i != end:
        t = np.uint64(i)
        if increments is None and is_faint(rows[t], LOWEST):
            break
        predict_many(p, chain.linear[HEAD], s)
        b = block.linear[HEAD, t]
        for k in range(p.size):
            p[k] = s[k] * b[k]
        total = total_of_many(p)
        shift = chain.exponent + block.exponents[t]
        exponent += shift
        row = rows[t]
        if increments is None:
            for k in range(p.size):
                row[k] *= s[k]
            posterior_total = total_of_many(row)
            for k in range(p.size):
                row[k] /= posterior_total
        else:
            increments[t] = total / before if shift == 0.0 else coded(total / before, shift)
            if total == 0.0:
                break
            for k in range(p.size):
                row[k] = p[k] / total
        i += way
        if not 1.0 / HIGHEST < total < HIGHEST:
            _, down = math.frexp(total)
            scale = power_of_two(float(-down))
            for k in range(p.size):
                p[k] *= scale
            exponent += down
            total *= scale
        before = total
        if is_faint(p, LOWEST * total):
            break
    for k in range(p.size):
        settle(p[k], 0.0, exponent, state, k)
    return i


@compiled
def total_of_many(p: FloatArray) -> float:
    """Σ_k p_k in four sums, which the processor adds side by side."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    last = p.size - p.size % 4
    for k in range(0, last, 4):
        a += p[k]
        b += p[k + 1]
        c += p[k + 2]
        d += p[k + 3]
    for k in range(last, p.size):
        a += p[k]
    return (a + b) + (c + d)


class Scratch(NamedTuple):
    """Room for one step."""

    predicted: FloatArray  # (3, K)
    other: FloatArray  # (3, K)
    p: FloatArray  # (2, K)


@compiled
def empty_scratch(n_states: int) -> Scratch:
    """Room for one step."""
    return Scratch(np.empty((3, n_states)), np.empty((3, n_states)), np.empty((2, n_states)))


def sweep_narrow(state: Any, chain: Any, block: Any, i: Any, end: Any, like: Any, *filled: Any) -> int:
    """`sweep_few` or `sweep_many`, which is known when this is compiled."""
    return (sweep_many if like is None else sweep_few)(state, chain, block, i, end, like, *filled)


@overload(sweep_narrow, strict=False)
def compile_sweep_narrow(
    state: Any, chain: Any, block: Any, i: Any, end: Any, like: Any, *filled: Any
) -> Any:  # pragma: no cover, since only the compiler calls it
    chosen = sweep_many if isinstance(like, types.NoneType) else sweep_few
    return lambda state, chain, block, i, end, like, *filled: chosen(state, chain, block, i, end, like, *filled)


@compiled
def sweep(
    state: FloatArray,
    chain: Chain,
    block: Block,
    i: int,
    like: Lanes | None,
    scratch: Scratch,
    rows: FloatArray,
    increments: FloatArray | None,
) -> int:
    """Fast steps as far as they are safe: from where positive entries of state, transition and likelihoods are near."""
    if not chain.is_narrow or not block.is_narrow[i] or spread(state) > WIDEST:
        return i
    way = -1 if increments is None else 1
    end = i
    while 0 <= end < len(rows) and block.is_narrow[end]:
        end += way
    return sweep_narrow(state, chain, block, i, end, like, scratch.p, rows, increments)


@compiled
def lse_update(log_b: FloatArray, chain: Chain, like: Lanes | None, scratch: Scratch, state: FloatArray) -> None:
    """log α'(j) = log b(j) + log Σ_i exp( log α(i) + log A(i, j) ), the recursion of every sum over paths [2]_.

    α, α', A and b are wide numbers m 2^e, that is, logs whose whole part e and fraction log2 m are kept apart: adding
    logs adds e and multiplies m, and the shift of the log-sum-exp is a power of two. Nothing is lost, however large the logs.
    """
    lse_prediction(state, chain, like, scratch.p, scratch.predicted)
    widen(log_b, scratch.other)
    weigh(scratch.predicted, scratch.other, like, state)


@compiled
def start_chain(
    log_b: FloatArray,
    is_first: bool,
    state: FloatArray,
    like: Lanes | None,
    scratch: Scratch,
    row: FloatArray,
    increments: FloatArray,
) -> int:
    """The first step of all, α_1 = initial b_1, where this is it and it is possible; the number of steps taken."""
    if not is_first:
        return 0
    widen(log_b, scratch.other)
    weigh(state, scratch.other, like, state)
    if largest_exponent(state) == NEVER:
        return 0
    total, exponent = store_posterior(state, row)
    increments[0] = coded(total, exponent)
    return 1


@compiled
def forward_block(
    log_b: FloatArray,
    chain: Chain,
    is_first: bool,
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
    n_steps = len(log_b)
    i = start_chain(log_b[0], is_first, state, like, scratch, rows[0], increments)
    while i < n_steps and largest_exponent(state) > NEVER:
        reached = sweep(state, chain, block, i, like, scratch, rows, increments)
        if reached > i:
            i = reached
            continue
        before, before_tail, before_exponent = wide_total(state)
        lse_update(log_b[i], chain, like, scratch, state)
        if largest_exponent(state) > NEVER:
            total, exponent = store_posterior(state, rows[i])
            increments[i] = coded(total / (before + before_tail), exponent - before_exponent)
            i += 1
    if i < n_steps:
        increments[i] = 0.0
    return i


@compiled
def backward_block(
    log_b: FloatArray,
    chain: Chain,
    backward_chain: Chain,
    is_first: bool,
    is_last: bool,
    before: FloatArray,
    state: FloatArray,
    block: Block,
    like: Lanes | None,
    scratch: Scratch,
    trace: FloatArray,
    rows: FloatArray,
) -> None:
    """Smooth a block in place: f_t becomes γ_t = f_t β_t / Σ f_t β_t, and the state goes from ω after to ω before it.

    ω_t(i) = p(v_t:T | h_t = i) = b_t(i) β_t(i) follows the forward recursion on the transposed transition, from the
    end. Where a row of the filter holds logs, which are rounded, α is computed again from the block's start, `before`.
    """
    fill_block(log_b, block, scratch.other)
    i = len(log_b) - 1
    if is_last:
        widen(log_b[i], state)
        i -= 1
    is_traced = False
    while i >= 0:
        reached = sweep(state, backward_chain, block, i, like, scratch, rows, None)
        if reached < i:
            i = reached
            continue
        if has_logs(rows[i]) and not is_traced:
            trace_block(log_b, chain, is_first, before, like, scratch, trace)
            is_traced = True
        lse_update(log_b[i], backward_chain, like, scratch, state)
        if has_logs(rows[i]):
            weigh(scratch.predicted, trace[i], like, scratch.predicted)
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
def are_logs(x: FloatArray, largest: float) -> bool:
    """Whether all numbers are −inf, or finite and no larger than that."""
    wrong = False
    for k in range(x.size):
        wrong |= (not abs(x[k]) <= largest) & (x[k] != NEVER)
    return not wrong


@compiled
def copy_wide(x: FloatArray, copy: FloatArray) -> None:
    """Copy wide numbers, (3, n)."""
    for plane in range(3):
        for k in range(x.shape[1]):
            copy[plane, k] = x[plane, k]


@compiled
def widen_linear(row: FloatArray, x: FloatArray) -> None:
    """Wide numbers, (3, n), of numbers, (n,)."""
    for k in range(row.size):
        settle(row[k], 0.0, 0.0, x, k)


@compiled
def trace_block(
    log_b: FloatArray,
    chain: Chain,
    is_first: bool,
    before: FloatArray,
    like: Lanes | None,
    scratch: Scratch,
    trace: FloatArray,
) -> None:
    """α_t of a block as wide numbers, (n, 3, K), from the state before it."""
    for i in range(len(log_b)):
        copy_wide(before if i == 0 else trace[i - 1], trace[i])
        if is_first and i == 0:
            widen(log_b[0], scratch.other)
            weigh(trace[0], scratch.other, like, trace[0])
        else:
            lse_update(log_b[i], chain, like, scratch, trace[i])


@compiled
def block_rows(n_states: int) -> int:
    """How many steps make a block: their likelihoods stay in the processor's nearest cache."""
    return max(64, 2048 // n_states)


@compiled
def run_forward(
    log_initial: FloatArray,
    chain: Chain,
    log_likelihoods: FloatArray,
    like: Lanes | None,
    checkpoints: FloatArray,
    rows: FloatArray,
    increments: FloatArray,
) -> tuple[int, float]:
    """Filter: fill rows with f_t = α_t / Σ α_t, and increments with c_t = Σ α_t / Σ α_t−1 = p(v_t | v_1:t−1).

    Both are `coded`, and may have as few rows as a block; then they hold those of the last block. The state before each block goes into
    the checkpoints, a ring. Returns how many steps are possible (all of them, or the number of the first one that is not) and the
    log-likelihood log Σ α_T.
    """
    n_steps, n_states = log_likelihoods.shape
    state, block, scratch = (
        np.empty((3, n_states)),
        empty_block(block_rows(n_states), n_states),
        empty_scratch(n_states),
    )
    widen(log_initial, state)
    for start in range(0, n_steps, block_rows(n_states)):
        log_b = log_likelihoods[start : start + block_rows(n_states)]
        copy_wide(state, checkpoints[start // block_rows(n_states) % len(checkpoints)])
        n = len(log_b)
        first, first_increment = start % len(rows), start % len(increments)
        n_possible = forward_block(
            log_b,
            chain,
            start == 0,
            state,
            block,
            like,
            scratch,
            rows[first : first + n],
            increments[first_increment : first_increment + n],
        )
        if n_possible < n:
            return start + n_possible, NEVER
    total, tail, exponent = wide_total(state)
    return n_steps, log_of_wide(total, tail, exponent)


@compiled
def run_backward(
    chain: Chain,
    backward_chain: Chain,
    log_likelihoods: FloatArray,
    like: Lanes | None,
    checkpoints: FloatArray,
    rows: FloatArray,
) -> None:
    """Smooth in place what `run_forward` left in rows and checkpoints, block by block from the end."""
    n_states = log_likelihoods.shape[1]
    n_rows = block_rows(n_states)
    state, block, scratch = np.empty((3, n_states)), empty_block(n_rows, n_states), empty_scratch(n_states)
    trace = np.empty((n_rows, 3, n_states))
    for n in range(len(checkpoints) - 1, -1, -1):
        start = n * n_rows
        backward_block(
            log_likelihoods[start : start + n_rows],
            chain,
            backward_chain,
            n == 0,
            n == len(checkpoints) - 1,
            checkpoints[n],
            state,
            block,
            like,
            scratch,
            trace,
            rows[start : start + n_rows],
        )


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
def larger(x: float, y: float) -> float:
    """max(x, y) of two numbers, in the form that processors have in their vectors."""
    return x if x > y else y


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
    log_transition: FloatArray, log_likelihoods: FloatArray, log_delta: FloatArray, start: int, stop: int
) -> None:
    """Fill log δ_t(j) = log b_t(j) + max_i( log δ_{t−1}(i) + log A(i, j) ), given log A `padded`, from start to stop.

    Four rows of log A are taken at a time, and every other step begins with the last of them, still in the cache.
    """
    n_padded, n_states = len(log_transition), log_delta.shape[1]
    x, top = np.empty(n_padded), np.empty(n_padded)
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
def padded(log_transition: FloatArray) -> FloatArray:
    """Add states that are never reached, up to a multiple of four."""
    n_states = len(log_transition)
    n_padded = -(-n_states // 4) * 4
    table = np.empty((n_padded, n_padded))
    for i in range(n_padded):
        for j in range(n_padded):
            table[i, j] = log_transition[i, j] if max(i, j) < n_states else NEVER
    return table


@compiled
def largest_magnitude(table: FloatArray) -> float:
    """max |x| over the finite x of a table, by their bits: the compiler makes vectors of integers alone."""
    bits = table.reshape(-1).view(np.int64)
    largest = 0
    for k in range(bits.size):
        magnitude = bits[k] & MAGNITUDE
        largest = max(largest, magnitude if magnitude < INFINITY else 0)
    return float(np.array([largest]).view(np.float64)[0])


@compiled
def first_impossible(log_delta: FloatArray, start: int, stop: int) -> int:
    """The first of the rows from start to stop that is −inf throughout."""
    t = stop
    while t > start and best_sum(log_delta[t - 1], log_delta[t - 1]) == NEVER:
        t -= 1
    return t


@compiled
def fill_log_delta(
    log_initial: FloatArray, log_transition: FloatArray, log_likelihoods: FloatArray, log_delta: FloatArray
) -> tuple[int, float]:
    """log δ_t(j) = log b_t(j) + max_i( log δ_{t−1}(i) + log A(i, j) ), less its maximum at the end of every block.

    Returns how many steps are possible, and how far an entry may be off: an addition is rounded by at most
    u = 2**-53 of its result, max loses nothing, and of a row's two additions neither comes to more than D + A, where
    D and A are the largest finite magnitudes in the block and in log A. The bound is four times their sum, so that it
    covers the subtraction as well, and all that is rounded when scores are compared on the way back.
    """
    n_steps, n_states = log_likelihoods.shape
    rows = padded(log_transition)
    largest_transition = largest_magnitude(rows)
    error = 0.0
    for k in range(n_states):
        log_delta[0, k] = log_initial[k] + log_likelihoods[0, k]
    for start in range(0, n_steps, BLOCK):
        stop = min(start + BLOCK, n_steps)
        if n_states == 2:
            advance_two(rows, log_likelihoods, log_delta, max(start, 1), stop)
        elif n_states in (3, 4):
            advance_four(rows, log_likelihoods, log_delta, max(start, 1), stop)
        else:
            advance_many(rows, log_likelihoods, log_delta, max(start, 1), stop)
        top = NEVER
        for k in range(n_states):
            top = larger(top, log_delta[stop - 1, k])
        if top == NEVER:
            return first_impossible(log_delta, start, stop), error
        largest = largest_magnitude(log_delta[max(start - 1, 0) : stop])
        error += (stop - start) * 8.0 * ROUNDING * (largest + largest_transition)
        if stop % BLOCK == 0:
            for k in range(n_states):
                log_delta[stop - 1, k] -= top
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
    path: IntArray,
    total: float,
    lost: float,
) -> tuple[int, float, float]:
    """Walk back from path[t] for as long as one state alone can come before; return where that ends, and the tally."""
    n_states = log_delta.shape[1]
    j = path[t]
    while t > 0:
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
    log_into: FloatArray,
    log_likelihoods: FloatArray,
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
        total, lost = tally(total, lost, log_likelihoods[s, path[s]])
        total, lost = tally(total, lost, log_into[path[s], path[s - 1]])
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
    log_into: FloatArray,
    log_b: FloatArray,
    live: IntArray,
    log_rest: FloatArray,
    log_rest_tail: FloatArray,
    best_next: FloatArray,
) -> None:
    """log ρ_{t−1}(i) = max_j( log A(i, j) + log b_t(j) + log ρ_t(j) ) over the live j, in two parts; and its j."""
    n_live = live.size
    head, tail = np.empty(n_live), np.empty(n_live)
    for n in range(n_live):
        head[n], tail[n] = plus(log_rest[live[n]], log_rest_tail[live[n]], log_b[live[n]])
    for i in range(log_b.size):
        log_rest[i], log_rest_tail[i], best_next[i] = NEVER, 0.0, live[0]
        for n in range(n_live):
            score, score_tail = plus(head[n], tail[n], log_into[live[n], i])
            if exceeds(score, score_tail, log_rest[i], log_rest_tail[i]):
                log_rest[i], log_rest_tail[i], best_next[i] = score, score_tail, live[n]


@compiled
def trace_back(
    log_initial: FloatArray,
    log_into: FloatArray,
    log_likelihoods: FloatArray,
    log_delta: FloatArray,
    tolerance: float,
    path: IntArray,
) -> float:
    """Fill the best path from its end, and return its log-probability; two parts only within the tolerance.

    ρ_t(j) is what the best path has from j at step t on, j's own b_t aside, up to a factor. As long as a single state
    is live, every path of interest leads through it, and ρ may begin anew there at 1. The row of log δ that has been
    left behind then holds the next state of each live one.
    """
    n_steps, n_states = log_likelihoods.shape
    live = np.empty(n_states, dtype=np.int64)
    log_rest, log_rest_tail = np.zeros(n_states), np.zeros(n_states)
    total, lost = 0.0, 0.0
    t = known = n_steps - 1
    n_live = keep_live(log_delta[t], log_rest, tolerance, live)
    while t > 0:
        if n_live == 1:
            path[t] = live[0]
            total, lost = reveal(log_into, log_likelihoods, log_delta, t, known, path, total, lost)
            t, total, lost = follow(log_into, log_likelihoods, log_delta, tolerance, t, path, total, lost)
            known, live[0] = t, path[t]
            log_rest[path[t]], log_rest_tail[path[t]] = 0.0, 0.0
        if t > 0:
            step_back(log_into, log_likelihoods[t], live[:n_live], log_rest, log_rest_tail, log_delta[t])
            t -= 1
            n_live = keep_live(log_delta[t], log_rest, tolerance, live)
    best, best_tail = NEVER, 0.0
    for i in live[:n_live]:
        score, score_tail = plus(log_rest[i], log_rest_tail[i], log_initial[i])
        score, score_tail = plus(score, score_tail, log_likelihoods[0, i])
        if exceeds(score, score_tail, best, best_tail):
            path[0], best, best_tail = i, score, score_tail
    total, lost = reveal(log_into, log_likelihoods, log_delta, 0, known, path, total, lost)
    total, lost = tally(total, lost, log_likelihoods[0, path[0]])
    total, lost = tally(total, lost, log_initial[path[0]])
    return total + lost


@compiled
def run_viterbi(
    log_initial: FloatArray,
    log_transition: FloatArray,
    log_likelihoods: FloatArray,
    log_delta: FloatArray,
    path: IntArray,
) -> tuple[int, float]:
    """Decode: fill log δ forwards, then follow the best path back [2]_.

    The last two arguments are filled, log δ with what is left of it. Returns how many steps are possible and the best
    path's log-probability. Of equal paths the lexicographically smallest wins.
    """
    n_possible, error = fill_log_delta(log_initial, log_transition, log_likelihoods, log_delta)
    if n_possible < len(path):
        return n_possible, NEVER
    return n_possible, trace_back(log_initial, log_transition.T.copy(), log_likelihoods, log_delta, 2.0 * error, path)


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
