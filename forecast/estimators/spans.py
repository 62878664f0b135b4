"""Statistics of the training series for windows that see only their last rows.

Dimension key: S series, N series of training, C channels.
"""

import numpy as np

from forecast.datasets.arrays import Floats, Ints


def trained_scale(scales: Floats | None, spans: Ints | None, starts: Ints, ends: Ints, numbers: Ints) -> Floats | None:
    """(S, C) the deviation in training of each series that begins later and ends no earlier than then; else NaN.

    A forecast from the stored context is then the same as one from all of the training data.  scales (N, C), spans
    (N, 2): deviations, first rows and ends in training; numbers (S,): the place of a series there plus 1, 0 for none.
    """
    if scales is None or spans is None:
        return None
    place = np.maximum(numbers - 1, 0)
    trained_from, trained_to = spans[place].T
    partly = (numbers > 0) & (starts > trained_from) & (ends >= trained_to)
    return np.where(partly[:, None], scales[place], np.nan)
