"""The table of recurrent cells.  A new cell is a file beside this one and a row here."""

from collections.abc import Callable, Mapping
from typing import Literal

from forecast.layers.cells.base import Cell
from forecast.layers.cells.delta import Delta
from forecast.layers.cells.fused import GRU, LSTM, RNN
from forecast.layers.cells.mlstm import MLSTM
from forecast.layers.cells.slstm import SLSTM
from forecast.layers.cells.xlstm import XLSTM

__all__ = ["CELLS", "PROJECTING", "Cell", "CellKind", "MakeCell"]

CellKind = Literal["lstm", "gru", "rnn", "slstm", "mlstm", "xlstm", "delta"]
MakeCell = Callable[[int, int], Cell]  # from the widths of tokens and states

CELLS: Mapping[CellKind, MakeCell] = {
    "lstm": LSTM,
    "gru": GRU,
    "rnn": RNN,
    "slstm": SLSTM,
    "mlstm": MLSTM,
    "xlstm": XLSTM,
    "delta": Delta,
}
PROJECTING: frozenset[CellKind] = frozenset({"lstm", "gru", "rnn", "slstm"})  # read tokens by one linear map alone
