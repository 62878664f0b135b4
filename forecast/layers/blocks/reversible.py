"""Reversible residual blocks (Gomez et al. 2017, section 3; Kitaev et al. 2020, section 3).

Dimension key: B batch, N tokens, D width.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from forecast.layers.attention.kinds import make_attention
from forecast.layers.blocks.base import Block
from forecast.layers.blocks.feed import make_feed
from forecast.layers.dropout import make_dropout
from forecast.layers.stack_config import StackConfig
from forecast.layers.uncompiled import uncompiled

Pair = tuple[Tensor, Tensor]
States = tuple[Tensor | None, Tensor | None]  # of torch's generator, before each half of a block that draws from it


class ReversibleBlock(Block):
    """y1 = x1 + attention(x2), y2 = x2 + feed(y1), of two vectors per token side by side: (B, N, 2·D) → the same.

    Its input follows from its output, so that a ``ReversibleSequence`` of blocks need not keep either.
    """

    streams = 2

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        self.norm_attention, self.norm_feed = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.attention = make_attention(config)
        self.carries = self.attention.carries
        self.feed = make_feed(config)
        self.dropout, self.draws = make_dropout(config.dropout), config.dropout > 0

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=-1)
        first = first + self.attend(second)
        return torch.cat([first, second + self.fed(first)], -1)

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        first, second = x.chunk(2, dim=-1)
        mixed, kept = self.attention.begin(self.norm_attention(second), room)
        first = first + self.dropout(mixed)
        return torch.cat([first, second + self.fed(first)], -1), kept

    def step(self, x: Tensor, kept: list[Tensor], place: int) -> Tensor:
        first, second = x.chunk(2, dim=-1)
        first = first + self.dropout(self.attention.step(self.norm_attention(second), kept, place))
        return torch.cat([first, second + self.fed(first)], -1)

    def attend(self, x: Tensor) -> Tensor:
        """What is added to the first vector, from the second one: (B, N, D)."""
        mixed: Tensor = self.dropout(self.attention(self.norm_attention(x)))
        return mixed

    def fed(self, x: Tensor) -> Tensor:
        """What is added to the second vector, from the new first one: (B, N, D)."""
        fed: Tensor = self.dropout(self.feed(self.norm_feed(x)))
        return fed


class ReversibleSequence(nn.Sequential):
    """Blocks in turn, of which the backward pass computes each one's input from its output.

    The memory of activations is that of one block, however many there are; the price is a second forward pass.
    Numbers drawn in between, as by dropout, are drawn again from the same state of torch's generator.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            for block in self:
                x = block(x)
            return x
        found: Tensor = self._recomputed(x)
        return found

    @uncompiled
    def _recomputed(self, x: Tensor) -> Tensor:
        weights = [weight for weight in self.parameters() if weight.requires_grad]
        found: Tensor = _Recompute.apply(x, list(self), weights, *weights)  # type: ignore[no-untyped-call]
        return found


class _Recompute(torch.autograd.Function):
    """The gradients of blocks from their last output alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, blocks: Sequence[ReversibleBlock], weights: list[Tensor], *_: Tensor) -> Tensor:
        ctx.blocks, ctx.weights, ctx.autocast = blocks, weights, _autocast(x.device.type)
        ctx.states = []
        first, second = _halves(x)
        for block in blocks:
            draws = block.draws and block.training
            before = _random_state(x.device) if draws else None
            first = first + block.attend(second)
            between = _random_state(x.device) if draws else None
            second = second + block.fed(first)
            ctx.states.append((before, between))
        after = torch.cat([first, second], -1)
        ctx.save_for_backward(after)
        return after

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (after,) = ctx.saved_tensors
        values, slopes = _halves(after), _halves(gradients[0])
        number = {id(weight): place for place, weight in enumerate(ctx.weights)}
        found: list[Tensor | None] = [None] * len(number)
        for block, states in zip(reversed(ctx.blocks), reversed(ctx.states), strict=True):
            used = [weight for weight in block.parameters() if weight.requires_grad]
            with ctx.autocast():
                values, slopes, own = _undo(block, values, slopes, states, used)
            for weight, slope in zip(used, own, strict=True):
                if slope is not None:
                    before = found[number[id(weight)]]
                    found[number[id(weight)]] = slope if before is None else before + slope
        return torch.cat(slopes, -1), None, None, *found


def _undo(
    block: ReversibleBlock, values: Pair, slopes: Pair, states: States, weights: list[Tensor]
) -> tuple[Pair, Pair, list[Tensor | None]]:
    """From a block's output and the gradients there: its input, the gradients there, and those of its weights."""
    (first, second), (slope_first, slope_second) = values, slopes
    added, slope, feed = _again(block.fed, first, slope_second, states[1], weights)
    second, slope_first = second - added, slope_first + slope
    added, slope, attention = _again(block.attend, second, slope_first, states[0], weights)
    first, slope_second = first - added, slope_second + slope
    own = [one if other is None else other for one, other in zip(feed, attention, strict=True)]
    return (first, second), (slope_first, slope_second), own


def _again(
    function: Callable[[Tensor], Tensor], x: Tensor, slope: Tensor, state: Tensor | None, weights: list[Tensor]
) -> tuple[Tensor, Tensor, list[Tensor | None]]:
    """f(x), drawn from the state that it was drawn from before, and the gradients of x and of the weights in f."""
    x = x.detach().requires_grad_()
    with _restored(state, x.device), torch.enable_grad():
        added = function(x)
    gradients = torch.autograd.grad(added, [x, *weights], slope.to(added.dtype), allow_unused=True)
    return added.detach(), gradients[0], list(gradients[1:])


def _halves(x: Tensor) -> Pair:
    first, second = x.chunk(2, dim=-1)
    return first, second


def _random_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


@contextmanager
def _restored(state: Tensor | None, device: torch.device) -> Iterator[None]:
    """Torch's generator for a device as it was, and back."""
    if state is None:
        yield
        return
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        if device.type == "cuda":
            torch.cuda.set_rng_state(state, device)
        else:
            torch.set_rng_state(state)
        yield


def _autocast(kind: str) -> Callable[[], AbstractContextManager[Any]]:
    """The autocast that is on now, for later: backward passes run outside of it."""
    if not torch.is_autocast_enabled(kind):
        return nullcontext
    precision = torch.get_autocast_dtype(kind)
    return lambda: torch.autocast(kind, dtype=precision)
