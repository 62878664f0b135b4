"""Every gathered window equals one made by a slow loop over plain rows.

Dimension key: T lookback and origins, H horizon, O origins, C channels, S series, N rows.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecast.datasets import inputs
from forecast.datasets.inputs import Covariates
from forecast.datasets.panel import Panel
from forecast.datasets.scaling import CONSTANT, ROUNDING
from forecast.datasets.schema import Schema
from forecast.datasets.timeline import Timeline
from forecast.datasets.windows import SCALE_FLOOR, Windows

Array = NDArray[np.generic]


def make_panel(lengths: list[int], ends: list[int], *, channels: int, gaps: float, seed: int) -> Panel:
    """Random walks with gaps, two past covariates (one with gaps), and one future, static and code of each kind."""
    rng = np.random.default_rng(seed)
    rows, count = sum(lengths), len(lengths)
    target = rng.normal(size=(rows, channels)).cumsum(0) * 10 ** rng.uniform(-2, 3) + rng.normal() * 100
    target[rng.random((rows, channels)) < gaps] = np.nan
    past = rng.normal(size=(rows, 2)) * 5 + 3
    past[rng.random(rows) < gaps, 1] = np.nan
    return Panel(
        schema=Schema(
            shape="long",
            time="time",
            target=tuple(f"y{c}" for c in range(channels)),
            id="id",
            freq="1",
            past=("p", "q"),
            future=("f",),
            static=("s",),
            past_codes=("pc",),
            future_codes=("fc",),
            static_codes=("sc",),
            categories={"pc": ("a", "b"), "fc": ("a", "b", "c"), "sc": ("a",)},
        ),
        timeline=Timeline(freq="1"),
        ids=pd.Index([f"s{i}" for i in range(count)]),
        starts=rng.integers(-5, 6, count),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        ends=np.array(ends),
        target=target,
        past=past,
        future=rng.normal(size=(rows, 1)) * 7 - 2,
        static=rng.normal(size=(count, 1)),
        past_codes=rng.integers(0, 3, (rows, 1)),
        future_codes=rng.integers(0, 4, (rows, 1)),
        static_codes=rng.integers(0, 2, (count, 1)),
    )


@dataclass(frozen=True, kw_only=True)
class Case:
    """A panel and the shape of the windows asked of it."""

    panel: Panel
    lookback: int
    horizon: int
    stride: int
    origins: int
    min_context: int
    location: str = "mean"
    unit: str = "window"  # what divides it

    def windows(self, covariates: Covariates | None = None) -> Windows:
        return Windows(
            self.panel,
            covariates=covariates or Covariates.learn(self.panel, calendar=False, holidays=None),
            lookback=self.lookback,
            horizon=self.horizon,
            stride=self.stride,
            min_context=self.min_context,
            location=self.location,
            unit=self.unit,
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    lengths = draw(st.lists(st.integers(1, 30), min_size=1, max_size=4))
    ends = [draw(st.integers(0, length)) for length in lengths]
    lookback = draw(st.integers(1, 8))
    panel = make_panel(
        lengths,
        ends,
        channels=draw(st.integers(1, 2)),
        gaps=draw(st.sampled_from([0.0, 0.3, 0.9])),
        seed=draw(st.integers(0, 1000)),
    )
    return Case(
        panel=panel,
        lookback=lookback,
        horizon=draw(st.integers(1, 4)),
        stride=draw(st.integers(1, 3)),
        origins=draw(st.integers(1, 4)),
        min_context=draw(st.integers(1, lookback)),
        location=draw(st.sampled_from(["mean", "last"])),
        unit=draw(st.sampled_from(["window", "series"])),
    )


# ---------------------------------------------------------------- the slow way


def slow_targets(case: Case, s: int, last: int, *, answers: bool) -> dict[str, Array]:
    """Normalised targets and masks of one segment, step by step, in float64."""
    panel, span = case.panel, case.lookback + (case.origins - 1) * case.stride
    begin, end = int(panel.offsets[s]), int(panel.ends[s])
    limit = end if answers else min(last, end)
    values = np.full((span + case.horizon, panel.channels), np.nan)
    for t in range(span + case.horizon):
        row = last - span + t
        if 0 <= row < limit:
            values[t] = panel.target[begin + row]
    usable, first = [], None
    for o in range(case.origins):
        place = case.lookback + o * case.stride
        seen = sum(not np.isnan(values[t]).all() for t in range(place))
        usable.append(seen >= case.min_context)
        if usable[-1] and first is None:
            first = place
    before = values[: first if first is not None else span]
    location, scale = np.zeros(panel.channels), np.zeros(panel.channels)
    for c in range(panel.channels):
        whole = panel.target[begin : begin + end, c]
        whole = whole[~np.isnan(whole)]
        deviation = whole.std() if len(whole) else 0.0
        if deviation <= ROUNDING * abs(whole.mean() if len(whole) else 0.0):  # a constant series
            deviation = CONSTANT * (abs(whole.mean()) if len(whole) else 1.0)
        known = before[:, c][~np.isnan(before[:, c])]
        of_window = {"mean": np.mean, "last": lambda observed: observed[-1]}[case.location]
        location[c] = of_window(known) if len(known) else (whole.mean() if len(whole) else 0.0)
        spread = known.var() if len(known) else 0.0
        scale[c] = deviation if case.unit == "series" else np.sqrt(spread + (SCALE_FLOOR * deviation) ** 2)
    z = (values - location) / scale
    found: dict[str, Array] = {
        "target": np.nan_to_num(z[:span]),
        "observed": ~np.isnan(values[:span]),
        "location": location,
        "scale": scale,
    }
    if answers:
        places = [case.lookback + o * case.stride for o in range(case.origins)]
        ahead = np.stack([z[p : p + case.horizon] for p in places])
        found["answer"] = np.nan_to_num(ahead)
        found["counted"] = ~np.isnan(ahead) & np.array(usable)[:, None, None]
    return found


def slow_covariates(case: Case, s: int, last: int) -> dict[str, Array]:
    """Covariates of one segment: 0 outside of the series, past ones standardised with an indicator of gaps."""
    panel, span = case.panel, case.lookback + (case.origins - 1) * case.stride
    begin, length = int(panel.offsets[s]), int(panel.lengths[s])
    learned = panel.past[before_ends(panel)]
    means, deviations = np.nanmean(learned, axis=0), np.nanstd(learned, axis=0)
    gaps = np.isnan(learned).any(axis=0)
    past = np.zeros((span, 2 + gaps.sum()))
    future = np.zeros((span + case.horizon, 1))
    codes = {"past_codes": np.zeros((span, 1)), "future_codes": np.zeros((span + case.horizon, 1))}
    for t in range(span + case.horizon):
        row = last - span + t
        if not 0 <= row < length:
            continue
        future[t] = (panel.future[begin + row] - panel.future.mean()) / (panel.future.std() or 1.0)
        codes["future_codes"][t] = panel.future_codes[begin + row]
        if t < span:
            values = panel.past[begin + row]
            past[t, :2] = np.nan_to_num((values - means) / np.where(deviations > 0, deviations, 1.0))
            past[t, 2:] = np.isnan(values)[gaps]
            codes["past_codes"][t] = panel.past_codes[begin + row]
    static = (panel.static[s] - panel.static.mean()) / (panel.static.std() or 1.0)
    return {"past": past, "future": future, "static": static, "static_codes": panel.static_codes[s], **codes}


def assert_same(found: torch.Tensor, expected: Array, name: str) -> None:
    np.testing.assert_allclose(found.double().numpy(), np.asarray(expected, float), rtol=2e-4, atol=2e-4, err_msg=name)


# ---------------------------------------------------------------- properties


@settings(max_examples=120, deadline=None)
@given(case=cases())
def test_every_segment_to_train_on_equals_a_slow_one(case):
    windows = case.windows()
    count = windows.count(case.origins)
    numbers = torch.arange(count)
    series, last = windows.segments(numbers, case.origins)
    window = windows.gather(series, last, origins=case.origins, answers=True)
    for b in range(0, count, max(1, count // 8)):
        s = int(series[b])
        expected = slow_targets(case, s, int(last[b]), answers=True) | covered(case, s, int(last[b]))
        offset, factor = windows.targets.location[s], windows.targets.scale[s]
        expected["location"] = (expected["location"] - offset) / factor
        expected["scale"] = expected["scale"] / factor
        for name, values in expected.items():
            found = getattr(window, name)[b]
            assert_same(found[0] if name in ("location", "scale") else found, values, name)
        assert int(window.series[b]) == s + 1


def covered(case: Case, s: int, last: int) -> dict[str, Array]:
    """``slow_covariates`` where every past column is seen somewhere; an all-missing one has no mean to compare."""
    return (
        {} if np.isnan(case.panel.past[before_ends(case.panel)]).all(axis=0).any() else slow_covariates(case, s, last)
    )


def before_ends(panel: Panel) -> NDArray[np.bool_]:
    return np.concatenate([np.arange(n) < end for n, end in zip(panel.lengths, panel.ends, strict=True)])


@settings(max_examples=60, deadline=None)
@given(case=cases(), data=st.data())
def test_a_window_to_forecast_from_sees_rows_before_the_origin_only(case, data):
    windows = case.windows()
    s = data.draw(st.integers(0, len(case.panel) - 1))
    end = data.draw(st.integers(0, int(case.panel.ends[s])))
    window = windows.gather(torch.tensor([s]), torch.tensor([end]), origins=case.origins)
    expected = slow_targets(case, s, end, answers=False)
    assert window.answer is None and window.counted is None
    assert_same(window.target[0], expected["target"], "target")
    assert_same(window.observed[0], expected["observed"], "observed")


@settings(max_examples=150, deadline=None)
@given(case=cases())
def test_every_origin_with_context_and_a_whole_horizon_lies_in_as_many_segments_as_there_are_origins(case):
    windows = case.windows()
    series, last = windows.segments(torch.arange(windows.count(case.origins)), case.origins)
    visits: dict[tuple[int, int], int] = {}
    for s, end in zip(series.tolist(), last.tolist(), strict=True):
        for o in range(case.origins):
            visits[s, end - o * case.stride] = visits.get((s, end - o * case.stride), 0) + 1
    for s, end in enumerate(case.panel.ends.tolist()):
        whole = range(case.min_context, end - case.horizon + 1)
        assert all(visits[s, origin] == case.origins for origin in whole)
        if end > case.min_context:  # a series shorter than context and horizon still teaches what it can
            assert visits[s, case.min_context] == case.origins
        else:
            assert not any(number == s for number, _ in visits)


@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_rows_behind_the_ends_and_missing_values_change_nothing(case):
    panel = case.panel
    target = panel.target.copy()
    target[~before_ends(panel)] = 1e6
    changed = replace(case, panel=replace(panel, target=target))
    count = case.windows().count(case.origins)
    assert count == changed.windows().count(case.origins)
    pairs = (c.windows() for c in (case, changed))
    one, two = (
        w.gather(*w.segments(torch.arange(count), case.origins), origins=case.origins, answers=True) for w in pairs
    )
    for name in ("target", "observed", "answer", "counted", "location", "scale"):
        assert torch.equal(getattr(one, name), getattr(two, name)), name


@settings(max_examples=40, deadline=None)
@given(case=cases())
def test_a_prefix_is_the_window_of_an_earlier_origin_on_the_same_scale(case):
    windows = case.windows()
    count = windows.count(case.origins)
    if not count:
        return
    series, last = windows.segments(torch.arange(count), case.origins)
    segment = windows.gather(series, last, origins=case.origins, answers=True)
    for o in range(case.origins):
        steps = case.lookback + o * case.stride
        part = segment.prefix(steps, case.horizon)
        assert part.target.shape[1] == part.past.shape[1] == steps
        assert part.future.shape[1] == steps + case.horizon
        assert torch.equal(part.target, segment.target[:, :steps])
        assert part.answer is None


def test_a_level_of_a_billion_gives_the_windows_of_a_level_of_zero():
    rng = np.random.default_rng(0)
    wave = np.sin(np.arange(200) / 3) + 0.1 * rng.normal(size=200)
    low = make_panel([200], [200], channels=1, gaps=0, seed=1).with_target(wave[:, None])
    high = low.with_target(wave[:, None] + 1e9)
    shape = {"lookback": 24, "horizon": 6, "stride": 1, "origins": 2, "min_context": 24}
    one, two = (Case(panel=panel, **shape).windows() for panel in (low, high))
    numbers = torch.arange(one.count(2))
    a, b = (w.gather(*w.segments(numbers, 2), origins=2, answers=True) for w in (one, two))
    torch.testing.assert_close(a.target, b.target, atol=1e-4, rtol=0)
    torch.testing.assert_close(a.answer, b.answer, atol=1e-4, rtol=0)
    zero = torch.zeros(1, 6, 1, 1)
    single_a, single_b = (w.gather(torch.tensor([0]), torch.tensor([200])) for w in (one, two))
    np.testing.assert_allclose(
        two.restore(zero, single_b, np.array([0])) - 1e9, one.restore(zero, single_a, np.array([0])), atol=1e-4
    )


def test_restoring_undoes_the_normalisation():
    case = Case(
        panel=make_panel([40, 30], [40, 30], channels=2, gaps=0.2, seed=3),
        lookback=8,
        horizon=3,
        stride=2,
        origins=1,
        min_context=4,
    )
    windows = case.windows()
    series, last = windows.segments(torch.arange(windows.count()))
    window = windows.gather(series, last, answers=True)
    back = windows.restore(window.answer[:, 0, ..., None], window, series.numpy())[..., 0]
    rows = case.panel.offsets[series.numpy()][:, None] + last.numpy()[:, None] + np.arange(3)
    counted = window.counted[:, 0].numpy()
    expected = case.panel.target[np.minimum(rows, len(case.panel.target) - 1)]
    np.testing.assert_allclose(back[counted], expected[counted], rtol=1e-4, atol=1e-3)


def test_standardising_in_blocks_changes_nothing(monkeypatch):
    from forecast.datasets import scaling as module

    panel = make_panel([30, 1, 17, 25], [28, 1, 0, 25], channels=2, gaps=0.3, seed=5)
    whole = module.standardise(panel, panel.ends)
    monkeypatch.setattr(module, "BLOCK_ROWS", 20)
    for one, two in zip(whole, module.standardise(panel, panel.ends), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_same_generator_state_draws_the_same_batch():
    case = Case(
        panel=make_panel([40], [40], channels=1, gaps=0, seed=3),
        lookback=8,
        horizon=3,
        stride=1,
        origins=2,
        min_context=4,
    )
    windows = case.windows()
    one, two = (windows.sample(16, origins=2, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(one.target, two.target) and torch.equal(one.answer, two.answer)


@pytest.mark.parametrize("behind", [0, 5])
def test_calendar_features_follow_the_grid_and_are_zero_before_a_series_starts(monkeypatch, behind):
    def steps_as_features(timeline, first, last, holidays=None):
        return ("step",), np.arange(first, last + 1, dtype=np.float32)[:, None]

    monkeypatch.setattr(inputs, "calendar_features", steps_as_features)
    panel = replace(make_panel([12, 6], [12, 6], channels=1, gaps=0, seed=0), starts=np.array([100, 103 - behind]))
    covariates = Covariates.learn(panel, calendar=True, holidays=None)
    windows = Windows(panel, covariates=covariates, lookback=8, horizon=3, min_context=1)
    window = windows.gather(torch.tensor([0, 1]), torch.tensor([12, 6]))
    steps = window.future[..., -1]  # (B, T + H)
    assert steps[0].tolist() == list(range(104, 115))
    begin = 103 - behind
    assert steps[1].tolist() == [0.0, 0.0, *range(begin, begin + 9)]  # whatever the other series' starts


def test_windows_that_are_not_shifted_divide_the_data_by_their_mean_level():
    panel = make_panel([30, 25], [28, 25], channels=2, gaps=0.2, seed=1)
    covariates = Covariates.learn(panel, calendar=False, holidays=None)
    windows = Windows(
        panel, covariates=covariates, lookback=8, horizon=3, min_context=1, location="zero", rounded=False
    )
    series, ends = torch.tensor([0, 1]), torch.tensor([20, 15])
    window = windows.gather(series, ends, answers=True)
    assert not window.location.any()
    for k in range(2):
        past = panel.series(k)[int(ends[k]) - 8 : int(ends[k])]
        expected = 1 + np.nanmean(np.abs(past), axis=0)
        np.testing.assert_allclose(window.scale[k, 0].numpy(), expected, rtol=1e-5)
        np.testing.assert_allclose(window.target[k].numpy(), np.nan_to_num(past / expected), rtol=1e-5, atol=1e-6)
    back = windows.restore(window.target[..., None], window, series.numpy())[..., 0]
    np.testing.assert_allclose(back[0], np.nan_to_num(panel.series(0)[12:20]), rtol=1e-5, atol=1e-6)
