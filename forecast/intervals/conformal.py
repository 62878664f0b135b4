"""Conformal prediction: intervals widened or narrowed by what a backtest says they missed.

Split conformal prediction (Vovk, Gammerman and Shafer 2005; Lei et al. 2018, Distribution-free predictive inference
for regression) takes the k-th smallest of n scores, k = ⌈(n + 1)·coverage⌉: where the scores of the next window and of
the backtest are exchangeable, an interval widened by it covers with at least that probability, and with at most
1 / (n + 1) more where scores do not tie.  The score is the excess over the forecaster's own interval (Romano et al.
2019) or, around points, the absolute error, in the scale of the series.  Every step of the horizon is calibrated by
itself, with the steps beside it where it has too few scores.

Adaptive: of data that drift it is not known what covers.  After each window that comes true the threshold rises where
the intervals missed too much and falls where they missed too little, so that the long-run coverage holds for any
sequence (Gibbs and Candes 2021, Adaptive conformal inference under distribution shift; here the threshold itself moves,
as in Angelopoulos, Candes and Tibshirani 2023, Conformal PID control for time series prediction, section 2.1).

Dimension key: W windows, H horizon, C channels, Q levels, B bands, F folds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from forecast.datasets.arrays import Floats, Ints
from forecast.errors import ConfigError, unknown_name
from forecast.estimators.base import DEFAULT_LEVELS, check_levels
from forecast.evaluation.results import Backtest
from forecast.intervals.bands import Band, bands_of, corrections, excesses, ordered
from forecast.intervals.scales import recent_scales

Kind = Literal["split", "adaptive"]
ENOUGH = 100  # scores of a step: with fewer, the steps beside it are taken in
RATE = 0.1  # share of the scores' spread by which an adaptive threshold moves after windows that were all missed
FASTER = 2.0  # rates by which it moves faster for each spread that it has moved already


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """By how much the bands of each horizon step are widened, in the scale of a series; negative: narrowed.

    levels: those that were calibrated.  points: the bands are around point forecasts, not around levels.
    thresholds: (H, B).  spread: (H, B) the range of most scores, the unit of shift.  shift: (B,) how far the thresholds
    have moved with what came; 0 for split.  scores: (H,) how many each threshold is from.
    season: of the scales.
    """

    kind: Kind
    levels: tuple[float, ...]
    points: bool
    thresholds: Floats
    spread: Floats
    shift: Floats
    scores: Ints
    season: int

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands of ``levels``, widest first."""
        return bands_of(self.levels)

    @property
    def too_few(self) -> tuple[float, ...]:
        """Coverages that the number of scores cannot promise: their bands reach to the largest score."""
        fewest = int(self.scores.min())
        return tuple(band.coverage for band in self.bands if np.ceil((fewest + 1) * band.coverage) > fewest)

    def apply(self, values: Floats, levels: tuple[float, ...], scale: Floats, *, shift: Floats | None = None) -> Floats:
        """Forecasts (W, H, C, 1 + Q) with calibrated levels: the points stay, the levels are in order.

        values: from origins whose ``recent_scales`` are ``scale`` (W, C); around points, the levels may hold anything.
        shift: (W, B) in place of the calibration's own.  Steps beyond the calibrated are corrected as the last one.
        Raises ``ConfigError`` for a level outside of the calibrated ones.
        """
        self.require(levels)
        steps = np.minimum(np.arange(values.shape[1]), len(self.thresholds) - 1)
        moved = self._moved(self.shift[None] if shift is None else shift)[:, steps]  # (W or 1, H, B)
        change = corrections(self.bands, moved, levels)[:, :, None] * scale[:, None, :, None]
        result = np.array(values, dtype=np.float64)
        if self.points:
            result[..., 1:] = result[..., :1]
        result[..., 1:] += change
        return ordered(result, levels)

    def updated(self, values: Floats, levels: tuple[float, ...], actual: Floats, scale: Floats) -> "Calibration":
        """The calibration after windows whose actuals (W, H, C) have come, NaN where they have not; split ones stay.

        values: (W, H, C, 1 + Q) the forecasts as the forecaster inside makes them, not yet calibrated.
        """
        if self.kind == "split":
            return self
        return self._after(self.excesses(values, levels, actual, scale))

    def excesses(self, values: Floats, levels: tuple[float, ...], actual: Floats, scale: Floats) -> Floats:
        """(W, H, C, B) the scores of forecasts: see ``bands.excesses``; NaN where the scale is 0."""
        unit = np.where(scale > 0, scale, np.nan)[:, None, :, None]
        return np.asarray(excesses(actual, values, () if self.points else levels, self.bands) / unit)

    def misses(self, scores: Floats, shift: Floats) -> Floats:
        """(W, H, C, B) 1 where a score lies beyond the threshold at ``shift`` (W or 1, B), else 0; NaN where it is."""
        steps = np.minimum(np.arange(scores.shape[1]), len(self.thresholds) - 1)
        beyond = scores > self._moved(shift)[:, steps, None]
        return np.where(np.isnan(scores), np.nan, beyond)

    def shares(self, misses: Floats) -> Floats:
        """(W, B) the share of a window's actuals that were missed, from ``misses``; NaN where none was observed."""
        seen = ~np.isnan(misses)
        count = seen.sum(axis=(1, 2))
        return np.asarray(
            np.where(count > 0, np.where(seen, misses, 0).sum(axis=(1, 2)) / np.maximum(count, 1), np.nan)
        )

    def stepped(self, shift: Floats, missed: Floats) -> Floats:
        """The shift (…, B) after windows of which the shares ``missed`` (…, B) were outside; NaN moves nothing.

        One that is far already moves faster: the errors are then of another size than the spread tells.
        """
        wanted = np.array([1 - band.coverage for band in self.bands])
        return np.asarray(shift + RATE * (1 + FASTER * np.abs(shift)) * np.nan_to_num(missed - wanted))

    def _after(self, scores: Floats) -> "Calibration":
        """The calibration after windows with these scores (W, H, C, B), all at once."""
        misses = self.misses(scores, self.shift[None])
        together = self.shares(misses.reshape(1, -1, 1, misses.shape[-1]))
        return replace(self, shift=self.stepped(self.shift, together[0]))

    def require(self, levels: tuple[float, ...]) -> None:
        """``ConfigError`` for a level outside of the calibrated ones."""
        outside = [level for level in levels if not self.levels or not self.levels[0] <= level <= self.levels[-1]]
        if outside and levels != (0.5,):
            raise ConfigError(
                f"level {outside[0]:g} lies outside of the calibrated ones ({', '.join(map(str, self.levels))})",
                "Ask for levels between them, or calibrate these: levels=….",
            )

    def state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """What ``restored`` needs: values that JSON can hold, and arrays."""
        state = {"kind": self.kind, "levels": list(self.levels), "points": self.points, "season": self.season}
        return state, {name: getattr(self, name) for name in ("thresholds", "spread", "shift", "scores")}

    @staticmethod
    def restored(state: Mapping[str, Any], arrays: Mapping[str, Any]) -> "Calibration":
        """The calibration that ``state`` described; ``ValueError`` for arrays that do not fit."""
        levels = check_levels(state["levels"])
        shape = arrays["thresholds"].shape
        if len(shape) != 2 or shape[1] != len(bands_of(levels)) or arrays["spread"].shape != shape:
            raise ValueError(f"thresholds of shape {shape} are not those of {len(levels)} levels")
        if (
            arrays["shift"].shape != shape[1:]
            or arrays["scores"].shape != shape[:1]
            or state["kind"] not in get_args(Kind)
            or np.isnan([*map(np.sum, (arrays["thresholds"], arrays["spread"], arrays["shift"]))]).any()
        ):
            raise ValueError("the calibration's parts do not fit together")
        return Calibration(
            kind=state["kind"], levels=levels, points=bool(state["points"]), season=int(state["season"]), **arrays
        )

    def _moved(self, shift: Floats) -> Floats:
        """(W, H, B) the thresholds at a shift (W, B)."""
        return np.asarray(self.thresholds + self.spread * shift[:, None])


