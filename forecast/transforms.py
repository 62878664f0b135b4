"""Transforms of the target and bounds of the forecasts, applied around what a forecaster learns and forecasts.

Dimension key: N rows, S series, W windows, H horizon, C channels, Q levels.  Every transform is increasing, so levels
keep their order on the way back, and the median of the transformed target is the median of the target.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.errors import ConfigError, DataError, unknown_name

LARGEST_EXPONENT = 690.0  # exp(690) is about 1e299: finite, with room for sums over steps and series
POWERS = np.linspace(0.0, 1.0, 41)  # Box-Cox powers tried; negative ones would make the upper levels infinite


@dataclass(frozen=True, kw_only=True, eq=False)
class Transform:
    """The target as it is, with forecasts kept within ``lower`` and ``upper``; parent of the other transforms."""

    lower: float | None = None
    upper: float | None = None

    kind: ClassVar[str] = "none"
    above: ClassVar[float] = -np.inf  # the target must lie above this
    remedy: ClassVar[str] = ""

    def apply(self, panel: Panel) -> Panel:
        """The panel with its target transformed.

        Raises ``DataError`` for the first observed target, up to each series' end, that lies outside the domain.
        Rows after the end are never refused: what is out of the domain there becomes unobserved.
        """
        if type(self) is Transform:
            return panel
        _require_memory(self.kind, panel)
        self._require_domain(panel)
        target = panel.target.astype(np.float64)
        target[~(target > self.above)] = np.nan
        powers = np.repeat(self._powers(panel), panel.lengths)[:, None]
        return panel.with_target(self._forward(target, powers))

    def invert(self, values: Floats, panel: Panel, series: Ints) -> Floats:
        """Forecasts (W, H, C, 1 + Q) of ``series`` (W,) back in the user's units, within the bounds."""
        if type(self) is not Transform:
            values = self._backward(values, self._powers(panel)[series][:, None, None, None])
        if self.lower is None and self.upper is None:
            return values
        return np.clip(values, self.lower, self.upper)

    def state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """What ``restore_transform`` needs: values that JSON can hold, and arrays."""
        return {"kind": self.kind, "lower": self.lower, "upper": self.upper}, {}

    def _powers(self, panel: Panel) -> Floats:
        return np.ones(len(panel))

    def _forward(self, target: Floats, powers: Floats) -> Floats:
        return target

    def _backward(self, values: Floats, powers: Floats) -> Floats:
        return values

    def _require_domain(self, panel: Panel) -> None:
        if type(self) is Transform:
            return
        bad = (panel.target <= self.above).any(axis=1) & _before_end(panel)
        if not bad.any():
            return
        row = int(bad.argmax())
        s = int(np.searchsorted(panel.offsets, row, side="right")) - 1
        value = float(np.nanmin(panel.target[row]))
        raise DataError(
            f"transform={self.kind} needs targets above {self.above:g}, but series {panel.ids[s]!r} holds {value:g} "
            f"(such rows in all: {int(bad.sum())})",
            self.remedy,
            series=panel.ids[s],
            row=row - int(panel.offsets[s]),
            value=value,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Log1p(Transform):
    """log(1 + y): multiplicative growth becomes additive, and zeros are allowed."""

    kind: ClassVar[str] = "log1p"
    above: ClassVar[float] = -1.0
    remedy: ClassVar[str] = "Use transform=none, or add a constant to the target so that all of it lies above -1."

    def _forward(self, target: Floats, powers: Floats) -> Floats:
        return np.log1p(target)

    def _backward(self, values: Floats, powers: Floats) -> Floats:
        return np.expm1(np.minimum(values, LARGEST_EXPONENT))


@dataclass(frozen=True, kw_only=True, eq=False)
class BoxCox(Transform):
    """(y^p - 1) / p with a power p in [0, 1] per series, log(y) for p = 0.

    powers: power of each series by id; a series that was not learned gets the median of those that were.
    """

    powers: Mapping[Any, float] = field(default_factory=dict)

    kind: ClassVar[str] = "box-cox"
    above: ClassVar[float] = 0.0
    remedy: ClassVar[str] = "Use transform=log1p or none, or add a constant that makes all of the target positive."

    def state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        state = super().state()[0] | {"series": list(self.powers)}
        return state, {"powers": np.fromiter(self.powers.values(), np.float64, len(self.powers))}

    def _powers(self, panel: Panel) -> Floats:
        known = np.fromiter(self.powers.values(), np.float64, len(self.powers))
        places = pd.Index(list(self.powers)).get_indexer(panel.ids)
        return np.where(places < 0, np.median(known), known[places])

    def _forward(self, target: Floats, powers: Floats) -> Floats:
        logs = np.log(target)
        return np.where(powers == 0, logs, np.expm1(powers * logs) / np.where(powers == 0, 1.0, powers))

    def _backward(self, values: Floats, powers: Floats) -> Floats:
        safe = np.where(powers == 0, 1.0, powers)
        inside = np.maximum(powers * values, -1.0)  # below -1/p there is no y: 0 is the lowest
        with np.errstate(divide="ignore"):  # log1p(-1) is -inf, and exp(-inf) the 0 that is meant
            logs = np.where(powers == 0, values, np.log1p(inside) / safe)
        return np.exp(np.minimum(logs, LARGEST_EXPONENT))


KINDS: Mapping[str, type[Transform]] = {"none": Transform, "log1p": Log1p, "box-cox": BoxCox}


def learn_transform(
    kind: str, panel: Panel, *, lower: float | None = None, upper: float | None = None, season: int = 1
) -> Transform:
    """The transform named ``kind`` ("none", "log1p", "box-cox") with what it learns from rows before the ends.

    ``season`` sets the blocks within which Box-Cox compares level and spread.  Raises ``ConfigError`` for an unknown
    kind or crossed bounds and ``DataError`` where the target lies outside the domain.
    """
    if lower is not None and upper is not None and not lower < upper:
        raise ConfigError(f"lower={lower:g} is not below upper={upper:g}", "Give bounds with lower < upper.")
    if kind not in KINDS:
        raise unknown_name("transform", kind, KINDS)
    transform = KINDS[kind](lower=lower, upper=upper)
    if type(transform) is not Transform:
        _require_memory(kind, panel)
    transform._require_domain(panel)
    if isinstance(transform, BoxCox):
        found = guerrero_powers(panel, season=season)
        return BoxCox(lower=lower, upper=upper, powers=dict(zip(panel.ids.tolist(), found.tolist(), strict=True)))
    return transform


def restore_transform(state: Mapping[str, Any], arrays: Mapping[str, Floats]) -> Transform:
    """The transform that ``state()`` described; ``ValueError`` for bounds that are no numbers."""
    bounds = {"lower": state["lower"], "upper": state["upper"]}
    for name, bound in bounds.items():
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | float)):
            raise ValueError(f"{name}={bound!r} is no number")
    if state["kind"] == "box-cox":
        return BoxCox(powers=dict(zip(state["series"], arrays["powers"].tolist(), strict=True)), **bounds)
    return KINDS[state["kind"]](**bounds)


