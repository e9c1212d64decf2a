"""`mutants`: is a check worth anything? The operation is made wrong, one mistake at a time, and the check must notice.

    print(mutants(my_op))                                           what check_op(my_op) would let pass
    print(mutants(my_op, lambda: check_op(my_op, low=0.5)))         a check of your own

A green check has looked at something, or at nothing: nobody can tell from the green. So the rules of the operation are
made wrong in every way that `mistakes.py` knows. A mutant that the check lets pass has *survived*: so would the
mistake, had it been yours. On the command line:

    python -m tinygrad_lite.testing.mutants MODULE[:OPERATION]
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import json
import os
import signal
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import hypothesis
from tqdm import tqdm

from tinygrad_lite.backend import get_default_device
from tinygrad_lite.op import Op
from tinygrad_lite.testing.check import check_op
from tinygrad_lite.testing.mistakes import Mutant, functions_in, mutants_of_function, mutants_of_rules


@dataclass
class Trial:
    """A mutant, and what the check made of it.

    Attributes:
        passed: whether it survived. error: what the check said, if it noticed.
        calls, differed: how often the mutated rule ran, and in how many of the calls it made a difference.
    """

    mutant: Mutant
    passed: bool
    error: str
    calls: int = 0
    differed: int = 0


@dataclass
class Report:
    """What a check made of all mutants: print it, or look into `survivors`."""

    name: str
    trials: list[Trial]

    @property
    def survivors(self) -> list[Trial]:
        """The mutants that the check let pass."""
        return [trial for trial in self.trials if trial.passed]

    def __str__(self) -> str:
        survived = self.survivors
        found = len(self.trials) - len(survived)
        lines = [f"{self.name}: {len(self.trials)} mutants, {found} found, {len(survived)} survived"]
        unseen = [trial for trial in survived if trial.calls and not trial.differed]
        seen = [trial for trial in survived if trial not in unseen]
        if seen:
            lines.append("  The check met these mistakes, and passed:")
            for trial in seen:
                often = f"   (in {trial.differed} of {trial.calls} calls)" if trial.calls else ""
                lines.append(f"    SURVIVED   {trial.mutant.where}: {trial.mutant.what}{often}")
        if unseen:
            lines.append("  The check never went where these make a difference, or they make none:")
            lines += [f"    SURVIVED   {trial.mutant.where}: {trial.mutant.what}" for trial in unseen]
        return "\n".join(lines)


def mutants(
    operation: Op,
    check: Callable[[], Any] | None = None,
    *,
    equivalent: Sequence[str] = (),
    seconds: int = 60,
) -> Report:
    """Make an operation's gradient rules wrong, one mistake at a time, and report which ones the check lets pass.

        print(mutants(smooth_step))

    operation: one made with `@op`.
    check: takes nothing, and raises an error for a wrong operation. Default: `check_op(operation)`.
    equivalent: parts of the descriptions of mutants that compute the same, and are left out: -0 is 0.
    seconds: after which a check counts as one that has noticed.

    Each trial runs in a process of its own where the system can fork and no GPU is in use, so that an endless loop or a
    crash ends only that. ValueError if the operation has no rules, or if the check fails before anything is made wrong.
    """
    if not isinstance(operation, Op):
        raise TypeError(f"mutants: an operation made with @op is needed, but got {type(operation).__name__}")
    if not operation.functions:
        raise ValueError(f"mutants: {operation.name} has no gradient rule to be made wrong")
    all_of_them = mutants_of_rules(operation)
    return try_out(operation.name, all_of_them, check or (lambda: check_op(operation)), equivalent, seconds)


def try_out(
    name: str,
    mutants: Iterable[Mutant],
    check: Callable[[], Any],
    equivalent: Sequence[str] = (),
    seconds: int = 60,
    check_first: bool = True,
) -> Report:
    """Plant these mutants, each for one run of the check: the mechanism of `mutants`, for functions of all kinds.

    check_first: run the check before anything is made wrong, and raise ValueError if it fails.
    """
    if check_first:
        as_it_is = _run(check, seconds)
        if not as_it_is.passed:
            raise ValueError(f"the check of {name} fails before anything was made wrong: {as_it_is.error}")
    trials = []
    for mutant in tqdm(list(mutants), desc=name, disable=None, leave=False):
        if not any(text in f"{mutant.where}: {mutant.what}" for text in equivalent):
            with mutant.planted():
                trials.append(_run(check, seconds, mutant))
    return Report(name, trials)


# ---------------------------------------------------------------------------------------------- one run of a check


def _run(check: Callable[[], Any], seconds: int, mutant: Mutant | None = None) -> Trial:
    mutant = mutant or Mutant("", "as it is", lambda reach: lambda: None)
    forks = hasattr(os, "fork") and get_default_device().type == "cpu"
    passed, error, calls, differed = _in_a_copy(check, seconds, mutant) if forks else _outcome(check, mutant)
    return Trial(mutant, passed, error, calls, differed)


Outcome = tuple[bool, str, int, int]


def _outcome(check: Callable[[], Any], mutant: Mutant) -> Outcome:
    error = ""
    try:
        check()
    except KeyboardInterrupt:
        raise
    except BaseException as raised:
        error = f"{type(raised).__name__}: {raised}"
    return not error, error, mutant.reach.calls, mutant.reach.differed


def _in_a_copy(check: Callable[[], Any], seconds: int, mutant: Mutant) -> Outcome:
    """The outcome in a process that is a copy of this one, mutant and all."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads, which are NumPy's here
        process = os.fork()
    if process == 0:
        try:
            os.close(reading)
            _quiet()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(seconds)
            with open(writing, "w", encoding="utf-8") as pipe:
                json.dump(_outcome(check, mutant), pipe)
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(process, 0)
    return tuple(json.loads(text)) if text else (False, f"it crashed, or did not end within {seconds} s", 0, 0)


