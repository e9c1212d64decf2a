"""A small program that both packages can run, and what comes of it.

`T` is the package. A program makes some tensors, and then calls one operation:

    x_base = T.tensor([[1.0, 2.0]], dtype=T.float32, requires_grad=True)
    x = x_base.transpose(0, 1)
    result = x.sum(0)
"""

from __future__ import annotations

import itertools
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

import tinygrad_lite
from tests.like_pytorch.tensors import Drawn

# What a refusal may be. Anything else is an accident: no one has thought of this case.
REFUSALS = (RuntimeError, ValueError, TypeError, IndexError, OverflowError)


@dataclass(frozen=True)
class Program:
    """Tensors, and a call."""

    operation: str  # its name in the table
    tensors: tuple[Drawn, ...]
    head: str  # the call, as text: head, arguments, tail
    arguments: tuple[str, ...] = ()
    optional: frozenset[int] = frozenset()  # which arguments may be left out
    tail: str = ")"
    statement: str = ""  # where the call is no expression: the name of what it changes
    only_alike: bool = False  # the numbers are random, or whatever was there: only dtype and shape are compared

    def lines(self) -> list[str]:
        """The program as text, its last line making `result`."""
        made = [line for tensor in self.tensors for line in tensor.lines()]
        call = f"{self.head}{', '.join(self.arguments)}{self.tail}"
        return [*made, call, f"result = {self.statement}"] if self.statement else [*made, f"result = {call}"]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def simpler(self) -> Iterator[Program]:
        """The program with one thing less: an argument that may be left out, a tensor, a view, a gradient."""
        for i, argument in enumerate(self.arguments):
            if i in self.optional and ("=" in argument or i == len(self.arguments) - 1):
                optional = frozenset(j - (j > i) for j in self.optional if j != i)
                yield replace(self, arguments=self.arguments[:i] + self.arguments[i + 1 :], optional=optional)
        call = f"{self.head} {' '.join(self.arguments)}"
        for i, tensor in enumerate(self.tensors):
            others = self.tensors[:i], self.tensors[i + 1 :]
            if not re.search(rf"\b{tensor.name}\b", call):
                yield replace(self, tensors=(*others[0], *others[1]))
            if tensor.view:
                yield replace(self, tensors=(*others[0], tensor.plain(), *others[1]))
            if tensor.requires_grad:
                yield replace(self, tensors=(*others[0], replace(tensor, requires_grad=False), *others[1]))


@dataclass
class Outcome:
    """What a program gave in one of the packages: an error, or results and gradients, as NumPy arrays."""

    error: Exception | None = None
    results: list[Any] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)  # of each result: its type, dtype, shape
    flags: list[tuple[bool, ...]] = field(default_factory=list)  # of each result: requires_grad
    tensors: dict[str, Any] = field(default_factory=dict)  # what the named tensors hold afterwards
    first: list[Any] | None = None  # gradients of the leaves; None where none was asked for
    second: list[Any] | None = None
    refused_first: Exception | None = None
    refused_second: Exception | None = None
    refused_unrecorded: Exception | None = None
    writes: list[Any] = field(default_factory=list)  # where a write through one tensor is seen in another


def run(module: Any, program: Program) -> Outcome:
    """The program's outcome in `tinygrad_lite` or `torch`."""
    outcome = Outcome()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            names, results = _execute(module, program)
        except Exception as error:
            outcome.error = error
            return outcome
        outcome.kinds = [kind(result) for result in results]
        outcome.results = [value(result) for result in results]
        outcome.flags = [(result.requires_grad,) for result in results if is_tensor(result)]
        for tensor in program.tensors:
            for name in {tensor.base, tensor.name}:
                outcome.tensors[name] = value(names[name])
        _differentiate(module, program, names, results, outcome)
        _alias(module, program, outcome)
    return outcome


def _execute(module: Any, program: Program) -> tuple[dict[str, Any], list[Any]]:
    names = {"T": module, "F": module.nn.functional, "np": np, "inf": math.inf, "nan": math.nan}
    module.manual_seed(0)
    exec(str(program), names)
    return names, flat(names["result"])


def flat(result: Any) -> list[Any]:
    """A result and, if it is a sequence, its parts."""
    if isinstance(result, tuple | list) and any(is_tensor(part) for part in result):
        return list(result)
    return [result]


def is_tensor(value: Any) -> bool:
    """True for a tensor of either package."""
    return isinstance(value, torch.Tensor | tinygrad_lite.Tensor)


def value(result: Any) -> Any:
    """The numbers of a tensor, copied; anything else as it is."""
    return result.numpy(force=True).copy() if is_tensor(result) else result


def kind(result: Any) -> str:
    """What a result is: "float32 (2, 3)", or the name of its type."""
    if is_tensor(result):
        return f"{str(result.dtype).removeprefix('torch.')} {tuple(result.shape)}"
    return type(result).__name__


def _differentiate(module: Any, program: Program, names: dict[str, Any], results: list[Any], outcome: Outcome) -> None:
    """First gradients of all results that have one, and, of their sum of squares' kind, second ones."""
    leaves = [names[tensor.base] for tensor in program.tensors if tensor.requires_grad]
    outputs = [y for y in results if is_tensor(y) and y.requires_grad]
    if not leaves or not outputs or program.only_alike:
        return

    def starts(tensors: list[Any]) -> list[Any]:
        return [module.tensor(np.resize([1.0, -0.5, 2.0, 0.75], tuple(y.shape)).astype(_dtype(y))) for y in tensors]

    try:
        first = module.autograd.grad(outputs, leaves, starts(outputs), create_graph=True, allow_unused=True)
    except Exception as error:
        outcome.refused_first = error
        return
    outcome.first = [None if g is None else value(g) for g in first]
    used = [g for g in first if g is not None and g.requires_grad]
    if not used:
        outcome.second = [None] * len(leaves)
        return
    try:
        second = module.autograd.grad(used, leaves, starts(used), allow_unused=True)
    except Exception as error:
        outcome.refused_second = error
        return
    outcome.second = [None if g is None else value(g) for g in second]


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _alias(module: Any, program: Program, outcome: Outcome) -> None:
    """Write through each tensor in turn, and see which elements of the others change."""
    with module.no_grad():
        try:
            names, results = _execute(module, program)
        except REFUSALS as error:  # what is recorded it can do
            outcome.refused_unrecorded = error
            return
        givens = [names[tensor.base].detach() for tensor in program.tensors]
        givens += [names[tensor.name].detach() for tensor in program.tensors if tensor.changed]
        made = [result.detach() for result in results if is_tensor(result)]
        for written, seen in itertools.chain(itertools.product(givens, made), itertools.product(made, givens)):
            before = value(seen)
            if 0 in _repeated(written):
                outcome.writes.append(None)  # of a repeated element no single one can be written
                continue
            now = value(written)
            other = np.where(now == 0, 1, 0).astype(now.dtype)
            try:
                written.copy_(module.tensor(other))
            except REFUSALS as error:
                outcome.writes.append(error)
                continue
            after = value(seen)
            outcome.writes.append((before != after) & ~((before != before) & (after != after)))


def _repeated(tensor: Any) -> list[int]:
    return [stride for stride, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1]
