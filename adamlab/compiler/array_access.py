"""Array access in compiled loops: loads and stores that LLVM can vectorise, and sums in a fixed order.

Numba does not tell LLVM that two arrays never overlap, so LLVM inserts run-time checks or does not vectorise. The
loads and stores of this module carry ``alias.scope`` and ``noalias`` metadata, which tell LLVM that they do not
overlap. And a sum from left to right cannot be vectorised without changing its rounding. The sums of this module add
in the order of `adamlab.rules.reduction`, and are written as LLVM vector operations.
"""

from weakref import WeakKeyDictionary

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from adamlab.rules.reduction import LANES


@intrinsic
def align_stack(typingctx):
    """Align a kernel's stack to 64 bytes, so that vector registers that are spilled to it lie within cache lines.

    Otherwise the alignment differs from process to process. A loop whose spilled 64-byte vectors each crossed two
    cache lines was seen to take a third longer, in every other process.
    """

    def build(context, builder, signature, args):
        # llvmlite writes ``alignstack`` only if the function has another attribute.
        builder.function.attributes.add("nounwind")
        builder.function.attributes.alignstack = 64
        return context.get_dummy_value()

    return types.none(), build


@intrinsic
def pointers(typingctx, arrays):
    """Return the addresses of the elements of C-contiguous arrays, as a tuple that the functions below take as well.

    An array is seven values to a compiled function, and its address is one: a step that passes pointers from part to
    part compiles in two thirds of the time.
    """
    result = types.Tuple([types.CPointer(a.dtype) for a in arrays])

    def build(context, builder, signature, args):
        data = (
            context.make_array(array)(context, builder, builder.extract_value(args[0], k)).data
            for k, array in enumerate(arrays)
        )
        return context.make_tuple(builder, result, list(data))

    return result(arrays), build


def _loader(first_scope):
    """Return ``load(arrays, i)``: the tuple of ``a[i]`` for each array; no array at another place may overlap it."""

    @intrinsic
    def load(typingctx, arrays, i):
        result = types.Tuple([a.dtype for a in arrays])

        def build(context, builder, signature, args):
            values = []
            for k in range(len(arrays)):
                value = builder.load(_element(context, builder, arrays, args, k))
                _mark_distinct(builder, value, first_scope + k)
                values.append(value)
            return context.make_tuple(builder, result, values)

        return result(arrays, i), build

    return load


def _storer(first_scope):
    """Return ``store(arrays, i, values)``, which assigns ``arrays[k][i] = values[k]`` for each value; see `_loader`."""

    @intrinsic
    def store(typingctx, arrays, i, values):
        def build(context, builder, signature, args):
            for k in range(len(values)):
                value = context.cast(builder, builder.extract_value(args[2], k), values[k], arrays[k].dtype)
                instruction = builder.store(value, _element(context, builder, arrays, args, k))
                _mark_distinct(builder, instruction, first_scope + k)
            return context.get_dummy_value()

        return types.none(arrays, i, values), build

    return store


# Four groups of arrays, by their use in a loop. LLVM may assume that no array of one group overlaps one of another.
GROUP = 24
SCOPES = 4 * GROUP
load, store = _loader(0), _storer(0)
load_common, store_common = _loader(GROUP), _storer(GROUP)
load_carry, store_carry = _loader(2 * GROUP), _storer(2 * GROUP)
load_scratch, store_scratch = _loader(3 * GROUP), _storer(3 * GROUP)


