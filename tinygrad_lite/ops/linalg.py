"""Products of matrices and vectors, and stacks of them.

For y = a @ b the chain rule gives  da = g @ bᵀ  and  db = aᵀ @ g.  In a stack of matrices the same holds for each
pair; where one matrix met many, the walk adds its gradients up.
"""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.backend import ShapeError
from tinygrad_lite.op import op
from tinygrad_lite.ops.elementwise import mul
from tinygrad_lite.ops.shape import expand, permute, reshape, swap_last, unsqueeze


@op(types="same")
def matmul(a, b):
    """y = a @ b,  shapes (..., n, k) @ (..., k, m) → (..., n, m); a vector stands for one row of a, or column of b.

    RuntimeError if a and b are of different dtypes, as for all products of matrices and vectors.
    """
    try:
        return a @ b
    except ValueError as error:
        raise _cannot_multiply(a.shape, b.shape) from error


@matmul.gradient("a")
def _(g, b, shape):
    if b.ndim == 1:
        return mul(unsqueeze(g, dim=-1), b) if g.ndim else mul(g, b)
    if len(shape) == 1:
        return reshape(b @ unsqueeze(g, dim=-1), shape=b.shape[:-1])
    return g @ swap_last(b)


@matmul.gradient("b")
def _(g, a, shape):
    if a.ndim == 1:
        return mul(unsqueeze(a, dim=-1), unsqueeze(g, dim=-2)) if len(shape) > 1 else mul(g, a)
    if len(shape) == 1:
        return rows(a).T @ (g if g.ndim == 1 else reshape(g, shape=(-1,)))
    if len(shape) == 2:
        return of_rows(a, g)  # one large product, instead of a stack that is then added up
    return swap_last(a) @ g


def rows(x: Any) -> Any:
    """The stack's matrices one below the other: (..., n, k) → (... · n, k)."""
    return x if x.ndim == 2 else reshape(x, shape=(math.prod(x.shape[:-1]), x.shape[-1]))


def of_rows(a: Any, b: Any) -> Any:
    """aᵀ @ b for the rows of two stacks: the products of each row of a with the same row of b, added up."""
    a, b = rows(a), rows(b)
    return a.T @ b if len(a) != 1 else a.T * b  # for one row NumPy's own way, without BLAS, is slower than this


@op(types="same")
def linear(x, weight, bias=None):
    """y = x @ weightᵀ + bias,  shapes (..., in), (out, in), (out,) → (..., out)."""
    try:
        y = x @ weight.swapaxes(0, 1)
    except ValueError as error:
        raise _cannot_multiply(x.shape, weight.shape[::-1]) from error
    if bias is not None:
        y += bias  # y is new: adding in place saves a pass over memory
    return y


def _cannot_multiply(a: tuple[int, ...], b: tuple[int, ...]) -> ShapeError:
    texts = ["x".join(map(str, shape)) or "no dimensions" for shape in (a, b)]
    return ShapeError(
        f"mat1 and mat2 shapes cannot be multiplied ({texts[0]} and {texts[1]}): the last size of the first must equal"
        " the last but one of the second (of a vector, its only one), and the sizes before these must broadcast"
    )


@linear.gradient("x")
def _(g, weight):
    return g @ weight


@linear.gradient("weight")
def _(g, x):
    return of_rows(g, x)


@linear.gradient("bias")
def _(g):
    return g


@op(types="same")
def einsum(*operands, equation):
    """Einstein's summation: `einsum(a, b, equation="ik,kj->ij")` is a @ b. No label occurs twice in one operand.

    The equation names every dimension by a letter, with no "..." (`spelled_out` sees to that). Size 1 broadcasts to the
    size that another operand has for the same label.
    """
    terms, output = equation.split("->")
    labels = terms.split(",")
    for i, (mine, x) in enumerate(zip(labels, operands, strict=True)):
        known = set(output).union(*labels[:i], *labels[i + 1 :])
        alone = tuple(d for d, label in enumerate(mine) if label not in known)
        if alone:  # `backend.sum` is more exact than NumPy's einsum
            labels[i] = "".join(label for label in mine if label in known)
            operands = (*operands[:i], backend.sum(x, alone), *operands[i + 1 :])
    return np.einsum(f"{','.join(labels)}->{output}", *operands, optimize=len(operands) > 1)


