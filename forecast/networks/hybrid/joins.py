"""The table of joins: how recurrence and attention meet.  A new one is a file beside this one and a row here."""

from collections.abc import Callable, Mapping
from typing import Literal

from forecast.layers.recurrent import RecurrentConfig
from forecast.layers.stack_config import StackConfig
from forecast.layers.trunk import Trunk
from forecast.networks.hybrid.gated import GatedJoin
from forecast.networks.hybrid.in_turn import attention_first, interleaved, recurrent_first
from forecast.networks.hybrid.memory import MemoryJoin
from forecast.networks.hybrid.parallel import ParallelJoin

Join = Literal["gated", "recurrent-first", "attention-first", "interleaved", "parallel", "memory", "temporal-fusion"]
# All but the last one are trunks; the Temporal Fusion Transformer reads variables, not tokens, and is a network itself.
JOINS: Mapping[Join, Callable[[RecurrentConfig, StackConfig], Trunk]] = {
    "gated": GatedJoin,
    "recurrent-first": recurrent_first,
    "attention-first": attention_first,
    "interleaved": interleaved,
    "parallel": ParallelJoin,
    "memory": MemoryJoin,
}
