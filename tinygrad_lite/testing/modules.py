"""`check_module`: all that a module has to do right, from its gradients to what a file of its weights holds.

    check_module(nn.Linear(3, 2), randn(4, 3))
    check_module(lambda: MyBlock(4), [x, mask])

A module goes wrong in ways that no gradient shows: a parameter that the optimizer never sees, since it is in a plain
list; a running mean that is not a buffer, so that a saved model opens as a different one; dropout that goes on in
eval(). Each check below is one such mistake, and its message says which.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_lite.autograd import grad, no_grad
from tinygrad_lite.backend import cuda_is_available, default_generator, to_numpy
from tinygrad_lite.nn.module import Module
from tinygrad_lite.nn.parameter import Parameter
from tinygrad_lite.tensor import Tensor
from tinygrad_lite.testing.differences import has_derivative
from tinygrad_lite.testing.gradcheck import GradcheckError, NoDerivative, gradcheck, gradgradcheck
from tinygrad_lite.testing.same import assert_same


def check_module(
    module: Module | Callable[[], Module],
    inputs: Any,
    *,
    modes: Sequence[str] = ("train", "eval"),
    unused: Sequence[str] = (),
    order: int = 1,
    dtypes: Sequence[str] = ("float32", "float16"),
    devices: Sequence[str] | None = None,
    rtol: float = 1e-4,
) -> None:
    """Check a module, of the package or your own, at these inputs.

        class Scaled(nn.Module):
            def __init__(self):
                super().__init__()
                self.scales = [nn.Parameter(ones(3))]

            def forward(self, x):
                return self.scales[0] * x

        check_module(Scaled(), randn(2, 3))    # AssertionError: Scaled.scales[0] is not registered ...

    module: a Module, which is left as it was; or a function that makes one. The function is the sharper check: then a
        second module, made anew, has to take over the first one's state.
    inputs: a Tensor or a sequence of what `forward` takes, small ones: for the differences the module runs twice for
        each number in them and in its parameters.
    modes: "train" and "eval", or one of them, if it is used in that one only.
    unused: names of parameters that may get no gradient.
    order: 2 to check second derivatives too.
    dtypes: in which its outputs must be once it is moved there. devices: where it must do the same; default: a GPU, if
        there is one.
    rtol: the relative difference allowed between gradients and differences.

    In each mode: it is the same function twice, once parameters, buffers and random numbers are put back; inputs stay
    as they were; gradients of inputs and parameters are those of differences; outputs are recorded if an input or a
    parameter asks for it, and not otherwise. In eval() it draws no random numbers and leaves its buffers alone. All
    its tensors and modules are registered. A copy (`copy.deepcopy`) shares no memory with it, and a module that is
    given its `state_dict()` computes the same. AssertionError or GradcheckError that says what is wrong.
    """
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    original = module if isinstance(module, Module) else module()
    name = type(original).__name__
    _check_copy(name, original)
    _check_registered(name, original)

    def fresh() -> Module:
        return copy.deepcopy(original)

    _check_modes(name, fresh())

    without_gradient: set[str] = set()
    for mode in modes:
        trial = _Trial(fresh().double(), [_moved(x, "float64") for x in inputs], mode)
        where = f"{name} in {mode}()"
        _check_repeatable(where, trial)
        _check_recording(where, trial)
        missing = _check_gradients(where, trial, order, rtol)
        without_gradient = missing if mode == modes[0] else without_gradient & missing
    unexpected = sorted(without_gradient - set(unused))
    assert not unexpected, (
        f"{name}: the parameter {', '.join(unexpected)} gets no gradient in {' or '.join(modes)}(): forward does not"
        " use it, or detaches it. If that is meant, name it in unused="
    )

    _check_state(name, fresh(), fresh() if isinstance(module, Module) else module(), inputs, modes)
    expected = _Trial(fresh().double(), [_moved(x, "float64") for x in inputs], modes[-1])
    for dtype in dtypes:
        moved = _Trial(fresh().to(dtype), [_moved(x, dtype) for x in inputs], modes[-1])
        _check_like(f"{name} in {dtype}", moved, expected, dtype, modes[-1] == "eval")
    for device in ["cuda"] if devices is None and cuda_is_available() else devices or []:
        there = [x.detach().to(device) if isinstance(x, Tensor) else x for x in expected.inputs]
        moved = _Trial(fresh().double().to(device), there, modes[-1])
        _check_like(f"{name} on {device}", moved, expected, "float64", modes[-1] == "eval")


class _Trial:
    """A module in one mode, at inputs, that can be run again as if it had never run.

    Attributes:
        leaves: the floating inputs and the parameters that are learned, by what an error calls them.
    """

    def __init__(self, module: Module, inputs: Sequence[Any], mode: str) -> None:
        self.module = module.train(mode == "train")
        self.inputs = list(inputs)
        self.buffers = _numbers(module.named_buffers())
        floating = [(i, x) for i, x in enumerate(self.inputs) if isinstance(x, Tensor) and x.is_floating_point()]
        self.parameters = {n: p for n, p in module.named_parameters() if p.requires_grad}
        self.leaves = {f"input {i}": x for i, x in floating}
        self.leaves |= {f"the parameter {n}": p for n, p in self.parameters.items()}

    def run(self, seed: int = 0) -> list[Tensor]:
        """The outputs that are Tensors, from the buffers as they were and the random numbers of a seed."""
        with no_grad():
            for name, buffer in self.module.named_buffers():
                if name in self.buffers:
                    buffer.copy_(buffer.new_tensor(self.buffers[name]))
        with _seeded(self.module, self.inputs, seed), np.errstate(all="ignore"):
            return _flat(self.module(*self.inputs))

    def floating(self) -> list[Tensor]:
        """The outputs that a gradient could come from."""
        return [y for y in self.run() if y.is_floating_point()]

    def gradients(self) -> dict[str, np.ndarray | None]:
        """Of each leaf, in a random direction of the outputs; None where none arrives."""
        outputs = [y for y in self.floating() if y.requires_grad]
        if not outputs or not self.leaves:
            return dict.fromkeys(self.leaves)
        rng = np.random.default_rng(0)
        starts = [y.new_tensor(rng.uniform(0.5, 1.5, tuple(y.shape))) for y in outputs]
        with np.errstate(all="ignore"):
            found = grad(outputs, list(self.leaves.values()), starts, allow_unused=True)
        return {n: None if g is None else to_numpy(g._array) for n, g in zip(self.leaves, found, strict=True)}


# --------------------------------------------------------------------------------------- what a module is made of


def _check_registered(name: str, module: Module) -> None:
    """No Tensor and no module stands in an attribute without being a parameter, a buffer or a child."""
    known = {id(tensor) for tensor in (*module.parameters(), *module.buffers())}
    children = {id(child) for child in module.modules()}
    for path, owner in module.named_modules():
        for attribute, value in vars(owner).items():
            if attribute.startswith("_") and attribute in Module.__annotations__:
                continue
            for place, found in _inside(value, f"{path or name}.{attribute}"):
                if isinstance(found, Module):
                    remedy = "keep modules in an nn.ModuleList, an nn.ModuleDict or an attribute of their own"
                    assert id(found) in children, (
                        f"{place} is a module that is not registered, so parameters() and state_dict() do not know it:"
                        f" {remedy}"
                    )
                elif id(found) not in known:
                    learned = isinstance(found, Parameter) or found.requires_grad
                    remedy = "make it an nn.Parameter in an attribute of its own" if learned else "use register_buffer"
                    raise AssertionError(
                        f"{place} is not registered, so to() does not move it and state_dict() leaves it out: {remedy}"
                    )


def _inside(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """The Tensors and modules in an attribute: itself, or in lists, tuples and dictionaries."""
    if isinstance(value, Tensor | Module):
        yield place, value
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from _inside(part, f"{place}[{i}]")
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _inside(part, f"{place}[{key!r}]")


def _check_copy(name: str, module: Module) -> None:
    """`copy.deepcopy` gives a module of the same state and kind, in memory of its own."""
    other = copy.deepcopy(module)
    assert type(other) is type(module), f"copy.deepcopy of {name} gives a {type(other).__name__}"
    mine, copied = module.state_dict(), other.state_dict()
    assert list(mine) == list(copied), f"copy.deepcopy of {name} has the state {list(copied)}, not {list(mine)}"
    assert other is not module, f"copy.deepcopy of {name} is the module itself"
    for key, tensor in mine.items():
        a, b = to_numpy(tensor._array), to_numpy(copied[key]._array)
        assert_same(b, a, 0.0, f"copy.deepcopy of {name} has a different {key}")
        with no_grad():
            before, kept = b.copy(), copied[key].clone()
            copied[key].copy_(copied[key] + 1 if copied[key].dtype.kind != "b" else ~copied[key])
            shared = not np.array_equal(to_numpy(tensor._array), before, equal_nan=before.dtype.kind == "f")
            copied[key].copy_(kept)
        assert not shared, f"copy.deepcopy of {name} shares the memory of {key} with the original"


def _check_modes(name: str, module: Module) -> None:
    """train() and eval() reach every module inside, and return the module."""
    for call, mode in ((module.eval, False), (module.train, True)):
        returned = call()
        assert returned is module, f"{name}.{call.__name__}() does not return the module"
        for path, child in module.named_modules():
            which = f"{name}.{path}" if path else name
            assert child.training is mode, (
                f"{name}.{call.__name__}() does not reach {which}: its training is {not mode}"
            )


# ------------------------------------------------------------------------------------------------ what it computes


def _check_repeatable(where: str, trial: _Trial) -> None:
    """The same output again, whatever was computed before; inputs, and in eval() buffers, as they were."""
    before = [to_numpy(x._array).copy() if isinstance(x, Tensor) else None for x in trial.inputs]
    first = [to_numpy(y._array).copy() for y in trial.run()]
    assert first, f"{where} returned no Tensor"
    for i, (x, numbers) in enumerate(zip(trial.inputs, before, strict=True)):
        if numbers is not None:
            assert np.array_equal(to_numpy(x._array), numbers, equal_nan=x.is_floating_point()), (
                f"{where} changed input {i} in place"
            )
    if not trial.module.training:
        for key, numbers in _numbers(trial.module.named_buffers()).items():
            unchanged = key in trial.buffers and np.array_equal(numbers, trial.buffers[key])
            assert unchanged, f"{where} changed the buffer {key}, which only training may"
    again = [to_numpy(y._array) for y in trial.run()]
    for numbers, expected in zip(again, first, strict=True):
        assert_same(
            numbers, expected, 1e-12,
            f"{where} is a different function the second time, though parameters, buffers and random numbers were put"
            " back. It keeps something that is neither: make it a buffer",
        )  # fmt: skip
    if not trial.module.training:
        for y, expected in zip(trial.run(seed=1), first, strict=True):
            assert_same(
                to_numpy(y._array), expected, 1e-12,
                f"{where} depends on random numbers. Give functions such as dropout training=self.training",
            )  # fmt: skip


def _check_recording(where: str, trial: _Trial) -> None:
    """Nothing is recorded unless an input or a parameter asks for it."""
    asking = [x for x in trial.leaves.values() if x.requires_grad]
    for x in asking:
        x.requires_grad_(False)
    recorded = any(y.requires_grad for y in trial.run())
    for x in asking:
        x.requires_grad_()
    assert not recorded, (
        f"{where} is recorded, though neither its inputs nor its parameters require a gradient: it uses a tensor that"
        " requires one and is not registered"
    )
    with no_grad():
        recorded = any(y.requires_grad for y in trial.run())
    assert not recorded, f"{where} is recorded under no_grad()"


def _check_gradients(where: str, trial: _Trial, order: int, rtol: float) -> set[str]:
    """Gradients against differences, leaf by leaf. Returns the names of the parameters that get none."""
    for x in trial.leaves.values():
        x.requires_grad_()
    if not trial.floating() or not any(y.requires_grad for y in trial.floating()):
        return set(trial.parameters)
    passed_over = []
    for which, x in trial.leaves.items():

        def function(*_: Any) -> list[Tensor]:
            return trial.floating()

        try:
            gradcheck(function, [x], rtol=rtol)
            if order > 1 and has_derivative(function, [x]):
                gradgradcheck(function, [x], rtol=rtol)
        except GradcheckError as error:
            raise GradcheckError(f"{where}, {which}: {error}") from None
        except NoDerivative as error:
            passed_over.append(error)
    if trial.leaves and len(passed_over) == len(trial.leaves):
        raise passed_over[0]
    gradients = trial.gradients()
    return {n for n in trial.parameters if gradients[f"the parameter {n}"] is None}


def _check_state(name: str, trained: Module, other: Module, inputs: Sequence[Any], modes: Sequence[str]) -> None:
    """A module given another's state_dict() computes what that one computes, and shares nothing with it."""
    _move_parameters(trained, seed=1)
    _move_parameters(other, seed=2)
    with no_grad():
        for scale in (1.0, 1.5) if "train" in modes else ():
            scaled = [x * scale if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs]
            with _seeded(trained, inputs, 0):
                trained.train()(*scaled)
    state = trained.state_dict()
    expected = set(dict(trained.named_parameters())) | set(dict(trained.named_buffers()))
    lost = sorted(expected - set(state))
    assert not lost, f"{name}.state_dict() leaves out {', '.join(lost)}"
    other.load_state_dict(copy.deepcopy(state))
    for mode in modes:
        with no_grad():
            outputs = [
                [to_numpy(y._array) for y in _Trial(each, inputs, mode).run()] for each in (trained, other)
            ]  # fmt: skip
        for a, b in zip(*outputs, strict=True):
            assert_same(
                b, a, 1e-6,
                f"{name} in {mode}(): a module that was given its state_dict() computes something else. It keeps"
                " something that is neither a parameter nor a buffer",
            )  # fmt: skip


