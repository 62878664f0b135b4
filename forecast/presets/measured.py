"""Size and cost of the networks at one size; written by tests/benchmarks/preset_costs.py, see there."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Measured:
    """parameters: of the network.  cost: time of a training pass over a window, the LSTM's = 1."""

    parameters: int
    cost: float
    causal: bool


MEASURED: Mapping[str, Measured] = {
    "lstm": Measured(parameters=103416, cost=0.92, causal=True),
    "gru": Measured(parameters=95096, cost=1.2, causal=True),
    "rnn": Measured(parameters=78456, cost=0.69, causal=True),
    "xlstm": Measured(parameters=137260, cost=3.8, causal=True),
    "p-slstm": Measured(parameters=90872, cost=1.3, causal=True),
    "segrnn": Measured(parameters=111736, cost=1.2, causal=True),
    "seq2seq": Measured(parameters=137720, cost=1.3, causal=True),
    "seq2seq-bahdanau": Measured(parameters=148280, cost=1.9, causal=True),
    "seq2seq-luong": Measured(parameters=150072, cost=1.6, causal=True),
    "deepar": Measured(parameters=23627, cost=11, causal=True),
    "transformer": Measured(parameters=138872, cost=2, causal=True),
    "transformer-encoder": Measured(parameters=138872, cost=2, causal=False),
    "transformer-encoder-decoder": Measured(parameters=205752, cost=2.9, causal=False),
    "gpt": Measured(parameters=205816, cost=3.5, causal=True),
    "bert": Measured(parameters=138872, cost=2.2, causal=False),
    "patchtst": Measured(parameters=172344, cost=2.7, causal=False),
    "itransformer": Measured(parameters=160640, cost=0.61, causal=False),
    "tied": Measured(parameters=139320, cost=2.6, causal=False),
    "transformer-xl": Measured(parameters=145528, cost=3.3, causal=True),
    "compressive-transformer": Measured(parameters=162040, cost=4.5, causal=True),
    "compact": Measured(parameters=121748, cost=2, causal=True),
    "transformer-local": Measured(parameters=138872, cost=2.1, causal=True),
    "transformer-strided": Measured(parameters=138872, cost=2.4, causal=True),
    "logsparse": Measured(parameters=171640, cost=2.9, causal=True),
    "informer": Measured(parameters=138872, cost=3.1, causal=False),
    "autoformer": Measured(parameters=137080, cost=2.4, causal=False),
    "linear-transformer": Measured(parameters=138872, cost=2.6, causal=True),
    "reformer": Measured(parameters=130552, cost=9.7, causal=False),
    "adaptive-span": Measured(parameters=138880, cost=2.5, causal=True),
    "hierarchical": Measured(parameters=138872, cost=3.2, causal=True),
    "hybrid": Measured(parameters=146936, cost=2, causal=True),
    "hybrid-recurrent-first": Measured(parameters=138680, cost=1.9, causal=True),
    "hybrid-attention-first": Measured(parameters=138808, cost=2.1, causal=True),
    "hybrid-interleaved": Measured(parameters=205688, cost=3.6, causal=True),
    "hybrid-parallel": Measured(parameters=147192, cost=2.1, causal=True),
    "hybrid-memory": Measured(parameters=124856, cost=1.5, causal=True),
    "hybrid-delta": Measured(parameters=131840, cost=2.9, causal=True),
    "tft": Measured(parameters=214088, cost=2.6, causal=False),
}
