"""Classical decomposition: seasonal indices of one series.  Dimension key: T rows, M season."""

import numpy as np

from forecast.datasets.arrays import Floats


def is_seasonal(values: Floats, season: int) -> bool:
    """Whether the autocorrelation at the season is significant at 10 %, the test of the Theta method."""
    if len(values) < 2 * season + 1:
        return False
    centred = values - values.mean()
    products = np.array([centred[lag:] @ centred[: len(centred) - lag] for lag in range(season + 1)])
    if products[0] <= 0:
        return False
    rho = products / products[0]
    return bool(len(values) * rho[-1] ** 2 / np.sum(rho[:-1] ** 2) > 1.645**2)


def seasonal_indices(values: Floats, season: int, *, positive: bool) -> tuple[Floats, bool]:
    """(M,) indices by phase, counted from the first value, and whether they are factors (else terms to add).

    Empty where the values (T,) show no season.  Factors for positive values, terms otherwise.
    """
    if not is_seasonal(values, season):
        return np.zeros(0), False
    if positive:
        factors = decompose(values, season, factors=True)
        if factors.min() > 0:
            return factors, True
    return decompose(values, season, factors=False), False


def decompose(values: Floats, season: int, *, factors: bool) -> Floats:
    """(M,) mean ratios to, or differences from, a centred moving average over a season, by phase; their mean is 1 or 0.

    The values (T,) hold two seasons or more.
    """
    half, even = season // 2, season % 2 == 0
    total = np.concatenate([[0.0], np.cumsum(values)])
    moving = (total[season:] - total[:-season]) / season
    if even:
        moving = (moving[1:] + moving[:-1]) / 2
    middle = np.arange(half, half + len(moving))
    centre = values[middle]
    ratio = centre / moving if factors else centre - moving
    phase = middle % season
    indices: Floats = np.bincount(phase, weights=ratio, minlength=season) / np.bincount(phase, minlength=season)
    return np.asarray(indices / indices.mean() if factors else indices - indices.mean())
