"""What our mechanisms cost beside the same ones written down straightforwardly in torch, in the same run.

    python tests/benchmarks/mechanism_cost.py [rounds [name …]]     # all unless some are named

Each plain module has the weights of ours and gets the same input; how far their results are apart is printed.
64 windows, width 64, forward and backward on one thread in turns; medians of the CPU's seconds and of the ratio of
neighbours, which other programs disturb least.
"""

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from plain_mechanisms import (
    BLOCKS,
    FORCED,
    LAGS,
    LEVELS,
    PARAMETERS,
    PATCH,
    WIDTH,
    PlainDecoding,
    PlainDeepAR,
    PlainGatedFeed,
    PlainResidual,
    PlainSelection,
)
from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.layers.attention.alignment import AdditiveAlignment, AlignmentKind, GeneralAlignment
from forecast.layers.blocks.feed import GatedFeedForward
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.layers.variable_selection import VariableSelection
from forecast.networks.base import Sizes
from forecast.networks.composed import ComposedNetwork
from forecast.networks.decoders.recurrent import RecurrentDecoder, RecurrentDecoding
from forecast.networks.recurrent.autoregressive import AutoregressiveNetwork
from forecast.outputs.distribution import StudentOutput
from forecast.training.device import tune_process

BATCH, TOKENS = 64, (14, 512)
VARIABLES, STEPS = 5, 24  # to select from; ahead, of DeepAR

Pair = tuple[Callable[[], Tensor], Callable[[], Tensor]]  # ours and the plain one, each from nothing to an output


@torch.no_grad()
def share(*pairs: tuple[nn.Module, nn.Module]) -> None:
    """Give each plain module, the second of its pair, the weights of ours."""
    for ours, plain in pairs:
        for theirs, own in zip(plain.parameters(), ours.parameters(), strict=True):
            theirs.copy_(own.view_as(theirs))


def gated_feed(tokens: int) -> Pair:
    x = torch.randn(BATCH, tokens, WIDTH, requires_grad=True)
    ours = GatedFeedForward(WIDTH)
    plain = PlainGatedFeed(WIDTH, ours.output.in_features)
    share((ours.output, plain.output))
    with torch.no_grad():
        for part, weight, bias in zip(
            (plain.gate, plain.value), *(p.chunk(2) for p in ours.inputs.parameters()), strict=True
        ):
            part.weight.copy_(weight)
            part.bias.copy_(bias)
    return partial(ours, x), partial(plain, x)


def selection(tokens: int) -> Pair:
    variables = torch.randn(VARIABLES, BATCH, tokens, WIDTH, requires_grad=True)
    ours = VariableSelection(tuple("abcde"), WIDTH, norm="before")
    plain = PlainSelection(VARIABLES, WIDTH)
    assert ours.select is not None
    with torch.no_grad():
        for number, one in enumerate(plain.each):
            assert isinstance(one, PlainResidual)
            for name in ("first", "second", "gate"):
                grouped, single = getattr(ours.each, name), getattr(one, name)
                single.weight.copy_(grouped.weight[number].T)
                single.bias.copy_(grouped.bias.view(VARIABLES, -1)[number])
    own, theirs = ours.select, plain.select
    share((own.norm_before, theirs.norm), (own.first, theirs.first), (own.second, theirs.second))
    share((own.gate.both, theirs.gate), (own.skip, theirs.skip))
    return partial(ours, variables), partial(plain, variables)


def window(steps: int, horizon: int) -> Window:
    """Random windows of one channel without covariates, with answers."""
    empty = torch.zeros(BATCH, 0)
    codes = torch.zeros(BATCH, 0, dtype=torch.int64)
    around = empty[:, None].expand(-1, steps, -1), codes[:, None].expand(-1, steps, -1)
    ahead = empty[:, None].expand(-1, steps + horizon, -1), codes[:, None].expand(-1, steps + horizon, -1)
    return Window(
        target=torch.randn(BATCH, steps, 1),
        observed=torch.ones(BATCH, steps, 1, dtype=torch.bool),
        past=around[0],
        past_codes=around[1],
        future=ahead[0],
        future_codes=ahead[1],
        usual=torch.zeros(BATCH, 1, 0),
        static=empty,
        static_codes=codes,
        series=torch.ones(BATCH, dtype=torch.int64),
        location=torch.zeros(BATCH, 1, 1),
        scale=torch.ones(BATCH, 1, 1),
        answer=torch.randn(BATCH, 1, horizon, 1),
        counted=torch.ones(BATCH, 1, horizon, 1, dtype=torch.bool),
    )


