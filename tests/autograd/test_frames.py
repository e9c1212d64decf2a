"""What a debugger steps through between `loss.backward()` and the derivatives: little but the chain rule itself."""

import bdb
import inspect
from pathlib import Path

import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn
from tinygrad_lite.nn import functional as F

PACKAGE = Path(inspect.getfile(tg)).parent


class Stepper(bdb.Bdb):
    """A debugger that says `step` until `backward()` is over, and notes each call with those around it."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def user_call(self, frame, arguments):
        stack = []
        while frame is not None and frame.f_code.co_name != "runcall":
            stack.append(frame.f_code)
            frame = frame.f_back
        self.calls.append(stack)
        self.set_step()

    def user_line(self, frame):
        self.set_step()

    def user_return(self, frame, value):
        self.set_step()


def place(code):
    try:
        return Path(code.co_filename).relative_to(PACKAGE).as_posix()
    except ValueError:
        return code.co_filename


def is_mathematics(stack):
    """A rule or an operation, or what one of these calls; or the walk's loop, or a sum."""
    if any(place(code).startswith("ops/") or (place(code) == "op.py" and code.co_name == "__call__") for code in stack):
        return True
    name = stack[0].co_name
    return place(stack[0]) == "autograd/sums.py" or name in ("backward", "backward_steps")


def calls_of_a_backward_pass():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    loss = F.cross_entropy(model(tg.randn(5, 4)), tg.tensor([0, 1, 2, 0, 1]))
    stepper = Stepper()
    stepper.runcall(loss.backward)
    return stepper.calls


@pytest.mark.cpu
def test_a_backward_pass_is_little_but_rules_and_sums():
    calls = calls_of_a_backward_pass()
    rest = [stack[0] for stack in calls if not is_mathematics(stack)]
    assert len(calls) <= 90, "all calls of the backward pass of a network of two layers"
    assert len(rest) <= 20, [f"{place(code)}: {code.co_name}" for code in rest]


@pytest.mark.cpu
def test_no_context_manager_is_entered():
    assert "__enter__" not in {stack[0].co_name for stack in calls_of_a_backward_pass()}


@pytest.mark.cpu
def test_a_rule_is_three_frames_from_backward():
    """backward, the walk's loop, the rule."""
    rules = [stack for stack in calls_of_a_backward_pass() if len(stack) == 3 and place(stack[0]).startswith("ops/")]
    assert {stack[1].co_name for stack in rules} == {"backward_steps"}
    assert {stack[2].co_name for stack in rules} == {"backward"}
    assert len([stack for stack in rules if stack[0].co_name == "_"]) >= 8  # one rule for each input of each operation
