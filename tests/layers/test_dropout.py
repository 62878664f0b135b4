"""Dropout drops the share that it is told, each value for itself, and keeps the mean."""

import pytest
import torch

from forecast.layers.dropout import Dropout, make_dropout


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
def test_the_share_is_dropped_and_the_mean_kept(share):
    values = Dropout(share)(torch.ones(1001, 301))  # a number of values that eight does not divide
    assert (values == 0).float().mean() == pytest.approx(share, abs=0.004)
    assert values.mean() == pytest.approx(1, abs=0.02)
    assert len(values.unique()) == 2


def test_values_are_dropped_independently_of_their_neighbours_and_of_the_draw_before():
    layer = Dropout(0.5)
    first, second = (layer(torch.ones(200_000)) > 0 for _ in range(2))
    for distance in (1, 2, 7, 8, 9, 64):
        assert (first[distance:] == first[:-distance]).float().mean() == pytest.approx(0.5, abs=0.005)
    assert (first == second).float().mean() == pytest.approx(0.5, abs=0.005)


def test_the_gradient_flows_through_what_was_kept():
    x = torch.ones(64, 3, requires_grad=True)
    values = Dropout(0.3)(x)
    values.sum().backward()
    assert torch.equal(x.grad, values.detach())


def test_the_same_seed_drops_the_same_values():
    layer, found = Dropout(0.2), []
    for _ in range(2):
        torch.manual_seed(7)
        found.append(layer(torch.ones(50, 5)))
    assert torch.equal(*found)


def test_nothing_is_dropped_when_forecasting_or_without_a_share():
    x = torch.randn(5, 5)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(make_dropout(0.0).train()(x), x)


def test_an_empty_tensor_stays_empty():
    assert Dropout(0.5)(torch.zeros(0, 4)).shape == (0, 4)
