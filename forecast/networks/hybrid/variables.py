"""The variables of a window, each as tokens of its own.

Dimension key: B batch, T time, H horizon, V variables, J columns of a variable, P steps per token, N tokens, M ahead,
D width.
"""

import torch
from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.layers.embeddings import CodeEmbedding, patches
from forecast.layers.variable_selection import GroupedLinear
from forecast.networks.base import Sizes
from forecast.networks.tokens import unusual_ahead


def numbered(name: str, count: int) -> tuple[str, ...]:
    """``name[0]``, ``name[1]``, …: the columns of a field of the window."""
    return tuple(f"{name}[{number}]" for number in range(count))


class NumberPatches(nn.Module):
    """Variables of J numbers per step, patch by patch at the model's width.  (B, T, V, J) → (V, B, N, D)."""

    def __init__(self, variables: int, columns: int, *, patch: int, width: int) -> None:
        super().__init__()
        self.patch = patch
        self.embed = GroupedLinear(variables, patch * columns, width) if variables else None

    def forward(self, steps: Tensor) -> list[Tensor]:
        if self.embed is None:
            return []
        cut = patches(steps.flatten(2), self.patch)  # (B, N, P·V·J)
        cut = cut.view(*cut.shape[:2], self.patch, *steps.shape[2:])  # (B, N, P, V, J)
        return [self.embed(cut.permute(3, 0, 1, 2, 4).flatten(3))]


class CodePatches(nn.Module):
    """Categorical variables the same way, each from a table of its own.  Codes (B, T, V) → V of (1, B, N, D)."""

    def __init__(self, vocabularies: tuple[int, ...], *, patch: int, width: int) -> None:
        super().__init__()
        self.patch = patch
        tables = [CodeEmbedding((size,)) for size in vocabularies]
        self.tables = nn.ModuleList(tables)
        self.embed = nn.ModuleList(nn.Linear(patch * table.width, width) for table in tables)

    def forward(self, codes: Tensor) -> list[Tensor]:
        each = enumerate(zip(self.tables, self.embed, strict=True))
        return [embed(patches(table(codes[..., v : v + 1]), self.patch))[None] for v, (table, embed) in each]


class PastVariables(nn.Module):
    """What is known up to the origin: every target with its mask, and the past covariates.  Output: (V, B, N, D)."""

    def __init__(self, sizes: Sizes, width: int) -> None:
        super().__init__()
        self.names = (
            *numbered("target", sizes.channels),
            *numbered("past", sizes.past),
            *numbered("past_codes", len(sizes.past_vocabulary)),
        )
        self.target = NumberPatches(sizes.channels, 2, patch=sizes.patch, width=width)
        self.past = NumberPatches(sizes.past, 1, patch=sizes.patch, width=width)
        self.codes = CodePatches(sizes.past_vocabulary, patch=sizes.patch, width=width)

    def forward(self, window: Window) -> Tensor:
        target = torch.stack([window.target, window.observed.to(window.target.dtype)], dim=-1)
        return torch.cat([*self.target(target), *self.past(window.past[..., None]), *self.codes(window.past_codes)])


class KnownVariables(nn.Module):
    """What is known ahead of time: the user's covariates, one by one, and the calendar as one variable.

    Each of the user's is read in the three forms of ``KnownAhead``.  Output: (V, B, N + M, D), the last patch filled up
    with zeros.  ``names`` is empty where nothing is known, and there is nothing to call then.
    """

    def __init__(self, sizes: Sizes, width: int) -> None:
        super().__init__()
        self.known, self.filled = sizes.known, -sizes.horizon % sizes.patch
        dates = sizes.future - sizes.known
        calendar = ("calendar",) if dates else ()
        self.names = (
            *numbered("future", sizes.known),
            *calendar,
            *numbered("future_codes", len(sizes.future_vocabulary)),
        )
        self.own = NumberPatches(sizes.known, 3, patch=sizes.patch, width=width)
        self.calendar = NumberPatches(len(calendar), dates, patch=sizes.patch, width=width)
        self.codes = CodePatches(sizes.future_vocabulary, patch=sizes.patch, width=width)

    def forward(self, window: Window) -> Tensor:
        own = window.future[..., : self.known]
        forms = torch.stack([own, own - window.usual, unusual_ahead(window)], dim=-1)  # (B, T + H, V, 3)
        calendar = window.future[:, :, None, self.known :]
        fill = (0, 0, 0, 0, 0, self.filled)
        return torch.cat(
            [
                *self.own(nn.functional.pad(forms, fill)),
                *self.calendar(nn.functional.pad(calendar, fill)),
                *self.codes(nn.functional.pad(window.future_codes, fill[2:])),
            ]
        )


class StaticVariables(nn.Module):
    """What is constant per series, and the series itself where it has a vector.  Output: (V, B, D).

    ``names`` is empty where there is nothing constant, and there is nothing to call then.  Series 0 is any unseen one.
    """

    def __init__(self, sizes: Sizes, width: int) -> None:
        super().__init__()
        series = ("series",) if sizes.series else ()
        self.names = (
            *numbered("static", sizes.static),
            *numbered("static_codes", len(sizes.static_vocabulary)),
            *series,
        )
        self.numbers = NumberPatches(sizes.static, 1, patch=1, width=width)
        self.codes = CodePatches(sizes.static_vocabulary, patch=1, width=width)
        self.series = nn.Embedding(sizes.series + 1, width, padding_idx=0) if sizes.series else None

    def forward(self, window: Window) -> Tensor:
        parts = [*self.numbers(window.static[:, None, :, None]), *self.codes(window.static_codes[:, None])]
        if self.series is not None:
            parts.append(self.series(window.series)[None, :, None])
        return torch.cat(parts)[:, :, 0]
