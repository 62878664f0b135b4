"""Covariates known ahead that come as a second file or frame, joined to a panel on id and time.

Dimension key: N rows of the second frame, M packed rows, S series.
"""

from typing import Any

import pandas as pd

from forecast.datasets.panel import Panel
from forecast.datasets.schema import Roles, Schema


def with_ahead(
    future_data: Any, frame: pd.DataFrame, roles: Roles, schema: Schema | None
) -> tuple[Any, pd.DataFrame, Roles]:
    return future_data, frame, roles


def extend(panel: Panel, future_data: Any) -> Panel:
    raise NotImplementedError
