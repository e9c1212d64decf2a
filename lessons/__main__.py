"""`python -m lessons` lists the lessons; `python -m lessons sgd_animation mnist_baseline` runs them one after another.

Options such as `--save FOLDER` go on to every lesson that is run.
"""

from __future__ import annotations

import ast
import pathlib
import runpy
import sys

ORDER = [
    "sgd_animation",
    "mnist_baseline",
    "convolution",
    "mnist_convolution",
    "gradient_check",
]  # in which they build on each other


def summary(name: str) -> str:
    """The first line of a lesson's own text."""
    source = (pathlib.Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def main(arguments: list[str]) -> int:
    """List the lessons, or run those named. Returns the exit status."""
    names = []
    while arguments and not arguments[0].startswith("-"):
        names.append(arguments.pop(0))
    unknown = [name for name in names if name not in ORDER]
    if unknown:
        print(f"no lesson is called {', '.join(unknown)}. There are: {', '.join(ORDER)}", file=sys.stderr)
        return 2
    if not names:
        print("The lessons, in the order in which they build on each other:\n")
        for name in ORDER:
            print(f"    {name:<18} {summary(name)}")
        print("\nRun some:  python -m lessons sgd_animation mnist_baseline")
        print("Options, for each of them:  --device cuda, --seed 1, --save FOLDER, --help")
        return 0
    for name in names:
        sys.argv = [name, *arguments]
        print(f"=== {name}: {summary(name)}")
        runpy.run_module(f"lessons.{name}", run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
