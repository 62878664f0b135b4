"""Attention over patterns of distances against softmax over the tokens that are read, in float64."""

import pytest
import torch

from forecast.errors import ConfigError
from forecast.layers.attention.base import Attention
from forecast.layers.attention.full import FullAttention
from forecast.layers.attention.kinds import make_attention
from forecast.layers.attention.local import LocalAttention
from forecast.layers.attention.log_sparse import LogSparseAttention
from forecast.layers.attention.strided import StridedAttention
from forecast.layers.stack_config import StackConfig
from forecast.presets import create

EXACT = {"atol": 1e-10, "rtol": 1e-10}
KINDS = {"local": LocalAttention, "log-sparse": LogSparseAttention, "strided": StridedAttention}


def make(
    kind: str, *, span: int | None = 3, causal: bool = True, positions: str = "none", places: int = 16
) -> Attention:
    torch.manual_seed(0)
    config = StackConfig(width=8, heads=2, causal=causal, places=places, positions=positions, attention=kind, span=span)
    return make_attention(config).double()


def tokens(count: int) -> torch.Tensor:
    return torch.randn(2, count, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def distances(kind: str, span: int, reach: int) -> set[int]:
    """The distances that a token reads, as the papers list them."""
    if kind == "local":
        return set(range(span))
    if kind == "strided":
        return set(range(span)) | set(range(0, reach, span))
    powers = {span - 1 + 2**k for k in range(reach.bit_length())}
    return set(range(span)) | powers


def loop(layer: Attention, kind: str, x: torch.Tensor) -> torch.Tensor:
    """Softmax for one query after the other."""
    query, key, value = layer._project(x)
    mixed = torch.zeros_like(value)
    read = distances(kind, layer.span, x.shape[1])
    for n in range(x.shape[1]):
        keys = [m for m in range(x.shape[1]) if abs(n - m) in read and (m <= n or not layer.causal)]
        scores = (query[:, :, n : n + 1] * key[:, :, keys]).sum(-1) / query.shape[-1] ** 0.5
        mixed[:, :, n] = (torch.softmax(scores, -1)[..., None] * value[:, :, keys]).sum(2)
    return layer._join(mixed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("positions", ["none", "rotary"])
@pytest.mark.parametrize(("count", "span"), [(1, 3), (14, 1), (14, 3), (14, 14), (40, 6)])
def test_attention_is_a_loop_over_what_is_read(kind, causal, positions, count, span):
    layer = make(kind, causal=causal, positions=positions, span=span)
    x = tokens(count)
    torch.testing.assert_close(layer(x), loop(layer, kind, x), **EXACT)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("count", "span"), [(64, 1), (130, 3), (256, 5), (300, 64), (333, 70), (200, 200)])
def test_many_tokens_mix_as_few_do(kind, causal, count, span, monkeypatch):
    """Blocks and shifts against one masked product, forwards and backwards."""
    layer = make(kind, causal=causal, span=span)
    x = tokens(count).requires_grad_()
    monkeypatch.setattr(type(layer), "masked_up_to", count)
    masked = layer(x)
    (wanted,) = torch.autograd.grad(masked.square().sum(), x)
    long = layer._join(layer.mix_long(*layer._project(x)))
    (found,) = torch.autograd.grad(long.square().sum(), x)
    torch.testing.assert_close(long, masked, **EXACT)
    torch.testing.assert_close(found, wanted, **EXACT)


@pytest.mark.parametrize("kind", KINDS)
def test_the_long_way_is_taken_beyond_a_length(kind, monkeypatch):
    layer = make(kind)
    x = tokens(400)
    wanted = layer(x)
    monkeypatch.setattr(type(layer), "masked_up_to", 0)
    torch.testing.assert_close(layer(x), wanted, **EXACT)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("causal", [True, False])
def test_a_span_of_all_tokens_is_full_attention(kind, causal):
    layer = make(kind, span=20, causal=causal)
    full = FullAttention(StackConfig(width=8, heads=2, causal=causal, places=16, positions="none")).double()
    full.load_state_dict(layer.state_dict())
    x = tokens(20)
    torch.testing.assert_close(layer(x), full(x), **EXACT)
    torch.testing.assert_close(layer._join(layer.mix_long(*layer._project(x))), full(x), **EXACT)
    torch.testing.assert_close(layer.weights(x), full.weights(x), **EXACT)


def test_strided_attention_with_a_stride_of_one_is_full_attention():
    layer = make("strided", span=1)
    full = FullAttention(StackConfig(width=8, heads=2, causal=True, places=16, positions="none")).double()
    full.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(tokens(30)), full(tokens(30)), **EXACT)


def test_log_sparse_attention_of_two_tokens_is_full_attention():
    layer = make("log-sparse", span=1)
    full = FullAttention(StackConfig(width=8, heads=2, causal=True, places=16, positions="none")).double()
    full.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(tokens(2)), full(tokens(2)), **EXACT)


