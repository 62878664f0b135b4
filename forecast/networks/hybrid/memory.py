"""Attention over the tape of a recurrent layer's own states.

Dimension key: B batch, N tokens, A heads, D width, R room for tokens to come.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from forecast.errors import ConfigError
from forecast.layers.blocks.feed import make_feed
from forecast.layers.dropout import make_dropout
from forecast.layers.heads import check_heads, split_heads
from forecast.layers.positions import make_positions, rotate
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.layers.stack_config import Positions, StackConfig
from forecast.layers.trunk import Carried, Trunk


class TapeAttention(nn.Module):
    """A state asks for earlier states by their own features (Merity 2019, section 3: SHA-RNN's attention).

    Only queries pass through a matrix, and are normalised after it; keys and values are the states on the tape, each
    feature scaled by a learned gate.  Input: states and tape, (B, N, D).  Output: (B, N, D).
    """

    explains: ClassVar[str] = "attention"

    def __init__(self, width: int, heads: int, *, rotary: bool = False) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads, self.rotary = heads, rotary
        self.query, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.scales = nn.Parameter(torch.zeros(3 * width))  # of queries, keys and values, before the sigmoid

    def forward(self, x: Tensor, tape: Tensor, place: int | None = None) -> Tensor:
        """place: of the one state of ``x``, with all states up to it on the tape; None: they are the tape's."""
        query, key, value = self._project(x, tape, place or 0)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=place is None)
        return mixed.transpose(1, 2).flatten(2)

    def weights(self, x: Tensor, tape: Tensor, place: int | None = None) -> Tensor:
        """(B, A, N, N): how much each state reads of each one on the tape."""
        query, key, _ = self._project(x, tape, place or 0)
        scores: Tensor = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        if place is None:
            later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(later, -torch.inf)
        return torch.softmax(scores, -1)

    def _project(self, x: Tensor, tape: Tensor, place: int) -> tuple[Tensor, Tensor, Tensor]:
        asks, holds, gives = torch.sigmoid(self.scales).chunk(3)
        query = split_heads(self.norm(self.query(x)) * asks, self.heads)
        key, value = split_heads(tape * holds, self.heads), split_heads(tape * gives, self.heads)
        return (rotate(query, place), rotate(key), value) if self.rotary else (query, key, value)


class MemoryJoin(Trunk):
    """Recurrent layers write a tape of their states; each state reads the tape, then a feed-forward network follows.

    The block of SHA-RNN (Merity 2019, section 3 and figure 1): h + A(norm(h), tape), then h + F(norm(h)), where the
    tape holds the normalised states.  Attention costs one matrix instead of four.
    """

    accepts: ClassVar[frozenset[Positions]] = frozenset({"learned", "sinusoidal", "rotary", "none"})
    carries = True

    def __init__(self, recurrent: RecurrentConfig, attention: StackConfig) -> None:
        super().__init__()
        width = attention.width
        if attention.attention != "full" or attention.layers != 1 or attention.positions not in self.accepts:
            raise ConfigError(
                "join='memory' has an attention of its own, which reads the tape once",
                f"Set attention='full', attention_layers=1 and positions of {', '.join(sorted(self.accepts))}.",
            )
        self.positions = make_positions(attention.positions, width, attention.places)
        self.recurrent = RecurrentStack(recurrent)
        self.norm_tape, self.norm_state, self.norm_feed = (nn.LayerNorm(width) for _ in range(3))
        self.read = TapeAttention(width, attention.heads, rotary=attention.positions == "rotary")
        self.feed = make_feed(attention)
        self.dropout = make_dropout(attention.dropout)
        self.width = width
        self.kept = self.recurrent.kept + 1

    def forward(self, x: Tensor) -> Tensor:
        return self._joined(self.recurrent(self.positions(x)))[0]

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, Carried]:
        states, carried = self.recurrent.begin(self.positions(x))
        joined, tape = self._joined(states)
        return joined, [*carried, nn.functional.pad(tape, (0, 0, 0, room - tape.shape[1]))]

    def step(self, x: Tensor, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        *before, tape = carried
        state, after = self.recurrent.step(self.positions(x, place), before)
        tape[:, place : place + 1] = self.norm_tape(state)
        read = self.read(self.norm_state(state), tape[:, : place + 1], place)
        return self._fed(state + self.dropout(read)), [*after, tape]

    def _joined(self, states: Tensor) -> tuple[Tensor, Tensor]:
        tape = self.norm_tape(states)
        return self._fed(states + self.dropout(self.read(self.norm_state(states), tape))), tape

    def _fed(self, x: Tensor) -> Tensor:
        fed: Tensor = x + self.dropout(self.feed(self.norm_feed(x)))
        return fed
