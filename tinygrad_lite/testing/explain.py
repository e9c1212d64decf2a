"""`explain`: an operation on one page, what it computes, how it is written, and whether its gradient is right."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.op import Op
from tinygrad_lite.tensor import Tensor
from tinygrad_lite.testing.check import Check
from tinygrad_lite.testing.coverage import Draws
from tinygrad_lite.testing.differences import Differences, errors_by_step, inputs_to_check, leaf, outputs_of
from tinygrad_lite.testing.signatures import number_of_inputs

STEPS = [10.0**-k for k in range(1, 13)]


def explain(operation: Callable[..., Any], *inputs: Any, **settings: Any) -> str:
    """A page about an operation, to be printed: its formula, its source, a numeric check, and the error by step.

    operation: one made with `@op`, or any function of Tensors.
    inputs: where to check it, float64 Tensors that require gradients, and whatever else it takes. Default: three
        numbers between 0.3 and 1.7 for each input.
    settings: of the operation, such as `dim=0`.

    Without inputs the page ends with a table: what `check_op` draws for the operation and how much of it can be
    compared, and its complaint if it has one.

    ValueError if there is nothing to check at these inputs. Where a rule raises an error, the page says which.
    """
    drawn = "" if inputs else _drawn(operation, settings)
    if not inputs:
        points = np.linspace(0.3, 1.7, 3)
        inputs = tuple(leaf(np.roll(points, -i) + 0.05 * i) for i in range(number_of_inputs(operation)))

    def function(*given: Any) -> Any:
        return operation(*given, **settings)

    names = operation.inputs if isinstance(operation, Op) else list(inspect.signature(operation).parameters)
    documented = inspect.getdoc(operation.forward if isinstance(operation, Op) else operation) or ""
    title = f"{operation.name if isinstance(operation, Op) else operation.__name__}({', '.join(names)})"
    inputs_to_check(inputs)
    outputs_of(function, inputs)  # what the operation itself refuses is an error; what its rules do wrong, a line
    try:
        checked = _check(function, inputs, names)
    except Exception as error:
        checked = f"The gradient cannot be computed here. {type(error).__name__}: {error}"
    parts = [f"{title}\n{'=' * len(title)}", documented, *_sources(operation), checked, drawn]
    return "\n\n".join(part.rstrip() for part in parts if part.strip()) + "\n"


def _sources(operation: Callable[..., Any]) -> list[str]:
    """The source of the operation, and of each of its rules."""
    functions = (
        [operation.forward, *dict.fromkeys(operation.functions.values())] if isinstance(operation, Op) else [operation]
    )
    found = []
    for function in functions:
        try:
            found.append(textwrap.indent(textwrap.dedent(inspect.getsource(function)), "    "))
        except (OSError, TypeError):
            found.append("    (its source is not at hand)")
    return found


def _check(function: Callable[..., Any], inputs: tuple[Any, ...], names: list[str]) -> str:
    differences = Differences(function, inputs)
    lines = [f"{'input':<12} {'element':<10} {'value':>10} {'walk back':>16} {'difference':>16}"]
    for i, position, by_walk, by_difference in differences.elements(1e-6)[:12]:
        x: Tensor = inputs[i]
        name = names[min(i, len(names) - 1)]
        at = float(x.detach()[position].item())
        lines.append(f"{name:<12} {position!s:<10} {at:>10.4g} {by_walk:>16.10f} {by_difference:>16.10f}")
    lines += ["", f"{'step':<12} {'error':<12}"]
    for step, error in errors_by_step(function, inputs, STEPS):
        bar = "#" * max(0, round(2 * (13 + np.log10(error)))) if 0 < error < np.inf else ""
        lines.append(f"{step:<12g} {error:<12.2e} {bar}")
    return "\n".join(lines)


def _drawn(operation: Callable[..., Any], settings: dict[str, Any]) -> str:
    """The table of `check_op`, for a covering set of examples, and why it stopped if it did."""
    draws = Draws(number_of_inputs(operation), choices={name: [value] for name, value in settings.items()})
    check = Check(operation, draws, None, 2, ("float32", "float16"), (), 1e-4, integers=True)
    complaint = ""
    try:
        check.run(0, 2, extremes=True)
    except Exception as error:
        complaint = f"\n\ncheck_op: {error}"
    return f"{check.report}{complaint}"
