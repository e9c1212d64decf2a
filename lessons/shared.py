"""What the lessons share and none of them is about: options, and where pictures go.

With a screen, pictures are shown in windows; in a notebook, below their cell; with `--save FOLDER` they are files in
that folder; and with none of these they are files in ./lesson_output.
"""

from __future__ import annotations

import argparse
import base64
import io
import math
import pathlib
import re
import sys
from collections.abc import Callable
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import tinygrad_lite
from tinygrad_lite import Tensor, datasets

WITHOUT_SCREEN = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}  # Matplotlib's backends that only write files

# The buttons of Matplotlib's page are icons from the network. These signs are in the usual fonts.
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; text-align: center; margin: 1em; }}
img {{ max-width: 100%; }}
.fa {{ font-style: normal; }}
.fa-minus::before {{ content: "−"; }}
.fa-plus::before {{ content: "+"; }}
.fa-fast-backward::before {{ content: "|❮"; }}
.fa-step-backward::before {{ content: "❮"; }}
.fa-play::before {{ content: "▶"; }}
.fa-pause::before {{ content: "❚❚"; }}
.fa-step-forward::before {{ content: "❯"; }}
.fa-fast-forward::before {{ content: "❯|"; }}
.fa-flip-horizontal {{ display: inline-block; transform: scaleX(-1); }}
</style>
</head>
<body>
<h1>{title}</h1>
{player}
</body>
</html>
"""


RATE = 10  # pictures per second


def read_options(description: str, *more: tuple[str, dict[str, Any]]) -> argparse.Namespace:
    """The lesson's options from the command line; the defaults in a notebook or an editor's interactive window.

    more: options of this lesson only, each a name and what argparse needs to know about it.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--device", default="cpu", help="where to compute: cpu, cuda or cuda:1 (default: cpu)")
    parser.add_argument("--seed", type=int, default=42, help="start of the random numbers (default: 42)")
    parser.add_argument("--save", metavar="FOLDER", type=pathlib.Path, help="write pictures and results into FOLDER")
    for name, settings in more:
        parser.add_argument(name, **settings)
    interactive = hasattr(sys, "ps1") or "ipykernel" in sys.modules
    options = parser.parse_args([] if interactive else None)
    try:
        tinygrad_lite.zeros(1, device=options.device)
        tinygrad_lite.manual_seed(options.seed)
    except (RuntimeError, ValueError) as error:
        parser.error(str(error))
    return options


def mnist_or_digits() -> datasets.ImageDataset:
    """MNIST, or where it cannot be had the small digits that come with the package, and one line says so."""
    try:
        return datasets.mnist()
    except datasets.DatasetUnavailable as reason:
        print(f"MNIST is not at hand, so the lesson runs on the small digits that come with the package ({reason})")
        return datasets.digits()


class Album:
    """The pictures of one lesson: each is shown, or written to a file, or both."""

    def __init__(self, folder: pathlib.Path | None) -> None:
        backend = matplotlib.get_backend().lower()
        self.notebook = "inline" in backend
        self.window = backend not in WITHOUT_SCREEN and not self.notebook
        if folder is None and backend in WITHOUT_SCREEN:
            folder = pathlib.Path("lesson_output")
        self.folder = folder
        self._kept: list[FuncAnimation] = []  # an animation plays only as long as someone holds it
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def add(self, figure: Figure, name: str) -> None:
        """Take in a picture: NAME.png."""
        if self.folder is not None:
            figure.savefig(self.folder / f"{name}.png", dpi=100)
            print(f"    picture: {self.folder / name}.png")
            self._done_with(figure)

    def add_images(
        self, images: Tensor, titles: list[str], name: str, columns: int = 10, inches: float = 1.0, **how: Any
    ) -> None:
        """Take in a grid of images, (n, height, width), each below its title. `how` goes to Matplotlib's imshow."""
        rows = math.ceil(len(images) / columns)
        size = (columns * inches, rows * (inches + 0.25))
        figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
        for axes in grid.flat:
            axes.axis("off")
        for axes, image, title in zip(grid.flat, images.cpu(), titles, strict=False):
            axes.imshow(image, **{"cmap": "gray_r", **how})
            axes.set_title(title, fontsize=9)
        self.add(figure, name)

    def add_animation(self, figure: Figure, draw: Callable[[int], None], frames: int, name: str, title: str) -> None:
        """Take in an animation, `draw(0)`, `draw(1)`, ... on the figure: NAME.gif, and NAME.html with buttons."""
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once, not anew for every frame
        if self.window:
            self._kept.append(FuncAnimation(figure, draw, frames=frames, interval=1000 / RATE, repeat_delay=2000))
        if self.folder is None and not self.notebook:
            return
        pictures = _few_colours(_film(figure, draw, frames))
        page = PAGE.format(title=title, player=_player(pictures))
        if self.folder is not None:
            pictures[0].save(
                self.folder / f"{name}.gif", save_all=True, append_images=pictures[1:], duration=1000 // RATE, loop=0
            )
            (self.folder / f"{name}.html").write_text(page, encoding="utf-8")
            print(f"    animation: {self.folder / name}.gif, and with playback buttons {self.folder / name}.html")
        if self.notebook:
            from IPython.display import HTML, display  # a notebook has it

            display(HTML(page))
        self._done_with(figure)

    def write(self, name: str, text: str) -> None:
        """Write a text beside the pictures, if these are written."""
        if self.folder is not None:
            (self.folder / name).write_text(text, encoding="utf-8")
            print(f"    written: {self.folder / name}")

    def show(self) -> None:
        """Open the windows, if there is a screen, and wait until they are closed."""
        if self.window:
            plt.show()

    def _done_with(self, figure: Figure) -> None:
        if not self.window:
            plt.close(figure)


def _film(figure: Figure, draw: Callable[[int], None], frames: int) -> list[Image.Image]:
    """A picture of the figure after each `draw(frame)`. A window that it is shown in stays as it is."""
    window, canvas, pictures = figure.canvas, FigureCanvasAgg(figure), []
    for frame in range(frames):
        draw(frame)
        canvas.draw()
        pictures.append(Image.fromarray(np.array(canvas.buffer_rgba())).convert("RGB"))
    figure.set_canvas(window)
    return pictures


def _few_colours(pictures: list[Image.Image]) -> list[Image.Image]:
    """The pictures in the 64 colours of the last, in which everything is to be seen: files of a quarter of the size."""
    colours = pictures[-1].quantize(64, Image.Quantize.MAXCOVERAGE)
    return [picture.quantize(palette=colours, dither=Image.Dither.NONE) for picture in pictures]


def _player(pictures: list[Image.Image]) -> str:
    """Matplotlib's player of animations, with these pictures in it."""
    figure = Figure(figsize=(1, 1))  # Matplotlib writes large files: it plays empty pictures, which ours replace
    player = FuncAnimation(figure, lambda frame: [], frames=len(pictures)).to_jshtml(fps=RATE, default_mode="once")
    ours = map(_as_text, pictures)
    return re.sub(r'(?<=data:image/png;base64,)[^"]+', lambda _: next(ours), re.sub(r"<link[^>]*>", "", player))


def _as_text(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
