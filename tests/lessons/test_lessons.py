"""The lessons are run as their readers run them, from the command line, and what they write is looked into."""

import json
import os
import re
import subprocess
import sys

import pytest
from PIL import Image

import tinygrad_lite
from lessons.gradient_mistakes import MISTAKES, hunt
from tinygrad_lite import op
from tinygrad_lite.testing import check_op

MNIST = os.environ.get("TINYGRAD_LITE_DATA")
LESSONS = ["sgd_animation", "mnist_baseline", "convolution", "mnist_convolution", "gradient_check"]


def run(*arguments, cwd=None, **environment):
    names = {k: v for k, v in os.environ.items() if k != "TINYGRAD_LITE_DATA"}
    names |= {"MPLBACKEND": "agg", "PYTHONWARNINGS": "error", **environment}
    return subprocess.run(
        [sys.executable, "-m", "lessons", *arguments], capture_output=True, text=True, env=names, cwd=cwd, check=False
    )


def test_the_list():
    done = run()
    assert done.returncode == 0
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("    ")]
    assert [line[0] for line in lines] == LESSONS
    assert all(len(line) > 5 for line in lines)


def test_an_unknown_lesson_is_refused_before_any_runs():
    done = run("sgd_animation", "sgd_animatoin")
    assert done.returncode == 2
    assert f"no lesson is called sgd_animatoin. There are: {', '.join(LESSONS)}" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("lesson", LESSONS)
def test_help_and_options_that_make_no_sense(lesson):
    done = run(lesson, "--help")
    assert done.returncode == 0
    for option in ("--device", "--seed", "--save"):
        assert option in done.stdout
    for wrong in (["--device", "tpu"], ["--seed", "-1"], ["--seed", "x"], ["--nope"]):
        assert run(lesson, *wrong).returncode == 2
    assert "pip install" in run(lesson, "--device", "cuda:63").stderr


@pytest.fixture(scope="module")
def sgd(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sgd")
    done = run("sgd_animation", cwd=folder)  # with no screen and no --save
    assert done.returncode == 0, done.stderr
    return done.stdout, folder / "lesson_output"


def test_the_line_is_found(sgd):
    printed, _ = sgd
    assert "a guess, y = -x + 1, has the loss" in printed
    assert "the derivative of c = (a + a) + (a + a) with respect to a: tensor(4.)" in printed
    last = next(line for line in printed.splitlines() if "step 60" in line)
    slope, intercept = (float(part.split("=")[1]) for part in last.split("   ")[-1].split(", "))
    assert abs(slope - 3) < 0.2
    assert abs(intercept - 2.5) < 0.1
    limit = float(printed.split("above a learning rate of ")[1].split()[0])
    assert 0.8 < limit <= 1.0  # 2 / curvature; the curvature along the intercept is at least 2


@pytest.mark.parametrize("name", ["sgd", "learning_rates", "mini_batches"])
def test_animations_move_and_have_buttons(sgd, name):
    _, folder = sgd
    with Image.open(folder / f"{name}.gif") as gif:
        assert gif.n_frames == 61
        first = gif.convert("RGB").tobytes()
        gif.seek(60)
        assert gif.convert("RGB").tobytes() != first
    page = (folder / f"{name}.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64") == 61
    for button in ("Play", "Pause", "Next frame", "Previous frame", "First frame", "Last frame"):
        assert f'title="{button}"' in page
    assert "<link" not in page  # nothing is fetched from the network


def test_without_mnist_and_network_the_small_digits_serve_all_the_way_through(tmp_path):
    nowhere = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "https_proxy": "http://127.0.0.1:9"}
    first, second = (
        run("mnist_baseline", "--save", str(tmp_path / name), "--seed", "3", **nowhere) for name in ("a", "b")
    )
    if "MNIST is not at hand" not in first.stdout:
        pytest.skip("MNIST was in a cache of this machine, or came over the network all the same")
    assert first.returncode == second.returncode == 0, first.stderr
    one_line = [line for line in first.stdout.splitlines() if "MNIST is not at hand" in line]
    assert len(one_line) == 1
    results = json.loads((tmp_path / "a" / "results.json").read_text())
    assert results["data"] == "digits"
    assert results["seed"] == 3
    assert results == json.loads((tmp_path / "b" / "results.json").read_text())  # the seed repeats the run
    assert len(results["results"]) == 9
    assert all(row["accuracy"] > 0.75 for row in results["results"])
    pictures = {path.stem for path in (tmp_path / "a").glob("*.png")}
    assert pictures == {
        "images",
        "mean_three_and_seven",
        "templates",
        "weights_three_or_seven",
        "weights_ten",
        "worst_mistakes",
        "accuracy",
    }
    assert "100%" in first.stderr  # the progress bars


