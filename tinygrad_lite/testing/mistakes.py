"""What can be wrong with a function: its mutants, each the function with one mistake in it.

Most mistakes are made in the source (`changed_sources`): a sign turned, a factor or a term dropped, an operand, a
number, a dimension or a comparison exchanged, a statement left out. Mistakes that have no single place in the source
are made around a gradient rule (`changed_results`): it is right, but only for some shapes or layouts, or in the first
derivative, or for the first call.

    for mutant in mutants_of_rules(my_op):
        with mutant.planted():
            ...  # here, my_op's gradient is wrong
"""

from __future__ import annotations

import ast
import contextlib
import copy
import functools
import inspect
import linecache
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_lite.op import Op, Traced


@dataclass
class Reach:
    """How often a mutant of a rule ran, and how often it made a difference."""

    calls: int = 0
    differed: int = 0


@dataclass
class Mutant:
    """A function with one mistake, which is there only inside `with mutant.planted()`.

    Attributes:
        where: the function, in words. what: the mistake, in words.
        reach: of a rule, how often it ran and gave something else; stays empty for other functions.
    """

    where: str
    what: str
    plant: Callable[[Reach], Callable[[], None]]  # plants it, and returns what takes it out again
    reach: Reach = field(default_factory=Reach)

    @contextlib.contextmanager
    def planted(self) -> Iterator[None]:
        """A `with` block in which the mistake is there."""
        take_out = self.plant(self.reach)
        try:
            yield
        finally:
            take_out()


# -------------------------------------------------------------------------------------------- of gradient rules


def mutants_of_rules(op: Op) -> Iterator[Mutant]:
    """All mutants of an operation's gradient rules."""
    for function in dict.fromkeys(op.functions.values()):
        names = [name for name, other in op.functions.items() if other is function]
        where = f"{op.name}, rule for {' and '.join(names)}"
        for what, wrong in (*changed_sources(function, numeric=True), *_other_operands(op, names, function)):
            yield Mutant(where, what, functools.partial(_plant_rule, op, names, _watched(function, wrong)))
        for what, change in changed_results(op):
            yield Mutant(where, what, functools.partial(_plant_rule, op, names, _around(op, function, change)))


def _plant_rule(op: Op, names: list[str], make: Callable[[Reach], Any], reach: Reach) -> Callable[[], None]:
    before = dict(vars(op), functions=dict(op.functions), rules=list(op.rules))
    op.gradient(*names)(make(reach))
    return lambda: vars(op).update(before)


def _watched(right: Callable[..., Any], wrong: Callable[..., Any]) -> Callable[[Reach], Any]:
    """The wrong rule, beside which the right one runs on the same arrays, to see whether they differ."""

    def make(reach: Reach) -> Callable[..., Any]:
        comparable = list(inspect.signature(right).parameters) == list(inspect.signature(wrong).parameters)

        @functools.wraps(wrong)
        def rule(g: Any, *arrays: Any, **settings: Any) -> Any:
            reach.calls += 1
            if isinstance(g, Traced) or not comparable:
                reach.differed += 1
                return wrong(g, *arrays, **settings)
            expected = right(g, *arrays, **{**settings, "into": None} if "into" in settings else settings)
            found = wrong(g, *arrays, **{**settings, "into": None} if "into" in settings else settings)
            reach.differed += not _equal(expected, found)
            return wrong(g, *arrays, **settings) if settings.get("into") is not None else found

        return rule

    return make


def _equal(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())


