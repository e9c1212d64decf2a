"""`detect_anomaly` finds the operation and the line that made the first NaN or infinity."""

import threading

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import autograd, nn, op, tensor
from tinygrad_lite.autograd import detect_anomaly, set_detect_anomaly
from tinygrad_lite.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own, of what is looked for here


def test_the_first_infinity_of_a_forward_pass_is_named_with_its_line():
    x = tensor([1.0, 2.0, 0.0], requires_grad=True)
    with detect_anomaly(), pytest.raises(RuntimeError) as caught:
        (x * 2).log()  # here
    text = str(caught.value)
    assert "detect_anomaly: log made the first infinity, at element (2,) of (3,), in " in text
    assert text.endswith("(x * 2).log()  # here")
    assert "test_anomaly.py, line " in text


def test_the_first_nan_too_and_what_nobody_records():
    with (
        detect_anomaly(),
        pytest.raises(RuntimeError, match=r"sqrt made the first NaN, at element \(0, 1\) of \(1, 2\)"),
    ):
        tensor([[1.0, -1.0]]).sqrt()
    with detect_anomaly(), pytest.raises(RuntimeError, match=r"div made the first NaN, at element \(\) of \(\)"):
        tensor(0.0) / 0
    x = tensor([0.0, 1.0])
    with detect_anomaly(), pytest.raises(RuntimeError, match="pow made the first infinity.*x.pow_"):
        x.pow_(-1)


def test_the_line_is_the_users_even_if_a_layer_of_the_package_is_called():
    model = nn.Sequential(nn.Linear(2, 2), nn.Softplus())
    with tg.no_grad():
        model[0].weight.fill_(3e38)
    with (
        detect_anomaly(),
        pytest.raises(RuntimeError, match=r"linear made the first infinity.*: model\(tg.ones\(1, 2\)\)$"),
    ):
        model(tg.ones(1, 2))


def test_a_gradient_that_is_none_is_named_with_the_line_of_the_operation():
    x = tensor([0.0, 1.0], requires_grad=True)
    with detect_anomaly():
        y = x.sqrt()  # the culprit
        with pytest.raises(RuntimeError) as caught:
            (y * 2).sum().backward()
    assert (
        "Function 'SqrtBackward0' returned infinite values in its 0th output: the gradient of sqrt with respect to its"
        " input 'x'" in str(caught.value)
    )
    assert str(caught.value).endswith("y = x.sqrt()  # the culprit")
    assert x.grad is None
    y = tg.where(x > 0, x.sqrt(), 0.0).sum()
    with (
        detect_anomaly(),
        pytest.raises(RuntimeError, match="returned nan values.*in a place where detect_anomaly was not on"),
    ):
        y.backward()


@pytest.mark.parametrize("function", [
    lambda: tensor([1.0, 2.0]).masked_fill(tensor([True, False]), -np.inf).softmax(0),
    lambda: tensor([np.inf, 1.0]) * 2,
    lambda: tensor([np.nan, 1.0]).exp(),
    lambda: F.cross_entropy(tensor([[-np.inf, 0.0]], requires_grad=True), tensor([1])).backward(),
    lambda: tg.full((2,), -np.inf).logsumexp(0),
    lambda: tensor([1, 2]) / 2,
    lambda: tg.zeros(0).sum(),
], ids=range(7))  # fmt: skip
def test_infinities_that_were_given_are_none(function):
    with detect_anomaly():
        function()


def test_what_follows_from_an_infinity_is_an_anomaly_if_it_is_nan():
    with detect_anomaly(), pytest.raises(RuntimeError, match="sub made the first NaN"):
        tensor([np.inf]) - tensor([np.inf])


def test_without_check_nan_only_the_lines_are_noted():
    with detect_anomaly(check_nan=False):
        y = tensor([0.0], requires_grad=True).log()
        assert y.grad_fn.line.endswith("y = tensor([0.0], requires_grad=True).log()")
        y.sum().backward()
        with detect_anomaly(), pytest.raises(RuntimeError, match="log made the first infinity"):
            tensor([0.0]).log()
    with detect_anomaly(), pytest.raises(RuntimeError, match="log made the first infinity"):
        tensor([0.0]).log()


