"""MNIST with a convolutional network: LeNet-5 of 1998, then a residual network, and what both have learned to see.

Run it (`python -m lessons mnist_convolution`), or step through its cells in an editor that knows `# %%`, or in Jupyter.
"""

# %% [markdown]
# # MNIST with a convolutional network
#
# In 1998 LeCun, Bottou, Bengio and Haffner compared the ways to read a digit ("Gradient-based learning applied to
# document recognition", Proceedings of the IEEE 86). A linear model was wrong about 12 images in 100, a network with
# 300 hidden units about 4.7, and LeNet-5, which shares its weights over the image, about 0.95. We train the same three,
# and then one from 2015, and write our errors beside theirs.

# %%
import json
import math
import time

import matplotlib.pyplot as plt
from tqdm import tqdm

import tinygrad_lite
from lessons.shared import Album, mnist_or_digits, read_options
from tinygrad_lite import Tensor, cat, nn, optim, randint, stack, tensor
from tinygrad_lite.data import DataLoader, TensorDataset
from tinygrad_lite.nn import functional as F

options = read_options(__doc__)
album = Album(options.save)
device = options.device
mnist = mnist_or_digits()

# %% [markdown]
# ## The images
#
# A convolution takes a batch of images with channels, (n, channels, height, width). Ours are gray: one channel. LeNet
# wants them 28 pixels high and wide, as MNIST's are.


# %%
def as_batch(images: Tensor) -> Tensor:
    """Images (n, height, width) with a channel, (n, 1, 28, 28): smaller ones are enlarged."""
    images = images.unsqueeze(1).to(device)
    return images if images.shape[-1] == 28 else F.interpolate(images, size=28, mode="bilinear")


train_x, train_y = as_batch(mnist.train.scaled_images()), mnist.train.labels.to(device)
test_x, test_y = as_batch(mnist.test.scaled_images()), mnist.test.labels.to(device)
batches = DataLoader(TensorDataset(train_x, train_y), batch_size=128, shuffle=True, drop_last=True)
print(f"{mnist.name}: {train_x.shape} to learn from, {test_x.shape} to test with")

# %% [markdown]
# ## The training loop
#
# It is the loop of the last lesson with two additions. The learning rate goes up and then down again, a little after
# each batch (`OneCycleLR`): large steps while there is far to go, small ones at the end. And the model is told whether
# it learns or is tested, `train()` or `eval()`: some layers, as we shall see, do not do the same in both.


# %%
losses: dict[str, list[float]] = {}  # of each model, after each batch
errors: dict[str, list[float]] = {}  # of each model, after each epoch: the share of test images it is wrong about


def predict(model: nn.Module) -> Tensor:
    """The model's outputs for all test images, (n, 10), a thousand images at a time."""
    model.eval()
    with tinygrad_lite.no_grad():
        return cat([model(test_x[i : i + 1000]) for i in range(0, len(test_x), 1000)])


def same(images: Tensor) -> Tensor:
    return images


def fit(name: str, model: nn.Module, epochs: int, lr: float, augment=same) -> nn.Module:
    model.to(device)
    epochs = max(epochs, math.ceil(300 / len(batches)))  # an epoch of the small digits has few batches
    optimizer = optim.AdamW(model.parameters())
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=epochs * len(batches))
    losses[name], errors[name] = [], []
    begin = time.perf_counter()
    with tqdm(total=epochs * len(batches), desc=name) as bar:
        for _ in range(epochs):
            model.train()
            for xb, yb in batches:
                loss = F.cross_entropy(model(augment(xb)), yb)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                schedule.step()
                losses[name].append(loss.item())
                bar.update()
            errors[name].append((predict(model).argmax(1) != test_y).float().mean().item())
            bar.set_postfix(error=f"{errors[name][-1]:.2%}", refresh=False)
    print(f"{name}: wrong about {errors[name][-1]:.2%} of the test images, ", end="")
    print(f"after {epochs} epochs in {time.perf_counter() - begin:.0f} s")
    return model


# %% [markdown]
# ## Every pixel for itself
#
# The two models of the last lesson: to them the image is a list of 784 numbers, in any order.

