"""`check_same`: two implementations of one function, compared on inputs that Hypothesis draws.

    check_same(F.gelu, torch.nn.functional.gelu, tensor=torch.tensor)     ours and PyTorch's
    check_same(my_fast_softmax, my_plain_softmax, shapes=st.just([(2, 3)]))

Differences tell whether a gradient belongs to its value; another implementation tells whether the value is the one
that was meant. The second may be of another library: it is asked for no more than what PyTorch and this package
spell alike, `requires_grad_()`, `backward(gradient)` and `grad`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinygrad_lite.op import Op
from tinygrad_lite.tensor import Tensor
from tinygrad_lite.testing.check import number_of_inputs
from tinygrad_lite.testing.differences import has_derivative, leaf
from tinygrad_lite.testing.strategies import arrays, broadcastable_shapes

# Values at which formulas that are equal on paper differ: eˣ overflows, and of eˣ - 1 near 0 nothing is left. No 0,
# where many functions have a kink and each implementation may choose a slope.
EXTREMES = (1e-6, -1e-6, 30.0, -30.0, 1000.0, -1000.0)


def check_same(
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    shapes: Any = None,
    *,
    tensor: Callable[[np.ndarray], Any] | None = None,
    low: float = -2.0,
    high: float = 2.0,
    extremes: bool = True,
    gradients: bool = True,
    dtypes: Sequence[str] = ("float64", "float32"),
    rtol: float | None = None,
    examples: int | None = None,
) -> None:
    """Check that two functions have the same values, shapes, dtypes and gradients, on inputs that Hypothesis draws.

        check_same(tg.softplus, lambda x: (1 + x.exp()).log())     # AssertionError: at 1000 the second is inf

    ours: takes Tensors, returns a Tensor or a tuple of Tensors.
    theirs: the same function again, of Tensors of the same kind or of another library.
    shapes: as in `check_op`: a strategy for lists of shapes, or the number of inputs, which then broadcast.
    tensor: makes an input of `theirs` from a NumPy array: `torch.tensor`. Default: it takes Tensors of this package.
    low, high: the range of the inputs' values.
    extremes: also try values near 0 and as large as ±30 and ±1000. Switch it off for what is not defined there.
    gradients: compare the gradients with respect to all inputs too, in a random direction of the outputs. Inputs on a
        kink of `ours` are passed over, since there both may be right and differ.
    rtol: the relative difference allowed; default: 2,000 times the precision of the dtype.

    Where both refuse an input with an error, they agree. AssertionError at the smallest example on which they differ,
    or if they agreed on nothing but errors.
    """
    if shapes is None:
        shapes = number_of_inputs(ours)
    if isinstance(shapes, int):
        shapes = broadcastable_shapes(shapes, max_dims=3, max_side=3)
    ordinary = shapes.flatmap(lambda drawn: st.tuples(*(arrays(shape, low=low, high=high) for shape in drawn)))
    extreme = shapes.flatmap(lambda drawn: st.tuples(*map(_extreme_arrays, drawn)))
    compared = 0

    def compare(drawn: tuple[np.ndarray, ...]) -> None:
        nonlocal compared
        for dtype in dtypes:
            tolerance = rtol or 2e3 * float(np.finfo(dtype).eps)
            inputs = [array.astype(dtype) for array in drawn]
            compared += _compare(ours, theirs, inputs, tensor or leaf, gradients, tolerance)

    quietly = settings(
        max_examples=examples or settings().max_examples,
        suppress_health_check=list(HealthCheck),
        deadline=None,
        report_multiple_bugs=False,
    )
    quietly(given(ordinary)(compare))()
    if extremes:
        quietly(given(extreme)(compare))()
    assert compared, (
        f"{name_of(ours)} and {name_of(theirs)} refused all inputs that were drawn, so nothing was compared. Give"
        " shapes= that they take"
    )


def _extreme_arrays(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    size = int(np.prod(shape))
    values = st.lists(st.sampled_from(EXTREMES), min_size=size, max_size=size)
    return values.map(lambda drawn: np.array(drawn, "float64").reshape(shape))


def _compare(
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    inputs: list[np.ndarray],
    tensor: Callable[[np.ndarray], Any],
    gradients: bool,
    tolerance: float,
) -> bool:
    """Whether both took these inputs. AssertionError where their answers differ."""
    names = f"{name_of(ours)} and {name_of(theirs)}"
    mine, refused_mine = _answer(ours, [leaf(array) for array in inputs], gradients)
    other, refused_other = _answer(theirs, [tensor(array).requires_grad_() for array in inputs], gradients)
    if refused_mine or refused_other:
        agreed = refused_mine and refused_other
        assert agreed, f"{names}: the first {refused_mine or 'takes them'}; the second {refused_other or 'takes them'}"
        return False
    assert len(mine[0]) == len(other[0]), f"{names} have {len(mine[0])} and {len(other[0])} outputs"
    for i, (a, b) in enumerate(zip(mine[0], other[0], strict=True)):
        which = f"output {i}" if len(mine[0]) > 1 else "the output"
        assert a.dtype == b.dtype, f"{names}: {which} is {a.dtype} and {b.dtype}"
        assert_same(a, b, tolerance, f"{which} of {names} differs")
    if gradients and any(a is not None for a in (*mine[1], *other[1])):
        smooth = has_derivative(ours, [leaf(array.astype("float64")) for array in inputs])
        for i, (a, b) in enumerate(zip(mine[1], other[1], strict=True)):
            if smooth:
                a, b = (np.zeros_like(inputs[i]) if g is None else g for g in (a, b))
                assert_same(a, b, tolerance, f"the gradient of {names} with respect to input {i} differs")
    return True


def _answer(function: Callable[..., Any], leaves: list[Any], gradients: bool) -> tuple[Any, str]:
    """The outputs and the gradients of the leaves, as NumPy arrays; or how it refused them, in words."""
    try:
        with np.errstate(all="ignore"):
            answer = function(*leaves)
    except (ValueError, RuntimeError, TypeError, IndexError, NotImplementedError) as error:
        return None, f"raises {type(error).__name__} ({error})"
    outputs = list(answer) if isinstance(answer, tuple | list) else [answer]
    values = [_as_numpy(y) for y in outputs]
    for k, y in enumerate(outputs):
        if gradients and getattr(y, "requires_grad", False):
            u = np.random.default_rng(k).uniform(0.5, 1.5, values[k].shape).astype(values[k].dtype)
            with np.errstate(all="ignore"):
                y.backward(_like(y, u), retain_graph=True)
    return (values, [None if x.grad is None else _as_numpy(x.grad) for x in leaves]), ""


def _like(y: Any, array: np.ndarray) -> Any:
    """An array as a tensor of y's library, on y's device."""
    return y.new_tensor(array) if isinstance(y, Tensor) else y.detach().new_tensor(array.tolist()).reshape(y.shape)


def _as_numpy(y: Any) -> np.ndarray:
    return np.array(y.detach().cpu().numpy()) if hasattr(y, "detach") else np.array(y)


def assert_same(mine: Any, other: Any, tolerance: float, text: str) -> None:
    """AssertionError, which opens with `text`, unless two arrays have one shape and the same numbers.

    tolerance: relative to each number, and to the largest one. NaN is the same as NaN.
    """
    mine, other = np.asarray(mine), np.asarray(other)
    assert mine.shape == other.shape, f"{text}: the shapes are {mine.shape} and {other.shape}"
    scale = np.abs(other[np.isfinite(other)]).max(initial=1.0) if other.dtype.kind == "f" else 1.0
    same = np.isclose(mine, other, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
    if not same.all():
        position = tuple(np.argwhere(~same)[0].tolist())
        raise AssertionError(f"{text}: {mine[position]:.8g} and {other[position]:.8g} at element {position}")


def name_of(function: Any) -> str:
    """What a function, an operation or a module is called in an error."""
    if isinstance(function, Op):
        return function.name
    return getattr(function, "__name__", type(function).__name__)
