"""Recurrent layers over tokens, through torch's fused kernels.

Dimension key: B batch, N tokens, D width.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from forecast.layers.dropout import make_dropout
from forecast.layers.precision import full_precision

Cell = Literal["lstm", "gru", "rnn"]
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
ONE_STEP = {"gru": torch.gru_cell, "rnn": torch.rnn_tanh_cell}  # a quarter of the time of a layer called on one token


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
        self.cell = cell
        if cell == "lstm":
            for layer in self.layers:
                remember(layer)

    @full_precision
    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            states = self.dropout(layer(x)[0])
            x = x + states if x.shape == states.shape else states
        return x

    def begin(self, x: Tensor, room: int = 0) -> tuple[Tensor, list[Tensor]]:
        """``forward``, and the states (B, D) of every layer after the last token: (h, c) of an LSTM, h of the others.

        ``room`` is what other trunks ask for; a recurrent state has room for any number of tokens.
        """
        carried: list[Tensor] = []
        for layer in self.layers:
            states, last = layer(x)
            carried += [part[0] for part in last] if isinstance(last, tuple) else [last[0]]
            states = self.dropout(states)
            x = x + states if x.shape == states.shape else states
        return x, carried

    def step(self, x: Tensor, carried: list[Tensor], place: int = 0) -> tuple[Tensor, list[Tensor]]:
        """One more token (B, 1, D), and the states after it.  ``place`` does not matter to a recurrent state."""
        x, after = x[:, 0], []
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, nn.RNNBase)
            weights = layer.all_weights[0]  # of input and state, then their biases
            if self.cell == "lstm":
                hidden, memory = torch.lstm_cell(x, carried[2 * number : 2 * number + 2], *weights)
                after += [hidden, memory]
            else:
                hidden = ONE_STEP[self.cell](x, carried[number], *weights)
                after.append(hidden)
            states = self.dropout(hidden)
            x = x + states if x.shape == states.shape else states
        return x[:, None], after


def remember(lstm: nn.Module) -> None:
    """Start an LSTM with open forget gates (Jozefowicz et al. 2015, section 3): bias 1 in the second quarter."""
    bias = lstm.bias_ih_l0
    assert isinstance(bias, Tensor)
    quarter = len(bias) // 4
    nn.init.ones_(bias.data[quarter : 2 * quarter])
