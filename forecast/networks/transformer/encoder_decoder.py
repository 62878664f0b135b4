"""The full encoder–decoder of Vaswani et al. 2017, over patches.

Dimension key: B batch, N tokens, H horizon, M blocks ahead, P steps per block, C channels, Q outputs,
F known ahead, D width.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.layers.blocks.decoder import DecoderBlock
from forecast.layers.embeddings import patches
from forecast.layers.positions import make_positions
from forecast.layers.precision import ExactLinear
from forecast.layers.stack import make_stack
from forecast.layers.stack_config import StackConfig
from forecast.networks.base import Network, Sizes
from forecast.networks.decoders.line import Line, add_line
from forecast.networks.tokens import KnownAhead, Tokens, ahead_of_origins, blocks_ahead


class EncoderDecoderTransformer(Network):
    """An encoder reads the window; a decoder with masked self- and cross-attention writes the horizon block by block.

    A decoder token holds the block before it and what is known ahead of its own.  In training the blocks before come
    from the answer (teacher forcing), in one pass; a forecast feeds back its own points, block after block.
    ``point``: which of the Q outputs is the point forecast that is fed back.
    """

    causal = False

    def __init__(self, sizes: Sizes, config: StackConfig, *, point: int = 0, highway: bool = True) -> None:
        super().__init__(sizes)
        width = config.width
        self.point = point
        self.line = Line(sizes, stride=1) if highway else None
        self.ahead = KnownAhead(sizes)
        self.tokens = Tokens(sizes, width, self.ahead.width)
        self.blocks, self.block = blocks_ahead(sizes)
        self.encoder = make_stack(replace(config, causal=False))
        self.positions_ahead = make_positions(config.positions, width, self.blocks)
        self.decoder = nn.ModuleList(DecoderBlock(replace(config, causal=True)) for _ in range(config.layers))
        self.embed = nn.Linear(self.block * (sizes.channels + self.ahead.width), width)
        self.norm_memory, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.output = ExactLinear(width, self.block * sizes.channels * sizes.outputs)

    def forward(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        self.require_causal(origins)
        ahead = self.ahead(window)
        memory = self.norm_memory(self.encoder(self.tokens(window, ahead)))  # (B, N, D)
        known = ahead_of_origins(ahead, origins=1, stride=1, horizon=self.sizes.horizon, blocks=self.blocks)[
            :, 0
        ]  # (B, M, block·F)
        first = patches(window.target[:, -self.block :], self.block)  # (B, 1, block·C)
        if self.training and window.answer is not None:
            answer = self._blocks_of(window.answer)  # (B, M, block·C)
            steps = self._decode(torch.cat([first, answer[:, :-1]], dim=1), known, memory)
        else:
            steps = self._roll(first, known, memory, window)
        return add_line(self.line, steps.flatten(1, 2)[:, None, : self.sizes.horizon], window, 1)  # (B, 1, H, C, Q)

    def _decode(self, before: Tensor, known: Tensor, memory: Tensor) -> Tensor:
        """Blocks (B, M, block, C, Q) from the blocks before them (B, M, block·C) and what is known ahead."""
        x = self.positions_ahead(self.embed(torch.cat([before, known[:, : before.shape[1]]], dim=-1)))
        for block in self.decoder:
            x = block(x, memory)
        steps: Tensor = self.output(self.norm(x))
        return steps.reshape(*steps.shape[:2], self.block, self.sizes.channels, self.sizes.outputs)

    def _roll(self, first: Tensor, known: Tensor, memory: Tensor, window: Window) -> Tensor:
        """The same without an answer: each block is made from the point forecasts of the ones before."""
        line = 0.0 if self.line is None else self._blocks_of(self.line(window, 1))
        before = first
        for _ in range(self.blocks - 1):
            points = self._decode(before, known, memory)[..., self.point].flatten(2)  # (B, m, block·C)
            made = points + (line if isinstance(line, float) else line[:, : points.shape[1]])
            before = torch.cat([first, made], dim=1)
        return self._decode(before, known, memory)

    def _blocks_of(self, steps: Tensor) -> Tensor:
        """Steps ahead (B, 1, H, C) as blocks (B, M, block·C), the last one filled up with zeros."""
        short = self.blocks * self.block - self.sizes.horizon
        steps = nn.functional.pad(steps[:, 0], (0, 0, 0, short))  # (B, M·block, C)
        return steps.reshape(len(steps), self.blocks, -1)
