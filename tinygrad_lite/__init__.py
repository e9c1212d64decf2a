"""tinygrad_lite: reverse-mode automatic differentiation on NumPy and CuPy, small enough to read in an evening.

    import tinygrad_lite as torch

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    x.grad  # tensor([2., 4.])

The names are PyTorch's. To read on: `op.py` (what an operation is), `ops/` (all of them, each above its derivatives),
`autograd/` (recording, and the walk back), `tensor.py` (the Tensor).
"""

from __future__ import annotations

import math as _math

import numpy as _np

from tinygrad_lite import autograd, backend, data, datasets, nn, ops, optim, utils
from tinygrad_lite.anomaly import is_anomaly_enabled
from tinygrad_lite.autograd import backward_steps, enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from tinygrad_lite.backend import Device as device
from tinygrad_lite.backend import (
    Generator,
    ShapeError,
    cuda_is_available,
    get_default_device,
    get_default_dtype,
    manual_seed,
    promote_types,
    set_default_device,
    set_default_dtype,
)
from tinygrad_lite.creation import (
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_dlpack,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    tensor,
    zeros,
    zeros_like,
)
from tinygrad_lite.functions import (
    abs,
    add,
    all,
    allclose,
    amax,
    amin,
    any,
    argmax,
    argmin,
    argsort,
    bitwise_and,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    broadcast_tensors,
    broadcast_to,
    cat,
    ceil,
    chunk,
    clamp,
    clone,
    concat,
    concatenate,
    cos,
    cosh,
    cumsum,
    detach,
    diagonal,
    div,
    dot,
    einsum,
    eq,
    equal,
    erf,
    exp,
    expm1,
    flatten,
    flip,
    floor,
    floor_divide,
    gather,
    ge,
    gt,
    histc,
    index_select,
    isclose,
    isfinite,
    isinf,
    isnan,
    le,
    log,
    log1p,
    log2,
    log10,
    log_softmax,
    logsumexp,
    lt,
    masked_fill,
    matmul,
    max,
    maximum,
    mean,
    min,
    minimum,
    mm,
    moveaxis,
    movedim,
    mul,
    narrow,
    ne,
    neg,
    norm,
    numel,
    outer,
    permute,
    pow,
    prod,
    ravel,
    reciprocal,
    relu,
    remainder,
    reshape,
    roll,
    round,
    rsqrt,
    select,
    sigmoid,
    sign,
    sin,
    sinh,
    softmax,
    sort,
    split,
    sqrt,
    square,
    squeeze,
    stack,
    std,
    sub,
    sum,
    t,
    tan,
    tanh,
    topk,
    transpose,
    tril,
    triu,
    trunc,
    unbind,
    unsqueeze,
    var,
    where,
)
from tinygrad_lite.methods.attributes import Size
from tinygrad_lite.op import op
from tinygrad_lite.serialization import load, save
from tinygrad_lite.tensor import Tensor

__version__ = "0.1.0"

bool = _np.dtype("bool")
uint8 = _np.dtype("uint8")
int8 = _np.dtype("int8")
int16 = short = _np.dtype("int16")
int32 = int = _np.dtype("int32")
int64 = long = _np.dtype("int64")
float16 = half = _np.dtype("float16")
float32 = float = _np.dtype("float32")
float64 = double = _np.dtype("float64")

inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e
