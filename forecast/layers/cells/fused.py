"""Cells that torch computes in fused kernels: LSTM (Hochreiter & Schmidhuber 1997), GRU (Cho et al. 2014), RNN.

Dimension key: B batch, N tokens, I inputs, D width.
"""

import torch
from torch import Tensor, nn

from forecast.layers.trunk import Carried


class Fused(nn.RNNBase):
    """What torch's layers share as cells: one layer, batch first, h (B, D) as the state."""

    kept = 1

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(inputs, width, batch_first=True)  # type: ignore[arg-type, call-arg]  # of the layer beside it

    def read(self, x: Tensor) -> Tensor:
        states: Tensor = self(x)[0]
        return states

    def begin(self, x: Tensor) -> tuple[Tensor, Carried]:
        states, hidden = self(x)
        return states, [hidden[0]]


class LSTM(Fused, nn.LSTM):
    """Starts with open forget gates (Jozefowicz et al. 2015, section 3): bias 1 in the second quarter."""

    kept = 2  # hidden state and memory

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(inputs, width)
        bias = self.bias_ih_l0
        assert isinstance(bias, Tensor)
        nn.init.ones_(bias.data[width : 2 * width])

    def begin(self, x: Tensor) -> tuple[Tensor, Carried]:
        states, (hidden, memory) = self(x)
        return states, [hidden[0], memory[0]]

    def step(self, x: Tensor, carried: Carried) -> Carried:
        return list(torch.lstm_cell(x, carried, *self.all_weights[0]))


class GRU(Fused, nn.GRU):
    """The reset gate acts after the product with the state, as cuDNN's does."""

    def step(self, x: Tensor, carried: Carried) -> Carried:
        return [torch.gru_cell(x, carried[0], *self.all_weights[0])]


class RNN(Fused, nn.RNN):
    """The plain cell with a tanh (Elman 1990)."""

    def step(self, x: Tensor, carried: Carried) -> Carried:
        return [torch.rnn_tanh_cell(x, carried[0], *self.all_weights[0])]
