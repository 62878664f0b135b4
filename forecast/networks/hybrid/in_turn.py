"""Recurrence and attention one after the other.

Dimension key: B batch, N tokens, D width.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from torch import Tensor, nn

from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.layers.stack import AttentionStack
from forecast.layers.stack_config import Positions, StackConfig
from forecast.layers.trunk import Carried, Trunk

ADDED: frozenset[Positions] = frozenset({"learned", "sinusoidal"})  # to the tokens, once; others act inside attention


class InTurn(Trunk):
    """Trunks that read one another's states.  (B, N, D) → (B, N, D).

    It is causal and carries a state where all of them do.
    """

    def __init__(self, parts: Sequence[Trunk]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.width = parts[-1].width
        self.causal = all(part.causal for part in parts)
        self.carries = all(part.carries for part in parts)
        self.kept = sum(part.kept for part in parts)

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, Carried]:
        carried: Carried = []
        for part in self._trunks():
            x, kept = part.begin(x, room)
            carried += kept
        return x, carried

    def step(self, x: Tensor, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        after: Carried = []
        for part in self._trunks():
            x, kept = part.step(x, carried[len(after) : len(after) + part.kept], place)
            after += kept
        return x, after

    def _trunks(self) -> list[Trunk]:
        return cast("list[Trunk]", list(self.parts))


class Normalised(Trunk):
    """A trunk that reads normalised tokens and is added to the tokens as they are.  (B, N, D) → (B, N, D)."""

    def __init__(self, inner: Trunk) -> None:
        super().__init__()
        self.norm, self.inner = nn.LayerNorm(inner.width), inner
        self.width, self.causal, self.carries, self.kept = inner.width, inner.causal, inner.carries, inner.kept

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.inner(self.norm(x))
        return added

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, Carried]:
        states, carried = self.inner.begin(self.norm(x), room)
        return x + states, carried

    def step(self, x: Tensor, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        states, after = self.inner.step(self.norm(x), carried, place)
        return x + states, after


def recurrent_first(recurrent: RecurrentConfig, attention: StackConfig) -> Trunk:
    """Recurrent layers, then attention over their states, without a gate."""
    return InTurn([RecurrentStack(recurrent), AttentionStack(attention)])


def attention_first(recurrent: RecurrentConfig, attention: StackConfig) -> Trunk:
    """Attention over the tokens, then recurrent layers over what it found."""
    return InTurn([AttentionStack(attention), Normalised(RecurrentStack(recurrent))])


def interleaved(recurrent: RecurrentConfig, attention: StackConfig) -> Trunk:
    """Recurrent layers and attention blocks by turns, each on normalised tokens and added to them.

    The order of Griffin and Jamba (De et al. 2024, section 2; Lieber et al. 2024, section 2), which spread the rarer of
    the two evenly among the other: with as many of each R A R A, with twice as many recurrent layers R R A R R A.
    """
    total = recurrent.layers + attention.layers
    parts: list[Trunk] = []
    placed = 0  # attention blocks
    for number in range(1, total + 1):
        if number * attention.layers // total > placed:
            positions = attention.positions if not placed or attention.positions not in ADDED else "none"
            parts.append(AttentionStack(replace(attention, layers=1, positions=positions)))
            placed += 1
        else:
            parts.append(Normalised(RecurrentStack(replace(recurrent, layers=1))))
    return InTurn(parts)
