"""Forecasts as text keep what distinguishes them."""

import io

import numpy as np
import pandas as pd

from forecast.tables import to_csv


def test_eight_digits_are_written_where_values_differ_by_much():
    frame = pd.DataFrame({"series": ["a"], "forecast": [20.123456789], "q0.1": [15.2], "q0.9": [np.nan]})
    assert to_csv(frame) == "series,forecast,q0.1,q0.9\na,20.123457,15.2,\n"


def test_a_small_variation_on_a_high_level_is_not_rounded_away():
    steps = 1e9 + np.sin(np.arange(20))
    frame = pd.DataFrame({"series": "a", "forecast": steps, "q0.1": steps - 1, "q0.9": steps + 1})
    again = pd.read_csv(io.StringIO(to_csv(frame)))
    np.testing.assert_allclose(again["forecast"] - 1e9, np.sin(np.arange(20)), atol=1e-5)
    points = pd.read_csv(io.StringIO(to_csv(frame[["series", "forecast"]])))
    np.testing.assert_allclose(points["forecast"] - 1e9, np.sin(np.arange(20)), atol=1e-5)


def test_constant_and_empty_rows_are_written_too():
    assert to_csv(pd.DataFrame({"forecast": [5.0, np.nan], "q0.5": [5.0, np.nan]})) == "forecast,q0.5\n5,5\n,\n"
    assert to_csv(pd.DataFrame({"forecast": [], "q0.5": []})) == "forecast,q0.5\n"
