"""Where ours is not PyTorch on purpose. Each row says what, why, and shows it in a program that a test runs.

DIFFERENCES.md is this table as a page: `python -m tests.like_pytorch --differences` prints it, and a test compares. The
generator counts what a row explains apart from what differs; a row without `kind` is about something that it does not
draw.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.like_pytorch.compare import DIFFER, HERE, THERE, Verdict
from tests.like_pytorch.program import Program


def _always(program: Program) -> bool:
    return True


@dataclass(frozen=True)
class Difference:
    """A row: the operations, what each package does and why, an example, and how to know a case of it."""

    operations: str
    pytorch: str
    here: str
    why: str
    example: str  # statements, and an expression at the end
    pytorch_gives: str  # the expression's repr, or the name of the error
    here_gives: str
    verdict: str = ""
    named: str = ""  # regular expressions: the operation's name in the generator's table,
    kind: str = ""  # the respect in which it differs, or the error's name,
    ours: str = ""  # what ours gave,
    theirs: str = ""  # what PyTorch gave
    only: Callable[[Program], bool] = _always

    def explains(self, verdict: Verdict) -> bool:
        """True if the verdict is a case of this row."""
        return (
            bool(self.kind)
            and verdict.verdict == self.verdict
            and re.fullmatch(self.named or ".*", verdict.program.operation) is not None
            and re.search(self.kind, verdict.kind) is not None
            and re.search(self.ours, verdict.ours) is not None
            and re.search(self.theirs, verdict.theirs) is not None
            and self.only(verdict.program)
        )


def explanation(verdict: Verdict) -> Difference | None:
    """The row that explains a verdict, if there is one."""
    return next((row for row in DIFFERENCES if row.explains(verdict)), None)


def given(module: Any, example: str) -> str:
    """What an example gives in a package: a repr without the package's name, or the name of an error."""
    names = {"T": module, "F": module.nn.functional, "np": np, "inf": math.inf, "nan": math.nan}
    *statements, expression = example.splitlines()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            exec("\n".join(statements), names)
            return repr(eval(expression, names)).replace("torch.", "")
        except Exception as error:
            return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")


def page() -> str:
    """The table as Markdown."""
    rows = []
    for row in DIFFERENCES:
        example = "<br>".join(f"`{line}`" for line in row.example.splitlines())
        given = (f"`{' '.join(text.split())}`" for text in (row.pytorch_gives, row.here_gives))
        rows.append(f"| {' | '.join([row.operations, row.pytorch, row.here, row.why, example, *given])} |")
    return "\n".join([_HEAD, *rows, ""])


_HEAD = """# Where we are not PyTorch, on purpose

Made from `deliberate.py` beside it by `python -m tests.like_pytorch --differences`. Every row is held by a test, which
runs its example in both packages (`T` is the package, `F` its `nn.functional`). All else that
`python -m tests.like_pytorch` finds to be different is a fault.

| operations | PyTorch | here | why | for example | PyTorch gives | here |
| --- | --- | --- | --- | --- | --- | --- |"""

POWERS = r"(x \*\* other|other \*\* x|x \*\*= other|pow_?)"


def _has_ties(numbers: np.ndarray) -> bool:
    return np.unique(numbers).size < numbers.size


def _with_integers(program: Program) -> bool:
    return any(tensor.numbers.dtype.kind in "iub" for tensor in program.tensors)


