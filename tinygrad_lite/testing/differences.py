"""Derivatives by differences: what every gradient is compared with.

A function of many numbers with many outputs is made one of a single number: all inputs but one stand still, and the
outputs are added up with random weights u,  s(t) = Σ u · f(..., t, ...).  Random weights matter: with all of them 1, a
softmax that is given a gradient of zero would pass, since its outputs add up to 1 whatever t is.

    central difference    (s(t + ε) - s(t - ε)) / 2ε, which is wrong by ε² · s'''/6, and by rounding over ε
    bend                  how far s is from smooth at t

All elements can also be moved at once, along a direction v: where the derivative along it, Σ v · ds/dt, is that of the
walk, all are right, for v is random. So what is right is found to be so in two evaluations, however large the inputs.

At a kink, as of |t| at 0, the slope on the right minus that on the left does not become smaller with the step. For a
smooth function it is ε · s'': half the step, half the number. `bend` is what is left of that when it is taken out. At
a jump the central difference itself does not settle: half the step, twice the slope. `bend` is that, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.autograd import enable_grad, grad, no_grad
from tinygrad_lite.backend import get_default_device, to_numpy
from tinygrad_lite.tensor import Tensor

Position = tuple[int, ...]


class Element(NamedTuple):
    """One element of one input: its derivative by the walk back, and by a central difference."""

    input: int
    position: Position
    by_walk: float
    by_difference: float


class Differences:
    """The derivatives of `function` at these inputs, element by element.

    function: takes the inputs, returns a Tensor or a sequence of Tensors.
    inputs: Tensors and anything else; those that require gradients are float64 leaves.
    seed: of the weights of the outputs.
    precision: in which the differences are computed, "float64" or "longdouble"; the walk's is float64.

    Attributes:
        checked: the positions of the inputs that require gradients.
        size: Σ |u · f|, by which rounding is measured.
        all_finite: whether f is: elements of it that are not are left out of the sum.
    """

    def __init__(
        self, function: Callable[..., Any], inputs: Sequence[Any], seed: int = 0, precision: str = "float64"
    ) -> None:
        self.function, self.inputs, self.precision = function, list(inputs), np.dtype(precision)
        self.checked = inputs_to_check(self.inputs)
        with enable_grad(), np.errstate(all="ignore"):
            outputs = outputs_of(function, self.inputs)
        rng = np.random.default_rng(seed)
        values = [to_numpy(y._array) for y in outputs]
        self.finite = [np.isfinite(value) for value in values]
        self.all_finite = all(there.all() for there in self.finite)
        self.weights = [
            rng.uniform(0.5, 1.5, value.shape) * rng.choice([-1, 1], value.shape) * there
            for value, there in zip(values, self.finite, strict=True)
        ]
        starts = [y.new_tensor(u) for y, u in zip(outputs, self.weights, strict=True)]
        with np.errstate(all="ignore"):
            gradients = grad(outputs, [self.inputs[i] for i in self.checked], starts, allow_unused=True)
        self.by_walk = {
            i: np.zeros(self.inputs[i].shape) if gradient is None else to_numpy(gradient._array)
            for i, gradient in zip(self.checked, gradients, strict=True)
        }
        self.size = float(sum(np.abs(part).sum() for part in self.weighted(values)))

    def elements(self, eps: float) -> list[Element]:
        """Every element of every input that is checked, with both derivatives."""
        return [
            Element(i, position, float(self.by_walk[i][position]), self.central(i, position, eps))
            for i in self.checked
            for position in np.ndindex(*self.inputs[i].shape)
        ]

    def central(self, i: int, position: Position, eps: float) -> float:
        """The central difference at an element of input i, with steps of eps."""
        with np.errstate(all="ignore"):
            return (self.at(i, position, eps) - self.at(i, position, -eps)) / (2 * eps)

    def along(self, eps: float, seed: int = 0) -> tuple[float, float]:
        """The derivative in a random direction of all inputs, by the walk and by a central difference."""
        rng = np.random.default_rng(seed)
        moves = {}
        for i in self.checked:
            shape = self.inputs[i].shape
            moves[i] = rng.uniform(0.5, 1.0, shape) * rng.choice([-1, 1], shape)
        ahead, behind = (self.moved({i: step * move for i, move in moves.items()}) for step in (eps, -eps))
        with np.errstate(all="ignore"):
            by_walk = sum(float((self.by_walk[i] * move).sum()) for i, move in moves.items())
            return by_walk, (ahead - behind) / (2 * eps)

    def bend(self, i: int, position: Position, eps: float) -> float:
        """How far the function is from smooth within eps of an element: near 0 where it has a derivative."""
        here = self.at(i, position, 0.0)
        sides = [(h, self.at(i, position, h), self.at(i, position, -h)) for h in (eps, eps / 2, eps / 4)]
        with np.errstate(all="ignore"):
            turns = [(ahead - 2 * here + behind) / h for h, ahead, behind in sides]
            slopes = [(ahead - behind) / (2 * h) for h, ahead, behind in sides]
            jump = abs(slopes[2] - slopes[1]) - abs(slopes[1] - slopes[0])
            bends = [abs(turns[1] - turns[0] / 2), abs(turns[2] - turns[1] / 2), jump]
        return max(bends) if np.isfinite(bends).all() else np.inf

    def turn(self, i: int, position: Position, eps: float = 1e-7) -> float:
        """How much the slope at an element changes when all elements are moved a little: close to 0 if it is smooth.

        This finds the kinks that do not show along one element: sorting three equal numbers, of which one is moved.
        """
        rng, slope = np.random.default_rng(3), self.central(i, position, eps)
        step = np.zeros(self.inputs[i].shape)
        step[position] = eps
        found = []
        for _ in range(3):
            moves = {}
            for k, gradient in self.by_walk.items():  # by different multiples of a few steps
                steps = rng.permutation(gradient.size) + 1
                moves[k] = 3 * eps * rng.choice([-1, 1]) * steps.reshape(gradient.shape)
            ahead, behind = (self.moved({**moves, i: moves[i] + sign * step}) for sign in (1, -1))
            found.append(abs((ahead - behind) / (2 * eps) - slope))
        return float(max(found))

    def at(self, i: int, position: Position, shift: float) -> Any:
        """s, with one element of input i moved."""
        move = np.zeros(self.inputs[i].shape, self.precision)
        move[position] = shift
        return self.moved({i: move})

    def moved(self, moves: Mapping[int, np.ndarray]) -> Any:
        """s, with these inputs moved: a number in the precision."""
        with np.errstate(all="ignore"):
            values = self.values({i: np.asarray(move) for i, move in moves.items()})
            return sum(part.sum() for part in self.weighted(values))

    def weighted(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """u · f for each output, 0 where it was not finite to begin with; NaN for an output whose shape has changed."""
        parts = zip(self.weights, values, self.finite, strict=True)
        with np.errstate(all="ignore"):
            return [
                np.where(there, u * value, 0) if value.shape == u.shape else np.full((), np.nan)
                for u, value, there in parts
            ]

    def values(self, moves: Mapping[int, np.ndarray]) -> list[np.ndarray]:
        """The outputs, with these inputs moved."""
        originals = {i: self.inputs[i]._array for i in self.checked}
        try:
            for i, array in originals.items():
                if i in moves or array.dtype != self.precision:
                    moved = array.astype(self.precision, order="K", copy=True)
                    if i in moves:
                        moved += backend.move(moves[i].astype(self.precision), backend.device_of(array))
                    self.inputs[i]._array = moved
            with no_grad(), np.errstate(all="ignore"):
                return [to_numpy(y._array) for y in outputs_of(self.function, self.inputs, recorded=False)]
        finally:
            for i, array in originals.items():
                self.inputs[i]._array = array


def has_derivative(function: Callable[..., Any], inputs: Tensor | Sequence[Any], eps: float = 1e-4) -> bool:
    """True if no element of the inputs lies on, or within eps of, a kink, a jump or a pole of `function`."""
    differences = Differences(function, [inputs] if isinstance(inputs, Tensor) else inputs)
    if not differences.all_finite:
        return False
    noise = 1e3 * np.finfo("float64").eps * (1 + differences.size) / eps
    for i, position, _, slope in differences.elements(eps):
        if not np.isfinite(slope) or differences.bend(i, position, eps) > noise + 1e-3 * (1 + abs(slope)):
            return False
    return True


def errors_by_step(
    function: Callable[..., Any], inputs: Tensor | Sequence[Any], steps: Sequence[float]
) -> list[tuple[float, float]]:
    """For each step of the difference, the largest distance between it and the walk's derivative, over all elements.

    Large steps are wrong because the function is bent, with the square of the step; tiny ones because of rounding,
    which is divided by the step. Where the rule is right there is a valley in between.
    """
    differences = Differences(function, [inputs] if isinstance(inputs, Tensor) else inputs)
    return [
        (step, max((abs(e.by_walk - e.by_difference) for e in differences.elements(step)), default=0.0))
        for step in steps
    ]


def outputs_of(function: Callable[..., Any], inputs: Sequence[Any], recorded: bool = True) -> list[Tensor]:
    """The floating outputs; of a recorded call, only those that lead back to an input: ValueError if none does."""
    answer = function(*inputs)
    outputs = [answer] if isinstance(answer, Tensor) else list(answer)
    found = [out for out in outputs if out.is_floating_point() and (out.requires_grad or not recorded)]
    if recorded and not found:
        raise ValueError("gradcheck: no output is floating and depends on an input that requires a gradient")
    return found


def leaf(array: np.ndarray) -> Tensor:
    """A Tensor that requires a gradient, on the default device; on the CPU it is the array, its layout kept."""
    return Tensor._wrap(array).to(get_default_device()).requires_grad_()


def inputs_to_check(inputs: Sequence[Any]) -> list[int]:
    """The positions of the inputs that require gradients. ValueError if there are none, or one cannot be checked."""
    checked = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not checked:
        raise ValueError("gradcheck: at least one of the inputs must require a gradient")
    for i in checked:
        if inputs[i].dtype != np.float64:
            raise ValueError(
                f"gradcheck: input {i} is {inputs[i].dtype}, in which differences drown in rounding. Use double()"
            )
        if not inputs[i].is_leaf:
            raise ValueError(f"gradcheck: input {i} was computed ({inputs[i].grad_fn}). Use detach().requires_grad_()")
    return checked
