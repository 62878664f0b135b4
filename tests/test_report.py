"""The report: one file, no network, and no name that becomes markup or code."""

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.curves import Curve, Stretch
from forecast.report import MOST_SERIES, Lines, Report, Share, embed

pytest.importorskip("plotly")
from forecast.report import render

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)> \"' & \u2028 $title"
LEVELS = (0.05, 0.5, 0.95)


def curve(name: str) -> Curve:
    times = pd.date_range("2024-01-01", periods=12)
    values = np.c_[np.arange(2.0), np.arange(2.0) - 1, np.arange(2.0), np.arange(2.0) + 1]
    history = np.arange(10.0)
    history[3] = np.nan
    ahead = Stretch(times=times[10:], values=values)
    return Curve(name=name, times=times[:10], values=history, ahead=ahead, levels=LEVELS, folds=(ahead,), why=name)


def report(name: str = "sales", *, series: int = 1) -> Report:
    return Report(
        title=name,
        subtitle=name,
        verdict=(name,),
        winner=name,
        curves=tuple(curve(f"{name}{i}") for i in range(min(series, 60))),
        series=series,
        leaderboard=({"forecaster": name, "MASE": 0.7}, {"forecaster": "naive", "MASE": None}),
        left_out=(name,),
        steps=Lines(values={name: np.array([0.5, np.nan])}),
        folds=Lines(values={name: np.array([0.5])}, places=(pd.Timestamp("2024-01-01"),)),
        coverage=({"interval": "90 %", "held": "88.0%"},),
        facts={name: [name]},
        notes=(name,),
        settings={"levels": LEVELS},
        command=name,
        versions={"seqcast": name},
    )


class Page(HTMLParser):
    """Collects the elements of a page and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.within = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.within = ""

    def handle_data(self, data: str) -> None:
        if self.within == "script":
            self.scripts[-1] += data

    @property
    def content(self) -> Any:
        return json.loads(self.scripts[1])


def test_names_from_the_data_never_become_markup_or_code() -> None:
    plain, hostile = Page(render(report("sales"))), Page(render(report(EVIL)))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
    assert not any(key.startswith("on") for _, attributes in hostile.elements for key in attributes)
    assert len(hostile.scripts) == 3
    assert hostile.content["series"][0]["name"] == f"{EVIL}0"
    assert html.escape(EVIL, quote=True) in render(report(EVIL))


def test_the_page_needs_no_network() -> None:
    page = Page(render(report()))
    assert not [a for tag, a in page.elements if tag in ("link", "img", "iframe") or "src" in a]
    policy = next(a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and "default-src 'none'" in policy and "http" not in policy
    assert "Plotly" in page.scripts[0] or "plotly" in page.scripts[0]


def test_the_data_of_the_plots_are_in_the_page() -> None:
    content = Page(render(report())).content
    (one,) = content["series"]
    assert one["values"][:4] == [0, 1, 2, None]
    assert one["ahead"] == ["2024-01-11T00:00:00", "2024-01-12T00:00:00"]
    assert one["bands"]["90"] == [[-1, 0], [1, 2]]
    assert content["steps"][0]["values"] == [0.5, None]
    assert content["origins"] == ["2024-01-01T00:00:00"]


def test_only_so_many_series_are_embedded_and_it_says_so() -> None:
    page = render(report(series=400))
    assert len(Page(page).content["series"]) == MOST_SERIES
    assert f"{MOST_SERIES} of 400 series" in page


def test_json_in_a_script_stays_data() -> None:
    text = embed({"a": EVIL, "b": [1.5, None]})
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text) == {"a": EVIL, "b": [1.5, None]}


def test_days_are_written_as_days_and_a_step_without_error_hides_no_line() -> None:
    values = {name: np.array([np.nan, 0.5]) for name in ("best", "base", "near", "far")} | {"far": np.array([9.0, 9.0])}
    page = render(replace(report(), winner="best", steps=Lines(values=values)))
    assert "<td>2024-01-01</td>" in page
    assert [line["shown"] for line in Page(page).content["steps"]] == [True, True, True, False]


def test_what_the_levels_held_is_in_the_page_and_nothing_where_there_are_none() -> None:
    half, none = np.array([0.5]), np.array([np.nan])
    share = Share(name="50 % interval", nominal=half, observed=half, low=none, high=half)
    content = Page(render(replace(report(), levels=share, held=(share,)))).content
    (held,) = content["held"]
    assert held == content["levels"]
    assert held == {"name": "50 % interval", "nominal": [0.5], "observed": [0.5], "low": [None], "high": [0.5]}
    assert Page(render(report())).content["levels"] is None
