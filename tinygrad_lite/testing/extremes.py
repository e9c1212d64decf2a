"""The range pass of `check_op`: values large and tiny, where a formula overflows that is right in between.

log(1 + eˣ) is right at 3 and infinite at 1000, where it is 1000; its derivative eˣ / (1 + eˣ) is NaN there. So what is
computed in float64 is compared with the same function in longdouble, whose exponents reach fifteen times as far and
whose differences are precise enough to compare at all, and with the reference, if there is one, at infinities and NaN
too. Then the other dtypes are compared with float64 where their own range nearly ends.

Where longdouble is no more than float64 (Windows, ARM on macOS), the value is its own measure; a rule that overflows
where the value does not is still found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_lite.backend import to_numpy
from tinygrad_lite.testing import promises
from tinygrad_lite.testing.coverage import Draws, Example, Plan
from tinygrad_lite.testing.differences import Differences, leaf
from tinygrad_lite.testing.gradcheck import GradcheckError
from tinygrad_lite.testing.promises import Subject, assert_close, gradients

EXTREMES = {
    "float64": (1000.0, 30.0, 1e5, 1e-3, 1e-8, 300.0),
    "float32": (1e4, 100.0, 1e-4),
    "float16": (300.0, 100.0, 3000.0, 2.0**-10),
}
SPECIAL = (0.0, np.inf, np.nan)


def extreme_examples(draws: Draws, dtype: str) -> list[Example]:
    """Examples with one extreme value among others, and with nothing else, of both signs if the range has both."""
    signs = [sign for sign in (1.0, -1.0) if (draws.high > 0 if sign > 0 else draws.low < 0)]
    rng = np.random.default_rng(2)
    pool: Sequence[Any] = [((3,),) * draws.shapes] if draws.any_shapes else draws.pool
    pool = sorted((one for one in pool if all(0 not in shape for shape in one)), key=lambda one: sum(map(sum, one)))
    pool = [one for one in pool if sum(map(sum, one)) <= 40][-4:]
    found = []
    choices = tuple((name, some[0]) for name, some in draws.choices.items())
    values = [sign * size for size in EXTREMES[dtype] for sign in signs]
    for k, value in enumerate(values if pool else []):
        shapes = pool[k % len(pool)]
        plan = draws.fitted(Plan(tuple(shapes), ("spread",) * len(shapes), ((),) * len(shapes), choices))
        numbers = list(draws.example(plan, rng).numbers)
        which = k % (len(numbers) + 1)
        for i, array in enumerate(numbers):
            if which == len(numbers):  # in all inputs
                array.reshape(-1)[:] = np.resize(np.roll(values, -k - i), array.size)
            elif which == i:
                array.reshape(-1)[k % array.size] = value
        found.append(Example(plan, tuple(numbers)))
        if which != len(numbers) and len(numbers) == 1:
            found.append(Example(plan, (np.resize(np.roll(values, -k), numbers[0].shape),)))
    return found


def check_extremes(subject: Subject, numbers: Sequence[np.ndarray], rtol: float, order: int) -> int:
    """Value and derivatives at these numbers against longdouble: how many derivatives could be compared."""
    arrays = [array.astype("float64") for array in numbers]
    outputs = subject.outputs(*promises.plain(arrays))
    if not all(y.is_floating_point() for y in outputs):
        return 0
    wide = [array.astype("longdouble") for array in arrays]
    try:
        precise = [to_numpy(y._array) for y in subject.outputs(*promises.plain(wide))]
    except Exception:
        return 0  # an operation need not take longdouble
    largest = np.finfo("float64").max
    for right in precise:
        if right.dtype != np.longdouble or (np.isfinite(right) & (np.abs(right) > largest)).any():
            return 0  # computed in float64 somewhere, or beyond float64 rightly
    nearby = []  # what rounding may make of it, next to a jump
    for nudge in (1 + 4 * np.finfo("float64").eps, 1 - 4 * np.finfo("float64").eps):
        nudged = [np.asarray(array * nudge) for array in wide]
        nearby.append([to_numpy(y._array) for y in subject.outputs(*promises.plain(nudged))])
    scale = 1 + max(float(np.abs(array).max(initial=0.0)) for array in arrays)
    for y, right, above, below in zip(outputs, precise, *nearby, strict=True):
        mine, there = to_numpy(y._array), np.isfinite(right)
        text = f"the value of {subject.name} at large or tiny numbers differs between float64 and longdouble"
        allowed = 1e-9 * scale + promises.moved(right, above) + promises.moved(right, below)
        assert_close(mine[there], right[there].astype("float64"), 1e-6, f"{text}, for {listed(arrays)}", allowed)
    if not order:
        return 0
    leaves = [leaf(array) for array in arrays]
    if not any(y.requires_grad for y in subject.outputs(*leaves)):
        return 0
    return _check_derivatives(subject, leaves, rtol)


def _check_derivatives(subject: Subject, leaves: list[Any], rtol: float) -> int:
    with np.errstate(all="ignore"):
        differences = Differences(subject, leaves, precision="longdouble")
        size = differences.size if np.isfinite(differences.size) else 1.0
        compared = 0
        for i in differences.checked:
            numbers = to_numpy(leaves[i]._array)
            for position in np.ndindex(*numbers.shape):
                x = abs(float(numbers[position]))
                step = 1e-4 * min(x, 1.0)
                if not step:
                    continue
                wide, near = (differences.central(i, position, h) for h in (step, step / 2))
                right = (4 * near - wide) / 3
                noise = 100 * np.finfo("longdouble").eps * (1 + size) / step
                unsure = abs(near - wide) + noise + differences.bend(i, position, step)
                allowed = rtol * abs(right) + 1e-9 * (1 + size)
                if not (unsure < allowed and abs(right) < np.finfo("float64").max):
                    continue
                mine = float(differences.by_walk[i][position])
                if not differences.all_finite and right == 0 and not abs(mine) > 0:
                    continue  # only what is not finite depends on it
                compared += 1
                if not abs(mine - right) <= allowed:
                    raise GradcheckError(
                        f"the gradient of {subject.name} with respect to input {i} at large or tiny numbers is wrong"
                        f" at element {position}: {mine:.8g} by the walk back, {float(right):.8g} by differences in"
                        f" longdouble. The inputs: {listed([to_numpy(one._array) for one in leaves])}. Perhaps a step"
                        " of the formula overflows, or loses all digits: write it so that no step does"
                    )
    return compared


def check_extremes_in(subject: Subject, numbers: Sequence[np.ndarray], dtype: str, order: int) -> None:
    """As `check_like`, for numbers near the end of the dtype's range, unless a result is beyond it."""
    arrays = [array.astype(dtype).astype("float64") for array in numbers]
    values = [to_numpy(y._array) for y in subject.outputs(*promises.plain(arrays))]
    found = gradients(subject, [leaf(array) for array in arrays]) if order else []
    limit = float(np.finfo(dtype).max) / 4
    for result in [*values, *found]:
        if result is not None and not (np.abs(result.astype("float64")) < limit).all():
            return
    promises.check_like(subject, arrays, values, found, dtype)


def check_special(
    subject: Subject, numbers: Sequence[np.ndarray], reference: Callable[..., Any], signs: Sequence[float] = (1, -1)
) -> None:
    """The reference's values at ±0, ±inf and NaN."""
    for i in range(len(numbers)):
        for value in (sign * special for special in SPECIAL for sign in signs):
            arrays = [array.astype("float64") for array in numbers]
            arrays[i].reshape(-1)[:1] = value
            promises.check_value(subject, arrays, reference)


def listed(arrays: Sequence[np.ndarray]) -> str:
    """The numbers, for a message."""
    return ", ".join(str(np.asarray(array, "float64").tolist()) for array in arrays)
