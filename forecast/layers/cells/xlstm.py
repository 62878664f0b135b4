"""The blocks of xLSTM (Beck et al. 2024, section 2.4 and figures 9 to 11): one with a matrix, one with scalars as
memory.

Dimension key: B batch, N tokens, I inputs, D width, A heads, F inner width.
"""

import torch
from torch import Tensor, nn

from forecast.layers.cells.base import RunningCell, heads_of
from forecast.layers.cells.mlstm import MatrixMemory, open_forget_gates
from forecast.layers.cells.parts import CausalConvolution, HeadLinear, HeadNorm
from forecast.layers.cells.slstm import MemoryMixing
from forecast.layers.heads import join_heads, split_heads
from forecast.layers.trunk import Carried


class MatrixBlock(RunningCell):
    """mLSTM between an up- and a down-projection, gated by a second branch.  (B, N, D) → what is added to it."""

    kept = 4  # state, last tokens of the convolution, memory with its normaliser, stabiliser

    def __init__(self, width: int, expansion: int = 2) -> None:
        super().__init__()
        inner = expansion * width
        self.heads = heads_of(inner)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * inner)
        self.convolution = CausalConvolution(inner)
        self.queries_and_keys = HeadLinear(inner, self.heads, times=2)
        self.values = HeadLinear(inner, self.heads)
        self.gates = nn.Linear(3 * inner, 2 * self.heads)
        self.memory = MatrixMemory()
        self.head_norm = HeadNorm(inner, self.heads)
        self.skip = nn.Parameter(torch.ones(inner))
        self.down = nn.Linear(inner, width)
        with torch.no_grad():
            nn.init.zeros_(self.gates.weight)
            self.gates.bias.copy_(torch.cat([0.1 * torch.randn(self.heads), open_forget_gates(self.heads)]))

    def run(self, x: Tensor, carried: Carried | None) -> tuple[Tensor, Carried]:
        before, *memory = (None,) if carried is None else carried[1:]
        main, gate = self.up(self.norm(x)).chunk(2, dim=-1)  # (B, N, F) each
        near, before = self.convolution(main, before)
        vectors, values = self.queries_and_keys(near), self.values(main)
        enter, forget = self.gates(torch.cat([vectors, values], dim=-1)).transpose(1, 2).chunk(2, dim=1)  # (B, A, N)
        query, key = split_heads(vectors, self.heads).chunk(2, dim=-1)
        read, kept = self.memory(query, key, split_heads(values, self.heads), enter, forget, tuple(memory) or None)
        mixed = self.head_norm(join_heads(read)) + self.skip * near
        return self.down(mixed * nn.functional.silu(gate)), [before, *kept]


class ScalarBlock(RunningCell):
    """sLSTM, then a gated feed-forward network, 4/3 as wide.  (B, N, D) → what is added to it.

    The convolution is read by the input and forget gates only.
    """

    kept = 5  # state, last tokens of the convolution, sLSTM's three

    def __init__(self, width: int) -> None:
        super().__init__()
        heads, inner = heads_of(width), -(-4 * width // 3)
        self.heads = heads
        self.norm, self.norm_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.convolution = CausalConvolution(width)
        self.enter_and_forget = HeadLinear(width, heads, times=2)
        self.new_and_output = HeadLinear(width, heads, times=2)
        self.mixing = MemoryMixing(width, heads)
        self.head_norm = HeadNorm(width, heads)
        self.up, self.down = nn.Linear(width, 2 * inner), nn.Linear(inner, width)

    def run(self, x: Tensor, carried: Carried | None) -> tuple[Tensor, Carried]:
        before, *memory = (None,) if carried is None else carried[1:]
        normed = self.norm(x)
        near, before = self.convolution(normed, before)
        halves = (self.enter_and_forget(near), self.new_and_output(normed))
        gates = torch.cat([half.unflatten(-1, (self.heads, -1)) for half in halves], dim=-1).flatten(-2)  # (B, N, 4D)
        states, kept = self.mixing(gates, memory or None)
        mixed = self.head_norm(states)
        gate, fed = self.up(self.norm_feed(x + mixed)).chunk(2, dim=-1)
        fed = self.down(nn.functional.gelu(gate) * fed)
        return mixed + fed, [before, states[:, -1], *kept]


class XLSTM(RunningCell):
    """A block with a matrix as memory, then one with scalars: xLSTM[1:1].  (B, N, D) → what is added to it.

    Tokens of another width are projected first, and the sum is returned.
    """

    kept = 1 + MatrixBlock.kept + ScalarBlock.kept

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width) if inputs != width else None
        self.matrix, self.scalar = MatrixBlock(width), ScalarBlock(width)

    def run(self, x: Tensor, carried: Carried | None) -> tuple[Tensor, Carried]:
        first, second = None, None
        if carried is not None:
            first, second = carried[1 : 1 + self.matrix.kept], carried[1 + self.matrix.kept :]
        if self.enter is not None:
            x = self.enter(x)
        wide, after_wide = self.matrix.run(x, first)
        fine, after_fine = self.scalar.run(x + wide, second)
        added = wide + fine
        return added if self.enter is None else x + added, [wide[:, -1], *after_wide, fine[:, -1], *after_fine]
