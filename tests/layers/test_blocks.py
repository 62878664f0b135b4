"""Blocks against torch's own layers and against their formulas, in float64."""

import pytest
import torch
from torch import nn

from forecast.errors import ConfigError
from forecast.layers.blocks.compact import CompactBlock, ShapedAttention
from forecast.layers.blocks.feed import FeedForward, GatedFeedForward
from forecast.layers.blocks.kinds import make_block
from forecast.layers.heads import split_heads
from forecast.layers.stack import AttentionStack
from forecast.layers.stack_config import StackConfig

EXACT = {"atol": 1e-10, "rtol": 1e-10}
WIDTH, HEADS = 12, 3


def config(block: str = "pre-norm", **settings: object) -> StackConfig:
    chosen = {"width": WIDTH, "heads": HEADS, "causal": True, "places": 16, "block": block, "positions": "none"}
    return StackConfig(**(chosen | settings))


def tokens(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def excited(module: nn.Module) -> nn.Module:
    for parameter in module.double().parameters():
        nn.init.normal_(parameter, std=0.3)
    return module


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("kind", ["pre-norm", "post-norm"])
def test_a_block_is_that_of_torch(kind, causal):
    block = excited(make_block(config(kind, causal=causal)))
    theirs = nn.TransformerEncoderLayer(
        WIDTH, HEADS, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=kind == "pre-norm", dtype=torch.float64
    )
    named = {
        "self_attn.in_proj_weight": block.attention.inputs.weight,
        "self_attn.in_proj_bias": block.attention.inputs.bias,
        **{f"self_attn.out_proj.{name}": value for name, value in block.attention.output.state_dict().items()},
        **{f"linear1.{name}": value for name, value in block.feed[0].state_dict().items()},
        **{f"linear2.{name}": value for name, value in block.feed[3].state_dict().items()},
        **{f"norm1.{name}": value for name, value in block.norm_attention.state_dict().items()},
        **{f"norm2.{name}": value for name, value in block.norm_feed.state_dict().items()},
    }
    theirs.load_state_dict(named)
    x = tokens(2, 7, WIDTH)
    mask = torch.ones(7, 7, dtype=torch.bool).triu(1) if causal else None
    torch.testing.assert_close(block(x), theirs(x, src_mask=mask), **EXACT)


@pytest.mark.parametrize("causal", [True, False])
def test_shaped_attention_is_its_matrix_times_the_tokens(causal):
    layer = excited(ShapedAttention(config("compact", causal=causal)))
    x = tokens(2, 6, WIDTH)
    query, key = (split_heads(part, HEADS) for part in layer.inputs(x).chunk(2, dim=-1))
    read = torch.ones(6, 6, dtype=torch.float64).tril() if causal else torch.ones(6, 6, dtype=torch.float64)
    scores = (query @ key.mT / (WIDTH // HEADS) ** 0.5).masked_fill(read == 0, -torch.inf)
    found = []
    for head in range(HEADS):
        shaped = (
            layer.itself[head] * torch.eye(6, dtype=torch.float64)
            + layer.softmax[head] * torch.softmax(scores[:, head], -1)
            - layer.mean[head] * read / read.sum(1, keepdim=True)
        )
        torch.testing.assert_close(layer.weights(x)[:, head], shaped, **EXACT)
        found.append(shaped @ x[..., head * 4 : head * 4 + 4])
    torch.testing.assert_close(layer(x), torch.cat(found, -1), **EXACT)


@pytest.mark.parametrize("causal", [True, False])
def test_a_new_compact_block_passes_on_its_normalised_input_and_a_tenth_of_the_feed(causal):
    block = CompactBlock(config("compact", causal=causal)).double()
    x = tokens(2, 6, WIDTH)
    normal = nn.functional.layer_norm(x, (WIDTH,))
    torch.testing.assert_close(block(x), normal + 0.1 * block.feed(normal), atol=1e-6, rtol=0)  # 0.1 in float32


def test_a_compact_block_has_a_quarter_fewer_weights():
    def weights(kind: str) -> int:
        return sum(p.numel() for p in make_block(config(kind)).parameters() if p.ndim > 1)

    assert weights("compact") == 6 * WIDTH**2
    assert weights("pre-norm") == weights("post-norm") == 8 * WIDTH**2


@pytest.mark.parametrize("settings", [{"attention": "local"}, {"memory": "recurrence"}, {"positions": "relative"}])
def test_a_compact_block_refuses_what_it_cannot_shape(settings):
    with pytest.raises(ConfigError):
        make_block(config("compact", **settings))


@pytest.mark.parametrize("positions", ["rotary", "learned"])
@pytest.mark.parametrize("kind", ["pre-norm", "post-norm", "compact"])
def test_blocks_carry_their_state(kind, positions):
    stack = excited(AttentionStack(config(kind, layers=2, positions=positions)))
    x = tokens(2, 7, WIDTH)
    whole = stack(x)
    found, carried = stack.begin(x[:, :2], 7)
    torch.testing.assert_close(found, whole[:, :2], **EXACT)
    for place in range(2, 7):
        found, carried = stack.step(x[:, place : place + 1], carried, place)
        torch.testing.assert_close(found, whole[:, place : place + 1], **EXACT)


def test_the_gated_feed_is_its_formula_with_as_many_weights():
    feed = excited(GatedFeedForward(WIDTH))
    x = tokens(3, WIDTH)
    gate, value = (x @ feed.inputs.weight.mT + feed.inputs.bias).split(16, dim=-1)
    gelu = gate * torch.special.ndtr(gate)
    torch.testing.assert_close(feed(x), (gelu * value) @ feed.output.weight.mT + feed.output.bias, **EXACT)
    gated, plain = (
        sum(p.numel() for p in kind(48).parameters() if p.ndim > 1) for kind in (GatedFeedForward, FeedForward)
    )
    assert gated == plain
