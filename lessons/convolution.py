"""What a convolution sees: kernels made by hand, the window that moves, and the product it comes down to.

Run it (`python -m lessons convolution`), or step through its cells in an editor that knows `# %%`, or in Jupyter.
"""

# %% [markdown]
# # What a convolution sees
#
# A linear layer gives every pixel a weight of its own, so a 7 that is moved by two pixels is something new to it. A
# *convolution* has one small matrix of weights, the *kernel*, and lays it over every window of the image: wherever the
# same thing is, it is seen in the same way.

# %%
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

from lessons.shared import Album, mnist_or_digits, read_options
from tinygrad_lite import Tensor, stack, tensor, zeros
from tinygrad_lite.nn import functional as F

options = read_options(__doc__)
album = Album(options.save)
device = options.device
mnist = mnist_or_digits()
images, labels = mnist.train.scaled_images().to(device), mnist.train.labels.to(device)
image = images[labels == 7][1]
height, width = image.shape
print(f"a 7 of {mnist.name}: {height}×{width} pixels, from 0, paper, to 1, ink")

# %% [markdown]
# ## One window, by hand
#
# This kernel has -1 above, 0 in the middle and 1 below. Laid over a window of 3×3 pixels, multiplied pixel by pixel and
# summed, it gives a large number where there is ink below and paper above: an upper edge.

# %%
top_edge = tensor([[-1.0, -1, -1], [0, 0, 0], [1, 1, 1]], device=device)


def response(row: int, column: int, kernel: Tensor) -> float:
    """The kernel's answer at the window whose upper left pixel is (row, column)."""
    return (image[row : row + 3, column : column + 3] * kernel).sum().item()


by_hand = tensor([[response(i, j, top_edge) for j in range(width - 2)] for i in range(height - 2)], device=device)
strongest = by_hand.argmax().item()
row, column = strongest // (width - 2), strongest % (width - 2)
print(f"the strongest answer is {by_hand.max().item():.2f}, at the window that begins at row {row}, column {column}:")
print(image[row : row + 3, column : column + 3])

# %% [markdown]
# `F.conv2d` does the same for a batch of images (n, channels, height, width) and several kernels (out, channels, 3, 3).

# %%
by_conv2d = F.conv2d(image[None, None], top_edge[None, None])[0, 0]
print("conv2d agrees with the loop by hand:", by_conv2d.allclose(by_hand, atol=1e-5), by_conv2d.shape)

# %% [markdown]
# ## The window moves
#
# Nine numbers of the image become one of the result, then the window moves on by a pixel. The result is smaller by two
# in each direction: a row of n pixels has room for n - 2 windows of three.

# %%
STEP = max(1, (height - 2) * (width - 2) // 60)
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
left.imshow(image.cpu(), cmap="gray_r")
left.set_title("the window on the image")
window = Rectangle((-0.5, -0.5), 3, 3, fill=False, color="#d55e00", linewidth=2)
left.add_patch(window)
largest = by_hand.abs().max().item()
shown = right.imshow(zeros(*by_hand.shape), cmap="RdBu", vmin=-largest, vmax=largest)
right.set_title("what the kernel answered so far")
for axes in (left, right):
    axes.axis("off")


def draw(frame: int) -> None:
    done = min(frame * STEP, by_hand.numel() - 1)
    window.set_xy((done % (width - 2) - 0.5, done // (width - 2) - 0.5))
    seen = by_hand.flatten().cpu().clone()
    seen[done + 1 :] = 0.0
    shown.set_data(seen.view(*by_hand.shape))


album.add_animation(figure, draw, -(-by_hand.numel() // STEP) + 1, "window", "A window moves over the image")

# %% [markdown]
# ## Four edges
#
# Turned round, the kernel sees the other edges. Blue is a strong answer, red the opposite. Followed by a ReLU, only the
# blue remains: each picture then says "here", and nothing else.

# %%
kernels = stack([top_edge, -top_edge, top_edge.T, -top_edge.T])
names = ["upper edges", "lower edges", "left edges", "right edges"]
answers = F.conv2d(image[None, None], kernels[:, None])[0]
figure, grid = plt.subplots(3, 4, figsize=(9, 7), layout="constrained")
for i, name in enumerate(names):
    grid[0, i].imshow(kernels[i].cpu(), cmap="RdBu", vmin=-1, vmax=1)
    grid[0, i].set_title(name)
    grid[1, i].imshow(answers[i].cpu(), cmap="RdBu", vmin=-largest, vmax=largest)
    grid[2, i].imshow(answers[i].relu().cpu(), cmap="Blues", vmin=0, vmax=largest)
for axes in grid.flat:
    axes.axis("off")
album.add(figure, "edges")

# %% [markdown]
# ## It is a matrix product
#
# Write every window as a column of nine numbers (`F.unfold`), and every kernel as a row of nine. Then one product of
# matrices gives all answers. That is how it is computed, in `tinygrad_lite/ops/convolution.py`, and why it is fast.

# %%
columns = F.unfold(image[None, None], 3)[0]
product = kernels.view(4, 9) @ columns
print("kernels", kernels.view(4, 9).shape, "@ windows", columns.shape, "=", product.shape)
print("the same as conv2d:", product.view(answers.shape).allclose(answers, atol=1e-5))

# %% [markdown]
# ## Padding and stride
#
# *Padding* puts zeros around the image, so that the result keeps its size and pixels at the edge are seen as often as
# others. With a *stride* of 2 the window moves two pixels at a time, and the result is half as large: later layers then
# see more of the image at once, and have less to compute.

# %%
figure, panels = plt.subplots(
    1, 3, figsize=(9, 3.4), layout="constrained", width_ratios=[height - 2, height, height // 2]
)
settings: list[dict[str, Any]] = [{}, {"padding": 1}, {"padding": 1, "stride": 2}]
for axes, how in zip(panels, settings, strict=True):
    result = F.conv2d(image[None, None], top_edge[None, None], **how)[0, 0]
    text = ", ".join(f"{name} {value}" for name, value in how.items()) or "as it is"
    print(f"{text:<20} {height}×{width} → {result.shape[0]}×{result.shape[1]}")
    axes.imshow(result.cpu(), cmap="RdBu", vmin=-largest, vmax=largest)
    axes.set_title(f"{text}\n{result.shape[0]}×{result.shape[1]}")
    axes.axis("off")
album.add(figure, "padding_and_stride")

# %% [markdown]
# Nobody has to think up kernels: they are weights like any others (`nn.Conv2d`), and gradients find them.

# %%
album.show()
