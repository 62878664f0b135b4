"""ProbSparse attention and auto-correlation against their formulas written out, in float64."""

import math

import pytest
import torch

from forecast.errors import ConfigError
from forecast.layers.attention.auto_correlation import AutoCorrelation
from forecast.layers.attention.base import Attention
from forecast.layers.attention.full import FullAttention
from forecast.layers.attention.kinds import make_attention
from forecast.layers.attention.prob_sparse import GROUPS, ProbSparseAttention, sample
from forecast.layers.stack_config import StackConfig
from forecast.presets import create

EXACT = {"atol": 1e-10, "rtol": 1e-10}
KINDS = ("prob-sparse", "auto-correlation")


def make(kind: str, *, span: int | None = None, causal: bool = False, positions: str = "none") -> Attention:
    torch.manual_seed(0)
    config = StackConfig(width=8, heads=2, causal=causal, places=16, positions=positions, attention=kind, span=span)
    return make_attention(config).double()


def tokens(count: int) -> torch.Tensor:
    return torch.randn(2, count, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def seasonal(count: int, season: int) -> torch.Tensor:
    return tokens(season).repeat(1, -(-count // season), 1)[:, :count]


# ---------------------------------------------------------------- both


@pytest.mark.parametrize("kind", KINDS)
def test_a_causal_forecaster_with_such_attention_is_refused(kind):
    with pytest.raises(ConfigError, match=f"attention='{kind}' looks at all tokens") as caught:
        create("transformer", horizon=3, attention=kind).fit([1.0, 2.0, 3.0] * 20)
    assert "architecture='encoder'" in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_what_looks_at_all_tokens_to_choose_is_refused_where_it_should_be_causal(kind):
    with pytest.raises(ConfigError, match=f"attention='{kind}' looks at all tokens.*cannot be causal"):
        make(kind, causal=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 7, 14, 50])
def test_the_map_says_what_is_mixed(kind, count):
    layer, x = make(kind), tokens(count)
    weights, value = layer.weights(x), layer._project(x)[2]
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]), **EXACT)
    torch.testing.assert_close(layer._join(weights @ value), layer(x), **EXACT)


@pytest.mark.parametrize("kind", KINDS)
def test_every_call_gives_the_same(kind):
    layer, x = make(kind), tokens(40)
    before = torch.random.get_rng_state()
    assert torch.equal(layer(x), layer(x)) and torch.equal(layer.train()(x), layer.eval()(x))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_compiled_as_one_graph(kind):
    layer, x = make(kind), tokens(30)
    torch.compiler.reset()
    torch.testing.assert_close(torch.compile(layer, fullgraph=True, backend="eager")(x), layer(x), **EXACT)


# ---------------------------------------------------------------- ProbSparse


@pytest.mark.parametrize("count", [1, 5, 14, 37])
@pytest.mark.parametrize("span", [None, 1, 4])
def test_prob_sparse_attention_is_a_loop_over_queries(count, span):
    layer, x = make("prob-sparse", span=span), tokens(count)
    query, key, value = (part.detach() for part in layer._project(x))
    logarithm = max(5 * math.ceil(math.log(count)), 1)
    reading = min(count, span or min(logarithm, math.ceil(count / 2)))
    places = sample(count, min(logarithm, count), min(GROUPS, count), x.device)
    expected = value.mean(2, keepdim=True).repeat(1, 1, count, 1)
    for b in range(2):
        for a in range(2):
            uneven = []
            for n in range(count):
                scores = [float(query[b, a, n] @ key[b, a, m]) / 2.0 for m in places[n % len(places)]]
                uneven.append(max(scores) - sum(scores) / len(scores))
            for n in sorted(range(count), key=lambda place: -uneven[place])[:reading]:
                expected[b, a, n] = torch.softmax(key[b, a] @ query[b, a, n] / 2.0, -1) @ value[b, a]
    torch.testing.assert_close(layer(x), layer._join(expected), **EXACT)


def test_prob_sparse_attention_with_every_query_is_full_attention():
    layer = make("prob-sparse", span=20)
    full = FullAttention(StackConfig(width=8, heads=2, causal=False, places=16, positions="none")).double()
    full.load_state_dict(layer.state_dict())
    x = tokens(20)
    torch.testing.assert_close(layer(x), full(x), **EXACT)
    torch.testing.assert_close(layer.weights(x), full.weights(x), **EXACT)


@pytest.mark.parametrize(("count", "keys", "groups"), [(1, 1, 1), (10, 10, 3), (168, 30, 16), (1000, 35, 16)])
def test_a_sample_of_keys_is_spread_over_the_sequence(count, keys, groups):
    places = sample(count, keys, groups, torch.device("cpu"))
    assert places.shape == (groups, keys) and places.min() >= 0 and places.max() < count
    stretch = count / keys
    assert (places // 1 - torch.arange(keys) * stretch).abs().max() <= stretch + 1
    if keys == count:
        assert torch.equal(places, torch.arange(count).expand(groups, count))
    elif groups > 1:
        assert len({tuple(row) for row in places.tolist()}) > groups // 2


def test_prob_sparse_attention_of_few_tokens_leaves_some_queries_out():
    layer: ProbSparseAttention = make("prob-sparse")
    assert [layer.queries_of(count) for count in (1, 2, 7, 14, 168)] == [1, 1, 4, 7, 30]


# ---------------------------------------------------------------- auto-correlation


@pytest.mark.parametrize("count", [1, 2, 7, 14, 31])
@pytest.mark.parametrize("span", [None, 4, 100])
def test_auto_correlation_is_a_double_loop_over_lags_and_tokens(count, span):
    layer, x = make("auto-correlation", span=span), tokens(count)
    query, key, value = (part.detach() for part in layer._project(x))
    lags = min(count, span or max(1, math.floor(2 * math.log(count))))
    expected = torch.zeros_like(value)
    for b in range(2):
        for a in range(2):
            alike = torch.stack(
                [sum((query[b, a, n] * key[b, a, n - lag]).mean() for n in range(count)) for lag in range(count)]
            )
            chosen = sorted(range(count), key=lambda lag: -float(alike[lag]))[:lags]
            for share, lag in zip(torch.softmax(alike[chosen], -1), chosen, strict=True):
                for n in range(count):
                    expected[b, a, n] += share * value[b, a, (n + lag) % count]
    torch.testing.assert_close(layer(x), layer._join(expected), **EXACT)


def test_auto_correlation_finds_the_season():
    layer: AutoCorrelation = make("auto-correlation", span=4)
    with torch.no_grad():  # queries are keys: then the season is the best lag, after none
        layer.inputs.weight[8:16], layer.inputs.bias[8:16] = layer.inputs.weight[:8], layer.inputs.bias[:8]
    share = layer.shares(*layer._project(seasonal(48, 12))[:2])
    assert share[0, 0].nonzero()[:, 0].tolist() == [0, 12, 24, 36]
    torch.testing.assert_close(share.sum(-1), torch.ones_like(share[..., 0]), **EXACT)


def test_auto_correlation_refuses_rotary_positions():
    with pytest.raises(ConfigError, match="positions='rotary' and attention='auto-correlation'"):
        make("auto-correlation", positions="rotary")


def test_auto_correlation_keeps_its_precision_in_a_pass_of_less():
    layer, x = make("auto-correlation").float(), tokens(30).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = layer(x)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), layer(x), atol=0.05, rtol=0.05)
