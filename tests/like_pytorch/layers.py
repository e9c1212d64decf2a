"""Random arguments of layers, losses and creation: images and kernels that fit each other, targets, data."""

from __future__ import annotations

import random

import numpy as np

from tests.like_pytorch.arguments import Arguments
from tests.like_pytorch.tensors import FLOATS, Shape, draw_dtype, draw_shape

DATA = (
    """
3 | 3. | True | [] | [[]] | [[], []] | [1, 2.5] | [1, True] | [True, False] | [[1, 2], [3, 4]] | (1, 2) | range(3)
np.arange(3) | np.float64(2) | np.int32(2) | np.array([1.5]) | np.array(2) | np.array([1, 2], "uint8") | np.ones((2, 0))
[np.float64(1), 2] | [np.array([1, 2]), np.array([3, 4])] | [T.tensor(1.), T.tensor(2)] | T.tensor([1, 2])
[T.tensor([1.]), T.tensor([2.])] | 2**40 | 2**63 | [2**63] | -2**63 | 300 | [300, -1] | 1e300 | [1e300] | nan | [inf, 1]
[[1, 2], [3]] | "abc" | None | [None] | 1j | [[1.0], 2.0] | b"a" | {1: 2}
""".strip()
    .replace("\n", " | ")
    .split(" | ")
)
ARRAYS = (
    """
np.arange(3) | np.array([1.5, 2]) | np.ones((2, 3), "float32")[:, 1] | np.array([True]) | np.array(2.) | [1, 2]
np.arange(4)[::2] | np.zeros((0, 2)) | np.arange(3, dtype="int16")
""".strip()
    .replace("\n", " | ")
    .split(" | ")
)
EQUATIONS = (
    """
i,i | i,i-> | i,j | ij,jk->ik | ij,jk | ij->ji | ii | ii->i | ij-> | ij->j | bij,bjk->bik | ...i,...i | i,i,i->i | ij
...ij,...jk->...ik | i...->... | ij,j->i | ij,ij->ij | iij->j | ij,kj->ik | ij->ijk | ij,jk->ki | i,->i | bij,kj->bik
iji->j | b...,b...->b
""".strip()
    .replace("\n", " | ")
    .split(" | ")
)


