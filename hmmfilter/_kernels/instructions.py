"""What the compiler makes of `lanes`: SIMD vectors, and instructions that work on them.

Only the compiled wing reads this room. Each function has the name of the one in `lanes` whose meaning it has.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model
from numba.np.arrayobj import make_array

from .limits import ROUNDER


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


def emit(name: str) -> Callable[..., Any]:
    """Emit an instruction that LLVM's builder knows by name."""
    return lambda context, builder, signature, values: getattr(builder, name)(*values)  # pragma: no cover


def emit_fma(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover, as all that emits
    kind = values[0].type
    suffix = f"v{kind.count}f64" if isinstance(kind, ir.VectorType) else "f64"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), f"llvm.fma.{suffix}")
    return builder.call(function, values)


def splatted(builder: Any, x: Any, count: int) -> Any:  # pragma: no cover
    vector = ir.Constant(ir.VectorType(ir.DoubleType(), count), ir.Undefined)
    for k in range(count):
        vector = builder.insert_element(vector, x, ir.IntType(32)(k))
    return vector


def emit_splat(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    return splatted(builder, values[1], signature.return_type.count)


def emit_is_any_faint(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    lanes, limit = values
    count = lanes.type.count
    zeros = ir.Constant(lanes.type, [0.0] * count)
    below = builder.fcmp_ordered("<", lanes, splatted(builder, limit, count))
    faint = builder.and_(below, builder.fcmp_ordered("!=", lanes, zeros))
    return builder.icmp_unsigned("!=", builder.bitcast(faint, ir.IntType(count)), ir.IntType(count)(0))


def pointer_to_lanes(context: Any, builder: Any, kind: Any, array: Any, n: Any, count: int) -> Any:  # pragma: no cover
    data = make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [n]), ir.VectorType(ir.DoubleType(), count).as_pointer())


