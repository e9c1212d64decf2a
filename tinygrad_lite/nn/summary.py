"""What a network is made of, as a table."""

from __future__ import annotations

from typing import Any

from tinygrad_lite.autograd import no_grad
from tinygrad_lite.nn.module import Module
from tinygrad_lite.tensor import Tensor


def summary(module: Module, *inputs: Any) -> str:
    """A table of the layers, in the order in which these inputs reach them: output shapes, and numbers of parameters.

    The module is run once, in evaluation mode and unrecorded, and is left as it was. A layer that is used twice has two
    lines, and its parameters count once.
    """
    lines: list[tuple[str, str, str]] = []
    counted: set[Module] = set()

    def note(name: str, layer: Module) -> Any:
        def hook(_: Module, __: Any, output: Any) -> None:
            parameters = sum(p.numel() for p in layer.parameters(recurse=False)) if layer not in counted else 0
            counted.add(layer)
            lines.append((f"{name} ({type(layer).__name__})", _shape(output), f"{parameters:,}"))

        return layer.register_forward_hook(hook)

    modes = {layer: layer.training for layer in module.modules()}
    leaves = [(name, layer) for name, layer in module.named_modules() if not list(layer.children())]
    handles = [note(name or type(layer).__name__, layer) for name, layer in leaves]
    try:
        with no_grad():
            module.eval()(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for layer, training in modes.items():
            layer.training = training
    total = sum(p.numel() for p in module.parameters())
    learned = sum(p.numel() for p in module.parameters() if p.requires_grad)
    rows = [
        ("layer", "output shape", "parameters"),
        *lines,
        ("total", "", f"{total:,}"),
        ("learned", "", f"{learned:,}"),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    rule = "-" * (sum(widths) + 4)
    text = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
    return "\n".join([text[0], rule, *text[1:-2], rule, *text[-2:]])


def _shape(output: Any) -> str:
    if isinstance(output, Tensor):
        return str(tuple(output.shape))
    return ", ".join(map(_shape, output)) if isinstance(output, tuple) else type(output).__name__
