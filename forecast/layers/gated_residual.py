"""Gates that let a network skip what it has no use for (Lim et al. 2021, section 4.1).

Dimension key: I inputs, D hidden width, U outputs, K width of the context.
"""

from typing import Literal

from torch import Tensor, nn

from forecast.layers.dropout import make_dropout

Norm = Literal["after", "before", "none"]  # where a residual network normalises; the paper does after


class GatedLinear(nn.Module):
    """A linear map times a sigmoid of another one (equation 5; Dauphin et al. 2017).  (…, I) → (…, U)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.both = nn.Linear(inputs, 2 * outputs)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.glu(self.both(x), dim=-1)


class GatedSkip(nn.Module):
    """LayerNorm(x + GLU(added)): the skip connection around every part of the network.  (…, D) twice → (…, D).

    Only norm="after" normalises; else the skip leaves x as large as it is.
    """

    def __init__(self, width: int, *, dropout: float = 0.0, norm: Norm = "after") -> None:
        super().__init__()
        self.dropout, self.gate = make_dropout(dropout), GatedLinear(width, width)
        self.norm = nn.LayerNorm(width) if norm == "after" else nn.Identity()

    def forward(self, x: Tensor, added: Tensor) -> Tensor:
        skipped: Tensor = self.norm(x + self.gate(self.dropout(added)))
        return skipped


class GatedResidual(nn.Module):
    """LayerNorm(a + GLU(W1·ELU(W2·a + W3·c) + b1)), c an optional context (equations 2 to 4).

    Where the output is not as wide as the input, a linear map takes a's place in the sum.  norm: "before" normalises
    what W2 reads instead, so that the sum keeps its magnitude.
    Input: (…, I) and context (…, K) or None.  Output: (…, U), U = D unless given.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        *,
        outputs: int | None = None,
        context: int = 0,
        dropout: float = 0.0,
        norm: Norm = "after",
    ) -> None:
        super().__init__()
        outputs = outputs or width
        self.skip = nn.Linear(inputs, outputs) if inputs != outputs else nn.Identity()
        self.first = nn.Linear(inputs, width)
        self.context = nn.Linear(context, width, bias=False) if context else None
        self.second = nn.Linear(width, width)
        self.dropout = make_dropout(dropout)
        self.gate = GatedLinear(width, outputs)
        self.norm_before = nn.LayerNorm(inputs) if norm == "before" else nn.Identity()
        self.norm = nn.LayerNorm(outputs) if norm == "after" else nn.Identity()

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        inner = self.first(self.norm_before(x))
        if self.context is not None and context is not None:
            inner = inner + self.context(context)
        inner = self.second(nn.functional.elu(inner))
        summed: Tensor = self.norm(self.skip(x) + self.gate(self.dropout(inner)))
        return summed
