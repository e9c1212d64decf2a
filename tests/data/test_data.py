"""Batches: of anything with a length, in any order, gathered at once."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import tensor
from tinygrad_lite.data import BatchSampler, DataLoader, Dataset, Subset, TensorDataset, default_collate, random_split
from tinygrad_lite.utils.data import DataLoader as SameLoader


@given(st.integers(0, 20), st.integers(1, 7), st.booleans(), st.booleans())
def test_every_example_comes_once(n, batch_size, shuffle, drop_last):
    assume(n or not shuffle)
    loader = DataLoader(TensorDataset(tg.arange(n), tg.arange(n) * 2), batch_size, shuffle, drop_last=drop_last)
    batches = list(loader)
    assert len(batches) == len(loader)
    seen = [x for xb, _ in batches for x in xb.tolist()]
    assert len(seen) == (n // batch_size * batch_size if drop_last else n)
    assert len(set(seen)) == len(seen)
    if not shuffle:
        assert seen == list(range(len(seen)))
    for xb, yb in batches:
        assert (xb * 2 == yb).all()


def test_whole_batches_are_gathered_by_one_indexing_call(monkeypatch):
    calls = []
    getitem = tg.Tensor.__getitem__
    dataset = TensorDataset(tg.arange(10), tg.arange(10))
    parts = random_split(dataset, [6, 4])
    monkeypatch.setattr(tg.Tensor, "__getitem__", lambda self, i: (calls.append(i), getitem(self, i))[1])
    for loader in (DataLoader(dataset, 5), DataLoader(parts[0], 6), DataLoader(Subset(parts[0], [2, 1]), 2)):
        calls.clear()
        next(iter(loader))
        assert len(calls) == 2  # one for each tensor of the data set


def test_a_seed_repeats_the_order_and_every_pass_has_its_own():
    def orders(seed):
        loader = DataLoader(range(20), 20, shuffle=True, generator=tg.Generator().manual_seed(seed))
        return [next(iter(loader)).tolist() for _ in range(2)]

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)
    assert orders(1)[0] != orders(1)[1]
    tg.manual_seed(5)
    first = [x.tolist() for x in DataLoader(range(9), 4, shuffle=True)]
    tg.manual_seed(5)
    assert [x.tolist() for x in DataLoader(range(9), 4, shuffle=True)] == first


def test_any_sequence_is_a_data_set():
    pairs = [(tensor([1.0, 2.0]), 0), (tensor([3.0, 4.0]), 1)]
    ((x, y),) = DataLoader(pairs, batch_size=2)
    assert x.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert y.tolist() == [0, 1]
    assert [b.tolist() for b in DataLoader(range(5), batch_size=2)] == [[0, 1], [2, 3], [4]]
    assert next(iter(DataLoader(np.eye(3), batch_size=3))).shape == (3, 3)
    assert list(DataLoader(["a", "b", "c"], batch_size=2)) == [["a", "b"], ["c"]]
    (batch,) = DataLoader([{"x": 1.5, "y": "p"}, {"x": 2.5, "y": "q"}], batch_size=2)
    assert batch["x"].tolist() == [1.5, 2.5]
    assert batch["y"] == ["p", "q"]


def test_orders_and_collation_of_ones_own():
    assert [b.tolist() for b in DataLoader(range(5), 2, sampler=[4, 0, 2])] == [[4, 0], [2]]
    assert [b.tolist() for b in DataLoader(range(5), batch_sampler=[[3], [1, 0]])] == [[3], [1, 0]]
    assert list(DataLoader(range(4), 2, collate_fn=sum)) == [1, 5]
    assert list(DataLoader([7, 8], batch_size=None)) == [7, 8]
    assert len(DataLoader([7, 8], batch_size=None)) == 2
    assert list(BatchSampler(range(5), 2)) == [[0, 1], [2, 3], [4]]


def test_a_data_set_of_ones_own():
    class Squares(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return tensor(float(i)), i * i

    (_, (x, y)) = DataLoader(Squares(), batch_size=2)
    assert x.tolist() == [2.0, 3.0]
    assert y.tolist() == [4, 9]
    with pytest.raises(NotImplementedError, match=r"Dataset must implement __getitem__"):
        Dataset()[0]


def test_random_split_deals_out_everything():
    parts = random_split(range(10), [7, 3], generator=tg.Generator().manual_seed(0))
    assert [len(p) for p in parts] == [7, 3]
    assert sorted(x for p in parts for x in p) == list(range(10))
    assert [len(p) for p in random_split(range(10), [0.5, 0.25, 0.25])] == [6, 2, 2]
    for wrong in ([5, 4], [11, -1], [0.5, 0.4], [2.5, 7.5]):
        with pytest.raises(ValueError, match="Sum of input lengths"):
            random_split(range(10), wrong)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "positive integer"),
        ({"batch_size": 2.5}, "positive integer"),
        ({"sampler": [0], "shuffle": True}, "mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "mutually exclusive with drop_last"),
        ({"num_workers": -1}, "num_workers option should be non-negative, but got -1"),
    ],
)
def test_settings_that_exclude_each_other_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(range(3), **settings)


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match=r"Size mismatch.*\(3,\), \(2,\)"):
        TensorDataset(tg.ones(3), tg.ones(2))
    with pytest.raises(ValueError, match="at least one tensor"):
        TensorDataset()
    with pytest.raises(TypeError, match="TensorDataset: expected Tensors, but got list"):
        TensorDataset([1, 2])
    with pytest.raises(ValueError, match="num_samples=0: no data to shuffle"):
        DataLoader([], shuffle=True)
    with pytest.raises(TypeError, match=r"the data set \(map\) has no length. Use a sequence"):
        DataLoader(map(str, [1]))
    with pytest.raises(TypeError, match="found object"):
        default_collate([object()])
    with pytest.raises(ValueError, match="equal size"):
        default_collate([(1, 2), (1,)])
    assert SameLoader is DataLoader


def test_strings_stay_strings():
    assert list(DataLoader(["a", "bc", "d"], batch_size=2)) == [["a", "bc"], ["d"]]
    ((names, numbers),) = DataLoader([("a", 1), ("bc", 2)], batch_size=2)
    assert list(names) == ["a", "bc"]
    assert numbers.tolist() == [1, 2]


def test_settings_that_change_no_batch_are_taken_as_in_pytorch():
    loader = DataLoader(range(5), 2, False, None, None, 4, None, True, True)
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3]]


class Doubled:
    """Changes the examples of whatever data set it is mixed into."""

    def __getitem__(self, position):
        return tuple(2 * part for part in super().__getitem__(position))


class PlusOne(TensorDataset):
    def __getitem__(self, position):
        return tuple(part + 1 for part in super().__getitem__(position))


class PlusOneAtOnce(PlusOne):
    def gather(self, positions):
        return [part + 1 for part in super().gather(positions)]


class Renamed(PlusOne):
    """Inherits all of it."""


class MixedIn(Doubled, TensorDataset):
    pass


class NegatedSubset(Subset):
    def __getitem__(self, position):
        return tuple(-part for part in super().__getitem__(position))


class MixedSubset(Doubled, Subset):
    pass


@given(
    st.sampled_from([TensorDataset, PlusOne, PlusOneAtOnce, Renamed, MixedIn]),
    st.lists(st.sampled_from([Subset, NegatedSubset, MixedSubset]), max_size=3),
    st.integers(1, 4),
    st.booleans(),
)
def test_a_batch_holds_the_examples_that_the_data_set_gives(kind, subsets, batch_size, by_tensor):
    dataset = kind(tg.arange(7), tg.arange(14.0).reshape(7, 2))
    for subset in subsets:
        order = [3, 0, 2, 2, 1]
        dataset = subset(dataset, tensor(order) if by_tensor else order)
    for number, (x, y) in enumerate(DataLoader(dataset, batch_size)):
        examples = [dataset[i] for i in range(number * batch_size, min((number + 1) * batch_size, len(dataset)))]
        assert x.tolist() == [a.item() for a, _ in examples]
        assert y.tolist() == [b.tolist() for _, b in examples]


def test_a_transform_in_a_subclass_is_not_left_out():
    ((x,),) = DataLoader(PlusOne(tg.zeros(3)), 3)
    assert x.tolist() == [1.0, 1.0, 1.0]
    ((x,),) = DataLoader(Subset(PlusOne(tg.zeros(3)), [0, 2]), 2)
    assert x.tolist() == [1.0, 1.0]
    ((x,),) = DataLoader(NegatedSubset(TensorDataset(tg.ones(3)), [0, 2]), 2)
    assert x.tolist() == [-1.0, -1.0]
