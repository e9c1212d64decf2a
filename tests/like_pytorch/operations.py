"""The table: every operation that Tensor, the package and nn.functional offer, a line each, as PyTorch declares it.

    sum(x: any, dim: dims?, keepdim: flag?, *, dtype: dtype_or_none?)

A name before a colon is PyTorch's name of the parameter, behind it stands how the argument is drawn: a method of
`Arguments`, or of `LayerArguments`. `?`: it may be left out. `...`: a method takes it as one sequence, or one by one.
After `*`: only by name. To add an operation, add its line.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import torch

import tinygrad_lite
from tests.like_pytorch.layers import LayerArguments
from tests.like_pytorch.program import Program

# Methods of a tensor. They are functions of the package too, if it has one of that name.
METHODS = """
abs(x: any)
add(x: any, other: other, *, alpha: real?)
all(x: any, dim: dims?, keepdim: flag?)
allclose(x: any, other: same_dtype, rtol: eps?, atol: eps?, equal_nan: flag?)
amax(x: any, dim: dims?, keepdim: flag?)
amin(x: any, dim: dims?, keepdim: flag?)
any(x: any, dim: dims?, keepdim: flag?)
argmax(x: any, dim: one_dim?, keepdim: flag?)
argmin(x: any, dim: one_dim?, keepdim: flag?)
argsort(x: any, dim: one_dim?, descending: flag?)
bool(x: any)
broadcast_to(x: any, size: broadcast_size)
ceil(x: any)
chunk(x: any, chunks: count_of, dim: one_dim?)
clamp(x: any, min: bound, max: bound?)
clamp_max(x: any, max: bound)
clamp_min(x: any, min: bound)
clip(x: any, min: bound?, max: bound?)
clone(x: any)
contiguous(x: any)
cos(x: any)
cosh(x: any)
cumsum(x: any, dim: one_dim)
detach(x: any)
diagonal(x: matrices, offset: offset?, dim1: one_dim?, dim2: one_dim?)
dim(x: any)
div(x: any, other: other, *, rounding_mode: rounding?)
dot(x: vector, other: vector_alike)
double(x: any)
element_size(x: any)
eq(x: any, other: other)
equal(x: any, other: alike)
erf(x: any)
exp(x: any)
expand(x: any, size: expanded...)
expand_as(x: any, other: beside)
expm1(x: any)
flatten(x: any, start_dim: one_dim?, end_dim: one_dim?)
flip(x: any, dims: some_dims...)
float(x: any)
floor(x: any)
floor_divide(x: any, other: other)
gather(x: any, dim: one_dim, index: positions_along)
ge(x: any, other: other)
gt(x: any, other: other)
half(x: any)
histc(x: floats, bins: bins?, min: real?, max: real?)
index_select(x: any, dim: one_dim, index: vector_of_positions)
int(x: any)
is_contiguous(x: any)
is_floating_point(x: any)
isclose(x: any, other: same_dtype, rtol: eps?, atol: eps?, equal_nan: flag?)
isfinite(x: any)
isinf(x: any)
isnan(x: any)
item(x: any)
le(x: any, other: other)
log(x: any)
log10(x: any)
log1p(x: any)
log2(x: any)
log_softmax(x: any, dim: one_dim)
logsumexp(x: any, dim: some_dims, keepdim: flag?)
long(x: any)
lt(x: any, other: other)
masked_fill(x: any, mask: mask, value: fill)
matmul(x: any, other: factor)
max(x: any, dim: one_dim?, keepdim: flag?)
maximum(x: any, other: beside)
mean(x: any, dim: dims?, keepdim: flag?, *, dtype: dtype_or_none?)
min(x: any, dim: one_dim?, keepdim: flag?)
minimum(x: any, other: beside)
mm(x: matrix, mat2: matrix_factor)
movedim(x: any, source: moved, destination: moved_to)
moveaxis(x: any, source: moved, destination: moved_to)
mul(x: any, other: other)
multiply(x: any, other: other)
narrow(x: any, dim: one_dim, start: position, length: length)
bitwise_and(x: integers, other: other)
bitwise_or(x: integers, other: other)
bitwise_xor(x: integers, other: other)
bitwise_left_shift(x: integers, other: other)
bitwise_right_shift(x: integers, other: other)
bitwise_not(x: integers)
select(x: any, dim: one_dim, index: position)
ne(x: any, other: other)
neg(x: any)
negative(x: any)
nelement(x: any)
norm(x: any, p: p?, dim: dims?, keepdim: flag?)
numel(x: any)
outer(x: vector, vec2: other_vector)
permute(x: any, dims: order...)
pow(x: any, exponent: other)
prod(x: any, dim: one_dim?, keepdim: flag?)
ravel(x: any)
reciprocal(x: any)
relu(x: any)
remainder(x: any, other: other)
repeat(x: any, repeats: repeats...)
reshape(x: any, shape: reshaped...)
reshape_as(x: any, other: alike)
roll(x: any, shifts: shifts, dims: shift_dims?)
round(x: any, *, decimals: decimals?)
rsqrt(x: any)
sigmoid(x: any)
sign(x: any)
sin(x: any)
sinh(x: any)
size(x: any, dim: one_dim?)
softmax(x: any, dim: one_dim)
sort(x: any, dim: one_dim?, descending: flag?)
split(x: any, split_size: pieces, dim: one_dim?)
sqrt(x: any)
square(x: any)
squeeze(x: any, dim: some_dims?)
std(x: any, dim: dims?, *, correction: correction?, keepdim: flag?)
stride(x: any, dim: one_dim?)
sub(x: any, other: other, *, alpha: real?)
sum(x: any, dim: dims?, keepdim: flag?, *, dtype: dtype_or_none?)
swapaxes(x: any, axis0: one_dim, axis1: one_dim)
t(x: most_matrix)
tan(x: any)
tanh(x: any)
to(x: any, dtype: a_dtype)
tolist(x: any)
topk(x: any, k: k, dim: one_dim?, largest: flag?)
transpose(x: any, dim0: one_dim, dim1: one_dim)
tril(x: matrices, diagonal: offset?)
triu(x: matrices, diagonal: offset?)
trunc(x: any)
type(x: any, dtype: a_dtype)
type_as(x: any, other: beside)
unbind(x: any, dim: one_dim?)
unsqueeze(x: any, dim: new_dim)
var(x: any, dim: dims?, *, correction: correction?, keepdim: flag?)
view(x: any, size: reshaped...)
view_as(x: any, other: alike)
where(x: any, condition: condition, other: other)
new_ones(x: any, size: size..., *, dtype: a_dtype?)
new_tensor(x: any, data: data)
new_zeros(x: any, size: size..., *, dtype: a_dtype?)
"""

# Methods that change the tensor, and return it.
IN_PLACE = """
add_(x: any, other: other, *, alpha: real?)
clamp_(x: any, min: bound, max: bound?)
copy_(x: any, other: beside)
div_(x: any, other: other)
bitwise_and_(x: integers, other: other)
bitwise_or_(x: integers, other: other)
bitwise_xor_(x: integers, other: other)
bitwise_left_shift_(x: integers, other: other)
bitwise_right_shift_(x: integers, other: other)
floor_divide_(x: any, other: other)
remainder_(x: any, other: other)
fill_(x: any, value: fill)
masked_fill_(x: any, mask: mask, value: fill)
mul_(x: any, other: other)
pow_(x: any, exponent: other)
sub_(x: any, other: other, *, alpha: real?)
zero_(x: any)
detach_(x: any)
"""

# What is no call of a method: operators, attributes, indices, changes by them.
EXPRESSIONS = """
x + other: x: any; x + {other}
other + x: x: any; {number} + x
x - other: x: any; x - {other}
other - x: x: any; {number} - x
x * other: x: any; x * {other}
other * x: x: any; {number} * x
x / other: x: any; x / {other}
other / x: x: any; {number} / x
x // other: x: any; x // {other}
other // x: x: any; {number} // x
x % other: x: any; x % {other}
other % x: x: any; {number} % x
x ** other: x: any; x ** {other}
other ** x: x: any; {number} ** x
x @ other: x: any; x @ {factor}
x & other: x: integers; x & {other}
x | other: x: integers; x | {other}
x ^ other: x: integers; x ^ {other}
x << other: x: integers; x << {number}
x >> other: x: integers; x >> {number}
-x: x: any; -x
+x: x: any; +x
~x: x: integers; ~x
abs(x): x: any; abs(x)
x == other: x: any; x == {other}
x != other: x: any; x != {other}
x < other: x: any; x < {other}
x <= other: x: any; x <= {other}
x > other: x: any; x > {other}
x >= other: x: any; x >= {other}
x[index]: x: any; x[{index}]
x[row]: x: any; x[{index}][0]
x.T: x: most_matrix; x.T
x.mT: x: matrices; x.mT
x.data: x: any; x.data
x.shape: x: any; x.shape
len(x): x: any; len(x)
list(x): x: any; list(x)
float(x): x: any; float(x)
int(x): x: any; int(x)
bool(x): x: any; bool(x)
number in x: x: any; {number} in x
max(x, other): x: any; x.max({beside})
min(x, other): x: any; x.min({beside})
var(x, unbiased): x: any; x.var({unbiased})
std(x, dim, unbiased): x: any; x.std({some_dims}, unbiased={unbiased})
norm of dims: x: any; x.norm(dim={some_dims})
x.to(other): x: any; x.to({beside})
mm of views: x: matrices; x.mT @ x
"""

STATEMENTS = """
x[index] = number: x: any; x[{distinct_index}] = {number}
x[index] = tensor: x: any; x[{distinct_index}] = {assigned}
x[index] op= number: x: any; x[{distinct_index}] *= {number}
x[index].op_: x: any; x[{distinct_index}].mul_(2)
x += other: x: any; x += {other}
x -= other: x: any; x -= {other}
x *= other: x: any; x *= {other}
x /= other: x: any; x /= {other}
x //= other: x: any; x //= {other}
x %= other: x: any; x %= {other}
x **= other: x: any; x **= {other}
x &= other: x: integers; x &= {other}
x |= other: x: integers; x |= {other}
x ^= other: x: integers; x ^= {other}
x <<= other: x: integers; x <<= {number}
x >>= other: x: integers; x >>= {number}
diagonal().op_: x: matrices; x.diagonal({offset}).add_(1)
transpose().op_: x: any; x.transpose({one_dim}, {one_dim}).mul_(3)
reshape().op_: x: any; x.reshape({reshaped}).zero_()
flatten().op_: x: any; x.flatten().fill_(2)
expand().op_: x: any; x.expand({expanded}).mul_(2)
unbind()[0].op_: x: any; x.unbind({one_dim})[0].add_(1)
split()[0].op_: x: any; x.split({pieces})[0].sub_(1)
narrow().op_: x: any; x.narrow({one_dim}, {position}, {length}).mul_(2)
squeeze().op_: x: any; x.squeeze().add_(1)
unsqueeze().op_: x: any; x.unsqueeze({new_dim}).add_(1)
movedim().op_: x: any; x.movedim({moved}, {moved_to}).add_(1)
detach().op_: x: any; x.detach().mul_(2)
data.op_: x: any; x.data.mul_(2)
"""

FUNCTIONS = """
cat(tensors: several, dim: joined_dim?)
concat(tensors: several, dim: joined_dim?)
stack(tensors: several_alike, dim: new_dim?)
where(condition: bools, input: other, other: other)
where(condition: any)
broadcast_tensors(tensors: broadcastable)
einsum(equation: equation)
tensor(data: data, *, dtype: a_dtype?)
as_tensor(data: array, dtype: dtype_or_none?)
from_numpy(array: array)
zeros(size: size..., *, dtype: a_dtype?)
ones(size: size..., *, dtype: a_dtype?)
full(size: size, fill_value: number, *, dtype: a_dtype?)
arange(end: end, *, dtype: a_dtype?)
arange(start: end, end: end, step: stride?, *, dtype: a_dtype?)
linspace(start: end, end: end, steps: count_of, *, dtype: a_dtype?)
eye(n: count_of, m: count_of?, *, dtype: a_dtype?)
zeros_like(input: any, *, dtype: a_dtype?)
ones_like(input: any, *, dtype: a_dtype?)
full_like(input: any, fill_value: number, *, dtype: a_dtype?)
"""

RANDOM = """
empty(size: size..., *, dtype: a_dtype?)
empty_like(input: any, *, dtype: a_dtype?)
rand(size: size..., *, dtype: a_dtype?)
randn(size: size..., *, dtype: a_dtype?)
randint(low: low, high: high, size: size, *, dtype: a_dtype?)
randint(high: high, size: size, *, dtype: a_dtype?)
randperm(n: count_of)
rand_like(input: any, *, dtype: a_dtype?)
randn_like(input: any, *, dtype: a_dtype?)
randint_like(input: any, high: high, *, dtype: a_dtype?)
"""

FUNCTIONAL = """
relu(input: any)
sigmoid(input: floats)
tanh(input: floats)
leaky_relu(input: any, negative_slope: real?)
gelu(input: any, *, approximate: approximation?)
silu(input: any)
softplus(input: any, beta: positive?, threshold: positive?)
logsigmoid(input: any)
softmax(input: floats, dim: one_dim)
log_softmax(input: floats, dim: one_dim)
linear(input: features, weight: weight_of_features, bias: feature_bias?)
dropout(input: floats, p: whole_share, training: flag?)
embedding(input: symbols, weight: rows, padding_idx: row?)
one_hot(tensor: symbols, num_classes: classes_of?)
pad(input: any, pad: padding_widths, mode: pad_mode?, value: real?)
conv1d(input: sequences, weight: kernels_1d, bias: out_bias, stride: single, padding: single_margin, dilation: single, groups: number_of_groups)
conv2d(input: images, weight: kernels, bias: out_bias, stride: step, padding: conv_margin, dilation: step, groups: number_of_groups)
conv_transpose2d(input: images, weight: transposed_kernels, bias: out_bias, stride: step, padding: margin, output_padding: margin, groups: number_of_groups, dilation: step)
unfold(input: images, kernel_size: window, dilation: step?, padding: margin?, stride: step?)
fold(input: columns, output_size: fold_size, kernel_size: fold_kernel)
max_pool2d(input: images, kernel_size: window, stride: step?, padding: margin?, dilation: step?, ceil_mode: flag?, return_indices: flag?)
avg_pool2d(input: images, kernel_size: window, stride: step?, padding: margin?, ceil_mode: flag?, count_include_pad: flag?, divisor_override: divisor?)
adaptive_avg_pool2d(input: images, output_size: output_size)
adaptive_max_pool2d(input: images, output_size: output_size)
interpolate(input: four_images, size: scaled_size, mode: mode)
batch_norm(input: batch, running_mean: running, running_var: running, weight: channels?, bias: channels?, training: flag?, momentum: share?, eps: eps?)
group_norm(input: batch, num_groups: parts, weight: channels?, bias: channels?, eps: eps?)
layer_norm(input: any, normalized_shape: normalized, weight: normalized_like?, bias: normalized_like?, eps: eps?)
scaled_dot_product_attention(query: queries, key: keys, value: values, attn_mask: attention_mask?, dropout_p: no_dropout?, is_causal: flag?)
mse_loss(input: any, target: loss_target, *, reduction: reduction?)
l1_loss(input: any, target: loss_target, *, reduction: reduction?)
binary_cross_entropy_with_logits(input: floats, target: same_shape, weight: loss_weight?, *, reduction: reduction?, pos_weight: loss_weight?)
cross_entropy(input: logits, target: targets, weight: class_weight?, *, ignore_index: ignored?, reduction: reduction?, label_smoothing: share?)
nll_loss(input: logits, target: classes, weight: class_weight?, *, ignore_index: ignored?, reduction: reduction?)
"""  # noqa: E501

# What is offered and not drawn here, and where it is tested instead.
ELSEWHERE = {
    "tests/test_autograd.py": "backward grad grad_fn is_leaf register_hook requires_grad requires_grad_ retain_grad"
    " enable_grad no_grad set_grad_enabled is_grad_enabled backward_steps autograd",
    "tests/test_devices.py": "cpu cuda device is_cuda cuda_is_available get_default_device set_default_device",
    "tests/test_backend.py": "Generator manual_seed get_default_dtype set_default_dtype promote_types normal_ uniform_",
    "tests/test_tensor.py": "dtype ndim numpy storage Size Tensor",
    "tests/test_like_pytorch.py": "from_dlpack concatenate",
    "tests/test_serialization.py": "load save",
    "tests/test_anomaly.py": "is_anomaly_enabled",
    "tests/test_op.py": "op ShapeError",
}


@dataclass(frozen=True)
class Operation:
    """A line of the table."""

    name: str
    line: str
    how: str  # method, in place, expression, statement, function, random, functional


def _operations() -> list[Operation]:
    tables = {
        "method": METHODS, "in place": IN_PLACE, "expression": EXPRESSIONS, "statement": STATEMENTS,
        "function": FUNCTIONS, "random": RANDOM, "functional": FUNCTIONAL,
    }  # fmt: skip
    found = []
    for how, table in tables.items():
        for line in table.strip().splitlines():
            if how in ("expression", "statement"):
                name, _, line = line.partition(": ")
            else:
                name = line.partition("(")[0]
            found.append(Operation(("F." if how == "functional" else "") + name, line, how))
    return found


OPERATIONS = _operations()


def draw(operation: Operation, seed: str) -> Program:
    """A program that calls the operation, the same for the same seed."""
    rng = random.Random(f"{operation.line} {seed}")
    changed = operation.how in ("in place", "statement")
    drawn = LayerArguments(rng, changed)
    if operation.how in ("expression", "statement"):
        kind, _, template = operation.line.partition("; ")
        getattr(drawn, kind.removeprefix("x: "))()
        text = re.sub(r"\{(\w+)\}", lambda match: getattr(drawn, match[1])(), template)
        statement = "x" if changed else ""
        return Program(operation.name, tuple(drawn.tensors), text, tail="", statement=statement)
    return _call(operation, drawn, rng)


def _call(operation: Operation, drawn: LayerArguments, rng: random.Random) -> Program:
    name, _, parameters = operation.line.removesuffix(")").partition("(")
    arguments: list[str] = []
    optional: set[int] = set()
    head, by_name = "", False
    for i, parameter in enumerate(parameters.split(", ")):
        if parameter == "*":
            by_name = True
            continue
        parameter, _, kind = parameter.partition(": ")
        may_miss, spread = kind.endswith("?"), "..." in kind
        if may_miss and rng.random() < 0.5:
            by_name = True
            continue
        value = getattr(drawn, kind.rstrip("?."))()
        method = operation.how in ("method", "in place")
        if i == 0 and method:
            if operation.how == "method" and _both_have(name) and rng.random() < 0.4:
                head = f"T.{name}("
                value = f"input={value}" if rng.random() < 0.1 else value
                by_name = value != value.rpartition("=")[2]
            else:
                head = f"{value}.{name}("
                continue
        else:
            by_name = by_name or (rng.random() < 0.2 and kind not in ("broadcastable", "equation"))
            if kind in ("scaled_size", "mode"):
                by_name = True  # they name themselves
            elif by_name:
                value = f"{parameter}={value}"
            elif spread and not head.startswith("T.") and rng.random() < 0.5:
                value = value[1:-1].removesuffix(",") if value[0] in "([" else value
        if not value:
            continue  # no size at all, one by one
        if may_miss:
            optional.add(len(arguments))
        arguments.append(value)
    if not head:
        head = f"{'F' if operation.how == 'functional' else 'T'}.{name}("
    return Program(
        operation.name,
        tuple(drawn.tensors),
        head,
        tuple(arguments),
        frozenset(optional),
        only_alike=operation.how == "random",
    )


def _both_have(name: str) -> bool:
    return hasattr(tinygrad_lite, name) and hasattr(torch, name) and callable(getattr(torch, name))