# %%
fit("linear", nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), epochs=3, lr=0.01)
fit(
    "300 hidden units",
    nn.Sequential(nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 10)),
    epochs=3,
    lr=0.003,
)

# %% [markdown]
# ## LeNet-5
#
# Six kernels look at the image. Of every 2×2 pixels of an answer only the largest stays (*max pooling*): it does not
# matter where exactly an edge is. Sixteen kernels look at the six smaller pictures, each at all six at once, and see
# corners, arcs, ends of strokes. After another pooling, three linear layers decide.


# %%
def make_lenet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, kernel_size=5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


lenet = make_lenet().to(device)
kernels_before = lenet[0].weight.detach().clone()[:, 0]
print(nn.summary(lenet, test_x[:1]))
fit("LeNet-5", lenet, epochs=5, lr=0.005)

# %% [markdown]
# It has 61,706 weights, a quarter of those of the network with 300 hidden units, and is wrong about fewer than half as
# many images of MNIST. Its six kernels began at random. Now each looks for something: an edge of one direction, the end
# of a stroke.

# %%
kernels_after = lenet[0].weight.detach()[:, 0]
largest = kernels_after.abs().max().item()
album.add_images(
    cat([kernels_before, kernels_after]),
    [f"{when} training" for when in ("before", "after") for _ in range(6)],
    "kernels",
    columns=6,
    inches=1.3,
    cmap="RdBu",
    vmin=-largest,
    vmax=largest,
)

# %% [markdown]
# What do the layers make of an image? A *forward hook* is called with what a layer has computed, and can note it.

# %%
seen: list[Tensor] = []
handles = [lenet[i].register_forward_hook(lambda layer, inputs, output: seen.append(output[0])) for i in (1, 2, 4, 5)]
with tinygrad_lite.no_grad():
    lenet(test_x[:1])
for handle in handles:
    handle.remove()

titles = ["6 kernels, ReLU", "the largest of 2×2", "16 kernels, ReLU", "the largest of 2×2"]
figure = plt.figure(figsize=(10, 6), layout="constrained")
places = figure.add_gridspec(4, 1, height_ratios=[1.5, 1.5, 1, 1])
for row, (maps, title) in enumerate(zip(seen, titles, strict=True)):
    strip = figure.add_subfigure(places[row])
    strip.suptitle(f"{title}: {maps.shape[0]} × {maps.shape[1]}×{maps.shape[2]}", fontsize=10)
    for axes, feature_map in zip(strip.subplots(1, len(maps)), maps.cpu(), strict=True):
        axes.imshow(feature_map, cmap="gray_r", vmin=0, vmax=maps.max().item())
        axes.set(xticks=[], yticks=[])
album.add(figure, "feature_maps")

# %% [markdown]
# ## A residual network
#
# More layers see more, but the more there are, the harder it is for the gradient to reach the first. Two ideas of 2015
# solved that. *Batch normalization* (Ioffe and Szegedy) gives the numbers of each channel mean 0 and variance 1 over
# the batch, and then a scale and a shift that are learned: no layer has to follow what those before it do to the scale.
# In testing there may be no batch, so there it uses averages that it recorded in training: hence `train()` and
# `eval()`. A *residual block* (He, Zhang, Ren and Sun) adds its input to what its layers compute. They have to learn
# only what is to be changed, and the gradient passes the sum unchanged.


