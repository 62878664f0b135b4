"""A stream says what ``predict`` says at its anchors, and what one long pass says between them.

Dimension key: S series, T time, H horizon, C channels, V levels.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from forecast.datasets.build import load_panel
from forecast.streaming import Stream

LEVELS = (0.1, 0.5, 0.9)
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def one_pass(model: Any, frame: Any, *, anchor: int, age: int) -> np.ndarray:
    """(S, H, C, 1 + V) by one pass over the rows of the phase, on the location and scale of the anchor.

    frame: all that is known ``age`` steps after the anchor, which lies behind the first ``anchor`` rows.
    """
    panel = model.transform_.apply(load_panel(frame, model.roles(), schema=model.schema_))
    everything, known = torch.arange(len(panel)), np.full(len(panel), anchor)
    windows = model._windows(panel, torch.device("cpu"), known)
    before = windows.gather(everything, torch.from_numpy(known))
    patch = model.resolved_.patch
    segment = windows.gather(everything, torch.from_numpy(known) + age, origins=1 + age // patch)
    values = segment.target * segment.scale + segment.location
    values = torch.where(segment.observed, (values - before.location) / before.scale, 0.0)
    segment = replace(segment, target=values, location=before.location, scale=before.scale)
    with torch.no_grad():
        raw = model.network_(segment)[:, 0]
    numbers = np.arange(len(panel))
    return model.transform_.invert(windows.restore(model.output_.values(raw, LEVELS), segment, numbers), panel, numbers)


def table(answer: pd.DataFrame) -> np.ndarray:
    """The forecasts of a frame with levels, by row."""
    return answer[["forecast", "q0.1", "q0.5", "q0.9"]].to_numpy()


def rows_of(values: np.ndarray) -> np.ndarray:
    """The same from (S, H, C, 1 + V)."""
    return values.transpose(0, 2, 1, 3).reshape(-1, values.shape[-1])


def follow(
    stream: Stream, model: Any, row: Callable[[int], dict[str, Any]], known: Callable[[int], Any], *, steps: range
) -> None:
    """Give a stream row after row and compare; ``known(steps)`` is all that is known when so many rows have come."""
    began = steps.start - 1
    for step in steps:
        found = stream.update(**row(step - 1), levels=LEVELS)
        age = (step - began) % model.resolved_.lookback
        assert stream.age.tolist() == [age] * len(stream.ids)
        wanted = one_pass(model, known(step), anchor=step - age, age=age)
        np.testing.assert_allclose(table(found), rows_of(wanted), **CLOSE)
        if age == 0:
            pd.testing.assert_frame_equal(found, model.predict(known(step), levels=LEVELS), **CLOSE)


def test_every_causal_network_over_every_kind_of_token(fit, data, family, tokens):
    frame, first = data.series(), data.FITTED
    model = fit(family, frame[:first], **tokens)
    stream = model.stream(frame[:first])
    follow(
        stream,
        model,
        lambda step: {"rows": frame.iloc[step]},
        lambda step: frame[:step],
        steps=range(first + 1, first + 28),
    )


@pytest.mark.parametrize("family", ["lstm", "causal-learned", "hybrid-rotary"])
def test_covariates_of_every_kind_and_several_series(fit, data, family, tokens):
    frame, first = data.covariates(), data.FITTED
    model = fit(family, data.known_at(frame, first, 4), **tokens, **data.ROLES, series_embedding=True)

    def row(step: int) -> dict[str, Any]:
        """The next step of every shop: as a frame where all of it was observed, else as plain values."""
        known = data.known_at(frame, step + 1, 4)
        nth = known.groupby("shop").cumcount()
        now, ahead = known[nth == step], known[nth == step + 4]
        rows = now if now["sold"].notna().all() else now.to_dict("list")
        return {"rows": rows, "future_data": ahead[["shop", "when", "price", "offer"]]}

    stream = model.stream(data.known_at(frame, first, 4))
    follow(stream, model, row, lambda step: data.known_at(frame, step, 4), steps=range(first + 1, first + 15))
