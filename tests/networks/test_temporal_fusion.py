"""The Temporal Fusion Transformer as a whole: who reads what, and what can be read off it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from forecast.datasets.windows import Window
from forecast.layers.recurrent import RecurrentConfig
from forecast.layers.stack_config import StackConfig
from forecast.networks.base import Sizes
from forecast.networks.hybrid.temporal_fusion import LocalProcessing, TemporalFusion

PATCH, LOOKBACK, HORIZON, BATCH = 3, 10, 8, 4
PLAIN = Sizes(lookback=LOOKBACK, horizon=HORIZON, patch=PATCH, outputs=3)
FULL = replace(PLAIN, channels=2, past=2, future=4, known=2, static=2, past_vocabulary=(3,), future_vocabulary=(4,))
FULL = replace(FULL, static_vocabulary=(3,), series=5)


def make_network(sizes: Sizes, *, blocks: int = 1, layers: int = 1, highway: bool = False) -> TemporalFusion:
    torch.manual_seed(0)
    recurrent = RecurrentConfig(cell="lstm", inputs=8, width=8, layers=layers)
    attention = StackConfig(width=8, heads=2, causal=True, places=8, layers=blocks, positions="none")
    network = TemporalFusion(sizes, recurrent, attention, highway=highway).double().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def make_window(sizes: Sizes) -> Window:
    generator = torch.Generator().manual_seed(1)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    def codes(vocabulary: tuple[int, ...], *shape: int) -> Tensor:
        columns = [torch.randint(size, shape, generator=generator) for size in vocabulary]
        return torch.stack(columns, dim=-1) if columns else torch.zeros(*shape, 0, dtype=torch.int64)

    steps, ahead = sizes.lookback, sizes.lookback + sizes.horizon
    return Window(
        target=numbers(BATCH, steps, sizes.channels),
        observed=torch.rand(BATCH, steps, sizes.channels, generator=generator) < 0.8,
        past=numbers(BATCH, steps, sizes.past),
        past_codes=codes(sizes.past_vocabulary, BATCH, steps),
        future=numbers(BATCH, ahead, sizes.future),
        future_codes=codes(sizes.future_vocabulary, BATCH, ahead),
        usual=numbers(BATCH, 1, sizes.known),
        static=numbers(BATCH, sizes.static),
        static_codes=codes(sizes.static_vocabulary, BATCH),
        series=torch.arange(BATCH) + 1 if sizes.series else torch.zeros(BATCH, dtype=torch.int64),
        location=numbers(BATCH, 1, sizes.channels),
        scale=torch.ones(BATCH, 1, sizes.channels, dtype=torch.float64),
    )


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_patch_ahead_reads_no_later_one(blocks):
    network, window = make_network(FULL, blocks=blocks), make_window(FULL)
    base = network(window)
    for step in range(HORIZON):
        future, codes = window.future.clone(), window.future_codes.clone()
        future[:, LOOKBACK + step] += 3
        codes[:, LOOKBACK + step] = (codes[:, LOOKBACK + step] + 1) % 4
        found = network(replace(window, future=future, future_codes=codes))
        own = step // PATCH * PATCH  # first step of the patch
        torch.testing.assert_close(found[:, :, :own], base[:, :, :own], atol=0, rtol=0)
        assert not torch.allclose(found[:, :, own:], base[:, :, own:])


def test_tokens_of_the_window_read_no_later_ones():
    network, window = make_network(FULL), make_window(FULL)
    past, ahead = network._selected(window, None)
    changed = past.clone()
    changed[:, 2:] += 1
    base, found = (network.local(tokens, ahead) for tokens in (past, changed))
    torch.testing.assert_close(found[:, :2], base[:, :2], atol=0, rtol=0)
    torch.testing.assert_close(network._attend(base)[:, :1].shape, torch.Size([BATCH, 1, 8]))


@pytest.mark.parametrize("layers", [1, 2])
def test_the_lstm_ahead_goes_on_where_the_one_of_the_window_ended(layers):
    local = LocalProcessing(8, layers).double()
    for ours, theirs in zip(local.ahead.parameters(), local.past.parameters(), strict=True):
        ours.data = theirs.data.clone()
    tokens = torch.randn(2, 7, 8, dtype=torch.float64)
    state, memory = torch.randn(2, 2, 8, dtype=torch.float64)
    first = (state.expand(layers, -1, -1).contiguous(), memory.expand(layers, -1, -1).contiguous())
    close = {"atol": 1e-10, "rtol": 1e-10}
    torch.testing.assert_close(local(tokens[:, :4], tokens[:, 4:]), local.past(tokens)[0], **close)
    torch.testing.assert_close(
        local(tokens[:, :4], tokens[:, 4:], state, memory), local.past(tokens, first)[0], **close
    )


@pytest.mark.parametrize("name", ["selection", "state", "memory", "enrichment"])
def test_static_covariates_reach_the_forecast_by_each_of_their_contexts(name):
    network, window = make_network(FULL), make_window(FULL)
    base = network(window)
    part = getattr(network.contexts, name)
    for parameter in part.gate.parameters():
        parameter.data += 1
    found = network(window)
    assert not torch.allclose(found, base)
    for other in ("selection", "state", "memory", "enrichment"):  # and with all shut, statics change nothing
        getattr(network.contexts, other).forward = lambda x: torch.zeros_like(x)
    shut = network(window)
    torch.testing.assert_close(network(replace(window, static=window.static + 1)), shut, atol=0, rtol=0)


def test_the_variables_of_a_window_have_names_and_shares():
    network, window = make_network(FULL), make_window(FULL)
    known = ("future[0]", "future[1]", "calendar", "future_codes[0]")
    assert network.select.names == ("target[0]", "target[1]", "past[0]", "past[1]", "past_codes[0]", *known)
    assert network.select_ahead.names == known
    assert network.contexts.select.names == ("static[0]", "static[1]", "static_codes[0]", "series")
    seen: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if getattr(module, "explains", None) is not None:
            module.register_forward_hook(lambda m, inputs, _, name=name: seen.update({name: m.weights(*inputs)}))
    network(window)
    ahead, tokens = -(-HORIZON // PATCH), -(-LOOKBACK // PATCH)
    assert {name: tuple(shares.shape) for name, shares in seen.items()} == {
        "select": (BATCH, tokens, 9),
        "select_ahead": (BATCH, ahead, 4),
        "contexts.select": (BATCH, 4),
        "attention.0": (BATCH, 1, ahead, tokens + ahead),
    }
    for shares in seen.values():
        torch.testing.assert_close(shares.sum(-1), torch.ones_like(shares[..., 0]))


def test_without_covariates_every_patch_ahead_is_told_from_the_others():
    network, window = make_network(PLAIN), make_window(PLAIN)
    assert network.contexts is None and network.select_ahead is None and network.select.select is None
    found = network(window)[:, 0, : 2 * PATCH].unflatten(1, (2, PATCH))
    assert not torch.allclose(found[:, 0], found[:, 1])


def test_patches_of_variables_end_at_the_origin():
    network, window = make_network(FULL), make_window(FULL)
    base = network.known(window)
    future = window.future.clone()
    future[:, LOOKBACK - 1] += 1  # the last step of the window is in its last token, the next one in the first ahead
    changed = (network.known(replace(window, future=future)) != base).any(-1).any(1).any(0)
    assert changed.nonzero().flatten().tolist() == [3]
    future = window.future.clone()
    future[:, LOOKBACK] += 1
    changed = (network.known(replace(window, future=future)) != base).any(-1).any(1).any(0)
    assert changed.nonzero().flatten().tolist() == [4]
