"""Output heads: losses against scikit-learn, levels that cannot cross, refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecast.errors import ConfigError
from forecast.outputs import PointOutput, QuantileOutput, make_output
from forecast.outputs.base import CLIP

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
raws = arrays(np.float32, (3, 2, len(LEVELS)), elements=st.floats(-1e4, 1e4, width=32))
some_levels = st.lists(st.floats(0.05, 0.95), min_size=1, max_size=12)


def rounding(values: torch.Tensor) -> float:
    return 1e-6 * float(values.abs().max().clamp(min=1))


@settings(max_examples=200, deadline=None)
@given(raw=raws, levels=some_levels)
def test_levels_rise_whatever_the_network_says(raw, levels):
    head = QuantileOutput(LEVELS)
    assert (head.quantiles(torch.from_numpy(raw)).diff(dim=-1) >= 0).all()
    found = head.values(torch.from_numpy(raw), tuple(sorted(levels)))
    assert (found[..., 1:].diff(dim=-1) >= 0).all()


@settings(max_examples=50, deadline=None)
@given(raw=raws)
def test_interpolated_levels_lie_between_their_neighbours_and_meet_them(raw):
    head = QuantileOutput(LEVELS)
    trained = head.quantiles(torch.from_numpy(raw))
    torch.testing.assert_close(head.values(torch.from_numpy(raw), LEVELS)[..., 1:], trained)
    between = head.values(torch.from_numpy(raw), (0.15, 0.6))[..., 1:]
    for k, low in ((0, 1), (1, 3)):
        assert (between[..., k] >= trained[..., low] - rounding(trained)).all()
        assert (between[..., k] <= trained[..., low + 1] + rounding(trained)).all()
    third = trained[..., 1] + (trained[..., 2] - trained[..., 1]) / 3
    torch.testing.assert_close(between[..., 0], third, atol=rounding(trained), rtol=1e-4)


def test_the_point_is_the_middle_level():
    head = QuantileOutput((0.1, 0.9))  # 0.5 is added
    raw = torch.randn(4, 5, 3)
    assert head.levels == (0.1, 0.5, 0.9)
    found = head.values(raw, (0.5,))
    assert torch.equal(found[..., 0], raw[..., head.point])
    assert torch.equal(found[..., 0], found[..., 1])


def test_the_loss_is_twice_the_pinball_loss_of_scikit_learn_over_counted_targets():
    from sklearn.metrics import mean_pinball_loss

    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(3, 2, 4, 2, len(LEVELS), generator=generator)
    answer = torch.randn(3, 2, 4, 2, generator=generator)
    counted = torch.rand(3, 2, 4, 2, generator=generator) < 0.7
    head = QuantileOutput(LEVELS)
    total, count = head.loss(raw, answer, counted)
    quantiles = head.quantiles(raw)[counted].double().numpy()
    truth = answer[counted].double().numpy()
    expected = np.mean([mean_pinball_loss(truth, quantiles[:, q], alpha=a) for q, a in enumerate(LEVELS)])
    assert int(count) == counted.sum()
    assert float(total / count) == pytest.approx(2 * expected, rel=1e-5)


@pytest.mark.parametrize(("kind", "error"), [("mae", np.abs), ("mse", np.square)])
def test_the_point_loss_is_the_mean_error_over_counted_targets(kind, error):
    raw, answer = torch.randn(3, 1, 4, 2, 1), torch.randn(3, 1, 4, 2)
    counted = torch.rand(3, 1, 4, 2) < 0.7
    total, count = PointOutput(kind).loss(raw, answer, counted)
    expected = error((raw[..., 0] - answer)[counted].numpy()).sum()
    assert float(total) == pytest.approx(float(expected), rel=1e-5)
    assert int(count) == int(counted.sum())


@pytest.mark.parametrize("head", [QuantileOutput(LEVELS), PointOutput("mae"), PointOutput("mse")])
def test_uncounted_and_extreme_answers_do_not_pull(head):
    raw = torch.randn(2, 1, 3, 1, head.size, requires_grad=True)
    answer = torch.randn(2, 1, 3, 1)
    counted = torch.tensor([True, False, True])[None, None, :, None].expand(2, 1, 3, 1)

    def gradient(answer: torch.Tensor) -> torch.Tensor:
        raw.grad = None
        head.loss(raw, answer, counted)[0].backward()
        return raw.grad.clone()

    masked = answer.clone()
    masked[:, :, 1] = 1e30
    assert torch.equal(gradient(answer), gradient(masked))
    assert not gradient(answer)[:, :, 1].any()
    far, further = answer.clone(), answer.clone()
    far[:, :, 0], further[:, :, 0] = CLIP, 1e6
    assert torch.equal(gradient(far), gradient(further))


@pytest.mark.parametrize("level", [0.01, 0.049, 0.951, 0.999])
def test_a_level_beyond_the_trained_ones_is_refused(level):
    with pytest.raises(ConfigError, match=r"outside the trained levels 0\.05 to 0\.95"):
        QuantileOutput(LEVELS).values(torch.zeros(1, len(LEVELS)), (level,))


def test_a_single_level_gives_the_median_and_no_other():
    head = QuantileOutput((0.5,))
    raw = torch.randn(3, 1)
    assert torch.equal(head.values(raw, (0.5,))[..., 1], raw[..., 0])
    with pytest.raises(ConfigError):
        head.values(raw, (0.4,))


def test_a_point_head_has_no_levels():
    head = make_output(None, "mse")
    assert head.values(torch.zeros(2, 1), ()).shape == (2, 1)
    with pytest.raises(ConfigError, match="points only"):
        head.values(torch.zeros(2, 1), (0.5,))


def test_with_levels_the_head_has_them():
    head = make_output((0.9, 0.1), "mae")
    assert isinstance(head, QuantileOutput) and head.levels == (0.1, 0.5, 0.9)


@pytest.mark.parametrize("levels", [(0.05, 0.1, 0.5, 0.9), (0.5,), (0.1, 0.2), (0.7, 0.9)])
def test_the_gradient_is_the_one_that_torch_finds_by_itself(levels):
    head = QuantileOutput(levels)
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(3, 2, 4, 2, head.size, generator=generator, dtype=torch.float64).requires_grad_()
    answer = torch.randn(3, 2, 4, 2, generator=generator, dtype=torch.float64)
    counted = torch.rand(3, 2, 4, 2, generator=generator) < 0.8
    error = answer[..., None] - head.quantiles(raw)
    level = torch.tensor(head.levels, dtype=torch.float64)
    plain = (torch.maximum(level * error, (level - 1) * error) * counted[..., None]).sum() * (2 / head.size)
    (expected,) = torch.autograd.grad(plain, raw)
    total, count = head.loss(raw, answer, counted)
    (found,) = torch.autograd.grad(total, raw)
    torch.testing.assert_close(total, plain)
    torch.testing.assert_close(found, expected)
    assert count == counted.sum()