class LayerArguments(Arguments):
    """What is drawn for one layer: a kernel looks at the images drawn before it, a bias at the kernel."""

    def __init__(self, rng: random.Random, changed: bool = False) -> None:
        super().__init__(rng, changed)
        self.groups = 1  # of a convolution
        self.out = 1  # the channels, or features, that come out
        self.last: Shape = ()  # the sizes over which layer_norm goes
        self.stack: Shape = ()  # the first sizes of queries, keys and values

    # ---------------------------------------------------------------------------- layers: images, kernels, settings

    def images(self) -> str:
        """(n, c, h, w), or (c, h, w)."""
        rng = self.rng
        n = rng.choice([0, 1, 2, 2])
        self.groups = rng.choice([1, 1, 1, 2])
        shape = (n, self.groups * rng.randint(1, 2), rng.randint(1, 5), rng.randint(1, 6))
        return self.make(shape if rng.random() < 0.8 else shape[1:], self._mostly_floating())

    def four_images(self) -> str:
        rng = self.rng
        shape = (rng.choice([1, 2]), rng.randint(1, 2), rng.randint(1, 5), rng.randint(1, 6))
        return self.make(shape, self._mostly_floating())

    def sequences(self) -> str:
        """(n, c, length), or (c, length)."""
        rng = self.rng
        self.groups = rng.choice([1, 1, 1, 2])
        shape = (rng.choice([1, 2]), self.groups * rng.randint(1, 2), rng.randint(1, 6))
        return self.make(shape if rng.random() < 0.8 else shape[1:], self._mostly_floating())

    def kernels(self) -> str:
        """(out, c / groups, kh, kw)"""
        channels = self.shape[-3] // self.groups
        self.out = self.groups * self.rng.randint(1, 2)
        if self.wrong and self.rng.random() < 0.3:
            channels += 1
        return self.make((self.out, channels, self.rng.randint(1, 3), self.rng.randint(1, 3)), self.dtype)

    def kernels_1d(self) -> str:
        channels = self.shape[-2] // self.groups
        self.out = self.groups * self.rng.randint(1, 2)
        return self.make((self.out, channels, self.rng.randint(1, 3)), self.dtype)

    def transposed_kernels(self) -> str:
        """(c, out / groups, kh, kw)"""
        channels, each = self.shape[-3], self.rng.randint(1, 2)
        self.out = self.groups * each
        return self.make((channels, each, self.rng.randint(1, 3), self.rng.randint(1, 3)), self.dtype)

    def out_bias(self) -> str:
        if self.rng.random() < 0.3:
            return "None"
        return self.make((self.out + (self.wrong and self.rng.random() < 0.3),), self.dtype)

    def number_of_groups(self) -> str:
        return str(self.groups + (self.wrong and self.rng.random() < 0.3))

    def _pair(self, low: int, high: int) -> str:
        rng = self.rng
        if self.wrong and rng.random() < 0.4:
            return rng.choice([str(low - 1), "(1, 2, 1)", "1.5", f"({low - 1}, 1)"])
        form = rng.choices(["one", "pair", "list", "single"], [50, 30, 15, 5])[0]
        if form == "one":
            return str(rng.randint(low, high))
        if form == "single":
            return f"({rng.randint(low, high)},)"
        numbers = f"{rng.randint(low, high)}, {rng.randint(low, high)}"
        return f"({numbers})" if form == "pair" else f"[{numbers}]"

    def step(self) -> str:
        return self._pair(1, 3)

    def window(self) -> str:
        return self._pair(1, 3)

    def margin(self) -> str:
        return self._pair(0, 1)

    def conv_margin(self) -> str:
        return self.rng.choice(['"same"', '"valid"']) if self.rng.random() < 0.2 else self._pair(0, 2)

    def single(self) -> str:
        """A setting of one dimension: an int, or a tuple of one."""
        n = self.rng.randint(1, 2)
        return self.rng.choice([str(n), str(n), f"({n},)", f"[{n}]"])

    def single_margin(self) -> str:
        return self.rng.choice(["0", "1", "(1,)", '"same"', '"valid"', "2"])

    def output_size(self) -> str:
        rng = self.rng
        if rng.random() < 0.2:
            return rng.choice(["(None, 2)", "(2, None)", "[1, None]", "(None, None)"])
        return self._pair(1, 4)

    def divisor(self) -> str:
        return self.rng.choice(["None", "1", "3"] + (["0"] if self.wrong else []))

    def scaled_size(self) -> str:
        """How interpolate is told the new size: the arguments up to `mode`."""
        rng = self.rng
        if rng.random() < 0.5:
            return "size=" + self._pair(1, 7)
        one = lambda: rng.choice(["2", "2.0", "1.5", "3.7", "0.5", "0.4", "1"])  # noqa: E731
        return "scale_factor=" + rng.choice([one(), f"({one()}, {one()})", f"[{one()}, {one()}]"])

    def mode(self) -> str:
        """interpolate's mode, with what goes with it."""
        return self.rng.choice(
            [
                'mode="nearest"', "mode='nearest'", 'mode="bilinear"', 'mode="bilinear", align_corners=True',
                'mode="bilinear", align_corners=False', 'mode="nearest", align_corners=True', 'mode="linear"',
            ][: 7 if self.wrong else 5]
        )  # fmt: skip

    def padding_widths(self) -> str:
        rng = self.rng
        pairs = rng.randint(0, len(self.shape))
        widths = [rng.randint(-1 if rng.random() < 0.3 else 0, 2) for _ in range(2 * pairs)]
        if self.wrong and rng.random() < 0.5:
            widths.append(1)
        return self._sequence([str(n) for n in widths])

    def columns(self) -> str:
        """Columns for `fold` into images of 4 × 3 by windows of 2 × 2."""
        return self.make((self.rng.choice([1, 2]), 4 * self.rng.randint(1, 2), 6), self._mostly_floating())

    def batch(self) -> str:
        """(n, channels), or (n, channels, ...)."""
        rng = self.rng
        shape = (rng.randint(0 if self.wrong else 1, 3), rng.choice([2, 4, 1]), *rng.choice([(), (3,), (2, 3)]))
        return self.make(shape, self._mostly_floating())

    def channels(self) -> str:
        """A number for each channel, or None."""
        if self.rng.random() < 0.3:
            return "None"
        return self.make((self.shape[1] + (self.wrong and self.rng.random() < 0.2),), self.dtype)

    def running(self) -> str:
        """A running mean or variance: no leaf, and positive."""
        if self.rng.random() < 0.3:
            return "None"
        numbers = [self.rng.randint(1, 8) / 4 for _ in range(self.shape[1])]
        return self.make((self.shape[1],), self.dtype if self.dtype in FLOATS else "float32", False, numbers)

    def parts(self) -> str:
        n = self.shape[1]
        return str(self.rng.choice([d for d in range(1, n + 1) if n % d == 0]) + (self.wrong and 1))

    def normalized(self) -> str:
        """The last sizes of the first tensor."""
        shape = self.shape or (1,)
        self.last = shape[self.rng.randrange(len(shape)) :]
        return self._sequence([str(n) for n in self.last])

    def normalized_like(self) -> str:
        return "None" if self.rng.random() < 0.3 else self.make(self.last, self.dtype)

    def features(self) -> str:
        """(..., in) for a linear layer."""
        return self.make((*draw_shape(self.rng, 0, 2), self.rng.randint(0, 3)), self._mostly_floating())

    def weight_of_features(self) -> str:
        self.out = self.rng.randint(0, 3)
        n = self.shape[-1] + (self.wrong and self.rng.random() < 0.3)
        return self.make((self.out, n), self.dtype if self.rng.random() < 0.95 else draw_dtype(self.rng))

    def symbols(self) -> str:
        """Indices of rows 0, 1, 2."""
        shape = draw_shape(self.rng, 0, 2)
        high = 4 if self.wrong else 3
        numbers = [self.rng.randrange(-1 if self.wrong else 0, high) for _ in range(int(np.prod(shape)))]
        dtype = self.rng.choice(["int64", "int64", "int64", "int32", "uint8", "float32"])
        return self.make(shape, dtype, False, np.array(numbers).reshape(shape).clip(-1 if dtype[0] != "u" else 0))

    def rows(self) -> str:
        return self.make((3, self.rng.randint(1, 3)), self.rng.choice(FLOATS))

    def row(self) -> str:
        return self.rng.choice(["None", "0", "1", "-1"] + (["3", "-4"] if self.wrong else []))

    def classes_of(self) -> str:
        return self.rng.choice(["-1", "3", "5"] + (["2", "0"] if self.wrong else []))

    # -------------------------------------------------------------------------------------------------- losses

    def logits(self) -> str:
        """(n, classes, ...), or (classes,)."""
        rng = self.rng
        n = rng.randint(1, 3)
        shape = rng.choice([(n, 3), (n, 3), (3,), (n, 3, 2), (n, 2, 1, 2)])
        return self.make(shape, self._mostly_floating())

    def targets(self) -> str:
        """Classes, or probabilities."""
        rng, shape = self.rng, self.shape
        self.count = shape[1] if len(shape) > 1 else shape[0]
        if rng.random() < 0.25:
            return self.make(shape, self.dtype)
        return self.classes()

    def classes(self) -> str:
        rng, shape = self.rng, self.shape
        self.count = shape[1] if len(shape) > 1 else shape[0]
        shape = shape[:1] + shape[2:] if len(shape) > 1 else ()
        numbers = [rng.randrange(self.count + (self.wrong and 1)) for _ in range(int(np.prod(shape)))]
        if rng.random() < 0.3:
            numbers = [-100 if rng.random() < 0.3 else n for n in numbers]
        dtype = "int64" if rng.random() < 0.9 else rng.choice(["int32", "uint8", "float32"])
        return self.make(shape, dtype, False, np.array(numbers).reshape(shape).clip(0 if dtype == "uint8" else None))

    def class_weight(self) -> str:
        if self.rng.random() < 0.4:
            return "None"
        numbers = [self.rng.randint(0, 8) / 4 for _ in range(self.count)]
        return self.make((self.count,), self.dtype, False, numbers)

    def ignored(self) -> str:
        return self.rng.choice(["-100", "0", "1"])

    def reduction(self) -> str:
        return self.rng.choice(['"mean"', '"sum"', '"none"'] + (['"average"'] if self.wrong else []))

    def loss_target(self) -> str:
        return self.make(self.shape if self.rng.random() < 0.85 else self._shape_beside(), self._dtype_beside())

    def same_shape(self) -> str:
        shape = self.shape if not self.wrong else (*self.shape, 2)
        return self.make(shape, self._dtype_beside())

    def loss_weight(self) -> str:
        return "None" if self.rng.random() < 0.4 else self.make(self._shape_beside(), self.dtype)

    # ----------------------------------------------------------------------------------------------- attention

    def queries(self) -> str:
        rng = self.rng
        self.stack = rng.choice([(), (2,), (1, 2)])
        return self.make((*self.stack, rng.randint(1, 3), 2), self._mostly_floating())

    def keys(self) -> str:
        self.count = self.rng.randint(1, 3)
        return self.make((*self.stack, self.count, 2), self.dtype)

    def values(self) -> str:
        return self.make((*self.stack, self.count, self.rng.randint(1, 3)), self.dtype)

    def attention_mask(self) -> str:
        if self.rng.random() < 0.4:
            return "None"
        return self.make((self.shape[-2], self.count), self.rng.choice(["bool", self.dtype]), False)

    # ------------------------------------------------------------------------------------------------- creation

    def data(self) -> str:
        """What tensor() takes, and what it must refuse."""
        return self.rng.choice(DATA)

    def array(self) -> str:
        return self.rng.choice(ARRAYS)

    def end(self) -> str:
        """A number to count to."""
        return self.rng.choice(
            ["0", "1", "5", "-3", "2.5", "7", "0.5", "T.tensor(3)", "T.tensor(2.5)", "np.int64(4)", "True"]
        )

    def stride(self) -> str:
        return self.rng.choice(["1", "2", "0.5", "-1", "-0.5", "3", "0.3"] + (["0"] if self.wrong else []))

    def count_of(self) -> str:
        return self.rng.choice(["0", "1", "2", "5"] + (["-1", "2.5"] if self.wrong else []))

    def low(self) -> str:
        return self.rng.choice(["0", "-3", "2", "0.5"])

    def high(self) -> str:
        return self.rng.choice(["5", "3", "10"] + (["-5"] if self.wrong else []))

    def equation(self) -> str:
        """An equation for einsum, with its operands."""
        rng = self.rng
        n = {label: rng.randint(0 if rng.random() < 0.1 else 1, 3) for label in "ijkb"}
        dtype = rng.choice(["float32", "float64", "float64", "int64", "float16"])
        equation = rng.choice(EQUATIONS)
        inputs = equation.partition("->")[0].split(",")
        names = []
        for term in inputs:
            shape = [n[label] for label in term.replace("...", "")]
            if "..." in term:
                at = term.index("...")
                shape[at:at] = rng.choice([[], [2], [1, 2]]) if not names else [2][: rng.randint(0, 1)]
            if (self.wrong or rng.random() < 0.05) and shape and rng.random() < 0.4:
                shape[0] = rng.choice([1, shape[0] + 1])
            names.append(self.make(tuple(shape), dtype))
        text = f'"{equation}"'
        return f"{text}, {', '.join(names)}" if rng.random() < 0.8 else f"{text}, [{', '.join(names)}]"
