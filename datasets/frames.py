"""Any accepted input as one pandas frame of plain columns."""

from typing import Any

import pandas as pd

from forecast.datasets.source import Source


def as_frame(data: Any, y: Any = None) -> tuple[pd.DataFrame, Source]:
    """``data`` as plain columns with text names and a fresh row index, and how the user held it.

    data: path (``-``: standard input), frame of any library, Series, 1-D or 2-D array, list.  Dates are datetime64
    (aware where the data are), numbers numpy numbers, everything else text.  With ``y``: its columns are the target.
    Columns are shared with the user's, not copied: never write into them.
    Raises DataError for anything that cannot be read.
    """
    raise NotImplementedError