def test_it_is_off_unless_it_is_on():
    assert not tg.is_anomaly_enabled()
    with detect_anomaly():
        assert tg.is_anomaly_enabled()
        with set_detect_anomaly(False):
            assert not tg.is_anomaly_enabled()
            tensor(0.0).log()
        assert tg.is_anomaly_enabled()
        seen = []
        thread = threading.Thread(target=lambda: seen.append(tg.is_anomaly_enabled()))
        thread.start()
        thread.join()
        assert seen == [False]
    assert not tg.is_anomaly_enabled()
    set_detect_anomaly(True)
    assert tg.is_anomaly_enabled()
    set_detect_anomaly(False)
    tensor(0.0, requires_grad=True).log().backward()
    assert tensor(1.0, requires_grad=True).exp().grad_fn.line is None


@pytest.mark.parametrize("view", [False, True], ids=["itself", "a view"])
def test_a_change_in_place_is_named_with_both_lines(view):
    x = tg.ones(3, requires_grad=True)
    with detect_anomaly():
        y = x.exp()  # recorded here
        with tg.no_grad():
            (y[1:] if view else y).zero_()  # changed here
        with pytest.raises(RuntimeError, match="modified by an inplace operation") as caught:
            y.sum().backward()
    text = str(caught.value)
    assert "It was recorded in " in text
    assert "y = x.exp()  # recorded here; the change was made in " in text
    assert text.endswith("(y[1:] if view else y).zero_()  # changed here")


def test_without_detection_the_error_says_how_to_see_the_lines():
    x = tg.ones(3, requires_grad=True)
    y = x.exp()
    with tg.no_grad():
        y.zero_()
    with pytest.raises(RuntimeError, match="To see the lines, run it within autograd.detect_anomaly()"):
        y.sum().backward()
    y = x.exp()
    with detect_anomaly(), tg.no_grad():
        y.zero_()
    with pytest.raises(
        RuntimeError, match=r"recorded in a place where detect_anomaly was not on; the change .* y.zero_\(\)"
    ):
        y.sum().backward()


@pytest.mark.cpu
def test_every_error_of_a_forward_carries_a_note():
    with pytest.raises(RuntimeError) as caught:
        tg.ones(2, 3) @ tg.ones(2, 3, dtype=tg.float64)
    assert caught.value.__notes__ == ["This happened in matmul(a: float32 (2, 3) on cpu, b: float64 (2, 3) on cpu)"]

    @op
    def broken(x, *, by):
        return [][by]

    for by, kind in ((0, IndexError), ("a", TypeError)):
        with pytest.raises(kind) as caught:
            broken(tensor([1, 2]), by=by)
        assert caught.value.__notes__ == ["This happened in broken(x: int64 (2,) on cpu)"]
    with pytest.raises(RuntimeError) as caught:
        tg.ones(2, dtype=tg.float16).add_(tg.ones(3))
    assert caught.value.__notes__ == ["This happened in add(a: float16 (2,) on cpu, b: float32 (3,) on cpu)"]


@pytest.mark.cpu
def test_every_error_of_a_gradient_carries_a_note():
    @op
    def fine(x):
        return x * 2

    @fine.gradient("x")
    def _(g, x):
        raise ArithmeticError("nothing works")

    x = tg.ones(2, 3, requires_grad=True)
    with detect_anomaly():
        y = fine(x)
    with pytest.raises(ArithmeticError, match="nothing works") as caught:
        autograd.grad(y.sum(), x)
    (note,) = caught.value.__notes__
    assert note.startswith(
        "This happened in the gradient of fine with respect to its input 'x', given the gradient of an output of shape"
        " (2, 3) and dtype float32: float32 (2, 3) on cpu. Kept for it was float32 (2, 3) on cpu. The operation was"
        " recorded in "
    )
    assert note.endswith("y = fine(x)")


def test_the_line_of_the_recording_is_named_though_that_of_the_change_is_not_known():
    x = tg.ones(2, requires_grad=True)
    with detect_anomaly():
        y = x.exp()  # this one
    with tg.no_grad():
        y.mul_(2)
    with pytest.raises(RuntimeError, match="# this one; the change was made in a place where"):
        y.sum().backward()
