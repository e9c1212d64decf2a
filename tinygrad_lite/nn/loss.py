"""Losses as modules: each holds its settings and calls the function of the same name."""

from __future__ import annotations

from tinygrad_lite.nn import functional
from tinygrad_lite.nn.module import Module
from tinygrad_lite.tensor import Tensor


class _Loss(Module):
    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction


class MSELoss(_Loss):
    """The mean squared error (`functional.mse_loss`)."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Both of one shape; one number, or with reduction="none" of that shape."""
        return functional.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """The mean absolute error (`functional.l1_loss`)."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Both of one shape; one number, or with reduction="none" of that shape."""
        return functional.l1_loss(input, target, reduction=self.reduction)


class _ClassLoss(_Loss):
    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index


class NLLLoss(_ClassLoss):
    """The negative log likelihood (`functional.nll_loss`)."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """input: (n, classes, ...) log-probabilities; target: (n, ...) class indices."""
        return functional.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class CrossEntropyLoss(_ClassLoss):
    """The cross-entropy of logits (`functional.cross_entropy`)."""

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, ignore_index=ignore_index, reduction=reduction)
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """input: (n, classes, ...) logits; target: (n, ...) class indices, or probabilities of input's shape."""
        return functional.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCEWithLogitsLoss(_Loss):
    """The binary cross-entropy of logits (`functional.binary_cross_entropy_with_logits`)."""

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self, weight: Tensor | None = None, *, reduction: str = "mean", pos_weight: Tensor | None = None
    ) -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Both of one shape: logits, and the probabilities they should have."""
        return functional.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )
