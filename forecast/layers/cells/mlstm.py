"""mLSTM: a matrix as memory (Beck et al. 2024, xLSTM, section 2.3), in chunks of tokens.

Within a chunk all tokens are read at once (appendix A.3); from chunk to chunk goes the memory, so that storage grows
linearly with the tokens.  A single token is a chunk of one.

Dimension key: B batch, N tokens, I inputs, D width, A heads, L tokens of a chunk, E = D / A.
"""

import torch
from torch import Tensor, nn

from forecast.layers.cells.base import RunningCell, heads_of
from forecast.layers.heads import join_heads, split_heads
from forecast.layers.trunk import Carried

CHUNK = 64  # 512 tokens: 5 per cent faster than 32, 35 than 128
Memory = tuple[Tensor, Tensor]  # C beside n, (B, A, E, E + 1), over exp(m); the stabiliser m (B, A, 1)


class MatrixMemory(nn.Module):
    """Queries read what keys have written: C ← f·C + i·k·vᵀ, n ← f·n + i·k, read as Cᵀq / max(|nᵀq|, 1).

    query, key, value: (B, A, N, E); enter and forget, before exp and sigmoid: (B, A, N) → (B, A, N, E), and the memory.
    The key is scaled by 1 / √E here.
    """

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, enter: Tensor, forget: Tensor, memory: Memory | None
    ) -> tuple[Tensor, Memory]:
        key = key * key.shape[-1] ** -0.5
        value = nn.functional.pad(value, (0, 1), value=1.0)  # one more column: the normaliser goes where C goes
        parts = (query, key, value, enter, nn.functional.logsigmoid(forget))
        read = []
        for chunk in zip(*(torch.split(part, CHUNK, dim=2) for part in parts), strict=True):
            states, memory = read_chunk(*chunk, memory=memory)
            read.append(states)
        assert memory is not None
        return torch.cat(read, dim=2) if len(read) > 1 else read[0], memory


def read_chunk(
    query: Tensor, key: Tensor, value: Tensor, enter: Tensor, forget: Tensor, *, memory: Memory | None
) -> tuple[Tensor, Memory]:
    """States (B, A, L, E) of one chunk, and the memory after it.  forget: logarithms.

    The stabilisers cancel in the result, which is why no gradient goes through them.
    """
    since = forget.cumsum(-1)  # (B, A, L): logarithm of all that was forgotten since the chunk began
    length = since.shape[-1]
    later = torch.full((length, length), float("-inf"), dtype=since.dtype, device=since.device).triu(1)
    decay = since[..., :, None] + (enter - since)[..., None, :] + later  # (B, A, L, L)
    top = decay.detach().amax(-1)
    if memory is not None:
        kept, stable = memory
        from_before = since + stable
        top = torch.maximum(top, from_before.detach())
    mixed = ((decay - top[..., None]).exp() * (query @ key.transpose(-1, -2))) @ value  # (B, A, L, E + 1)
    if memory is not None:
        mixed = mixed + (from_before - top).exp()[..., None] * (query @ kept)
    states = mixed[..., :-1] / torch.maximum(mixed[..., -1:].abs(), (-top).exp()[..., None])

    until = since[..., -1:] - since + enter  # (B, A, L): what is left of each token at the chunk's end
    after = until.detach().amax(-1, keepdim=True)
    if memory is not None:
        after = torch.maximum(after, from_before[..., -1:].detach())
    written = ((until - after).exp()[..., None] * key).transpose(-1, -2) @ value
    if memory is not None:
        written = written + (from_before[..., -1:] - after).exp()[..., None] * kept
    return states, (written, after)


def open_forget_gates(heads: int) -> Tensor:
    """Biases of the forget gates, 3 to 6 over the heads, as in the authors' implementation."""
    return torch.linspace(3, 6, heads)


class MLSTM(RunningCell):
    """The bare cell: queries, keys, values and gates from the token alone.  (B, N, I) → (B, N, D)."""

    kept = 3  # state, memory with its normaliser, stabiliser

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.heads, self.width = heads_of(width), width
        self.inputs = nn.Linear(inputs, 4 * width + 2 * self.heads)
        self.memory = MatrixMemory()
        with torch.no_grad():  # gates say the same of all tokens at first
            self.inputs.weight[4 * width :] = 0
            self.inputs.bias[4 * width :] = torch.cat([0.1 * torch.randn(self.heads), open_forget_gates(self.heads)])

    def run(self, x: Tensor, carried: Carried | None) -> tuple[Tensor, Carried]:
        query, key, value, output, gates = self.inputs(x).split([self.width] * 4 + [2 * self.heads], dim=-1)
        enter, forget = gates.transpose(1, 2).chunk(2, dim=1)  # (B, A, N)
        memory = None if carried is None else (carried[1], carried[2])
        vectors = (split_heads(part, self.heads) for part in (query, key, value))
        read, memory = self.memory(*vectors, enter, forget, memory)
        return torch.sigmoid(output) * join_heads(read), list(memory)
