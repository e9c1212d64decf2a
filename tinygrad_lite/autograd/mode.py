"""Whether what is computed is recorded: `no_grad`, `enable_grad` and `set_grad_enabled`, for a block or a function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any

grad_mode: ContextVar[bool] = ContextVar("grad_mode", default=True)  # of this thread, or this asynchronous task


def is_grad_enabled() -> bool:
    """True where operations on tensors that require gradients are recorded."""
    return grad_mode.get()


class _GradMode:
    """A `with` block, or a decorated function, in which recording is on or off. Blocks may be nested."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self.outside: list[bool] = []

    def __enter__(self) -> None:
        self.outside.append(grad_mode.get())
        grad_mode.set(self.mode)

    def __exit__(self, *exception: object) -> None:
        grad_mode.set(self.outside.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with each of its calls in a block of its own. TypeError for an asynchronous generator."""
        mode = self.mode
        if inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{type(self).__name__} cannot decorate {function.__qualname__}, an asynchronous generator: put `with`"
                " blocks around what it computes"
            )
        if inspect.isgeneratorfunction(function):
            return _for_each_step(function, mode)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*arguments: Any, **settings: Any) -> Any:
                with _GradMode(mode):
                    return await function(*arguments, **settings)

            return awaited

        @functools.wraps(function)
        def called(*arguments: Any, **settings: Any) -> Any:
            with _GradMode(mode):
                return function(*arguments, **settings)

        return called


def _for_each_step(function: Callable[..., Any], mode: bool) -> Callable[..., Any]:
    """A generator function in the mode while its own code runs, and out of it whenever it has yielded."""

    @functools.wraps(function)
    def steps(*arguments: Any, **settings: Any) -> Generator[Any, Any, Any]:
        generator = function(*arguments, **settings)
        go_on, given = generator.send, None
        while True:
            try:
                with _GradMode(mode):
                    value = go_on(given)
            except StopIteration as end:
                return end.value
            try:
                go_on, given = generator.send, (yield value)
            except GeneratorExit:
                with _GradMode(mode):
                    generator.close()
                raise
            except BaseException as error:
                go_on, given = generator.throw, error

    return steps


class _OnOrOff(_GradMode):
    """A mode whose class says which: `with no_grad():`, `@no_grad()`, and `@no_grad` without brackets."""

    recording: bool

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        made = super().__new__(cls)
        if function is None:
            return made
        made.__init__()  # type: ignore[misc]
        return made(function)

    def __init__(self) -> None:
        self.mode, self.outside = self.recording, []


class no_grad(_OnOrOff):
    """`with no_grad():` or `@no_grad()`: nothing computed inside is recorded, so parameters can be changed."""

    recording = False


class enable_grad(_OnOrOff):
    """`with enable_grad():` or `@enable_grad()`: recording is on inside, within a `no_grad` block too."""

    recording = True


class set_grad_enabled(_GradMode):
    """Switch recording on or off from here on; as `with set_grad_enabled(mode):`, until the end of the block."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self.before = grad_mode.get()
        grad_mode.set(self.mode)

    def __enter__(self) -> None:
        self.outside.append(self.before)
        grad_mode.set(self.mode)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        grad_mode.set(self.before)  # as a decorator it switches nothing until the function is called
        return super().__call__(function)
