"""Segments with a memory against one pass, and against loops over tokens, in float64."""

import pytest
import torch

from forecast.errors import ConfigError
from forecast.layers.attention.full import FullAttention
from forecast.layers.heads import split_heads
from forecast.layers.memory import CompressiveMemory, RecurrentMemory, segment_of
from forecast.layers.stack import AttentionStack
from forecast.layers.stack_config import StackConfig

EXACT = {"atol": 1e-10, "rtol": 1e-10}
POSITIONS = ["relative", "alibi", "rotary", "learned", "sinusoidal", "none"]
WIDTH, HEADS = 8, 2


def config(memory: str, **settings: object) -> StackConfig:
    return StackConfig(width=WIDTH, heads=HEADS, causal=True, places=28, memory=memory, **settings)


def tokens(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def excited(module: torch.nn.Module) -> torch.nn.Module:
    for parameter in module.double().parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return module


@pytest.mark.parametrize("block", ["pre-norm", "post-norm"])
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("memory", ["recurrence", "compressive"])
def test_with_a_memory_as_long_as_the_window_segments_are_one_pass(memory, positions, block):
    long = {"segment": 3, "memory_length": 14, "layers": 2, "positions": positions, "block": block}
    found = excited(AttentionStack(config(memory, **long)))
    plain = AttentionStack(config("none", layers=2, positions=positions, block=block)).double()
    plain.load_state_dict(found.state_dict(), strict=memory == "recurrence")
    for length in (1, 3, 14):
        x = tokens(2, length, WIDTH)
        torch.testing.assert_close(found(x), plain(x), **EXACT)


def cached(stack: AttentionStack, x: torch.Tensor, segment: int, length: int) -> torch.Tensor:
    """The paper's way: segment after segment through all blocks, with the last hidden states of each layer kept."""
    kept = [x.new_zeros(len(x), 0, WIDTH) for _ in stack.blocks]
    states = []
    for start in range(0, x.shape[1], segment):
        here = x[:, start : start + segment]
        for number, block in enumerate(stack.blocks):
            read = torch.cat([kept[number], here], dim=1)  # [memory, own]
            kept[number] = read[:, max(0, read.shape[1] - length) :]
            plain = FullAttention(StackConfig(width=WIDTH, heads=HEADS, causal=True, places=28, positions="relative"))
            plain.double().load_state_dict(block.attention.state_dict())
            own = plain(block.norm_attention(read))[:, -here.shape[1] :]
            here = block._feed(here + own)
        states.append(here)
    return torch.cat(states, dim=1)


@pytest.mark.parametrize("length", [1, 3, 5])
def test_the_recurrence_is_that_of_hidden_states_kept_segment_after_segment(length):
    settings = {"positions": "relative", "layers": 3, "segment": 3, "memory_length": length}
    stack = excited(AttentionStack(config("recurrence", **settings)))
    x = tokens(2, 14, WIDTH)
    torch.testing.assert_close(stack(x), cached(stack, x, 3, length), **EXACT)


def by_loops(layer: CompressiveMemory, x: torch.Tensor) -> torch.Tensor:
    """A token reads its segment up to itself, the memory before, and the groups that have left it."""
    groups = torch.nn.functional.conv1d(
        x.mT, layer.compress.weight, layer.compress.bias, stride=layer.group
    ).mT  # (B, G, D)
    size = WIDTH // HEADS
    rows = []
    for place in range(x.shape[1]):
        first = max(0, place // layer.segment * layer.segment - layer.memory)
        read = torch.cat([groups[:, : first // layer.group], x[:, first : place + 1]], dim=1)
        query = layer.inputs(x[:, place])[:, :WIDTH]
        key, value = layer.inputs(read)[..., WIDTH:].chunk(2, dim=-1)
        heads = []
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            weights = torch.softmax((key[..., part] @ query[:, part, None])[..., 0] / size**0.5, -1)
            heads.append((weights[..., None] * value[..., part]).sum(1))
        rows.append(torch.cat(heads, -1))
    return layer.output(torch.stack(rows, 1))


@pytest.mark.parametrize(("segment", "length", "group"), [(3, 3, 2), (4, 1, 3), (2, 5, 1), (5, 2, 4)])
def test_compressed_memories_are_read_once_they_have_left_the_memory(segment, length, group):
    settings = {"positions": "none", "segment": segment, "memory_length": length, "compression": group}
    layer = excited(CompressiveMemory(config("compressive", **settings)))
    x = tokens(2, 14, WIDTH)
    torch.testing.assert_close(layer(x), by_loops(layer, x), **EXACT)


@pytest.mark.parametrize("positions", ["relative", "alibi", "rotary"])
def test_a_group_stands_at_the_place_of_its_last_token(positions):
    """Groups that are copies of their last tokens are read as full attention reads those tokens."""
    settings = {"positions": positions, "segment": 3, "memory_length": 1, "compression": 2}
    layer = excited(CompressiveMemory(config("compressive", **settings)))
    with torch.no_grad():
        layer.compress.bias.zero_()
        layer.compress.weight.zero_()
        layer.compress.weight[:, :, 1] = torch.eye(WIDTH)
    full = FullAttention(config("none", positions=positions)).double()
    full.load_state_dict(layer.state_dict(), strict=False)
    x = tokens(1, 9, WIDTH)
    query, key, value = full._project(x)
    assert layer.first(8) == 5  # token 4 has left the memory before its group is whole
    read = [1, 3, 5, 6, 7, 8]
    scores, places = query, query.new_zeros(1, 1, 9, 9)
    if full.distances is not None:
        scores, places = full.distances(query, 9, causal=True)
    scores = scores[:, :, 8:] @ key[:, :, read].mT / (WIDTH // HEADS) ** 0.5 + places[:, :, 8:, read]
    mixed = torch.softmax(scores, -1) @ value[:, :, read]
    torch.testing.assert_close(layer(x)[:, 8:], full.output(mixed.transpose(1, 2).flatten(2)), **EXACT)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("memory", ["recurrence", "compressive"])
def test_prefixes_and_carried_states_are_read_as_in_the_whole(memory, positions):
    settings = {"layers": 2, "segment": 3, "memory_length": 2, "compression": 3, "positions": positions}
    stack = excited(AttentionStack(config(memory, **settings)))
    x = tokens(2, 14, WIDTH)
    whole = stack(x)
    for length in (1, 4, 6, 11):
        torch.testing.assert_close(stack(x[:, :length]), whole[:, :length], **EXACT)
    with torch.inference_mode():
        found, carried = stack.begin(x[:, :5], 14)
        torch.testing.assert_close(found, whole[:, :5], **EXACT)
        for place in range(5, 14):
            found, carried = stack.step(x[:, place : place + 1], carried, place)
            torch.testing.assert_close(found, whole[:, place : place + 1], **EXACT)


def test_gradients_flow_through_the_memory():
    """Two layers reach back two memories and no further."""
    stack = excited(AttentionStack(config("recurrence", segment=2, memory_length=2, layers=2)))
    x = tokens(1, 10, WIDTH).requires_grad_()
    stack(x)[:, -1].square().sum().backward()
    assert [bool(row.any()) for row in x.grad[0]] == [False] * 4 + [True] * 6


def test_the_map_of_a_recurrence_ends_with_its_memory():
    layer = excited(RecurrentMemory(config("recurrence", segment=3, memory_length=2)))
    weights = layer.weights(tokens(1, 8, WIDTH))
    assert (weights[0, 0, 7] > 0).tolist() == [False] * 4 + [True] * 4
    value = split_heads(layer.inputs(tokens(1, 8, WIDTH)).chunk(3, dim=-1)[2], HEADS)
    found = layer.output((weights @ value).transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(tokens(1, 8, WIDTH)), found, **EXACT)


def test_several_segments_exist_at_ordinary_sizes():
    assert segment_of(config("recurrence")) == 4  # of 14 tokens
    assert segment_of(config("recurrence", segment=9)) == 9


@pytest.mark.parametrize("settings", [{"causal": False}, {"attention": "local"}])
def test_a_memory_needs_causal_full_attention(settings):
    with pytest.raises(ConfigError, match="reads segments in their order"):
        RecurrentMemory(StackConfig(**{"width": 8, "heads": 2, "causal": True, "places": 4, **settings}))