def trunk(inputs: int) -> RecurrentStack:
    return RecurrentStack(RecurrentConfig(cell="lstm", inputs=inputs, width=WIDTH))


def decoding(tokens: int, *, attention: AlignmentKind | None) -> Pair:
    horizon = BLOCKS * PATCH
    sizes = Sizes(lookback=tokens * PATCH, horizon=horizon, patch=PATCH, outputs=LEVELS)
    settings = RecurrentDecoding(attention=attention, forcing=FORCED)
    ours = ComposedNetwork(
        sizes,
        width=WIDTH,
        trunk=trunk,
        decoder=partial(RecurrentDecoder, decoding=settings, highway=False),
    )
    plain, given = PlainDecoding(attention), window(tokens * PATCH, horizon)
    assert given.answer is not None
    steps = given.target[..., 0], given.observed[..., 0].float(), given.answer[:, 0, :, 0]
    decoder = ours.decoder
    assert isinstance(decoder, RecurrentDecoder)
    share((ours.tokens.project, plain.embed), (ours.trunk, plain.encoder), (decoder.norm, plain.norm))
    share((decoder.start, plain.start), (decoder.cell, plain.cell))
    share((decoder.deep, plain.hidden), (decoder.output, plain.output))
    if isinstance(decoder.attention, AdditiveAlignment):
        share((decoder.attention.key, plain.key), (decoder.attention.energy, plain.energy))
    if isinstance(decoder.attention, AdditiveAlignment | GeneralAlignment):
        share((decoder.attention.query, plain.query))
    if decoder.join is not None:
        share((decoder.join, plain.join))
    return partial(ours, given), partial(plain, *steps)


def deepar(tokens: int) -> Pair:
    """``tokens`` steps of lookback, at least as many as the longest lag needs."""
    lookback = max(tokens, max(LAGS) + 1)
    sizes = Sizes(lookback=lookback, horizon=STEPS, patch=1, outputs=PARAMETERS)
    ours = AutoregressiveNetwork(sizes, output=StudentOutput(), trunk=trunk, lags=LAGS, season=LAGS[1])
    plain, given = PlainDeepAR(), window(lookback, STEPS)
    assert given.answer is not None and given.counted is not None
    values = torch.cat([given.target, given.answer[:, 0]], 1)[..., 0]
    observed = torch.cat([given.observed, given.counted[:, 0]], 1)[..., 0].float()
    assert ours.line is not None
    share((ours.trunk, plain.lstm), (ours.norm, plain.norm), (ours.output, plain.output), (ours.line, plain.line))
    return partial(ours, given), partial(plain, values, observed, lookback)


MECHANISMS: dict[str, Callable[[int], Pair]] = {
    "gated feed": gated_feed,
    "variable selection": selection,
    "seq2seq": partial(decoding, attention=None),
    "seq2seq-bahdanau": partial(decoding, attention="additive"),
    "seq2seq-luong": partial(decoding, attention="general"),
    "deepar": deepar,
}


@torch.no_grad()
def difference(pair: Pair) -> float:
    """The largest one of the two results."""
    ours, plain = (call() for call in pair)
    return float((ours.reshape(plain.shape) - plain).abs().max())


def seconds(call: Callable[[], Tensor]) -> float:
    """Of the CPU, for a forward and a backward pass."""
    began = time.process_time()
    output = call()
    output.backward(torch.ones_like(output))  # type: ignore[no-untyped-call]
    return time.process_time() - began


def compare(name: str, tokens: int, rounds: int) -> None:
    torch.manual_seed(0)
    pair = MECHANISMS[name](tokens)
    taken = np.array([[seconds(call) for call in pair] for _ in range(rounds + 2)])[2:]
    ours, plain = np.median(taken, axis=0) * 1e3
    ratio = np.median(taken[:, 0] / taken[:, 1])
    print(f"{name:20}{tokens:7}{ours:10.2f}{plain:10.2f}{ratio:8.2f}{difference(pair):8.0e}", flush=True)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    torch.set_num_threads(1)
    tune_process()
    print(f"{'mechanism':20}{'tokens':>7}{'ours ms':>10}{'plain ms':>10}{'ratio':>8}{'apart':>8}")
    for name in sys.argv[2:] or MECHANISMS:
        for tokens in TOKENS:
            compare(name, tokens, rounds if tokens < 100 else max(5, rounds // 4))


if __name__ == "__main__":
    main()
