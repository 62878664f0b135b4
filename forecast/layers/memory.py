"""Segments of one window, read one after the other with a memory of the ones before.

Every layer keeps what it was given of the segments before, and the next segment reads it along with its own tokens.
Gradients flow through the memory: all segments lie in one window, whose graph is there until the step ends, while those
of the papers lie in different batches.  A layer may then read all of its segments before the next layer begins, so that
a memory is a kind of attention and fits every block.  No state crosses windows.

Segments are laid out from the window's first token on: a longer window reads its beginning as a shorter one does.

Dimension key: B batch, N tokens, G groups, S tokens of a segment, M tokens of memory, K tokens of a group, D width, A
heads.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from forecast.errors import ConfigError
from forecast.layers.attention.full import FullAttention, up_to_itself
from forecast.layers.heads import split_heads
from forecast.layers.positions import rotate
from forecast.layers.stack_config import StackConfig

SEGMENTS = 4  # of the lookback, where no length is given


def segment_of(config: StackConfig) -> int:
    """Tokens that are read at once: as given, else a quarter of the lookback."""
    lookback = -(-config.places // 2)
    return config.segment or max(1, -(-lookback // SEGMENTS))


class RecurrentMemory(FullAttention):
    """Transformer-XL's recurrence (Dai et al. 2019, section 3.2): a segment reads itself and the M tokens before it.

    With one layer on the other it reaches back M tokens more per layer; with M of the window's length it is full
    attention.  M is the length of a segment unless given.  Causal only: ``ConfigError``.
    """

    def __init__(self, config: StackConfig) -> None:
        super().__init__(config)
        if not config.causal or config.attention != "full":
            raise ConfigError(
                f"memory={config.memory!r} reads segments in their order, by full attention up to each token",
                "Choose a causal architecture with attention='full', or memory='none'.",
            )
        self.segment = segment_of(config)
        self.memory = self.segment if config.memory_length is None else config.memory_length

    def first(self, place: int) -> int:
        return max(0, place // self.segment * self.segment - self.memory)

    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if query.shape[-2] == 1:  # a single token after those that it reads
            return super().mix(query, key, value)
        parts = []
        for start in range(0, query.shape[-2], self.segment):
            own, seen = slice(start, start + self.segment), slice(self.first(start), start + self.segment)
            parts.append(super().mix(query[:, :, own], key[:, :, seen], value[:, :, seen]))
        return torch.cat(parts, dim=2)

    def reach(self, length: int, device: torch.device) -> Tensor:
        first = torch.tensor([self.first(place) for place in range(length)], device=device)
        return super().reach(length, device) & (torch.arange(length, device=device) >= first[:, None])


class CompressiveMemory(RecurrentMemory):
    """What leaves the memory is compressed, K tokens to one, and stays readable (Rae et al. 2020, section 3).

    A convolution with a stride of its length K compresses what the layer was given of each group of K tokens, counted
    from the window's start; a group is read once all of it has left the memory, at the place of its last token.  A
    window ends, so that compressed memories need not be dropped.  Left out: the auxiliary loss of section 3.2, by which
    the paper trains the compression apart from the rest; here the forecast's own gradient reaches it.
    """

    carries: ClassVar[bool] = True

    def __init__(self, config: StackConfig) -> None:
        super().__init__(config)
        self.group = config.compression
        self.compress = nn.Conv1d(config.width, config.width, self.group, stride=self.group)

    def forward(self, x: Tensor) -> Tensor:
        return self._read(x, self._groups(x))

    def weights(self, x: Tensor) -> Tensor:
        raise ConfigError(
            "a compressive memory is read in groups and has no map from token to token",
            "Explain a forecaster with memory='none' or memory='recurrence'.",
        )

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        """Kept are the tokens (B, room, D) and the groups (B, room / K, D), both as the layer was given them."""
        groups = self._groups(x)
        kept = [
            nn.functional.pad(part, (0, 0, 0, places - part.shape[1]))
            for part, places in ((x, room), (groups, room // self.group))
        ]
        return self._read(x, groups), kept

    def step(self, x: Tensor, kept: list[Tensor], place: int) -> Tensor:
        tokens, groups = kept
        tokens[:, place : place + 1] = x
        after = place + 1
        if after % self.group == 0:
            groups[:, place // self.group] = self._groups(tokens[:, after - self.group : after])[:, 0]
        first = self.first(place)
        query, key, value = self._project(tokens[:, first:after], first)
        remembered = self._remembered(groups[:, : first // self.group])
        return self._join(self._segment(query[:, :, -1:], key, value, remembered, place))

    def _groups(self, x: Tensor) -> Tensor:
        """(B, N, D) as compressed groups (B, N // K, D)."""
        if x.shape[1] < self.group:
            return x[:, :0]
        compressed: Tensor = self.compress(x.transpose(1, 2))
        return compressed.transpose(1, 2)

    def _remembered(self, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, A, G, D / A) of compressed groups (B, G, D)."""
        _, key, value = (split_heads(part, self.heads) for part in self.inputs(groups).chunk(3, dim=-1))
        return (rotate(key, self.group - 1, self.group) if self.rotary else key), value

    def _read(self, x: Tensor, groups: Tensor) -> Tensor:
        query, key, value = self._project(x)
        remembered = self._remembered(groups)
        parts = []
        for start in range(0, x.shape[1], self.segment):
            own, seen = slice(start, start + self.segment), slice(self.first(start), start + self.segment)
            parts.append(self._segment(query[:, :, own], key[:, :, seen], value[:, :, seen], remembered, start))
        return self._join(torch.cat(parts, dim=2))

    def _segment(self, query: Tensor, key: Tensor, value: Tensor, groups: tuple[Tensor, Tensor], start: int) -> Tensor:
        """Tokens (B, A, S, D / A) from ``start`` on, which read M + S tokens and the groups before these."""
        first = self.first(start)
        old = first // self.group
        if old == 0:
            return FullAttention.mix(self, query, key, value)
        if self.distances is None:
            mask = up_to_itself(query.shape[-2], key.shape[-2], query.device)
            mask = torch.cat([mask.new_ones(len(mask), old), mask], dim=-1)
        else:
            query, places = self.distances(query, first + key.shape[-2], causal=True)
            last = slice(self.group - 1, self.group * old, self.group)  # where the groups end
            mask = torch.cat([places[..., last], places[..., first:]], dim=-1)
        key, value = (torch.cat([part[:, :, :old], own], dim=2) for part, own in zip(groups, (key, value), strict=True))
        return nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
