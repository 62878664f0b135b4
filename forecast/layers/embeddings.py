"""Steps as tokens and categories as vectors.

Dimension key: B batch, T time, N tokens, P steps per token, K columns.
"""

import torch
from torch import Tensor, nn


class CodeEmbedding(nn.Module):
    """Categorical columns as one vector: a small table per column, side by side.

    Input: codes (…, K) with 0 for unknown.  Output: (…, width).
    """

    def __init__(self, vocabularies: tuple[int, ...]) -> None:
        super().__init__()
        self.widths = [min(16, (size + 3) // 2) for size in vocabularies]
        both = zip(vocabularies, self.widths, strict=True)
        self.tables = nn.ModuleList(nn.Embedding(size, width) for size, width in both)
        self.width = sum(self.widths)

    def forward(self, codes: Tensor) -> Tensor:
        if not len(self.tables):
            return torch.zeros(*codes.shape[:-1], 0, device=codes.device)
        return torch.cat([table(codes[..., k]) for k, table in enumerate(self.tables)], dim=-1)


def patches(steps: Tensor, patch: int) -> Tensor:
    """(B, T, K) as (B, N, P·K), with the left padded by zeros to a whole number of patches."""
    short = -steps.shape[1] % patch
    if short:
        steps = nn.functional.pad(steps, (0, 0, short, 0))
    return steps.reshape(len(steps), -1, patch * steps.shape[2])