def calibrate(backtest: Backtest, kind: Kind = "split", *, levels: tuple[float, ...] | None = None) -> Calibration:
    """Calibrate the levels of a forecaster by its backtest.

    levels: those to calibrate; by default the backtest's, else around its points 0.05 to 0.95.  A level that the
    backtest does not have is taken around the points, and then all are.
    Where a step and those beside it have fewer scores than a coverage needs, its band reaches to the largest score:
    see ``Calibration.too_few``.  Where there is none, as no actual was observed in a series that varies, it stays.
    Raises ``ConfigError`` for an unknown kind or where no level but 0.5 is wanted.
    """
    if kind not in get_args(Kind):
        raise unknown_name("kind of calibration", str(kind), get_args(Kind))
    wanted = check_levels(levels or backtest.levels or DEFAULT_LEVELS)
    points = not set(wanted) - {0.5} <= set(backtest.levels)
    bands = bands_of(wanted)
    if not bands:
        raise ConfigError("there is no level beside the middle to calibrate", "Give levels such as 0.05 and 0.95.")
    scale = recent_scales(backtest.panel, backtest.series, backtest.ends, season=backtest.season)
    empty = np.zeros((backtest.horizon, len(bands)))
    blank = Calibration(
        kind=kind,
        levels=wanted,
        points=points,
        thresholds=empty,
        spread=empty,
        shift=np.zeros(len(bands)),
        scores=np.zeros(backtest.horizon, np.int64),
        season=backtest.season,
    )
    scores = blank.excesses(backtest.values, backtest.levels, backtest.actual, scale)
    if np.isnan(scores).all():
        return blank
    found = _split(blank, scores)
    return _padded(found if kind == "split" else _adapted(found, scores, backtest.fold), backtest.gap)


