"""Checking derivatives and what is built on them, ours or your own.

    from tinygrad_lite.testing import check_op, explain, gradcheck
    gradcheck(my_function, tensor([0.5, 2.0], dtype=float64, requires_grad=True))
    check_op(my_function)
    print(explain(my_function))

Derivatives are compared with differences (`differences.py`): at given inputs (`gradcheck.py`), at inputs of every kind,
along with all else that an operation has to do right (`check.py`), and on one page to read (`explain.py`). The kinds of
inputs stand in `properties.py`, how they are put together in `coverage.py`; `strategies.py` has Hypothesis strategies
for your own tests.

What is put together from operations goes wrong in ways of its own, and has its own checks:

    check_module(MyBlock, x)                       a module, in training and evaluation, copied, saved (`modules.py`)
    check_loss(my_loss, "classes")                 a loss, its mean and its large inputs (`losses.py`)
    check_optimizer(MyAdam, plain_adam, lr=0.1)    an optimizer, against its update in plain NumPy (`optimizers.py`)
    check_same(my_gelu, F.gelu)                    two implementations of one function (`same.py`)

And whether a check would notice: `print(mutants(my_op))`, or `python -m tinygrad_lite.testing.mutants MODULE`, makes
the rules wrong, one mistake at a time, and reports what passes (`mutation.py`, `mistakes.py`).
"""

from tinygrad_lite.testing.check import check_op
from tinygrad_lite.testing.differences import errors_by_step, has_derivative
from tinygrad_lite.testing.explain import explain
from tinygrad_lite.testing.gradcheck import GradcheckError, NoDerivative, gradcheck, gradgradcheck
from tinygrad_lite.testing.losses import check_loss
from tinygrad_lite.testing.modules import check_module
from tinygrad_lite.testing.mutation import mutants
from tinygrad_lite.testing.optimizers import check_optimizer
from tinygrad_lite.testing.same import check_same
