"""Two outcomes of one program, compared: what agrees, and in which respect they differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import tinygrad_lite
from tests.like_pytorch.program import REFUSALS, Outcome, Program, run

AGREED, REFUSED, DIFFER = "agreed", "refused by both", "differ"
HERE, THERE = "refused here only", "accepted here only"

# Of a float dtype: how far numbers may be apart, relative to the largest of them.
CLOSE = {"float64": 1e-9, "float32": 3e-5, "float16": 4e-3}


@dataclass(frozen=True)
class Verdict:
    """How a program fared: one of the five, in which respect it differs, and what each package gave."""

    program: Program
    verdict: str
    kind: str = ""
    ours: str = ""
    theirs: str = ""


def compare(program: Program) -> Verdict:
    """Run the program in both packages."""
    ours, theirs = run(tinygrad_lite, program), run(torch, program)
    if ours.error is not None and theirs.error is not None:
        if not isinstance(ours.error, REFUSALS):
            return Verdict(program, DIFFER, "the refusal is an accident", told(ours.error), told(theirs.error))
        return Verdict(program, REFUSED)
    if ours.error is not None:
        return Verdict(program, HERE, type(ours.error).__name__, told(ours.error), str(theirs.kinds))
    if theirs.error is not None:
        return Verdict(program, THERE, type(theirs.error).__name__, str(ours.kinds), told(theirs.error))
    for kind, mine, other in differences(program, ours, theirs):
        return Verdict(program, HERE if kind.startswith("no ") else DIFFER, kind, mine, other)
    return Verdict(program, AGREED)


def simplified(verdict: Verdict) -> Verdict:
    """The same verdict on a program that has nothing it could do without."""
    for program in verdict.program.simpler():
        simpler = compare(program)
        if (simpler.verdict, simpler.kind) == (verdict.verdict, verdict.kind):
            return simplified(simpler)
    return verdict


def told(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"


def differences(program: Program, ours: Outcome, theirs: Outcome) -> Iterator[tuple[str, str, str]]:
    """Each respect in which two results differ, the gravest first, with both."""
    if ours.kinds != theirs.kinds:
        mine, other = [[k.partition(" ")[::2] for k in kinds] for kinds in (ours.kinds, theirs.kinds)]
        kind = (
            "count of results" if len(mine) != len(other) else "dtype" if _firsts(mine) != _firsts(other) else "shape"
        )
        yield kind, str(ours.kinds), str(theirs.kinds)
        return
    if program.only_alike:
        return
    same = Sameness(program)
    for mine, other in zip(ours.results, theirs.results, strict=True):
        if not same(mine, other):
            yield "value", str(mine), str(other)
    for name, other in theirs.tensors.items():
        if not same(ours.tensors[name], other):
            yield "value left in an input", f"{name} = {ours.tensors[name]}", f"{name} = {other}"
    if ours.flags != theirs.flags:
        yield "requires_grad", str(ours.flags), str(theirs.flags)
        return
    if (ours.refused_unrecorded is None) != (theirs.refused_unrecorded is None):
        yield "refused within no_grad", repr(ours.refused_unrecorded), repr(theirs.refused_unrecorded)
        return
    for i, (mine, other) in enumerate(zip(ours.writes, theirs.writes, strict=True)):
        if isinstance(mine, Exception) and isinstance(other, np.ndarray):
            yield "no write through the result", told(mine), f"changed: {other}"
        elif isinstance(mine, np.ndarray) and isinstance(other, np.ndarray) and (mine != other).any():
            yield f"aliasing, write {i}", f"changed: {mine}", f"changed: {other}"
    if theirs.refused_first is None:
        if ours.refused_first is not None:
            yield "no gradient", told(ours.refused_first), str(theirs.first)
            return
        yield from _gradients("gradient", ours.first, theirs.first, same, 4)
    if theirs.second is not None and all(t.profile == "ordinary" for t in program.tensors):
        if ours.refused_second is not None:
            yield "no second gradient", told(ours.refused_second), str(theirs.second)
            return
        yield from _gradients("second gradient", ours.second, theirs.second, same, 20)


def _gradients(
    kind: str, ours: list[Any] | None, theirs: list[Any] | None, same: Sameness, slack: float
) -> Iterator[tuple[str, str, str]]:
    """Where PyTorch says None, nothing flows: for us that may be a gradient of zeros, and the other way round."""
    for mine, other in zip(ours or [], theirs or [], strict=False):
        mine = np.zeros_like(other) if mine is None and other is not None else mine
        other = np.zeros_like(mine) if other is None and mine is not None else other
        if mine is None:
            continue
        if mine.dtype != other.dtype or mine.shape != other.shape:
            yield f"{kind}'s dtype or shape", f"{mine.dtype} {mine.shape}", f"{other.dtype} {other.shape}"
        elif not same(mine, other, slack):
            yield kind, str(mine), str(other)


class Sameness:
    """Whether two values are the same: floats as close as the dtypes of the program let them be."""

    def __init__(self, program: Program) -> None:
        numbers = [tensor.numbers for tensor in program.tensors]
        self.scale = min(max(map(_largest, numbers), default=0.0), 1e4)
        self.close = max((CLOSE.get(array.dtype.name, 0.0) for array in numbers), default=0.0)
        self.overflow = any(tensor.profile == "extreme" for tensor in program.tensors)
        self.special = any(tensor.profile == "special" for tensor in program.tensors)

    def __call__(self, mine: Any, other: Any, slack: float = 1.0) -> bool:
        """True for the same value: an array, a number, or a sequence of them."""
        if isinstance(other, list | tuple):
            same_length = isinstance(mine, list | tuple) and len(mine) == len(other)
            return same_length and all(self(m, o, slack) for m, o in zip(mine, other, strict=True))
        mine, other = np.asarray(mine), np.asarray(other)
        if other.dtype.kind != "f":
            return bool((mine == other).all())
        close = slack * max(self.close, CLOSE[other.dtype.name])
        with np.errstate(all="ignore"):
            a, b = mine.astype("float64"), other.astype("float64")
            near = np.abs(a - b) <= close * np.maximum(np.abs(b), max(_largest(b), self.scale))
            edge = np.finfo(other.dtype).max * (1 - close)  # of two numbers at the end of the range one may be ∞
            full = (np.abs(a) >= edge) & (np.abs(b) >= edge) & (np.sign(a) == np.sign(b))
            loose = self.overflow or (self.special and slack > 1)  # ∞ - ∞, in one order of computing only
            lost = ~np.isfinite(a) & ~np.isfinite(b) & loose
            equal = (a == b) | (np.isnan(a) & np.isnan(b)) | full | lost
            return bool(np.where(np.isfinite(a) & np.isfinite(b), near, equal).all())


def _largest(numbers: np.ndarray) -> float:
    if numbers.dtype == bool or not numbers.size:
        return 1.0
    finite = np.abs(numbers[np.isfinite(numbers)].astype("float64"))
    return float(finite.max(initial=0.0))


def _firsts(pairs: list[tuple[str, str]]) -> list[str]:
    return [first for first, _ in pairs]