def test_the_convolution_by_hand_is_conv2d_and_a_matrix_product(tmp_path):
    nowhere = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "https_proxy": "http://127.0.0.1:9"}
    done = run("convolution", "--save", str(tmp_path / "out"), **nowhere)
    assert done.returncode == 0, done.stderr
    assert "conv2d agrees with the loop by hand: True" in done.stdout
    assert "the same as conv2d: True" in done.stdout
    sizes = [line.split()[-1] for line in done.stdout.splitlines() if "→" in line]
    assert sizes in (["6×6", "8×8", "4×4"], ["26×26", "28×28", "14×14"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "window.gif", "window.html", "edges.png", "padding_and_stride.png",
    }  # fmt: skip
    with Image.open(tmp_path / "out" / "window.gif") as gif:
        assert gif.n_frames > 30


def test_the_dozen_mistakes_are_found_and_made_small(tmp_path):
    done = run("gradient_check", "--save", str(tmp_path / "out"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "a softmax whose gradient is always 0, added up with weights of 1: True" in done.stdout
    assert "with random weights: False" in done.stdout
    assert "ReLU at -1, 0 and 2: True" in done.stdout
    table = done.stdout[done.stdout.index("what it takes to show") :].splitlines()[1:13]
    assert [int(line.split()[0]) for line in table] == list(range(1, 13))
    assert sum(line.endswith("It fails even for a single number") for line in table) >= 7
    assert "NOT FOUND" not in done.stdout
    assert "tanh(x)\n=======" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"steps.png", "kink.png"}

    # checks that pass where they look at nothing, what luck draws, what check_op draws, and what a check lets pass
    for blind in ("at symmetric matrices: True", "at negative numbers: True", "at a vector: True"):
        assert blind in done.stdout
    assert re.search(r"the first is a matrix of several rows and columns: \d$", done.stdout, re.MULTILINE)
    assert re.search(r"^dimensions .* 4: \d+$", done.stdout, re.MULTILINE)
    survived = [
        int(number) for number in re.findall(r"smooth_step: \d+ mutants, \d+ found, (\d+) survived", done.stdout)
    ]
    assert survived[0] > survived[1] > survived[2] == 0


@pytest.mark.parametrize("bug", range(1, 13))
def test_a_mistake_is_planted_for_the_reader_to_find(bug, capsys):
    hunt(bug, answer=False)
    shown = capsys.readouterr().out
    assert f"Mistake {bug} is in an operation that claims to be:" in shown
    assert re.search(r"^check_op says: .* It fails (even|only) for ", shown, re.MULTILINE)
    assert re.search(r"^the simplest example: .*\d.* of shape ", shown, re.MULTILINE)
    assert "lambda" not in shown  # the source is not given away
    assert MISTAKES[bug - 1].what not in shown
    hunt(bug, answer=True)
    answer = capsys.readouterr().out
    assert f"The mistake: {MISTAKES[bug - 1].what}." in answer
    assert f"and should be   {MISTAKES[bug - 1].right}\n" in answer


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_the_answer_is_right(mistake):
    def with_rule(text):
        operation = op(mistake.operation.forward)
        for name, rule in mistake.operation.functions.items():
            operation.gradient(name)(rule)
        names = [name for name in ("y", *operation.inputs) if re.search(rf"\b{name}\b", text)]
        operation.gradient(mistake.input)(
            eval(f"lambda {', '.join(['g', *names])}: {text}", {"sign": tinygrad_lite.ops.sign})
        )
        return operation

    check_op(with_rule(mistake.right), **mistake.how)


def test_a_hunt_from_the_command_line_goes_straight_to_it(tmp_path):
    done = run("gradient_check", "--bug", "10", "--answer", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2].startswith("Mistake 10 is in an operation that claims to be:")
    assert "The rule for b is   g.sum() + 0 * g\nand should be   g\n" in done.stdout
    assert not list(tmp_path.iterdir())
    assert run("gradient_check", "--bug", "13").returncode == 2
    assert run("gradient_check", "--answer").returncode == 2


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    nowhere = {"XDG_CACHE_HOME": str(folder / "cache"), "https_proxy": "http://127.0.0.1:9"}
    done = run("mnist_convolution", "--save", str(folder / "out"), **nowhere)
    assert done.returncode == 0, done.stderr
    return done, folder / "out"


def test_the_networks_learn_the_small_digits(networks):
    done, folder = networks
    assert "61,706" in done.stdout  # the summary of LeNet-5
    written = json.loads((folder / "convolution_results.json").read_text())
    errors = {row["model"]: row["error"] for row in written["results"]}
    assert list(errors) == ["linear", "300 hidden units", "LeNet-5", "residual network"]
    assert [row["error in 1998"] for row in written["results"]] == [0.12, 0.047, 0.0095, None]
    assert max(errors.values()) < 0.15
    assert errors["residual network"] < 0.05
    pictures = {path.stem for path in folder.glob("*.png")}
    assert pictures == {"kernels", "feature_maps", "training", "confusion", "worst_mistakes"}
    assert "| LeNet-5 | 0.95 % |" in (folder / "convolution_results.md").read_text()


def test_the_weights_of_the_lesson_load_in_pytorch(networks):
    torch = pytest.importorskip("torch", reason="loads them in PyTorch, which is not installed")
    from safetensors.torch import load_file

    _, folder = networks
    lenet = tinygrad_lite.load(folder / "lenet.safetensors")
    theirs = load_file(folder / "lenet.safetensors")
    assert set(lenet) == set(theirs) == {f"{i}.{name}" for i in (0, 3, 7, 9, 11) for name in ("weight", "bias")}
    n = torch.nn
    model = n.Sequential(
        n.Conv2d(1, 6, 5, padding=2), n.ReLU(), n.MaxPool2d(2), n.Conv2d(6, 16, 5), n.ReLU(), n.MaxPool2d(2),
        n.Flatten(), n.Linear(400, 120), n.ReLU(), n.Linear(120, 84), n.ReLU(), n.Linear(84, 10),
    )  # fmt: skip
    model.load_state_dict(theirs)
    digits = tinygrad_lite.datasets.digits().test
    images = torch.tensor(digits.scaled_images().numpy())[:, None]
    called = model(torch.nn.functional.interpolate(images, size=28, mode="bilinear")).argmax(1)
    assert (called.numpy() == digits.labels.numpy()).mean() > 0.85


@pytest.mark.skipif(not MNIST, reason="needs the real MNIST: set TINYGRAD_LITE_DATA to a folder with its four files")
def test_the_courses_figures_on_the_real_mnist(tmp_path):
    done = run("mnist_baseline", "--save", str(tmp_path), TINYGRAD_LITE_DATA=MNIST)
    assert done.returncode == 0, done.stderr
    assert "pixel similarity, L1: 3s 0.9168, 7s 0.9854, mean 0.9511" in done.stdout
    results = {
        (r["task"], r["model"]): r["accuracy"] for r in json.loads((tmp_path / "results.json").read_text())["results"]
    }
    assert results["3 or 7", "network with 30 hidden units"] >= 0.98
    assert results["ten digits", "network with 100 hidden units"] >= 0.97
    assert results["3 or 7", "nn.Linear"] > results["3 or 7", "pixel similarity, L2"]


@pytest.mark.skipif(not MNIST, reason="needs the real MNIST: set TINYGRAD_LITE_DATA to a folder with its four files")
def test_lenet_and_a_residual_network_on_the_real_mnist(tmp_path):
    done = run("mnist_convolution", "--save", str(tmp_path), TINYGRAD_LITE_DATA=MNIST)
    assert done.returncode == 0, done.stderr
    results = {r["model"]: r for r in json.loads((tmp_path / "convolution_results.json").read_text())["results"]}
    assert results["LeNet-5"]["error"] <= 0.01
    assert results["LeNet-5"]["epochs"] <= 10
    assert results["residual network"]["error"] <= 0.006
    assert results["linear"]["error"] < 0.12
    assert results["300 hidden units"]["error"] < 0.047