def _quiet() -> None:
    """Print nothing, and let Hypothesis stop at the first failure: here it need not be made small."""
    faulthandler.disable()
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    hypothesis.settings.register_profile(
        "mutants",
        parent=hypothesis.settings(),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        database=None,
        deadline=None,
        derandomize=True,
    )
    hypothesis.settings.load_profile("mutants")


# ------------------------------------------------------------------------------------------------ the command line


def main(arguments: Sequence[str]) -> int:
    """The command `python -m tinygrad_lite.testing.mutants`. Returns the exit status: 1 if a mutant survived."""
    parser = argparse.ArgumentParser(
        prog="python -m tinygrad_lite.testing.mutants",
        description="Makes gradient rules wrong, one mistake at a time, and reports what their check would let pass.",
    )
    parser.add_argument(
        "places",
        nargs="+",
        metavar="MODULE[:NAME]",
        help="all operations that a module defines, or one of them; with --check or --tests, any function or class",
    )
    parser.add_argument(
        "--check",
        metavar="NAME",
        help="a function in the module that raises an error for what is wrong; it takes the operation, or nothing."
        " Default: check_op",
    )
    parser.add_argument("--tests", nargs="+", metavar="PATH", help="tests that pytest runs instead")
    parser.add_argument(
        "--equivalent",
        action="append",
        default=[],
        metavar="TEXT",
        help="leave out the mutants whose description has this in it, as they compute the same",
    )
    parser.add_argument("--seconds", type=int, default=60, help="after which a check counts as failed (default: 60)")
    options = parser.parse_args(arguments)
    try:
        reports = [report for place in options.places for report in _reports(place, options)]
    except (LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if any(report.survivors for report in reports) else 0


def _reports(place: str, options: Any) -> Iterator[Report]:
    module, found = found_at(place)
    operations = [found] if isinstance(found, Op) else _operations_of(found)
    for operation in operations:
        check = _check_for(module, operation, options)
        report = mutants(operation, check, equivalent=options.equivalent, seconds=options.seconds)
        print(report)
        yield report
    others = not isinstance(found, Op | types.ModuleType) and (options.check or options.tests)
    functions = list(functions_in(found, place)) if others else []
    for name, function in functions:
        check = _check_for(module, function, options)
        made = mutants_of_function(function, name)
        report = try_out(name, made, check, options.equivalent, options.seconds)
        print(report)
        yield report
    if not operations and not functions:
        raise LookupError(
            f"{place} has no operation made with @op that has a gradient rule. For other functions say how they are"
            " checked: --check NAME, or --tests PATH"
        )


def found_at(place: str) -> tuple[Any, Any]:
    """The module that a place names, and what is meant in it. LookupError for a place that does not exist."""
    name, _, inside = place.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = found = importlib.import_module(name)
    except ModuleNotFoundError as error:
        hint = f". Say {name[:-3].replace(os.sep, '.')}" if name.endswith(".py") else ""
        raise LookupError(f"there is no module {name!r} here ({error}){hint}") from None
    for part in inside.split(".") if inside else []:
        if not hasattr(found, part):
            raise LookupError(f"{place}: {getattr(found, '__name__', found)} has no {part!r}")
        found = vars(found).get(part, getattr(found, part))
    return module, found


def _operations_of(module: Any) -> list[Op]:
    """The operations with rules that a module defines, each once."""
    values = list(vars(module).values()) if hasattr(module, "__file__") else []
    return [o for o in dict.fromkeys(v for v in values if isinstance(v, Op)) if o.functions and _defined_in(o, module)]


def _defined_in(operation: Op, module: Any) -> bool:
    return bool(operation.forward.__module__ == module.__name__)


def _check_for(module: Any, mutated: Any, options: Any) -> Callable[[], Any]:
    if options.tests:
        return lambda: run_tests(options.tests)
    if options.check:
        check = getattr(module, options.check, None)
        if not callable(check):
            raise LookupError(f"--check: {module.__name__} has no function {options.check!r}")
        takes = check.__code__.co_argcount if hasattr(check, "__code__") else 1
        return (lambda: check(mutated)) if takes else check
    return lambda: check_op(mutated)


def run_tests(paths: Sequence[str], *more: str) -> None:
    """AssertionError if pytest finds that one of these tests fails. more: arguments for pytest."""
    import pytest  # only here is it needed

    late = "hypothesis.errors.HypothesisSideeffectWarning"  # Hypothesis has drawn before its plugin is loaded
    ignored = [f"-Wignore::{warning}" for warning in ("pytest.PytestAssertRewriteWarning", late)]
    status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *ignored, *more, *paths])
    assert status == 0, f"pytest ends with status {int(status)}"