def _check_like(where: str, moved: _Trial, expected: _Trial, dtype: str, compare: bool) -> None:
    """Outputs of the dtype asked for, and the numbers and gradients of the module in float64."""
    tolerance = 2e3 * float(np.finfo(dtype).eps)
    compare = compare and tolerance < 1  # half precision rounds inputs to the other side of kinks
    for trial in (moved, expected):
        for x in trial.leaves.values():
            x.requires_grad_()
    for y, in_float64 in zip(moved.run(), expected.run(), strict=True):
        if y.is_floating_point():
            assert y.dtype == np.dtype(dtype), (
                f"{where}: the output is {y.dtype}. Make constants in the dtype of the input: x.new_zeros(...), or a"
                " buffer"
            )
        if compare:
            text = f"{where}: the output differs from that in float64 on the default device"
            assert_same(to_numpy(y._array), to_numpy(in_float64._array), tolerance, text)
    if compare:
        gradients = moved.gradients()
        for which, e in expected.gradients().items():
            mine = gradients[which]
            text = f"{where}: the gradient with respect to {which} differs from that in float64 on the default device"
            assert (mine is None) == (e is None), text
            if mine is not None and e is not None:
                assert_same(mine, e, tolerance, text)


# -------------------------------------------------------------------------------------------------------- helpers


