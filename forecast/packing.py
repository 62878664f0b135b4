"""A fitted forecaster as plain JSON values and arrays, and back: what stands in a saved model, not where.

Dimension key: S series, N rows of all series together.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.schema import Note, Schema
from forecast.datasets.timeline import Timeline
from forecast.errors import ModelFormatError
from forecast.estimators.base import Forecaster
from forecast.estimators.settings import check_names, check_values, matches, spell
from forecast.nesting import described, revived
from forecast.plain import as_tuples, to_plain
from forecast.presets import forecaster_class, name_of
from forecast.transforms import restore_transform

Arrays = dict[str, NDArray[Any]]

PANEL, ROWS, TRANSFORM, LEARNED = "panel.", "rows.", "transform.", "learned."  # what the arrays' names begin with
_PANEL_ARRAYS = ("starts", "offsets", "ends", "target", "past", "future", "static")
_ROW_ARRAYS = ("numbers", "ticks", "pattern")
_CODE_ARRAYS = ("past_codes", "future_codes", "static_codes")
_ID_DTYPE = re.compile(r"(u?int|float)\d+|bool|str|string|object|datetime64\[[a-z]+\]")


def pack(forecaster: Forecaster) -> tuple[dict[str, Any], Arrays]:
    """Everything that a fitted forecaster needs to predict again."""
    document, arrays = _pack_learned(forecaster)
    panel, rows = pack_panel(forecaster.panel_)
    ends = forecaster.fitted_ends_
    document |= {"training_ends": [ends[key] for key in forecaster.panel_.ids.tolist()], "context": panel}
    return to_plain(document), rows | arrays


def unpack(document: Mapping[str, Any], arrays: Arrays, changes: Mapping[str, Any]) -> Forecaster:
    """The forecaster that ``pack`` described, with ``changes`` of its settings.

    Values of a wrong kind raise; the caller says of which file they are.
    """
    panel = unpack_panel(document["context"], arrays)
    ends = [int(end) for end in document["training_ends"]]
    return _unpack_learned(document, arrays, changes, panel, dict(zip(panel.ids.tolist(), ends, strict=True)))


def pack_members(members: Iterable[Forecaster]) -> tuple[list[dict[str, Any]], Arrays]:
    """Fitted forecasters inside another one, whose context is theirs: the arrays of the first begin with ``0.``."""
    packed = [_pack_learned(member) for member in members]
    arrays = {f"{place}.{name}": array for place, (_, own) in enumerate(packed) for name, array in own.items()}
    return [document for document, _ in packed], arrays


def unpack_members(
    documents: Iterable[Mapping[str, Any]], arrays: Arrays, around: Forecaster, changes: Mapping[str, Any]
) -> list[Forecaster]:
    """The forecasters that ``pack_members`` described, inside ``around``, with ``changes`` of settings."""
    return [
        _unpack_learned(
            document,
            _group(arrays, f"{place}."),
            {name: value for name, value in changes.items() if name in document["settings"]},
            around.panel_,
            around.fitted_ends_,
        )
        for place, document in enumerate(documents)
    ]


def _pack_learned(forecaster: Forecaster) -> tuple[dict[str, Any], Arrays]:
    """All but the context."""
    state, learned = forecaster._state()
    transform, powers = forecaster.transform_.state()
    document = {
        "forecaster": name_of(forecaster),
        "settings": described(forecaster.get_params()),
        "season": forecaster.season_,
        "transform": transform,
        "report": forecaster.report_,
        "state": state,
    }
    groups = ((TRANSFORM, powers), (LEARNED, learned))
    arrays = {prefix + name: np.asarray(value) for prefix, group in groups for name, value in group.items()}
    return document, arrays


def _unpack_learned(
    document: Mapping[str, Any], arrays: Arrays, changes: Mapping[str, Any], panel: Panel, ends: dict[Any, int]
) -> Forecaster:
    kind = forecaster_class(document["forecaster"])
    settings = {name: revived(value) for name, value in document["settings"].items()} | dict(changes)
    check_names(kind, settings)
    forecaster = kind(**settings)
    check_values(forecaster)
    forecaster.schema_ = panel.schema
    forecaster.season_ = int(document["season"])
    if forecaster.season_ < 1:
        raise ModelFormatError(f"a season of {forecaster.season_} steps is none")
    forecaster.transform_ = restore_transform(document["transform"], _group(arrays, TRANSFORM))
    forecaster.report_ = dict(document["report"])
    forecaster.fitted_ends_, forecaster.panel_ = ends, panel
    forecaster._fingerprint = str(forecaster.report_["fingerprint"])
    forecaster._restore(dict(document["state"]), _group(arrays, LEARNED))
    return forecaster


# ---------------------------------------------------------------------- panels


def pack_panel(panel: Panel) -> tuple[dict[str, Any], Arrays]:
    """The description of a panel, and its arrays by name."""
    arrays: Arrays = {PANEL + name: getattr(panel, name) for name in (*_PANEL_ARRAYS, *_CODE_ARRAYS)}
    rows = panel.timeline.rows
    timeline = replace(panel.timeline, rows=None).to_json()
    if rows is not None:  # one number a row: too many for JSON
        timeline["rows"] = {"gap": rows.gap, "zone": rows.zone}
        arrays |= {ROWS + name: getattr(rows, name) for name in _ROW_ARRAYS}
    ids = panel.ids.astype(panel.ids.categories.dtype) if isinstance(panel.ids, pd.CategoricalIndex) else panel.ids
    document = {
        "schema": asdict(panel.schema),
        "timeline": timeline,
        "ids": {"dtype": str(ids.dtype), "name": ids.name, "values": ids.tolist()},
        "notes": [asdict(note) for note in panel.notes],
    }
    return document, arrays


def unpack_panel(document: Mapping[str, Any], arrays: Arrays) -> Panel:
    """The panel that ``pack_panel`` described; ``ModelFormatError`` where description and arrays disagree."""
    timeline = dict(document["timeline"])
    if timeline["rows"] is not None:
        timeline["rows"] = timeline["rows"] | {name: arrays[ROWS + name] for name in _ROW_ARRAYS}
    fields: dict[str, Any] = {name: arrays[PANEL + name] for name in (*_PANEL_ARRAYS, *_CODE_ARRAYS)}
    panel = Panel(
        schema=_unpack_schema(document["schema"]),
        timeline=Timeline.from_json(timeline),
        ids=_unpack_ids(document["ids"]),
        notes=tuple(Note(**{**note, "series": tuple(note["series"])}) for note in document["notes"]),
        **fields,
    )
    _check_panel(panel)
    return panel


def _unpack_schema(values: Mapping[str, Any]) -> Schema:
    given = {name: as_tuples(value) for name, value in values.items()}
    given["categories"] = {name: tuple(words) for name, words in values["categories"].items()}
    hints = get_type_hints(Schema)
    for name, value in given.items():
        if name != "categories" and not matches(value, hints[name]):
            raise ModelFormatError(f"{name}={value!r} of the schema is not {spell(hints[name])}")
    return Schema(**given)


def _unpack_ids(values: Mapping[str, Any]) -> pd.Index:
    if not _ID_DTYPE.fullmatch(values["dtype"]):
        raise ModelFormatError(f"series ids of type {values['dtype']!r} are not known")
    ids: pd.Index = pd.Index(values["values"], dtype=values["dtype"], name=values["name"])
    return ids


def _check_panel(panel: Panel) -> None:
    """Raise unless the arrays have the types, sizes and ranges that the code relies on without looking."""
    schema, count = panel.schema, len(panel.ids)
    rows = int(panel.offsets[-1]) if panel.offsets.shape == (count + 1,) else -1
    shapes = {
        "starts": (count,),
        "offsets": (count + 1,),
        "ends": (count,),
        "target": (rows, len(schema.target)),
        "past": (rows, len(schema.past)),
        "future": (rows, len(schema.future)),
        "static": (count, len(schema.static)),
        "past_codes": (rows, len(schema.past_codes)),
        "future_codes": (rows, len(schema.future_codes)),
        "static_codes": (count, len(schema.static_codes)),
    }
    for name, shape in shapes.items():
        array, kind = getattr(panel, name), "float" if name in ("target", "past", "future", "static") else "int"
        if array.shape != shape or array.dtype.kind != kind[0]:
            raise ModelFormatError(f"array {name!r} is {array.dtype} {array.shape}, not {kind} {shape}")
    lengths = panel.lengths
    if panel.offsets[0] != 0 or (lengths < 0).any() or (panel.ends < 0).any() or (panel.ends > lengths).any():
        raise ModelFormatError("the series do not lie end to end in their arrays")
    for kind in _CODE_ARRAYS:
        for place, column in enumerate(getattr(schema, kind)):
            codes = getattr(panel, kind)[:, place]
            if codes.size and not 0 <= codes.min() <= codes.max() <= len(schema.categories[column]):
                raise ModelFormatError(f"column {column!r} holds codes outside its categories")
    panel.timeline.times(panel.starts[:1])  # raises for a frequency that is none


def _group(arrays: Arrays, prefix: str) -> Arrays:
    """The arrays whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
