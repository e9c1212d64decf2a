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


def told(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"


def differences(program: Program, ours: Outcome, theirs: Outcome) -> Iterator[tuple[str, str, str]]:
    """Each respect in which two results differ, the gravest first, with both."""
    if ours.kinds != theirs.kinds:
        mine, other = [[k.partition(" ")[::2] for k in kinds] for kinds in (ours.kinds, theirs.kinds)]
        kind = "count of results" if len(mine) != len(other) else "dtype" if _firsts(mine) != _firsts(other) else "shape"
        yield kind, str(ours.kinds), str(theirs.kinds)
        return
    if program.only_alike:
        return
    scale = max((_largest(tensor.numbers) for tensor in program.tensors), default=0.0)
    for mine, other in zip(ours.results, theirs.results, strict=True):
        if not same(mine, other, scale):
            yield "value", str(mine), str(other)
    for name, other in theirs.tensors.items():
        if not same(ours.tensors[name], other, scale):
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
        yield from _gradients("gradient", ours.first, theirs.first, scale, 4)
    if theirs.second is not None and all(t.profile == "ordinary" for t in program.tensors):
        if ours.refused_second is not None:
            yield "no second gradient", told(ours.refused_second), str(theirs.second)
            return
        yield from _gradients("second gradient", ours.second, theirs.second, scale, 20)


def _gradients(
    kind: str, ours: list[Any] | None, theirs: list[Any] | None, scale: float, slack: float
) -> Iterator[tuple[str, str, str]]:
    """Where PyTorch says None, nothing flows: for us that may be a gradient of zeros, and the other way round."""
    for mine, other in zip(ours or [], theirs or [], strict=False):
        mine = np.zeros_like(other) if mine is None and other is not None else mine
        other = np.zeros_like(mine) if other is None and mine is not None else other
        if mine is None:
            continue
        if mine.dtype != other.dtype or mine.shape != other.shape:
            yield f"{kind}'s dtype or shape", f"{mine.dtype} {mine.shape}", f"{other.dtype} {other.shape}"
        elif not same(mine, other, scale, slack):
            yield kind, str(mine), str(other)


def same(mine: Any, other: Any, scale: float = 0.0, slack: float = 1.0) -> bool:
    """True for the same values: floats as close as their dtype lets them be, with NaN and ∞ at the same places."""
    if not isinstance(other, np.ndarray):
        if isinstance(other, float):
            return same(np.float64(mine)[None], np.float64(other)[None], scale, slack)
        if isinstance(other, list | tuple) and isinstance(mine, list | tuple):
            return len(mine) == len(other) and all(same(m, o, scale, slack) for m, o in zip(mine, other, strict=True))
        return bool(mine == other)
    if other.dtype.kind != "f":
        return bool((mine == other).all())
    close = slack * CLOSE[other.dtype.name]
    with np.errstate(all="ignore"):
        a, b = mine.astype("float64"), other.astype("float64")
        finite = np.isfinite(a) & np.isfinite(b)
        size = max(_largest(b), min(scale, 1e4))
        near = np.abs(a - b) <= close * np.maximum(np.abs(b), size) + np.finfo(other.dtype).tiny
        edge = np.finfo(other.dtype).max * (1 - close)  # of two numbers at the end of the range one may be ∞
        full = (np.abs(a) >= edge) & (np.abs(b) >= edge) & (np.sign(a) == np.sign(b))
        return bool(np.where(finite, near, (a == b) | (np.isnan(a) & np.isnan(b)) | full).all())


def _largest(numbers: np.ndarray) -> float:
    if numbers.dtype == bool or not numbers.size:
        return 1.0
    finite = np.abs(numbers[np.isfinite(numbers)].astype("float64"))
    return float(finite.max(initial=0.0))


def _firsts(pairs: list[tuple[str, str]]) -> list[str]:
    return [first for first, _ in pairs]
