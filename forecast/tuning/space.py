"""What a search may try: forecasters of the table, and for each the settings that stay and those that vary."""

import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from forecast.datasets.panel import Panel
from forecast.datasets.schema import Roles
from forecast.errors import ConfigError, unknown_name
from forecast.estimators.settings import Multiples, describe
from forecast.nesting import described
from forecast.plain import to_plain
from forecast.presets import create, forecaster_class, preset
from forecast.tuning import ranges
from forecast.tuning.ranges import Ranged

MODEL = "model"  # the parameter that chooses among forecasters
INSTEAD = "instead"  # the same where the one chosen has no settings to vary and was tried already
TASK = ("horizon", "levels", "seed", "device", "threads", *(f.name for f in fields(Roles)))  # the same for all trials
OF_SERIES = ("series_embedding",)  # of no use to a single series
LOCAL = ("device", "threads")  # may differ between the machines that share a study
GRID_POINTS = 4  # of a range without steps, where a grid is searched


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A forecaster that is tried.  settings: those that stay.  search: those that vary.  usual: their default values,
    or the nearest in ranges of the user's own.

    start: the parameters that stand for the usual values in the trial that is queued for these, as they need not lie
    within the ranges.
    whole: names of those that are whole numbers.
    """

    settings: Mapping[str, Any]
    search: Mapping[str, Ranged]
    usual: Mapping[str, Any]
    start: Mapping[str, Any]
    whole: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Space:
    """Candidates by their name in the table of forecasters."""

    candidates: Mapping[str, Candidate]

    def suggest(self, trial: Any) -> tuple[str, dict[str, Any]]:
        """What an Optuna trial is to try: the name of a forecaster and its settings."""
        names = list(self.candidates)
        name = names[0] if len(names) == 1 else trial.suggest_categorical(MODEL, names)
        others = [one for one in names if self.candidates[one].search]
        if others and not self.candidates[name].search and _was_tried(trial, name):
            name = trial.suggest_categorical(INSTEAD, others)
        candidate = self.candidates[name]
        drawn = {
            key: ranges.suggest(trial, self._parameter(name, key), search, whole=key in candidate.whole)
            for key, search in candidate.search.items()
        }
        start = all(ranges.label(value) == candidate.start[key] for key, value in drawn.items())
        if start and _was_queued(trial):
            drawn = dict(candidate.usual)
        return name, {**candidate.settings, **drawn}

    def starts(self) -> Iterator[dict[str, Any]]:
        """The parameters of each candidate's default settings, which are tried first."""
        for name, candidate in self.candidates.items():
            start = {self._parameter(name, key): value for key, value in candidate.start.items()}
            yield start if len(self.candidates) == 1 else {MODEL: name, **start}

    def describe(self) -> dict[str, Any]:
        """The space as JSON values: two studies with the same one may share their trials."""
        return {
            name: {
                "settings": {
                    key: to_plain(described(value))
                    for key, value in sorted(candidate.settings.items())
                    if key not in LOCAL
                },
                "search": {key: ranges.describe(search) for key, search in candidate.search.items()},
            }
            for name, candidate in self.candidates.items()
        }

    def gridded(self, points: int = GRID_POINTS) -> "Space":
        """The same space with at most ``points`` values of each range, for a search that tries all combinations.

        It begins with the combination that is nearest to the usual values, which need not be one.
        """
        return Space(candidates={name: _gridded(one, points) for name, one in self.candidates.items()})

    def combinations(self) -> float:
        """How many different trials there are; infinite where a range has no steps."""
        total = 0.0
        for candidate in self.candidates.values():
            count = 1.0
            for key, search in candidate.search.items():
                count *= _count(search, whole=key in candidate.whole)
            total += count
        return total

    def _parameter(self, name: str, setting: str) -> str:
        """What the parameter of a setting is called in the study."""
        return setting if len(self.candidates) == 1 else f"{name}.{setting}"


def make_space(models: Mapping[str, Mapping[str, Any]], panel: Panel, given: Mapping[str, Any] | None = None) -> Space:
    """The space of some forecasters of the table, each with the settings that were chosen for it.

    given: the user's own ranges by setting, or by forecaster and setting: a ``Range``, choices, or a value that stays.
    Without it every setting is searched that declares a range, unless it was chosen or makes the preset what it is.
    panel: what the trials learn from; it decides what open settings become by default.
    Raises ``ConfigError`` for unknown names and for ranges that make no sense.
    """
    if not models:
        raise ConfigError("no forecaster is named", "Name at least one, such as lstm.")
    own = {name: _own(name, models, given or {}) for name in models}
    candidates = {name: _candidate(name, chosen, panel, own[name]) for name, chosen in models.items()}
    if not any(candidate.search for candidate in candidates.values()) and len(candidates) == 1:
        (name,) = candidates
        cause = f"{name} has no settings to search" if not own[name] else "the space holds no range"
        raise ConfigError(cause, "Give ranges of your own (space, --space FILE), or several forecasters.")
    return Space(candidates=candidates)


def read_space(path: str | Path) -> dict[str, Any]:
    """The table ``[space]`` of a TOML file; ``ConfigError`` where there is none."""
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", "Check the path of --space.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}", "Correct the file.", file=str(path)) from None
    others = [key for key in content if key != "space"]
    if others:
        raise unknown_name(f"section of {path}", others[0], ("space",))
    space = content.get("space")
    if not isinstance(space, dict) or not space:
        remedy = "Write [space] and below it: learning_rate = { low = 1e-4, high = 1e-2, log = true }."
        raise ConfigError(f"{path} holds no search space", remedy, file=str(path))
    return space


