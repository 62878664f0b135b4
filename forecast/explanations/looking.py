"""From a fitted forecaster and a panel to an ``Explanation``.

Dimension key: S series, C targets read apart, N tokens.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from forecast.datasets.arrays import Floats
from forecast.datasets.joining import require_future
from forecast.datasets.panel import Panel
from forecast.errors import ConfigError, DataError, unknown_name
from forecast.explanations.explanation import Explanation
from forecast.explanations.frames import ATTENTION, GATES, VARIABLES, Frames, joined
from forecast.explanations.importance import COLUMNS, importance
from forecast.explanations.names import TARGET, selected_names, variables_of, variate_names
from forecast.explanations.places import Origins, tokens_of
from forecast.explanations.recording import recording
from forecast.networks.base import Network
from forecast.networks.channels import IndependentChannels
from forecast.presets import name_of
from forecast.training.device import borrowed, in_passes

if TYPE_CHECKING:
    from forecast.estimators.neural import NeuralForecaster

MOST_WEIGHTS = 1 << 24  # of all attention maps together: rows of a frame of one or two GB
PER_PASS = 1 << 22  # pairs of tokens


def explain(
    forecaster: "NeuralForecaster",
    panel: Panel,
    *,
    series: str | Iterable[str] | None,
    measure: bool | None,
    repeats: int,
    seed: int,
) -> Explanation:
    """See ``NeuralForecaster.explain``; measure: whether to measure the importance of covariates."""
    if isinstance(repeats, bool) or not isinstance(repeats, int | np.integer) or repeats < 1:
        raise ConfigError(f"repeats={repeats!r} is not a whole number of at least 1")
    notes: list[str] = []
    shown = _with_future(_selected(panel, series), forecaster.horizon, notes)
    network = forecaster.network_
    inner = network.network if isinstance(network, IndependentChannels) else network
    heard, silent = _recorded(forecaster, inner, shown)
    notes += [f"{path}: {why}" for path, why in silent.items()]
    apart = tuple(name or TARGET for name in panel.schema.target) if inner is not network else (TARGET,)
    frames = Frames(sizes=inner.sizes, origins=Origins(panel=shown), targets=apart)
    modules: dict[str, Any] = dict(inner.named_modules())
    found: dict[str, list[pd.DataFrame]] = {"attention": [], "gate": [], "variables": []}
    for path, weights in heard.items():
        rows = _rows_of(forecaster, frames, inner, path, modules[path], weights)
        found[modules[path].explains].append(rows)
    return Explanation(
        forecaster=_name(forecaster),
        horizon=forecaster.horizon,
        series=tuple(map(str, shown.ids)),
        attention=joined(found["attention"], ATTENTION),
        gates=joined(found["gate"], GATES),
        variables=joined(found["variables"], VARIABLES),
        importance=_measured(forecaster, panel, notes, measure=measure, repeats=int(repeats), seed=seed),
        notes=tuple(notes),
    )


def _name(forecaster: "NeuralForecaster") -> str:
    """The name of the nearest preset; that of the class where it is in no table."""
    try:
        return name_of(forecaster)
    except ConfigError:
        return forecaster.name


def _selected(panel: Panel, series: str | Iterable[str] | None) -> Panel:
    if series is None:
        return panel
    known = {str(name): number for number, name in enumerate(panel.ids)}
    wanted = [series] if isinstance(series, str) else [str(name) for name in series]
    for name in wanted:
        if name not in known:
            raise unknown_name("series", name, known)
    return panel.select(np.array([known[name] for name in wanted], np.int64))


def _with_future(panel: Panel, horizon: int, notes: list[str]) -> Panel:
    """The panel as of the last origins from which all is known that is to be known ahead."""
    if not panel.schema.future + panel.schema.future_codes:
        return panel
    ends = np.minimum(panel.ends, panel.lengths - horizon)
    if (ends < 1).any():
        require_future(panel, horizon)
    moved = int((ends < panel.ends).sum())
    if moved:
        notes.append(
            f"covariates are not known {horizon} steps ahead: of {moved} series an earlier forecast is explained, the "
            "last one for which they are"
        )
    return panel.cut(ends)


def _recorded(
    forecaster: "NeuralForecaster", network: Network, panel: Panel
) -> tuple[dict[str, Floats], dict[str, str]]:
    """What every explaining module weighs in the forecast from each series' end, (S·C, …) by path."""
    modules = {path: module for path, module in network.named_modules() if hasattr(module, "explains")}
    if not modules:
        return {}, {}
    pairs = tokens_of(network.sizes) ** 2
    maps = sum(getattr(module, "heads", 1) for module in modules.values() if module.explains == "attention")
    if len(panel) * pairs * maps > MOST_WEIGHTS:
        raise ConfigError(
            f"maps of {tokens_of(network.sizes):,} tokens are too large for {len(panel):,} series",
            "Name some of them (series=, --series), or let tokens be longer patches.",
        )
    everything, silent = np.arange(len(panel)), {}
    device = next(network.parameters()).device
    windows = forecaster._windows(forecaster.transform_.apply(panel), device)

    def listen(batch: slice) -> dict[str, Floats]:
        chosen, last = torch.from_numpy(everything[batch]), torch.from_numpy(panel.ends[batch])
        with recording(network) as found:
            forecaster.network_(windows.gather(chosen.to(device), last.to(device)))
        silent.update(found.silent)
        return {path: weights.numpy() for path, weights in found.weights().items()}

    most = min(forecaster._windows_per_pass(), max(1, PER_PASS // pairs))
    with borrowed(forecaster._threads_for(len(panel))), torch.inference_mode():
        done = list(in_passes(len(panel), most, listen))
    heard = {path: np.concatenate([part[path] for part in done]) for path in (done[0] if done else {})}
    for path in modules:
        if path not in heard and path not in silent:
            silent[path] = "it goes on from what it kept, block by block, of which there is no map"
    return heard, silent


def _rows_of(
    forecaster: "NeuralForecaster", frames: Frames, network: Network, path: str, module: Any, weights: Floats
) -> pd.DataFrame:
    if module.explains == "attention":
        variates = variate_names(forecaster, network)
        return frames.attention(path, weights, across=getattr(module, "across", False), variates=variates)
    if module.explains == "gate":
        return frames.gate(path, weights, half=module.names[0])
    names = selected_names(forecaster)
    return frames.variables(path, weights, over=module.over, names=[names.get(name, name) for name in module.names])


def _measured(
    forecaster: "NeuralForecaster", panel: Panel, notes: list[str], *, measure: bool | None, repeats: int, seed: int
) -> pd.DataFrame:
    """The importance of covariates; where it was not asked for, it may be left out, which a note says."""
    nothing = pd.DataFrame(columns=list(COLUMNS))
    if measure is False or not variables_of(forecaster):
        return nothing
    try:
        return importance(forecaster, panel, repeats=repeats, seed=seed)
    except DataError as error:
        if measure:
            raise
        notes.append(error.cause)
        return nothing
