"""The optimiser and the clipping against torch's own."""

import pytest
import torch
from torch import nn

from forecast.training.optimiser import AdamW, clip_gradients


def make_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 2))


def loss_of(network: nn.Module, step: int) -> torch.Tensor:
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(step))
    return (network(x) - x[:, :2] ** 2).square().mean()


@pytest.mark.parametrize("fused", [True, False])
def test_fifty_steps_equal_those_of_torch(fused):
    ours, theirs = make_network(), make_network()
    mine = AdamW(ours.parameters(), weight_decay=0.1)
    groups = [
        {"params": [p for p in theirs.parameters() if p.ndim > 1], "weight_decay": 0.1},
        {"params": [p for p in theirs.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.95), fused=fused)
    for step in range(50):
        rate = 1e-2 / (1 + step)
        mine.zero_grad()
        loss_of(ours, step).backward()
        mine.step(rate)
        for group in reference.param_groups:
            group["lr"] = rate
        reference.zero_grad()
        loss_of(theirs, step).backward()
        reference.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


def test_parameters_without_a_gradient_stay():
    network = make_network()
    optimiser = AdamW(network.parameters(), weight_decay=0.5)
    before = [p.detach().clone() for p in network.parameters()]
    network[3](torch.randn(4, 16)).sum().backward()
    optimiser.step(0.1)
    moved = [not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True)]
    assert moved == [False, False, False, False, True, True]


def test_frozen_parameters_are_left_out():
    network = make_network()
    network[0].requires_grad_(False)
    before = network[0].weight.clone()
    optimiser = AdamW(network.parameters(), weight_decay=0.5)
    loss_of(network, 0).backward()
    optimiser.step(0.1)
    assert torch.equal(network[0].weight, before)


def test_a_state_taken_and_given_back_continues_alike():
    one, two = make_network(), make_network()
    first, second = AdamW(one.parameters()), AdamW(two.parameters())
    for step in range(5):
        first.zero_grad()
        loss_of(one, step).backward()
        first.step(1e-2)
    two.load_state_dict(one.state_dict())
    second.load_state({name: value.clone() for name, value in first.state().items()})
    for network, optimiser in ((one, first), (two, second)):
        optimiser.zero_grad()
        loss_of(network, 9).backward()
        optimiser.step(1e-2)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e3])
def test_clipping_equals_that_of_torch(limit):
    ours, theirs = make_network(), make_network()
    for network in (ours, theirs):
        loss_of(network, 0).mul(10).backward()
    norm = clip_gradients(list(ours.parameters()), limit)
    expected = nn.utils.clip_grad_norm_(theirs.parameters(), limit)
    torch.testing.assert_close(norm, expected)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