@einsum.gradient("operands")
def _(g, *operands, index, equation):
    """The output changes places with the operand; labels that only the operand has are spread out again."""
    terms, output = equation.split("->")
    labels = terms.split(",")
    mine = labels[index]
    others = [(label, x) for i, (label, x) in enumerate(zip(labels, operands, strict=True)) if i != index]
    known = set(output).union(*(label for label, _ in others))
    found = "".join(label for label in mine if label in known)
    inputs = ",".join([output, *(label for label, _ in others)])
    gradient = summed(f"{inputs}->{found}", [g, *(x for _, x in others)])
    for d, label in enumerate(mine):
        if label not in known:
            gradient = unsqueeze(gradient, dim=d)
    sizes = zip(gradient.shape, operands[index].shape, strict=True)  # where the gradient's is 1, others broadcast
    return expand(gradient, shape=tuple(size if have == 1 else have for have, size in sizes))


def summed(equation: str, operands: Sequence[Any]) -> Any:
    """`einsum` for an equation that is spelled out; of one operand, with nothing to sum, a view, as in PyTorch."""
    labels, output = equation.split("->")
    if len(operands) == 1 and sorted(labels) == sorted(output):
        return permute(operands[0], dims=tuple(labels.index(label) for label in output))
    return einsum(*operands, equation=equation)


def spelled_out(equation: str, operands: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """An equation and operands as `einsum` takes them: each dimension named by one letter, no letter twice in a term.

    "..." becomes letters, "ii" the diagonal, and without "->" the output has the labels that occur once, in
    alphabetical order. ShapeError if the labels do not fit the operands.
    """
    operands = list(operands)
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        raise ShapeError(f"einsum: {equation!r} names {len(terms)} operands, and {len(operands)} were given")
    counts = [len(term.replace("...", "")) for term in terms]
    hidden = [x.ndim - n if "..." in term else 0 for x, n, term in zip(operands, counts, terms, strict=True)]
    spare = [letter for letter in string.ascii_letters if letter not in equation][: max(hidden, default=0)]
    ellipsis = "".join(spare)
    for i, (x, term) in enumerate(zip(operands, terms, strict=True)):
        terms[i] = term.replace("...", ellipsis[len(ellipsis) - max(hidden[i], 0) :])
        if len(terms[i]) != x.ndim:
            raise ShapeError(
                f"einsum: operand {i} has shape {tuple(x.shape)}, and {term!r} in {equation!r} names {counts[i]}"
                " dimensions"
            )
    if not arrow:
        labels = "".join(terms)
        output = "..." + "".join(
            label for label in sorted(set(labels)) if labels.count(label) == 1 and label not in spare
        )
    output = output.replace("...", ellipsis)
    for i, term in enumerate(terms):
        terms[i], operands[i] = _diagonals(term, operands[i])
    return f"{','.join(terms)}->{output}", operands


def _diagonals(labels: str, x: Any) -> tuple[str, Any]:
    """x with one dimension for each of its labels: for "iji", the diagonal of the first and last."""
    for label in set(labels):
        while labels.count(label) > 1:
            first, second = labels.index(label), labels.rindex(label)
            if x.shape[first] != x.shape[second]:
                raise ShapeError(
                    f"einsum: subscript {label} is repeated, but the sizes don't match, {x.shape[first]} and"
                    f" {x.shape[second]} in shape {tuple(x.shape)}"
                )
            x = x.diagonal(0, first, second)
            labels = labels[:first] + labels[first + 1 : second] + labels[second + 1 :] + label
    return labels, x
