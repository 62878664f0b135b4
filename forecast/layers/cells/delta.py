"""A linear recurrence with the delta rule: what a key holds is replaced, not added to (Schlag et al. 2021, section 4).

In chunks (Yang et al. 2024, section 3), with a gate that lets the whole memory fade (Yang et al. 2025, Gated Delta
Networks, section 3).

Dimension key: B batch, N tokens, I inputs, D width, A heads, L tokens of a chunk, E = D / A.
"""

import torch
from torch import Tensor, nn

from forecast.layers.cells.base import RunningCell, heads_of
from forecast.layers.cells.mlstm import open_forget_gates
from forecast.layers.cells.parts import CausalConvolution, HeadNorm
from forecast.layers.heads import join_heads, split_heads
from forecast.layers.trunk import Carried

CHUNK = 32  # the triangular systems are dearer than the products: 20 per cent faster than 64


def delta_rule(
    query: Tensor, key: Tensor, value: Tensor, rate: Tensor, keep: Tensor, memory: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Sₙ = aₙ·(1 − βₙ·kₙ·kₙᵀ)·Sₙ₋₁ + βₙ·kₙ·vₙᵀ, read as Sₙᵀ·qₙ.

    query, key, value: (B, A, N, E), keys of length 1; rate β in (0, 1) and keep, the logarithm of a: (B, A, N).
    Returns (B, A, N, E) and the memory S (B, A, E, E).
    """
    read = []
    for chunk in zip(*(torch.split(part, CHUNK, dim=2) for part in (query, key, value, rate, keep)), strict=True):
        states, memory = _chunk(*chunk, memory=memory)
        read.append(states)
    assert memory is not None
    return torch.cat(read, dim=2) if len(read) > 1 else read[0], memory


def _chunk(
    query: Tensor, key: Tensor, value: Tensor, rate: Tensor, keep: Tensor, *, memory: Tensor | None
) -> tuple[Tensor, Tensor]:
    """One chunk.  Sₙ is what is left of the memory before it plus kⱼ·uⱼᵀ with corrections u, which depend on those of
    the tokens before: a triangular system, solved at once."""
    since = keep.cumsum(-1)  # (B, A, L)
    length = since.shape[-1]
    later = torch.full((length, length), float("-inf"), dtype=since.dtype, device=since.device).triu(1)
    left = (since[..., :, None] - since[..., None, :] + later).exp()  # (B, A, L, L), ones on the diagonal
    turned, rates = key.transpose(-1, -2), rate[..., None]
    system = rates * left * (key @ turned)  # the solver takes its diagonal for ones and reads nothing above
    wanted = value
    if memory is not None:
        remains = since.exp()[..., None]
        wanted = value - remains * (key @ memory)
    corrections = torch.linalg.solve_triangular(system, rates * wanted, upper=False, unitriangular=True)
    states = (left * (query @ turned)) @ corrections
    written = (turned * left[..., -1:, :]) @ corrections
    if memory is not None:
        states = states + remains * (query @ memory)
        written = written + remains[..., -1:, :] * memory
    return states, written


def of_length_one(x: Tensor) -> Tensor:
    """Vectors divided by their length; those of no length stay zero."""
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-12)


class Delta(RunningCell):
    """Short causal convolutions, the delta rule in each head, a norm and a projection.  (B, N, I) → (B, N, D)."""

    kept = 3  # state, last tokens of the convolution, memory

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.heads, self.width = heads_of(width), width
        self.inputs = nn.Linear(inputs, 3 * width + 2 * self.heads)
        self.convolution = CausalConvolution(3 * width)
        self.norm = HeadNorm(width, self.heads)
        self.output = nn.Linear(width, width)
        with torch.no_grad():
            self.inputs.bias[-self.heads :] = open_forget_gates(self.heads)

    def run(self, x: Tensor, carried: Carried | None) -> tuple[Tensor, Carried]:
        before, memory = (None, None) if carried is None else carried[1:]
        vectors, gates = self.inputs(x).split([3 * self.width, 2 * self.heads], dim=-1)
        vectors, before = self.convolution(vectors, before)
        pairs, value = vectors.split([2 * self.width, self.width], dim=-1)
        query, key = of_length_one(split_heads(pairs, 2 * self.heads)).chunk(2, dim=1)
        value = split_heads(value, self.heads)
        rate, keep = gates.transpose(1, 2).chunk(2, dim=1)  # (B, A, N)
        read, memory = delta_rule(query, key, value, rate.sigmoid(), nn.functional.logsigmoid(keep), memory)
        states: Tensor = self.output(self.norm(join_heads(read)))
        assert before is not None
        return states, [before, memory]