# %%
class ResidualBlock(nn.Module):
    """relu(x + f(x)), where f is two convolutions. With a stride of 2, or other channels, x goes through a 1×1 one."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
            nn.Conv2d(channels_out, channels_out, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.layers(x))


residual_net = nn.Sequential(
    nn.Conv2d(1, 16, kernel_size=5, stride=2, padding=2, bias=False),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    ResidualBlock(16, 16),
    ResidualBlock(16, 32, stride=2),
    ResidualBlock(32, 64, stride=2),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(64, 10),
)
print(nn.summary(residual_net, test_x[:1].cpu()))

# %% [markdown]
# A digit that is moved a little is the same digit. So each image is moved, by up to a pixel in each direction: the
# network never sees quite the same image twice, and cannot learn the training images by heart.


# %%
def shifted(images: Tensor, by: int = 1) -> Tensor:
    """Each image moved by random numbers of pixels, from -by to by, down and to the right; paper comes in."""
    height, width = images.shape[-2:]
    padded = F.pad(images, (by, by, by, by))
    corners = randint(0, 2 * by + 1, (len(images), 2)).tolist()
    return stack([padded[i, :, y : y + height, x : x + width] for i, (y, x) in enumerate(corners)])


fit("residual network", residual_net, epochs=6, lr=0.01, augment=shifted)

# %% [markdown]
# ## How they learned

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, curve in losses.items():
    width = max(1, len(curve) // 60)  # a single batch says little: the mean over some of them
    means = tensor(curve[: len(curve) // width * width]).view(-1, width).mean(1)
    left.plot([width * (i + 1) for i in range(len(means))], means, label=name)
    right.plot(range(1, len(errors[name]) + 1), [100 * error for error in errors[name]], label=name, marker="o")
left.set(title="loss in training", xlabel="batch", ylabel="cross-entropy", yscale="log")
right.set(title="wrong on the test images, in %", xlabel="epoch", ylabel="%", ylim=(0, 10))
right.xaxis.get_major_locator().set_params(integer=True)
right.legend()
album.add(figure, "training")

# %% [markdown]
# ## What is mistaken for what
#
# In the *confusion matrix*, row i and column j say how many images of an i were called a j. On the diagonal is what was
# right; the colours leave it out. Then come the images that the residual network is most wrong about.

# %%
outputs = predict(residual_net)
calls = outputs.argmax(1)
confusion = (F.one_hot(test_y, 10).T.float() @ F.one_hot(calls, 10).float()).cpu()
figure, axes = plt.subplots(figsize=(6, 6), layout="constrained")
wrong = confusion * (1 - tinygrad_lite.eye(10))
axes.imshow(wrong, cmap="Oranges", vmax=2 * wrong.max().item())
for i in range(10):
    for j in range(10):
        if confusion[i, j] > 0:
            axes.text(j, i, f"{confusion[i, j].item():.0f}", ha="center", va="center")
axes.set(xticks=range(10), yticks=range(10), xlabel="called", ylabel="is", title="residual network, test images")
album.add(figure, "confusion")

wrongness = F.cross_entropy(outputs, test_y, reduction="none")
worst = wrongness.argsort(descending=True)[:20]
album.add_images(
    test_x[worst, 0], [f"{calls[i].item()}, not {test_y[i].item()}" for i in worst], "worst_mistakes", columns=10
)

# %% [markdown]
# ## The table of 1998, and ours
#
# Ours learn from cross-entropy, where those of 1998 took the squared error, and with ReLU and Adam: that is where the
# linear model and the 300 hidden units gain. LeNet-5 had little left to gain.

# %%
IN_1998 = {"linear": 0.12, "300 hidden units": 0.047, "LeNet-5": 0.0095, "residual network": None}
table = "| model | error in 1998 | error here |\n|---|--:|--:|\n"
for name, then in IN_1998.items():
    table += f"| {name} | {'–' if then is None else f'{100 * then:.2f} %'} | {100 * errors[name][-1]:.2f} % |\n"
print(f"\n{mnist.name}, {len(test_x):,} test images\n")
print(table)
album.write("convolution_results.md", table)
rows = [
    {"model": name, "error in 1998": then, "error": round(errors[name][-1], 4), "epochs": len(errors[name])}
    for name, then in IN_1998.items()
]
album.write(
    "convolution_results.json", json.dumps({"data": mnist.name, "seed": options.seed, "results": rows}, indent=1)
)

# %% [markdown]
# The weights are written in a format that PyTorch reads too: with the same layers there,
# `model.load_state_dict(safetensors.torch.load_file("lenet.safetensors"))` loads them, and the outputs are the same.

# %%
if album.folder is not None:
    tinygrad_lite.save(lenet.state_dict(), album.folder / "lenet.safetensors")
    tinygrad_lite.save(residual_net.state_dict(), album.folder / "residual_net.safetensors")
    print(f"    weights: {album.folder / 'lenet.safetensors'}, {album.folder / 'residual_net.safetensors'}")
album.show()
