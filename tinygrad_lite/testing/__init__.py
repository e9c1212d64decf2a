"""Checking derivatives, ours or your own: against differences (`gradcheck.py`), on drawn inputs (`strategies.py`).

    from tinygrad_lite.testing import gradcheck
    gradcheck(my_function, tensor([0.5, 2.0], dtype=float64, requires_grad=True))

The strategies need Hypothesis, and are imported by name: `from tinygrad_lite.testing.strategies import tensors`.
"""

from tinygrad_lite.testing.gradcheck import GradcheckError, gradcheck, gradgradcheck
