"""Data read by the roles that training found."""

from dataclasses import replace

import pandas as pd

from forecast.datasets.roles import id_parts
from forecast.datasets.schema import Roles, Schema
from forecast.datasets.source import Source
from forecast.errors import DataError


def trained_roles(roles: Roles, schema: Schema, frame: pd.DataFrame, source: Source) -> Roles:
    """The roles of training, as far as the new frame says them by column names rather than by its form.

    Raises DataError naming the covariates and the id that training had and the frame has not.
    """
    covariates = {
        "past": schema.past + schema.past_codes,
        "future": schema.future + schema.future_codes,
        "static": schema.static + schema.static_codes,
    }
    asked = [name for names in covariates.values() for name in names]
    asked += [] if schema.id is None or source.id is not None else id_parts(schema.id)
    missing = [name for name in asked if name not in frame.columns]
    if missing:
        raise DataError(
            f"columns that the forecaster was trained with are missing: {', '.join(missing)}",
            "Add them under the same names, or train without them.",
            file=source.file,
            column=missing[0],
        )
    named = [name for name in schema.target if name]
    return replace(
        roles,
        time=schema.time if schema.time in frame.columns else None,
        id=schema.id if source.id is None else None,
        target=tuple(named) if named and all(name in frame.columns for name in named) else None,
        freq="integer" if schema.time is None and schema.freq.isdecimal() else schema.freq,
        timezone=roles.timezone or schema.timezone,
        **covariates,
    )
