"""Attention against softmax written out, in float64."""

from dataclasses import replace

import pytest
import torch

from forecast.errors import ConfigError
from forecast.layers.attention.cross import CrossAttention
from forecast.layers.attention.full import FullAttention
from forecast.layers.blocks.decoder import DecoderBlock
from forecast.layers.blocks.pre_norm import PreNormBlock
from forecast.layers.heads import split_heads
from forecast.layers.positions import rotate
from forecast.layers.stack_config import StackConfig

EXACT = {"atol": 1e-10, "rtol": 1e-10}


def config(width: int, heads: int, *, causal: bool = True, rotary: bool = False) -> StackConfig:
    return StackConfig(width=width, heads=heads, causal=causal, places=16, positions="rotary" if rotary else "none")


def explicit_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None = None
) -> torch.Tensor:
    """softmax(QKᵀ / √d)·V written out: what the fused kernel is held against.  mask: True where a key may be read."""
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, dim=-1) @ value


def tokens(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("rotary", [True, False])
@pytest.mark.parametrize("heads", [1, 3])
def test_self_attention_is_softmax_written_out(causal, rotary, heads):
    layer = FullAttention(config(12, heads, causal=causal, rotary=rotary)).double()
    x = tokens(4, 7, 12)
    query, key, value = (split_heads(part, heads) for part in layer.inputs(x).chunk(3, dim=-1))
    if rotary:
        query, key = rotate(query), rotate(key)
    mask = torch.ones(7, 7, dtype=torch.bool).tril() if causal else None
    expected = explicit_attention(query, key, value, mask).transpose(1, 2).reshape(4, 7, 12)
    torch.testing.assert_close(layer(x), layer.output(expected), **EXACT)


def test_explicit_attention_is_a_loop_over_queries_and_keys():
    query, key, value = (tokens(1, 1, 5, 4) + i for i in range(3))
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    found = explicit_attention(query, key, value, mask)[0, 0]
    for n in range(5):
        weights = torch.stack([(query[0, 0, n] @ key[0, 0, m] / 2.0).exp() for m in range(n + 1)])
        expected = (weights[:, None] * value[0, 0, : n + 1]).sum(0) / weights.sum()
        torch.testing.assert_close(found[n], expected, **EXACT)


def test_cross_attention_is_softmax_written_out():
    layer = CrossAttention(8, 2).double()
    x, memory = tokens(3, 4, 8), tokens(3, 6, 8)
    key, value = (split_heads(part, 2) for part in layer.memory(memory).chunk(2, dim=-1))
    expected = explicit_attention(split_heads(layer.query(x), 2), key, value)
    found = layer(x, layer.remember(memory))
    torch.testing.assert_close(found, layer.output(expected.transpose(1, 2).flatten(2)), **EXACT)
    shares = layer.weights(x, layer.remember(memory))
    torch.testing.assert_close(shares @ value, expected, **EXACT)


@pytest.mark.parametrize("rotary", [True, False])
def test_a_causal_block_reads_no_later_token(rotary):
    block = PreNormBlock(config(8, 2, causal=True, rotary=rotary)).double()
    x = tokens(2, 6, 8)
    changed = x.clone()
    changed[:, 4:] *= -2
    assert torch.equal(block(x)[:, :4], block(changed)[:, :4])
    assert not torch.allclose(block(x)[:, 4:], block(changed)[:, 4:])


def test_a_two_sided_block_reads_later_tokens():
    block = PreNormBlock(config(8, 2, causal=False)).double()
    x = tokens(2, 6, 8)
    changed = x.clone()
    changed[:, 5] *= -2
    assert not torch.allclose(block(x)[:, 0], block(changed)[:, 0])


def test_a_decoder_block_reads_all_of_the_memory_and_no_later_token():
    block = DecoderBlock(config(8, 2)).double()
    x, memory = tokens(2, 5, 8), tokens(2, 3, 8)
    changed = x.clone()
    changed[:, 3:] *= -2
    assert torch.equal(block(x, memory)[:, :3], block(changed, memory)[:, :3])
    other = memory.clone()
    other[:, 2] += torch.arange(8)
    assert not torch.allclose(block(x, memory)[:, 0], block(x, other)[:, 0])


@pytest.mark.parametrize("positions", ["rotary", "relative", "alibi", "none"])
@pytest.mark.parametrize("kind", ["pre-norm", "post-norm"])
def test_a_decoder_block_gives_token_after_token_what_it_gives_at_once(kind, positions):
    """From kept keys and values of the tokens before, and from those of the memory, which are made once."""
    block = DecoderBlock(replace(config(8, 2), positions=positions, block=kind)).double()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x, memory = tokens(2, 5, 8), tokens(2, 3, 8)
    whole, remembered, kept = block(x, memory), block.memory.remember(memory), []
    for place in range(5):
        found, kept = block.step(x[:, place : place + 1], remembered, kept, place)
        torch.testing.assert_close(found, whole[:, place : place + 1], **EXACT)
    assert [part.shape for part in kept] == [(2, 2, 5, 4)] * 2


def test_a_decoder_block_is_that_of_torch():
    for kind in ("pre-norm", "post-norm"):
        block = DecoderBlock(replace(config(8, 2), block=kind)).double()
        theirs = torch.nn.TransformerDecoderLayer(
            8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=kind == "pre-norm", dtype=torch.float64
        )
        cross = block.memory
        with torch.no_grad():
            theirs.self_attn.in_proj_weight.copy_(block.itself.inputs.weight)
            theirs.self_attn.in_proj_bias.copy_(block.itself.inputs.bias)
            theirs.multihead_attn.in_proj_weight.copy_(torch.cat([cross.query.weight, cross.memory.weight]))
            theirs.multihead_attn.in_proj_bias.copy_(torch.cat([cross.query.bias, cross.memory.bias]))
        theirs.self_attn.out_proj.load_state_dict(block.itself.output.state_dict())
        theirs.multihead_attn.out_proj.load_state_dict(cross.output.state_dict())
        theirs.linear1.load_state_dict(block.feed[0].state_dict())
        theirs.linear2.load_state_dict(block.feed[3].state_dict())
        x, memory = tokens(2, 5, 8), tokens(2, 3, 8)
        later = torch.ones(5, 5, dtype=torch.bool).triu(1)
        torch.testing.assert_close(block(x, memory), theirs(x, memory, tgt_mask=later), **EXACT)


@pytest.mark.parametrize("kind", ["compact", "reversible"])
def test_blocks_without_cross_attention_are_refused_in_a_decoder(kind):
    with pytest.raises(ConfigError, match="no cross-attention"):
        DecoderBlock(replace(config(8, 2), block=kind))


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ConfigError, match="hidden_size=10 is not divisible by heads=4"):
        FullAttention(config(10, 4, causal=True))
    with pytest.raises(ConfigError, match="hidden_size=10"):
        CrossAttention(10, 4)
