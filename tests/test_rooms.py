"""The rooms of the package, in the README's order: each imports only from those above it, and none in a circle."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import tinygrad_lite

PACKAGE = Path(tinygrad_lite.__file__).parent
README = PACKAGE.parent / "README.md"


def modules():
    """Every module of the package, by its dotted name within it: `ops.shape`."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        yield name.removesuffix(".__init__").removesuffix("__init__"), path


def imported(path, names):
    """The modules of the package that a module needs to be imported: not for types only, and not within a function."""
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "tinygrad_lite":
            base = (node.module or "").removeprefix("tinygrad_lite").removeprefix(".")
            for alias in node.names:
                full = f"{base}.{alias.name}".strip(".")
                yield full if full in names else base
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("tinygrad_lite."):
                    yield alias.name.removeprefix("tinygrad_lite.")


def rooms_of_the_readme():
    """The rooms in the first column of the table under "How it is built", from above: backend, op, ops, ..."""
    text = README.read_text()
    table = text[text.index("## How it is built") :].split("\n\n- ")[0]
    first_column = "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| ["))
    return [name.rstrip("/").removesuffix(".py") for name in re.findall(r"\[`([\w/.]+)`\]", first_column)]


NAMES = {name for name, _ in modules()}


@pytest.mark.skipif(not README.exists(), reason="the README is not beside the package")
def test_each_room_imports_only_from_those_above_it():
    rooms = rooms_of_the_readme()
    assert set(rooms) == {name.partition(".")[0] for name in NAMES if name}
    for name, path in modules():
        room = name.partition(".")[0]
        if not name:
            continue  # the package itself offers what is in all of them
        for other in imported(path, NAMES):
            above = other.partition(".")[0]
            assert above == room or (above in rooms and rooms.index(above) < rooms.index(room)), (
                f"{name} imports {other or 'the whole package'}"
            )


def test_no_module_imports_itself_by_way_of_others():
    needs = {name: set(imported(path, NAMES)) - {name} for name, path in modules()}
    for package in NAMES:  # a package offers what its modules have: they do not need it to be complete
        for name in needs:
            if name.startswith(f"{package}.") and package in needs[name]:
                needs[name].discard(package)
    done: set[str] = set()
    while ready := {name for name in needs if name not in done and needs[name] <= done}:
        done |= ready
    assert not set(needs) - done, f"a circle among {sorted(set(needs) - done)}"
