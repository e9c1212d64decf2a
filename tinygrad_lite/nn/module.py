"""A module: a function with parameters of its own.

    class Line(nn.Module):
        def __init__(self):
            super().__init__()
            self.slope = nn.Parameter(tensor(1.0))

        def forward(self, x):
            return self.slope * x

Python calls `__setattr__` for each `self.name = value`. There a module notes which of its attributes are Parameters and
which are modules, so that `parameters()` can find all of them, to any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from tinygrad_lite.autograd.graph import Handle, Hooks
from tinygrad_lite.creation import as_tensor
from tinygrad_lite.nn.parameter import Parameter
from tinygrad_lite.tensor import Tensor


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict(..., strict=False)` found missing, and what it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Module:
    """The base of all layers and networks. A subclass writes `forward`; calling the module runs it.

    Attributes:
        training: True until `eval()`, for layers that behave differently in training.
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _forward_hooks: Hooks
    _forward_pre_hooks: Hooks

    def __init__(self) -> None:
        for name in ("_parameters", "_buffers", "_modules"):
            object.__setattr__(self, name, {})
        self._forward_hooks, self._forward_pre_hooks = Hooks(), Hooks()
        self.training = True

    def forward(self, *inputs: Any, **settings: Any) -> Any:
        """What the module computes. Every subclass writes its own."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        if not self._forward_pre_hooks and not self._forward_hooks:
            return self.forward(*inputs, **settings)
        for before in self._forward_pre_hooks.now():
            changed = before(self, inputs)
            if changed is not None:
                inputs = changed if isinstance(changed, tuple) else (changed,)
        output = self.forward(*inputs, **settings)
        for after in self._forward_hooks.now():
            changed = after(self, inputs, output)
            if changed is not None:
                output = changed
        return output

    # ------------------------------------------------------------------------------- attributes that are registered

    def __setattr__(self, name: str, value: Any) -> None:
        registered = self.__dict__.get("_parameters")
        if registered is None and isinstance(value, (Parameter, Module)):
            raise AttributeError(
                f"cannot assign {type(value).__name__} before Module.__init__() call: call super().__init__() first in"
                f" {type(self).__name__}.__init__"
            )
        if isinstance(value, Parameter) or (registered is not None and name in registered):
            self._set_parameter(name, value)
        elif isinstance(value, Module) or (registered is not None and name in self._modules):
            self._set_module(name, value)
        elif registered is not None and name in self._buffers:
            self._set_buffer(name, value)
        else:
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        """Python asks here for what it did not find: the error says so where `__init__` of this class never ran."""
        message = f"'{type(self).__name__}' object has no attribute '{name}'"
        if "_parameters" not in self.__dict__ and name in Module.__annotations__:
            message += f": call super().__init__() first in {type(self).__name__}.__init__"
        raise AttributeError(message, name=name, obj=self)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._forget(name)

    def _register(self, kind: str, name: str, value: Any, registered: dict[str, Any]) -> None:
        """Note an attribute by its kind. The attribute itself is an ordinary one, found as fast as any other."""
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
        if "." in name or not name:
            raise KeyError(f'{kind} name can\'t contain ".", nor be the empty string ""; got {name!r}')
        if hasattr(type(self), name):
            raise KeyError(f"attribute '{name}' already exists")
        if name not in registered:
            self._forget(name)
        registered[name] = value
        object.__setattr__(self, name, value)

    def _forget(self, name: str) -> None:
        for registered in (self._parameters, self._buffers, self._modules):
            registered.pop(name, None)

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Add a parameter under a new name, as `self.name = parameter` does. None keeps the place empty."""
        self._refuse_taken(name, self._parameters)
        self._set_parameter(name, parameter)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a module under a new name, as `self.name = module` does."""
        self._refuse_taken(name, self._modules)
        self._set_module(name, module)

    register_module = add_module

    def register_buffer(self, name: str, tensor: Tensor | None) -> None:
        """Add a tensor that belongs to the module's state but is not learned, such as a running mean."""
        self._refuse_taken(name, self._buffers)
        self._set_buffer(name, tensor)

    def _refuse_taken(self, name: str, registered: dict[str, Any]) -> None:
        if name in self.__dict__ and name not in registered:
            raise KeyError(f"attribute '{name}' already exists")

    def _set_parameter(self, name: str, parameter: Any) -> None:
        if not (parameter is None or isinstance(parameter, Parameter)):
            raise TypeError(
                f"cannot assign '{type(parameter).__name__}' as parameter '{name}' (nn.Parameter or None expected)."
                " Change its numbers in place under no_grad(), or wrap the new tensor in nn.Parameter"
            )
        self._register("parameter", name, parameter, self._parameters)

    def _set_module(self, name: str, module: Any) -> None:
        if not (module is None or isinstance(module, Module)):
            raise TypeError(f"{type(module).__name__} is not a Module subclass: it cannot be the child module '{name}'")
        self._register("module", name, module, self._modules)

    def _set_buffer(self, name: str, tensor: Any) -> None:
        if not (tensor is None or isinstance(tensor, Tensor)):
            raise TypeError(f"cannot assign '{type(tensor).__name__}' as buffer '{name}' (Tensor or None expected)")
        self._register("buffer", name, tensor, self._buffers)

    # ------------------------------------------------------------------------------------------ what is in a module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, with their names, each once."""
        seen: set[Module] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules directly inside, each once."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "", seen: set[Module] | None = None) -> Iterator[tuple[str, Module]]:
        """This module and all inside, to any depth, each once, with names such as "encoder.0"."""
        seen = set() if seen is None else seen
        if self in seen:
            return
        seen.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(f"{prefix}.{name}" if prefix else name, seen)

    def modules(self) -> Iterator[Module]:
        """This module and all inside, to any depth, each once."""
        return (module for _, module in self.named_modules())

    def _named(self, kind: str, prefix: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        seen = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name, value in getattr(module, kind).items():
                if value is not None and value not in seen:
                    seen.add(value)
                    yield f"{path}.{name}" if path else name, value

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """All parameters, with names such as "0.weight"; one that several modules share, once."""
        return self._named("_parameters", prefix, recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, of this module and of those inside: what an optimizer is given."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """All buffers, with names."""
        return self._named("_buffers", prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """All parameters and buffers by name, sharing memory with the module: what is to be saved and loaded.

        What several modules share is there under each of its names.
        """
        state = {
            prefix + name: tensor.detach()
            for name, tensor in (*self._parameters.items(), *self._buffers.items())
            if tensor is not None
        }
        for name, module in self._modules.items():
            if module is not None:
                state |= module.state_dict(f"{prefix}{name}.")
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy the numbers of a `state_dict`, Tensors or arrays, into the parameters and buffers of the same names.

        strict=False lets names be missing, or unknown; they are returned as (missing_keys, unexpected_keys).
        RuntimeError that lists all that is missing, unexpected or of another shape, and leaves the module untouched.
        """
        own = self.state_dict()
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        given = {name: as_tensor(value) for name, value in state_dict.items() if name in own}
        wrong = [name for name, value in given.items() if value.shape != own[name].shape]
        errors = []
        if strict and unexpected:
            errors.append(f"Unexpected key(s) in state_dict: {', '.join(map(repr, unexpected))}.")
        if strict and missing:
            errors.append(f"Missing key(s) in state_dict: {', '.join(map(repr, missing))}.")
        errors += [
            f"size mismatch for {name}: copying a param with shape {tuple(given[name].shape)} from checkpoint, the"
            f" shape in current model is {tuple(own[name].shape)}."
            for name in wrong
        ]
        if errors:
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(errors))
        for name, value in given.items():
            own[name].copy_(value.detach())
        return IncompatibleKeys(missing, unexpected)

    # ------------------------------------------------------------------------------------------------ changing it

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call `function` with every module inside and with this one, say to initialise them. Returns the module."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set `training` here and in every module inside."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, but got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set `training` to False, here and in every module inside."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set whether the parameters are learned."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to 0."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad = parameter.grad.detach().zero_()

    def to(self, *where: Any, dtype: Any = None, device: Any = None) -> Self:
        """Move all parameters and buffers to a device, and the floating ones to a dtype. The same Parameters remain."""
        for tensor in [*self.parameters(), *self.buffers()]:
            moved = tensor.detach().to(*where, dtype=dtype, device=device)
            if tensor.is_floating_point() != moved.is_floating_point():
                if tensor.is_floating_point():
                    raise TypeError(f"nn.Module.to only accepts floating point dtypes, but got dtype={moved.dtype}")
                moved = tensor.detach().to(moved.device)  # integers in a buffer keep their dtype
            gradient = tensor.grad
            tensor.grad = None
            tensor.data = moved
            if gradient is not None:
                tensor.grad = gradient.to(moved)
        return self

    def float(self) -> Self:
        """All floating parameters and buffers as float32."""
        return self.to("float32")

    def double(self) -> Self:
        """All floating parameters and buffers as float64."""
        return self.to("float64")

    def half(self) -> Self:
        """All floating parameters and buffers as float16."""
        return self.to("float16")

    def cpu(self) -> Self:
        """All parameters and buffers on the CPU."""
        return self.to(device="cpu")

    def cuda(self, device: int | None = None) -> Self:
        """All parameters and buffers on a GPU."""
        return self.to(device="cuda" if device is None else f"cuda:{device}")

    # ----------------------------------------------------------------------------------------------------- hooks

    def register_forward_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(module, inputs, output)` after each forward; what it returns, if not None, replaces the output."""
        return self._forward_hooks.add(hook)

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(module, inputs)` before each forward; what it returns, if not None, replaces the inputs."""
        return self._forward_pre_hooks.add(hook)

    # ------------------------------------------------------------------------------------------------------ text

    def extra_repr(self) -> str:
        """What a layer's text says between the brackets: its sizes and settings."""
        return ""

    def __repr__(self) -> str:
        extra = [line for line in self.extra_repr().split("\n") if line]
        inside = [f"({name}): {_indented(repr(module))}" for name, module in self._modules.items()]
        if not inside and len(extra) <= 1:
            return f"{type(self).__name__}({''.join(extra)})"
        lines = "".join(f"\n  {line}" for line in [*extra, *inside])
        return f"{type(self).__name__}({lines}\n)"


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
