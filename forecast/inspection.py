"""What a panel holds, before anything is learned from it.

Dimension key: S series, N rows, C channels.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from forecast.curves import label
from forecast.datasets.checks import observed_steps
from forecast.datasets.panel import Panel
from forecast.datasets.seasons import detect_cycles, detect_season

LISTED = 20  # series listed one by one
USUAL_SEASON = 60  # a longer season is no natural horizon


@dataclass(frozen=True, kw_only=True)
class SeriesInfo:
    """One series: its times as text, its steps from first row to end, how many of them lack a value, and its range."""

    name: str
    first: str
    last: str
    steps: int
    missing: int
    low: float | None
    mean: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was seen in the data.

    roles: columns by role.  frequency: as pandas spells it.  steps: shortest, median and longest series, in steps.
    missing: steps without a value, of ``total``.  season: the main cycle in steps, 1 without one; cycles: all found.
    ahead: rows with covariates after the last target, of the series that has fewest.
    suggested_horizon, largest_horizon: in steps.  listed: the first series.  notes: what was found and repaired.
    """

    name: str
    shape: str
    series: int
    channels: int
    roles: dict[str, Any]
    ignored: tuple[str, ...]
    frequency: str
    timezone: str | None
    first: str
    last: str
    steps: tuple[int, int, int]
    total: int
    missing: int
    constant: int
    season: int
    cycles: tuple[int, ...]
    ahead: int
    suggested_horizon: int
    largest_horizon: int
    listed: tuple[SeriesInfo, ...]
    notes: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def facts(self) -> dict[str, Any]:
        """The main things, as a reader wants them: name and value, line by line."""
        low, median, high = self.steps
        return {
            "series": f"{self.series:,}",
            **{f"{role} column" if role in ("time", "id") else role: names for role, names in self.roles.items()},
            "frequency": self.frequency + (f", in {self.timezone}" if self.timezone else ""),
            "from": self.first,
            "to": self.last,
            "steps per series": f"{high:,}" if low == high else f"{low:,} to {high:,}, median {median:,}",
            "steps without a value": f"{self.missing:,} of {self.total:,}",
            "season": f"{self.season} steps" if self.season > 1 else "none found",
            "cycles": list(self.cycles),
        }


def inspect_panel(panel: Panel, *, name: str = "data", season: int | None = None) -> Inspection:
    """Look at a panel.  season: what the user says it is; found from the data when None."""
    observed = observed_steps(panel)
    found = season or detect_season(panel)
    cycles = detect_cycles(panel)
    constant = _constant(panel)
    missing = int(panel.ends.sum() - observed.sum())
    last = panel.starts + panel.ends - 1
    middle = float(np.median(observed)) if len(panel) else 0.0
    largest = max(0, (int(observed.max(initial=0)) - 1) // 2)
    return Inspection(
        name=name,
        shape=panel.schema.shape,
        series=len(panel),
        channels=panel.channels,
        roles=roles_of(panel),
        ignored=panel.schema.ignored,
        frequency=panel.schema.freq,
        timezone=panel.schema.timezone,
        first=_text(panel, panel.starts.min()) if len(panel) else "",
        last=_text(panel, last.max()) if len(panel) else "",
        steps=(int(panel.ends.min()), int(np.median(panel.ends)), int(panel.ends.max())) if len(panel) else (0, 0, 0),
        total=int(panel.ends.sum()),
        missing=missing,
        constant=int(constant.sum()),
        season=int(found),
        cycles=tuple(int(cycle) for cycle in cycles),
        ahead=int((panel.lengths - panel.ends).min(initial=0)) if len(panel) else 0,
        suggested_horizon=suggest_horizon((int(found), *cycles, *panel.timeline.cycles), median=middle),
        largest_horizon=largest,
        listed=tuple(_series(panel, s, int(observed[s])) for s in range(min(len(panel), LISTED))),
        notes=tuple(asdict(note) for note in panel.notes),
        problems=tuple(_problems(panel, missing, constant)),
    )


def roles_of(panel: Panel) -> dict[str, Any]:
    """Columns by role, categorical ones among their kind; roles that no column has are left out."""
    schema = panel.schema
    roles = {
        "time": schema.time,
        "id": schema.id,
        "target": _wide_targets(panel) if schema.shape == "wide" else [name for name in schema.target if name],
        "past": [*schema.past, *schema.past_codes],
        "future": [*schema.future, *schema.future_codes],
        "static": [*schema.static, *schema.static_codes],
        "categorical": list(schema.categories),
    }
    return {role: columns for role, columns in roles.items() if columns}


def _wide_targets(panel: Panel) -> list[str]:
    """The columns of a wide frame, each of which is a series; the first of many."""
    names = [str(name) for name in panel.ids[:LISTED]]
    return names if len(names) == len(panel) else [*names, f"… {len(panel):,} columns in all"]


def suggest_horizon(cycles: tuple[int, ...], *, median: float) -> int:
    """The first cycle of usual length, else a dozen steps; at most a sixth of the median series."""
    usual = [cycle for cycle in cycles if 1 < cycle <= USUAL_SEASON]
    return max(1, min(usual[0] if usual else 12, int(median // 6)))


def _text(panel: Panel, step: Any) -> str:
    moment = panel.timeline.times(np.array([step], dtype=np.int64))[0]
    text = str(moment)
    return text.removesuffix(" 00:00:00") if not panel.schema.timezone else text


def _series(panel: Panel, s: int, observed: int) -> SeriesInfo:
    values = panel.series(s).astype(np.float64, copy=False)
    seen = values[np.isfinite(values)]
    low, mean, high = (float(seen.min()), float(seen.mean()), float(seen.max())) if len(seen) else (None, None, None)
    end = max(int(panel.ends[s]) - 1, 0)
    return SeriesInfo(
        name=label(panel, s),
        first=_text(panel, panel.starts[s]),
        last=_text(panel, panel.starts[s] + end),
        steps=int(panel.ends[s]),
        missing=int(panel.ends[s]) - observed,
        low=low,
        mean=mean,
        high=high,
    )


def _constant(panel: Panel) -> np.ndarray:
    """(S,) whether every observed target of a series is the same, in all channels."""
    values = panel.target.astype(np.float64, copy=False)
    filled_low, filled_high = np.where(np.isnan(values), np.inf, values), np.where(np.isnan(values), -np.inf, values)
    begins = np.minimum(panel.offsets[:-1], max(len(values) - 1, 0))
    if not len(panel) or not len(values):
        return np.zeros(len(panel), bool)
    low = np.minimum.reduceat(filled_low, begins, axis=0)
    high = np.maximum.reduceat(filled_high, begins, axis=0)
    return np.asarray((low >= high).all(axis=1) & (panel.lengths > 0))


def _problems(panel: Panel, missing: int, constant: np.ndarray) -> list[str]:
    """What a reader should know before he trusts a forecast of these data."""
    found = []
    total = int(panel.ends.sum())
    if total and missing / total > 0.2:
        found.append(f"{missing / total:.0%} of the steps have no value")
    if constant.any():
        names = ", ".join(label(panel, int(s)) for s in np.flatnonzero(constant)[:3])
        more = "" if constant.sum() <= 3 else " …"
        found.append(f"{int(constant.sum()):,} of {len(panel):,} series never change ({names}{more})")
    if len(panel) > 1 and panel.ends.max() > 10 * max(int(np.median(panel.ends)), 1):
        found.append(f"lengths differ widely: half of the series have at most {int(np.median(panel.ends)):,} steps")
    return found