def _flat(answer: Any) -> list[Tensor]:
    """All Tensors in what forward returned, in order."""
    return [found for _, found in _inside(answer, "") if isinstance(found, Tensor)]


def _numbers(named: Any) -> dict[str, np.ndarray]:
    return {name: to_numpy(tensor._array).copy() for name, tensor in named}


def _moved(x: Any, dtype: str) -> Any:
    """An input in another dtype, if it is floating: a leaf of its own."""
    if not isinstance(x, Tensor):
        return x
    return x.detach().to(dtype).clone() if x.is_floating_point() else x.detach().clone()


def _move_parameters(module: Module, seed: int) -> None:
    """Move every floating parameter a little, so that no two modules agree by their initialisation."""
    rng = np.random.default_rng(seed)
    with no_grad():
        for parameter in module.parameters():
            if parameter.is_floating_point():
                parameter.add_(parameter.new_tensor(rng.uniform(-0.1, 0.1, tuple(parameter.shape))))


@contextlib.contextmanager
def _seeded(module: Module, inputs: Sequence[Any], seed: int) -> Iterator[None]:
    """A `with` block that draws the random numbers of a seed, and leaves the user's sequence where it was."""
    tensors = [*module.parameters(), *module.buffers(), *(x for x in inputs if isinstance(x, Tensor))]
    generators = [default_generator(), *(default_generator(tensor.device) for tensor in tensors)]
    before = [dict(vars(generator)) for generator in generators]
    for generator in generators:
        generator.manual_seed(seed)
    try:
        yield
    finally:
        for generator, attributes in zip(generators, before, strict=True):
            vars(generator).update(attributes)
