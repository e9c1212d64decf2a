"""The covering set holds every pair of properties, examples shrink to what they need, and the words say what is so."""

import itertools

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from tinygrad_lite.testing.coverage import Draws, Example, any_shapes
from tinygrad_lite.testing.properties import (
    LAYOUTS,
    SHAPES,
    VALUES,
    broadcasting,
    expandable,
    fitting,
    lay_out,
    named_shapes,
    numbers_like,
    special_numbers,
)
from tinygrad_lite.testing.simplest import needed, simplest
from tinygrad_lite.testing.strategies import arrays, layouts


def pairs(plans):
    return {pair for plan in plans for pair in itertools.combinations(plan.properties(), 2)}


@pytest.mark.parametrize(("number", "size"), [(1, 34), (2, 68)])
def test_every_pair_of_properties_occurs_in_the_covering_set(number, size):
    draws = Draws(number)
    chosen = [example.plan for example in draws.covering()]
    assert len(chosen) <= size
    rng = np.random.default_rng(99)
    anything = pairs(draws.plan(rng) for _ in range(1000))
    # a pair so rare that it was met nowhere in the search may be missing
    assert len(anything - pairs(chosen)) <= 0.005 * len(anything)
    assert len(anything - pairs(chosen[: 2 * size // 3])) < 0.1 * len(anything)


def test_the_covering_set_has_what_an_operation_needs_to_be_tried_with():
    chosen = [example.plan for example in Draws(2).covering()]
    properties = {(kind, level) for plan in chosen for _, kind, level in plan.properties()}
    assert {("dimensions", n) for n in range(5)} < properties
    assert {("sizes", kind) for kind in ("empty", "a one", "equal", "unequal")} < properties
    kinds = ("alike", "in front", "a row", "a column", "in the middle", "a number", "both ways")
    assert {("broadcasting", kind) for kind in kinds} < properties
    assert {("values", kind) for kind in VALUES} < properties
    words = {word for plan in chosen for words in plan.words for word in words}
    assert words == set(LAYOUTS) - {"contiguous"}


def test_the_covering_set_is_fixed_and_small_where_there_is_little_to_choose():
    assert repr(Draws(1).covering()) == repr(Draws(1).covering())
    assert len(Draws([((), ())]).covering()) < 20
    assert len(Draws([((0, 3),)]).covering()) == 1
    triples = Draws([((2, 3),)]).covering(3)
    assert len(triples) > len(Draws([((2, 3),)]).covering())


def test_settings_are_drawn_in_all_pairs():
    chosen = Draws(1, choices={"a": [True, False], "b": st.sampled_from([1, 2, 3])}).covering()
    assert {(e.settings["a"], e.settings["b"]) for e in chosen} == set(itertools.product([True, False], [1, 2, 3]))


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_shapes_broadcast(seed, number):
    shapes = any_shapes(np.random.default_rng(seed), number)
    assert len(shapes) == number
    assert len(np.broadcast_shapes(*shapes)) <= 4
    assert broadcasting(shapes) != ""


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        ([(2, 3), (2, 3)], "alike"),
        ([(2, 3), (3,)], "in front"),
        ([(2, 3), (1, 3)], "a row"),
        ([(2, 1), (2, 3)], "a column"),
        ([(2, 1, 2), (2, 3, 2)], "in the middle"),
        ([(), (2, 3)], "a number"),
        ([(2, 1), (1, 3)], "both ways"),
        ([(3,), (2, 1)], "both ways"),
        ([(2, 3), (3, 2)], ""),
    ],
)
def test_kinds_of_broadcasting(shapes, kind):
    assert broadcasting(shapes) == kind


@given(arrays(), layouts())
def test_a_layout_changes_no_number(array, words):
    array = expandable(np.array(array), words)
    laid = lay_out(array, *words)
    np.testing.assert_array_equal(laid, array)
    assert laid.dtype == array.dtype
    assert laid.flags.writeable == ("read-only" not in words)
    seen = set(fitting(words, array.shape)) - {"offset", "read-only", "misaligned"}
    assert laid.flags.c_contiguous == (not seen) or array.size < 2
    if "misaligned" in fitting(words, array.shape):
        assert not laid.flags.aligned


def test_layouts_that_are_refused_and_another_byte_order():
    with pytest.raises(ValueError, match="unknown layout 'upside down'; there are contiguous, "):
        lay_out(np.ones(3), "upside down")
    with pytest.raises(ValueError, match="must be equal"):
        lay_out(np.arange(3.0), "expanded last")
    swapped = lay_out(np.arange(3.0), "other byte order")
    assert not swapped.dtype.isnative
    assert swapped.tolist() == [0, 1, 2]


@given(st.sampled_from(VALUES), st.booleans(), st.sampled_from([(-2, 2), (0.1, 4), (-3, -1), (0, 1)]), st.data())
def test_numbers_lie_in_the_range_and_are_distinct_where_they_must(kind, distinct, limits, data):
    low, high = limits
    share = np.array(data.draw(st.lists(st.floats(0, 0.999), max_size=12)))
    numbers = numbers_like(kind, share, low, high, distinct)
    assert ((numbers >= low) & (numbers <= high)).all()
    if distinct:
        assert len(np.unique(numbers)) == numbers.size
        assert (numbers != 0).all()
    else:
        np.testing.assert_array_equal(numbers.astype("float32"), numbers)


def test_special_numbers_are_drawn_on_request():
    for special in special_numbers():
        find(
            arrays((3,), special=True),
            lambda array, special=special: any(
                np.array_equal(x, special, equal_nan=True) and np.signbit(x) == np.signbit(special) for x in array
            ),
        )


@pytest.mark.parametrize("name", SHAPES)
def test_named_shapes_have_a_shape_for_each_input(name):
    for number in (1, 2, 3):
        assert all(len(shapes) == number for shapes in named_shapes(name, number))
    with pytest.raises(ValueError, match="'bananas' is not a name of shapes; there are 'not empty', "):
        named_shapes("bananas", 1)


def fortran(example: Example) -> bool:
    x = example.arrays()[0]
    return x.flags.f_contiguous and not x.flags.c_contiguous and x.ndim == 2


@pytest.mark.parametrize(
    ("fails", "text"),
    [
        (lambda e: True, "It fails even for a single number"),
        (fortran, "It fails only for two dimensions in Fortran order: of shape (2, 2)"),
        (lambda e: e.numbers[0].size == 0, "It fails only for one dimension without elements: of shape (0,)"),
        (
            lambda e: any(s < 0 for s in e.arrays()[0].strides) and not e.arrays()[0].flags.writeable,
            "It fails only for one dimension reversed in the last dimension and read-only: of shape (2,)",
        ),
        (
            lambda e: (abs(e.numbers[0]) < 0.03).any() and e.numbers[0].all(),
            "It fails only for a single number with values near zero",
        ),
    ],
)
def test_what_a_failure_needs(fails, text):
    draws = Draws(1)
    for example in draws.covering():
        if fails(example):
            assert needed(simplest(example, draws, fails), draws) == text


def test_what_a_failure_of_two_inputs_or_with_a_setting_needs():
    draws = Draws(2, choices={"twice": [False, True]})

    def fails(example: Example) -> bool:
        a, b = example.plan.shapes
        return len(a) == 2 == len(b) and b[0] == 1 < a[0] and a[1] == b[1] > 1 and example.settings["twice"]

    found = next(example for example in draws.covering() if fails(example))
    text = needed(simplest(found, draws, fails), draws)
    assert (
        text == "It fails only for two dimensions with a row broadcast and with twice=True: of shape (2, 2) and (1, 2)"
    )
