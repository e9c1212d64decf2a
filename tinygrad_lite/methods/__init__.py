"""The names of Tensor's methods, PyTorch's, in rooms like those of `ops/`. Each hands its Tensor to an operation.

Nothing is recorded or differentiated here. `tensor.py` has what makes it a Tensor: how a call is recorded, what a view
is, what a change in place does.
"""

from __future__ import annotations

from tinygrad_lite.methods.attributes import Attributes
from tinygrad_lite.methods.conversion import Conversion
from tinygrad_lite.methods.elementwise import Elementwise
from tinygrad_lite.methods.in_place import InPlace
from tinygrad_lite.methods.numpy_protocol import NumpyProtocol
from tinygrad_lite.methods.reduction import Reduction
from tinygrad_lite.methods.shape import Shape


class Methods(Attributes, Elementwise, Reduction, Shape, InPlace, Conversion, NumpyProtocol):
    """All of them: the base of Tensor."""
