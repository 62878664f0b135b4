"""The report of a run: one HTML file with everything in it, which opens without a network.

Names that come from the user's data reach the page in two ways only: as text escaped for HTML, and as JSON whose angle
brackets are escaped, which the page's script sets as text.  Neither can become markup or code.
"""

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from forecast.curves import Curve, Stretch
from forecast.datasets.arrays import Floats

PAGE = Path(__file__).with_name("report_page.html")
MOST_SERIES = 50
FAR = 2.5  # times the winner's error: lines above would squeeze the others
SHOWN_BANDS = (50, 80, 90)


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Errors of the forecasters along an axis, the winner first: by horizon step, or by fold."""

    values: dict[str, Floats]
    places: tuple[Any, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Share:
    """What share of the values was held, with the ends of its band, along the levels or the horizon.

    nominal: what was promised: at each level, or by an interval at every step.
    """

    name: str = ""
    nominal: Floats
    observed: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that the page says.

    verdict: sentences; ``warn`` marks them as bad news.  tables: rows of plain values by column name.
    curves: the embedded series, at most ``MOST_SERIES`` of ``series``.
    levels, held: what the levels and, by horizon step, the intervals of the winner held; None and empty for points.
    leaderboard, coverage, folds: tables; facts, settings, versions: names and values; notes, left_out: sentences.
    """

    title: str
    subtitle: str = ""
    verdict: tuple[str, ...] = ()
    warn: bool = False
    winner: str
    curves: tuple[Curve, ...]
    series: int = 1
    leaderboard: tuple[Mapping[str, Any], ...] = ()
    left_out: tuple[str, ...] = ()
    steps: Lines = field(default_factory=lambda: Lines(values={}))
    folds: Lines = field(default_factory=lambda: Lines(values={}))
    coverage: tuple[Mapping[str, Any], ...] = ()
    levels: Share | None = None
    held: tuple[Share, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    versions: Mapping[str, Any] = field(default_factory=dict)


def write_report(report: Report, path: Path) -> None:
    """Write the page; raises ``ModuleNotFoundError`` without plotly."""
    path.write_text(render(report), encoding="utf-8")


def render(report: Report) -> str:
    """The page as text."""
    from plotly.offline import get_plotlyjs

    curves = report.curves[:MOST_SERIES]
    embedded = f"{len(curves)} of {report.series:,} series are in this file" if report.series > len(curves) else ""
    return Template(PAGE.read_text(encoding="utf-8")).substitute(
        title=_text(report.title),
        subtitle=_text(report.subtitle),
        verdict=_verdict(report),
        embedded=_text(embedded),
        leaderboard=_table(report.leaderboard, winner=report.winner),
        left_out=_paragraph("Left out", report.left_out),
        coverage=_table(report.coverage) if report.coverage else "<p>The winner gives points only.</p>",
        folds=_fold_table(report.folds),
        facts=_pairs(report.facts),
        notes=_list(report.notes) or "<p>Nothing had to be repaired.</p>",
        settings=_pairs(report.settings),
        command=_text(report.command),
        versions=_pairs(report.versions),
        plotly=get_plotlyjs().replace("</script", "<\\/script"),
        content=embed(_content(report, curves)),
    )


def embed(value: Any) -> str:
    """JSON that stays data inside a script element, whatever text it holds."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


# ---------------------------------------------------------------------- data of the plots


def _content(report: Report, curves: Sequence[Curve]) -> dict[str, Any]:
    places = list(report.folds.places)
    return {
        "series": [_series(curve) for curve in curves],
        "steps": _lines(report.steps, report.winner),
        "folds": _lines(report.folds, report.winner),
        "origins": [_moment(place) for place in places] or [1 + i for i in range(_length(report.folds))],
        "dates": bool(places) and not isinstance(places[0], int | np.integer),
        "levels": None if report.levels is None else _share(report.levels),
        "held": [_share(share) for share in report.held],
    }


def _series(curve: Curve) -> dict[str, Any]:
    error = "" if curve.error is None or not math.isfinite(curve.error) else f"MASE {curve.error:.2f}"
    return {
        "name": curve.name,
        "note": ", ".join(part for part in (curve.why, error) if part),
        "dates": str(curve.times.dtype).startswith("datetime"),
        "times": _moments(curve.times),
        "values": _numbers(curve.values),
        "ahead": _moments(curve.ahead.times),
        "forecast": _numbers(curve.ahead.values[:, 0]),
        "bands": {str(mass): edges for mass in SHOWN_BANDS if (edges := _band(curve.ahead, curve.levels, mass))},
        "folds": [
            {
                "times": _moments(fold.times),
                "forecast": _numbers(fold.values[:, 0]),
                "band": _band(fold, curve.levels, 90),
            }
            for fold in curve.folds
        ],
    }


def _share(share: Share) -> dict[str, Any]:
    edges = {name: _numbers(getattr(share, name)) for name in ("nominal", "observed", "low", "high")}
    return {"name": share.name, **edges}


def _band(stretch: Stretch, levels: Sequence[float], mass: int) -> list[list[float | None]] | None:
    edges = stretch.band(mass / 100, levels)
    return None if edges is None else [_numbers(edge) for edge in edges]


def _lines(lines: Lines, winner: str) -> list[dict[str, Any]]:
    """Those near the winner's error, and at least its yardstick, are visible at once; the rest wait for a click."""
    means = {name: _mean(values) for name, values in lines.values.items()}
    near = FAR * means.get(winner, math.inf)
    return [
        {"name": name, "values": _numbers(values), "winner": name == winner, "shown": place < 2 or means[name] < near}
        for place, (name, values) in enumerate(lines.values.items())
    ]


def _mean(values: Floats) -> float:
    """The mean of what is there: a step that no fold observed has no error."""
    seen = values[np.isfinite(values)]
    return float(seen.mean()) if len(seen) else math.nan


def _length(lines: Lines) -> int:
    return max((len(values) for values in lines.values.values()), default=0)


def _numbers(values: Floats) -> list[float | None]:
    """Seven significant digits, None for what is not finite."""
    return [float(f"{value:.7g}") if math.isfinite(value) else None for value in np.asarray(values).tolist()]


def _moments(times: Any) -> list[Any]:
    return [_moment(time) for time in times]


def _moment(time: Any) -> Any:
    return time.isoformat() if hasattr(time, "isoformat") else int(time)


# ---------------------------------------------------------------------- text of the page


def _text(value: Any) -> str:
    return html.escape(str(value), quote=True)


def _verdict(report: Report) -> str:
    kind = "verdict warn" if report.warn else "verdict"
    return f'<div class="{kind}">{"".join(f"<p>{_text(sentence)}</p>" for sentence in report.verdict)}</div>'


def _list(items: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_text(item)}</li>' for item in items)}</ul>" if items else ""


def _paragraph(title: str, items: Sequence[str]) -> str:
    return f"<h3>{_text(title)}</h3>{_list(items)}" if items else ""


def _pairs(values: Mapping[str, Any]) -> str:
    rows = "".join(f"<tr><td>{_text(name)}</td><td>{_text(_cell(value))}</td></tr>" for name, value in values.items())
    return f'<table class="text">{rows}</table>'


def _table(rows: Sequence[Mapping[str, Any]], *, winner: str | None = None) -> str:
    if not rows:
        return ""
    columns = list(rows[0])
    head = "".join(f"<th>{_text(column)}</th>" for column in columns)
    body = []
    for row in rows:
        mark = ' class="winner"' if winner is not None and row[columns[0]] == winner else ""
        body.append(f"<tr{mark}>{''.join(f'<td>{_text(_cell(row[column]))}</td>' for column in columns)}</tr>")
    return f"<table><tr>{head}</tr>{''.join(body)}</table>"


def _fold_table(lines: Lines) -> str:
    """Errors by fold of the first few forecasters, newest fold last."""
    shown = list(lines.values.items())[:6]
    rows = [
        {"origin": _day(place), **{name: float(values[i]) for name, values in shown}}
        for i, place in enumerate(lines.places)
    ]
    return _table(rows)


def _day(time: Any) -> Any:
    """A moment as text, without the time of day where that is midnight."""
    return str(time).removesuffix(" 00:00:00") if hasattr(time, "isoformat") else time


def _cell(value: Any) -> str:
    """A value as a reader wants it: four significant digits, a list without brackets, a dash for nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e6 else f"{value:.3e}"
    if isinstance(value, tuple | list):
        return ", ".join(map(_cell, value)) or "–"
    return str(value)
