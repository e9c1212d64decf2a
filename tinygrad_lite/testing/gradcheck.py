"""`gradcheck` compares first derivatives with differences, `gradgradcheck` second ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_lite.autograd import enable_grad, grad
from tinygrad_lite.backend import to_numpy
from tinygrad_lite.tensor import Tensor
from tinygrad_lite.testing.differences import Differences, Element, inputs_to_check, outputs_of


class GradcheckError(RuntimeError):
    """A derivative that differs from the differences."""


class NoDerivative(ValueError):
    """Inputs at which there is nothing to compare: the function has no derivative at any element of them."""


def gradcheck(
    function: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float | None = None,
    rtol: float = 1e-4,
    raise_exception: bool = True,
    seed: int = 0,
) -> bool:
    """Compare the gradients of `function(*inputs)`, with respect to every input that requires one, with differences.

    function: takes the inputs, returns a Tensor or a sequence of Tensors.
    inputs: Tensors and anything else; those that require gradients are float64 leaves.
    eps: the step, half the width of the difference.
    atol, rtol: the difference allowed, atol + rtol · |numerical|. By default atol is what rounding can do to the
        difference: it grows with the outputs and the precision of their dtype, and as the step becomes smaller. It
        does not grow with the step: one so large that the function is bent over it is an error.
    seed: of the random weights with which the outputs are added up (see `differences.py`).

    Elements at which the function has no derivative, at a kink, a jump or the end of where it is defined, are found
    and left out. Returns True, or, with raise_exception=False, False for a derivative that differs. Raises
    GradcheckError, which names the input, the element, both numbers, the shapes and the simplest inputs found that
    still fail; NoDerivative if no element is left; ValueError for inputs that cannot be checked.
    """
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    found = compare(function, inputs, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, seed=seed)
    if found.elements and not found.compared:
        raise NoDerivative(
            "gradcheck: the function has no derivative at any element of these inputs (a kink, a jump, or no"
            " finite value there), so nothing was compared. Move the inputs away from there"
        )
    return not found.wrong


class Compared(NamedTuple):
    """What a comparison found: the elements that are wrong, and how many there were of each kind."""

    wrong: list[Element]
    elements: int
    kinks: int  # passed over: a kink or a jump
    outside: int  # passed over: not a finite number there, or next to it

    @property
    def compared(self) -> int:
        """How many elements had a derivative."""
        return self.elements - self.kinks - self.outside


def compare(
    function: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float | None = None,
    rtol: float = 1e-4,
    raise_exception: bool = True,
    seed: int = 0,
) -> Compared:
    """`gradcheck`, but says how many elements were compared, and does not mind if there were none."""

    def compared_at(tried: Sequence[Any]) -> Compared:
        return _compared(Differences(function, tried, seed), eps, atol, rtol)

    differences = Differences(function, inputs, seed)
    found = _compared(differences, eps, atol, rtol)
    if found.wrong and raise_exception:
        simplest = _simplest(differences.inputs, lambda tried: compared_at(tried).wrong)
        raise GradcheckError(_report(differences, found.wrong, eps, atol, rtol) + simplest)
    return found


def gradgradcheck(function: Callable[..., Any], inputs: Tensor | Sequence[Any], **settings: Any) -> bool:
    """`gradcheck` of the gradients of `function`: its second derivatives. Takes the same settings.

    The gradients are taken in a random direction of the outputs, with respect to which they are differentiated too.
    """
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    return gradcheck(*of_gradients(function, inputs, settings.get("seed", 0)), **settings)


def of_gradients(
    function: Callable[..., Any], inputs: Sequence[Any], seed: int = 0
) -> tuple[Callable[..., Any], list[Any]]:
    """The gradients of a function as a function, and what it takes: the inputs, then gradients to start from."""
    checked = inputs_to_check(inputs)
    rng = np.random.default_rng(seed + 1)
    with enable_grad():
        outputs = outputs_of(function, inputs)
    starts = [output.new_tensor(rng.normal(size=output.shape)).requires_grad_() for output in outputs]

    def gradients(*arguments: Any) -> list[Tensor]:
        with enable_grad():
            again = outputs_of(function, arguments[: len(inputs)])
            wanted = [arguments[i] for i in checked]
            found = grad(again, wanted, list(arguments[len(inputs) :]), create_graph=True, allow_unused=True)
        return [gradient for gradient in found if gradient is not None]

    return gradients, [*inputs, *starts]


def _allowed(differences: Differences, eps: float, atol: float | None, rtol: float, numerical: float) -> float:
    if atol is None:
        atol = 100 * np.finfo("float64").eps * (1 + differences.size) / eps
    return atol + rtol * abs(numerical)


def _compared(differences: Differences, eps: float, atol: float | None, rtol: float) -> Compared:
    """All elements at once, and where that does not agree, as if rounding were the only difference, one by one."""
    size = sum(differences.inputs[i].numel() for i in differences.checked)
    if differences.all_finite:
        by_walk, numerical = differences.along(eps, seed=1)
        if abs(by_walk - numerical) <= _allowed(differences, eps, atol, min(rtol, 1e-7), numerical):
            return Compared([], size, 0, 0)
    wrong, kinks, outside = [], 0, 0
    for element in differences.elements(eps):
        i, position, by_walk, numerical = element
        distance = abs(by_walk - numerical)
        if not differences.all_finite and numerical == 0 and not abs(by_walk) > 0:
            outside += 1  # only what is not finite depends on it
            continue
        if distance <= _allowed(differences, eps, atol, rtol, numerical):
            continue
        if distance < 1e-5 and abs(by_walk - differences.central(i, position, eps / 4)) < distance / 3:
            continue  # the step's own error, where the slope bends but does not jump: it goes with the step
        bend = differences.bend(i, position, eps)
        enough = distance / 4 if np.isfinite(distance) else 1e-3 * (1 + abs(numerical))
        if not np.isfinite([numerical, bend]).all():
            outside += 1
        elif bend > enough or differences.turn(i, position) > enough:
            kinks += 1  # large enough to explain the distance
        else:
            wrong.append(element)
    return Compared(wrong, size, kinks, outside)


def _report(differences: Differences, wrong: list[Element], eps: float, atol: float | None, rtol: float) -> str:
    i, position, by_walk, numerical = wrong[0]
    x = differences.inputs[i]
    of_input = [element for element in wrong if element.input == i]
    text = (
        f"the gradient with respect to input {i}, of shape {tuple(x.shape)}, differs at element {position}:"
        f" {by_walk:.8g} by the walk back, {numerical:.8g} by a central difference with eps={eps:g} (allowed:"
        f" {_allowed(differences, eps, atol, rtol, numerical):.2g}). The input there is"
        f" {to_numpy(x._array)[position]:.8g}. {len(of_input)} of {x.numel()} elements differ"
    )
    ratios = [e.by_walk / e.by_difference for e in of_input if abs(e.by_difference) > 1e-6]
    if len(ratios) == len(of_input) and np.ptp(ratios) < 1e-3 * abs(ratios[0]) + 1e-6:
        text += f", by the factor {np.mean(ratios):.4g}"
    shapes = [tuple(value.shape) if isinstance(value, Tensor) else value for value in differences.inputs]
    return f"{text}. The inputs: {', '.join(map(str, shapes))}"


def _simplest(inputs: list[Any], wrong_at: Callable[[Sequence[Any]], list[Element]]) -> str:
    """The report's last sentence: the inputs, made as simple as they can be while the derivative is wrong."""
    if sum(x.numel() for x in inputs if isinstance(x, Tensor)) > 64:
        return ""
    found = list(inputs)
    for i, simpler in _simplifications(found):
        tried = [*found[:i], simpler, *found[i + 1 :]]
        try:
            if wrong_at(tried):
                found[i] = simpler
        except Exception:
            continue  # not an input that the function takes
    listed = [to_numpy(x._array).tolist() if isinstance(x, Tensor) else x for x in found]
    return f". It fails as well, and simplest, at {', '.join(map(str, listed))}"


def _simplifications(found: list[Any]) -> Iterator[tuple[int, Tensor]]:
    """Input by input, with its latest find: rounded numbers, then 0, 1 or 2 for each of them."""
    for i, x in enumerate(found):
        if not (isinstance(x, Tensor) and x.requires_grad):
            continue
        for digits in (0, 1):
            yield i, _leaf(np.round(to_numpy(found[i]._array), digits), x)
        for position in np.ndindex(*x.shape):
            for value in (0.0, 1.0, 2.0):
                array = to_numpy(found[i]._array).copy()
                if array[position] not in (0.0, 1.0, 2.0)[: int(value) + 1]:
                    array[position] = value
                    yield i, _leaf(array, x)


def _leaf(array: np.ndarray, like: Tensor) -> Tensor:
    return like.new_tensor(array).requires_grad_()
