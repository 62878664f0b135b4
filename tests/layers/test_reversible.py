"""Reversible blocks: the gradients of the plain sequence, in the memory of one block."""

import weakref

import pytest
import torch
from torch import Tensor, nn

from forecast.layers.blocks.reversible import ReversibleBlock, ReversibleSequence
from forecast.layers.stack import AttentionStack
from forecast.layers.stack_config import StackConfig


def config(*, layers: int = 3, dropout: float = 0.0, attention: str = "full", places: int = 20) -> StackConfig:
    return StackConfig(
        width=8,
        heads=2,
        causal=attention != "lsh",
        places=places,
        layers=layers,
        block="reversible",
        dropout=dropout,
        attention=attention,
    )


def blocks(**settings: object) -> list[ReversibleBlock]:
    torch.manual_seed(0)
    made = config(**settings)
    return [ReversibleBlock(made).double() for _ in range(made.layers)]


def some(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def results(sequence: nn.Module, x: Tensor) -> list[Tensor]:
    """The output, the gradient of the input and those of the weights, from one state of the generator."""
    torch.manual_seed(3)
    x = x.clone().requires_grad_()
    y = sequence(x)
    found = torch.autograd.grad((y * torch.arange(y.shape[-1])).square().mean(), [x, *sequence.parameters()])
    return [y.detach(), *found]


@pytest.mark.parametrize("attention", ["full", "linear", "lsh", "adaptive-span", "hierarchical"])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_gradients_are_those_of_the_same_blocks_kept(attention, dropout):
    made = blocks(dropout=dropout, attention=attention)
    x = some(3, 10, 16)
    kept, recomputed = results(nn.Sequential(*made), x), results(ReversibleSequence(*made), x)
    assert torch.equal(kept[0], recomputed[0])
    for one, other in zip(kept[1:], recomputed[1:], strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-10)


def test_the_random_state_after_a_backward_pass_is_that_of_the_plain_sequence():
    made = blocks(dropout=0.4)
    after = []
    for sequence in (nn.Sequential(*made), ReversibleSequence(*made)):
        results(sequence, some(2, 6, 16))
        after.append(torch.get_rng_state())
    assert torch.equal(*after)


def test_a_block_adds_to_one_half_what_it_reads_of_the_other():
    (block,) = blocks(layers=1)
    x = some(2, 6, 16)
    first = x[..., :8] + block.attention(block.norm_attention(x[..., 8:]))
    second = x[..., 8:] + block.feed(block.norm_feed(first))
    torch.testing.assert_close(block(x), torch.cat([first, second], -1), atol=0, rtol=0)
    torch.testing.assert_close(second - block.fed(first), x[..., 8:])


def test_frozen_weights_and_shared_blocks_have_their_gradients():
    one, other = blocks(layers=2)
    one.feed.requires_grad_(False)
    made = [one, other, one]
    found = []
    for sequence in (nn.Sequential(*made), ReversibleSequence(*made)):
        sequence.zero_grad()
        sequence(some(2, 5, 16)).square().sum().backward()
        assert all(weight.grad is None for weight in one.feed.parameters())
        found.append([weight.grad for weight in (*one.attention.parameters(), *other.parameters())])
    for kept, recomputed in zip(*found, strict=True):
        torch.testing.assert_close(kept, recomputed, atol=1e-10, rtol=1e-10)


class Live:
    """Bytes that autograd holds for backward passes, now and at most; each storage counts once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.seen: dict[int, int] = {}

    def pack(self, x: Tensor) -> "Held":
        return Held(self, x)


class Held:
    def __init__(self, live: Live, x: Tensor) -> None:
        self.value, place, size = x, x.untyped_storage().data_ptr(), x.untyped_storage().nbytes()
        live.seen[place] = live.seen.get(place, 0) + 1
        if live.seen[place] == 1:
            live.now += size
            live.most = max(live.most, live.now)
        weakref.finalize(self, Held.drop, live, place, size)

    @staticmethod
    def drop(live: Live, place: int, size: int) -> None:
        live.seen[place] -= 1
        if live.seen[place] == 0:
            live.now -= size


def most_held(sequence: nn.Module) -> int:
    """Bytes of activations that one forward and backward pass holds at once, weights left out."""
    live = Live()
    weights = {weight.untyped_storage().data_ptr() for weight in sequence.parameters()}

    def pack(x: Tensor) -> "Tensor | Held":
        return x if x.untyped_storage().data_ptr() in weights else live.pack(x)

    x = some(4, 32, 16).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda held: held.value if isinstance(held, Held) else held):
        sequence(x).square().sum().backward()
    return live.most


def test_the_memory_of_activations_does_not_grow_with_depth():
    reversible = [most_held(ReversibleSequence(*blocks(layers=layers, places=128))) for layers in (2, 8, 32)]
    plain = [most_held(nn.Sequential(*blocks(layers=layers, places=128))) for layers in (2, 8, 32)]
    assert reversible[2] <= 1.01 * reversible[0]
    assert plain[2] > 12 * plain[0]
    assert reversible[0] < plain[0]


def test_a_stack_opens_two_streams_and_gives_their_mean():
    torch.manual_seed(0)
    stack = AttentionStack(config(layers=2)).double()
    x = some(2, 9, 8)
    tokens = stack.positions(x)
    wanted = nn.Sequential(*stack.blocks)(torch.cat([tokens, tokens], -1))
    torch.testing.assert_close(stack(x), (wanted[..., :8] + wanted[..., 8:]) / 2)


def test_a_pass_in_half_precision_is_repeated_in_half_precision():
    made = [block.float() for block in blocks(layers=3)]
    x = some(2, 6, 16).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        kept = nn.Sequential(*made)(x)
    kept.square().sum().backward()
    wanted = [weight.grad.clone() for block in made for weight in block.parameters()]
    sequence = ReversibleSequence(*made)
    sequence.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = sequence(x)
    found.square().sum().backward()
    for weight, slope in zip(sequence.parameters(), wanted, strict=True):
        torch.testing.assert_close(weight.grad, slope, atol=0.05 * float(slope.abs().max()), rtol=0.05)
