"""Networks: parameters, modules that hold them, layers, and losses.

`parameter.py` and `module.py` hold the idea: a module is a function with parameters of its own, and finds those of
the modules inside it. `linear.py`, `activation.py`, `container.py` and `loss.py` are modules; `functional.py` has the
same as plain functions, and `init.py` fills parameters with their first values.
"""

from tinygrad_lite.nn import functional, init
from tinygrad_lite.nn.activation import GELU, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from tinygrad_lite.nn.container import Sequential
from tinygrad_lite.nn.linear import Flatten, Identity, Linear
from tinygrad_lite.nn.loss import BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from tinygrad_lite.nn.module import Module
from tinygrad_lite.nn.parameter import Parameter
