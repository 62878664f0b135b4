"""Frames of forecasts as text."""

import math

import numpy as np
import pandas as pd

DIGITS = 8  # significant ones of a value that is of the size of its own uncertainty
MOST_DIGITS = 15  # that every float64 keeps


def to_csv(frame: pd.DataFrame) -> str:
    """CSV with an empty field where there is no value, and with digits enough for values that hardly differ.

    Eight significant digits, and as many more as the values of a row have in common: a series at 1e9 ± 1 shows its ± 1.
    """
    return str(frame.to_csv(index=False, float_format=f"%.{_digits(frame)}g"))


def _digits(frame: pd.DataFrame) -> int:
    numbers = frame.select_dtypes("float")
    if numbers.shape[1] < 2 or numbers.empty:
        return MOST_DIGITS if numbers.shape[1] == 1 else DIGITS
    table = numbers.to_numpy(np.float64)
    spread = np.nanmax(table, axis=1, initial=-np.inf) - np.nanmin(table, axis=1, initial=np.inf)
    level = np.nanmax(np.abs(table), axis=1, initial=0)
    varied = np.isfinite(spread) & (spread > 1e-12 * level)
    if not varied.any():
        return DIGITS
    return min(DIGITS + math.floor(math.log10(float((level[varied] / spread[varied]).max()) + 1e-300)), MOST_DIGITS)
