"""First values: each method has the spread of its paper, fills in place, and is not recorded."""

import math

import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn

METHODS = {
    "uniform_": (lambda t, **g: nn.init.uniform_(t, -1, 1, **g), 1 / math.sqrt(3)),
    "normal_": (lambda t, **g: nn.init.normal_(t, 0, 3, **g), 3),
    "trunc_normal_": (lambda t, **g: nn.init.trunc_normal_(t, std=0.5, **g), 0.5),
    "xavier_uniform_": (lambda t, **g: nn.init.xavier_uniform_(t, **g), math.sqrt(2 / 700)),
    "xavier_normal_": (lambda t, **g: nn.init.xavier_normal_(t, gain=2, **g), 2 * math.sqrt(2 / 700)),
    "kaiming_uniform_": (lambda t, **g: nn.init.kaiming_uniform_(t, nonlinearity="relu", **g), math.sqrt(2 / 400)),
    "kaiming_uniform_ leaky": (lambda t, **g: nn.init.kaiming_uniform_(t, a=math.sqrt(5), **g), math.sqrt(1 / 1200)),
    "kaiming_normal_": (
        lambda t, **g: nn.init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu", **g),
        math.sqrt(2 / 300),
    ),
}


@pytest.mark.cpu
@pytest.mark.parametrize("name", METHODS)
def test_the_spread_is_that_of_the_paper(name):
    fill, std = METHODS[name]
    weight = nn.Parameter(tg.empty(300, 400))
    assert fill(weight, generator=tg.Generator().manual_seed(0)) is weight
    assert weight.is_leaf
    assert weight.std().item() == pytest.approx(std, rel=0.02)
    assert weight.mean().item() == pytest.approx(0, abs=0.02 * std)


@pytest.mark.cpu
@pytest.mark.parametrize("name", METHODS)
def test_a_generator_repeats_the_values(name):
    fill, _ = METHODS[name]
    a, b, c = (fill(tg.empty(5, 4), generator=tg.Generator().manual_seed(seed)).tolist() for seed in (1, 1, 2))
    assert a == b != c


def test_the_fans_of_a_convolution_count_its_kernel():
    weight = tg.empty(40, 30, 5, 4)
    nn.init.kaiming_normal_(weight, nonlinearity="linear")
    assert weight.std().item() == pytest.approx(1 / math.sqrt(30 * 5 * 4), rel=0.03)


def test_a_truncated_normal_stays_within_its_bounds():
    weight = nn.init.trunc_normal_(tg.empty(2000), mean=1.0, std=1.0, a=0.5, b=1.25)
    assert weight.min().item() >= 0.5
    assert weight.max().item() <= 1.25
    with pytest.raises(ValueError, match="holds too little of the normal"):
        nn.init.trunc_normal_(weight, mean=0.0, std=1.0, a=10.0, b=11.0)


def test_constants_and_the_identity():
    weight = nn.Parameter(tg.empty(2, 3))
    assert nn.init.eye_(weight).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert nn.init.constant_(weight, 3.0).tolist() == [[3.0] * 3] * 2
    assert nn.init.zeros_(weight).tolist() == [[0.0] * 3] * 2
    assert nn.init.ones_(weight).tolist() == [[1.0] * 3] * 2


@pytest.mark.parametrize(
    ("nonlinearity", "gain"),
    [("linear", 1), ("sigmoid", 1), ("tanh", 5 / 3), ("relu", math.sqrt(2)), ("leaky_relu", math.sqrt(2 / 1.0001))],
)
def test_gains(nonlinearity, gain):
    assert nn.init.calculate_gain(nonlinearity) == pytest.approx(gain, rel=1e-12)
    assert nn.init.calculate_gain("leaky_relu", 2.0) == pytest.approx(math.sqrt(2 / 5))


def test_what_makes_no_sense_is_refused():
    for fill in (nn.init.xavier_uniform_, nn.init.xavier_normal_, nn.init.kaiming_uniform_, nn.init.kaiming_normal_):
        with pytest.raises(ValueError, match=r"fewer than 2 dimensions.*this tensor \(3,\)"):
            fill(tg.ones(3))
    with pytest.raises(ValueError, match=r"eye_: Only tensors with 2 dimensions.*\(2, 2, 2\)"):
        nn.init.eye_(tg.ones(2, 2, 2))
    with pytest.raises(ValueError, match="Mode sideways not supported"):
        nn.init.kaiming_normal_(tg.ones(2, 2), mode="sideways")
    with pytest.raises(ValueError, match="Unsupported nonlinearity swoosh"):
        nn.init.calculate_gain("swoosh")
