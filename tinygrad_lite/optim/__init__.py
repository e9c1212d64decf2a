"""Optimizers: what a step does with the gradients; and schedules of learning rates (`optim.lr_scheduler`)."""

from tinygrad_lite.optim import lr_scheduler
from tinygrad_lite.optim.adaptive import Adagrad, Adam, AdamW, RMSprop
from tinygrad_lite.optim.optimizer import Optimizer
from tinygrad_lite.optim.sgd import SGD
