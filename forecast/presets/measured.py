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
    "lstm": Measured(parameters=103416, cost=0.99, causal=True),
    "gru": Measured(parameters=95096, cost=1.3, causal=True),
    "rnn": Measured(parameters=78456, cost=0.69, causal=True),
    "xlstm": Measured(parameters=137260, cost=5, causal=True),
    "p-slstm": Measured(parameters=90872, cost=2, causal=True),
    "segrnn": Measured(parameters=111736, cost=1.3, causal=True),
    "seq2seq": Measured(parameters=137720, cost=1.3, causal=True),
    "seq2seq-bahdanau": Measured(parameters=148280, cost=2.2, causal=True),
    "seq2seq-luong": Measured(parameters=150072, cost=1.8, causal=True),
    "deepar": Measured(parameters=23627, cost=12, causal=True),
    "transformer": Measured(parameters=138872, cost=2.4, causal=True),
    "transformer-encoder": Measured(parameters=138872, cost=2.3, causal=False),
    "transformer-encoder-decoder": Measured(parameters=205752, cost=3.9, causal=False),
    "gpt": Measured(parameters=205816, cost=4.8, causal=True),
    "bert": Measured(parameters=138872, cost=2.3, causal=False),
    "patchtst": Measured(parameters=172344, cost=3.2, causal=False),
    "itransformer": Measured(parameters=160640, cost=1.2, causal=False),
    "tied": Measured(parameters=139320, cost=4, causal=False),
    "transformer-xl": Measured(parameters=145528, cost=4.7, causal=True),
    "compressive-transformer": Measured(parameters=162040, cost=6.3, causal=True),
    "compact": Measured(parameters=121748, cost=2.7, causal=True),
    "transformer-local": Measured(parameters=138872, cost=2.9, causal=True),
    "transformer-strided": Measured(parameters=138872, cost=2.8, causal=True),
    "logsparse": Measured(parameters=171640, cost=3.7, causal=True),
    "informer": Measured(parameters=138872, cost=3.8, causal=False),
    "autoformer": Measured(parameters=137080, cost=2.5, causal=False),
    "linear-transformer": Measured(parameters=138872, cost=2.3, causal=True),
    "reformer": Measured(parameters=130552, cost=12, causal=False),
    "adaptive-span": Measured(parameters=138880, cost=3.3, causal=True),
    "hierarchical": Measured(parameters=138872, cost=3.5, causal=True),
    "hybrid": Measured(parameters=146936, cost=1.9, causal=True),
    "hybrid-recurrent-first": Measured(parameters=138680, cost=2.1, causal=True),
    "hybrid-attention-first": Measured(parameters=138808, cost=1.9, causal=True),
    "hybrid-interleaved": Measured(parameters=205688, cost=4, causal=True),
    "hybrid-parallel": Measured(parameters=147192, cost=2, causal=True),
    "hybrid-memory": Measured(parameters=124856, cost=1.8, causal=True),
    "hybrid-delta": Measured(parameters=131840, cost=3.1, causal=True),
    "tft": Measured(parameters=214088, cost=3.1, causal=False),
}
