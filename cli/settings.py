"""Settings of a forecaster from a config file, from options and from ``--set``, typed by the forecaster's own fields.

Later ones win: defaults, config file, options, ``--set``.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from forecast.errors import ConfigError, unknown_name

DATA_KEYS = (
    "time",
    "target",
    "id",
    "past",
    "future",
    "static",
    "freq",
    "season",
    "timezone",
    "holidays",
    "future_data",
)
TRAINING_KEYS = (
    "max_steps",
    "max_time",
    "batch_size",
    "origins",
    "learning_rate",
    "weight_decay",
    "patience",
    "dropout",
    "seed",
    "device",
    "threads",
    "validation",
)
SECTIONS = ("data", "forecaster", "training")

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of the forecaster; see `forecast models NAME`."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help=r"TOML with \[data], \[forecaster] and \[training]."),
]


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """What a config file says: the forecaster's name, settings of it and of the data, and what else ``fit`` takes."""

    name: str | None
    settings: dict[str, Any]
    future_data: Path | None = None
    validation: int | None = None


def read_config(path: Path | None) -> ConfigFile:
    """The config file; unknown sections and keys are refused with the nearest known one."""
    if path is None:
        return ConfigFile(name=None, settings={})
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", "Check the path of --config.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}", "Correct the file.", file=str(path)) from None
    for section, value in content.items():
        if section not in SECTIONS:
            raise unknown_name(f"section of {path}", section, SECTIONS)
        if not isinstance(value, dict):
            raise ConfigError(f"{section!r} in {path} is not a section", f"Write [{section}] and its keys below it.")
    data, training = content.get("data", {}), content.get("training", {})
    _check_keys(data, DATA_KEYS, f"key of [data] in {path}")
    _check_keys(training, TRAINING_KEYS, f"key of [training] in {path}")
    chosen = dict(content.get("forecaster", {}))
    name = chosen.pop("name", None)
    settings = {**data, **chosen, **training}
    ahead, validation = settings.pop("future_data", None), settings.pop("validation", None)
    for key, value, kind in (("name", name, str), ("future_data", ahead, str), ("validation", validation, int)):
        if value is not None and type(value) is not kind:
            what = "a text" if kind is str else "a whole number"
            raise ConfigError(f"{key}={value!r} in {path} is not {what}", f"Give {key} such a value.", name=key)
    return ConfigFile(
        name=name, settings=settings, future_data=None if ahead is None else path.parent / ahead, validation=validation
    )


def _check_keys(given: Mapping[str, Any], known: Sequence[str], kind: str) -> None:
    for key in given:
        if key not in known:
            raise unknown_name(kind, key, known)


def resolve(
    name: str, *, config: Mapping[str, Any], options: Mapping[str, Any], given: list[str] | None
) -> dict[str, Any]:
    """The settings of the forecaster ``name``; options that it does not have are left out, the rest is checked."""
    return resolve_all((name,), config=config, options=options, given=given)[name]


def resolve_all(
    names: Sequence[str], *, config: Mapping[str, Any], options: Mapping[str, Any], given: list[str] | None
) -> dict[str, dict[str, Any]]:
    """The settings of each forecaster; one that not all of them have goes to those that have it."""
    from forecast.presets import forecaster_class

    kinds = {name: forecaster_class(name) for name in names}
    assigned = [_assignment(text) for text in given or ()]
    for key in (*config, *(key for key, _ in assigned)):
        _require_known(key, kinds)
    chosen = {name: _resolve_one(kind, config, options, assigned) for name, kind in kinds.items()}
    if not all("horizon" in settings for settings in chosen.values()):
        raise ConfigError("the horizon is missing", "Give --horizon H, or horizon under [forecaster] in --config.")
    return chosen


def _require_known(key: str, kinds: Mapping[str, type]) -> None:
    known = {f.name for kind in kinds.values() for f in fields(kind)}
    if key not in known:
        raise unknown_name(f"setting of {' and '.join(kinds)}", key, known)


def _assignment(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise ConfigError(f"--set {text!r} has no value", "Write --set name=value.")
    return key.strip(), value.strip()


def _resolve_one(
    kind: type, config: Mapping[str, Any], options: Mapping[str, Any], assigned: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    settings = {key: _from_toml(value, hints.get(key)) for key, value in config.items()}
    settings |= options
    settings |= {key: parse(value, hints[key], key) for key, value in assigned if key in known}
    return {key: value for key, value in settings.items() if key in known}


def _from_toml(value: Any, hint: Any) -> Any:
    """A config file's value: lists are tuples, and "none" is None where no other text may stand."""
    if value == "none" and type(None) in get_args(hint) and str not in get_args(hint):
        return None
    return tuple(value) if isinstance(value, list) else value


def parse(text: str, hint: Any, name: str) -> Any:
    """The value that ``text`` spells for a setting of type ``hint``; ``ConfigError`` says what would be allowed."""
    from forecast.estimators.settings import spell

    for choice in _choices(hint):
        try:
            return _parse_one(text, choice)
        except ValueError:
            continue
    raise ConfigError(
        f"{name}={text!r} is not {spell(hint)}", f"Write --set {name}=VALUE with such a value.", name=name
    )


def _choices(hint: Any) -> list[Any]:
    """The alternatives of a union, texts last, so that 3 is a number where a number may stand."""
    alternatives = list(get_args(hint)) if get_origin(hint) in (Union, UnionType) else [hint]
    return sorted(alternatives, key=lambda choice: choice is str)


def _parse_one(text: str, hint: Any) -> Any:
    origin = get_origin(hint)
    if hint is type(None):
        return _expect(text.lower() in ("none", "null", ""), None)
    if hint is bool:
        words = {
            "true": True,
            "yes": True,
            "on": True,
            "1": True,
            "false": False,
            "no": False,
            "off": False,
            "0": False,
        }
        return _expect(text.lower() in words, words.get(text.lower()))
    if hint is int:
        return _whole(text)
    if hint is float:
        return float(text)
    if origin is Literal:
        matches = [choice for choice in get_args(hint) if str(choice) == _unquoted(text)]
        return _expect(bool(matches), next(iter(matches), None))
    if origin is tuple:
        return tuple(_parse_one(part, get_args(hint)[0]) for part in _parts(text))
    return _unquoted(text)


def _expect(fits: bool, value: Any) -> Any:
    if not fits:
        raise ValueError
    return value


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        return int(_expect(number.is_integer(), number))


def _parts(text: str) -> list[str]:
    """The items of ``[0.1, 0.9]``, ``(0.1, 0.9)`` or ``0.1,0.9``."""
    if text.startswith("[") and text.endswith("]"):
        try:
            return [item if isinstance(item, str) else json.dumps(item) for item in json.loads(text)]
        except ValueError:
            pass
    inner = text[1:-1] if text[:1] + text[-1:] in ("[]", "()") else text
    return [_unquoted(part.strip()) for part in inner.split(",") if part.strip()]


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
