"""Distribution heads: likelihoods against torch.distributions and SciPy in float64, quantiles against SciPy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from forecast.errors import DataError
from forecast.outputs import make_output
from forecast.outputs.base import CLIP
from forecast.outputs.distribution import DISTRIBUTIONS

LEVELS = (0.001, 0.05, 0.3, 0.5, 0.51, 0.9, 0.999)
KINDS = sorted(DISTRIBUTIONS)
SCALE = 7.5  # of a window of counts


def squareplus(x: np.ndarray) -> np.ndarray:
    return (x + np.sqrt(x**2 + 4)) / 2


def reference(kind: str, raw: np.ndarray):
    """SciPy's distribution for raw outputs (…, Q) in float64, counts for the negative binomial."""
    first, second, width = raw[..., 0], squareplus(raw[..., 1]), 1e-3 + np.logaddexp(0, raw[..., 1])
    if kind == "normal":
        return stats.norm(first, width)
    if kind == "student-t":
        return stats.t(2.01 + np.minimum(squareplus(raw[..., 2]), 1000), first, width)
    mean, dispersion = SCALE * (1e-4 + squareplus(4 * first) / 4), (1e-3 + second) / np.sqrt(SCALE)
    return stats.nbinom(1 / dispersion, 1 / (1 + mean * dispersion))


def raws(kind: str, *shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return 2 * torch.randn(*shape, make_output(None, "mae", kind).size, generator=seeded(), dtype=dtype)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_the_negative_log_likelihood_of_scipy_over_counted_targets(kind):
    raw = raws(kind, 3, 2, 4, 2)
    counted = torch.rand(3, 2, 4, 2, generator=seeded()) < 0.7
    if kind == "negative-binomial":
        truth = torch.randint(0, 60, counted.shape, generator=seeded()).double()
        expected = -reference(kind, raw.numpy()).logpmf(truth.numpy())
        answer = truth / SCALE
    else:
        answer = 5 * torch.randn(counted.shape, generator=seeded(), dtype=torch.float64)
        expected = -reference(kind, raw.numpy()).logpdf(answer.numpy())
    total, count = make_output(None, "mae", kind).loss(raw, answer, counted, SCALE)
    assert int(count) == counted.sum()
    assert float(total) == pytest.approx(expected[counted.numpy()].sum(), rel=1e-9)


@pytest.mark.parametrize("kind", ["normal", "student-t"])
def test_the_loss_in_float32_is_that_in_float64(kind):
    raw, answer = raws(kind, 1, 1, 50, 4), 5 * torch.randn(1, 1, 50, 4, generator=seeded(), dtype=torch.float64)
    head, counted = make_output(None, "mae", kind), torch.ones(1, 1, 50, 4, dtype=torch.bool)
    total = head.loss(raw.float(), answer.float(), counted)[0]
    assert float(total) == pytest.approx(float(head.loss(raw, answer, counted)[0]), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_quantiles_are_those_of_scipy_and_the_point_is_the_median(kind):
    raw, unit = raws(kind, 40, 3), SCALE if kind == "negative-binomial" else 1.0
    found = make_output(None, "mae", kind).values(raw, LEVELS, unit).numpy() * unit
    exact = reference(kind, raw.numpy())
    for column, level in enumerate((0.5, *LEVELS)):
        np.testing.assert_allclose(found[..., column], exact.ppf(level), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(
    raw=arrays(np.float32, (4, 3), elements=st.floats(-1e4, 1e4, width=32)),
    levels=st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=8),
)
def test_levels_rise_whatever_the_network_says(kind, raw, levels):
    head = make_output(None, "mae", kind)
    found = head.values(torch.from_numpy(raw)[:, : head.size], tuple(sorted(levels)), SCALE)
    assert torch.isfinite(found).all()
    assert (found[..., 1:].diff(dim=-1) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [-1e4, -50.0, 0.0, 50.0])
@pytest.mark.parametrize("answer", [-CLIP, 0.0, CLIP, 1e9])
def test_losses_and_gradients_are_finite_up_to_the_clip_and_beyond(kind, size, answer):
    head = make_output(None, "mae", kind)
    raw = torch.full((1, 1, 1, 1, head.size), size, requires_grad=True)
    answers, counted = torch.full((1, 1, 1, 1), answer), torch.ones(1, 1, 1, 1, dtype=torch.bool)
    total, _ = head.loss(raw, answers, counted, SCALE)
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(raw.grad).all()


@pytest.mark.parametrize("kind", KINDS)
def test_uncounted_answers_do_not_pull(kind):
    head = make_output(None, "mae", kind)
    raw = raws(kind, 2, 1, 3, 1).requires_grad_()
    counted = torch.tensor([True, False, True])[None, None, :, None].expand(2, 1, 3, 1)
    head.loss(raw, torch.full((2, 1, 3, 1), 1e30), counted, SCALE)[0].backward()
    assert not raw.grad[:, :, 1].any()


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_samples_follow_the_distribution(kind):
    """Kolmogorov and Smirnov's distance of 20,000 samples; of counts, the share at or below each."""
    head, unit = make_output(None, "mae", kind), SCALE if kind == "negative-binomial" else 1.0
    raw = torch.tensor([0.7, -0.4, 1.2][: head.size], dtype=torch.float64)
    noise = torch.rand(20_000, 2, generator=seeded(), dtype=torch.float64)
    drawn = np.sort(head.draw(raw.expand(20_000, -1), noise, unit).numpy() * unit)
    places = np.unique(drawn.round(9))
    share = np.searchsorted(drawn, places + 1e-6, side="right") / len(drawn)
    assert np.abs(share - reference(kind, raw.numpy()).cdf(places + 1e-6)).max() < 0.012


def test_samples_of_a_quantile_head_have_its_levels():
    head = make_output((0.05, 0.25, 0.5, 0.75, 0.95), "mae")
    raw = torch.tensor([0.3, -0.2, 0.4, 1.0, 0.1], dtype=torch.float64)
    noise = torch.rand(50_000, 2, generator=seeded(), dtype=torch.float64)
    drawn = head.draw(raw.expand(50_000, -1), noise)
    wanted = head.values(raw, (0.25, 0.5, 0.75))[1:]
    found = torch.quantile(drawn, torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64))
    torch.testing.assert_close(found, wanted, atol=0.03, rtol=0)
    assert drawn.min() == head.values(raw, (0.05,))[1]  # held at the outermost levels


@pytest.mark.parametrize("value", [-1.0, 0.5])
def test_a_negative_binomial_wants_counts(value):
    head = make_output(None, "mae", "negative-binomial")
    head.require(np.array([[0.0], [3.0], [np.nan]]))
    with pytest.raises(DataError, match="one of counts"):
        head.require(np.array([[0.0], [value], [np.nan]]))
