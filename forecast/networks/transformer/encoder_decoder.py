"""The full encoder–decoder of Vaswani et al. 2017, over patches.

Dimension key: B batch, N tokens, H horizon, M blocks ahead, P steps per block, C channels, Q outputs,
F known ahead, D width.
"""

from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.layers.blocks.decoder import DecoderBlock
from forecast.layers.blocks.pre_norm import PreNormBlock
from forecast.layers.embeddings import patches
from forecast.layers.positions import make_positions
from forecast.layers.precision import ExactLinear
from forecast.layers.stack import AttentionStack
from forecast.layers.stack_config import StackConfig
from forecast.networks.base import Network, Sizes
from forecast.networks.decoders.line import Line, add_line
from forecast.networks.tokens import KnownAhead, Tokens, ahead_of_origins, blocks_ahead


class EncoderDecoderTransformer(Network):
    """An encoder reads the window; a decoder with masked self- and cross-attention writes the horizon block by block.

    A decoder token holds the block before it and what is known ahead of its own.  In training the blocks before come
    from the answer (teacher forcing), in one pass; a forecast feeds back its own points, block after block, and keeps
    the keys and values of those it has written and of the memory, so that each costs the same.
    ``point``: which of the Q outputs is the point forecast that is fed back.  ``tied``: each block of the decoder uses
    self-attention and feed-forward network of the encoder's (after Xia et al. 2019, Tied Transformers).
    """

    causal = False

    def __init__(
        self, sizes: Sizes, config: StackConfig, *, point: int = 0, highway: bool = True, tied: bool = False
    ) -> None:
        super().__init__(sizes)
        width = config.width
        self.point = point
        self.line = Line(sizes, stride=1) if highway else None
        self.ahead = KnownAhead(sizes)
        self.tokens = Tokens(sizes, width, self.ahead.width)
        self.blocks, self.block = blocks_ahead(sizes)
        self.encoder = AttentionStack(replace(config, causal=False))
        self.positions_ahead = make_positions(config.positions, width, self.blocks)
        self.decoder = nn.ModuleList(DecoderBlock(replace(config, causal=True)) for _ in range(config.layers))
        if tied:
            for own, block in zip(self._decoder(), self.encoder.blocks, strict=True):
                assert isinstance(block, PreNormBlock)
                own.tie(block)
        self.embed = nn.Linear(self.block * (sizes.channels + self.ahead.width), width)
        self.norm_memory, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.output = ExactLinear(width, self.block * sizes.channels * sizes.outputs)

    def forward(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        self.require_causal(origins)
        ahead = self.ahead(window)
        memory = self.norm_memory(self.encoder(self.tokens(window, ahead)))  # (B, N, D)
        horizon = self.sizes.horizon
        known = ahead_of_origins(ahead, origins=1, stride=1, horizon=horizon, blocks=self.blocks)[
            :, 0
        ]  # (B, M, block·F)
        first = patches(window.target[:, -self.block :], self.block)  # (B, 1, block·C)
        if self.training and window.answer is not None:
            answer = self._blocks_of(window.answer)  # (B, M, block·C)
            steps = self._decode(torch.cat([first, answer[:, :-1]], dim=1), known, memory)
        else:
            steps = self._roll(first, known, memory, window)
        return add_line(self.line, steps.flatten(1, 2)[:, None, :horizon], window, 1)  # (B, 1, H, C, Q)

    def _decode(self, before: Tensor, known: Tensor, memory: Tensor) -> Tensor:
        """Blocks (B, M, block, C, Q) from the blocks before them (B, M, block·C) and what is known ahead, at once."""
        x = self.positions_ahead(self.embed(torch.cat([before, known], dim=-1)))
        for block in self.decoder:
            x = block(x, memory)
        return self._written(x)

    def _roll(self, first: Tensor, known: Tensor, memory: Tensor, window: Window) -> Tensor:
        """The same without an answer: each block is made from the point forecast of the one before."""
        line = None if self.line is None else self._blocks_of(self.line(window, 1))
        remembered = [block.memory.remember(memory) for block in self._decoder()]
        kept: list[list[Tensor]] = [[] for _ in remembered]
        before, written = first, []
        for place in range(self.blocks):
            own = slice(place, place + 1)
            x = self.positions_ahead(self.embed(torch.cat([before, known[:, own]], dim=-1)), place)
            for number, block in enumerate(self._decoder()):
                x, kept[number] = block.step(x, remembered[number], kept[number], place)
            written.append(self._written(x))
            point = written[-1][..., self.point].flatten(2)  # (B, 1, block·C)
            before = point if line is None else point + line[:, own]
        return torch.cat(written, dim=1)

    def _written(self, x: Tensor) -> Tensor:
        """States (B, M, D) as blocks (B, M, block, C, Q)."""
        steps: Tensor = self.output(self.norm(x))
        return steps.reshape(*steps.shape[:2], self.block, self.sizes.channels, self.sizes.outputs)

    def _decoder(self) -> list[DecoderBlock]:
        return cast("list[DecoderBlock]", list(self.decoder))

    def _blocks_of(self, steps: Tensor) -> Tensor:
        """Steps ahead (B, 1, H, C) as blocks (B, M, block·C), the last one filled up with zeros."""
        short = self.blocks * self.block - self.sizes.horizon
        steps = nn.functional.pad(steps[:, 0], (0, 0, 0, short))  # (B, M·block, C)
        return steps.reshape(len(steps), self.blocks, -1)
