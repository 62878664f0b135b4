"""Block after block by a recurrent cell that reads the block before.

Dimension key: B batch, N tokens, K tokens of a lookback, O origins, R = B·O rows, H horizon, M blocks ahead,
C channels, Q outputs per step, F known ahead, D width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.layers.attention.alignment import ALIGNMENTS, AlignmentKind
from forecast.layers.cells.fused import GRU, LSTM, RNN
from forecast.layers.dropout import make_dropout
from forecast.layers.precision import full_precision
from forecast.layers.scheduled import Scheduled
from forecast.layers.trunk import Carried, Trunk
from forecast.networks.base import Sizes
from forecast.networks.decoders.base import Decoder, at_origins
from forecast.networks.decoders.line import Line
from forecast.networks.tokens import ahead_of_origins, blocks_ahead

DecoderCell = Literal["lstm", "gru", "rnn"]
CELLS: dict[DecoderCell, Callable[[int, int], LSTM | GRU | RNN]] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}


@dataclass(frozen=True, kw_only=True)
class RecurrentDecoding:
    """attention: over the encoder's states; None for none.

    point: which of the Q outputs is fed back.  forcing: share of blocks that read the answer where training begins;
    it falls along a line to none at the share ``free_from`` of the training.
    """

    cell: DecoderCell = "lstm"
    attention: AlignmentKind | None = None
    point: int = 0
    forcing: float = 1.0
    free_from: float = 0.5


class RecurrentDecoder(Decoder, Scheduled):
    """A cell writes the horizon block after block, from the encoder's state on (Sutskever et al. 2014, section 2).

    It starts at tanh of a linear map of the state at the origin (Cho et al. 2014, section 2.2) and reads the block
    before and what is known ahead of its own.  A forecast feeds back its own points.  In training a coin decides block
    by block whether the answer takes their place, less and less often (scheduled sampling, Bengio et al. 2015,
    section 2.4); never where it was not observed.
    With additive attention the state before a step chooses what of the lookback's tokens the cell reads (Bahdanau et
    al. 2015, section 3.1); with the others the state after it does, and the cell does not see it (Luong et al. 2015,
    section 3.1), and goes on as tanh of a linear map of itself and the context.
    A block is written through one hidden layer from that, from what the cell read and from the state at the origin
    (Cho et al. 2014, section 2.2; the deep output of Bahdanau et al. 2015, appendix A.2.2, with GELU for maxout).
    M4 Hourly, 600 steps: MASE 1.20 by a linear map of the state alone, 1.04 so.
    """

    def __init__(
        self,
        sizes: Sizes,
        trunk: Trunk,
        ahead: int,
        *,
        decoding: RecurrentDecoding,
        highway: bool,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        width, kind = trunk.width, decoding.attention
        self.sizes, self.decoding, self.point = sizes, decoding, decoding.point
        self.line = Line(sizes, stride=sizes.patch) if highway else None
        self.blocks, self.block = blocks_ahead(sizes)
        self.reach = None if kind else 1
        self.norm = nn.LayerNorm(width)
        self.attention = ALIGNMENTS[kind](width) if kind else None
        self.join = nn.Linear(2 * width, width) if kind in ("dot", "general") else None
        inputs = self.block * (sizes.channels + ahead) + (width if kind == "additive" else 0)
        self.cell = CELLS[decoding.cell](inputs, width)
        self.start = nn.Linear(width, self.cell.kept * width)
        self.deep = nn.Sequential(nn.Linear(2 * width + inputs, 2 * width), nn.GELU(), make_dropout(dropout))
        self.output = nn.Linear(2 * width, self.block * sizes.channels * sizes.outputs)
        self.share = torch.tensor(decoding.forcing, device="cpu")  # of the answer; read where it is, by any device

    def advance(self, progress: float) -> None:
        left = 1 - progress / self.decoding.free_from if self.decoding.free_from else 0.0
        self.share.fill_(self.decoding.forcing * max(0.0, left))

    @full_precision
    def forward(self, states: Tensor, window: Window, ahead: Tensor, origins: int = 1, every: int = 1) -> Tensor:
        sizes, stride = self.sizes, every * self.sizes.patch
        known = ahead_of_origins(ahead, origins=origins, stride=stride, horizon=sizes.horizon, blocks=self.blocks)
        line = None if self.line is None else self._blocks_of(self.line(window, origins, every))
        here, memory = self._read(states, origins, every)
        raw = self._write(
            here=here,
            before=self._block_before(window.target, origins, stride),
            known=known.flatten(0, 1),
            line=line,
            memory=memory,
            answer=self._forced(window),
        )  # (R, M, block, C, Q)
        if line is not None:
            raw = torch.cat([raw[..., :1] + line[..., None], raw[..., 1:]], dim=-1)
        steps = raw.flatten(1, 2)[:, : sizes.horizon]
        return steps.reshape(-1, origins, *steps.shape[1:])

    def _write(
        self,
        *,
        here: Tensor,
        before: Tensor,
        known: Tensor,
        line: Tensor | None,
        memory: tuple[Tensor, Tensor] | None,
        answer: tuple[Tensor, Tensor] | None,
    ) -> Tensor:
        """Raw blocks (R, M, block, C, Q), from the one before the first (R, block, C) on."""
        written = []
        state = list(torch.tanh(self.start(here)).chunk(self.cell.kept, 1))
        for number in range(self.blocks):
            state, read = self._step(torch.cat([before.flatten(1), known[:, number]], 1), state, memory)
            steps = self.output(self.deep(torch.cat([read, here], 1)))
            raw = steps.unflatten(1, (self.block, self.sizes.channels, self.sizes.outputs))
            written.append(raw)
            if number + 1 == self.blocks:
                break
            before = raw[..., self.point]
            if line is not None and self.point == 0:
                before = before + line[:, number]
            if answer is not None:
                before = torch.where(answer[1][:, number], answer[0][:, number], before)
        return torch.stack(written, 1)

    def _step(self, x: Tensor, state: Carried, memory: tuple[Tensor, Tensor] | None) -> tuple[Carried, Tensor]:
        """The state after one more block, and what the block is written from (R, D + inputs)."""
        if self.attention is not None and self.join is None:
            assert memory is not None
            x = torch.cat([x, self.attention(state[0], *memory)], 1)
        state = self.cell.step(x, state)
        read = state[0]
        if self.attention is not None and self.join is not None:
            assert memory is not None
            read = torch.tanh(self.join(torch.cat([read, self.attention(read, *memory)], 1)))
        return state, torch.cat([read, x], 1)

    def _read(self, states: Tensor, origins: int, every: int) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """The state at each origin (R, D), and the memory: the lookback's tokens before it and their keys, both
        (R, K, D)."""
        memory = None
        if self.attention is None:
            here = self.norm(at_origins(states, origins, every))
        else:
            states = self.norm(states)
            here = at_origins(states, origins, every)
            tokens, keys = self._before(states, origins, every), self.attention.keys(states)
            memory = tokens, tokens if keys is states else self._before(keys, origins, every)
        return here.flatten(0, 1), memory

    def _before(self, tokens: Tensor, origins: int, every: int) -> Tensor:
        """(R, K, D): the lookback's tokens before each origin.  Slices go backwards far faster than ``unfold``."""
        count, length = tokens.shape[1], min(-(-self.sizes.lookback // self.sizes.patch), tokens.shape[1])
        if origins == 1:
            return tokens[:, count - length :]  # without a copy
        ends = range(count - (origins - 1) * every, count + 1, every)
        return torch.stack([tokens[:, end - length : end] for end in ends], 1).flatten(0, 1)

    def _block_before(self, target: Tensor, origins: int, stride: int) -> Tensor:
        """(R, block, C): the last steps before each origin, 0 before its lookback."""
        steps = min(self.block, self.sizes.lookback)
        first = target.shape[1] - steps - (origins - 1) * stride
        before = target[:, first:].unfold(1, steps, stride).transpose(2, 3).flatten(0, 1)
        return nn.functional.pad(before, (0, 0, self.block - steps, 0))

    def _forced(self, window: Window) -> tuple[Tensor, Tensor] | None:
        """The answer, and where it is read instead of the own forecast, both (R, M, block, C); in training only."""
        if not self.training or window.answer is None or window.counted is None:
            return None
        answer, counted = self._blocks_of(window.answer), self._blocks_of(window.counted)
        coins = torch.rand(*counted.shape[:2], 1, 1, device=counted.device) < self.share
        return answer, counted & coins

    def _blocks_of(self, steps: Tensor) -> Tensor:
        """Steps ahead (B, O, H, C) as blocks (R, M, block, C), the last one filled up with zeros."""
        short = self.blocks * self.block - self.sizes.horizon
        filled = nn.functional.pad(steps.flatten(0, 1), (0, 0, 0, short))
        return filled.reshape(len(filled), self.blocks, self.block, -1)
