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
        "`sign`; the gradients of `abs`, `l1_loss` and `norm(1)`",
        "the sign of NaN is 0",
        "the sign of NaN is NaN",
        "A NaN must not end up as a number.",
        "T.tensor([nan, -2.0]).sign()",
        "tensor([ 0., -1.])",
        "tensor([nan, -1.])",
        DIFFER,
        named=r"sign|abs|abs\(x\)|F.l1_loss|norm|norm of dims",
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
    Difference(
        "`max()`, `min()`, `norm(±inf)`: the gradient where the result is NaN",
        "1 for the NaN and 0 for the others, or 0 for all",
        "NaN for all, as that of `amax` and `amin` in both",
        "A NaN must not end up as a number.",
        "x = T.tensor([1.0, nan], requires_grad=True)\nT.autograd.grad(x.max(), x)",
        "(tensor([0., 1.]),)",
        "(tensor([nan, nan]),)",
        DIFFER,
        named="max|min|norm|norm of dims",
        kind="gradient",
        ours="nan",
    ),
    Difference(
        "`norm` and `std` of very large and very small numbers; the gradient of `std` in half precision",
        "∞, 0 or NaN: squares them as they are",
        "right: scales them first",
        "The result is within the range.",
        "T.tensor([1e-30, 1e-30]).norm()",
        "tensor(0.)",
        "tensor(1.4142e-30)",
        DIFFER,
        named="norm|norm of dims|std.*",
        kind="value|gradient",
        theirs="inf|nan|0",
        only=lambda program: _with_ends(program) or _with_halves(program),
    ),
    Difference(
        "`var`, `std` with a correction of n or more; the second derivative of `var` of one number",
        "∞, and gradients as if n - correction could be negative",
        "NaN",
        "There is no variance of so few numbers, and no number may stand for it.",
        "T.tensor([1.0, 2.0]).var(correction=2)",
        "tensor(inf)",
        "tensor(nan)",
        DIFFER,
        named="(var|std).*",
        kind="value|gradient",
        ours="nan",
        only=lambda program: "correction" in str(program) or program.tensors[0].plain().numbers.size < 2,
    ),
    Difference(
        "`binary_cross_entropy_with_logits` of ±∞ or of large logits",
        "NaN, and a gradient of 0",
        "the limit, and the gradient's own digits",
        "They exist.",
        "F.binary_cross_entropy_with_logits(T.tensor([inf]), T.tensor([1.0]))",
        "tensor(nan)",
        "tensor(0.)",
        DIFFER,
        named="F.binary_cross_entropy_with_logits",
        kind="value|gradient",
        only=lambda program: not _ordinary(program),
    ),
    Difference(
        "sums and means that overflow midway",
        "∞ or a number, by the order in which it adds",
        "∞ or a number, by the order in which NumPy adds",
        "Neither says which order it is.",
        "T.tensor([[3e38, 3e38, -3e38]]) @ T.ones(3)",
        "tensor([inf])",
        "tensor([3.0000e+38])",
        DIFFER,
        named=r"matmul|mm|dot|einsum|x @ other|F\.(linear|conv.*|.*avg_pool2d|.*_norm|scaled_dot_product_attention)",
        kind="value|gradient",
        only=lambda program: _with_ends(program),
    ),
    Difference(
        "half precision beside a number that it does not hold",
        "rounds the number first in `-` and `//`, to ∞; a tensor without dimensions in none",
        "a Python number keeps 32 bits, a tensor without dimensions is rounded",
        "One rule. The result is rounded once.",
        "T.tensor([inf], dtype=T.float16) - 1e30",
        "tensor([nan], dtype=float16)",
        "tensor([inf], dtype=float16)",
        DIFFER,
        named=r".*other.*|(add|sub|mul|div|floor_divide|remainder|pow)_?",
        kind="value|gradient",
        ours="nan|inf",
        theirs="nan|inf",
        only=lambda program: _with_halves(program),
    ),
    Difference(
        "the same, one after another",
        "rounds after each: x + 1e5 is ∞, and ∞ - ∞ is NaN",
        "rounds after each, and ∞ - 1e5 is ∞",
        "As above.",
        "T.ones(1, dtype=T.float16) + 1e5 - 1e5",
        "tensor([nan], dtype=float16)",
        "tensor([inf], dtype=float16)",
    ),
    Difference(
        "losses of float16",
        "∞ where the sum is too large for 16 bits, though the mean is not",
        "adds in 32 bits",
        "The result is within the range.",
        "F.cross_entropy(T.tensor([[[0.0, 0.0], [6e4, 6e4]]], dtype=T.float16), T.tensor([[0, 0]]))",
        "tensor(inf, dtype=float16)",
        "tensor(60000., dtype=float16)",
        DIFFER,
        named=r"F\..*(loss|cross_entropy).*",
        kind="value",
        theirs="inf",
        only=lambda program: _with_halves(program),
    ),
    Difference(
        "`layer_norm`, `group_norm` where the variance is too large for the dtype",
        "NaN, or zeros, by the number of elements",
        "NaN",
        "Zeros would pass for a result.",
        "x = T.zeros(1, 12)\nx[0, :2] = T.tensor([2e37, -8e37])\nT.isnan(F.group_norm(x, 1)).all()",
        "tensor(False)",
        "tensor(True)",
        DIFFER,
        named="F.(layer|group)_norm",
        kind="value|gradient",
        ours="nan",
        only=lambda program: _with_ends(program),
    ),
    Difference(
        "`batch_norm` with an infinite weight",
        "NaN where ∞ - ∞ comes up on the way",
        "(x - mean) / std · weight + bias, as the formula says",
        "The mean is taken away before the weight is multiplied by.",
        "F.batch_norm(T.ones(2, 1), T.zeros(1), T.ones(1), T.tensor([inf])).flatten()",
        "tensor([nan, nan])",
        "tensor([inf, inf])",
        DIFFER,
        named="F.batch_norm",
        kind="value|gradient",
        theirs="nan",
        only=lambda program: not _ordinary(program),
    ),
    Difference(
        "`adaptive_max_pool2d` of several NaN",
        "the last of them gets the gradient",
        "the first of them",
        "As of several equally large ones, in both.",
        "x = T.tensor([[[nan, nan]]], requires_grad=True)\n"
        "T.autograd.grad(F.adaptive_max_pool2d(x, 1), x, T.ones(1, 1, 1))",
        "(tensor([[[0., 1.]]]),)",
        "(tensor([[[1., 0.]]]),)",
        DIFFER,
        named="F.adaptive_max_pool2d",
        kind="gradient",
        only=lambda program: not _ordinary(program),
    ),
    Difference(
        "the gradient of a power, the exponent a tensor of small integers",
        "takes 1 from the exponent in its dtype: -128 - 1 is 127 in int8",
        "takes it in that of the result",
        "The exponent is a number, not a pattern of bits.",
        "x = T.tensor([2.0], requires_grad=True)\nT.autograd.grad(x ** T.tensor([-128], dtype=T.int8), x)[0] < -1",
        "tensor([True])",
        "tensor([False])",
        DIFFER,
        named=POWERS,
        kind="gradient",
        only=_with_integers,
    ),
    Difference(
        "the mixed second derivative of a power at the exponent 0",
        "0, if the base comes first",
        "1 / x, whichever comes first",
        "So it is.",
        "x, y = T.tensor(0.5, requires_grad=True), T.tensor(0.0, requires_grad=True)\n"
        "(g,) = T.autograd.grad(x**y, x, create_graph=True)\nT.autograd.grad(g, y)",
        "(tensor(0.),)",
        "(tensor(2.),)",
        DIFFER,
        named=POWERS,
        kind="second gradient",
        only=lambda program: any((tensor.numbers == 0).any() for tensor in program.tensors[1:]),
    ),
    Difference(
        "`std` and `var` with `dim=()`: the gradient",
        "divides by the correction alone, as if n were 1",
        "that of all elements, as the value",
        "The value is that of all elements in both.",
        "x = T.tensor([1.5, -0.5], requires_grad=True)\nT.autograd.grad(x.std((), unbiased=False), x)",
        "(tensor([ 1., -1.]),)",
        "(tensor([ 0.5000, -0.5000]),)",
        DIFFER,
        named="(var|std).*",
        kind="gradient",
        only=lambda program: re.search(r"\(\)|\[\]", program.lines()[-1]) is not None,
    ),
    Difference(
        "the mixed second derivative of a power of a negative number",
        "1 / x at the exponent 0, else NaN",
        "NaN",
        "Beside a whole exponent such a power does not exist.",
        "x, y = T.tensor(-2.0, requires_grad=True), T.tensor(0.0, requires_grad=True)\n"
        "(g,) = T.autograd.grad(x**y, y, create_graph=True)\nT.autograd.grad(g, x)",
        "(tensor(-0.5000),)",
        "(tensor(nan),)",
        DIFFER,
        named=POWERS,
        kind="second gradient",
        ours="nan",
    ),
    Difference(
        "`histc` of numbers that lie very far apart",
        "counts those near the upper end into the first interval",
        "counts them where they lie",
        "It is the largest that is lost.",
        "T.histc(T.tensor([8.5e37, -2.25, 0.0]))[0]",
        "tensor(3.)",
        "tensor(2.)",
        DIFFER,
        named="histc",
        kind="value",
        only=lambda program: _with_ends(program),
    ),
    Difference(
        "`softmax`, `log_softmax` of integers, without elements",
        "of the same dtype; with elements it refuses",
        "floats",
        "As with elements.",
        "T.zeros(2, 0, dtype=T.int64).softmax(0)",
        "tensor([], size=(2, 0), dtype=int64)",
        "tensor([], size=(2, 0))",
        DIFFER,
        named="(log_)?softmax|F.(log_)?softmax",
        kind="dtype",
        only=lambda program: _empty(program),
    ),
    Difference(
        "`dropout` of integers with p = 1",
        "integers; with any other p it refuses",
        "floats",
        "As with any other p.",
        "F.dropout(T.tensor([3]), 1.0)",
        "tensor([0])",
        "tensor([0.])",
        DIFFER,
        named="F.dropout",
        kind="dtype",
        only=_with_integers,
    ),
    Difference(
        "a leaf given other data (`x.data = ...`) between the computation and `backward()`",
        "differentiated at the new numbers",
        "differentiated where it was",
        "The gradient belongs to what was computed.",
        "x = T.tensor(2.0, requires_grad=True)\ny = x * x\nx.data = T.tensor(5.0)\ny.backward()\nx.grad",
        "tensor(10.)",
        "tensor(4.)",
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
        "bool tensors in `-`, `relu`, `argmax`, `topk`, `+x`",
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
        "checks where there is no element",
        "makes few of them",
        "makes the same ones as where there is one",
        "A program that is wrong fails with the first batch, not with the second.",
        "T.tensor([3]).gather(0, T.zeros(0))",
        "tensor([], dtype=int64)",
        "RuntimeError",
        HERE,
        kind="TypeError|ValueError|RuntimeError|ShapeError",
        ours="dtype|output padding|running_mean|should contain|must be floating",
        only=lambda program: _empty(program),
    ),
    Difference(
        "an index out of range, where nothing is read",
        "takes it",
        "refuses",
        "As above.",
        "T.ones(2, 0)[T.tensor([5])]",
        "tensor([], size=(1, 0))",
        "IndexError",
        HERE,
        named=r"x\[.*|gather|index_select",
        kind="IndexError|RuntimeError",
        ours="out of bounds|out of range",
        only=lambda program: _empty(program),
    ),
    Difference(
        "`masked_fill` of integers with 5.5",
        "cuts it to 5",
        "refuses",
        "A number is never changed in silence.",
        "T.tensor([1, 2]).masked_fill(T.tensor([True, False]), 5.5)",
        "tensor([5, 2])",
        "RuntimeError",
        HERE,
        named="masked_fill_?",
        kind="RuntimeError",
        ours="without overflow or loss",
    ),
    Difference(
        "bools to a power",
        "takes the exponent True, and no tensor of bools",
        "refuses both",
        "1 and 0 to a power are numbers, not truths.",
        "T.tensor([True]) ** True",
        "tensor([True])",
        "NotImplementedError",
        HERE,
        named=POWERS,
        kind="NotImplementedError",
        ours="not there for bools",
    ),
    Difference(
        "`avg_pool2d`, `adaptive_avg_pool2d` of integers",
        "cuts the means to integers",
        "refuses",
        "A mean of integers is no integer.",
        "F.avg_pool2d(T.ones(1, 1, 2, 2, dtype=T.int64), 2)",
        "tensor([[[[1]]]])",
        "TypeError",
        HERE,
        named=r"F\.(adaptive_)?avg_pool2d",
        kind="TypeError",
        ours="the images must be floating",
    ),
    Difference(
        "`scaled_dot_product_attention` with `attn_mask` and `is_causal`",
        "refuses both together, or takes both, by the number of dimensions",
        "refuses",
        "As PyTorch's documentation says.",
        "x = T.ones(1, 1, 1, 1)\nF.scaled_dot_product_attention(x, x, x, T.zeros(1, 1), 0.0, True)",
        "tensor([[[[1.]]]])",
        "ValueError",
        HERE,
        named="F.scaled_dot_product_attention",
        kind="ValueError",
        ours="not both",
    ),
    Difference(
        "`clamp`: a bound that the dtype does not hold, and a number beside a tensor",
        "refuses",
        "computes",
        "What is meant is plain.",
        "T.tensor([3, 4], dtype=T.uint8).clamp(0, 300)",
        "RuntimeError",
        "tensor([3, 4], dtype=uint8)",
        THERE,
        named="clamp.*|clip",
        kind="RuntimeError|TypeError",
        theirs="cannot be converted|invalid combination of arguments",
    ),
    Difference(
        "`group_norm` of one number per group",
        "refuses one example, and takes two",
        "takes both: zeros, and the bias",
        "As `layer_norm` of one number, in both.",
        "F.group_norm(T.ones(1, 2), 2)",
        "ValueError",
        "tensor([[0., 0.]])",
        THERE,
        named="F.group_norm",
        kind="ValueError",
        theirs="Expected more than 1 value",
    ),
    Difference(
        "slices with a negative step",
        "refuses",
        "a view of the elements in reverse order",
        "As NumPy does.",
        "T.tensor([1.0, 2.0])[::-1]",
        "ValueError",
        "tensor([2., 1.])",
        THERE,
        kind="ValueError",
        theirs="step must be greater than zero",
    ),
    Difference(
        "sequences of dimensions and sizes: `flip`, and the sizes of pooling and of `unfold`",
        "a tuple, of one length",
        "an int or a sequence of one number too, for all dimensions",
        "What is meant is plain.",
        "T.flip(T.tensor([1, 2]), 0)",
        "TypeError",
        "tensor([2, 1])",
        THERE,
        named=r"flip|F\..*(pool2d|fold|interpolate|conv.*)",
        kind="TypeError|RuntimeError|ValueError",
        theirs=r"must be tuple of ints|must be 2|equals to 2|same number of spatial dimensions|must have",
    ),
    Difference(
        "`binary_cross_entropy_with_logits` with integers as targets",
        "refuses",
        "takes them",
        "A target is 0 or 1.",
        "F.binary_cross_entropy_with_logits(T.zeros(1, dtype=T.float64), T.tensor([1]))",
        "RuntimeError",
        "tensor(0.6931, dtype=float64)",
        THERE,
        named="F.binary_cross_entropy_with_logits",
        kind="RuntimeError",
        theirs="can't be cast",
    ),
    Difference(
        "`as_tensor`'s dtype by position; `where` of two numbers, named",
        "refuses",
        "takes it",
        "As `to` and `where` do.",
        "T.as_tensor(2.0, T.float64)",
        "TypeError",
        "tensor(2., dtype=float64)",
        THERE,
        named="as_tensor|where",
        kind="TypeError",
        theirs="takes 1 positional argument|invalid combination of arguments",
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
        "`stride` of a tensor without elements, and along a dimension of size 1",
        "as if each size were at least 1, and nothing were expanded",
        "NumPy's",
        "It means nothing there.",
        "T.ones(0).stride()",
        "(1,)",
        "(0,)",
        DIFFER,
        named="stride",
        kind="value",
        only=lambda program: min(program.tensors[0].plain().numbers.shape, default=1) < 2,
    ),
]


def _empty(program: Program) -> bool:
    """True if a tensor has no elements, or the result's size has a 0."""
    return any(not tensor.plain().numbers.size for tensor in program.tensors) or " 0" in str(program)


def _ordinary(program: Program) -> bool:
    """True if no number is infinite, NaN or at the ends of its range."""
    return all(tensor.profile == "ordinary" for tensor in program.tensors)


def _with_ends(program: Program) -> bool:
    """True if some numbers are at the ends of their range."""
    return any(tensor.profile == "extreme" for tensor in program.tensors)


def _with_halves(program: Program) -> bool:
    return any(tensor.numbers.dtype == np.float16 for tensor in program.tensors)


def _out_of_range(program: Program) -> bool:
    """True if a number beside an integer tensor is one that its dtype does not hold."""
    dtype = program.tensors[0].numbers.dtype
    if dtype.kind not in "iu":
        return False
    call = program.lines()[len([line for tensor in program.tensors for line in tensor.lines()])]
    numbers = [float(number) for number in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e\d+)?", call)]
    limits = np.iinfo(dtype)
    return any(not limits.min <= number <= limits.max for number in numbers)
