"""The importance of a covariate: what it must say of one that decides, and of one that does not matter."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from forecast import create
from forecast.errors import DataError
from forecast.explanations.importance import held_windows, last_origins, losses, permuted, spread
from forecast.explanations.names import variables_of

from .conftest import fitted, shops


@pytest.fixture(scope="module")
def trained():
    """A forecaster that has learned the first 300 days."""
    roles = {"id": "shop", "target": "sales", "future": ("price", "noise"), "past": ("visitors",), "static": ("size",)}
    settings = {"horizon": 4, "lookback": 12, "season": 6, "max_steps": 150, "threads": 1, "calendar": False}
    frame = shops(400, ahead=0)
    return create("lstm", **settings, **roles).fit(frame[frame["day"] < "2024-10-27"])


def test_a_covariate_that_decides_stands_out_and_noise_does_not(trained):
    newer = shops(400, ahead=0)
    newer = newer[newer["day"] >= "2024-10-20"]
    found = trained.explain(newer, importance=True)
    table = found.importance.set_index("variable")
    assert found.importance["variable"].iloc[0] == "price"
    assert table.loc["price", "low"] > 0.5
    assert table.loc["noise", "low"] <= 0 <= table.loc["noise", "high"]
    assert (table.loc[["noise", "visitors"], "importance"].abs() < 0.05).all()
    assert (table["low"] <= table["importance"]).all() and (table["importance"] <= table["high"]).all()
    assert table["role"].to_dict() == {"price": "future", "noise": "future", "visitors": "past", "size": "static"}
    assert "price" in repr(found)


def test_the_same_seed_gives_the_same_importance(trained):
    frame = shops(200, ahead=0)
    first, again, other = (trained.explain(frame, repeats=2, seed=seed).importance for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_what_is_never_read_has_no_importance():
    """A network whose weights are all zero is as good without any covariate."""
    model = fitted("hybrid")
    for parameter in model.network_.parameters():
        parameter.data.zero_()
    table = model.explain(shops(), repeats=2).importance
    assert set(table["variable"]) == {"visitors", "price", "noise", "promo", "size", "kind", "calendar"}
    assert (table[["importance", "low", "high"]] == 0).all(axis=None)


@pytest.mark.parametrize("name", ["hybrid", "tft", "itransformer", "deepar", "seq2seq-bahdanau"])
def test_every_kind_of_network_is_measured(name):
    table = fitted(name, series_embedding=name == "hybrid").explain(shops(), repeats=1).importance
    assert {"visitors", "price", "noise", "promo", "size", "kind"} <= set(table["variable"])
    assert ("series" in set(table["variable"])) == (name == "hybrid")
    assert np.isfinite(table[["importance", "low", "high"]].to_numpy(float)).all()


def test_points_and_several_targets_are_measured():
    random = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=120)
    frame = pd.DataFrame({"day": days, "a": random.normal(size=120), "b": random.normal(size=120)})
    roles = {"time": "day", "target": ("a", "b"), "levels": None}
    for channels in ("joint", "independent"):
        table = fitted("hybrid", frame, **roles, channels=channels).explain(frame, repeats=1).importance
        assert table["variable"].tolist() == ["calendar"]


def test_the_loss_is_the_pinball_loss_on_the_scale_of_the_series():
    model, frame = fitted("hybrid", levels=(0.1, 0.5, 0.9)), shops(ahead=0)
    panel = model._panel(frame, schema=model.schema_)
    found = losses(model, held_windows(model, panel))
    series, ends = last_origins(panel, horizon=4, lookback=12, least=1, season=6)
    known = panel.ends.copy()
    np.minimum.at(known, series, ends)
    forecasts = model.forecast_windows(panel, series, ends, levels=(0.1, 0.5, 0.9))[:, :, 0, 1:]
    truth = np.stack([panel.series(s)[end : end + 4, 0] for s, end in zip(series, ends, strict=True)])
    missed = truth[..., None] - forecasts
    level = np.array([0.1, 0.5, 0.9])
    expected = np.maximum(level * missed, (level - 1) * missed).mean((1, 2))
    unit = [panel.series(s)[: known[s], 0] for s in series]
    ratio = expected / found
    for s in range(3):  # a series' unit is one number
        np.testing.assert_allclose(ratio[series == s], ratio[series == s][0], rtol=1e-4)
        assert ratio[series == s][0] == pytest.approx(unit[int(np.argmax(series == s))].std(), rel=0.5)


def test_permuting_moves_all_columns_of_a_variable_and_no_others():
    model = fitted("hybrid", series_embedding=True)
    held = held_windows(model, model._panel(shops(), schema=model.schema_))
    order = np.random.default_rng(0).permutation(len(held.target))
    noise = next(variable for variable in variables_of(model) if variable.name == "noise")
    changed = permuted(held, noise, torch.from_numpy(order))
    assert noise.columns["future"] == (1, 2)  # the values, and where they are missing
    assert torch.equal(changed.future[..., [1, 2]], held.future[order][..., [1, 2]])
    assert torch.equal(changed.usual[..., [1, 2]], held.usual[order][..., [1, 2]])
    assert torch.equal(changed.future[..., 0], held.future[..., 0])
    assert torch.equal(changed.future[..., 3:], held.future[..., 3:])
    assert torch.equal(changed.target, held.target)


def test_origins_meet_every_phase_of_the_season():
    model = fitted("hybrid", shops(400, ahead=0)[["shop", "day", "sales"]], id="shop")
    series, ends = last_origins(
        model._panel(shops(900, ahead=0)[["shop", "day", "sales"]], schema=model.schema_),
        horizon=24,
        lookback=48,
        least=1,
        season=24,
    )
    assert (np.bincount(series) == 22).all()  # 64 windows or a few more
    assert len(set(ends[series == 0] % 24)) == 22
    assert ends.max() == 900 - 24 and ends.min() >= 48


def test_the_interval_is_students(trained):
    rises = np.random.default_rng(0).normal(1.0, 2.0, (1, 40))
    middle, low, high = spread(rises, base=2.0)
    expected = stats.ttest_1samp(rises[0], 0).confidence_interval(0.9)
    np.testing.assert_allclose((middle, low, high), (rises.mean() / 2, expected.low / 2, expected.high / 2))


def test_intervals_of_what_does_not_matter_cover_zero_as_often_as_they_say():
    random = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        window, repeat = random.normal(size=40), 0.2 * random.normal(size=(10, 1))
        _, low, high = spread(window + repeat + random.normal(size=(10, 40)), base=1.0)
        covered.append(low <= 0 <= high)
    assert 0.86 <= np.mean(covered) <= 0.96


def test_too_few_windows_are_refused_or_left_out_with_a_note():
    model = fitted("hybrid")
    with pytest.raises(DataError, match="needs 8 windows with a known answer, and there are 3"):
        model.explain(importance=True)
    found = model.explain()
    assert found.importance.empty and "and there are 3" in found.notes[0]
