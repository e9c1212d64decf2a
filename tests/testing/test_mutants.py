"""Mutants: every kind is made, wherever a rule is written; a good check finds them, and a blind one is shown up."""

import os
import re
import subprocess
import sys
import time

import pytest
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import op
from tinygrad_lite.testing import check_op, gradcheck, mutants
from tinygrad_lite.testing.mistakes import functions_in, mutants_of_function, mutants_of_rules, source_tree
from tinygrad_lite.testing.mutation import try_out

pytestmark = [
    pytest.mark.cpu,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="runs each mutant in a process of its own"),
]


@op
def scaled_product(a, b, *, scale=2.0):
    return scale * (a @ b)


@scaled_product.gradient("a")
def _(g, b, scale):
    return scale * g @ b.mT


@scaled_product.gradient("b")
def _(g, a, scale):
    return scale * a.mT @ g


@op
def mean_of_rows(x):
    return x.sum(0) / len(x)


@mean_of_rows.gradient("x")
def _(g, x):
    return (g + 0 * x) / len(x)


def three_numbers():
    return tg.tensor([0.5, 1.5, -1.0], dtype=tg.float64, requires_grad=True)


def product_of(factor):
    made = op(lambda a, b: factor * a * b)
    made.gradient("a")(lambda g, b: factor * g * b), made.gradient("b")(lambda g, a: factor * g * a)
    return made


def what(operation):
    return {f"{mutant.where}: {mutant.what}" for mutant in mutants_of_rules(operation)}


def test_the_mistakes_are_of_all_kinds():
    made = what(scaled_product)
    rule = "scaled_product, rule for a: "
    for mistake in (
        "sign turned: return scale * g @ b.mT  →  return -(scale * g @ b.mT)",
        "left dropped: scale * g  →  g",
        "operator turned: scale * g  →  scale / g",
        "operands swapped: scale * g @ b.mT  →  b.mT @ (scale * g)",
        "transposition dropped: b.mT  →  b",
        "operand exchanged: g  →  b",
        "operand exchanged: b  →  a",
        "operand exchanged: b  →  y",
        "broadcast forgotten: the first slice instead of the sum",
        "only in three or more dimensions: twice as much",
        "only where an array is in Fortran order: twice as much",
        "second derivative cut: what was saved is detached",
        "buffer kept: the first result of a shape is returned again",
    ):
        assert rule + mistake in made
    assert any("number changed" in text for text in what(tg.ops.matmul))


def test_rules_are_found_in_lambdas_closures_and_lines_of_several():
    made = product_of(3.0)
    assert "<lambda>, rule for a: left dropped: factor * g  →  g" in what(made)
    assert "<lambda>, rule for b: right dropped: factor * g * a  →  factor * g" in what(made)
    for mutant in mutants_of_rules(made):
        if "operator turned: factor * g  →" in mutant.what and "rule for a" in mutant.where:
            x, y = three_numbers(), three_numbers()
            with mutant.planted():
                (made(x, y) * 2.0).sum().backward()
            assert x.grad.tolist() == pytest.approx((3.0 / 2.0 * y).tolist())
            assert mutant.reach.calls == mutant.reach.differed == 1
            break
    else:
        pytest.fail("the rule's closure is not among the mutants")


def test_a_rule_without_a_source_still_has_mutants():
    scope = {}
    exec("def forward(x):\n    return x * x\ndef rule(g, x):\n    return 2 * g * x", scope)
    square = op(scope["forward"])
    square.gradient("x")(scope["rule"])
    assert source_tree(scope["rule"]) is None
    report = mutants(square)
    assert len(report.trials) >= 15
    assert "forward, rule for x: factor: twice as much" not in {
        f"{t.mutant.where}: {t.mutant.what}" for t in report.survivors
    }


def test_what_was_planted_is_taken_out_again():
    x = three_numbers()
    for operation in (tg.ops.exp, scaled_product, tg.ops.cat):
        before = (dict(operation.functions), list(operation.rules), operation.saves, operation.wants_shapes)
        for mutant in mutants_of_rules(operation):
            with mutant.planted():
                assert operation.functions != before[0]
            assert (dict(operation.functions), list(operation.rules), operation.saves, operation.wants_shapes) == before
    assert gradcheck(tg.exp, x)


def test_a_good_check_finds_them_and_a_blind_one_is_shown_up():
    square = op(lambda x: x * x)
    square.gradient("x")(lambda g, x: 2 * g * x)
    good = mutants(square)
    names = {trial.mutant.what for trial in good.survivors}
    assert not names & {"factor: twice as much", "summed over everything", "only without dimensions: twice as much"}
    assert str(good).startswith("<lambda>: ")

    blind = mutants(square, lambda: gradcheck(square, three_numbers()))
    missed = {trial.mutant.what: trial for trial in blind.survivors}
    for mistake in (
        "only in two or more dimensions: twice as much",
        "only without dimensions: twice as much",
        "fails where a size is 0",
        "second derivative cut: what was saved is detached",
    ):
        assert not missed[mistake].differed
        assert missed[mistake].calls
    assert "The check never went where these make a difference, or they make none:" in str(blind)
    of_nothing = mutants(square, lambda: None)
    assert of_nothing.survivors == of_nothing.trials

    without = mutants(square, lambda: gradcheck(square, three_numbers()), equivalent=["only ", "second derivative"])
    assert not any("only " in trial.mutant.what for trial in without.trials)
    assert len(without.trials) < len(blind.trials)