def _block_sum(term):
    """Return ``sum(x, n)``: the float64 sum of ``term(builder, x_k)`` over ``x[:n]``; ``n`` is a multiple of LANES.

    The order is that of `adamlab.rules.reduction`: one vector of LANES numbers accumulates the terms and is then
    halved until one number is left. LLVM splits this vector into vectors of the machine's width, without reordering.
    """
    double, index = ir.DoubleType(), ir.IntType(32)

    def halves(builder, vector, width):
        for first in (0, width // 2):
            places = ir.Constant(ir.VectorType(index, width // 2), list(range(first, first + width // 2)))
            yield builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), places)

    @intrinsic
    def block_sum(typingctx, x, n):
        wide = ir.VectorType(double, LANES)

        def build(context, builder, signature, args):
            element = context.get_data_type(x.dtype)
            source = _data_as(context, builder, x, args[0], ir.VectorType(element, LANES))
            partial = cgutils.alloca_once_value(builder, ir.Constant(wide, [0.0] * LANES))
            with cgutils.for_range(builder, builder.udiv(args[1], args[1].type(LANES))) as loop:
                value = _aligned(builder.load(builder.gep(source, [loop.index])), x.dtype.bitwidth // 8)
                if element != double:
                    value = builder.fpext(value, wide)
                builder.store(builder.fadd(builder.load(partial), term(builder, value)), partial)
            vector, width = builder.load(partial), LANES
            while width > 1:
                low, high = halves(builder, vector, width)
                vector, width = builder.fadd(low, high), width // 2
            return builder.extract_element(vector, index(0))

        return types.float64(x, n), build

    return block_sum


@intrinsic
def sum_of_few(typingctx, x, n):
    """Return the sum of the first ``n`` (at most LANES) of ``x``, in the order of `adamlab.rules.reduction`.

    The lanes are halved as in `_block_sum`, but in place, so ``x`` is overwritten, and only as many as there are
    numbers. They are read in the widths in which they were written, most in fours and the rest one by one: a wider
    read would have to wait until all earlier writes have finished.
    """
    index = ir.IntType(64)

    def add_all(builder, data, begin, end, away, width):
        kind = ir.DoubleType() if width == 1 else ir.VectorType(ir.DoubleType(), width)
        with cgutils.for_range_slice(builder, begin, end, index(width)) as (k, _):
            low, high = (
                builder.bitcast(builder.gep(data, [place]), kind.as_pointer()) for place in (k, builder.add(k, away))
            )
            term, other = (_aligned(builder.load(place), 8) for place in (low, high))
            _aligned(builder.store(builder.fadd(term, other), low), 8)

    def build(context, builder, signature, args):
        data = _data(context, builder, x, args[0])
        left, width = cgutils.alloca_once_value(builder, args[1]), LANES // 2
        while width:
            half = index(width)
            more = builder.sub(builder.load(left), half)
            with builder.if_then(builder.icmp_signed(">", more, index(0))):
                fours = builder.and_(more, index(-4)) if width >= 4 else index(0)
                if width >= 4:
                    add_all(builder, data, index(0), fours, half, 4)
                add_all(builder, data, fours, more, half, 1)
                builder.store(half, left)
            width //= 2
        return builder.load(data)

    return types.float64(x, n), build


sum_of_block = _block_sum(lambda _, x: x)
sum_of_squares = _block_sum(lambda builder, x: builder.fmul(x, x))


def _element(context, builder, arrays, args, k):
    if isinstance(arrays[k], types.CPointer):
        return builder.gep(builder.extract_value(args[0], k), [args[1]], inbounds=True)
    array = context.make_array(arrays[k])(context, builder, builder.extract_value(args[0], k))
    return cgutils.get_item_pointer(context, builder, arrays[k], array, [args[1]], wraparound=False)


def _data_as(context, builder, kind, value, element):
    return builder.bitcast(_data(context, builder, kind, value), element.as_pointer())


def _data(context, builder, kind, value):
    return value if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, value).data


def _aligned(instruction, size):
    instruction.align = size
    return instruction


# The scopes of each module that is being compiled: one for each array that a loop may use.
_scopes: WeakKeyDictionary[ir.Module, list[ir.MDValue]] = WeakKeyDictionary()


def _mark_distinct(builder, instruction, scope):
    """Tell LLVM, by ``alias.scope`` metadata, that memory of ``scope`` does not overlap memory of the other scopes."""
    module = builder.module
    if module not in _scopes:
        domain = module.add_metadata(["adamlab"])
        _scopes[module] = [module.add_metadata([f"array {k}", domain]) for k in range(SCOPES)]
    scopes = _scopes[module]
    instruction.set_metadata("alias.scope", module.add_metadata([scopes[scope]]))
    instruction.set_metadata("noalias", module.add_metadata([other for k, other in enumerate(scopes) if k != scope]))