def _other_operands(op: Op, names: list[str], function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """The rule given another value than it asks for: the output for an input, one input for another."""
    tree = source_tree(function)
    if tree is None or op.variadic:
        return
    asks = list(inspect.signature(function).parameters)
    for asked in asks:
        for other in ["y", *op.inputs]:
            if asked in ("y", *op.inputs) and other not in asks:
                changed = copy.deepcopy(tree)
                for node in ast.walk(changed):
                    if isinstance(node, ast.Name) and node.id == asked:
                        node.id = other
                    elif isinstance(node, ast.arg) and node.arg == asked:
                        node.arg = other
                yield f"operand exchanged: {asked}  →  {other}", _compiled(changed, function)


Change = Callable[[Callable[..., Any], Any, tuple[Any, ...], tuple[int, ...]], Any]


def _around(op: Op, function: Callable[..., Any], change: Callable[[], Change]) -> Callable[[Reach], Any]:
    """A rule that calls the right one, and then does something wrong with its result."""
    asked = inspect.signature(function)
    signature = asked if "shape" in asked.parameters else _asking_for_shape(asked)

    def make(reach: Reach) -> Callable[..., Any]:
        do = change()

        def rule(*given: Any, **named: Any) -> Any:
            found = signature.bind(*given, **named).arguments
            g, into, shape = found.pop("g"), found.pop("into", None), found["shape"]
            arrays = [found.pop(name) for name in list(found) if name in ("y", *op.inputs)]
            arrays = list(arrays[0]) if op.variadic and arrays else arrays
            settings = {name: value for name, value in found.items() if name in asked.parameters}
            empty = {"into": None} if "into" in asked.parameters else {}
            reach.calls += 1
            wrong = do(functools.partial(function, **settings, **empty), g, tuple(arrays), shape)
            if wrong is None:  # nothing to be wrong about here
                return function(g, *arrays, **settings, **({"into": into} if empty else {}))
            reach.differed += 1
            if into is not None:
                into += wrong
                return into
            return wrong

        rule.__signature__ = signature  # type: ignore[attr-defined]
        return rule

    return make


def _asking_for_shape(asked: inspect.Signature) -> inspect.Signature:
    """The parameters of a rule, and `shape` behind those that may be given by position."""
    by_position = [p for p in asked.parameters.values() if p.kind <= p.VAR_POSITIONAL]
    by_name = [p for p in asked.parameters.values() if p.kind > p.VAR_POSITIONAL]
    any_number = any(p.kind == p.VAR_POSITIONAL for p in by_position)
    kind = inspect.Parameter.KEYWORD_ONLY if any_number else inspect.Parameter.POSITIONAL_OR_KEYWORD
    return asked.replace(parameters=[*by_position, inspect.Parameter("shape", kind), *by_name])


def changed_results(op: Op) -> Iterator[tuple[str, Callable[[], Change]]]:
    """Mistakes around a rule, each with what makes it. A change gives None where it makes no difference."""

    def doubled(where: Callable[[Any, tuple[int, ...]], bool]) -> Callable[[], Change]:
        def change(rule: Any, g: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
            right = rule(g, *arrays)
            return 2 * right if right is not None and where(right, shape) else None

        return lambda: change

    yield "factor: twice as much", doubled(lambda r, shape: True)
    yield "only without dimensions: twice as much", doubled(lambda r, shape: shape == ())
    yield "only in two or more dimensions: twice as much", doubled(lambda r, shape: len(shape) >= 2)
    yield "only in three or more dimensions: twice as much", doubled(lambda r, shape: len(shape) >= 3)
    yield "only with several rows: twice as much", doubled(lambda r, shape: len(shape) >= 2 and shape[0] > 1)
    if len(op.inputs) > 1:
        yield "only if broadcast in front: twice as much", doubled(lambda r, shape: r.ndim > len(shape))
        yield "only if broadcast from size 1: twice as much", doubled(_stretched)
        yield "broadcast forgotten: the first slice instead of the sum", lambda: _first_slice
    yield "summed over everything", lambda: _summed
    yield "transposed", lambda: _transposed
    yield "g left out: taken to be 1", lambda: _without_g
    yield "fails where a size is 0", lambda: _fails_if_empty
    yield "only where an array is in Fortran order: twice as much", lambda: _doubled_if(_fortran)
    yield "only where an array has gaps or runs backwards: twice as much", lambda: _doubled_if(_gaps)
    if any(name in op.inputs or name == "y" for f in op.functions.values() for name in inspect.signature(f).parameters):
        yield "second derivative cut: what was saved is detached", lambda: _saved_detached
        yield "what was saved is overwritten", lambda: _saved_overwritten
    yield "second derivative cut: g is detached", lambda: _g_detached
    yield "buffer kept: the first result of a shape is returned again", _kept
    yield "g is overwritten", lambda: _g_overwritten


def _stretched(right: Any, shape: tuple[int, ...]) -> bool:
    behind = right.shape[right.ndim - len(shape) :] if right.ndim >= len(shape) else right.shape
    return any(size == 1 < whole for size, whole in zip(shape, behind, strict=False))


def _first_slice(rule: Any, g: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
    right = rule(g, *arrays)
    if right is None or right.ndim < len(shape) or tuple(right.shape) == tuple(shape) or 0 in right.shape:
        return None
    right = right[(0,) * (right.ndim - len(shape))]
    return right[tuple(slice(0, 1) if size == 1 else slice(None) for size in shape)]


def _summed(rule: Any, g: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
    right = rule(g, *arrays)
    return None if right is None or int(np.prod(right.shape)) < 2 else right.sum() + 0 * right


def _transposed(rule: Any, g: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
    right = rule(g, *arrays)
    if right is None or right.ndim < 2 or min(right.shape[-2:]) < 2:
        return None
    return right.swapaxes(-1, -2).reshape(right.shape)


def _without_g(rule: Any, g: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
    return rule(0 * g + 1, *arrays)


def _fails_if_empty(rule: Any, g: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
    if 0 in shape:
        raise ValueError("planted: no elements")
    return None


def _doubled_if(layout: Callable[[Any], bool]) -> Change:
    def change(rule: Any, g: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
        if isinstance(g, Traced) or not any(hasattr(a, "flags") and a.size > 1 and layout(a) for a in (g, *arrays)):
            return None
        right = rule(g, *arrays)
        return None if right is None else 2 * right

    return change


def _fortran(array: Any) -> bool:
    return array.flags.f_contiguous and not array.flags.c_contiguous


def _gaps(array: Any) -> bool:
    return not array.flags.f_contiguous and not array.flags.c_contiguous


def _saved_detached(rule: Any, g: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
    if not isinstance(g, Traced):
        return None
    return rule(g, *(a.detach() if isinstance(a, Traced) else a for a in arrays))  # type: ignore[attr-defined]


def _g_detached(rule: Any, g: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
    return rule(g.detach(), *arrays) if isinstance(g, Traced) else None  # type: ignore[attr-defined]


def _saved_overwritten(rule: Any, g: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
    right = rule(g, *arrays)
    writable = [a for a in arrays if hasattr(a, "flags") and a.size and a.flags.writeable and a.dtype.kind == "f"]
    if right is None or not writable:
        return None
    right = right.copy()
    writable[0] += 1
    return right


def _kept() -> Change:
    results: dict[Any, Any] = {}

    def change(rule: Any, g: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
        if isinstance(g, Traced):
            return None
        right = rule(g, *arrays)
        if right is None:
            return None
        first = results.setdefault((right.shape, right.dtype), right.copy())
        return None if _equal(first, right) else first.copy()

    return change


def _g_overwritten(rule: Any, g: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
    right = rule(g, *arrays)
    if isinstance(g, Traced) or right is None or right.shape != g.shape or not g.flags.writeable or right is g:
        return None
    g[...] = right
    return g


# ------------------------------------------------------------------------------------------- of any function


def mutants_of_function(function: types.FunctionType, where: str) -> Iterator[Mutant]:
    """All mutants of a function or method. Whoever has imported it meets the mutant, since its code is exchanged."""
    for what, wrong in changed_sources(function):
        yield Mutant(where, what, functools.partial(_plant_code, function, wrong.__code__))


def _plant_code(function: types.FunctionType, code: types.CodeType, reach: Reach) -> Callable[[], None]:
    before = function.__code__
    function.__code__ = code

    def take_out() -> None:
        function.__code__ = before

    return take_out


def functions_in(place: Any, name: str) -> Iterator[tuple[str, types.FunctionType]]:
    """A function or property, the methods of a class, or all functions and classes that a module defines itself."""
    place = inspect.unwrap(place) if callable(place) else place
    if isinstance(place, types.FunctionType):
        yield name, place
    elif isinstance(place, property):
        yield from ((name, f) for f in (place.fget, place.fset) if isinstance(f, types.FunctionType))
    elif isinstance(place, staticmethod | classmethod):
        yield from functions_in(place.__func__, name)
    elif isinstance(place, types.ModuleType):
        for key, value in vars(place).items():
            if getattr(value, "__module__", None) == place.__name__ and not isinstance(value, Op):
                yield from functions_in(value, f"{name}.{key}")
    elif isinstance(place, type):
        for key, value in vars(place).items():
            if isinstance(value, types.FunctionType | property | staticmethod | classmethod):
                yield from functions_in(value, f"{name}.{key}")


# -------------------------------------------------------------------------------------- mistakes in the source

TURNED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
COMPARED = {
    ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.Lt, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
TIED = {ast.Gt: ast.GtE, ast.Lt: ast.LtE, ast.GtE: ast.Gt, ast.LtE: ast.Lt}
MESSAGES = (ast.Raise, ast.Assert, ast.JoinedStr, ast.arguments, ast.AnnAssign)  # nothing inside is a computation


def changed_sources(function: Callable[..., Any], numeric: bool = False) -> Iterator[tuple[str, types.FunctionType]]:
    """A function with one thing changed in its source, in every way; nothing if the source is not at hand.

    numeric: it returns numbers, whose sign may be turned, and its arguments may stand for each other.
    """
    tree = source_tree(function)
    if tree is None:
        return
    operands = [name for name in inspect.signature(function).parameters if name not in ("shape", "index", "into")]
    for position, node in enumerate(_computing(tree)):
        for i, (what, other) in enumerate(variants(node, function.__globals__, operands if numeric else [])):
            changed = copy.deepcopy(tree)
            twin = list(_computing(changed))[position]
            after = list(variants(twin, function.__globals__, operands if numeric else []))[i][1]
            try:
                wrong = _compiled(_Replaced(twin, after).visit(changed), function)
            except (SyntaxError, ValueError, TypeError):
                continue  # not Python: a return outside, an assignment to a call
            text = f"  →  {_line(other)}" if other is not None else ""
            yield f"{what}: {_line(node)}{text}", wrong


def _line(node: ast.AST) -> str:
    text = " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())
    return text if len(text) <= 90 else text[:87] + "..."


def _computing(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function's body, those of error messages and docstrings left out."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            yield node
            if not isinstance(node, MESSAGES):
                yield from _computing(node)


def variants(node: ast.AST, scope: dict[str, Any], operands: list[str]) -> Iterator[tuple[str, Any]]:
    """What else could stand in the place of this part of a function; None for nothing."""
    if isinstance(node, ast.BinOp):
        if type(node.op) in TURNED:
            yield "operator turned", ast.BinOp(node.left, TURNED[type(node.op)](), node.right)
        if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
            yield "right dropped", node.left
            yield "left dropped", node.right
        if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.Pow):
            yield "operands swapped", ast.BinOp(node.right, node.op, node.left)
        if isinstance(node.op, ast.MatMult):
            yield "left transposed", ast.BinOp(ast.Attribute(node.left, "mT", ast.Load()), node.op, node.right)
            yield "right transposed", ast.BinOp(node.left, node.op, ast.Attribute(node.right, "mT", ast.Load()))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield "sign dropped" if isinstance(node.op, ast.USub) else "not dropped", node.operand
    elif isinstance(node, ast.Call):
        for i in range(len(node.args) - 1):
            if not any(isinstance(arg, ast.Starred) for arg in node.args[i : i + 2]):
                args = [*node.args[:i], node.args[i + 1], node.args[i], *node.args[i + 2 :]]
                yield f"arguments {i} and {i + 1} swapped", ast.Call(node.func, args, node.keywords)
        if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value, scope):
            yield "call dropped", node.func.value
        elif node.args and not isinstance(node.args[0], ast.Starred):
            yield "call dropped", node.args[0]
    elif isinstance(node, ast.Attribute) and node.attr in ("T", "mT") and isinstance(node.ctx, ast.Load):
        yield "transposition dropped", node.value
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        for what, table in (("comparison turned", COMPARED), ("comparison of equals", TIED)):
            if type(node.ops[0]) in table:
                ops = [table[type(node.ops[0])](), *node.ops[1:]]
                yield what, ast.Compare(node.left, ops, node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield "and for or", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        for i in range(len(node.values)):
            rest = [*node.values[:i], *node.values[i + 1 :]]
            yield f"part {i} dropped", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.IfExp):
        yield "always the first", node.body
        yield "always the second", node.orelse
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "switched", ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield "number changed", ast.Constant(node.value + 1)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in operands:
        for other in operands:
            if other != node.id:
                yield "operand exchanged", ast.Name(other, ast.Load())
    elif isinstance(node, ast.Return) and node.value is not None and operands:
        yield "sign turned", ast.Return(ast.UnaryOp(ast.USub(), node.value))
    elif isinstance(node, ast.If):
        yield "always", ast.If(ast.Constant(True), node.body, node.orelse)
        yield "never", ast.If(ast.Constant(False), node.body, node.orelse)
    elif isinstance(node, ast.With):
        yield "without the with", ast.If(ast.Constant(True), node.body, [])
    elif isinstance(node, ast.AugAssign) and type(node.op) in TURNED:
        yield "operator turned", ast.AugAssign(node.target, TURNED[type(node.op)](), node.value)
    if isinstance(node, ast.Expr | ast.AugAssign | ast.Raise | ast.Delete | ast.Continue | ast.Break):
        yield "statement dropped", None
    elif isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name):
        yield "statement dropped", None  # a name would be missing, an attribute or element only stays as it was


def _is_module(node: ast.AST, scope: dict[str, Any]) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and isinstance(scope.get(node.id), types.ModuleType)


class _Replaced(ast.NodeTransformer):
    """A tree with one node in place of another; a statement that is dropped leaves `pass` behind."""

    def __init__(self, node: ast.AST, other: ast.AST | None) -> None:
        self.node, self.other = node, other

    def visit(self, node: ast.AST) -> Any:
        """The other node where this is the one."""
        if node is self.node:
            return ast.Pass() if self.other is None else self.other
        return super().visit(node)


# ------------------------------------------------------------------------------- from a function to its source and back


def source_tree(function: Any) -> ast.FunctionDef | None:
    """The definition of a function, or of a lambda as one that returns it. None if the source is not at hand."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    try:
        file = ast.parse("".join(linecache.getlines(code.co_filename, function.__globals__)))
    except SyntaxError:
        return None
    for node in ast.walk(file):
        if isinstance(node, ast.FunctionDef | ast.Lambda) and _is_of(node, code):
            node = copy.deepcopy(node)
            if isinstance(node, ast.Lambda):
                returned = ast.Return(node.body)
                node = ast.FunctionDef("_", node.args, [returned], [])
                node = ast.parse(ast.unparse(ast.fix_missing_locations(node))).body[0]
            assert isinstance(node, ast.FunctionDef)
            node.decorator_list, node.returns = [], None
            node.args.defaults, node.args.kw_defaults = [], [None] * len(node.args.kwonlyargs)
            for arg in ast.walk(node.args):
                if isinstance(arg, ast.arg):
                    arg.annotation = None
            return node
    return None


def _is_of(node: ast.FunctionDef | ast.Lambda, code: types.CodeType) -> bool:
    """Whether the code was compiled from this node: it begins in its line, and lies within it."""
    decorated = node.decorator_list[0].lineno if isinstance(node, ast.FunctionDef) and node.decorator_list else 0
    name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
    if code.co_name != name or code.co_firstlineno != (decorated or node.lineno):
        return False
    if isinstance(node, ast.FunctionDef):
        return True
    places = {(line, column) for line, _, column, _ in code.co_positions() if line and column}
    first, last = (node.body.lineno, node.body.col_offset), (node.body.end_lineno, node.body.end_col_offset)
    return all(first <= place <= last for place in places)


def _compiled(tree: ast.FunctionDef, original: Any) -> types.FunctionType:
    """A function from its definition, in the scope of the original: its globals, and its variables from around it."""
    original = inspect.unwrap(original)
    free = original.__code__.co_freevars
    # Named where they are never evaluated, so that the code has the same variables from around it, whatever was dropped
    names = [ast.Expr(ast.Name(name, ast.Load())) for name in free]
    if names:
        tree.body.insert(0, ast.If(ast.Constant(False), list(names), []))
    arguments = ast.arguments([], [ast.arg(name) for name in free], None, [], [], None, [])
    around = ast.parse("def around(): pass")
    outer = around.body[0]
    assert isinstance(outer, ast.FunctionDef)
    outer.args, outer.body = arguments, [tree, ast.Return(ast.Name(tree.name, ast.Load()))]
    compiled = compile(ast.fix_missing_locations(around), original.__code__.co_filename, "exec")
    scope: dict[str, Any] = {}
    exec(compiled, scope)
    code = next(
        c for c in scope["around"].__code__.co_consts if isinstance(c, types.CodeType) and c.co_name == tree.name
    )
    cells = dict(zip(free, original.__closure__ or (), strict=True))
    closure = tuple(cells[name] for name in code.co_freevars)
    made = types.FunctionType(code, original.__globals__, original.__name__, original.__defaults__, closure)
    made.__kwdefaults__ = original.__kwdefaults__
    return made
