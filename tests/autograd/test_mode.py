"""The recording switch on functions of every kind, and what is left of it afterwards."""

import asyncio

import pytest

import tinygrad_lite as tg
from tinygrad_lite import is_grad_enabled


@pytest.mark.parametrize(("mode", "recording"), [(tg.no_grad, False), (tg.enable_grad, True)])
def test_a_decorator_needs_no_brackets(mode, recording):
    @mode
    def plain(x):
        """Its text."""
        return is_grad_enabled(), x

    @mode()
    def called(x):
        return is_grad_enabled(), x

    with tg.set_grad_enabled(not recording):
        assert plain(3) == called(3) == (recording, 3)
        assert is_grad_enabled() is not recording
    assert plain.__name__ == "plain"
    assert plain.__doc__ == "Its text."


@pytest.mark.parametrize("decorate", [tg.no_grad, lambda f: tg.no_grad()(f), lambda f: tg.set_grad_enabled(False)(f)])
def test_a_generator_function_is_in_the_mode_while_it_runs_and_its_caller_is_not(decorate):
    seen = []

    @decorate
    def numbers():
        try:
            got = yield is_grad_enabled()
            seen.append(got)
            try:
                yield is_grad_enabled()
            except ValueError:
                yield is_grad_enabled()
            return "end"
        finally:
            seen.append(is_grad_enabled())

    def all_of_it():
        return (yield from numbers())

    walk = all_of_it()
    assert next(walk) is False
    assert is_grad_enabled()
    assert walk.send("sent") is False
    assert is_grad_enabled()
    assert walk.throw(ValueError()) is False
    with pytest.raises(StopIteration) as end:
        next(walk)
    assert end.value.value == "end"
    assert seen == ["sent", False]
    assert is_grad_enabled()

    left = numbers()
    next(left)
    left.close()
    assert seen[-1] is False
    failing = numbers()
    next(failing)
    with pytest.raises(KeyError):
        failing.throw(KeyError())
    assert is_grad_enabled()


def test_nothing_is_recorded_in_a_decorated_generator():
    x = tg.ones(2, requires_grad=True)

    @tg.no_grad()
    def batches():
        for i in range(2):
            yield x * i

    assert [y.requires_grad for y in batches()] == [False, False]
    assert (x * 2).requires_grad


def test_a_coroutine_is_in_the_mode_until_it_ends():
    @tg.no_grad
    async def inside():
        await asyncio.sleep(0)
        return is_grad_enabled()

    async def both():
        return await inside(), is_grad_enabled()

    assert asyncio.run(both()) == (False, True)


def test_an_asynchronous_generator_is_refused():
    with pytest.raises(TypeError, match="no_grad cannot decorate .*steps, an asynchronous generator"):

        @tg.no_grad
        async def steps():
            yield 1


def test_an_exception_leaves_the_mode_as_it_was():
    @tg.no_grad
    def fails():
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            fails()
        assert is_grad_enabled()
