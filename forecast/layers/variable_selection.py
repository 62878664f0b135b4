"""Which variables matter, token by token (Lim et al. 2021, section 4.2).

Dimension key: V variables, R rows of any shape (batch, tokens), I inputs, U outputs, D width.
"""

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from forecast.layers.dropout import make_dropout
from forecast.layers.gated_residual import GatedResidual, Norm


class GroupedLinear(nn.Module):
    """A linear map for each of V variables in one product.  Input: (V, …, I).  Output: (V, …, U)."""

    def __init__(self, variables: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)  # as in nn.Linear
        self.weight = nn.Parameter(torch.empty(variables, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(variables * outputs).uniform_(-bound, bound))  # a vector: no weight decay

    def forward(self, x: Tensor) -> Tensor:
        mapped = torch.baddbmm(self.bias.view(len(x), 1, -1), x.flatten(1, -2), self.weight)  # (V, R, U)
        return mapped.view(*x.shape[:-1], -1)


class GroupedResidual(nn.Module):
    """A gated residual network for each of V variables, see ``GatedResidual``.  Input, output: (V, …, D)."""

    def __init__(self, variables: int, width: int, *, dropout: float = 0.0, norm: Norm = "after") -> None:
        super().__init__()
        self.place = norm
        self.first, self.second = (GroupedLinear(variables, width, width) for _ in range(2))
        self.gate = GroupedLinear(variables, width, 2 * width)
        self.dropout = make_dropout(dropout)
        self.scale, self.shift = (
            nn.Parameter(torch.ones(variables * width)),
            nn.Parameter(torch.zeros(variables * width)),
        )

    def forward(self, x: Tensor) -> Tensor:
        inner = self.first(self._norm(x) if self.place == "before" else x)
        inner = self.dropout(self.second(nn.functional.elu(inner)))
        summed = x + nn.functional.glu(self.gate(inner), dim=-1)
        return self._norm(summed) if self.place == "after" else summed

    def _norm(self, x: Tensor) -> Tensor:
        normed = nn.functional.layer_norm(x, x.shape[-1:]).flatten(1, -2)  # (V, R, D)
        scale, shift = self.scale.view(len(x), 1, -1), self.shift.view(len(x), 1, -1)
        return torch.addcmul(shift, normed, scale).view(x.shape)


class VariableSelection(nn.Module):
    """Σ v_j·GRN_j(ξ_j) with v = softmax(GRN([ξ_1 … ξ_V], context) / √(V·D)): v differs from token to token.

    The root, which the paper has not, is that of the scores of attention, for the same reason: so many inputs move the
    scores by several units a training step, and without it v is 1 for some variable and 0 for all others within a
    hundred steps, for good (Nord Pool, 300 steps, two seeds: MASE .98 and 1.05 without, .90 and .90 with).
    The network that selects never normalises its output, of which over two variables nothing but the sign would be
    left.  A single variable needs no selection.
    names: of the V variables, as in ``weights``.  over: what the tokens are, for those who read the weights; those of a
    series are one.  norm: see ``GatedResidual``.
    Input: variables (V, …, D) and context (…, D) or None.  Output: (…, D).
    """

    explains: ClassVar[str] = "variables"

    def __init__(
        self,
        names: tuple[str, ...],
        width: int,
        *,
        context: bool = False,
        over: Literal["window", "ahead", "series"] = "window",
        dropout: float = 0.0,
        norm: Norm = "after",
    ) -> None:
        super().__init__()
        self.names, self.over = names, over
        self.each = GroupedResidual(len(names), width, dropout=dropout, norm=norm)
        self.select = (
            GatedResidual(
                len(names) * width,
                width,
                outputs=len(names),
                context=width if context else 0,
                dropout=dropout,
                norm="none" if norm == "after" else norm,
            )
            if len(names) > 1
            else None
        )

    def forward(self, variables: Tensor, context: Tensor | None = None) -> Tensor:
        seen: Tensor = self.each(variables)
        if self.select is None:
            return seen[0]
        weights = self.weights(variables, context).movedim(-1, 0)[..., None]  # (V, …, 1)
        return (weights * seen).sum(0)

    def weights(self, variables: Tensor, context: Tensor | None = None) -> Tensor:
        """(…, V): the share of each variable; the shares of a token sum to 1."""
        if self.select is None:
            return torch.ones_like(variables[0, ..., :1])
        side_by_side = variables.movedim(0, -2).flatten(-2)  # (…, V·D)
        return torch.softmax(self.select(side_by_side, context) / math.sqrt(side_by_side.shape[-1]), dim=-1)
