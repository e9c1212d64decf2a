"""The functions of the package that are methods of Tensor too, and those that join several Tensors.

    exp(t), sum(t, dim=0), max(t, 1), cat([a, b]), where(t > 0, a, b), einsum("ij,jk->ik", a, b)

Each takes what PyTorch's function of that name takes. A function of one tensor is that tensor's method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_lite import ops
from tinygrad_lite.backend import ShapeError, beside
from tinygrad_lite.creation import as_tensor
from tinygrad_lite.methods.arguments import as_condition
from tinygrad_lite.tensor import Tensor


def _method(name: str) -> Callable[..., Any]:
    method = getattr(Tensor, name)

    def function(input: Any, *arguments: Any, **settings: Any) -> Any:
        return method(as_tensor(input), *arguments, **settings)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = method.__doc__
    return function


abs = _method("abs")
add = _method("add")
allclose = _method("allclose")
amax = _method("amax")
amin = _method("amin")
any = _method("any")
all = _method("all")
argmax = _method("argmax")
argmin = _method("argmin")
argsort = _method("argsort")
bitwise_and = _method("bitwise_and")
bitwise_left_shift = _method("bitwise_left_shift")
bitwise_not = _method("bitwise_not")
bitwise_or = _method("bitwise_or")
bitwise_right_shift = _method("bitwise_right_shift")
bitwise_xor = _method("bitwise_xor")
ceil = _method("ceil")
chunk = _method("chunk")
clamp = _method("clamp")
clone = _method("clone")
cos = _method("cos")
cosh = _method("cosh")
cumsum = _method("cumsum")
detach = _method("detach")
diagonal = _method("diagonal")
div = _method("div")
dot = _method("dot")
eq = _method("eq")
equal = _method("equal")
erf = _method("erf")
exp = _method("exp")
expm1 = _method("expm1")
flatten = _method("flatten")
flip = _method("flip")
floor = _method("floor")
floor_divide = _method("floor_divide")
gather = _method("gather")
ge = _method("ge")
gt = _method("gt")
histc = _method("histc")
index_select = _method("index_select")
isclose = _method("isclose")
isfinite = _method("isfinite")
isinf = _method("isinf")
isnan = _method("isnan")
le = _method("le")
log = _method("log")
log10 = _method("log10")
log1p = _method("log1p")
log2 = _method("log2")
log_softmax = _method("log_softmax")
logsumexp = _method("logsumexp")
lt = _method("lt")
masked_fill = _method("masked_fill")
matmul = _method("matmul")
max = _method("max")
maximum = _method("maximum")
mean = _method("mean")
min = _method("min")
minimum = _method("minimum")
mm = _method("mm")
moveaxis = _method("moveaxis")
movedim = _method("movedim")
mul = _method("mul")
narrow = _method("narrow")
ne = _method("ne")
neg = _method("neg")
norm = _method("norm")
numel = _method("numel")
outer = _method("outer")
permute = _method("permute")
pow = _method("pow")
prod = _method("prod")
ravel = _method("ravel")
reciprocal = _method("reciprocal")
relu = _method("relu")
remainder = _method("remainder")
reshape = _method("reshape")
roll = _method("roll")
round = _method("round")
rsqrt = _method("rsqrt")
select = _method("select")
sigmoid = _method("sigmoid")
sign = _method("sign")
sin = _method("sin")
sinh = _method("sinh")
softmax = _method("softmax")
sort = _method("sort")
split = _method("split")
sqrt = _method("sqrt")
square = _method("square")
squeeze = _method("squeeze")
std = _method("std")
sub = _method("sub")
sum = _method("sum")
t = _method("t")
tan = _method("tan")
tanh = _method("tanh")
topk = _method("topk")
transpose = _method("transpose")
tril = _method("tril")
triu = _method("triu")
trunc = _method("trunc")
unbind = _method("unbind")
unsqueeze = _method("unsqueeze")
var = _method("var")


def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """The tensor repeated to a broadcast shape, without a copy."""
    return as_tensor(input).expand(size)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors, each repeated to their common broadcast shape."""
    shape = np.broadcast_shapes(*(tensor._array.shape for tensor in tensors))
    return tuple(tensor.expand(shape) for tensor in tensors)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition (bool) is True, else `other`. The gradient of the branch not taken is 0.

    With the condition alone: the positions where it is True, one Tensor (int64) for each dimension.
    """
    condition = as_condition(as_tensor(condition))
    if input is None and other is None:
        array = condition._array if condition.ndim else condition._array.reshape(1)
        with beside(array):
            return tuple(Tensor._wrap(found) for found in np.nonzero(array))
    if isinstance(input, np.generic):
        input = input.item()  # beside a Tensor too, NumPy's scalars are Python numbers
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        input = as_tensor(input, device=condition.device)  # two numbers make a tensor of their own dtype
    return ops.where(condition, input, other)


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors joined along a dimension, in which alone their sizes may differ."""
    if not len(tensors):
        raise RuntimeError("cat(): expected a non-empty list of Tensors")
    return ops.cat(*(as_tensor(tensor) for tensor in tensors), dim=dim)


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape joined along a new dimension."""
    if not len(tensors):
        raise RuntimeError("stack expects a non-empty TensorList")
    shapes = {tuple(tensor.shape) for tensor in tensors}
    if len(shapes) > 1:
        raise ShapeError(f"stack expects each tensor to be equal size, but got {' and '.join(map(str, shapes))}")
    return ops.stack(*(as_tensor(tensor) for tensor in tensors), dim=dim)


def einsum(equation: str, *operands: Any) -> Tensor:
    """Einstein's summation: labels that the output leaves out are summed over.

    `einsum("ij,jk->ik", a, b)` is a matrix product, `einsum("bij->bji", a)` a transposition, `einsum("ii", a)` a
    trace. Spaces are allowed, "..." stands for the dimensions not named, and without "->" the output has the labels
    that occur once, in alphabetical order. ShapeError if the labels do not fit the operands.
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    return ops.linalg.summed(*ops.linalg.spelled_out(equation, [as_tensor(operand) for operand in operands]))
