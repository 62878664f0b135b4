"""How recurrence and attention are joined: against the same parts put together by hand, in float64."""

import pytest
import torch
from torch import Tensor, nn

from forecast import HybridForecaster
from forecast.errors import ConfigError
from forecast.estimators.settings import check_values
from forecast.layers.positions import rotate
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.layers.stack_config import StackConfig
from forecast.layers.trunk import Trunk
from forecast.networks.hybrid.in_turn import Normalised
from forecast.networks.hybrid.joins import JOINS
from forecast.networks.hybrid.memory import TapeAttention

EXACT = {"atol": 1e-10, "rtol": 1e-10}
WIDTH = 8


def tokens(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def make_join(join: str, *, layers: int = 1, blocks: int = 1, **settings: object) -> Trunk:
    torch.manual_seed(0)
    recurrent = RecurrentConfig(cell="lstm", inputs=WIDTH, width=WIDTH, layers=layers)
    attention = StackConfig(width=WIDTH, heads=2, causal=True, places=16, layers=blocks, **settings)
    return JOINS[join](recurrent, attention).double()


def kinds_of(trunk: Trunk) -> str:
    """R for a recurrent part, A for attention, in the order in which they read."""
    return "".join("R" if isinstance(part, Normalised | RecurrentStack) else "A" for part in trunk.parts)


def test_the_gated_join_weighs_attention_against_the_states_that_it_reads():
    trunk, x = make_join("gated"), tokens(3, 6, WIDTH)
    local = trunk.recurrent(x)
    reach = trunk.attention(local)
    share = trunk.gate.weights(reach, local)
    torch.testing.assert_close(trunk(x), share * reach + (1 - share) * local, **EXACT)
    assert trunk.gate.names == ("attention", "recurrence") and trunk.gate.explains == "gate"


def test_the_parallel_join_weighs_two_readings_of_the_same_tokens():
    trunk, x = make_join("parallel"), tokens(3, 6, WIDTH)
    for norm in (trunk.norm_attention, trunk.norm_recurrent):
        nn.init.normal_(norm.weight)
    reach, local = trunk.norm_attention(trunk.attention(x)), trunk.norm_recurrent(trunk.recurrent(x))
    share = trunk.gate.weights(reach, local)
    assert ((share > 0) & (share < 1)).all()
    torch.testing.assert_close(trunk(x), share * reach + (1 - share) * local, **EXACT)


@pytest.mark.parametrize("join", ["recurrent-first", "attention-first"])
def test_one_half_reads_what_the_other_one_wrote(join):
    trunk, x = make_join(join, layers=2, blocks=2), tokens(3, 6, WIDTH)
    first, second = trunk.parts
    if join == "recurrent-first":
        torch.testing.assert_close(trunk(x), second(first(x)), atol=0, rtol=0)
        assert isinstance(first, RecurrentStack)
        return
    reach = first(x)
    torch.testing.assert_close(trunk(x), reach + second.inner(second.norm(reach)), atol=0, rtol=0)


@pytest.mark.parametrize(
    ("layers", "blocks", "order"),
    [(1, 1, "RA"), (2, 2, "RARA"), (4, 2, "RRARRA"), (2, 1, "RRA"), (1, 2, "RAA"), (2, 4, "RAARAA")],
)
def test_layers_interleave_evenly(layers, blocks, order):
    trunk = make_join("interleaved", layers=layers, blocks=blocks)
    found = kinds_of(trunk)
    assert (found.count("R"), found.count("A")) == (layers, blocks)
    assert found == order
    x = expected = tokens(2, 5, WIDTH)
    for part in trunk.parts:
        expected = expected + part.inner(part.norm(expected)) if isinstance(part, Normalised) else part(expected)
    torch.testing.assert_close(trunk(x), expected, atol=0, rtol=0)


def test_positions_are_added_once_among_interleaved_layers():
    added = make_join("interleaved", layers=2, blocks=2, positions="learned")
    assert sum("positions.table" in name for name, _ in added.named_parameters()) == 1
    inside = make_join("interleaved", layers=2, blocks=2, positions="rotary")
    assert [part.blocks[0].attention.rotary for part in inside.parts if not isinstance(part, Normalised)] == [True] * 2


@pytest.mark.parametrize("rotary", [True, False])
@pytest.mark.parametrize("heads", [1, 2])
def test_a_state_reads_the_tape_as_a_loop_over_it(rotary, heads):
    read = TapeAttention(WIDTH, heads, rotary=rotary).double()
    nn.init.normal_(read.scales)
    x, tape = tokens(2, 5, WIDTH), tokens(2, 5, WIDTH) + 1
    asks, holds, gives = (1 / (1 + torch.exp(-read.scales))).chunk(3)
    query = read.norm(x @ read.query.weight.T + read.query.bias) * asks
    key, size = tape * holds, WIDTH // heads
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        asked, held = query[..., part], key[..., part]
        if rotary:
            asked, held = rotate(asked[:, None])[:, 0], rotate(held[:, None])[:, 0]
        for b in range(2):
            for n in range(5):
                share = torch.stack([torch.exp(asked[b, n] @ held[b, m] / size**0.5) for m in range(n + 1)])
                share = share / share.sum()
                torch.testing.assert_close(read.weights(x, tape)[b, head, n, : n + 1], share, **EXACT)
                expected = sum(share[m] * tape[b, m, part] * gives[part] for m in range(n + 1))
                torch.testing.assert_close(read(x, tape)[b, n, part], expected, **EXACT)


def test_the_memory_join_is_its_parts_in_order():
    trunk, x = make_join("memory", positions="none"), tokens(3, 6, WIDTH)
    states = trunk.recurrent(x)
    tape = trunk.norm_tape(states)
    read = states + trunk.read(trunk.norm_state(states), tape)
    torch.testing.assert_close(trunk(x), read + trunk.feed(trunk.norm_feed(read)), **EXACT)


@pytest.mark.parametrize("positions", ["learned", "rotary", "none"])
@pytest.mark.parametrize("join", JOINS)
def test_every_join_is_causal_and_goes_on_from_its_state(join, positions):
    blocks = 1 if join == "memory" else 2
    trunk, x = make_join(join, layers=2, blocks=blocks, positions=positions), tokens(2, 9, WIDTH)
    whole = trunk(x)
    changed = x.clone()
    changed[:, 5:] *= -3
    torch.testing.assert_close(trunk(changed)[:, :5], whole[:, :5], **EXACT)
    found, carried = trunk.begin(x[:, :5], 9)
    assert len(carried) == trunk.kept
    torch.testing.assert_close(found, whole[:, :5], **EXACT)
    for place in range(5, 9):
        found, carried = trunk.step(x[:, place : place + 1], carried, place)
        torch.testing.assert_close(found[:, 0], whole[:, place], **EXACT)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"attention": "prob-sparse"}, "hybrids have to be causal"),
        ({"attention": "linear", "positions": "rotary"}, "positions='rotary' do not go with attention='linear'"),
        ({"join": "memory", "attention": "local"}, "has an attention of its own"),
        ({"join": "memory", "attention_layers": 2}, "reads its tape once"),
        ({"join": "temporal-fusion", "positions": "rotary"}, "do not go with join='temporal-fusion'"),
        ({"join": "temporal-fusion", "positions": "none", "cell": "gru"}, "cell='gru' cannot stand in"),
        ({"heads": 5}, "not divisible"),
    ],
)
def test_what_cannot_be_joined_is_refused_with_the_reason(settings, reason):
    with pytest.raises(ConfigError, match=reason):
        check_values(HybridForecaster(horizon=4, **settings))


def test_a_memory_join_built_by_hand_refuses_another_attention():
    with pytest.raises(ConfigError, match="has an attention of its own"):
        make_join("memory", attention="local")
