"""Optimizers: what a step does with the gradients."""

from tinygrad_lite.optim.optimizer import Optimizer
from tinygrad_lite.optim.sgd import SGD
