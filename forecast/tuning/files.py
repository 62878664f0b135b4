"""The folder of a search: best.toml, trials.csv, pictures, the fitted model, and the study."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from forecast.datasets.schema import Roles
from forecast.errors import ConfigError
from forecast.folders import require_free, write_file
from forecast.nesting import described
from forecast.presets import forecaster_class, preset
from forecast.tables import to_csv
from forecast.tuning.pictures import write_history, write_importances
from forecast.tuning.result import Trial, TuneResult, trials_frame

STUDY = "study.db"
BEST, TRIALS, MODEL = "best.toml", "trials.csv", "model"
HISTORY, IMPORTANCES = "history.png", "importance.png"
FILES = (BEST, TRIALS, HISTORY, IMPORTANCES, MODEL)
DATA_KEYS = (*(f.name for f in fields(Roles)), "season")
EXTRA = "pip install 'seqcast[report]'"


def require_ours(folder: Path, *, force: bool) -> None:
    """``ConfigError`` where the folder holds other things than a search."""
    require_free(folder, force=force, allowed=(*FILES, *(f"{STUDY}{end}" for end in ("", "-wal", "-shm", "-journal"))))


def require_same(folder: Path, *, resumed: bool, force: bool) -> None:
    """``ConfigError`` where the folder holds the result of another search."""
    if not resumed and not force and (folder / BEST).exists():
        cause = f"{folder} holds the result of another search"
        raise ConfigError(cause, "Name another folder (-o), or replace it with --force.", file=str(folder))


def write_trials(trials: Sequence[Trial], objectives: Sequence[str], folder: Path) -> None:
    """The table of trials, whatever came of them."""
    write_file(folder / TRIALS, to_csv(trials_frame(trials, objectives)))


def write_found(result: TuneResult, folder: Path, *, future_data: Any = None) -> TuneResult:
    """Best settings, pictures and model; a remark says what an extra would be needed for."""
    write_file(folder / BEST, to_toml(result.model, result.settings, future_data=future_data))
    pictures: dict[str, Callable[[TuneResult, Path], None]] = {HISTORY: write_history}
    if result.importances:
        pictures[IMPORTANCES] = write_importances
    missing = [name for name, write in pictures.items() if not _drawn(write, result, folder / name)]
    if result.forecaster is not None:
        result.forecaster.save(folder / MODEL, force=True)
    remark = (f"{' and '.join(missing)} need the extra `report`: {EXTRA}",) if missing else ()
    return replace(result, remarks=(*result.remarks, *remark))


def _drawn(write: Callable[[TuneResult, Path], None], result: TuneResult, path: Path) -> bool:
    try:
        write(result, path)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "matplotlib":
            raise
        return False
    return True


def to_toml(name: str, settings: Mapping[str, Any], *, future_data: Any = None) -> str:
    """A config file with these settings of the forecaster ``name``, as ``forecast fit --config`` takes it.

    TOML knows no None: such a setting is left out where it is the default, and written as the text "none" elsewhere.
    """
    usual = {f.name: f.default for f in fields(forecaster_class(name))} | dict(preset(name).settings)
    lines: dict[str, list[str]] = {"data": [], "forecaster": [f"name = {_spell(name)}"]}
    for key, value in settings.items():
        if value is None and usual.get(key, MISSING) is None:
            continue
        lines["data" if key in DATA_KEYS else "forecaster"].append(f"{key} = {_spell(value)}")
    if isinstance(future_data, str | Path):
        lines["data"].append(f"future_data = {_spell(str(Path(future_data).resolve()))}")
    return "\n\n".join("\n".join([f"[{section}]", *some]) for section, some in lines.items() if some) + "\n"


def _spell(value: Any) -> str:
    """A value in TOML."""
    value = described(value)
    if value is None:
        return '"none"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return (
            "{ "
            + ", ".join(f"{_spell(str(key))} = {_spell(one)}" for key, one in value.items() if one is not None)
            + " }"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_spell, value)) + "]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")
