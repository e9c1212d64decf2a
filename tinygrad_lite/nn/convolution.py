"""Layers of convolutions: kernels that are learned, laid over every window of an image."""

from __future__ import annotations

from typing import Any

from tinygrad_lite import creation
from tinygrad_lite.backend import ShapeError
from tinygrad_lite.nn import functional, init
from tinygrad_lite.nn.functional.convolution import ints_of
from tinygrad_lite.nn.module import Module
from tinygrad_lite.nn.parameter import Parameter
from tinygrad_lite.tensor import Tensor


class _Convolution(Module):
    """What the three layers share: settings, a weight, and a bias (out_channels,), uniform on ±1/√fan_in at first."""

    dims = 2
    transposed = False
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.kernel_size = self._ints("kernel_size", kernel_size, 1)
        self.stride = self._ints("stride", stride, 1)
        by_name = isinstance(padding, str) and not self.transposed
        self.padding = padding if by_name else self._ints("padding", padding, 0)
        self.dilation = self._ints("dilation", dilation, 1)
        self.groups = groups
        self.padding_mode = padding_mode
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ShapeError(
                f"{type(self).__name__}: in_channels={in_channels} and out_channels={out_channels} must be divisible by"
                f" groups={groups}"
            )
        if padding_mode != "zeros":
            raise NotImplementedError(
                f"{type(self).__name__}: padding_mode must be 'zeros', not {padding_mode!r}. Use"
                " functional.pad, or a layer of your own"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (first, second // groups, *self.kernel_size)
        self.weight = Parameter(creation.empty(*shape, device=device, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(creation.empty(out_channels, device=device, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first values."""
        init.uniform_by_fan_in_(self.weight, self.bias)

    def _ints(self, setting: str, value: Any, least: int) -> tuple[int, ...]:
        return ints_of(type(self).__name__, setting, value, least, self.dims)

    def extra_repr(self) -> str:
        plain = {"padding": 0, "dilation": 1, "output_padding": 0, "groups": 1}
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        for name, usual in plain.items():
            value = getattr(self, name, usual)
            if value not in (usual, (usual,), (usual, usual)):
                text += f", {name}={value}"
        return text if self.bias is not None else f"{text}, bias=False"


class Conv2d(_Convolution):
    """Convolution of images (n, in_channels, h, w) → (n, out_channels, h', w'): see `functional.conv2d`.

    kernel_size, stride, padding, dilation: one int, or two; padding may be "same" or "valid".
    weight (out_channels, in_channels / groups, kh, kw) and bias (out_channels,) start uniform on ±1/√fan_in.
    """

    def forward(self, x: Tensor) -> Tensor:
        """x: (n, in_channels, h, w), or one image (in_channels, h, w)."""
        return functional.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv1d(_Convolution):
    """Convolution of sequences (n, in_channels, length) → (n, out_channels, length'): see `functional.conv1d`.

    weight (out_channels, in_channels / groups, kernel_size) and bias (out_channels,) start uniform on ±1/√fan_in.
    """

    dims = 1

    def forward(self, x: Tensor) -> Tensor:
        """x: (n, in_channels, length), or one sequence (in_channels, length)."""
        return functional.conv1d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class ConvTranspose2d(_Convolution):
    """Transposed convolution, which makes images larger by its stride: see `functional.conv_transpose2d`.

    weight (in_channels, out_channels / groups, kh, kw) and bias (out_channels,).
    """

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self.output_padding = self._ints("output_padding", output_padding, 0)

    def forward(self, x: Tensor) -> Tensor:
        """x: (n, in_channels, h, w), or one image (in_channels, h, w)."""
        return functional.conv_transpose2d(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )
