"""What a function says of itself: how many inputs it takes, and which settings."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from tinygrad_lite.op import Op


def number_of_inputs(operation: Callable[..., Any]) -> int:
    """How many inputs an operation takes: its parameters without a default. Of one that takes any number, 3."""
    parameters = _parameters(operation)
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if not positional and any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 3
    return sum(p.default is p.empty for p in positional)


def settings_of(operation: Callable[..., Any]) -> dict[str, Any]:
    """The settings of an operation, its parameters with a default, and what that is."""
    parameters = _parameters(operation)
    return {p.name: p.default for p in parameters if p.default is not p.empty and p.kind is not p.POSITIONAL_ONLY}


def choices_for(operation: Callable[..., Any], settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """What each setting is tried with: what `settings` says, or its default and others near it.

    For a bool both values, for a number its default and two others, positive if it is; settings of other kinds are left
    alone. TypeError for a setting that the operation does not have, or that it needs and is not given.
    """
    parameters, defaults, settings = _parameters(operation), settings_of(operation), settings or {}
    needed = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    unknown = sorted(set(settings) - set(defaults) - set(needed))
    name = getattr(operation, "__name__", repr(operation))
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters):
        known = ", ".join([*defaults, *needed]) or "none"
        raise TypeError(f"check_op: {name} has no setting {', '.join(unknown)}; its settings: {known}")
    for one in needed:
        if one not in settings:
            raise TypeError(f"check_op: {name} needs {one}=: say with which values, settings={{{one!r}: [...]}}")
    near = {one: values for one, value in defaults.items() if (values := _near(value))}
    return {**near, **settings}


def _near(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [value, not value]
    if isinstance(value, int):
        return [value, value + 1, value - 1 if value != 1 else 3]
    if isinstance(value, float) and math.isfinite(value):
        return [value, 2 * value, value / 2] if value else [0.0, 0.5, 1.0]
    return []


def _parameters(operation: Callable[..., Any]) -> list[inspect.Parameter]:
    function = operation.forward if isinstance(operation, Op) else operation
    return list(inspect.signature(function).parameters.values())
