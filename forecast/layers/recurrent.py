"""Recurrent layers over tokens, through torch's fused kernels.

Dimension key: B batch, N tokens, D width.
"""

from typing import Literal

from torch import Tensor, nn

from forecast.layers.dropout import make_dropout

Cell = Literal["lstm", "gru", "rnn"]
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class RecurrentStack(nn.Module):
    """Layers of one cell, each added to its input where that is as wide, so that depth costs no gradient.

    Input: (B, N, ``inputs``), as wide as the layers by default.  Output: (B, N, D).
    """

    def __init__(
        self, cell: Cell, width: int, *, inputs: int | None = None, layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        widths = [inputs or width] + [width] * (layers - 1)
        self.layers = nn.ModuleList(CELLS[cell](wide, width, batch_first=True) for wide in widths)
        self.dropout = make_dropout(dropout)
        if cell == "lstm":
            for layer in self.layers:
                remember(layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            states = self.dropout(layer(x)[0])
            x = x + states if x.shape == states.shape else states
        return x


def remember(lstm: nn.Module) -> None:
    """Start an LSTM with open forget gates (Jozefowicz et al. 2015, section 3): bias 1 in the second quarter."""
    bias = lstm.bias_ih_l0
    assert isinstance(bias, Tensor)
    quarter = len(bias) // 4
    nn.init.ones_(bias.data[quarter : 2 * quarter])