def _split(blank: Calibration, scores: Floats) -> Calibration:
    """Thresholds, spreads and numbers of scores by step, from scores (W, H, C, B)."""
    horizon = scores.shape[1]
    by_step = np.moveaxis(scores, 1, 0).reshape(horizon, -1, scores.shape[-1])  # (H, W·C, B)
    counts = (~np.isnan(by_step[..., 0])).sum(axis=1)
    coverages = np.array([band.coverage for band in blank.bands])
    thresholds, spread, numbers = blank.thresholds.copy(), blank.spread.copy(), counts.copy()
    for step in range(horizon):
        first, last = _around(counts, step)
        pooled = by_step[first:last].reshape(-1, scores.shape[-1])
        pooled = np.sort(pooled[~np.isnan(pooled[:, 0])], axis=0)
        number = len(pooled)
        rank = np.minimum(np.ceil((number + 1) * coverages - 1e-9).astype(int), number) - 1
        thresholds[step] = pooled[rank, np.arange(len(coverages))]
        spread[step] = pooled[int(0.95 * (number - 1))] - pooled[int(0.05 * (number - 1))]
        numbers[step] = number
    return replace(blank, thresholds=thresholds, spread=spread, scores=numbers)


def _around(counts: Ints, step: int) -> tuple[int, int]:
    """The steps first … last − 1 around a step that have enough scores together, as few as can be."""
    horizon, first, last = len(counts), step, step + 1
    while counts[first:last].sum() < ENOUGH and last - first < horizon:
        first, last = max(first - 1, 0), min(last + 1, horizon)
    return first, last


def _adapted(found: Calibration, scores: Floats, fold: Ints) -> Calibration:
    """The calibration after the folds have come one by one."""
    for number in np.unique(fold):
        found = found._after(scores[fold == number])
    return found


def _padded(found: Calibration, gap: int) -> Calibration:
    """The same with ``gap`` steps before the first that was scored, which are taken to be like it."""
    steps = np.maximum(np.arange(-gap, len(found.thresholds)), 0)
    return replace(found, thresholds=found.thresholds[steps], spread=found.spread[steps], scores=found.scores[steps])