def test_shapes_that_a_check_never_draws_are_named():
    report = mutants(mean_of_rows, lambda: check_op(mean_of_rows, st.just([(3,)]), dtypes=()))
    unseen = {trial.mutant.what for trial in report.survivors if not trial.differed}
    assert {"only in two or more dimensions: twice as much", "transposed"} <= unseen


def test_what_cannot_be_tried_is_refused():
    wrong = op(lambda x: x * x)
    with pytest.raises(ValueError, match="has no gradient rule to be made wrong"):
        mutants(wrong)
    wrong.gradient("x")(lambda g, x: g * x)
    with pytest.raises(ValueError, match="fails before anything was made wrong: GradcheckError"):
        mutants(wrong)
    with pytest.raises(TypeError, match="made with @op is needed, but got function"):
        mutants(lambda x: x)


def test_endless_loops_and_crashes_are_found():
    def check():
        if wrong.functions["x"] is not right:
            next(endings)()

    wrong = op(lambda x: x * 1)
    right = wrong.gradient("x")(lambda g: g)
    endings = iter([lambda: os._exit(3), lambda: time.sleep(60), lambda: os.abort()])
    some = list(mutants_of_rules(wrong))[:1]
    for ending in (lambda: os._exit(3), lambda: time.sleep(60), lambda: os.abort()):
        endings = iter([ending])
        (trial,) = try_out("wrong", some, check, seconds=1).trials
        assert not trial.passed
        assert "crashed, or did not end within 1 s" in trial.error


class Account:
    """A class with state, for mutants of functions that are no rules."""

    limit = 10

    def __init__(self):
        self.total = 0

    def pay(self, amount):
        if amount > self.limit:
            raise ValueError("too much")
        self.total += amount
        return self.total

    @property
    def empty(self):
        return self.total == 0


def check_account():
    account = Account()
    assert account.empty
    assert account.pay(3) == 3
    assert not account.empty
    assert account.pay(10) == 13
    with pytest.raises(ValueError, match="too much"):
        account.pay(11)


def test_functions_and_methods_of_any_kind():
    functions = dict(functions_in(Account, "Account"))
    assert set(functions) == {"Account.__init__", "Account.pay", "Account.empty"}
    made = [mutant for where, function in functions.items() for mutant in mutants_of_function(function, where)]
    texts = {f"{mutant.where}: {mutant.what}" for mutant in made}
    for mistake in (
        "Account.pay: comparison of equals: amount > self.limit  →  amount >= self.limit",
        "Account.pay: never: if amount > self.limit",
        "Account.pay: statement dropped: raise ValueError('too much')",
        "Account.pay: statement dropped: self.total += amount",
        "Account.__init__: number changed: 0  →  1",
        "Account.empty: comparison turned: self.total == 0  →  self.total != 0",
    ):
        assert any(text.startswith(mistake) for text in texts)
    assert not try_out("Account", made, check_account).survivors
    check_account()  # all is as it was
    blind = try_out("Account", made, lambda: Account().pay(3))
    assert {"Account.pay: comparison of equals: amount > self.limit  →  amount >= self.limit"} <= {
        f"{trial.mutant.where}: {trial.mutant.what}" for trial in blind.survivors
    }
    assert "The check met these mistakes, and passed:" in str(blind)


MODULE = """
from hypothesis import strategies as st

from tinygrad_lite import op
from tinygrad_lite.testing import check_op

@op
def cube(x):
    return x**3

@cube.gradient("x")
def _(g, x):
    return 3 * g * x**2

def check_vectors(operation):
    check_op(operation, st.just([(3,)]), dtypes=())

def test_cube():
    check_vectors(cube)

def half(x):
    return x / 2

def check_half():
    assert half(8) == 4
"""


def command(folder, *arguments):
    (folder / "mine.py").write_text(MODULE)
    root = os.path.dirname(os.path.dirname(tg.__file__))
    return subprocess.run(
        [sys.executable, "-m", "tinygrad_lite.testing.mutants", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root},
        check=False,
    )


def test_the_command_on_a_module_of_ones_own(tmp_path):
    done = command(tmp_path, "mine:cube", "--check", "check_vectors")
    assert done.returncode == 1
    assert not done.stderr
    assert done.stdout.startswith("cube: ")
    assert "SURVIVED   cube, rule for x: only in two or more dimensions: twice as much" in done.stdout
    assert "sign turned" not in done.stdout

    accepted = command(tmp_path, "mine", "--tests", "mine.py", "--equivalent", "cube, rule for x: ")
    assert accepted.stdout == "cube: 0 mutants, 0 found, 0 survived\n"
    assert accepted.returncode == 0

    function = command(tmp_path, "mine:half", "--check", "check_half")
    assert function.returncode == 0, function.stdout + function.stderr
    assert function.stdout == "mine:half: 5 mutants, 5 found, 0 survived\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is no module 'nowhere' here"),
        (["mine.py"], "there is no module 'mine.py' here.*Say mine"),
        (["mine:cub"], "mine has no 'cub'"),
        (["mine:half"], "For other functions say how they are checked"),
        (["mine", "--check", "nothing"], "--check: mine has no function 'nothing'"),
    ],
)
def test_the_command_refuses_what_it_cannot_find(arguments, message, tmp_path):
    done = command(tmp_path, *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert re.search(message, done.stderr)