def emit_load(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    _, kind, _ = signature.args
    pointer = pointer_to_lanes(context, builder, kind, values[1], values[2], signature.return_type.count)
    return builder.load(pointer, align=8)


def emit_gather(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    _, array, n, step = values
    data = make_array(signature.args[1])(context, builder, array).data
    vector = ir.Constant(ir.VectorType(ir.DoubleType(), signature.return_type.count), ir.Undefined)
    for k in range(signature.return_type.count):
        vector = builder.insert_element(vector, builder.load(builder.gep(data, [n])), ir.IntType(32)(k))
        n = builder.add(n, step)
    return vector


def emit_store(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    lanes, kind, _ = signature.args
    builder.store(values[0], pointer_to_lanes(context, builder, kind, values[1], values[2], lanes.count), align=8)
    return context.get_dummy_value()


def emit_marked_below(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    x, limit, marks = values
    below = builder.fcmp_ordered("<", x, limit)
    return builder.select(below, ir.Constant(x.type, [1.0] * x.type.count), marks)


def emit_marked_faint(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    x, limit, marks = values
    zeros, ones = (ir.Constant(x.type, [value] * x.type.count) for value in (0.0, 1.0))
    faint = builder.and_(builder.fcmp_ordered("<", x, limit), builder.fcmp_ordered("!=", x, zeros))
    return builder.select(faint, ones, marks)


def emit_chosen(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    marks, x, y = values
    marked = builder.fcmp_ordered("!=", marks, ir.Constant(marks.type, [0.0] * marks.type.count))
    return builder.select(marked, x, y)


def emit_transposed(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    rows, count = list(values), len(values)
    distance = count // 2
    while distance > 0:  # blocks of this size change places across the diagonal
        turned = list(rows)
        for n in range(count):
            if n & distance == 0:
                x, y = rows[n], rows[n + distance]
                first = [k - distance + count if k & distance else k for k in range(count)]
                second = [k + count if k & distance else k + distance for k in range(count)]
                for place, order in ((n, first), (n + distance, second)):
                    mask = ir.Constant(ir.VectorType(ir.IntType(32), count), order)
                    turned[place] = builder.shuffle_vector(x, y, mask)
        rows, distance = turned, distance // 2
    return context.make_tuple(builder, signature.return_type, rows)


def emit_larger(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    return builder.select(builder.fcmp_ordered(">", *values), *values)


def emit_marked(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    word, i, x, y = values
    leads = builder.bitcast(builder.fcmp_ordered(">", x, y), ir.IntType(x.type.count))
    leads = builder.zext(leads, word.type) if x.type.count < word.type.width else leads
    return builder.or_(word, builder.shl(leads, builder.shl(i, ir.Constant(i.type, 3))))


def emit_powers_above(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    k, limit = values
    count = k.type.count
    bits = ir.VectorType(ir.IntType(64), count)
    rounded = builder.fadd(k, ir.Constant(k.type, [ROUNDER] * count))
    biased = builder.add(builder.bitcast(rounded, bits), ir.Constant(bits, [1023] * count))
    powers = builder.bitcast(builder.shl(biased, ir.Constant(bits, [52] * count)), k.type)
    is_above = builder.fcmp_ordered(">", k, splatted(builder, limit, count))
    return builder.select(is_above, powers, ir.Constant(k.type, [0.0] * count))


def emit_lowest_bit(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    return builder.cttz(values[0], ir.IntType(1)(1))


def emit_unsigned(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # pragma: no cover
    return context.cast(builder, values[0], signature.args[0], signature.return_type)


add = intrinsic(lambda _, x, y: (x(x, x), emit("fadd")))
subtract = intrinsic(lambda _, x, y: (x(x, x), emit("fsub")))
multiply = intrinsic(lambda _, x, y: (x(x, x), emit("fmul")))
divide = intrinsic(lambda _, x, y: (x(x, y), emit("fdiv")))
negative = intrinsic(lambda _, x: (x(x), emit("fneg")))
fma = intrinsic(lambda _, x, y, z: (x(x, x, x), emit_fma))
lane = intrinsic(lambda _, x, k: (types.float64(x, types.int32), emit("extract_element")))
splat = intrinsic(lambda _, like, x: (LanesType(like.count)(like, types.float64), emit_splat))
larger = intrinsic(lambda _, x, y: (x(x, y), emit_larger))
powers_above = intrinsic(lambda _, k, limit: (k(k, types.float64), emit_powers_above))
marked = intrinsic(lambda _, word, i, x, y: (types.int64(types.int64, types.int64, x, y), emit_marked))
lowest_bit = intrinsic(lambda _, n: (types.int64(types.int64), emit_lowest_bit))
is_any_faint = intrinsic(lambda _, x, limit: (types.boolean(x, types.float64), emit_is_any_faint))
marked_below = intrinsic(lambda _, x, limit, marks: (x(x, x, x), emit_marked_below))
marked_faint = intrinsic(lambda _, x, limit, marks: (x(x, x, x), emit_marked_faint))
chosen = intrinsic(lambda _, marks, x, y: (x(x, x, x), emit_chosen))
transposed = intrinsic(lambda _, a, b, c, d, e, f, g, h: (types.UniTuple(a, 8)(*(a,) * 8), emit_transposed))
where = intrinsic(lambda _, is_first, x, y: (x(is_first, x, y), emit("select")))
load = intrinsic(lambda _, like, array, n: (LanesType(like.count)(like, array, n), emit_load))
gather = intrinsic(lambda _, like, array, n, step: (LanesType(like.count)(like, array, n, n), emit_gather))
unsigned = intrinsic(lambda _, n: (types.uint64(n), emit_unsigned))
store = intrinsic(lambda _, x, array, n: (types.none(x, array, n), emit_store))


def choice(  # pragma: no cover
    one: Callable[..., Any], other: Callable[..., Any], is_other: Callable[[Any], bool]
) -> Any:
    """Which of two kernels is meant, as the compiler knows it by the type of an argument."""

    @intrinsic
    def choose(_: Any, by: Any) -> Any:
        kernel = types.Dispatcher(other if is_other(by) else one)
        return kernel(by), lambda context, builder, signature, values: context.get_dummy_value()

    return choose


def chosen_by_lanes(few: Callable[..., Any], many: Callable[..., Any]) -> Callable[..., Any]:  # pragma: no cover
    return choice(few, many, lambda like: isinstance(like, types.NoneType))


def chosen_by_chain(dense: Callable[..., Any], network: Callable[..., Any]) -> Callable[..., Any]:  # pragma: no cover
    return choice(dense, network, lambda chain: bool({"network", "onward"} & {*getattr(chain, "fields", ())}))
