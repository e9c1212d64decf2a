"""Networks: parameters, modules that hold them, layers, and losses.

`parameter.py` and `module.py` hold the idea: a module is a function with parameters of its own, and finds those of
the modules inside it. The other files are modules, a chapter each; `functional/` has the same as plain functions,
`init.py` fills parameters with their first values, `summary.py` makes a table of what is in a network, and `utils.py`
clips gradients.
"""

from tinygrad_lite.nn import functional, init, utils
from tinygrad_lite.nn.activation import GELU, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from tinygrad_lite.nn.attention import MultiheadAttention
from tinygrad_lite.nn.container import ModuleDict, ModuleList, Sequential
from tinygrad_lite.nn.convolution import Conv1d, Conv2d, ConvTranspose2d
from tinygrad_lite.nn.embedding import Embedding
from tinygrad_lite.nn.linear import Flatten, Identity, Linear
from tinygrad_lite.nn.loss import BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from tinygrad_lite.nn.module import Module
from tinygrad_lite.nn.normalization import BatchNorm1d, BatchNorm2d, Dropout, GroupNorm, LayerNorm
from tinygrad_lite.nn.parameter import Parameter
from tinygrad_lite.nn.pooling import AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d, Upsample
from tinygrad_lite.nn.recurrent import GRU, LSTM, RNN
from tinygrad_lite.nn.summary import summary