def _own(name: str, models: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Of the user's ranges those for one forecaster; a setting that none of them has is refused."""
    kinds = {model: {f.name for f in fields(forecaster_class(model))} for model in models}
    known = set().union(*kinds.values())
    own: dict[str, Any] = {}
    for key, value in given.items():
        if key in models and key not in known:
            if not isinstance(value, Mapping):
                raise ConfigError(f"the space of {key} is {value!r}", "Give its settings and their ranges.", name=key)
            for setting in value:
                if setting not in kinds[key]:
                    raise unknown_name(f"setting of {key}", setting, kinds[key])
            own |= dict(value) if key == name else {}
        elif key not in known:
            raise unknown_name(f"setting of {' and '.join(models)}", key, known | set(models))
        elif key in kinds[name]:
            own.setdefault(key, value)
    return own


def _candidate(name: str, chosen: Mapping[str, Any], panel: Panel, own: Mapping[str, Any]) -> Candidate:
    kind = forecaster_class(name)
    hints = get_type_hints(kind)
    fixed: dict[str, Any] = dict(chosen)
    search: dict[str, Any] = {}
    for key, value in own.items():
        if key in TASK:
            raise ConfigError(f"{key} belongs to the task and cannot be searched", "Leave it out of the space.")
        found = ranges.read_range(key, value, hints[key])
        if found is None:
            fixed[key] = tuple(value) if isinstance(value, list) else value
        else:
            search[key] = found
    usual = create(name, **{key: value for key, value in fixed.items()})
    open_ones = _open_settings(usual, panel)
    if not own:
        search = _declared(name, kind, chosen, panel, open_ones)
    for key, one in search.items():
        ranges.require_values(key, one, usual)
    values = {key: getattr(usual, key) for key in search}
    near = {key: open_ones.get(key) if value is None else value for key, value in values.items()}
    whole = frozenset(key for key in search if ranges.is_whole(hints[key]))
    start = {key: ranges.nearest(search[key], near[key], whole=key in whole) for key in search}
    for key in own.keys() & start.keys():  # what the user's ranges leave out is not tried either
        if near[key] is not None and start[key] != ranges.label(near[key]):
            values[key] = _value(search[key], start[key])
    return Candidate(
        settings={key: value for key, value in fixed.items() if key not in search},
        search=search,
        usual=values,
        start=start,
        whole=whole,
    )


def _value(search: Ranged, start: Any) -> Any:
    """The value of a range for which a parameter stands."""
    return search[[ranges.label(one) for one in search].index(start)] if isinstance(search, tuple) else start


def _declared(
    name: str, kind: type, chosen: Mapping[str, Any], panel: Panel, open_ones: Mapping[str, Any]
) -> dict[str, Ranged]:
    """The ranges that the fields declare, with each default among the choices."""
    telling = {**preset(name).settings, **chosen}
    found: dict[str, Ranged] = {}
    for info in describe(kind):
        if info.search is None or info.name in telling or (info.name in OF_SERIES and len(panel) == 1):
            continue
        default = open_ones.get(info.name) if info.default is None else info.default
        search: Any = info.search
        if isinstance(search, Multiples):
            if default is None:
                continue
            search = _multiples(search, default, most=int(np.median(panel.ends)) // 2)
        if isinstance(search, tuple) and default not in search:
            search = (default, *search)
        found[info.name] = search
    return found


def _multiples(search: Multiples, default: int, *, most: int) -> tuple[int, ...]:
    """Whole multiples of the default, none of them above ``most``: half of the usual series."""
    values = {max(1, round(default * factor)) for factor in search.factors}
    return tuple(sorted({default, *(value for value in values if value <= most)}))


def _open_settings(forecaster: Any, panel: Panel) -> dict[str, Any]:
    """What the settings that a neural forecaster leaves open become for these data."""
    from forecast.datasets.seasons import detect_season
    from forecast.estimators.defaults import resolve
    from forecast.estimators.neural import NeuralForecaster

    if not isinstance(forecaster, NeuralForecaster):
        return {}
    forecaster = forecaster.clone()
    forecaster.season_ = forecaster.season or detect_season(panel)
    return asdict(resolve(forecaster, panel, causal=forecaster._causal()))


def _gridded(candidate: Candidate, points: int) -> Candidate:
    search: dict[str, Any] = dict(candidate.search)
    start = dict(candidate.start)
    for key, one in candidate.search.items():
        if not isinstance(one, tuple):
            values = ranges.gridded(one, whole=key in candidate.whole, points=points)
            search[key], start[key] = values, min(values, key=partial(_distance, start[key]))
    usual = {key: _value(search[key], start[key]) for key in search}
    return replace(candidate, search=search, start=start, usual=usual)


def _was_tried(trial: Any, name: str) -> bool:
    """Whether an earlier trial of the study was one of the forecaster ``name``."""
    earlier = trial.study.get_trials(deepcopy=False)[: trial.number]
    return any(other.params.get(MODEL) == name for other in earlier)


def _was_queued(trial: Any) -> bool:
    """Whether its parameters were fixed beforehand."""
    return "fixed_params" in trial.study.get_trials(deepcopy=False)[trial.number].system_attrs


def _distance(one: float, other: float) -> float:
    return abs(one - other)


def _count(search: Ranged, *, whole: bool) -> float:
    if isinstance(search, tuple):
        return len(search)
    if search.step is None and not whole:
        return float("inf")
    return math.floor((search.high - search.low) / (search.step or 1) + 1e-9) + 1  # 0.5 // 0.1 is 4


def names_of(models: str | Sequence[str]) -> tuple[str, ...]:
    """Names separated by commas, or in a sequence, each once."""
    parts = models.split(",") if isinstance(models, str) else list(models)
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
