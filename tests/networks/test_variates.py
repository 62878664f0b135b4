"""Variates as tokens, against torch's own encoder and by what permuting channels does."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from forecast import LSTMForecaster, TransformerForecaster
from forecast.datasets.windows import Window
from forecast.errors import ConfigError
from forecast.layers.stack_config import StackConfig
from forecast.networks.base import Sizes
from forecast.networks.transformer.variates import VariateTransformer

SIZES = Sizes(lookback=12, horizon=7, patch=1, outputs=3, channels=4, past=2, future=3, static=2, past_vocabulary=(3,))
CONFIG = StackConfig(width=16, heads=2, causal=False, places=2, layers=2, positions="none")


def network(sizes: Sizes, *, highway: bool) -> VariateTransformer:
    torch.manual_seed(0)
    built = VariateTransformer(sizes, CONFIG, highway=highway).eval().double()
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return built


def in_float64(window: Window) -> Window:
    floats = {
        name: value.double() for name, value in vars(window).items() if value is not None and value.is_floating_point()
    }
    return replace(window, **floats)


def reference_encoder(ours: VariateTransformer) -> nn.TransformerEncoder:
    """Torch's own, with the same weights."""
    layer = nn.TransformerEncoderLayer(
        16, 2, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True, dtype=torch.float64
    )
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    for theirs, block in zip(encoder.layers, ours.encoder.blocks, strict=True):
        pairs = (
            (theirs.self_attn.in_proj_weight, block.attention.inputs.weight),
            (theirs.self_attn.in_proj_bias, block.attention.inputs.bias),
            (theirs.self_attn.out_proj.weight, block.attention.output.weight),
            (theirs.self_attn.out_proj.bias, block.attention.output.bias),
            (theirs.linear1.weight, block.feed[0].weight),
            (theirs.linear1.bias, block.feed[0].bias),
            (theirs.linear2.weight, block.feed[3].weight),
            (theirs.linear2.bias, block.feed[3].bias),
            (theirs.norm1.weight, block.norm_attention.weight),
            (theirs.norm1.bias, block.norm_attention.bias),
            (theirs.norm2.weight, block.norm_feed.weight),
            (theirs.norm2.bias, block.norm_feed.bias),
        )
        for one, two in pairs:
            one.data.copy_(two.data)
    return encoder


def test_tokens_and_encoder_are_those_of_a_plain_loop_and_of_torch(random_window):
    ours, window = network(SIZES, highway=False), in_float64(random_window(SIZES))
    tokens = []
    for c in range(SIZES.channels):
        tokens.append(ours.channels(torch.cat([window.target[..., c], window.observed[..., c].double()], dim=1)))
    past = torch.cat([window.past, ours.past_codes(window.past_codes)], dim=-1)
    for column in range(past.shape[-1]):
        tokens.append(ours.past.project(past[..., column]) + ours.past.names[column])
    for column in range(SIZES.future):
        tokens.append(ours.known.project(window.future[..., column]) + ours.known.names[column])
    tokens.append(ours.static.project(window.static))
    states = reference_encoder(ours)(torch.stack(tokens, dim=1))
    found = ours(window)
    for c in range(SIZES.channels):
        steps = ours.output(ours.norm(states[:, c])).view(-1, SIZES.horizon, SIZES.outputs)
        torch.testing.assert_close(found[:, 0, :, c], steps, atol=1e-10, rtol=1e-10)


def test_permuted_channels_give_permuted_forecasts(random_window):
    ours, window, order = network(SIZES, highway=True), in_float64(random_window(SIZES)), [2, 0, 3, 1]
    names = ("target", "observed", "location", "scale")
    permuted = replace(window, **{name: getattr(window, name)[..., order] for name in names})
    torch.testing.assert_close(ours(permuted), ours(window)[..., order, :], atol=1e-10, rtol=1e-10)
    assert not torch.allclose(ours(window), ours(window)[..., order, :], atol=1e-3)


def test_each_channel_reads_the_others(random_window):
    ours, window = network(SIZES, highway=True), in_float64(random_window(SIZES))
    moved = window.target.clone()
    moved[..., 0] += 1
    changed = (ours(replace(window, target=moved)) - ours(window)).abs().amax(dim=(0, 1, 2, 4))
    assert (changed > 1e-4).all()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "architecture='causal'"),
        ({"architecture": "encoder-decoder"}, "architecture='encoder-decoder'"),
        ({"architecture": "encoder", "attention": "local"}, "attention='local'"),
        ({"architecture": "encoder", "positions": "rotary"}, "positions='rotary'"),
        ({"architecture": "encoder", "channels": "independent"}, "channels='independent'"),
    ],
)
def test_what_needs_an_order_is_refused(settings, told):
    with pytest.raises(ConfigError, match=told):
        TransformerForecaster(horizon=4, tokens="variates", **settings).fit([1.0] * 50)


def test_families_that_read_in_order_refuse_variates():
    with pytest.raises(ConfigError, match=r"tokens='variates' .* TransformerForecaster\(architecture='encoder'\)"):
        LSTMForecaster(horizon=4, tokens="variates").fit([1.0] * 50)