DIFFERENCES = [
    # ------------------------------------------------------------------------------- the walk, and changes in place
    Difference(
        "`backward`, `grad`",
        "lets a graph be walked a second time if none of its operations had saved anything",
        "refuses every second walk without `retain_graph=True`",
        "One rule, which does not depend on what an operation happens to save.",
        "x = T.ones(2, requires_grad=True)\ny = (x + 1).sum()\ny.backward()\ny.backward()",
        "None",
        "RuntimeError",
    ),
    Difference(
        "`fill_`, `zero_`, `copy_`, `masked_fill_`, `x[i] = y` on an expanded tensor",
        "writes where all the places that share an element get the same number, or happens to",
        "refuses every write to a tensor in which places share an element",
        "One rule, which does not depend on the numbers.",
        "x = T.zeros(1).expand(3)\nx.fill_(1)",
        "tensor([1., 1., 1.])",
        "RuntimeError",
        HERE,
        kind="RuntimeError|no write through",
        ours="more than one element of the written-to tensor",
    ),
    Difference(
        "`split`, `unbind`, `chunk`, then a change in place",
        "refuses to change one of several views of a recorded tensor",
        "records the change, as that of any other view",
        "A view is a view. The gradients are right.",
        "x = T.ones(4, requires_grad=True) * 1\nx.split(2)[0].mul_(3)\nx.detach()",
        "RuntimeError",
        "tensor([3., 3., 1., 1.])",
        THERE,
        kind="RuntimeError",
        theirs="is the output of a function that returns multiple views",
    ),
    # ------------------------------------------------------------------------------------------------------- numbers
    Difference(
        "`sign`; the gradients of `abs` and `l1_loss`",
        "the sign of NaN is 0",
        "the sign of NaN is NaN",
        "A NaN must not end up as a number.",
        "T.tensor([nan, -2.0]).sign()",
        "tensor([ 0., -1.])",
        "tensor([nan, -1.])",
        DIFFER,
        named=r"sign|abs|abs\(x\)|F.l1_loss",
        kind="value|gradient",
        ours="nan",
    ),
    Difference(
        "integers to a negative power",
        "0, but for 1 and -1",
        "refuses",
        "The result is no integer. A floating exponent, `x ** -1.0`, gives it.",
        "T.tensor([2, 3]) ** T.tensor([-1, 2])",
        "tensor([0, 9])",
        "ValueError",
        HERE,
        named=POWERS,
        kind="ValueError",
        ours="Integers to negative integer powers",
    ),
    Difference(
        "an integer tensor and a number that its dtype does not hold",
        "takes the number modulo 2⁸, 2¹⁶, …: no uint8 is larger than -1",
        "compares it as it is; refuses to compute with it",
        "A number is never changed in silence.",
        "T.tensor([3], dtype=T.uint8) > -1",
        "tensor([False])",
        "tensor([True])",
        DIFFER,
        named=r"x [<>=!]=? other|eq|ne|lt|le|gt|ge|clamp.*|clip|number in x",
        kind="value",
        only=lambda program: _out_of_range(program),
    ),
    Difference(
        "the same, in a computation",
        "takes the number modulo 2⁸, 2¹⁶, …",
        "refuses",
        "As above.",
        "T.tensor([3], dtype=T.uint8) + -1",
        "tensor([2], dtype=uint8)",
        "OverflowError",
        HERE,
        kind="OverflowError",
        ours="Python integer .* out of bounds",
    ),
    Difference(
        "second derivatives of powers at the base 0",
        "NaN where a logarithm of 0 is multiplied by 0",
        "the limit",
        "The limit exists: 0 ** x is 0 for all x > 0.",
        "x = T.tensor(1.25, requires_grad=True)\n(g,) = T.autograd.grad(0**x, x, create_graph=True)\n"
        "T.autograd.grad(g, x)",
        "(tensor(nan),)",
        "(tensor(0.),)",
        DIFFER,
        named=POWERS,
        kind="second gradient",
        theirs="nan",
    ),
    Difference(
        "`prod`'s gradient at ±∞",
        "NaN: it divides the product by each factor",
        "the product of the others",
        "No division is needed.",
        "x = T.tensor([inf, 2.0], requires_grad=True)\nT.autograd.grad(x.prod(), x)",
        "(tensor([nan, inf]),)",
        "(tensor([2., inf]),)",
        DIFFER,
        named="prod",
        kind="gradient",
        theirs="nan",
    ),
    Difference(
        "the order of equal elements in `topk`, and in `sort` and `argsort` of more than 16",
        "any order",
        "the order in which they stood",
        "A result that can be repeated.",
        "T.zeros(100).topk(3).indices.tolist() == [0, 1, 2]",
        "False",
        "True",
        DIFFER,
        named="topk|sort|argsort",
        kind="value|gradient",
        only=lambda program: _has_ties(program.tensors[0].numbers),
    ),
    Difference(
        "`linspace` of integers",
        "steps up from the one end and down from the other, in the middle changing over",
        "the numbers of `linspace` of floats, cut to integers",
        "What the name says.",
        "T.linspace(2.5, 0.5, 5, dtype=T.int64)",
        "tensor([2, 1, 1, 0, 0])",
        "tensor([2, 2, 1, 1, 0])",
        DIFFER,
        named="linspace",
        kind="value",
        theirs=r"^\[[-\d ]*\]$",
    ),
    Difference(
        "`arange` of floats, with an integer dtype",
        "cuts start, end and step to integers first",
        "the numbers of `arange` of floats, cut to integers",
        "What the name says.",
        "T.arange(2.5, 5, 0.5, dtype=T.int32)",
        "tensor([2, 2, 2, 2, 2], dtype=int32)",
        "tensor([2, 3, 3, 4, 4], dtype=int32)",
        DIFFER,
        named="arange",
        kind="value|shape",
        only=lambda program: "dtype" in str(program),
    ),
    Difference(
        "`gelu`'s gradient at ±∞",
        "NaN",
        "the limit, 0 or 1",
        "It exists.",
        "x = T.tensor([-inf, inf], requires_grad=True)\nT.autograd.grad(F.gelu(x), x, T.ones(2))",
        "(tensor([nan, nan]),)",
        "(tensor([0., 1.]),)",
        DIFFER,
        named="F.gelu",
        kind="gradient",
        theirs="nan",
    ),
    Difference(
        "`norm`'s second derivative at 0",
        "NaN",
        "0",
        "The first one is 0 there, by convention, and so is that of it.",
        "x = T.zeros(2, requires_grad=True)\n(g,) = T.autograd.grad(x.norm(), x, create_graph=True)\n"
        "T.autograd.grad(g.sum(), x)",
        "(tensor([nan, nan]),)",
        "(tensor([0., 0.]),)",
        DIFFER,
        named="norm|norm of dims",
        kind="second gradient",
        theirs="nan",
    ),
    Difference(
        "`softplus`' second derivative at the threshold",
        "0, although the function is still the curve there",
        "the curve's",
        "The threshold belongs to the curve in both.",
        "x = T.tensor(1.0, requires_grad=True)\n(g,) = T.autograd.grad(F.softplus(x, 1, 1), x, create_graph=True)\n"
        "T.autograd.grad(g, x)",
        "(tensor(0.),)",
        "(tensor(0.1966),)",
        DIFFER,
        named="F.softplus",
        kind="second gradient",
    ),
    Difference(
        "`scaled_dot_product_attention` where a key that is masked holds NaN or ∞",
        "NaN",
        "what is masked is left out",
        "What a query may not look at does not reach it.",
        "q, v = T.ones(1, 1), T.ones(2, 1)\nk = T.tensor([[1.0], [nan]])\n"
        "F.scaled_dot_product_attention(q, k, v, is_causal=True)",
        "tensor([[nan]])",
        "tensor([[1.]])",
        DIFFER,
        named="F.scaled_dot_product_attention",
        kind="value|gradient",
        theirs="nan",
        only=lambda program: any(tensor.profile != "ordinary" for tensor in program.tensors),
    ),
    Difference(
        "transposed convolutions, and so the gradients of convolutions, with ∞ or NaN in the kernels",
        "adds up what each kernel gives",
        "multiplies the zeros around what arrives too: NaN",
        "It is a convolution with a frame of zeros. A NaN is seen in more places, never in fewer.",
        "F.conv_transpose2d(T.ones(1, 2, 1), T.tensor([[[[nan], [1.0]]]])).flatten()",
        "tensor([nan, nan, 1.])",
        "tensor([nan, nan, nan])",
        DIFFER,
        named=r"F\.conv.*",
        kind="value|gradient",
        ours="nan",
        only=lambda program: any(tensor.profile != "ordinary" for tensor in program.tensors),
    ),
    Difference(
        '`interpolate` by "bilinear" and `adaptive_avg_pool2d` of ∞ or NaN',
        "mixes the pixels that are near",
        "multiplies each row and column by a matrix, whose zeros make NaN of ∞ and of NaN",
        "As above.",
        "F.adaptive_avg_pool2d(T.tensor([[[1.0, nan]]]), (1, 2))",
        "tensor([[[1., nan]]])",
        "tensor([[[nan, nan]]])",
        DIFFER,
        named="F.(interpolate|adaptive_avg_pool2d)",
        kind="value|gradient",
        ours="nan",
        only=lambda program: program.tensors[0].profile != "ordinary",
    ),
    Difference(
        "`any`, `all` of uint8",
        "uint8",
        "bool, as of every other dtype",
        "uint8 stood for bool before PyTorch had one.",
        "T.tensor([0, 2], dtype=T.uint8).any()",
        "tensor(1, dtype=uint8)",
        "tensor(True)",
        DIFFER,
        named="any|all",
        kind="dtype",
        theirs="uint8",
    ),
    Difference(
        "`prod` of float16",
        "multiplies in 16 bits",
        "multiplies in 32 bits",
        "As sums do, in both.",
        "T.tensor([60000.0, 60000.0, 1e-3, 1e-2], dtype=T.float16).prod() < inf",
        "tensor(False)",
        "tensor(True)",
        DIFFER,
        named="prod",
        kind="value",
        theirs="inf",
    ),
    Difference(
        "`tensor` of a list of tensors with one element each",
        "takes them for numbers",
        "keeps their dimensions",
        "As NumPy does, and as for tensors of any other size.",
        "T.tensor([T.tensor([1.0]), T.tensor([2.0])]).shape",
        "Size([2])",
        "Size([2, 1])",
        DIFFER,
        named="tensor|new_tensor",
        kind="shape",
        only=lambda program: "[T.tensor([1.]), T.tensor([2.])]" in str(program),
    ),
    # ------------------------------------------------------------------------------------------------------- losses
    Difference(
        'losses of an empty batch, `reduction="mean"`',
        "NaN",
        "refuses",
        "0 / 0: the mean does not exist, and a NaN is found late.",
        "F.mse_loss(T.ones(0), T.ones(0))",
        "tensor(nan)",
        "ValueError",
        HERE,
        named=r"F\..*",
        kind="ValueError",
        ours="the mean of an empty batch",
    ),
    Difference(
        "`l1_loss`, `mse_loss` of integers",
        "computes in integers, with overflow, where no mean is asked for",
        "refuses",
        "A difference of uint8 is no distance: 1 - 2 is 255.",
        'F.l1_loss(T.tensor([1, 2]), T.tensor([3, 5]), reduction="sum")',
        "tensor(5)",
        "TypeError",
        HERE,
        named=r"F\.(l1|mse)_loss",
        kind="TypeError",
        ours="must be floating",
    ),
    Difference(
        "`binary_cross_entropy_with_logits` of two dtypes",
        "the result has the dtype of the target",
        "the result has the promoted dtype, as that of every other operation",
        "One rule.",
        "F.binary_cross_entropy_with_logits(T.zeros(1, dtype=T.float64), T.ones(1)).dtype",
        "float32",
        "dtype('float64')",
        DIFFER,
        named="F.binary_cross_entropy_with_logits",
        kind="dtype",
    ),
    # ---------------------------------------------------------------------------------------- accepted, or not offered
    Difference(
        "dtypes that PyTorch has no CPU kernel for",
        "refuses: not implemented for 'Long', 'Bool', …",
        "computes as NumPy does, integers as floats where the function is one of floats",
        "There is nothing to protect from.",
        "F.silu(T.tensor([0]))",
        "NotImplementedError",
        "tensor([0.])",
        THERE,
        kind="NotImplementedError",
        theirs="not implemented for",
    ),
    Difference(
        "`norm` of integers",
        "refuses",
        "computes in floats",
        "As above.",
        "T.tensor([3, 4]).norm()",
        "RuntimeError",
        "tensor(5.)",
        THERE,
        named="norm|norm of dims",
        kind="RuntimeError",
        theirs="Expected a floating point",
    ),
    Difference(
        "bool tensors in `-`, `relu`, `argmax`, `+x`",
        "refuses",
        "counts True as 1",
        "As above.",
        "T.tensor([False, True]).argmax()",
        "RuntimeError",
        "tensor(1)",
        THERE,
        kind="RuntimeError",
        theirs="bool tensor is not supported|does not support bool|Boolean inputs not supported",
    ),
    Difference(
        "other integer dtypes as indices: `embedding`, `one_hot`, `gather`, `index_select`, `cross_entropy`",
        "takes int64, and int32 or uint8 in some",
        "takes every integer dtype",
        "An index is an index.",
        "F.one_hot(T.tensor([0, 1], dtype=T.uint8))",
        "RuntimeError",
        "tensor([[1, 0],\n        [0, 1]])",
        THERE,
        named=r"F\.(embedding|one_hot|cross_entropy|nll_loss)|gather|index_select|x\[index\].*",
        kind="RuntimeError|IndexError|TypeError",
        theirs="scalar type|dtype|LongTensor|must be long, int, byte or bool|Long|Byte",
        only=_with_integers,
    ),
    Difference(
        "`keepdim` without `dim`, in `sum`, `mean`, `prod`, `max`, `min`",
        "refuses",
        "keeps all dimensions, of size 1",
        "As NumPy does.",
        "T.ones(2, 2).sum(keepdim=True)",
        "TypeError",
        "tensor([[4.]])",
        THERE,
        named="sum|mean|prod|max|min",
        kind="TypeError",
        theirs=r"invalid combination of arguments - got \((Tensor, )?keepdim",
    ),
    Difference(
        "`zeros()`, `ones()`, `expand()`, `view()`, … without any size",
        "refuses",
        "no dimensions",
        "`zeros(*x.shape)` works for every x.",
        "T.zeros()",
        "TypeError",
        "tensor(0.)",
        THERE,
        named="zeros|ones|empty|rand|randn|new_zeros|new_ones|expand|view|reshape|permute|repeat",
        kind="TypeError|RuntimeError",
        theirs=r"missing 1 required|got \(\)",
    ),
    Difference(
        "the names of some first parameters",
        "`from_numpy`, `split`, `one_hot`, … take theirs by position, or under other names",
        "every function of a tensor takes it as `input`, every other under the name in its documentation",
        "One rule.",
        "T.from_numpy(array=np.ones(1))",
        "TypeError",
        "tensor([1.], dtype=float64)",
        THERE,
        kind="TypeError",
        theirs=r"unexpected keyword argument|takes no keyword arguments|missing 1 required positional arguments",
    ),
    Difference(
        "`tensor` of several numbers",
        "refuses",
        "`tensor(3., 2)` is `tensor([3., 2])`",
        "As the course's helper of that name.",
        "T.tensor(3.0, 2)",
        "TypeError",
        "tensor([3., 2.])",
    ),
    Difference(
        "complex numbers",
        "computes with them",
        "refuses",
        "There are none here.",
        "T.tensor(1j)",
        "tensor(0.+1.j)",
        "TypeError",
        HERE,
        kind="TypeError",
        ours="complex",
    ),
    Difference(
        "losses' settings by position",
        "takes `size_average` and `reduce`, deprecated, before `reduction`",
        "takes them by name only",
        "Their positions would mean something else.",
        'F.mse_loss(T.ones(2), T.zeros(2), "sum")',
        "tensor(1.)",
        "TypeError",
    ),
    Difference(
        "`stride` of a tensor without elements",
        "as if each size were at least 1",
        "NumPy's",
        "It means nothing there.",
        "T.ones(0).stride()",
        "(1,)",
        "(0,)",
        DIFFER,
        named="stride",
        kind="value",
        only=lambda program: program.tensors[0].plain().numbers.size == 0,
    ),
]


def _out_of_range(program: Program) -> bool:
    """True if a number beside an integer tensor is one that its dtype does not hold."""
    dtype = program.tensors[0].numbers.dtype
    if dtype.kind not in "iu":
        return False
    call = program.lines()[len([line for tensor in program.tensors for line in tensor.lines()])]
    numbers = [float(number) for number in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e\d+)?", call)]
    limits = np.iinfo(dtype)
    return any(not limits.min <= number <= limits.max for number in numbers)
