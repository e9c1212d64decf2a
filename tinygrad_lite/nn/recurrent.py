"""Recurrent layers: a state goes from one time step to the next, and every step changes it by the same function.

That function is the *cell*, of the step's input, already multiplied by its weights, and of the state. `RNN`, `LSTM`
and `GRU` differ by their cell alone; the loops over layers, directions and time are in `_Recurrent`.
"""

from __future__ import annotations

import math
from typing import Any

from tinygrad_lite import creation
from tinygrad_lite.backend import ShapeError
from tinygrad_lite.functions import cat, stack
from tinygrad_lite.nn import functional, init
from tinygrad_lite.nn.module import Module
from tinygrad_lite.nn.parameter import Parameter
from tinygrad_lite.tensor import Tensor

State = tuple[Tensor, ...]  # (n, hidden_size) each: the hidden state, and for an LSTM the cell state too


class _Recurrent(Module):
    """Several layers of one cell, in one direction or both.

    Parameters, for each layer and direction, all uniform on ±1/√hidden_size at first; a layer reads the output of the
    one before, of both its directions, and the backward direction has the suffix "_reverse":

        weight_ih_l0 (gates · hidden_size, input_size)      weight_hh_l0 (gates · hidden_size, hidden_size)
        bias_ih_l0   (gates · hidden_size,)                 bias_hh_l0   (gates · hidden_size,)

    batch_first: the input is (n, time, features) instead of (time, n, features); one sequence may come without n.
    dropout: of the output of every layer but the last, in training.
    """

    gates = 1
    states = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{type(self).__name__}: {name} must be an int of at least 1, but got {value!r}")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self._suffixes = ["", "_reverse"] if bidirectional else [""]
        rows = self.gates * hidden_size
        for layer in range(num_layers):
            columns = input_size if layer == 0 else hidden_size * len(self._suffixes)
            for suffix in self._suffixes:
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, columns), "weight_hh": (rows, hidden_size)}
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                for name, shape in shapes.items():
                    parameter = Parameter(creation.empty(shape, device=device, dtype=dtype))
                    setattr(self, f"{name}_l{layer}{suffix}", parameter)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first values."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def cell(self, x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
        """The next state. x: the input times its weights (n, gates · hidden_size); weight and bias: of the state."""
        raise NotImplementedError

    def forward(self, x: Tensor, hx: Any = None) -> tuple[Tensor, Any]:
        """x (time, n, input_size) → the last layer's state at all times (time, n, directions · hidden_size), and the
        last state of each layer and direction (layers · directions, n, hidden_size): for an LSTM a pair of them.

        hx: the state to begin with, of that shape; zeros if it is left out.
        """
        one = x.ndim == 2
        if one:
            x = x.unsqueeze(1)
        elif self.batch_first and x.ndim == 3:
            x = x.transpose(0, 1)
        if x.ndim != 3 or x.shape[-1] != self.input_size or not x.shape[0]:
            raise ShapeError(
                f"{type(self).__name__}: expected an input (time, n, {self.input_size}), batch_first"
                f" (n, time, {self.input_size}), or one sequence (time, {self.input_size}), with at least one step; got"
                f" {tuple(x.squeeze(1).shape if one else x.shape)}"
            )
        before = self._first_state(hx, x, one)
        after: list[State] = []
        for layer in range(self.num_layers):
            outputs = []
            for suffix in self._suffixes:
                output, last = self._along(x, [s[len(after)] for s in before], f"l{layer}{suffix}", bool(suffix))
                outputs.append(output)
                after.append(last)
            x = cat(outputs, -1) if len(outputs) > 1 else outputs[0]
            if layer < self.num_layers - 1:
                x = functional.dropout(x, self.dropout, self.training)
        states = tuple(stack(state) for state in zip(*after, strict=True))
        if one:
            x, states = x.squeeze(1), tuple(state.squeeze(1) for state in states)
        elif self.batch_first:
            x = x.transpose(0, 1)
        return x, states if self.states > 1 else states[0]

    def _along(self, x: Tensor, first: list[Tensor], name: str, backwards: bool) -> tuple[Tensor, State]:
        """One layer in one direction: its hidden states at all times, and its last state."""
        bias_ih, bias_hh = (getattr(self, f"{kind}_{name}") if self.bias else None for kind in ("bias_ih", "bias_hh"))
        inputs = functional.linear(x, getattr(self, f"weight_ih_{name}"), bias_ih)  # of all times at once
        weight, state, hidden = getattr(self, f"weight_hh_{name}"), tuple(first), []
        for step in reversed(inputs.unbind(0)) if backwards else inputs.unbind(0):
            state = self.cell(step, state, weight, bias_hh)
            hidden.append(state[0])
        return stack(hidden[::-1] if backwards else hidden), state

    def _first_state(self, hx: Any, x: Tensor, one: bool) -> list[Tensor]:
        shape = (self.num_layers * len(self._suffixes), x.shape[1], self.hidden_size)
        if hx is None:
            return [creation.zeros(shape, dtype=x.dtype, device=x.device) for _ in range(self.states)]
        states = list(hx) if self.states > 1 else [hx]
        states = [state.unsqueeze(1) if one else state for state in states]
        for state in states:
            if len(states) != self.states or tuple(state.shape) != shape:
                raise ShapeError(
                    f"{type(self).__name__}: expected {self.states} state(s) hx of the shape {shape}, but got"
                    f" {[tuple(state.shape) for state in states]}"
                )
        return states

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        usual = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        return text + "".join(f", {n}={getattr(self, n)}" for n, value in usual.items() if getattr(self, n) != value)


class RNN(_Recurrent):
    """h ← tanh(W_ih x + b_ih + W_hh h + b_hh), or with nonlinearity="relu" the ReLU of it (Elman 1990)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        *args: Any,
        **settings: Any,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(input_size, hidden_size, num_layers, *args, **settings)
        self.nonlinearity = nonlinearity

    def cell(self, x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
        (h,) = state
        total = x + functional.linear(h, weight, bias)
        return (total.tanh() if self.nonlinearity == "tanh" else total.relu(),)


class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997).

    With i, f, g, o the parts of  W_ih x + b_ih + W_hh h + b_hh :

    c ← σ(f) · c + σ(i) · tanh(g)        forget some of the memory, and write to it
    h ← σ(o) · tanh(c)                   show some of it
    """

    gates = 4
    states = 2

    def cell(self, x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
        h, c = state
        i, f, g, o = (x + functional.linear(h, weight, bias)).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class GRU(_Recurrent):
    """Gated recurrent unit (Cho et al. 2014).

    With r, z, n the parts of  W_ih x + b_ih,  and r', z', n' of  W_hh h + b_hh :

    n ← tanh(n + σ(r + r') · n')         a new state, which has forgotten some of the old one
    h ← (1 - z) · n + z · h              with z ← σ(z + z'): keep some of the old one
    """

    gates = 3

    def cell(self, x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
        (h,) = state
        r, z, n = x.chunk(3, 1)
        r_h, z_h, n_h = functional.linear(h, weight, bias).chunk(3, 1)
        new = (n + (r + r_h).sigmoid() * n_h).tanh()
        z = (z + z_h).sigmoid()
        return ((1 - z) * new + z * h,)