def guerrero_powers(panel: Panel, *, season: int) -> Floats:
    """(S,) Box-Cox power of each series after Guerrero (1993), for all series at once.

    A series is cut into blocks of one season (at least two steps); the power is the p in ``POWERS`` for which
    sd / mean^(1 - p) varies least over the blocks, relative to its mean.  1 where there are fewer than two blocks.
    """
    length = max(season, 2)
    blocks = panel.ends // length
    owner = np.repeat(np.arange(len(panel)), blocks)
    nth = np.arange(len(owner)) - np.repeat(blocks.cumsum() - blocks, blocks)
    first = (panel.offsets[:-1] + panel.ends - blocks * length)[owner] + nth * length
    values = panel.target[first[:, None] + np.arange(length)].astype(np.float64)  # (blocks, length, C)
    count = (~np.isnan(values)).sum(axis=1)
    mean = np.nansum(values, axis=1) / np.maximum(count, 1)
    spread = np.sqrt(np.nansum((values - mean[:, None]) ** 2, axis=1) / np.maximum(count - 1, 1))
    usable = (count >= 2) & (spread > 0)
    owners = np.broadcast_to(owner[:, None], usable.shape)[usable]
    logs = np.log(mean[usable])
    if not len(owners):
        return np.ones(len(panel))
    logs -= (np.bincount(owners, logs, len(panel)) / np.maximum(np.bincount(owners, minlength=len(panel)), 1))[owners]
    scores = np.stack([_variation(spread[usable] * np.exp((p - 1) * logs), owners, len(panel)) for p in POWERS])
    powers: Floats = np.where(np.bincount(owners, minlength=len(panel)) < 2, 1.0, POWERS[scores.argmin(axis=0)])
    return powers


def _variation(values: Floats, owners: Ints, series: int) -> Floats:
    """(S,) variance over squared mean of the values of each series."""
    count = np.maximum(np.bincount(owners, minlength=series), 1)
    mean = np.bincount(owners, values, series) / count
    variance = np.bincount(owners, (values - mean[owners]) ** 2, series) / count
    variation: Floats = variance / np.where(mean > 0, mean, 1.0) ** 2
    return variation


def _require_memory(kind: str, panel: Panel) -> None:
    """A transform makes new values of all rows, for which a panel on disk has no room."""
    if panel.on_disk is not None:
        remedy = "Set transform=none, or transform the target in the files before they are packed."
        raise ConfigError(f"transform={kind} needs the panel in memory, and it lies on disk", remedy, name="transform")


def _before_end(panel: Panel) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(N,) whether a row lies before its series' end."""
    local = np.arange(len(panel.target)) - np.repeat(panel.offsets[:-1], panel.lengths)
    return local < np.repeat(panel.ends, panel.lengths)
