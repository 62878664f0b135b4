"""Sequences in chunks of equal size, each beside its neighbours.

Dimension key: N tokens, G chunks, S tokens of a chunk, D width.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Mix = Callable[[Tensor, Tensor, Tensor], Tensor]


def cut(x: Tensor, size: int) -> Tensor:
    """(…, N, D) as (…, G, S, D), the last chunk filled up with zeros."""
    missing = -x.shape[-2] % size
    if missing:
        x = nn.functional.pad(x, (0, 0, 0, missing))
    return x.reshape(*x.shape[:-2], -1, size, x.shape[-1])


def beside(chunks: Tensor, *, causal: bool) -> Tensor:
    """(…, G, S, D) → (…, G, 2·S, D): each chunk after the one before it; with the one after it, too, if not causal.

    Zeros stand for neighbours that there are not.
    """
    count = chunks.shape[-3]
    padded = nn.functional.pad(chunks, (0, 0, 0, 0, 1, 0 if causal else 1))
    shifts = range(2 if causal else 3)
    return torch.cat([padded[..., shift : shift + count, :, :] for shift in shifts], dim=-2)


def map_of(mix: Mix, query: Tensor, key: Tensor) -> Tensor:
    """(B, A, N, N): how much each token reads of each, for a mix that is linear in the values."""
    tokens = key.shape[-2]
    unit = torch.eye(tokens, dtype=key.dtype, device=key.device)
    return mix(query, key, unit.expand(*key.shape[:2], tokens, tokens))
