"""Attention at less than quadratic cost against loops over queries and keys, in float64."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from forecast import create
from forecast.errors import ConfigError
from forecast.layers.attention import adaptive_span
from forecast.layers.attention.adaptive_span import AdaptiveSpanAttention
from forecast.layers.attention.base import Attention
from forecast.layers.attention.kinds import make_attention
from forecast.layers.stack_config import StackConfig

EXACT = {"atol": 1e-10, "rtol": 1e-10}
KINDS = ["linear", "lsh", "adaptive-span", "hierarchical"]
BOTH = [(kind, causal) for kind in KINDS for causal in (True, False) if not (kind == "lsh" and causal)]


def make(kind: str, tokens: int, *, causal: bool, span: int | None = None, positions: str = "none") -> Attention:
    """A layer of two heads for a lookback of so many tokens."""
    torch.manual_seed(0)
    config = StackConfig(
        width=8, heads=2, causal=causal, places=2 * tokens, attention=kind, span=span, positions=positions
    )
    return make_attention(config).double()


def some(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def projected(layer: Attention, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values (B, A, N, D / A), cut out of the layer's projection by hand."""
    parts = layer.inputs(x).chunk(layer.inputs.out_features // x.shape[-1], -1)
    heads = [torch.stack(part.chunk(2, -1), 1) for part in parts]
    return heads[0], heads[0] / heads[0].norm(dim=-1, keepdim=True) if len(heads) == 2 else heads[1], heads[-1]


def rejoined(layer: Attention, mixed: Tensor) -> Tensor:
    return layer.output(torch.cat(list(mixed.unbind(1)), -1))


def scored(query: Tensor, key: Tensor, value: Tensor, log_weight: Tensor, *, scale: float) -> Tensor:
    """softmax(scale·QKᵀ + log weight)·V for one sequence of one head, query after query."""
    rows = [torch.softmax(scale * (key @ query[n]) + log_weight[n], 0) @ value for n in range(len(query))]
    return torch.stack(rows)


def per_head(query: Tensor, key: Tensor, value: Tensor, mix) -> Tensor:
    """mix(q, k, v, head) for every sequence and head."""
    query, key, value = query.detach(), key.detach(), value.detach()
    return torch.stack(
        [
            torch.stack([mix(query[b, a], key[b, a], value[b, a], a) for a in range(query.shape[1])])
            for b in range(query.shape[0])
        ]
    )


# ---------------------------------------------------------------- linear


@pytest.mark.parametrize("tokens", [1, 5, 64, 65, 150])
@pytest.mark.parametrize("causal", [True, False])
def test_linear_attention_is_a_loop_over_positive_similarities(tokens, causal):
    layer, x = make("linear", tokens, causal=causal), some(2, tokens, 8)

    def mix(query, key, value, head):
        similar = (torch.nn.functional.elu(query) + 1) @ (torch.nn.functional.elu(key) + 1).T
        rows = []
        for n in range(tokens):
            end = n + 1 if causal else tokens
            rows.append(sum(similar[n, m] * value[m] for m in range(end)) / similar[n, :end].sum())
        return torch.stack(rows)

    torch.testing.assert_close(layer(x), rejoined(layer, per_head(*projected(layer, x), mix)), **EXACT)


def test_the_sums_of_linear_attention_carry_on_without_growing():
    layer, x = make("linear", 40, causal=True), some(2, 40, 8)
    whole = layer(x)
    found, kept = layer.begin(x[:, :13], 999)
    torch.testing.assert_close(found, whole[:, :13], **EXACT)
    assert [part.shape for part in kept] == [(2, 2, 2, 4, 4), (2, 2, 2, 4)]
    for place in range(13, 40):
        layer.step(some(2, 1, 8, seed=place), kept, place)  # dropped
        torch.testing.assert_close(layer.step(x[:, place : place + 1], kept, place), whole[:, [place]], **EXACT)


def test_linear_attention_stands_large_negative_inputs():
    layer = make("linear", 4, causal=True).float()
    x = torch.full((1, 2, 4, 4), -200.0)
    mixed = layer.mix(x, x, x)
    assert torch.isfinite(mixed).all()


# ---------------------------------------------------------------- LSH


def hashed(layer: Attention, key: Tensor, head: int, turn: int) -> list[int]:
    """The bucket of each token (N, E) of a head in a round: the digits of one hash or two."""
    buckets = [0] * len(key)
    for directions in layer.directions[head, turn].split(layer.halves, -1):
        sides = torch.cat([directions, -directions], -1)
        for n, one in enumerate(key):
            buckets[n] = buckets[n] * sides.shape[-1] + int((one @ sides).argmax())
    return buckets


@pytest.mark.parametrize(("tokens", "span"), [(14, None), (15, 4), (33, 8), (150, 2), (3, 1)])
def test_lsh_attention_is_a_loop_over_sorted_chunks(tokens, span):
    layer, x = make("lsh", tokens, causal=False, span=span), some(2, tokens, 8)
    size = layer.span

    def mix(query, key, value, head):
        rows = [[0.0, 0.0] for _ in range(tokens)]
        for turn in range(4):
            buckets = hashed(layer, key, head, turn)
            order = sorted(range(tokens), key=lambda n: (buckets[n], n))
            for place, n in enumerate(order):
                first = max(0, (place // size - 1) * size)
                read = [m for m in order[first : (place // size + 1) * size] if m != n]
                weights = [math.exp(query[n] @ key[m]) for m in read] or [math.exp(query[n] @ key[n] - 1e5)]
                rows[n][0] += sum(w * value[m] for w, m in zip(weights, read or [n], strict=True))
                rows[n][1] += sum(weights)
        return torch.stack([total / weight if weight else value[n] for n, (total, weight) in enumerate(rows)])

    torch.testing.assert_close(layer(x), rejoined(layer, per_head(*projected(layer, x), mix)), **EXACT)


@pytest.mark.parametrize("tokens", [2, 9])
def test_lsh_attention_in_one_chunk_is_full_attention_with_shared_queries_and_keys(tokens):
    layer, x = make("lsh", tokens, causal=False, span=tokens), some(2, tokens, 8)
    alone = torch.eye(tokens, dtype=torch.float64) * -1e5

    def mix(query, key, value, head):
        return scored(query, key, value, alone, scale=1.0)

    torch.testing.assert_close(layer(x), rejoined(layer, per_head(*projected(layer, x), mix)), **EXACT)


def test_tokens_of_one_direction_meet_wherever_they_stand():
    layer = make("lsh", 64, causal=False, span=4)
    key = torch.nn.functional.normalize(some(1, 2, 64, 4), dim=-1)
    key[:, :, 60] = key[:, :, 3]
    buckets = layer.buckets(key)
    assert torch.equal(buckets[..., 60], buckets[..., 3])
    assert buckets.unique().numel() > 16


def test_many_buckets_are_hashed_by_two_small_hashes():
    layer = make("lsh", 4096, causal=False, span=8)
    assert sum(layer.halves) < 40
    assert 512 <= 4 * math.prod(layer.halves) < 1.2 * 1024
    assert 0 <= int(layer.buckets(some(1, 2, 100, 4)).max()) < 4 * math.prod(layer.halves)


def test_the_rotations_are_saved_with_the_weights():
    layer, x = make("lsh", 30, causal=False), some(2, 30, 8)
    torch.manual_seed(1)
    other = make_attention(StackConfig(width=8, heads=2, causal=False, places=60, attention="lsh")).double()
    assert not torch.allclose(layer(x), other(x))
    other.load_state_dict(layer.state_dict())
    assert torch.equal(layer(x), other(x))


def test_lsh_attention_cannot_be_causal():
    with pytest.raises(ConfigError, match=r"attention='lsh'.* cannot be causal"):
        make("lsh", 14, causal=True)


# ---------------------------------------------------------------- adaptive span


@pytest.mark.parametrize(("tokens", "span"), [(5, None), (14, 6), (300, 24), (301, 61), (330, 1)])
@pytest.mark.parametrize("causal", [True, False])
def test_adaptive_spans_weigh_far_tokens_down(tokens, span, causal):
    layer, x = make("adaptive-span", tokens, causal=causal, span=span), some(2, tokens, 8)
    layer.share.data = torch.tensor([-0.7, 0.4], dtype=torch.float64)
    most = span or tokens

    def mix(query, key, value, head):
        reach, ramp = most / (1 + math.exp(-layer.share[head].item())), max(most / 4, 1)
        rows = []
        for n in range(tokens):
            read = [m for m in range(tokens) if m <= n or not causal]
            soft = [min(max((ramp + reach - abs(n - m)) / ramp, 0), 1) for m in read]
            weights = torch.tensor(soft, dtype=torch.float64) * torch.exp(key[read] @ query[n] / 2)
            rows.append(weights @ value[read] / weights.sum())
        return torch.stack(rows)

    torch.testing.assert_close(layer(x), rejoined(layer, per_head(*projected(layer, x), mix)), **EXACT)


@pytest.mark.parametrize("tokens", [20, 300])
@pytest.mark.parametrize("causal", [True, False])
def test_the_largest_span_is_full_attention(tokens, causal):
    layer, x = make("adaptive-span", tokens, causal=causal), some(2, tokens, 8)
    layer.share.data[:] = 40
    plain = make("full", tokens, causal=causal)
    plain.load_state_dict(layer.state_dict(), strict=False)
    torch.testing.assert_close(layer(x), plain(x), **EXACT)


def test_spans_learn_from_the_forecast_and_from_their_penalty():
    layer = make("adaptive-span", 300, causal=True, span=40)
    layer(some(1, 300, 8)).square().sum().backward()
    assert layer.share.grad.abs().min() > 0
    layer.share.grad = None
    layer.penalty().backward()
    assert (layer.share.grad > 0).all()


def test_a_higher_price_makes_spans_shorter(monkeypatch):
    values = np.sin(np.arange(400) / 3)
    spans, losses = [], []
    for price in (0.0, 5.0):
        monkeypatch.setattr(adaptive_span, "PRICE", price)
        model = create("adaptive-span", horizon=4, lookback=32, patch=4, hidden_size=8, max_steps=60, seed=1)
        model.set_params(learning_rate=1e-2).fit(values)
        layers = [part for part in model.network_.modules() if isinstance(part, AdaptiveSpanAttention)]
        spans.append(float(torch.stack([layer.spans().mean() for layer in layers]).detach().mean()))
        losses.append(model.report_["validation_loss"])
    assert spans[1] < spans[0] - 0.1
    assert losses[1] < 1  # the price is no part of the loss that is reported


# ---------------------------------------------------------------- hierarchical


@pytest.mark.parametrize(("tokens", "span"), [(14, None), (16, 2), (23, 2), (65, 4), (31, 1), (5, 2)])
@pytest.mark.parametrize("causal", [True, False])
def test_hierarchical_attention_reads_each_block_on_the_coarsest_scale_that_does_not_touch(tokens, span, causal):
    layer, x = make("hierarchical", tokens, causal=causal, span=span), some(2, tokens, 8)
    size = layer.span

    def group(n: int, m: int) -> range:
        """The tokens with which token n reads token m."""
        here, there = n // size, m // size
        if abs(here - there) < 2:
            return range(m, m + 1)
        scale = max(s for s in range(12) if abs((here >> s) - (there >> s)) > 1)
        length = size << scale
        return range((there >> scale) * length, min((there >> scale) * length + length, tokens))

    def mix(query, key, value, head):
        rows = []
        for n in range(tokens):
            groups = {group(n, m) for m in range(tokens) if m <= n or not causal}
            assert sum(map(len, groups)) == (n + 1 if causal else tokens)
            weights = [len(g) * torch.exp(query[n] @ key[g.start : g.stop].mean(0) / 2) for g in groups]
            means = [value[g.start : g.stop].mean(0) for g in groups]
            rows.append(sum(w * v for w, v in zip(weights, means, strict=True)) / sum(weights))
        return torch.stack(rows)

    torch.testing.assert_close(layer(x), rejoined(layer, per_head(*projected(layer, x), mix)), **EXACT)


@pytest.mark.parametrize("causal", [True, False])
def test_one_block_over_everything_is_full_attention(causal):
    layer, x = make("hierarchical", 20, causal=causal, span=20), some(2, 20, 8)
    plain = make("full", 20, causal=causal)
    plain.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(x), plain(x), **EXACT)


def test_the_number_of_keys_read_grows_with_the_logarithm():
    from forecast.layers.attention.hierarchical import _groups

    for causal, most in ((True, 2), (False, 3)):
        groups, counts = _groups(1 << 12, causal=causal, device=torch.device("cpu"))
        assert len(counts) == 11
        assert int((groups >= 0).sum(1).max()) <= most * len(counts)


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize(("kind", "causal"), BOTH)
@pytest.mark.parametrize("tokens", [1, 14, 300])
def test_maps_say_what_is_read(kind, causal, tokens):
    layer = make(kind, tokens, causal=causal, span=40 if kind == "adaptive-span" else None)
    x = some(2, tokens, 8)
    weights = layer.weights(x)
    assert weights.shape == (2, 2, tokens, tokens)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, tokens, dtype=torch.float64))
    torch.testing.assert_close(rejoined(layer, weights @ projected(layer, x)[2]), layer(x), **EXACT)
    assert not causal or not weights.triu(1).any()
    assert causal or tokens == 1 or weights.triu(1).any()


@pytest.mark.parametrize("kind", ["linear", "adaptive-span", "hierarchical"])
@pytest.mark.parametrize("tokens", [14, 300])
def test_a_prefix_is_read_as_in_the_longer_sequence(kind, tokens):
    layer, x = make(kind, tokens, causal=True, span=20 if kind == "adaptive-span" else None), some(2, tokens, 8)
    whole = layer(x)
    for end in (1, 5, tokens // 2, tokens - 1):
        torch.testing.assert_close(layer(x[:, :end]), whole[:, :end], **EXACT)
    changed = x.clone()
    changed[:, 9:] *= -3
    torch.testing.assert_close(layer(changed)[:, :9], whole[:, :9], **EXACT)
    assert not torch.allclose(layer(changed)[:, 9:], whole[:, 9:])


@pytest.mark.parametrize(("kind", "causal"), BOTH)
def test_gradients_are_those_of_finite_differences(kind, causal):
    layer = make(kind, 7, causal=causal, span=2)
    assert torch.autograd.gradcheck(layer, some(1, 7, 8).requires_grad_())


@pytest.mark.parametrize("kind", ["lsh", "adaptive-span", "hierarchical"])
def test_rotary_positions_turn_queries_and_keys(kind):
    turned = make(kind, 14, causal=False, positions="rotary")
    plain = make(kind, 14, causal=False)
    plain.load_state_dict(turned.state_dict())
    assert not torch.allclose(turned(some(1, 14, 8)), plain(some(1, 14, 8)))


def test_similarities_of_linear_attention_stay_positive():
    with pytest.raises(ConfigError, match="positions='rotary' and attention='linear'"):
        make("linear", 14, causal=True, positions="rotary")
