"""Random arguments, kind by kind: each method of `Arguments` that the table names draws one, and returns its text.

An argument comes in every form that PyTorch's signature allows: a dimension as 1, -1 or NumPy's integer, dimensions as
an int, a tuple, a list or None, a number as an int, a float, a bool or a tensor without dimensions. Now and then it is
one that must be refused: a dimension that is not there, one named twice, a number where an int is due.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from tests.like_pytorch.tensors import (
    ALL,
    FLOATS,
    INTS,
    PROFILES,
    Drawn,
    Shape,
    draw_dtype,
    draw_numbers,
    draw_shape,
    lay_out,
)


class Arguments:
    """What one program draws. The kinds of arguments follow, tensors first; a later one may look at the earlier."""

    def __init__(self, rng: random.Random, changed: bool = False) -> None:
        self.rng = rng
        self.tensors: list[Drawn] = []
        self.changed = changed  # the first tensor is changed in place
        self.recorded = rng.random() < 0.7
        self.profile = rng.choices(PROFILES, [70, 20, 10])[0]
        self.wrong = rng.random() < 0.1  # this program may hold an argument that must be refused
        self.shape: Shape = ()  # of the first tensor
        self.dtype = "float32"
        self.dim = 0  # the dimension that was chosen last,
        self.start = 0  # the position along it,
        self.count = 0  # how many dimensions were chosen, where it was not one

    # ------------------------------------------------------------------------------------------------- tensors

    def make(self, shape: Shape, dtype: str, requires_grad: bool | None = None, numbers: Any = None) -> str:
        """A tensor of this shape, somehow laid out: its name."""
        rng = self.rng
        name = "xyzuvw"[len(self.tensors)]
        base, view = lay_out(rng, shape)
        if numbers is not None:
            base, view = shape, ""
        values = draw_numbers(rng, base, dtype, self.profile) if numbers is None else np.asarray(numbers, dtype)
        asked = rng.random() < 0.85 if requires_grad is None else requires_grad
        changed = self.changed and not self.tensors
        leaf = asked and self.recorded and dtype in FLOATS
        if not self.tensors:
            self.shape, self.dtype = shape, dtype
        self.tensors.append(Drawn(name, values, view, leaf, self.profile, changed))
        return name

    def any(self) -> str:
        shape = draw_shape(self.rng)
        if shape and self.rng.random() < 0.03:
            shape = (*shape[:-1], 3000)
        return self.make(shape, draw_dtype(self.rng))

    def floats(self) -> str:
        return self.make(draw_shape(self.rng), self._mostly_floating())

    def numbers(self) -> str:
        """Integers or floats."""
        return self.make(draw_shape(self.rng), self.rng.choice([*FLOATS, *INTS]))

    def integers(self) -> str:
        return self.make(draw_shape(self.rng), self.rng.choice([*INTS, "bool"]))

    def vector(self) -> str:
        return self.make((self.rng.randint(0, 4),), draw_dtype(self.rng))

    def matrix(self) -> str:
        return self.make((self.rng.randint(0, 3), self.rng.randint(1, 4)), draw_dtype(self.rng))

    def most_matrix(self) -> str:
        """At most two dimensions."""
        return self.make(draw_shape(self.rng, 0, 2), draw_dtype(self.rng))

    def matrices(self) -> str:
        """At least two dimensions."""
        return self.make(draw_shape(self.rng, 2), draw_dtype(self.rng))

    def _mostly_floating(self) -> str:
        rng = self.rng
        return rng.choice(ALL) if rng.random() < 0.1 else rng.choices(FLOATS, [60, 25, 15])[0]

    def _dtype_beside(self) -> str:
        return self.dtype if self.rng.random() < 0.6 else draw_dtype(self.rng)

    def _shape_beside(self) -> Shape:
        """A shape that can be broadcast with the first one's."""
        shape = [1 if self.rng.random() < 0.25 else n for n in self.shape]
        shape = shape[self.rng.choice([0, 0, 0, 1]) :]
        if self.rng.random() < 0.1:
            shape = [2, *shape]
        if self.wrong and shape and self.rng.random() < 0.3:
            shape[-1] += 1
        return tuple(shape)

    def beside(self) -> str:
        """A tensor to be broadcast with the first."""
        return self.make(self._shape_beside(), self._dtype_beside())

    def alike(self) -> str:
        """A tensor of the first one's shape and, mostly, dtype."""
        return self.make(self.shape, self._dtype_beside())

    def other(self) -> str:
        """A number, or a tensor to be broadcast."""
        return self.number() if self.rng.random() < 0.4 else self.beside()

    def same_dtype(self) -> str:
        return self.make(self._shape_beside(), self.dtype)

    def condition(self) -> str:
        """A bool tensor to be broadcast with the first."""
        return self.make(self._shape_beside(), "bool" if self.rng.random() < 0.85 else draw_dtype(self.rng))

    def mask(self) -> str:
        """A bool tensor to be broadcast to the first."""
        shape = tuple(1 if self.rng.random() < 0.25 else n for n in self.shape)
        shape = shape[self.rng.choice([0, 0, 1]) :]
        return self.make(shape, "bool" if self.rng.random() < 0.9 else self.rng.choice(["uint8", "int64"]))

    def factor(self) -> str:
        """A tensor whose product with the first by @ exists."""
        rng, shape = self.rng, self.shape
        inner = shape[-1] if shape else 2
        if self.wrong and rng.random() < 0.3:
            inner += 1
        columns = rng.randint(0, 3)
        stack = tuple(1 if rng.random() < 0.3 else n for n in shape[:-2])
        options: list[Shape] = [(inner,), (inner, columns), (*stack, inner, columns), (2, *stack, inner, columns)]
        return self.make(rng.choice(options), self.dtype if rng.random() < 0.9 else draw_dtype(rng))

    def matrix_factor(self) -> str:
        inner = self.shape[-1] if self.shape else 2
        return self.make((inner, self.rng.randint(0, 3)), self.dtype)

    def vector_alike(self) -> str:
        n = self.shape[0] if self.shape else 1
        return self.make((n + (self.wrong and self.rng.random() < 0.3),), self._dtype_beside())

    def other_vector(self) -> str:
        return self.make((self.rng.randint(0, 3),), self._dtype_beside())

    def several(self) -> str:
        """Tensors to be joined along `self.dim`, as a list or a tuple."""
        rng = self.rng
        first = draw_shape(rng, 0 if self.wrong else 1)
        self.dim = rng.randrange(len(first)) if first else 0
        names = [self.make(first, draw_dtype(rng))]
        for _ in range(rng.randint(0, 2)):
            shape = list(first)
            if shape:
                shape[self.dim] = rng.randint(0, 3)
            if rng.random() < 0.05:
                shape = [0]
            names.append(self.make(tuple(shape), self._dtype_beside()))
        return self._sequence(names)

    def several_alike(self) -> str:
        """Tensors of one shape."""
        names = [self.any()]
        names += [self.make(self.shape, self._dtype_beside()) for _ in range(self.rng.randint(0, 2))]
        if self.wrong:
            names.append(self.make((*self.shape, 2), self.dtype))
        return self._sequence(names)

    def broadcastable(self) -> str:
        """Tensors to be broadcast together, as arguments one by one."""
        names = [self.any()] + [self.beside() for _ in range(self.rng.randint(0, 2))]
        return ", ".join(names)

    def _sequence(self, parts: list[str]) -> str:
        if self.rng.random() < 0.5:
            return f"[{', '.join(parts)}]"
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"

    def bools(self) -> str:
        """A bool tensor, the first of its program."""
        return self.make(draw_shape(self.rng), "bool" if self.rng.random() < 0.9 else draw_dtype(self.rng))

    # ------------------------------------------------------------------------------------- dimensions and sizes

    def _position(self, ndim: int) -> int:
        """A dimension, counted from the front or from the back; 0 or -1 where there is none."""
        n = max(ndim, 1)
        if self.wrong and self.rng.random() < 0.4:
            return self.rng.choice([n, -n - 1, n + 1])
        return self.rng.randrange(-n, n)

    def one_dim(self) -> str:
        """One dimension of the first tensor."""
        self.dim = self._position(len(self.shape))
        if self.wrong and self.rng.random() < 0.3:
            return self.rng.choice([f"({self.dim},)", f"[{self.dim}]", "(0, 1)", "0.0", "None", '"0"'])
        if self.rng.random() < 0.03:
            return f"np.int64({self.dim})"
        return str(self.dim)

    def joined_dim(self) -> str:
        """The dimension along which `several` may have different sizes."""
        ndim = len(self.shape)
        if self.wrong and self.rng.random() < 0.5:
            return str(self.rng.choice([ndim, -ndim - 1, 0]))
        return str(self.dim - ndim if ndim and self.rng.random() < 0.4 else self.dim)

    def new_dim(self) -> str:
        """Where a dimension can be put in."""
        self.dim = self._position(len(self.shape) + 1)
        return str(self.dim)

    def dims(self) -> str:
        """Dimensions of the first tensor: an int, a tuple, a list, None."""
        rng, ndim = self.rng, len(self.shape)
        form = rng.choices(["one", "several", "none", "empty"], [45, 40, 10, 5])[0]
        if form == "one":
            return self.one_dim()
        if form == "none":
            return "None"
        if form == "empty":
            return rng.choice(["()", "[]"])
        chosen = rng.sample(range(ndim), rng.randint(min(1, ndim), ndim)) if ndim else rng.choice([[0], [-1]])
        chosen = [d - ndim if rng.random() < 0.4 and ndim else d for d in chosen]
        if self.wrong and rng.random() < 0.5:
            chosen = [*chosen, rng.choice([chosen[0], ndim, -ndim - 1, 0.5])]
        return self._sequence([str(d) for d in chosen])

    def some_dims(self) -> str:
        """Dimensions, not None."""
        for _ in range(20):
            if (text := self.dims()) != "None":
                return text
        return "0"

    def order(self) -> str:
        """All dimensions in some order."""
        ndim = len(self.shape)
        chosen = self.rng.sample(range(ndim), ndim)
        chosen = [d - ndim if self.rng.random() < 0.3 else d for d in chosen]
        if self.wrong and self.rng.random() < 0.5:
            chosen = chosen[1:] if self.rng.random() < 0.5 else [*chosen, 0]
        return self._sequence([str(d) for d in chosen])

    def moved(self) -> str:
        """A dimension or several, to be moved; where to is drawn next."""
        ndim = len(self.shape)
        if ndim < 2 or self.rng.random() < 0.5:
            self.count = 0
            return self.one_dim()
        self.count = self.rng.randint(1, ndim)
        return self._sequence([str(d) for d in self.rng.sample(range(ndim), self.count)])

    def moved_to(self) -> str:
        if not self.count:
            return self.one_dim()
        count = self.count - (self.wrong and self.rng.random() < 0.3)
        ndim = len(self.shape)
        return self._sequence([str(d - ndim * (self.rng.random() < 0.3)) for d in self.rng.sample(range(ndim), count)])

    def size(self) -> str:
        """A shape of any size."""
        shape = draw_shape(self.rng)
        if self.wrong and self.rng.random() < 0.4:
            shape = (*shape, self.rng.choice([-1, -2]))
        return self._sequence([str(n) for n in shape])

    def reshaped(self) -> str:
        """A shape of as many elements, one size of which may be -1."""
        rng, size = self.rng, int(np.prod(self.shape, dtype=int))
        if size and size <= 64:
            shape, left = [], size
            while left > 1 and len(shape) < 3:
                shape.append(rng.choice([n for n in range(1, left + 1) if left % n == 0]))
                left //= shape[-1]
            shape += [left] if left > 1 or rng.random() < 0.5 else []
        else:
            shape = [*self.shape[::-1]]
        if shape and rng.random() < 0.4:
            shape[rng.randrange(len(shape))] = -1
        if self.wrong and rng.random() < 0.6:
            shape = [*shape, rng.choice([2, -1, -2, 0])]
        return self._sequence([str(n) for n in shape])

    def expanded(self) -> str:
        """A shape that the first tensor can be broadcast to; -1 keeps a size."""
        rng = self.rng
        shape = [rng.randint(0, 3) if n == 1 and rng.random() < 0.7 else rng.choice([n, n, -1]) for n in self.shape]
        shape = [rng.randint(1, 3) for _ in range(rng.choice([0, 0, 1, 2]))] + shape
        if self.wrong and rng.random() < 0.6:
            shape = rng.choice([[-1, *shape], shape[1:], [*shape[:-1], 7]])
        return self._sequence([str(n) for n in shape])

    def broadcast_size(self) -> str:
        text = self.expanded()
        return text.replace("-1", "1") if self.rng.random() < 0.5 else text

    def repeats(self) -> str:
        counts = [self.rng.randint(0, 3) for _ in range(len(self.shape) + self.rng.choice([0, 0, 1]))]
        if self.wrong and self.rng.random() < 0.5:
            counts = self.rng.choice([counts[1:], [*counts, -1]])
        return self._sequence([str(n) for n in counts])

    def pieces(self) -> str:
        """A size of pieces, or the list of their sizes along dimension 0 (the dimension is drawn later)."""
        rng = self.rng
        if rng.random() < 0.5:
            return str(rng.randint(0 if self.wrong else 1, 4))
        total = self.shape[0] if self.shape else 1
        sizes = []
        while total > 0:
            sizes.append(rng.randint(0, total))
            total -= sizes[-1]
        if self.wrong:
            sizes.append(rng.choice([1, -1]))
        return self._sequence([str(n) for n in sizes])

    def shifts(self) -> str:
        if self.rng.random() < 0.6:
            self.count = 0
            return str(self.rng.randint(-5, 5))
        self.count = self.rng.randint(1, max(len(self.shape), 1))
        return self._sequence([str(self.rng.randint(-5, 5)) for _ in range(self.count)])

    def shift_dims(self) -> str:
        if not self.count:
            return self.one_dim()
        ndim = max(len(self.shape), 1)
        return self._sequence([str(self.rng.randrange(-ndim, ndim)) for _ in range(self.count)])

    def position(self) -> str:
        """A place along the dimension drawn last, or just behind it."""
        n = self._size_along()
        self.start = self.rng.randint(0, n)
        if self.wrong and self.rng.random() < 0.5:
            self.start = self.rng.choice([n + 1, -n - 1])
        elif n and self.rng.random() < 0.3:
            self.start -= n
        return str(self.start)

    def length(self) -> str:
        n = self._size_along()
        start = self.start if self.start >= 0 else self.start + n
        length = self.rng.randint(0, max(n - start, 0))
        return str(length + (self.rng.choice([1, -length - 1]) if self.wrong and self.rng.random() < 0.5 else 0))

    def _size_along(self) -> int:
        try:
            return self.shape[self.dim] if self.shape else 1
        except IndexError:
            return 2

    def offset(self) -> str:
        return str(self.rng.randint(-3, 3))

    def k(self) -> str:
        """How many of the last dimension."""
        n = self.shape[-1] if self.shape else 1
        return str(self.rng.choice([n + 1, -1]) if self.wrong else self.rng.randint(0, n))

    # --------------------------------------------------------------------------------------- numbers and settings

    def number(self) -> str:
        """A number in every form: int, float, bool, a tensor without dimensions, NumPy's scalar."""
        rng = self.rng
        plain = [str(rng.randint(-3, 3)), str(rng.randint(-6, 6) / 2), "2", "0", "1", "-1", "0.5", "True"]
        if self.profile != "ordinary":
            plain += ["inf", "-inf", "nan", "-0.0", "1e30"]
        text = rng.choice(plain)
        form = rng.choices(["plain", "tensor", "numpy"], [80, 15, 5])[0]
        if form == "tensor":
            return f"T.tensor({text})"
        return f"np.float64({text})" if form == "numpy" else text

    def real(self) -> str:
        """A Python number."""
        return self.rng.choice([str(self.rng.randint(-3, 3)), str(self.rng.randint(-6, 6) / 2)])

    def positive(self) -> str:
        return self.rng.choice(["1", "2", "0.5", "1.5", "0.1"] + (["0", "-1"] if self.wrong else []))

    def share(self) -> str:
        return self.rng.choice(["0.0", "0.1", "1.0", "0.5", "0"] + (["-0.1", "1.5"] if self.wrong else []))

    def whole_share(self) -> str:
        """A dropout that is none, or drops all."""
        return self.rng.choice(["0.0", "1.0", "0", "1"])

    def no_dropout(self) -> str:
        return "0.0"

    def approximation(self) -> str:
        return self.rng.choice(['"none"', '"tanh"'] + (['"erf"'] if self.wrong else []))

    def pad_mode(self) -> str:
        return '"constant"'

    def fold_size(self) -> str:
        return self.rng.choice(["(4, 3)", "[4, 3]"])

    def fold_kernel(self) -> str:
        return self.rng.choice(["2", "(2, 2)"])

    def feature_bias(self) -> str:
        return "None" if self.rng.random() < 0.3 else self.make((self.out,), self.dtype)

    def eps(self) -> str:
        return self.rng.choice(["1e-5", "1e-3", "0.1"])

    def flag(self) -> str:
        return self.rng.choice(["True", "False"])

    def unbiased(self) -> str:
        return self.flag()

    def correction(self) -> str:
        return self.rng.choice(["0", "1", "2", "None", "0.5", "10"])

    def p(self) -> str:
        """Which norm."""
        return self.rng.choice(["2", "1", "0", "3", "inf", "-inf", '"fro"', "0.5", "-1", "None", "2.0", "1.5"])

    def a_dtype(self) -> str:
        return f"T.{self.rng.choice([*ALL, 'float', 'double', 'half', 'long', 'int', 'short'])}"

    def dtype_or_none(self) -> str:
        return "None" if self.rng.random() < 0.1 else self.a_dtype()

    def rounding(self) -> str:
        return self.rng.choice(["None", '"floor"', '"trunc"'] + (['"round"'] if self.wrong else []))

    def decimals(self) -> str:
        return self.rng.choice(["0", "1", "2", "-1"])

    def bound(self) -> str:
        """A bound of clamp: a number, None, or a tensor."""
        form = self.rng.choices(["number", "none", "tensor"], [55, 20, 25])[0]
        return self.real() if form == "number" else "None" if form == "none" else self.beside()

    def bins(self) -> str:
        return self.rng.choice(["4", "1", "3", "10"] + (["0", "-1"] if self.wrong else []))

    def fill(self) -> str:
        """A number to fill with."""
        return self.number()

    # ------------------------------------------------------------------------------------------------- indices

    def index(self) -> str:
        """Any index of the first tensor."""
        return self._index(distinct=False)

    def distinct_index(self) -> str:
        """An index that names no element twice, for writing."""
        return self._index(distinct=True)

    def _index(self, distinct: bool) -> str:
        rng = self.rng
        if rng.random() < 0.06:
            return self.mask_of(self.shape)
        parts: list[str] = []
        rest = list(self.shape)
        wanted = rng.randint(0, len(rest))
        length = rng.randint(0, 3)  # of all index tensors, so that they can be broadcast
        taken = False
        while wanted > 0 and rest:
            n = rest.pop(0)
            wanted -= 1
            form = rng.choice(
                ["int", "slice", "slice", "tensor", "list", ":", "range", "mask", "0-d", "matrix", "masks"]
            )
            if distinct and taken and form in ("tensor", "list", "range", "mask", "matrix", "masks"):
                form = "slice"  # two of them might meet at one element twice
            if form in ("tensor", "list", "range", "matrix") and (not n or n < length):
                form = "slice"
            if form == "int" and not n:
                form = ":"
            if form == "int":
                parts.append(str(rng.randrange(-n, n) if not self.wrong else rng.choice([n, -n - 1, "0.5", 0])))
            elif form == "0-d":
                parts.append(f"T.tensor({rng.randrange(-n, n)})" if n else ":")
            elif form == "slice":
                parts.append(self._slice(n))
            elif form == ":":
                parts.append(":")
            elif form == "mask":
                parts.append(self._mask_text((n,)))
                taken = True
            elif form == "masks" and rest:
                parts.append(self._mask_text((n, rest.pop(0))))
                taken = True
            elif form == "range":
                parts.append(f"range({length})")
                taken = True
            elif form == "matrix" and length:
                numbers = self._positions(n, length, distinct)
                parts.append(f"T.tensor([{numbers}])")
                taken = True
            elif form in ("tensor", "list", "matrix"):
                numbers = self._positions(n, length, distinct)
                dtype = "" if numbers else ", dtype=T.int64"
                if form == "tensor" and rng.random() < 0.15:
                    dtype = f", dtype=T.{rng.choice(['int32', 'int16', 'int8'])}"
                parts.append(str(numbers) if form == "list" else f"T.tensor({numbers}{dtype})")
                taken = True
            else:
                parts.append(":")
        if rest and rng.random() < 0.25:
            parts.insert(rng.randint(0, len(parts)) if not rest else len(parts), "...")
            if rng.random() < 0.6 and rest[-1]:
                parts.append(rng.choice([str(rng.randrange(-rest[-1], rest[-1])), self._slice(rest[-1])]))
        if rng.random() < 0.2:
            parts.insert(rng.randint(0, len(parts)), "None")
        if rng.random() < 0.03:
            parts.insert(0, rng.choice(["True", "False"]))
        if not parts:
            return rng.choice(["...", "()", "None", ":", "..."] if self.shape else ["...", "()", "None"])
        return ", ".join(parts)

    def _positions(self, n: int, count: int, distinct: bool) -> list[int]:
        if distinct:
            return [d - n * (self.rng.random() < 0.3) for d in self.rng.sample(range(n), count)]
        return [self.rng.randrange(-n, n) for _ in range(count)]

    def _slice(self, n: int) -> str:
        rng = self.rng
        start = rng.choice(["", str(rng.randint(-n - 1, n + 1))])
        stop = rng.choice(["", str(rng.randint(-n - 1, n + 1))])
        step = rng.choice(["", "", ":2", ":3"] + ([":-1", ":0"] if self.wrong else []))
        return f"{start}:{stop}{step}"

    def mask_of(self, shape: Shape) -> str:
        return self._mask_text(shape)

    def _mask_text(self, shape: Shape) -> str:
        if self.wrong and self.rng.random() < 0.5 and shape:
            shape = (*shape[:-1], shape[-1] + 1)
        values = draw_numbers(self.rng, shape, "bool").tolist()
        dtype = "uint8" if self.rng.random() < 0.1 else "bool"
        if 0 in shape:
            return f"T.tensor(np.zeros({shape}), dtype=T.{dtype})"
        return f"T.tensor({values}, dtype=T.{dtype})"

    def assigned(self) -> str:
        """What is written to an index: a number, or a tensor that may be broadcast."""
        if self.rng.random() < 0.4:
            return self.number()
        shape = self.rng.choice([(), (1,), (1, 1)])
        return self.make(shape, self._dtype_beside())

    def positions_along(self) -> str:
        """An index tensor for `gather`: of as many dimensions, none larger except along `self.dim`."""
        rng, shape = self.rng, list(self.shape)
        n = self._size_along()
        try:
            if shape:
                shape = [rng.randint(min(1, s), s) for s in shape]
                shape[self.dim] = rng.randint(0, 3)
        except IndexError:
            pass
        if self.wrong and rng.random() < 0.4:
            shape = [*shape, 1]
        return self._indices(tuple(shape), n)

    def vector_of_positions(self) -> str:
        rng = self.rng
        shape = rng.choice([(rng.randint(0, 3),), (rng.randint(1, 3),), ()])
        if self.wrong and rng.random() < 0.3:
            shape = (1, 2)
        return self._indices(shape, self._size_along())

    def _indices(self, shape: Shape, n: int) -> str:
        rng = self.rng
        low = -n if self.wrong and rng.random() < 0.5 else 0
        high = n + (1 if self.wrong and rng.random() < 0.5 else 0)
        if not n:
            shape, high = (0,) * max(len(shape), 1), 1
        numbers = [rng.randrange(low, max(high, low + 1)) for _ in range(int(np.prod(shape)))]
        dtype = "int64" if rng.random() < 0.8 else rng.choice(["int32", "uint8", "int16", "float32"])
        return self.make(shape, dtype, False, np.array(numbers).reshape(shape))
