"""The simplified block of He & Hofmann (2023), "Simplifying Transformer Blocks", without skips, values and projections.

Dimension key: B batch, N tokens, M keys, D width, A heads.
"""

import torch
from torch import Tensor, nn

from forecast.errors import ConfigError
from forecast.layers.attention.full import FullAttention
from forecast.layers.blocks.base import Block
from forecast.layers.blocks.feed import make_feed
from forecast.layers.dropout import make_dropout
from forecast.layers.heads import split_heads
from forecast.layers.positions import rotate
from forecast.layers.stack_config import StackConfig

FEED_GAIN = 0.1  # of the feed-forward network at first, as the authors set it


class ShapedAttention(FullAttention):
    """(α·I + β·softmax − γ·C)·X: values are the tokens themselves, and heads are not projected (sections 4.2, 4.3).

    C is what the softmax is while queries are zero: the mean over the tokens in reach.  α, β and γ are learned per head
    from 1, queries from 0, so that a new layer passes its tokens on unchanged.
    """

    accepts = frozenset({"learned", "sinusoidal", "rotary", "none"})  # others make more of zero queries than a mean

    def __init__(self, config: StackConfig) -> None:
        super().__init__(config)
        self.inputs = nn.Linear(config.width, 2 * config.width, bias=False)
        self.output = nn.Identity()  # type: ignore[assignment]
        self.itself, self.softmax, self.mean = (nn.Parameter(torch.ones(config.heads)) for _ in range(3))
        with torch.no_grad():
            self.inputs.weight[: config.width].zero_()

    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        queries, keys = query.shape[-2], value.shape[-2]
        itself, softmax, mean = (gain[:, None, None] for gain in (self.itself, self.softmax, self.mean))
        if self.causal and queries > 1:
            total = value.cumsum(2)[:, :, -queries:]
            mean = mean / torch.arange(keys - queries + 1, keys + 1, device=value.device)[:, None]  # (A, N, 1)
        else:
            total, mean = value.sum(2, keepdim=True), mean / keys
        kept = torch.addcmul(itself * value[:, :, -queries:], mean, total, value=-1)
        return torch.addcmul(kept, softmax, super().mix(query, key, value))

    def weights(self, x: Tensor) -> Tensor:
        """α·I + β·softmax − γ·C: what each token weighs, which may be negative."""
        length = x.shape[1]
        read = self.reach(length, x.device) if self.causal else x.new_ones(length, length)
        uniform = read.to(x.dtype) / read.sum(-1, keepdim=True)
        itself, softmax, mean = (gain[:, None, None] for gain in (self.itself, self.softmax, self.mean))
        unit = torch.eye(length, device=x.device, dtype=x.dtype)
        return itself * unit + softmax * super().weights(x) - mean * uniform

    def _project(self, x: Tensor, start: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        query, key = (split_heads(part, self.heads) for part in self.inputs(x).chunk(2, dim=-1))
        if self.rotary:
            query, key = rotate(query, start), rotate(key, start)
        return query, key, split_heads(x, self.heads)


class CompactBlock(Block):
    """Attention and a feed-forward network side by side on one normalised input, and nothing else (SAS-P, section 4.4).

    Their sum, the network's part times a learned gain that starts at 0.1, is the next block's input.  A block of width
    D has 6·D² weights instead of 8·D² with a feed-forward network twice as wide.  The norm stays: without it (section
    4.5) the paper's blocks lose some accuracy, too.  The paper has dozens of blocks and ReLUs in its feed-forward
    networks; a forecaster has few blocks, and what ``feed`` says.
    """

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        if config.attention != "full" or config.memory != "none":
            raise ConfigError(
                f"block='compact' shapes the matrix of full attention, not attention={config.attention!r} with "
                f"memory={config.memory!r}",
                "Choose attention='full' and memory='none', or block='pre-norm'.",
            )
        self.norm = nn.LayerNorm(config.width)
        self.attention = ShapedAttention(config)
        self.carries = self.attention.carries
        self.feed = make_feed(config)
        self.gains = nn.Parameter(torch.tensor([1.0, FEED_GAIN]))
        self.dropout = make_dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        return self._add(x, self.attention(x))

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        x = self.norm(x)
        mixed, kept = self.attention.begin(x, room)
        return self._add(x, mixed), kept

    def step(self, x: Tensor, kept: list[Tensor], place: int) -> Tensor:
        x = self.norm(x)
        return self._add(x, self.attention.step(x, kept, place))

    def _add(self, x: Tensor, mixed: Tensor) -> Tensor:
        summed: Tensor = self.dropout(self.gains[0] * mixed + self.gains[1] * self.feed(x))
        return summed
