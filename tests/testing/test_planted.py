"""check_op finds what is planted, by its covering set alone, and blames nothing that is right."""

import time

import hypothesis
import pytest

from tests.testing.planted import MISTAKES, RIGHT
from tinygrad_lite.testing import check_op


@pytest.fixture(autouse=True)
def the_covering_set_alone():
    before = hypothesis.settings.get_current_profile_name()
    hypothesis.settings.register_profile("covering", max_examples=1, database=None, derandomize=True, deadline=None)
    hypothesis.settings.load_profile("covering")
    yield
    hypothesis.settings.load_profile(before)


def test_there_are_mistakes_of_many_kinds():
    assert len(MISTAKES) >= 75


@pytest.mark.cpu
@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_found(name):
    mistake = MISTAKES[name]
    with pytest.raises(Exception, match=r"\w"):  # of which kind it is, is another question
        check_op(mistake.make(), **mistake.settings)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_operation_is_not_blamed(name):
    operation, settings = RIGHT[name]
    check_op(operation, **settings)


def test_a_check_takes_no_longer_than_one_waits_for():
    started = time.process_time()
    check_op(RIGHT["exp"][0], examples=100)
    assert time.process_time() - started < 2