def test_log_sparse_distances_are_those_of_the_paper():
    layer = make("log-sparse", span=1)
    assert layer.reads(torch.arange(20)).nonzero()[:, 0].tolist() == [0, 1, 2, 4, 8, 16]
    layer.span = 3
    assert layer.reads(torch.arange(20)).nonzero()[:, 0].tolist() == [0, 1, 2, 3, 4, 6, 10, 18]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("causal", [True, False])
def test_the_map_says_what_is_mixed(kind, causal):
    layer = make(kind, causal=causal)
    x = tokens(30)
    weights, value = layer.weights(x), layer._project(x)[2]
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]), **EXACT)
    torch.testing.assert_close(layer._join(weights @ value), layer(x), **EXACT)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("positions", ["none", "rotary"])
def test_token_after_token_gives_what_one_pass_gives(kind, positions):
    layer = make(kind, positions=positions)
    x = tokens(25)
    whole = layer(x)
    found, kept = layer.begin(x[:, :10], 25)
    torch.testing.assert_close(found, whole[:, :10], **EXACT)
    grown = [part[:, :, :10].clone() for part in kept]
    for place in range(10, 25):
        newest = x[:, place : place + 1]
        torch.testing.assert_close(layer.step(newest, kept, place)[:, 0], whole[:, place], **EXACT)
        found, grown = layer.grow(newest, grown, place)
        torch.testing.assert_close(found[:, 0], whole[:, place], **EXACT)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [20, 600])
def test_later_tokens_reach_no_earlier_state(kind, count):
    layer = make(kind, positions="none")
    x = tokens(count)
    changed = x.clone()
    changed[:, count // 2 :] *= -2
    before = slice(0, count // 2)
    torch.testing.assert_close(layer(x)[:, before], layer(changed)[:, before], **EXACT)
    assert not torch.allclose(layer(x)[:, count // 2 :], layer(changed)[:, count // 2 :])


@pytest.mark.parametrize("kind", KINDS)
def test_the_usual_span_leaves_something_out_of_a_fortnight(kind):
    layer = make(kind, span=None, places=28)
    assert 2 <= layer.span < 14
    assert not layer.weights(tokens(14))[0, 0, 13].all()


@pytest.mark.parametrize(("kind", "span"), [("local", 128), ("log-sparse", 14), ("strided", 128)])
def test_the_usual_span_of_many_tokens_grows_slowly(kind, span):
    assert make(kind, span=None, places=2 * 16_384).span == span


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [14, 300])
def test_it_can_be_compiled_as_one_graph(kind, count):
    layer, x = make(kind), tokens(count)
    torch.compiler.reset()
    torch.testing.assert_close(torch.compile(layer, fullgraph=True, backend="eager")(x), layer(x), **EXACT)


# ---------------------------------------------------------------- queries and keys by convolution


def convolved(*, causal: bool = True, positions: str = "none") -> LogSparseAttention:
    torch.manual_seed(0)
    config = StackConfig(
        width=8, heads=2, causal=causal, places=16, positions=positions, attention="log-sparse", span=2, kernel=3
    )
    return LogSparseAttention(config).double()


def test_queries_and_keys_are_a_convolution_of_the_tokens_up_to_them():
    layer, x = convolved(), tokens(10)
    inputs = layer.inputs
    earlier = inputs.earlier.weight.unflatten(1, (2, 8)).transpose(1, 2)  # (2·D, D, 2 taps)
    taps = torch.cat([earlier, inputs.weight[:16, :, None]], dim=-1)
    past = torch.nn.functional.pad(x.transpose(1, 2), (2, 0))
    expected = torch.nn.functional.conv1d(past, taps, inputs.bias[:16]).transpose(1, 2)
    torch.testing.assert_close(inputs(x)[..., :16], expected, **EXACT)
    torch.testing.assert_close(inputs(x)[..., 16:], x @ inputs.weight[16:].T + inputs.bias[16:], **EXACT)


@pytest.mark.parametrize("positions", ["none", "rotary"])
@pytest.mark.parametrize("begun", [1, 2, 10])
def test_convolved_tokens_come_one_after_the_other_as_in_one_pass(positions, begun):
    layer, x = convolved(positions=positions), tokens(20)
    whole = layer(x)
    found, kept = layer.begin(x[:, :begun], 20)
    torch.testing.assert_close(found, whole[:, :begun], **EXACT)
    for place in range(begun, 20):
        found = layer.step(x[:, place : place + 1], kept, place)
        torch.testing.assert_close(found[:, 0], whole[:, place], **EXACT)


def test_a_convolution_is_refused_where_there_is_none():
    with pytest.raises(ConfigError, match="kernel=3 belongs to attention='log-sparse', not to attention='local'"):
        create("transformer-local", horizon=3, kernel=3).fit([1.0, 2.0, 3.0] * 20)
