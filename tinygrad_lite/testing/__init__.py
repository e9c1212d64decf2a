"""Checking derivatives, ours or your own.

    from tinygrad_lite.testing import check_op, explain, gradcheck
    gradcheck(my_function, tensor([0.5, 2.0], dtype=float64, requires_grad=True))
    check_op(my_function)
    print(explain(my_function))

Derivatives are compared with differences (`differences.py`): at given inputs (`gradcheck.py`), at inputs of every kind,
along with all else that an operation has to do right (`check.py`), and on one page to read (`explain.py`). The kinds of
inputs stand in `properties.py`, how they are put together in `coverage.py`; `strategies.py` has Hypothesis strategies
for your own tests.
"""

from tinygrad_lite.testing.check import check_op
from tinygrad_lite.testing.differences import errors_by_step, has_derivative
from tinygrad_lite.testing.explain import explain
from tinygrad_lite.testing.gradcheck import GradcheckError, NoDerivative, gradcheck, gradgradcheck
