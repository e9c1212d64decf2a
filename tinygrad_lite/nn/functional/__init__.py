"""Layers, activations and losses as functions: `import tinygrad_lite.nn.functional as F`.

The names, arguments and defaults are PyTorch's. What is mathematics stands in `ops/`; here arguments are checked, and
brought into the form that the operations know.
"""

from tinygrad_lite.functions import log_softmax as log_softmax  # "as": these are offered here too
from tinygrad_lite.functions import relu as relu
from tinygrad_lite.functions import sigmoid as sigmoid
from tinygrad_lite.functions import softmax as softmax
from tinygrad_lite.functions import tanh as tanh
from tinygrad_lite.nn.functional.activation import gelu, leaky_relu, linear, logsigmoid, silu, softplus
from tinygrad_lite.nn.functional.attention import scaled_dot_product_attention
from tinygrad_lite.nn.functional.convolution import conv1d, conv2d, conv_transpose2d, fold, interpolate, pad, unfold
from tinygrad_lite.nn.functional.embedding import embedding, one_hot
from tinygrad_lite.nn.functional.loss import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    l1_loss,
    mse_loss,
    nll_loss,
)
from tinygrad_lite.nn.functional.normalization import batch_norm, dropout, group_norm, layer_norm
from tinygrad_lite.nn.functional.pooling import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool2d
