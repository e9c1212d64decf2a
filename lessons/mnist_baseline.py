"""MNIST baseline: from comparing pixels to a small network, each step measured.

Run it (`python -m lessons mnist_baseline`), or step through its cells in an editor that knows `# %%`, or in Jupyter.
"""

# %% [markdown]
# # Which digit is it?
#
# A model is worth something only next to a simple one. So before anything is trained we ask: how far does the simplest
# idea go that anyone could have? That is the *baseline*. Then we replace it with models that learn, each only a little
# more than the one before, and write down what each step brings.

# %%
import json
import math

import matplotlib.pyplot as plt
from tqdm import tqdm

import tinygrad_lite
from lessons.shared import Album, mnist_or_digits, read_options
from tinygrad_lite import Tensor, cat, nn, optim, randn, stack, tensor, where
from tinygrad_lite.data import DataLoader, TensorDataset
from tinygrad_lite.nn import functional as F

options = read_options(__doc__)
album = Album(options.save)
device = options.device
mnist = mnist_or_digits()
results: list[tuple[str, str, float]] = []  # what was asked, which model, the accuracy on the test images

# %% [markdown]
# ## Look at the images
#
# Always look at the data first. An image is a matrix of numbers from 0, paper, to 1, ink.

# %%
images, labels = mnist.train.scaled_images().to(device), mnist.train.labels.to(device)
test_images, test_labels = mnist.test.scaled_images().to(device), mnist.test.labels.to(device)
height, width = images.shape[1:]
print(f"{mnist.name}: {len(images):,} images to learn from, {len(test_images):,} to test with, {height}×{width} pixels")
album.add_images(images[:30], [str(label.item()) for label in labels[:30]], "images")

# %% [markdown]
# ## The mean 3 and the mean 7
#
# We begin with two digits only: is it a 3 or a 7? All the training 3s lie on each other in one tensor of three
# dimensions. Its mean over the first is one image: the ideal 3.

# %%
threes, sevens = images[labels == 3], images[labels == 7]
mean3, mean7 = threes.mean(0), sevens.mean(0)
print(f"{len(threes):,} threes and {len(sevens):,} sevens, shape {threes.shape}; their means have {mean3.shape}")
album.add_images(
    stack([mean3, mean7, threes[1], sevens[1]]),
    ["mean 3", "mean 7", "a 3", "a 7"],
    "mean_three_and_seven",
    columns=4,
    inches=2.0,
)

# %% [markdown]
# How far is an image from an ideal? The differences of the pixels must not cancel out, so take their absolute values,
# or their squares, before the mean: the *L1* and the *L2* distance.

# %%
one_3 = threes[1]
print(f"a 3 has the L1 distance {(one_3 - mean3).abs().mean().item():.4f} from the mean 3,")
print(f"                    and {(one_3 - mean7).abs().mean().item():.4f} from the mean 7")
print(f"the L2 distances are {((one_3 - mean3) ** 2).mean().sqrt().item():.4f}", end=" ")
print(f"and {((one_3 - mean7) ** 2).mean().sqrt().item():.4f}")

# %% [markdown]
# ## The baseline: pixel similarity
#
# An image is called a 3 if it is nearer to the mean 3 than to the mean 7. By broadcasting, one line computes the
# distances of all test images at once: of (1010, 28, 28) - (28, 28), the smaller shape is repeated, and the mean over
# the last two dimensions leaves one number for each image.

# %%
test_3, test_7 = test_images[test_labels == 3], test_images[test_labels == 7]


