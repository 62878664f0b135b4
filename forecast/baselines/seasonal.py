"""Classical decomposition: seasonal indices of one series.  Dimension key: T rows, M season."""

import numpy as np

from forecast.datasets.arrays import Floats


def is_seasonal(values: Floats, season: int) -> bool:
    """Whether the autocorrelation at the season is significant at 10 %, the test of the Theta method."""
    from statsmodels.tsa.stattools import acf

    if len(values) < 2 * season + 1:
        return False
    rho = acf(values, nlags=season, fft=True)
    return bool(len(values) * rho[-1] ** 2 / np.sum(rho[:-1] ** 2) > 1.645**2)


def seasonal_indices(values: Floats, season: int, *, positive: bool) -> tuple[Floats, bool]:
    """(M,) indices by phase, counted from the first value, and whether they are factors (else terms to add).

    Empty where the values (T,) show no season.  Factors for positive values, terms otherwise.
    """
    from statsmodels.tsa.seasonal import seasonal_decompose

    if not is_seasonal(values, season):
        return np.zeros(0), False
    if positive:
        factors = seasonal_decompose(values, model="multiplicative", period=season).seasonal[:season]
        if factors.min() > 0:
            return np.asarray(factors), True
    return np.asarray(seasonal_decompose(values, model="additive", period=season).seasonal[:season]), False
