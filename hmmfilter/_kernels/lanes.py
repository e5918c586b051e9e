"""Lanes: the state of the fast steps in registers, and the instructions that work on all of them at once.

Interpreted, lanes are tuples of numbers; compiled, SIMD vectors, and what works on them one instruction each.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic, models, register_model
from numba.np.arrayobj import make_array

from hmmfilter._arrays import FloatArray

from .limits import FEW_STATES

SPLITTER = 2.0**27 + 1.0
TILE = (0.0,) * 16  # as many columns of a matrix as add up in registers
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