def l1(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs().mean((-1, -2))


def l2(a: Tensor, b: Tensor) -> Tensor:
    return ((a - b) ** 2).mean((-1, -2)).sqrt()


for name, distance in (("L1", l1), ("L2", l2)):
    right_3 = (distance(test_3, mean3) < distance(test_3, mean7)).float().mean().item()
    right_7 = (distance(test_7, mean7) < distance(test_7, mean3)).float().mean().item()
    accuracy = (right_3 + right_7) / 2
    print(f"pixel similarity, {name}: 3s {right_3:.4f}, 7s {right_7:.4f}, mean {accuracy:.4f}")
    results.append(("3 or 7", f"pixel similarity, {name}", accuracy))

# %% [markdown]
# And for all ten digits: ten ideals, and the nearest one wins.

# %%
templates = stack([images[labels == digit].mean(0) for digit in range(10)])
album.add_images(templates, [f"mean {digit}" for digit in range(10)], "templates")
for name, distance in (("L1", l1), ("L2", l2)):
    distances = stack([distance(test_images, template) for template in templates])  # (10, images)
    accuracy = (distances.argmin(0) == test_labels).float().mean().item()
    print(f"pixel similarity among ten digits, {name}: {accuracy:.4f}")
    results.append(("ten digits", f"pixel similarity, {name}", accuracy))

# %% [markdown]
# ## A model that learns: 3 or 7, from scratch
#
# Pixel similarity learns nothing from its mistakes. Instead, let each pixel have a *weight*: how much ink there speaks
# for a 3. The sum of weight · pixel over all pixels, plus a bias, is the prediction, and SGD finds the weights, as it
# found the slope of the line in the last lesson. An image becomes a row of a matrix, so one product predicts for all.

# %%
train_x = cat([threes, sevens]).view(-1, height * width)
train_y = tensor([1] * len(threes) + [0] * len(sevens), device=device).unsqueeze(1)
valid_x = cat([test_3, test_7]).view(-1, height * width)
valid_y = tensor([1] * len(test_3) + [0] * len(test_7), device=device).unsqueeze(1)
print("inputs", train_x.shape, "and targets", train_y.shape)


def init_params(*size: int) -> Tensor:
    return randn(*size, device=device).requires_grad_()


weights, bias = init_params(height * width, 1), init_params(1)


def linear1(xb: Tensor) -> Tensor:
    return xb @ weights + bias


# %% [markdown]
# The loss must not be the accuracy: that does not change at all when a weight changes a little, so its gradient is zero
# nearly everywhere. What does change is how sure the model is. `sigmoid` turns any number into one between 0 and 1, and
# the loss is how far it is from what it should be.


# %%
def mnist_loss(predictions: Tensor, targets: Tensor) -> Tensor:
    predictions = predictions.sigmoid()
    return where(targets == 1, 1 - predictions, predictions).mean()


def batch_accuracy(predictions: Tensor, targets: Tensor) -> float:
    return ((predictions > 0.0) == (targets == 1)).float().mean().item()


print(f"before training: loss {mnist_loss(linear1(train_x), train_y).item():.4f}", end=", ")
print(f"accuracy {batch_accuracy(linear1(valid_x), valid_y):.4f}")

# %% [markdown]
# One epoch goes through all images once, a mini-batch at a time: predict, compute the loss, walk back, step, and set
# the gradients to zero for the next batch.

# %%
batches = DataLoader(TensorDataset(train_x, train_y), batch_size=256, shuffle=True)
curves: dict[str, list[float]] = {}


def epochs_for(steps: int, loader: DataLoader) -> int:
    return math.ceil(steps / len(loader))


def train_epoch(lr: float) -> None:
    for xb, yb in batches:
        loss = mnist_loss(linear1(xb), yb)
        loss.backward()
        with tinygrad_lite.no_grad():
            for p in (weights, bias):
                p -= p.grad * lr
                p.grad.zero_()


curves["linear, from scratch"] = []
for _ in (bar := tqdm(range(epochs_for(1000, batches)), desc="linear model from scratch")):
    train_epoch(lr=1.0)
    accuracy = batch_accuracy(linear1(valid_x), valid_y)
    curves["linear, from scratch"].append(accuracy)
    bar.set_postfix(accuracy=f"{accuracy:.4f}", refresh=False)
results.append(("3 or 7", "linear model from scratch", accuracy))

# %% [markdown]
# ## The same with `nn.Linear`
#
# Weights and bias belong together: `nn.Linear` holds both, and gives them first values of a sensible size. The step and
# the zeroing are the same for every model, so they go into an *optimizer*.


# %%
class BasicOptimizer:
    def __init__(self, parameters, lr: float) -> None:
        self.parameters, self.lr = list(parameters), lr

    def step(self) -> None:
        for p in self.parameters:
            p.data -= p.grad.data * self.lr

    def zero_grad(self) -> None:
        for p in self.parameters:
            p.grad = None


# %% [markdown]
# What remains is the loop, which from now on we write only once.


# %%
def fit(name: str, model: nn.Module, optimizer, loader: DataLoader, epochs: int, loss_function, accuracy_of) -> float:
    curves[name] = []
    bar = tqdm(range(epochs), desc=name)
    for _ in bar:
        for xb, yb in loader:
            loss = loss_function(model(xb), yb)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        with tinygrad_lite.no_grad():
            curves[name].append(accuracy_of(model))
        bar.set_postfix(accuracy=f"{curves[name][-1]:.4f}", refresh=False)
    return curves[name][-1]


def accuracy_3_or_7(model: nn.Module) -> float:
    return batch_accuracy(model(valid_x), valid_y)


epochs = epochs_for(1000, batches)
linear_model = nn.Linear(height * width, 1).to(device)
basic = BasicOptimizer(linear_model.parameters(), lr=1.0)
accuracy = fit("nn.Linear", linear_model, basic, batches, epochs, mnist_loss, accuracy_3_or_7)
results.append(("3 or 7", "nn.Linear", accuracy))

# %% [markdown]
# The weights of the linear model are an image too. Where it is blue, ink speaks for a 3; where it is red, for a 7.

# %%
picture = linear_model.weight.detach().view(1, height, width)
largest = picture.abs().max().item()
album.add_images(
    picture, [""], "weights_three_or_seven", columns=1, inches=4.0, cmap="RdBu", vmin=-largest, vmax=largest
)

# %% [markdown]
# ## A small network
#
# Two linear layers in a row would be only one linear layer. With a bend between them they are more: `ReLU` replaces
# negative numbers with 0, and with enough such bends any function can be pieced together. The optimizer is the one that
# comes with the package, `optim.SGD`: our own does the same, but has no momentum and no weight decay.

# %%
epochs = epochs_for(1500, batches)
simple_net = nn.Sequential(nn.Linear(height * width, 30), nn.ReLU(), nn.Linear(30, 1)).to(device)
print(simple_net)
optimizer = optim.SGD(simple_net.parameters(), lr=0.5)
accuracy = fit("network, 30 hidden", simple_net, optimizer, batches, epochs, mnist_loss, accuracy_3_or_7)
results.append(("3 or 7", "network with 30 hidden units", accuracy))

# %% [markdown]
# ## All ten digits
#
# Now a model has ten outputs, one for each digit, and *cross-entropy* is its loss: softmax turns the outputs into
# probabilities, and the loss is -ln of the probability that was given to the right digit. First a linear model, then a
# network with a ReLU.

# %%
flat, test_flat = images.view(-1, height * width), test_images.view(-1, height * width)
ten_batches = DataLoader(TensorDataset(flat, labels), batch_size=64, shuffle=True)


def accuracy_ten(model: nn.Module) -> float:
    return (model(test_flat).argmax(1) == test_labels).float().mean().item()


epochs = max(8, epochs_for(1500, ten_batches))
linear_ten = nn.Linear(height * width, 10).to(device)
optimizer = optim.SGD(linear_ten.parameters(), lr=0.1)
accuracy = fit("ten digits, linear", linear_ten, optimizer, ten_batches, epochs, F.cross_entropy, accuracy_ten)
results.append(("ten digits", "linear model", accuracy))

net_ten = nn.Sequential(nn.Linear(height * width, 100), nn.ReLU(), nn.Linear(100, 10)).to(device)
optimizer = optim.SGD(net_ten.parameters(), lr=0.2)
accuracy = fit("ten digits, network", net_ten, optimizer, ten_batches, epochs, F.cross_entropy, accuracy_ten)
results.append(("ten digits", "network with 100 hidden units", accuracy))

# %% [markdown]
# ## What was learned, and what was not
#
# The weights of the linear model for each digit; the images that the network is most wrong about; and how the
# accuracies grew.

# %%
pictures = linear_ten.weight.detach().view(10, height, width)
largest = pictures.abs().max().item() / 2
album.add_images(pictures, [str(digit) for digit in range(10)], "weights_ten", cmap="RdBu", vmin=-largest, vmax=largest)

with tinygrad_lite.no_grad():
    outputs = net_ten(test_flat)
    losses = F.cross_entropy(outputs, test_labels, reduction="none")
worst = losses.argsort(descending=True)[:20]
wrong = [f"{outputs[i].argmax().item()}, not {test_labels[i].item()}" for i in worst]
album.add_images(test_images[worst], wrong, "worst_mistakes")

figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, curve in curves.items():
    panel = panels[1 if name.startswith("ten") else 0]
    panel.plot(range(1, len(curve) + 1), curve, label=name, linewidth=2)
for panel, title in zip(panels, ("3 or 7", "ten digits"), strict=True):
    panel.set(title=title, xlabel="epoch", ylabel="accuracy on the test images")
    panel.legend(loc="lower right")
album.add(figure, "accuracy")

# %% [markdown]
# ## The results

# %%
table = "".join(f"| {task:<10} | {model:<30} | {accuracy:8.4f} |\n" for task, model, accuracy in results)
table = f"| {'task':<10} | {'model':<30} | accuracy |\n|{'-' * 12}|{'-' * 32}|---------:|\n{table}"
print(f"\n{mnist.name}, accuracy on {len(test_3) + len(test_7):,} (3 or 7) and {len(test_images):,} test images\n")
print(table)
album.write("results.md", table)
rows = [{"task": task, "model": model, "accuracy": round(accuracy, 4)} for task, model, accuracy in results]
album.write("results.json", json.dumps({"data": mnist.name, "seed": options.seed, "results": rows}, indent=1))
album.show()
