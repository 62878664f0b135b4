"""How often a series is to be differenced before an ARMA model.  Dimension key: T rows of one series."""

import warnings

import numpy as np

from forecast.datasets.arrays import Floats


def differences(values: Floats, ordinary: int, seasonal: int, season: int) -> Floats:
    """The values after ``seasonal`` differences over a season and ``ordinary`` ones over a step."""
    for _ in range(seasonal):
        values = values[season:] - values[:-season]
    return np.diff(values, ordinary)


def seasonal_strength(values: Floats, season: int) -> float:
    """1 - var(remainder) / var(season + remainder) of an STL decomposition (Wang, Smith and Hyndman 2006)."""
    from statsmodels.tsa.seasonal import STL

    parts = STL(values, period=season, seasonal=13).fit()
    spread = float(np.var(parts.seasonal + parts.resid))
    return 1 - float(np.var(parts.resid)) / spread if spread > 0 else 0.0


def needed_differences(values: Floats, most: int) -> int:
    """How often to difference until a KPSS test at 5 % no longer rejects a constant level."""
    from statsmodels.tsa.stattools import kpss

    for count in range(most):
        if len(values) < 6 or np.ptp(values) < 1e-9:
            return count
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of p-values outside its table; only the statistic is used
            statistic = kpss(values, regression="c", nlags=int(3 * np.sqrt(len(values)) / 13))[0]
        if statistic < 0.463:
            return count
        values = np.diff(values)
    return most
